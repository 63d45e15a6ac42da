"""The compiled loop of FasterPAM on a condensed matrix, in slices."""

import numpy as np
from numba import njit

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
    start = item * (2 * n - item - 1) // 2 - item - 1
    for k in range(item + 1, n):
        out[k] = distances[start + k]


@njit(nogil=True, cache=True)
def _distance(distances, n, i, j):
    if i == j:
        return np.float32(0.0)
    if i > j:
        i, j = j, i
    return distances[i * (2 * n - i - 1) // 2 - i - 1 + j]


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
    """Find the two nearest medoids of items ``first`` to ``stop``; of equals the first."""
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
    """Try items as medoids, each swap that lowers the loss at once, until ``work`` of them or all were tried.

    ``nearest`` and ``second`` are each item's two nearest medoids, as positions in ``medoids``, and ``d_nearest``
    and ``d_second`` their distances. Two medoids or more.
    """
    k = len(medoids)
    row = np.empty(n, dtype=np.float32)
    is_medoid = np.zeros(n, dtype=np.bool_)
    is_medoid[medoids] = True
    # What the loss would gain without each medoid; with each removed and the candidate added.
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
        # Less than this is rounding.
        if change[m] + added >= -1e-12 * loss:
            continue
        before, replaced = loss, medoids[m]
        _replace(distances, n, medoids, m, candidate, row, nearest, second, d_nearest, d_second)
        loss = 0.0
        for item in range(n):
            loss += d_nearest[item]
        # The loss, added up anew, depends on the medoids alone. It has to fall, so that no medoids come again.
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
