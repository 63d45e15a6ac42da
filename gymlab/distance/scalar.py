"""The distance of one pair, in float64: with a cutoff, with the warping path, or with every accumulated cost."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gymlab.arguments import finite_number
from gymlab.distance.exact import Float64Array
from gymlab.distance.loops import accumulated, cost, walk_back
from gymlab.distance.series import checked_pair, checked_radius


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
        When given, cells that no path within it can use are left out, and the work is abandoned as soon as the
        distance is known to exceed it [1]_.

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
    limit = checked_cutoff(cutoff)
    # A distance equal to the cutoff must survive the rounding of its square.
    distance = float(np.sqrt(cost(a, b, checked_radius(radius), weights, limit * limit * (1 + 1e-12))))
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
    a, b, weights = checked_pair(x, y, mismatch_weights)
    costs = accumulated(a, b, checked_radius(radius), weights)
    return walk_back(costs), float(np.sqrt(costs[-1, -1]))


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


def checked_cutoff(cutoff: float | None) -> float:
    """Return the cutoff as a number: infinity for none.

    Raises
    ------
    InputError
        If it is neither None nor a distance.
    """
    if cutoff is None or (isinstance(cutoff, (float, np.floating)) and cutoff == np.inf):
        return np.inf
    return finite_number("cutoff", cutoff, least=0, noun="a distance", instead=", or None")
