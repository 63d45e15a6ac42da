"""The compiled loop that slides a window over an array, with the same integers as the entropy of a stream."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def slide(groups, parts, n_groups, n_parts, window, high, low, divisor):
    """Return the normalised entropy of the parts given the groups in each window.

    The numerator is the sum of c log2 c over the counts of the groups, minus the same sum over the counts of the
    parts, in fixed point. In a long window it needs more than 64 bits, so it is kept as ``upper * 2**32 + lower``.
    Both parts are exact as floats, so ``upper * 2**32 + lower`` in floats is rounded once, as Python rounds the
    integer of a stream.

    Parameters
    ----------
    groups, parts : int64 (n,)
        n is at least ``window``; ``groups`` may be ``(1,)`` if there is only one group.
    high, low : int64
        The steps of each count up to the highest that occurs, in two parts.
    divisor : float64
        The entropy of a uniform choice, scaled; it may be infinite.
    """
    in_group = np.zeros(n_groups, dtype=np.int64)
    in_part = np.zeros(n_parts, dtype=np.int64)
    stride = 1 if len(groups) == len(parts) else 0
    result = np.empty(len(parts))
    result[: window - 1] = np.nan
    upper = np.int64(0)
    lower = np.int64(0)
    for i in range(len(parts)):
        group, part = groups[i * stride], parts[i]
        if i >= window:
            old_group, old_part = groups[(i - window) * stride], parts[i - window]
            if old_part != part:
                count = in_part[old_part]
                upper += high[count]
                lower += low[count]
                in_part[old_part] = count - 1
                count = in_part[part] + 1
                upper -= high[count]
                lower -= low[count]
                in_part[part] = count
            if old_group != group:
                count = in_group[old_group]
                upper -= high[count]
                lower -= low[count]
                in_group[old_group] = count - 1
                count = in_group[group] + 1
                upper += high[count]
                lower += low[count]
                in_group[group] = count
        else:
            count = in_part[part] + 1
            upper -= high[count]
            lower -= low[count]
            in_part[part] = count
            count = in_group[group] + 1
            upper += high[count]
            lower += low[count]
            in_group[group] = count
        if i >= window - 1:
            carried = upper + (lower >> 32)
            rest = lower & 0xFFFFFFFF
            value = (carried * 4294967296.0 + rest) / divisor
            result[i] = value if value < 1.0 else 1.0
    return result
