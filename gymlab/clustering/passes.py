"""Compiled passes over some rows of a condensed matrix; each adds to what it is handed."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def add_sums(distances, labels, first, stop, sums):
    """Add the distances of rows ``first`` to ``stop`` to the sums ``(n_clusters, n)`` of both their items."""
    n = len(labels)
    own = np.empty(len(sums))
    for i in range(first, stop):
        start = i * (2 * n - i - 1) // 2 - i - 1
        own[:] = 0.0
        for j in range(i + 1, n):
            if labels[j] >= 0:
                own[labels[j]] += distances[start + j]
        sums[:, i] += own
        if labels[i] >= 0:
            mine = sums[labels[i]]
            for j in range(i + 1, n):
                mine[j] += distances[start + j]


@njit(nogil=True, cache=True)
def add_cophenetic(distances, leaves, places, gaps, shift, top, first, stop, sums):
    """Add to ``sums`` Σ(h−top), Σ(h−top)², Σ(d−shift), Σ(d−shift)² and Σ(h−top)(d−shift).

    Between neighbours ``q`` and ``q + 1`` in the order of the dendrogram lies ``gaps[q]``, the height that joins
    them; two leaves are joined at the largest gap between them.
    """
    n = len(leaves)
    heights = np.empty(n)
    for i in range(first, stop):
        place = places[i]
        most = 0.0
        for q in range(place + 1, n):
            most = max(most, gaps[q - 1])
            heights[leaves[q]] = most
        most = 0.0
        for q in range(place - 1, -1, -1):
            most = max(most, gaps[q])
            heights[leaves[q]] = most
        start = i * (2 * n - i - 1) // 2 - i - 1
        for j in range(i + 1, n):
            h = heights[j] - top
            d = np.float64(distances[start + j]) - shift
            sums[0] += h
            sums[1] += h * h
            sums[2] += d
            sums[3] += d * d
            sums[4] += h * d


@njit(nogil=True, cache=True)
def offer_neighbours(distances, n, first, stop, nearest):
    """Keep in ``nearest`` ``(n, k)``, each row ascending, the k least distances of each item so far."""
    k = nearest.shape[1]
    for i in range(first, stop):
        start = i * (2 * n - i - 1) // 2 - i - 1
        for j in range(i + 1, n):
            d = distances[start + j]
            for item in (i, j):
                if d < nearest[item, k - 1]:
                    place = k - 1
                    while place > 0 and nearest[item, place - 1] > d:
                        nearest[item, place] = nearest[item, place - 1]
                        place -= 1
                    nearest[item, place] = d


@njit(nogil=True, cache=True)
def count_within(distances, eps, first, stop, counts):
    """Count for each item the others within ``eps``."""
    n = len(counts)
    for i in range(first, stop):
        start = i * (2 * n - i - 1) // 2 - i - 1
        for j in range(i + 1, n):
            if distances[start + j] <= eps:
                counts[i] += 1
                counts[j] += 1


@njit(nogil=True, cache=True)
def join_within(distances, eps, core, first, stop, parents):
    """Join the sets of core items within ``eps`` of each other; the root of a set is its first item."""
    n = len(parents)
    for i in range(first, stop):
        if not core[i]:
            continue
        start = i * (2 * n - i - 1) // 2 - i - 1
        for j in range(i + 1, n):
            if core[j] and distances[start + j] <= eps:
                a, b = i, j
                while parents[a] != a:
                    parents[a] = parents[parents[a]]
                    a = parents[a]
                while parents[b] != b:
                    parents[b] = parents[parents[b]]
                    b = parents[b]
                if a < b:
                    parents[b] = a
                else:
                    parents[a] = b


@njit(nogil=True, cache=True)
def reach_borders(distances, eps, core, roots, first, stop, borders):
    """Lower the entry of each item that is no core to the first set of which a core item is within ``eps``."""
    n = len(roots)
    for i in range(first, stop):
        start = i * (2 * n - i - 1) // 2 - i - 1
        for j in range(i + 1, n):
            if core[i] != core[j] and distances[start + j] <= eps:
                inner, border = (i, j) if core[i] else (j, i)
                borders[border] = min(borders[border], roots[inner])
