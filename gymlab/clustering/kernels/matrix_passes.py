"""Compiled passes over a condensed matrix: sums and neighbours of some of its rows, and the swaps of FasterPAM.

A pass reads rows ``first`` to ``stop``, and adds its results to the arrays that it is given.
"""

import numpy as np
from numba import njit

from gymlab.clustering.kernels.tree_joins import root_of
from gymlab.distance.triangle import row_begins


@njit(nogil=True, cache=True)
def add_sums(distances, labels, first, stop, sums):
    """Add the distances of rows ``first`` to ``stop`` to the sums ``(n_clusters, n)`` of both their items."""
    n = len(labels)
    own = np.empty(len(sums))
    for i in range(first, stop):
        start = row_begins(n, i) - i - 1
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

    ``gaps[q]`` is the height that joins the neighbours ``q`` and ``q + 1`` in the order of the dendrogram. Two leaves
    are joined at the largest gap between them.
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
        start = row_begins(n, i) - i - 1
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
    """Keep the k least distances of each item so far in ``nearest`` ``(n, k)``, each row ascending."""
    k = nearest.shape[1]
    for i in range(first, stop):
        start = row_begins(n, i) - i - 1
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
    """Count the other items within ``eps`` of each item."""
    n = len(counts)
    for i in range(first, stop):
        start = row_begins(n, i) - i - 1
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
        start = row_begins(n, i) - i - 1
        for j in range(i + 1, n):
            if core[j] and distances[start + j] <= eps:
                a, b = root_of(parents, i), root_of(parents, j)
                parents[max(a, b)] = min(a, b)


@njit(nogil=True, cache=True)
def reach_borders(distances, eps, core, roots, first, stop, borders):
    """For each item that is not core, lower its entry to the first set that has a core item within ``eps``."""
    n = len(roots)
    for i in range(first, stop):
        start = row_begins(n, i) - i - 1
        for j in range(i + 1, n):
            if core[i] != core[j] and distances[start + j] <= eps:
                inner, border = (i, j) if core[i] else (j, i)
                borders[border] = min(borders[border], roots[inner])


# Places in ``state``: the next candidate, candidates since the last swap, swaps.
CANDIDATE, IDLE, SWAPS = range(3)


@njit(nogil=True, cache=True)
def load_row(distances, n, item, out):
    """Write the distances of an item to all, 0 to itself, to ``out``."""
    position = item - 1
    for k in range(item):
        out[k] = distances[position]
        position += n - k - 2
    out[item] = 0.0
    start = row_begins(n, item) - item - 1
    for k in range(item + 1, n):
        out[k] = distances[start + k]


@njit(nogil=True, cache=True)
def _distance(distances, n, i, j):
    if i == j:
        return np.float32(0.0)
    if i > j:
        i, j = j, i
    return distances[row_begins(n, i) - i - 1 + j]


@njit(nogil=True, cache=True)
def _second(distances, n, medoids, item, nearest):
    """Return the nearest medoid of an item other than ``nearest``, and its distance."""
    found, least = -1, np.float32(np.inf)
    for m in range(len(medoids)):
        if m != nearest:
            d = _distance(distances, n, item, medoids[m])
            if d < least or found < 0:
                found, least = m, d
    return found, least


@njit(nogil=True, cache=True)
def assign(distances, n, medoids, first, stop, nearest, second, d_nearest, d_second):
    """Find the two nearest medoids of items ``first`` to ``stop``; ties go to the first."""
    for item in range(first, stop):
        nearest[item], d_nearest[item] = _second(distances, n, medoids, item, -1)
        second[item], d_second[item] = _second(distances, n, medoids, item, nearest[item])


@njit(nogil=True, cache=True)
def _replace(distances, n, medoids, m, candidate, row, nearest, second, d_nearest, d_second):
    medoids[m] = candidate
    for item in range(n):
        d = row[item]
        if nearest[item] == m:
            if d <= d_second[item]:
                d_nearest[item] = d
                continue
            nearest[item], d_nearest[item] = second[item], d_second[item]
            second[item], d_second[item] = _second(distances, n, medoids, item, nearest[item])
        elif d < d_nearest[item]:
            second[item], d_second[item] = nearest[item], d_nearest[item]
            nearest[item], d_nearest[item] = m, d
        elif second[item] == m:
            second[item], d_second[item] = _second(distances, n, medoids, item, nearest[item])
        elif d < d_second[item]:
            second[item], d_second[item] = m, d


@njit(nogil=True, cache=True)
def improve(distances, n, medoids, nearest, second, d_nearest, d_second, state, work):
    """Try items as medoids until ``work`` of them or all were tried; make a swap as soon as it lowers the loss.

    ``nearest`` and ``second`` are each item's two nearest medoids, as positions in ``medoids``, and ``d_nearest``
    and ``d_second`` their distances. There are two medoids or more.
    """
    k = len(medoids)
    row = np.empty(n, dtype=np.float32)
    is_medoid = np.zeros(n, dtype=np.bool_)
    is_medoid[medoids] = True
    # How much the loss rises if each medoid is removed; and if it is removed and the candidate is added.
    removal, change = np.zeros(k), np.empty(k)
    loss = 0.0
    for item in range(n):
        removal[nearest[item]] += np.float64(d_second[item]) - d_nearest[item]
        loss += d_nearest[item]
    while work > 0 and state[IDLE] < n:
        work -= 1
        candidate = state[CANDIDATE]
        state[CANDIDATE] = (candidate + 1) % n
        state[IDLE] += 1
        if is_medoid[candidate]:
            continue
        load_row(distances, n, candidate, row)
        change[:] = removal
        added = 0.0
        for item in range(n):
            d = row[item]
            if d < d_nearest[item]:
                added += np.float64(d) - d_nearest[item]
                change[nearest[item]] += np.float64(d_nearest[item]) - d_second[item]
            elif d < d_second[item]:
                change[nearest[item]] += np.float64(d) - d_second[item]
        m = np.argmin(change)
        # A smaller change may be only rounding.
        if change[m] + added >= -1e-12 * loss:
            continue
        before, replaced = loss, medoids[m]
        _replace(distances, n, medoids, m, candidate, row, nearest, second, d_nearest, d_second)
        loss = 0.0
        for item in range(n):
            loss += d_nearest[item]
        # The loss is added up anew, so it depends only on the medoids. It has to fall, so that no set of medoids is
        # repeated.
        if loss < before:
            is_medoid[replaced], is_medoid[candidate] = False, True
            state[SWAPS] += 1
            state[IDLE] = 0
        else:
            load_row(distances, n, replaced, row)
            _replace(distances, n, medoids, m, replaced, row, nearest, second, d_nearest, d_second)
            loss = before
        removal[:] = 0.0
        for item in range(n):
            removal[nearest[item]] += np.float64(d_second[item]) - d_nearest[item]


# Compiled in: c903e0692b8e1f80
