"""The compiled loop of SLINK: one pass over the rows of distances, O(n) memory.

R. Sibson, "SLINK: an optimally efficient algorithm for the single-link cluster method", The Computer Journal 16(1),
1973. Items enter from the last to the first, so that the item that enters needs just its row of the condensed
matrix, which lies side by side.
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def enter_rows(distances, offset, n, first, stop, cores, parents, heights, row):
    """Let the items of rows ``stop − 1`` down to ``first`` enter.

    Parameters
    ----------
    distances
        float32: the rows from ``first`` on, one after the other, from ``offset`` on.
    cores
        float32 ``(n,)``: distances below the core distance of either item count as that. Empty for none.
    parents, heights
        int64 and float32 ``(n,)``: the pointer representation. Item i is the first of its cluster until
        ``heights[i]``, where it joins that of ``parents[i]``, an earlier one.
    row
        float32 ``(n,)``, scratch.
    """
    begin = first * (2 * n - first - 1) // 2
    for i in range(stop - 1, first - 1, -1):
        parents[i], heights[i] = i, np.inf
        start = offset + i * (2 * n - i - 1) // 2 - begin - i - 1
        for j in range(i + 1, n):
            row[j] = distances[start + j]
        if len(cores):
            own = cores[i]
            for j in range(i + 1, n):
                core = own if own > cores[j] else cores[j]
                row[j] = core if core > row[j] else row[j]
        for j in range(n - 1, i, -1):
            parent, d = parents[j], row[j]
            passed_on = d
            if heights[j] >= d:
                passed_on = heights[j]
                heights[j] = d
                parents[j] = i
            row[parent] = min(row[parent], passed_on)
        for j in range(n - 1, i, -1):
            if heights[j] >= heights[parents[j]]:
                parents[j] = i
