"""The compiled loops of envelopes and lower bounds, see :mod:`gymlab.distance.bounds`."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, error_model="numpy")
def write_envelope(values, below, above, lower, upper):
    """Write the extremes of ``values[max(0, i - below) : i + above + 1]`` for each row i of ``lower`` and ``upper``.

    The window has to hold a time point for each row. Two queues hold the candidates; each time point enters and
    leaves a queue once.
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
def kim_cost(a, b):
    """Return the square of LB_Kim: the costs of the first and of the last points of both series."""
    n, m = len(a) - 1, len(b) - 1
    cost = 0.0
    for c in range(a.shape[1]):
        cost += (a[0, c] - b[0, c]) ** 2
        if n > 0 or m > 0:
            cost += (a[n, c] - b[m, c]) ** 2
    return cost


@njit(nogil=True, cache=True, error_model="numpy")
def outside_cost(a, lower, upper):
    """Return the square of LB_Keogh: how far the points of ``a`` lie outside an envelope."""
    cost = 0.0
    for i in range(a.shape[0]):
        for c in range(a.shape[1]):
            cost += max(a[i, c] - upper[i, c], lower[i, c] - a[i, c], 0.0) ** 2
    return cost


@njit(nogil=True, cache=True, error_model="numpy")
def webb_cost(a, b, below, above, lower_a, upper_a, lower_b, upper_b, highest, lowest):
    """Return the square of LB_Webb.

    Each row and each column of the cost matrix is charged once. A cell can be charged both for its row, by LB_Keogh
    of ``a[i]``, and for its column, if the sum is at most its cost. Let b[j] lie above the envelope of a. If no a[i]
    that it may meet lies below the envelope of b, no such row is charged, and the column is charged (b − upper_a)².
    Otherwise, the square of the distance between upper_a and the highest lower edge of b's envelope is subtracted,
    since (u + v)² ≥ u² + v². The same holds below the envelope.

    Parameters
    ----------
    a, b : float (n, n_channels), (m, n_channels)
    below, above : int
        How far the columns of row i reach below and above i.
    lower_a, upper_a : float (m, n_channels)
        Envelope of ``a`` at each time point of ``b``.
    lower_b, upper_b : float (n, n_channels)
        Envelope of ``b`` at each time point of ``a``.
    highest, lowest : float (m, n_channels)
        Greatest ``lower_b`` and least ``upper_b`` among the rows that a time point of ``b`` may meet.
    """
    n, m = a.shape[0], b.shape[0]
    cost = kim_cost(a, b) + outside_cost(a[1:-1], lower_b[1:-1], upper_b[1:-1])
    for c in range(a.shape[1]):
        # How many of the rows that the column may meet are charged for lying below, and above, the envelope of b.
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
    return cost


@njit(nogil=True, cache=True, error_model="numpy")
def write_envelopes(values, lengths, reach, lower, upper):
    """Write the envelope of each series of a batch, ``(n, n_timepoints, n_channels)``, up to the end of the series."""
    for s in range(values.shape[0]):
        n = lengths[s]
        write_envelope(values[s, :n], reach, reach, lower[s, :n], upper[s, :n])
