"""Lower bounds of DTW, in the order of their cost: LB_Kim, LB_Keogh, LB_Webb.

A bound that exceeds a cutoff rules a pair out without computing its distance. All hold for one and many channels
(dependent DTW): a local cost is the sum over the channels, and so is each bound.

References
----------
.. [1] S.-W. Kim, S. Park, W. W. Chu, "An index-based approach for similarity search supporting time warping in
   large sequence databases", ICDE 2001; here its first and last points, as T. Rakthanmanon et al., "Searching and
   mining trillions of time series subsequences under dynamic time warping", KDD 2012, section 4.1.1.
.. [2] E. Keogh, C. A. Ratanamahatana, "Exact indexing of dynamic time warping", Knowledge and Information Systems
   7(3), 2005, section 4.
.. [3] D. Lemire, "Faster retrieval with a two-pass dynamic-time-warping lower bound", Pattern Recognition 42(9),
   2009, section 5: envelopes in linear time.
.. [4] G. I. Webb, F. Petitjean, "Tight lower bounds for dynamic time warping", Pattern Recognition 115, 2021,
   section 5.
"""

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from gymlab.distance.series import checked_pair, checked_radius, finite_array


def envelope(x: ArrayLike, radius: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and the greatest value within ``radius`` of each time point, in linear time [3]_.

    Parameters
    ----------
    x
        ``(n_timepoints,)`` or ``(n_timepoints, n_channels)``.
    radius
        In time points; None for the whole series.

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
    """Return LB_Kim: what the first and the last points cost, which every warping path aligns.

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
    return float(np.sqrt(_kim(a, b)))


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
    return float(np.sqrt(_outside(a, lower, upper)))


def lb_webb(x: ArrayLike, y: ArrayLike, *, radius: int | None = None) -> float:
    """Return LB_Webb: LB_Keogh, the first and the last points, and what the points of ``y`` add beyond doubt [4]_.

    Parameters
    ----------
    x, y, radius
        As for :func:`lb_keogh`.

    Returns
    -------
    float
        At most the DTW distance at that radius, and at least the greater of LB_Kim and LB_Keogh without the first
        and last points.

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
    # The highest lower edge and the lowest upper edge that a point of b may meet.
    highest, lowest, unused = np.empty_like(b), np.empty_like(b), np.empty_like(b)
    write_envelope(of_b[0], above, below, unused, highest)
    write_envelope(of_b[1], above, below, lowest, unused)
    return float(np.sqrt(webb_cost(a, b, below, above, *of_a, *of_b, highest, lowest, np.inf)))


def _checked(x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, transposed, _ = checked_pair(x, y, ())
    return a, np.ascontiguousarray(transposed.T)


def _reach(n: int, m: int, radius: int) -> tuple[int, int]:
    """Return how far below and above row i of ``n`` the columns of ``m`` in its band reach."""
    if radius < 0:
        return max(n, m), max(n, m)
    return radius + max(0, n - m), radius + max(0, m - n)


@njit(nogil=True, cache=True, error_model="numpy")
def write_envelope(values, below, above, lower, upper):
    """Write the extremes of ``values[max(0, i - below) : i + above + 1]`` for each row i of ``lower`` and ``upper``.

    The window has to hold a time point for each row. Two queues of candidates, each time point entered and left
    once.
    """
    m = values.shape[0]
    queue = np.empty((2, m), np.int64)
    for channel in range(values.shape[1]):
        low_head, low_tail, high_head, high_tail, entered = 0, 0, 0, 0, 0
        for i in range(lower.shape[0]):
            while entered < min(m, i + above + 1):
                x = values[entered, channel]
                while low_tail > low_head and values[queue[0, low_tail - 1], channel] >= x:
                    low_tail -= 1
                queue[0, low_tail] = entered
                low_tail += 1
                while high_tail > high_head and values[queue[1, high_tail - 1], channel] <= x:
                    high_tail -= 1
                queue[1, high_tail] = entered
                high_tail += 1
                entered += 1
            while queue[0, low_head] < i - below:
                low_head += 1
            while queue[1, high_head] < i - below:
                high_head += 1
            lower[i, channel] = values[queue[0, low_head], channel]
            upper[i, channel] = values[queue[1, high_head], channel]


@njit(nogil=True, cache=True, error_model="numpy")
def _kim(a, b):
    n, m = len(a) - 1, len(b) - 1
    cost = 0.0
    for c in range(a.shape[1]):
        cost += (a[0, c] - b[0, c]) ** 2
        if n > 0 or m > 0:
            cost += (a[n, c] - b[m, c]) ** 2
    return cost


@njit(nogil=True, cache=True, error_model="numpy")
def _outside(a, lower, upper):
    cost = 0.0
    for i in range(a.shape[0]):
        for c in range(a.shape[1]):
            cost += max(a[i, c] - upper[i, c], lower[i, c] - a[i, c], 0.0) ** 2
    return cost


@njit(nogil=True, cache=True, error_model="numpy")
def webb_cost(a, b, below, above, lower_a, upper_a, lower_b, upper_b, highest, lowest, limit):
    """Return the square of LB_Webb, or a part of it that exceeds ``limit`` already.

    Each row and each column of the cost matrix is charged once. A cell can be charged for both its row, with what
    LB_Keogh says of ``a[i]``, and its column, when their sum is at most its cost. Let b[j] lie above the envelope
    of a. Where no a[i] that it may meet lies below the envelope of b, no such row is charged, and the column is
    charged (b − upper_a)²; else the square of what lies between upper_a and the highest lower edge of b's envelope
    is taken off, since (u + v)² ≥ u² + v². Likewise below.

    Parameters
    ----------
    a, b : float (n, n_channels), (m, n_channels)
    below, above : int
        How far the columns of row i reach around i.
    lower_a, upper_a : float (m, n_channels)
        Envelope of ``a`` at each time point of ``b``.
    lower_b, upper_b : float (n, n_channels)
        Envelope of ``b`` at each time point of ``a``.
    highest, lowest : float (m, n_channels)
        Greatest ``lower_b`` and least ``upper_b`` among the rows that a time point of ``b`` may meet.
    limit : float
    """
    n, m = a.shape[0], b.shape[0]
    cost = _kim(a, b)
    for i in range(1, n - 1):
        for c in range(a.shape[1]):
            cost += max(a[i, c] - upper_b[i, c], lower_b[i, c] - a[i, c], 0.0) ** 2
        if cost > limit:
            return cost
    for c in range(a.shape[1]):
        # How many rows that the column may meet are charged for lying below, and above, the envelope of b.
        n_below, n_above, entered, left = 0, 0, 0, 0
        for j in range(1, m - 1):
            while entered < min(n, j + below + 1):
                n_below += a[entered, c] < lower_b[entered, c]
                n_above += a[entered, c] > upper_b[entered, c]
                entered += 1
            while left < j - above:
                n_below -= a[left, c] < lower_b[left, c]
                n_above -= a[left, c] > upper_b[left, c]
                left += 1
            over, under = b[j, c] - upper_a[j, c], lower_a[j, c] - b[j, c]
            if over > 0:
                cost += over**2
                if n_below > 0:
                    cost -= max(highest[j, c] - upper_a[j, c], 0.0) ** 2
            elif under > 0:
                cost += under**2
                if n_above > 0:
                    cost -= max(lower_a[j, c] - lowest[j, c], 0.0) ** 2
        if cost > limit:
            return cost
    return cost


@njit(nogil=True, cache=True, error_model="numpy")
def write_envelopes(values, lengths, reach, lower, upper):
    """Write the envelope of each series of a batch, ``(n, n_timepoints, n_channels)``; zeros behind an end."""
    for s in range(values.shape[0]):
        n = lengths[s]
        write_envelope(values[s, :n], reach, reach, lower[s, :n], upper[s, :n])
