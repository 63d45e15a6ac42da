"""Sweeps: the distances of rows of queries to blocks of lanes. Serial, and without the GIL.

All kernels of this package take the same groups of arguments:

- ``lanes``, ``(blocks, block_lengths, radius, weights)``: float32 ``(n_blocks, m_max, n_channels, n_lanes)``; int64
  ``(n_blocks, n_lanes)``, ascending; the Sakoe-Chiba radius, −1 for no band; float32 ``(1, n_codes)``, the cost of two
  codes that differ. The lanes behind the last series repeat it.
- ``sizes``, ``(channels, codes, flight, ragged)``: tuples whose lengths are constants to the compiler. They are the
  numbers of all channels, of those that are codes, and of vectors in a row of lanes; and 1 if lanes of unequal length
  have their own bands, else 0.
- ``scratch``: arrays that a kernel overwrites, ``row`` and ``bounds`` of
  :func:`gymlab.distance.kernels.lanes.lane_costs` first.
"""

import numpy as np
from numba import njit
from numba.extending import overload

from gymlab.distance.kernels.lanes import fill_table, lane_costs
from gymlab.distance.kernels.plain import plain_lane_costs
from gymlab.distance.kernels.vectors import point
from gymlab.distance.triangle import row_begins

_FIRST = np.uint64(0)


def computed_costs(explicit, query, block, lengths, radius, weights, scratch, sizes):
    """Accumulate the costs of one query by explicit vectors or by loops; local costs are computed on the way."""


@overload(computed_costs)
def _computed_costs_by_type(explicit, query, block, lengths, radius, weights, scratch, sizes):
    def with_vectors(explicit, query, block, lengths, radius, weights, scratch, sizes):
        row, bounds = scratch[0], scratch[1]
        channels, codes, flight, ragged = sizes
        source = (query, point(weights, _FIRST, codes), block, channels)
        # Nothing is abandoned, so the limits are not read: any array of this type is accepted.
        lane_costs(source, query.shape[0], lengths, radius, bounds, row, flight, ragged, (), row)

    def with_loops(explicit, query, block, lengths, radius, weights, scratch, sizes):
        plain_lane_costs(query, block, lengths, radius, weights, sizes, scratch[0])

    return with_vectors if len(explicit) else with_loops


@njit(nogil=True, cache=True, error_model="numpy")
def _write_out(row, lengths, start, stop, scale, out, position):
    """Write the distances of the lanes from ``start`` to ``stop`` to ``out[position:]``."""
    if lengths[0] == lengths[-1]:
        last = row[lengths[0]]
        for lane in range(start, stop):
            out[position + lane - start] = np.sqrt(last[lane]) * scale
    else:
        for lane in range(start, stop):
            out[position + lane - start] = np.sqrt(row[lengths[lane], lane]) * scale


@njit(nogil=True, cache=True, error_model="numpy")
def _position(p, first, n_members, triangular):
    """Return the position of the distance of query ``p`` to member 0, computed or not; row ``first`` begins at 0."""
    if len(triangular) > 0:
        rows = p - first
        return rows * n_members - (p * (p + 1) - first * (first + 1)) // 2 - (p + 1)
    return (p - first) * n_members


