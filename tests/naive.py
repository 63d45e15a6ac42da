"""Independent oracles: plain loops straight from the definitions. Nothing here imports gymlab."""

import math


def local_cost(a, b, weights=()):
    """Squared Euclidean distance of two points; the last len(weights) entries are category codes."""
    numeric = len(a) - len(weights)
    cost = sum((a[c] - b[c]) ** 2 for c in range(numeric))
    return cost + sum(w for w, p, q in zip(weights, a[numeric:], b[numeric:], strict=True) if p != q)


def in_band(i, j, n, m, radius):
    """-(radius + max(0, n-m)) <= j - i <= radius + max(0, m-n)."""
    return radius is None or -(radius + max(0, n - m)) <= j - i <= radius + max(0, m - n)


def cost_matrix(x, y, radius=None, weights=()):
    """Accumulated costs of two lists of points, infinite outside the band."""
    n, m = len(x), len(y)
    table = [[math.inf] * (m + 1) for _ in range(n + 1)]
    table[0][0] = 0.0
    for i in range(n):
        for j in range(m):
            if in_band(i, j, n, m, radius):
                best = min(table[i][j], table[i][j + 1], table[i + 1][j])
                table[i + 1][j + 1] = local_cost(x[i], y[j], weights) + best
    return [row[1:] for row in table[1:]]


def dtw(x, y, radius=None, weights=()):
    """DTW distance of two lists of points, by the full accumulated cost matrix."""
    return math.sqrt(cost_matrix(x, y, radius, weights)[-1][-1])


def envelope(y, n, radius=None):
    """Least and greatest value, channel by channel, of the points of y that each of n time points may meet."""
    lower, upper = [], []
    for i in range(n):
        met = [point for j, point in enumerate(y) if in_band(i, j, n, len(y), radius)]
        lower.append([min(channel) for channel in zip(*met, strict=True)])
        upper.append([max(channel) for channel in zip(*met, strict=True)])
    return lower, upper


def outside_costs(x, y, radius=None):
    """For each point of x, its squared distance from the box of the points of y that it may meet."""
    lower, upper = envelope(y, len(x), radius)
    return [
        sum(max(v - high, low - v, 0) ** 2 for v, low, high in zip(point, lows, highs, strict=True))
        for point, lows, highs in zip(x, lower, upper, strict=True)
    ]


def end_costs(x, y):
    """What the first points and the last points cost, which every warping path aligns; a single cell once."""
    cells = {(0, 0), (len(x) - 1, len(y) - 1)}
    return [local_cost(x[i], y[j]) for i, j in cells]


def subsequences(query, series, k, weights=()):
    """The k best disjoint intervals of a series: each the least in cost of all that are free, by trying them all.

    Of equal costs the one that stops first, and of these the one that starts last.
    """
    intervals = [(start, stop) for stop in range(1, len(series) + 1) for start in range(stop)]
    costs = {(i, j): cost_matrix(query, series[i:j], None, weights)[-1][-1] for i, j in intervals}
    found = []
    while len(found) < k and intervals:
        start, stop = min(intervals, key=lambda at: (costs[at], at[1], -at[0]))
        found.append((start, stop, math.sqrt(costs[start, stop])))
        intervals = [(i, j) for i, j in intervals if j <= start or i >= stop]
    return found


def condensed_index(n, i, j):
    """Position of the pair (i, j), i < j, found by counting."""
    position = 0
    for a in range(n):
        for b in range(a + 1, n):
            if (a, b) == (i, j):
                return position
            position += 1
    raise AssertionError


def silhouette(square, labels):
    """Average silhouette width (Rousseeuw 1987); members of singletons count 0."""
    n, total = len(labels), 0.0
    for i in range(n):
        groups = {}
        for j in range(n):
            if j != i:
                groups.setdefault(labels[j], []).append(square[i][j])
        own = groups.pop(labels[i], None)
        if own is None or not groups:
            continue
        a = sum(own) / len(own)
        b = min(sum(g) / len(g) for g in groups.values())
        total += (b - a) / max(a, b) if max(a, b) > 0 else 0.0
    return total / n


def medoid(square, members):
    """The member with the least sum of distances to the others; the first of equals."""
    return min(members, key=lambda i: (round(sum(square[i][j] for j in members), 9), i))
