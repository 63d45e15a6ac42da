"""The compiled convolution of the counts of strata."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def convolved_tail(rows, of_type, situation, count, size):
    """Return the probability that the sum of hypergeometric counts is at least a count.

    ``size`` is the number of values of the sum. All terms are positive, so a small tail has as many correct digits as a
    large one.
    """
    density, convolved, weight = np.zeros(size), np.zeros(size), np.zeros(size)
    density[0] = 1.0
    length, bottom = 1, 0
    for i in range(len(rows)):
        n, k, m = float(rows[i]), float(of_type[i]), float(situation[i])
        least, most = int(max(0.0, k + m - n)), int(min(k, m))
        # From the mode on both sides, so that no factor underflows before it is small beside the sum.
        mode = min(max(int((k + 1) * (m + 1) / (n + 2)), least), most)
        weight[mode - least] = 1.0
        for x in range(mode, most):
            weight[x + 1 - least] = (
                weight[x - least] * (k - x) * (m - x) / ((x + 1.0) * (n - k - m + x + 1.0))
            )
        for x in range(mode, least, -1):
            weight[x - 1 - least] = weight[x - least] * x * (n - k - m + x) / ((k - x + 1.0) * (m - x + 1.0))
        width = most - least + 1
        total = weight[:width].sum()
        convolved[: length + width - 1] = 0.0
        for a in range(length):
            share = density[a] / total
            for b in range(width):
                convolved[a + b] += share * weight[b]
        density, convolved = convolved, density
        length += width - 1
        bottom += least
    tail = 0.0
    for j in range(length - 1, max(0, count - bottom) - 1, -1):
        tail += density[j]
    return tail