@njit(nogil=True, cache=True, error_model="numpy")
def sweep(series, first, stop, lanes, n_members, scale, scratch, sizes, triangular, explicit, out):
    """Write the distances of the queries from ``first`` to ``stop`` to the members of all blocks, row by row.

    Parameters
    ----------
    series : tuple
        The queries, float32 ``(n_queries, n_max, n_channels)``, and their lengths, int64 ``(n_queries,)``.
    first, stop : int
        The queries of this sweep.
    lanes, scratch, sizes
        See above; ``scratch`` is ``(row, bounds)``.
    n_members : int
    scale : float32
        The factor from the root of a cost to a distance.
    triangular, explicit : tuple
        Of length 1 or 0. With ``triangular``, queries and members are the same series in the same order, and a query
        meets only the later ones. With ``explicit``, explicit vectors are used.
    out : float32 (n_distances,)
    """
    queries, query_lengths = series
    blocks, block_lengths, radius, weights = lanes
    row, n_lanes = scratch[0], blocks.shape[3]
    for b in range((first + 1) // n_lanes if len(triangular) > 0 else 0, blocks.shape[0]):
        begin = b * n_lanes
        end = min(n_members, begin + n_lanes)
        lengths = block_lengths[b]
        block = blocks[b, : lengths[-1]]
        for p in range(first, min(stop, end - 1) if len(triangular) > 0 else stop):
            query = queries[p, : query_lengths[p]]
            computed_costs(explicit, query, block, lengths, radius, weights, scratch, sizes)
            start = max(begin, p + 1) if len(triangular) > 0 else begin
            position = _position(p, first, n_members, triangular) + start
            _write_out(row, lengths, start - begin, end - begin, scale, out, position)


@njit(nogil=True, cache=True, error_model="numpy")
def shared_sweep(series, runs, first, stop, lanes, n_members, scale, scratch, sizes, triangular, out):
    """Write the same distances as :func:`sweep`; each local cost is computed once for a run of queries.

    Parameters
    ----------
    series : tuple
        Where the costs of each time point of a query begin in the run's table, int64 ``(n_queries, n_max)``, and the
        lengths of the queries.
    runs : tuple
        The first query of each run, int64 ``(n_runs + 1,)``; the first of each run's distinct time points, int64
        ``(n_runs + 1,)``; and these points, float32 ``(n_points, n_channels)``.
    lanes, scratch, sizes
        See above; ``scratch`` is ``(row, bounds, table)``, with the table float32
        ``(n_points_of_a_run * m_max, n_lanes)``.
    first, stop, n_members, scale, triangular, out
        As for :func:`sweep`.
    """
    starts, query_lengths = series
    run_starts, run_points, points = runs
    blocks, block_lengths, radius, weights = lanes
    row, bounds, table = scratch
    channels, codes, flight, ragged = sizes
    n_lanes = blocks.shape[3]
    for b in range((first + 1) // n_lanes if len(triangular) > 0 else 0, blocks.shape[0]):
        begin = b * n_lanes
        end = min(n_members, begin + n_lanes)
        lengths = block_lengths[b]
        last = min(stop, end - 1) if len(triangular) > 0 else stop
        for run in range(len(run_starts) - 1):
            run_first, run_stop = max(first, run_starts[run]), min(last, run_starts[run + 1])
            if run_first >= run_stop:
                continue
            own = points[run_points[run] : run_points[run + 1]]
            fill_table(own, weights, codes, blocks[b], channels, flight, table)
            for p in range(run_first, run_stop):
                source = (starts[p], table, _FIRST)
                n = query_lengths[p]
                lane_costs(source, n, lengths, radius, bounds, row, flight, ragged, (), row)
                start = max(begin, p + 1) if len(triangular) > 0 else begin
                position = _position(p, first, n_members, triangular) + start
                _write_out(row, lengths, start - begin, end - begin, scale, out, position)


@njit(nogil=True, cache=True, error_model="numpy")
def pairs_sweep(series, firsts, seconds, radius, weights, scale, scratch, sizes, explicit, out):
    """Write the distance of each pair to ``out``; pairs that share their first series fill the lanes together.

    ``series`` holds the series and their lengths, ``scratch`` is ``(row, bounds, block)`` with the block float32
    ``(n_max, n_channels, n_lanes)``. The other arguments are those of :func:`sweep`.
    """
    values, all_lengths = series
    row, block = scratch[0], scratch[2]
    n_lanes = block.shape[2]
    lengths = np.empty(n_lanes, np.int64)
    members = np.empty(n_lanes, np.int64)
    start = 0
    while start < len(firsts):
        stop = start + 1
        while stop < len(firsts) and stop - start < n_lanes and firsts[stop] == firsts[start]:
            stop += 1
        for lane in range(n_lanes):
            # Lanes have to ascend in length; most often the pairs do already.
            member = min(start + lane, stop - 1)
            place = lane
            while place > 0 and all_lengths[seconds[members[place - 1]]] > all_lengths[seconds[member]]:
                members[place] = members[place - 1]
                place -= 1
            members[place] = member
        for lane in range(n_lanes):
            other = seconds[members[lane]]
            lengths[lane] = all_lengths[other]
            for t in range(lengths[lane]):
                for c in range(values.shape[2]):
                    block[t, c, lane] = values[other, t, c]
        query = values[firsts[start], : all_lengths[firsts[start]]]
        computed_costs(explicit, query, block, lengths, radius, weights, scratch, sizes)
        for lane in range(n_lanes):
            out[members[lane]] = np.sqrt(row[lengths[lane], lane]) * scale
        start = stop


@njit(nogil=True, cache=True, error_model="numpy")
def move_condensed(flat, matrix, order, first, stop, into_matrix):
    """Copy the distances of ``order[first:stop]`` to later members, row by row, to or from the condensed matrix.

    Parameters
    ----------
    flat : float32 (n_distances,)
        The distances of these rows, one row after the other.
    matrix : float32 (n (n - 1) / 2,)
    order : int64 (n,)
    first, stop : int
    into_matrix : tuple
        Of length 1 to copy from ``flat`` to ``matrix``, of length 0 for the other direction.
    """
    n, position = len(order), 0
    for p in range(first, stop):
        a = order[p]
        for q in range(p + 1, n):
            low, high = min(a, order[q]), max(a, order[q])
            place = row_begins(n, low) + high - low - 1
            if len(into_matrix) > 0:
                matrix[place] = flat[position]
            else:
                flat[position] = matrix[place]
            position += 1


# Compiled in: 94a79da5b74ac620
