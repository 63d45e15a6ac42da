"""The compiled loops for one pair of series, in float64.

One series is given as ``(n, n_channels)``, the other as ``(n_channels, m)``, so that the local costs of one point
to a range of the other series are vectorised; only the minima are a chain. The last ``len(weights)`` channels are
codes of categories.
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, error_model="numpy")
def band(i, n, m, radius):
    """Return the first column of row ``i`` inside the band, and the first column behind the band."""
    if radius < 0:
        return 0, m
    return max(0, i - radius - max(0, n - m)), min(m, i + radius + max(0, m - n) + 1)


@njit(nogil=True, cache=True, error_model="numpy")
def local_costs(point, others, start, stop, weights, out):
    """Write the local costs of one point and ``others[:, start:stop]`` to ``out[start:stop]``.

    ``others`` is ``(n_channels, n_timepoints)``, so that the loops over time points are vectorised. The last
    channels are codes, which cost their weight where they differ.
    """
    numeric = len(point) - len(weights)
    for j in range(np.uint64(start), np.uint64(stop)):
        out[j] = 0.0
    for c in range(numeric):
        for j in range(np.uint64(start), np.uint64(stop)):
            out[j] += (point[c] - others[c, j]) ** 2
    for k in range(len(weights)):
        for j in range(np.uint64(start), np.uint64(stop)):
            out[j] += weights[k] if point[numeric + k] != others[numeric + k, j] else 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def cost(a, b, radius, weights, limit):
    """Return the DTW cost (squared distance) of ``a`` (n, n_channels) and ``b`` (n_channels, m).

    Infinity if it exceeds ``limit``. Costs never fall along a path, so a cell above the limit is treated as infinite.
    A row starts at the first column that was within the limit in the row before. Behind the last such column, only
    steps along the row are possible, up to the first cell above the limit. Older values that ``row`` holds outside of
    this range are above the limit too.
    """
    n, m = len(a), b.shape[1]
    row = np.full(m + 1, np.inf)
    row[0] = 0.0
    local = np.empty(m)
    # Columns of the row before: the first one within the limit, and the one behind the last one within the limit.
    alive, dead = 0, 0
    for i in range(n):
        first, last = band(i, n, m, radius)
        first = max(first, alive)
        # Column ``dead`` itself is still reached diagonally.
        middle = min(dead + 1, last)
        local_costs(a[i], b, first, middle, weights, local)
        diagonal, left = row[first], np.inf
        row[first] = np.inf
        for j in range(np.uint64(first), np.uint64(middle)):
            up = row[j + np.uint64(1)]
            best = diagonal if diagonal < up else up
            best = left if left < best else best
            left = local[j] + best
            row[j + np.uint64(1)] = left
            diagonal = up
        end = middle
        while end < last and left <= limit:
            local_costs(a[i], b, end, end + 1, weights, local)
            left += local[end]
            end += 1
            row[end] = left
        alive, dead = first, end
        while alive < dead and row[alive + 1] > limit:
            alive += 1
        while dead > alive and row[dead] > limit:
            dead -= 1
        if alive == dead:
            return np.inf
    return row[m] if dead == m else np.inf


@njit(nogil=True, cache=True, error_model="numpy")
def accumulated(a, b, radius, weights):
    """Return the accumulated cost matrix of ``a`` and ``b`` as for :func:`cost`, infinite outside the band."""
    n, m = len(a), b.shape[1]
    costs = np.full((n, m), np.inf)
    for i in range(n):
        first, last = band(i, n, m, radius)
        local_costs(a[i], b, first, last, weights, costs[i])
        for j in range(first, last):
            best = 0.0 if i == 0 and j == 0 else np.inf
            if i > 0:
                best = min(best, costs[i - 1, j])
            if j > 0:
                best = min(best, costs[i, j - 1])
            if i > 0 and j > 0:
                best = min(best, costs[i - 1, j - 1])
            costs[i, j] += best
    return costs


@njit(nogil=True, cache=True, error_model="numpy")
def walk_back(costs):
    """Return an optimal path, int64 (n_steps, 2), through an accumulated cost matrix."""
    n, m = costs.shape
    path = np.empty((n + m - 1, 2), np.int64)
    i, j, k = n - 1, m - 1, n + m - 1
    while True:
        k -= 1
        path[k] = i, j
        if i == 0 and j == 0:
            return path[k:].copy()
        # The borders come first, so that no cost can lead out of the matrix.
        if i == 0:
            j -= 1
        elif j == 0:
            i -= 1
        elif costs[i - 1, j - 1] <= min(costs[i - 1, j], costs[i, j - 1]):
            i, j = i - 1, j - 1
        elif costs[i - 1, j] <= costs[i, j - 1]:
            i -= 1
        else:
            j -= 1


@njit(nogil=True, cache=True, error_model="numpy")
def scan(series, query, weights, begin, costs, starts):
    """Write the cost and the start of the best match that ends at each time point and starts at ``begin`` or later.

    The accumulated costs of one time point of the series are kept, and with each the start of its path. So no matrix
    is needed to find the start of a match. The scan stops at the first time point whose known match does not start
    before ``begin``: paths do not cross, so later results would not change.

    Parameters
    ----------
    series : float64 (m, n_channels)
    query : float64 (n_channels, n)
    weights : float64 (n_codes,)
    begin : int
    costs : float64 (m,)
    starts : int64 (m,)
    """
    n = query.shape[1]
    column = np.full(n, np.inf)
    origins = np.full(n, -1)
    local = np.empty(n)
    for j in range(begin, len(series)):
        if starts[j] >= begin:
            return
        local_costs(series[j], query, 0, n, weights, local)
        # The first point of the query starts anew at every time point, since a longer stay on it would only add
        # costs.
        diagonal, diagonal_origin = column[0], origins[0]
        up, up_origin = local[0], j
        column[0], origins[0] = up, up_origin
        for i in range(np.uint64(1), np.uint64(n)):
            left, left_origin = column[i], origins[i]
            # Of equal costs, the path that started last is kept. Since paths do not cross, the path from above comes
            # first, then the diagonal one, then the one from the left.
            best, origin = up, up_origin
            if diagonal < best:
                best, origin = diagonal, diagonal_origin
            if left < best:
                best, origin = left, left_origin
            diagonal, diagonal_origin = left, left_origin
            up, up_origin = local[i] + best, origin
            column[i], origins[i] = up, up_origin
        costs[j], starts[j] = up, up_origin
