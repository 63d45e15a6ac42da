"""Sweeps: the distances of rows of queries to blocks of lanes. Serial, and without the GIL."""

import numpy as np
from numba import njit
from numba.extending import overload

from gymlab.distance.kernels.lanes import fill_table, lane_costs
from gymlab.distance.kernels.plain import plain_lane_costs
from gymlab.distance.kernels.vectors import point

_FIRST = np.uint64(0)


def computed_costs(
    explicit, query, block, lengths, radius, weights, bounds, channels, codes, flight, ragged, row
):
    """Accumulate the costs of one query by explicit vectors or by loops; local costs are computed on the way."""


@overload(computed_costs)
def _computed_costs_by_type(
    explicit, query, block, lengths, radius, weights, bounds, channels, codes, flight, ragged, row
):
    def with_vectors(
        explicit, query, block, lengths, radius, weights, bounds, channels, codes, flight, ragged, row
    ):
        source = (query, point(weights, _FIRST, codes), block, channels)
        n = query.shape[0]
        # Nothing is abandoned, so the limits are not read: any array of their type will do.
        lane_costs(source, n, lengths, radius, bounds, row, flight, ragged, (), row)

    def with_loops(
        explicit, query, block, lengths, radius, weights, bounds, channels, codes, flight, ragged, row
    ):
        plain_lane_costs(query, block, lengths, radius, weights, channels, codes, flight, ragged, row)

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
    """Return where the distance of query ``p`` to member 0 lies, or would, when row ``first`` begins at 0."""
    if len(triangular) > 0:
        rows = p - first
        return rows * n_members - (p * (p + 1) - first * (first + 1)) // 2 - (p + 1)
    return (p - first) * n_members


@njit(nogil=True, cache=True, error_model="numpy")
def sweep(
    queries,
    query_lengths,
    first,
    stop,
    blocks,
    block_lengths,
    n_members,
    radius,
    weights,
    scale,
    row,
    bounds,
    channels,
    codes,
    flight,
    ragged,
    triangular,
    explicit,
    out,
):
    """Write the distances of ``queries[first:stop]`` to the members of all blocks to ``out``, row by row.

    Parameters
    ----------
    queries : float32 (n_queries, n_max, n_channels)
    query_lengths : int64 (n_queries,)
    first, stop : int
        The queries of this sweep.
    blocks : float32 (n_blocks, m_max, n_channels, n_lanes)
    block_lengths : int64 (n_blocks, n_lanes)
        Ascending. Lanes behind the last member repeat it.
    n_members : int
    radius : int
        −1 for no band.
    weights : float32 (1, n_codes)
    scale : float32
        What distances are multiplied with.
    row, bounds
        Scratch, see :func:`gymlab.distance.kernels.lanes.lane_costs`.
    channels, codes, flight, ragged, triangular, explicit : tuple
        Constants by their lengths. With ``triangular``, queries and members are the same series in the same
        order, and a query meets only the later ones; with ``explicit``, by vectors.
    out : float32 (n_distances,)
    """
    n_lanes = blocks.shape[3]
    for b in range((first + 1) // n_lanes if len(triangular) > 0 else 0, blocks.shape[0]):
        begin = b * n_lanes
        end = min(n_members, begin + n_lanes)
        lengths = block_lengths[b]
        block = blocks[b, : lengths[-1]]
        for p in range(first, min(stop, end - 1) if len(triangular) > 0 else stop):
            query = queries[p, : query_lengths[p]]
            computed_costs(
                explicit,
                query,
                block,
                lengths,
                radius,
                weights,
                bounds,
                channels,
                codes,
                flight,
                ragged,
                row,
            )
            start = max(begin, p + 1) if len(triangular) > 0 else begin
            position = _position(p, first, n_members, triangular) + start
            _write_out(row, lengths, start - begin, end - begin, scale, out, position)


@njit(nogil=True, cache=True, error_model="numpy")
def shared_sweep(
    starts,
    query_lengths,
    first,
    stop,
    run_starts,
    run_points,
    points,
    blocks,
    block_lengths,
    n_members,
    radius,
    weights,
    scale,
    row,
    bounds,
    table,
    channels,
    codes,
    flight,
    ragged,
    triangular,
    out,
):
    """Write the same distances as :func:`sweep`; each local cost is computed once for a run of queries.

    Parameters
    ----------
    starts : int64 (n_queries, n_max)
        Where in the run's table the costs of each time point of a query begin.
    run_starts : int64 (n_runs + 1,)
        The first query of each run.
    run_points : int64 (n_runs + 1,)
        The first of each run's distinct time points in ``points``.
    points : float32 (n_points, n_channels)
    table : float32 (n_points_of_a_run * m_max, n_lanes)
        Scratch.
    query_lengths, first, stop, blocks, block_lengths, n_members, radius, weights, scale, row, bounds
        As for :func:`sweep`.
    channels, codes, flight, ragged, triangular, out
        As for :func:`sweep`.
    """
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
def pairs_sweep(
    values,
    all_lengths,
    firsts,
    seconds,
    radius,
    weights,
    scale,
    row,
    bounds,
    block,
    channels,
    codes,
    flight,
    ragged,
    explicit,
    out,
):
    """Write the distance of each pair to ``out``; pairs that share their first series fill the lanes together.

    ``block``, float32 ``(n_max, n_channels, n_lanes)``, is scratch; the rest is as for :func:`sweep`.
    """
    n_lanes = block.shape[2]
    lengths = np.empty(n_lanes, np.int64)
    members = np.empty(n_lanes, np.int64)
    start = 0
    while start < len(firsts):
        stop = start + 1
        while stop < len(firsts) and stop - start < n_lanes and firsts[stop] == firsts[start]:
            stop += 1
        for lane in range(n_lanes):
            # Lanes are ascending in length; most often the pairs are already.
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
        computed_costs(
            explicit, query, block, lengths, radius, weights, bounds, channels, codes, flight, ragged, row
        )
        for lane in range(n_lanes):
            out[members[lane]] = np.sqrt(row[lengths[lane], lane]) * scale
        start = stop


@njit(nogil=True, cache=True, error_model="numpy")
def _condensed_row(order, p, places):
    """Write where the distances of ``order[p]`` to later members are in the condensed matrix."""
    n = len(order)
    a = order[p]
    for q in range(p + 1, n):
        b = order[q]
        low, high = min(a, b), max(a, b)
        places[q - p - 1] = n * low - low * (low + 1) // 2 + high - low - 1


@njit(nogil=True, cache=True, error_model="numpy")
def scatter_condensed(distances, order, first, stop, out):
    """Move distances of ``order[first:stop]`` to later members to their places in the condensed matrix ``out``."""
    places = np.empty(len(order), np.int64)
    position = 0
    for p in range(first, stop):
        _condensed_row(order, p, places)
        for k in range(len(order) - 1 - p):
            out[places[k]] = distances[position + k]
        position += len(order) - 1 - p


@njit(nogil=True, cache=True, error_model="numpy")
def gather_condensed(matrix, order, first, stop, out):
    """Copy the distances of ``order[first:stop]`` to later members from the condensed matrix, row by row."""
    places = np.empty(len(order), np.int64)
    position = 0
    for p in range(first, stop):
        _condensed_row(order, p, places)
        for k in range(len(order) - 1 - p):
            out[position + k] = matrix[places[k]]
        position += len(order) - 1 - p


# Compiled in: 0cd3b87de7b00a78
