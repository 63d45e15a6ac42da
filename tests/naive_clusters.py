"""Independent oracles of clustering: plain loops straight from the definitions. Nothing here imports gymlab."""

import itertools
import math


def correlation(x, y):
    """Pearson."""
    a, b = math.fsum(x) / len(x), math.fsum(y) / len(y)
    xy = math.fsum((p - a) * (q - b) for p, q in zip(x, y, strict=True))
    return xy / math.sqrt(math.fsum((p - a) ** 2 for p in x) * math.fsum((q - b) ** 2 for q in y))


def single_linkage_heights(square):
    """Join the two nearest clusters again and again, by looking at all pairs of items."""
    clusters = [{i} for i in range(len(square))]
    heights = []
    while len(clusters) > 1:
        height, a, b = min(
            (min(square[i][j] for i in clusters[a] for j in clusters[b]), a, b)
            for a, b in itertools.combinations(range(len(clusters)), 2)
        )
        heights.append(height)
        clusters[a] |= clusters.pop(b)
    return heights


def dbscan(square, eps, min_samples):
    """Grow each cluster from its first core item; a border belongs to the first that reaches it."""
    n = len(square)
    near = [[j for j in range(n) if square[i][j] <= eps] for i in range(n)]
    core = [len(found) >= min_samples for found in near]
    labels, number = [-1] * n, 0
    for start in range(n):
        if not core[start] or labels[start] >= 0:
            continue
        waiting = [start]
        while waiting:
            item = waiting.pop()
            if labels[item] >= 0:
                continue
            labels[item] = number
            if core[item]:
                waiting += near[item]
        number += 1
    return labels


def loss(square, medoids):
    """Sum of the distances of all items to the nearest medoid."""
    return math.fsum(min(row[m] for m in medoids) for row in square)


def best_loss(square, k):
    """The least loss of any k medoids, by trying all."""
    return min(loss(square, chosen) for chosen in itertools.combinations(range(len(square)), k))


def least_loss_after_a_swap(square, medoids):
    """What PAM would find next: the least loss after replacing one medoid by one other item."""
    others = set(range(len(square))) - set(medoids)
    return min(
        (loss(square, [*(set(medoids) - {gone}), new]) for gone in medoids for new in others),
        default=math.inf,
    )


def items_below(tree, node):
    """The items below a node of a linkage matrix."""
    n = len(tree) + 1
    if node < n:
        return [node]
    return items_below(tree, int(tree[node - n][0])) + items_below(tree, int(tree[node - n][1]))
