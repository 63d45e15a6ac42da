"""The kernel: one series against the lanes of a block at once, in explicit vectors.

The inner recurrence of DTW is a chain of dependent minima, so the cells of one pair cannot be computed side by side,
but the same cell of many pairs can. A block holds its series as ``(n_timepoints, n_channels, n_lanes)``, so that one
vector instruction works on the same cell of 16 pairs, and several vectors are in flight to hide the latency of the
chain. Two rows of the accumulated cost matrix advance together: the second takes the cells of the first from
registers, which halves the loads and stores. The numbers of channels, codes and vectors in flight are lengths of
tuples. Such a length is part of a type, so it is a constant to the compiler.

Local costs come from a *source*. They are computed from ``(query, weights, block, channels)``, or looked up in
``(starts, table, lane)``. :func:`fill_table` computes the table once for the time points that many queries have in
common; row ``i`` of the query begins at row ``starts[i]`` of the table, and the lanes at column ``lane``. For vectors
of different queries, ``(starts, table, lanes, flight)`` has a row of ``starts`` and a lane for each vector. With more
than one channel, both sources give the same result, bit for bit. A result does not depend on which of two series is
the query.
"""

import numpy as np
from numba import njit, types
from numba.extending import overload

from gymlab.distance.kernels.costs import local_costs, plus_at, plus_local_costs, row_offsets
from gymlab.distance.kernels.vectors import (
    any_at_most,
    infinities,
    inside,
    load,
    plus,
    point,
    smallest,
    store,
    zeros,
)

_FIRST = np.uint64(0)
EVERY = 4  # rows between two checks of whether a lane is within its limit


def row_source(source, i):
    """Return the source of the local costs of row ``i``."""


@overload(row_source)
def _row_source_by_type(source, i):
    if len(source) == 3:
        return lambda source, i: (source[1], np.uint64(source[0][i]), source[2])
    if isinstance(source[1], types.Array):
        return lambda source, i: (
            source[1],
            row_offsets(source[1], source[0], source[2], np.uint64(i), source[3]),
        )
    return lambda source, i: (point(source[0], np.uint64(i), source[3]), source[1], source[2])


def plus_costs(row_source, j, base):
    """Return ``base`` plus the local costs of column ``j``."""


@overload(plus_costs)
def _plus_costs_by_type(row_source, j, base):
    if len(row_source) == 2:
        return lambda row_source, j, base: plus_at(base, row_source[0], row_source[1], j)
    if isinstance(row_source[0], types.Array):
        return lambda row_source, j, base: plus(
            load(row_source[0], row_source[1] + j, row_source[2], base), base
        )
    return lambda row_source, j, base: plus_local_costs(base, row_source[0], row_source[1], row_source[2], j)


