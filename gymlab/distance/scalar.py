"""The distance of one pair, in float64: with a cutoff, or with the warping path."""

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from gymlab.distance.series import checked_radius, finite_array
from gymlab.errors import InputError


def dtw(x: ArrayLike, y: ArrayLike, *, radius: int | None = None, cutoff: float | None = None) -> float:
    """Return the exact DTW distance of two series.

    Parameters
    ----------
    x, y
        ``(n_timepoints,)`` or ``(n_timepoints, n_channels)``; the lengths may differ.
    radius
        Sakoe-Chiba radius in cells, as in :func:`gymlab.distance.dtw_pairwise`.
    cutoff
        When given, the work is abandoned as soon as the distance is known to exceed it.

    Returns
    -------
    float
        The distance, in the unit of the series; infinity if it exceeds ``cutoff``.

    Raises
    ------
    InputError
        If a series is empty or holds NaN or infinity, the channels differ, or a parameter is out of range.

    Examples
    --------
    >>> dtw([0, 1, 2], [0, 1, 1, 2])
    0.0
    >>> dtw([0, 0], [3, 4])
    5.0
    """
    a, b = _checked_pair(x, y)
    if cutoff is not None and (not isinstance(cutoff, (int, float, np.number)) or not cutoff >= 0):
        raise InputError(f"cutoff is {cutoff!r}; give a distance of 0 or more, or None")
    limit = np.inf if cutoff is None else float(cutoff)
    # A distance equal to the cutoff must survive the rounding of its square.
    distance = float(np.sqrt(_cost(a, b, checked_radius(radius), limit * limit * (1 + 1e-12))))
    return distance if distance <= limit else np.inf


def dtw_path(x: ArrayLike, y: ArrayLike, *, radius: int | None = None) -> tuple[NDArray[np.int64], float]:
    """Return an optimal warping path of two series, and their distance.

    Parameters
    ----------
    x, y, radius
        As for :func:`dtw`.

    Returns
    -------
    path
        int64 ``(n_steps, 2)``: the aligned time points of ``x`` and ``y``, from ``(0, 0)`` to the last of both.
        Of several optimal paths, the one that steps diagonally where it can, seen from the end.
    distance
        As :func:`dtw` returns it.

    Raises
    ------
    InputError
        As :func:`dtw`.

    Examples
    --------
    >>> path, distance = dtw_path([0, 1, 2], [0, 1, 1, 2])
    >>> path.tolist(), distance
    ([[0, 0], [1, 1], [1, 2], [2, 3]], 0.0)
    """
    a, b = _checked_pair(x, y)
    costs = _accumulated(a, b, checked_radius(radius))
    return _walk_back(costs), float(np.sqrt(costs[-1, -1]))


def _checked_pair(x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = finite_array(x, "x"), finite_array(y, "y")
    if a.shape[1] != b.shape[1]:
        raise InputError(f"x has {a.shape[1]} channels, y has {b.shape[1]}")
    return np.ascontiguousarray(a), np.ascontiguousarray(b)


@njit(nogil=True, cache=True, error_model="numpy")
def _band(i, n, m, radius):
    """Return the first column of row ``i`` inside the band, and the first behind it."""
    if radius < 0:
        return 0, m
    return max(0, i - radius - max(0, n - m)), min(m, i + radius + max(0, m - n) + 1)


@njit(nogil=True, cache=True, error_model="numpy")
def _cost(a, b, radius, limit):
    """Return the DTW cost (squared distance), or infinity once no cell of a row is within ``limit``."""
    n, m = len(a), len(b)
    row = np.full(m + 1, np.inf)
    row[0] = 0.0
    for i in range(n):
        first, last = _band(i, n, m, radius)
        diagonal, row[first] = row[first], np.inf
        least = np.inf
        for j in range(first, last):
            cost = 0.0
            for c in range(a.shape[1]):
                cost += (a[i, c] - b[j, c]) ** 2
            up = row[j + 1]
            row[j + 1] = cost + min(diagonal, up, row[j])
            diagonal = up
            least = min(least, row[j + 1])
        if least > limit:
            return np.inf
    return row[m]


@njit(nogil=True, cache=True, error_model="numpy")
def _accumulated(a, b, radius):
    """Return the accumulated cost matrix, infinite outside the band."""
    n, m = len(a), len(b)
    costs = np.full((n, m), np.inf)
    for i in range(n):
        first, last = _band(i, n, m, radius)
        for j in range(first, last):
            cost = 0.0
            for c in range(a.shape[1]):
                cost += (a[i, c] - b[j, c]) ** 2
            best = np.inf
            if i == 0 and j == 0:
                best = 0.0
            if i > 0:
                best = min(best, costs[i - 1, j])
            if j > 0:
                best = min(best, costs[i, j - 1])
            if i > 0 and j > 0:
                best = min(best, costs[i - 1, j - 1])
            costs[i, j] = cost + best
    return costs


@njit(nogil=True, cache=True, error_model="numpy")
def _walk_back(costs):
    n, m = costs.shape
    path = np.empty((n + m - 1, 2), np.int64)
    i, j, k = n - 1, m - 1, n + m - 1
    while True:
        k -= 1
        path[k] = i, j
        if i == 0 and j == 0:
            return path[k:].copy()
        up = costs[i - 1, j] if i > 0 else np.inf
        left = costs[i, j - 1] if j > 0 else np.inf
        diagonal = costs[i - 1, j - 1] if i > 0 and j > 0 else np.inf
        if diagonal <= up and diagonal <= left:
            i, j = i - 1, j - 1
        elif up <= left:
            i -= 1
        else:
            j -= 1
