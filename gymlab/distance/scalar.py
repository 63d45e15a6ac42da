"""One pair of series in float64: distance, warping path, cost matrix, and matches of one within the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gymlab.arguments import finite_number, whole_number
from gymlab.distance.exact import Float64Array
from gymlab.distance.kernels.loops import accumulated, cost, scan, walk_back
from gymlab.distance.series import checked_pair, checked_radius
from gymlab.events import DistancesComputed, emit


@dataclass(frozen=True)
class Match:
    """One place where a query occurs.

    Attributes
    ----------
    start, stop
        The half-open interval of time points: ``series[start:stop]``.
    distance
        The DTW distance between the query and this interval, in the unit of the series.
    """

    start: int
    stop: int
    distance: float


def dtw(
    x: ArrayLike,
    y: ArrayLike,
    *,
    radius: int | None = None,
    cutoff: float | None = None,
    mismatch_weights: Sequence[float] = (),
) -> float:
    """Return the exact DTW distance of two series.

    Parameters
    ----------
    x, y
        ``(n_timepoints,)`` or ``(n_timepoints, n_channels)``; the lengths may differ.
    radius, mismatch_weights
        As in :func:`gymlab.distance.dtw_pairwise`.
    cutoff
        If given, cells that no path within the cutoff can use are skipped, and the work stops as soon as it is certain
        that the distance exceeds the cutoff [1]_.

    Returns
    -------
    float
        The distance, in the unit of the series; infinity if it exceeds ``cutoff``.

    Raises
    ------
    InputError
        If a series is empty or holds NaN or infinity, the channels differ, or a parameter is out of range.

    References
    ----------
    .. [1] M. Herrmann and G. I. Webb, "Early abandoning and pruning for elastic distances including dynamic time
       warping", Data Mining and Knowledge Discovery 35, 2021, section 4.

    Examples
    --------
    >>> dtw([0, 1, 2], [0, 1, 1, 2])
    0.0
    >>> dtw([0, 0], [3, 4])
    5.0
    """
    a, b, weights = checked_pair(x, y, mismatch_weights)
    limit = _checked_cutoff(cutoff)
    start = perf_counter()
    # Squares are rounded. The factor ensures that a distance equal to the cutoff is not lost.
    distance = float(np.sqrt(cost(a, b, checked_radius(radius), weights, limit * limit * (1 + 1e-12))))
    emit(DistancesComputed(1, perf_counter() - start))
    return distance if distance <= limit else np.inf


def dtw_path(
    x: ArrayLike, y: ArrayLike, *, radius: int | None = None, mismatch_weights: Sequence[float] = ()
) -> tuple[NDArray[np.int64], float]:
    """Return an optimal warping path of two series, and their distance.

    Parameters
    ----------
    x, y, radius, mismatch_weights
        As for :func:`dtw`.

    Returns
    -------
    path
        int64 ``(n_steps, 2)``: the aligned time points of ``x`` and ``y``, from ``(0, 0)`` to the last of both.
        If several paths are optimal, the path is traced back from the end, and diagonal steps are preferred.
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
    a, b, weights = checked_pair(x, y, mismatch_weights)
    start = perf_counter()
    costs = accumulated(a, b, checked_radius(radius), weights)
    path = walk_back(costs)
    emit(DistancesComputed(1, perf_counter() - start))
    return path, float(np.sqrt(costs[-1, -1]))


def dtw_cost_matrix(
    x: ArrayLike, y: ArrayLike, *, radius: int | None = None, mismatch_weights: Sequence[float] = ()
) -> Float64Array:
    """Return the accumulated cost matrix of two series.

    Parameters
    ----------
    x, y, radius, mismatch_weights
        As for :func:`dtw`.

    Returns
    -------
    numpy.ndarray
        float64 ``(n, m)``: entry ``(i, j)`` is the cost, a squared distance, of the best warping path from
        ``(0, 0)`` to ``(i, j)`` inside the band; infinite outside the band. The root of the last entry is the
        distance.

    Raises
    ------
    InputError
        As :func:`dtw`.

    Examples
    --------
    >>> dtw_cost_matrix([0, 1, 2], [0, 2, 2], radius=1)
    array([[ 0.,  4., inf],
           [ 1.,  1.,  2.],
           [inf,  1.,  1.]])
    """
    a, b, weights = checked_pair(x, y, mismatch_weights)
    costs: Float64Array = accumulated(a, b, checked_radius(radius), weights)
    return costs


def dtw_subsequence(
    query: ArrayLike,
    series: ArrayLike,
    *,
    k: int = 1,
    cutoff: float | None = None,
    mismatch_weights: Sequence[float] = (),
) -> list[Match]:
    """Return the best matches of a query in a long series, by DTW with free start and free end [1]_.

    The first match is the interval, of any length, that has the least DTW distance to the query. Each further match
    is the best interval that shares no time point with the matches before. Among equally distant intervals, the one
    that ends first is chosen, and among these the shortest one.

    Parameters
    ----------
    query
        ``(n_timepoints,)`` or ``(n_timepoints, n_channels)``.
    series
        Of the same form, with any number of time points, even fewer than the query has. The memory needed grows with
        the length of the series.
    k
        The largest number of matches. Fewer are returned if no time points are left.
    cutoff
        If given, only matches within this distance are returned.
    mismatch_weights
        As in :func:`gymlab.distance.dtw_pairwise`.

    Returns
    -------
    list of Match
        The best first.

    Raises
    ------
    InputError
        If a series is empty or holds NaN or infinity, the channels differ, or a parameter is out of range.

    References
    ----------
    .. [1] M. Müller, "Information Retrieval for Music and Motion", Springer, 2007, section 4.4.

    Examples
    --------
    >>> dtw_subsequence([1, 4, 1], [0, 0, 1, 4, 4, 1, 0, 0, 1, 3, 1], k=2)
    [Match(start=2, stop=6, distance=0.0), Match(start=8, stop=11, distance=1.0)]
    """
    points, pattern, weights = checked_pair(series, query, mismatch_weights, ("series", "query"))
    most = whole_number("k", k, least=1)
    limit = _checked_cutoff(cutoff)
    n_timepoints = len(points)
    costs = np.full(n_timepoints, np.inf)
    # The start of the best match that ends at each time point; -1 where it is not known yet.
    starts = np.full(n_timepoints, -1, dtype=np.int64)
    scan(points, pattern, weights, 0, costs, starts)
    matches: list[Match] = []
    while len(matches) < most:
        end = int(np.argmin(costs))
        distance = float(np.sqrt(costs[end]))
        if not np.isfinite(distance) or distance > limit:
            break
        start, stop = int(starts[end]), end + 1
        matches.append(Match(start, stop, distance))
        costs[start:stop] = np.inf
        # This is larger than every beginning of a later scan, so a scan that reaches this match stops there.
        starts[start:stop] = n_timepoints
        scan(points, pattern, weights, stop, costs, starts)
    return matches


def _checked_cutoff(cutoff: float | None) -> float:
    """Return the cutoff as a number; infinity for None.

    Raises
    ------
    InputError
        If it is neither None nor a distance.
    """
    if cutoff is None or (isinstance(cutoff, (float, np.floating)) and cutoff == np.inf):
        return np.inf
    return finite_number("cutoff", cutoff, least=0, noun="a distance", instead=", or None")