@njit(nogil=True, cache=True, error_model="numpy")
def lane_costs(source, n, lengths, radius, bounds, limits, flight, ragged, abandoning, row):
    """Accumulate the cost of one query against each lane in ``row[lengths[lane], lane]``.

    Parameters
    ----------
    source : tuple
        The source of the local costs, see above.
    n : int
        Length of the query.
    lengths : int64 (n_lanes,)
        Where each lane ends, ascending.
    radius : int
        Sakoe-Chiba radius; −1 for no band.
    bounds : int32 (2, n_lanes)
        Scratch for the band of each lane.
    limits : float32 (1 or n // 4 + 1, n_lanes)
        With ``abandoning``, the cost above which a lane is not needed; or such a cost for the check after every
        fourth row, less the minimum that later rows add.
    flight, ragged, abandoning : tuple
        Their lengths are the number of vectors in a row of lanes; 1 if lanes of unequal length have their own bands,
        else 0; and 1 to abandon, else 0.
    row : float32 (m_max + 1, n_lanes)
        Scratch: one row of the accumulated cost matrix for each lane.

    Returns
    -------
    bool
        False if abandoned: every lane is above its limit, and ``row`` has no meaning.
    """
    shortest, longest = lengths[0], lengths[-1]
    banded = radius >= 0
    # Each lane's band is −(radius + max(0, n−m)) ≤ j−i ≤ radius + max(0, m−n); the loops run over their union.
    below = radius + max(0, n - shortest) if banded else n
    above = radius + max(0, longest - n) if banded else longest
    own_bands = len(ragged) > 0 and shortest < longest
    if own_bands:
        for lane in range(len(lengths)):
            bounds[0, lane] = -(radius + max(0, n - lengths[lane]))
            bounds[1, lane] = radius + max(0, lengths[lane] - n)
    unreachable = infinities(flight)
    i = 0
    if banded or n == 1:
        for j in range(1, longest + 1):
            store(row, np.uint64(j), _FIRST, unreachable)
        store(row, _FIRST, _FIRST, zeros(flight))
    else:
        # No cell above the first two rows can be reached, so no row is reset, which saves time for short series.
        upper, lower = row_source(source, 0), row_source(source, 1)
        store(row, _FIRST, _FIRST, unreachable)
        left = plus_costs(upper, _FIRST, zeros(flight))
        below_left = plus_costs(lower, _FIRST, left)
        store(row, np.uint64(1), _FIRST, below_left)
        for j in range(1, longest):
            column = np.uint64(j)
            above_it = plus_costs(upper, column, left)
            below_left = plus_costs(lower, column, smallest(smallest(left, below_left), above_it))
            store(row, column + np.uint64(1), _FIRST, below_left)
            left = above_it
        i = 2
    while i < n:
        first, last = max(0, i - below), min(longest - 1, i + above)
        upper = row_source(source, i)
        diagonal = load(row, np.uint64(first), _FIRST, flight)
        left = unreachable
        if own_bands or i + 1 == n:
            store(row, np.uint64(first), _FIRST, unreachable)
            for j in range(first, last + 1):
                column = np.uint64(j)
                up = load(row, column + np.uint64(1), _FIRST, flight)
                left = plus_costs(upper, column, smallest(smallest(diagonal, up), left))
                if len(ragged) > 0 and own_bands:
                    left = inside(left, bounds, _FIRST, np.int32(j - i))
                store(row, column + np.uint64(1), _FIRST, left)
                diagonal = up
            i += 1
        else:
            lower = row_source(source, i + 1)
            below_left = unreachable
            lower_first, lower_last = max(0, i + 1 - below), min(longest - 1, i + 1 + above)
            if lower_first > first:
                # Only the upper row has this column.
                up = load(row, np.uint64(first) + np.uint64(1), _FIRST, flight)
                left = plus_costs(upper, np.uint64(first), smallest(diagonal, up))
                diagonal = up
            store(row, np.uint64(lower_first), _FIRST, unreachable)
            for j in range(lower_first, last + 1):
                column = np.uint64(j)
                up = load(row, column + np.uint64(1), _FIRST, flight)
                above_it = plus_costs(upper, column, smallest(smallest(diagonal, up), left))
                below_left = plus_costs(lower, column, smallest(smallest(left, below_left), above_it))
                store(row, column + np.uint64(1), _FIRST, below_left)
                left, diagonal = above_it, up
            if lower_last > last:
                # Only the lower row has this column.
                column = np.uint64(lower_last)
                below_left = plus_costs(lower, column, smallest(left, below_left))
                store(row, column + np.uint64(1), _FIRST, below_left)
            i += 2
        if len(abandoning) > 0 and i % EVERY == 0 and i < n:
            limit = load(limits, np.uint64((i // EVERY) % limits.shape[0]), _FIRST, flight)
            least = unreachable
            for j in range(max(0, i - 1 - below), min(longest - 1, i - 1 + above) + 1):
                least = smallest(least, load(row, np.uint64(j) + np.uint64(1), _FIRST, flight))
            if not any_at_most(least, limit):
                return False
    return True


@njit(nogil=True, cache=True, error_model="numpy")
def fill_table(points, weights, codes, block, channels, flight, table):
    """Write the local costs of each point against each column of a block to rows of ``table``.

    Parameters
    ----------
    points : float32 (n_points, n_channels)
    weights : float32 (1, n_codes)
    block : float32 (m_max, n_channels, n_lanes)
    codes, channels, flight : tuple
        Their lengths are the numbers of channels of codes, of all channels, and of vectors in a row of lanes.
    table : float32 (n_points * m_max, n_lanes)
    """
    cost_of_mismatch = point(weights, _FIRST, codes)
    for p in range(points.shape[0]):
        numbers = point(points, np.uint64(p), channels)
        for j in range(block.shape[0]):
            costs = local_costs(numbers, cost_of_mismatch, block, np.uint64(j), flight)
            store(table, np.uint64(p * block.shape[0] + j), _FIRST, costs)


# Compiled in: 8cf0da46ee0a5559
