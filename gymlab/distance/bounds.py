"""Lower bounds of DTW, in the order of their cost: LB_Kim, LB_Keogh, LB_Webb.

If a bound exceeds a cutoff, the distance of the pair need not be computed. The bounds hold for one and for many
channels (dependent DTW): like a local cost, each bound is a sum over the channels.

References
----------
.. [1] S.-W. Kim, S. Park, W. W. Chu, "An index-based approach for similarity search supporting time warping in
   large sequence databases", ICDE 2001; only the first and the last points are used here, as in T. Rakthanmanon et
   al., "Searching and mining trillions of time series subsequences under dynamic time warping", KDD 2012, section
   4.1.1.
.. [2] E. Keogh, C. A. Ratanamahatana, "Exact indexing of dynamic time warping", Knowledge and Information Systems
   7(3), 2005, section 4.
.. [3] D. Lemire, "Faster retrieval with a two-pass dynamic-time-warping lower bound", Pattern Recognition 42(9),
   2009, section 5: envelopes in linear time.
.. [4] G. I. Webb, F. Petitjean, "Tight lower bounds for dynamic time warping", Pattern Recognition 115, 2021,
   section 5.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gymlab.distance.kernels.envelopes import kim_cost, outside_cost, webb_cost, write_envelope
from gymlab.distance.series import checked_pair, checked_radius, finite_array


def envelope(x: ArrayLike, radius: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and the greatest value within ``radius`` of each time point, in linear time [3]_.

    Parameters
    ----------
    x
        ``(n_timepoints,)`` or ``(n_timepoints, n_channels)``.
    radius
        Number of time points on either side; None for the whole series.

    Returns
    -------
    lower, upper
        float64 ``(n_timepoints, n_channels)`` each.

    Raises
    ------
    InputError
        If the series or the radius is unusable.

    Examples
    --------
    >>> lower, upper = envelope([0, 3, 1, 1], radius=1)
    >>> lower.ravel().tolist(), upper.ravel().tolist()
    ([0.0, 0.0, 1.0, 1.0], [3.0, 3.0, 3.0, 1.0])
    """
    values = np.ascontiguousarray(finite_array(x, "x"))
    reach = _reach(len(values), len(values), checked_radius(radius))
    lower, upper = np.empty_like(values), np.empty_like(values)
    write_envelope(values, *reach, lower, upper)
    return lower, upper


def lb_kim(x: ArrayLike, y: ArrayLike) -> float:
    """Return LB_Kim: the cost of the first and the last points, which every warping path aligns.

    Parameters
    ----------
    x, y
        ``(n_timepoints,)`` or ``(n_timepoints, n_channels)``; the lengths may differ.

    Returns
    -------
    float
        At most the DTW distance, at any radius.

    Raises
    ------
    InputError
        If a series is unusable or the channels differ.

    Examples
    --------
    >>> lb_kim([0, 9, 1], [3, 9, 9, 5])
    5.0
    """
    a, b = _checked(x, y)
    return float(np.sqrt(kim_cost(a, b)))


def lb_keogh(x: ArrayLike, y: ArrayLike, *, radius: int | None = None) -> float:
    """Return LB_Keogh: how far the points of ``x`` lie outside the envelope of ``y``.

    Parameters
    ----------
    x, y
        ``(n_timepoints,)`` or ``(n_timepoints, n_channels)``; the lengths may differ.
    radius
        Sakoe-Chiba radius in cells, as in :func:`gymlab.distance.dtw_pairwise`.

    Returns
    -------
    float
        At most the DTW distance at that radius. Not symmetric.

    Raises
    ------
    InputError
        If a series or the radius is unusable, or the channels differ.

    Examples
    --------
    >>> lb_keogh([0, 9, 0], [0, 5, 0], radius=1)
    4.0
    """
    a, b = _checked(x, y)
    lower, upper = np.empty_like(a), np.empty_like(a)
    write_envelope(b, *_reach(len(a), len(b), checked_radius(radius)), lower, upper)
    return float(np.sqrt(outside_cost(a, lower, upper)))


def lb_webb(x: ArrayLike, y: ArrayLike, *, radius: int | None = None) -> float:
    """Return LB_Webb, a bound that uses the envelopes of both series [4]_.

    It adds up the costs of the first and the last points, the costs of the other points of ``x`` outside the envelope
    of ``y`` (LB_Keogh), and costs of the points of ``y`` outside the envelope of ``x``.

    Parameters
    ----------
    x, y, radius
        As for :func:`lb_keogh`.

    Returns
    -------
    float
        At most the DTW distance at that radius. At least LB_Kim, and at least LB_Keogh without the first and last
        points.

    Raises
    ------
    InputError
        As :func:`lb_keogh`.

    Examples
    --------
    >>> lb_webb([0, 0, 0, 0], [0, 3, 4, 0], radius=1), lb_keogh([0, 0, 0, 0], [0, 3, 4, 0], radius=1)
    (5.0, 0.0)
    """
    a, b = _checked(x, y)
    below, above = _reach(len(a), len(b), checked_radius(radius))
    of_b = np.empty_like(a), np.empty_like(a)
    write_envelope(b, below, above, *of_b)
    of_a = np.empty_like(b), np.empty_like(b)
    write_envelope(a, above, below, *of_a)
    # For each point of b: the largest lower value and the smallest upper value of the envelope of b, among the points
    # of a that it may be aligned with.
    highest, lowest, unused = np.empty_like(b), np.empty_like(b), np.empty_like(b)
    write_envelope(of_b[0], above, below, unused, highest)
    write_envelope(of_b[1], above, below, lowest, unused)
    return float(np.sqrt(webb_cost(a, b, below, above, *of_a, *of_b, highest, lowest)))


def _checked(x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, transposed, _ = checked_pair(x, y, ())
    return a, np.ascontiguousarray(transposed.T)


def _reach(n: int, m: int, radius: int) -> tuple[int, int]:
    """Return how far the columns in the band of row i reach below and above i, for lengths n and m."""
    if radius < 0:
        return max(n, m), max(n, m)
    return radius + max(0, n - m), radius + max(0, m - n)
