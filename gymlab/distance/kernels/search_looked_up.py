"""A neighbour query for series with few distinct time points: bounds and local costs are looked up in tables.

A query is cut into segments of a few rows. Every warping path crosses the rows of each segment inside the band, and
costs there at least as much as the cheapest way through these rows. With few distinct time points there are few
distinct segments at each place, and many queries share them. So the least costs are computed once for each segment
and block of lanes, and the bound of a query is a sum of as many loads as it has segments. Like every path, the first
segment begins in the first column and the last segment ends in the last column, so the bound is at least LB_Kim. All
series have equal length.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from gymlab.distance.kernels.lanes import EVERY, fill_table, lane_costs, plus_costs, row_source
from gymlab.distance.kernels.search_steps import (
    ABANDONED,
    COMPUTED,
    NO_PAIR,
    SEGMENTS,
    accept_within_eps,
    drop_lanes_beyond,
    lane_limits,
    record_lanes,
)
from gymlab.distance.kernels.vectors import (
    any_at_most,
    everywhere,
    infinities,
    largest,
    load,
    plus,
    smallest,
    store,
    zeros,
)
from gymlab.distance.series import IntArray

_FIRST = np.uint64(0)
_TABLE_BYTES = 1_000_000
_LONGEST = 8
_LARGEST_KEY = 2.0**62
_MOST_OF_THE_WORK = 0.1


@dataclass(frozen=True, eq=False)
class Segments:
    """The distinct segments of a collection, and the segments of each series.

    Attributes
    ----------
    starts
        int64 ``(n_segments, longest)``: where the local costs of each row begin in the block's table.
    first_rows
        int64 ``(n_places + 1,)``: the first row of each place, and the end.
    places
        int64 ``(n_segments,)``: the place of each segment.
    of_series
        int64 ``(n, n_places)``: the segments of each series.
    """

    starts: IntArray
    first_rows: IntArray
    places: IntArray
    of_series: IntArray


def distinct_segments(starts: IntArray, cells_of_a_pair: float, band: int, n_lanes: int) -> Segments | None:
    """Return the longest segments whose table costs little, or None if even segments of two rows are too many.

    Parameters
    ----------
    starts
        int64 ``(n, n_timepoints)``: where the costs of a time point begin in the block's table; equal for equal time
        points.
    cells_of_a_pair
        Cells in the band of a pair.
    band
        Columns of a row in the band.
    n_lanes
        Lanes of a block.
    """
    n, n_rows = starts.shape
    points, ids = np.unique(starts, return_inverse=True)
    for length in range(min(_LONGEST, n_rows), 1, -1):
        first_rows = np.append(np.arange(0, n_rows, length), n_rows)
        if float(len(points)) ** length > _LARGEST_KEY:
            continue
        # A segment as one number, whose digits are its points.
        digits = ids.reshape(n, n_rows) * len(points) ** (np.arange(n_rows) % length)
        keys = np.add.reduceat(digits, first_rows[:-1], axis=1)
        found = [
            np.unique(keys[:, place], return_index=True, return_inverse=True)
            for place in range(keys.shape[1])
        ]
        counts = [len(segments) for segments, _, _ in found]
        work = sum(counts) * length * (band + length)
        # A block meets half of the series as queries.
        if work > _MOST_OF_THE_WORK * cells_of_a_pair * n / 2 or sum(counts) * n_lanes * 4 > _TABLE_BYTES:
            continue
        table = np.zeros((sum(counts), length), dtype=np.int64)
        of_series = np.empty((n, len(counts)), dtype=np.int64)
        offset = 0
        for place, (_, holders, inverse) in enumerate(found):
            rows = slice(first_rows[place], first_rows[place + 1])
            table[offset : offset + counts[place], : rows.stop - rows.start] = starts[holders, rows]
            of_series[:, place] = inverse + offset
            offset += counts[place]
        return Segments(table, first_rows, np.repeat(np.arange(len(counts)), counts), of_series)
    return None


@njit(nogil=True, cache=True, error_model="numpy")
def fill_segments(segment_starts, first_rows, places, table, n_columns, radius, flight, row, costs):
    """Write the least cost of a way through each segment, for each lane, to ``costs`` (n_segments, n_lanes).

    ``table`` holds the local costs as of :func:`gymlab.distance.kernels.lanes.fill_table`; ``row`` (n_columns + 1, n_lanes)
    is scratch.
    """
    n = first_rows[-1]
    reach = radius if radius >= 0 else n
    for s in range(len(places)):
        begin, end = first_rows[places[s]], first_rows[places[s] + 1]
        source = (segment_starts[s], table, _FIRST)
        row[:] = np.float32(np.inf)
        row[0] = np.float32(0)
        for i in range(begin, end):
            first, last = max(0, i - reach), min(n_columns - 1, i + reach)
            here = row_source(source, i - begin)
            diagonal = load(row, np.uint64(first), _FIRST, flight)
            left = infinities(flight)
            row[first] = np.float32(np.inf)
            for j in range(first, last + 1):
                column = np.uint64(j)
                up = load(row, column + np.uint64(1), _FIRST, flight)
                # A path enters the first segment at one cell, and a later segment at any cell without cost.
                before = zeros(flight) if i == begin > 0 else smallest(smallest(diagonal, up), left)
                left = plus_costs(here, column, before)
                store(row, column + np.uint64(1), _FIRST, left)
                diagonal = up
        if end == n:
            least = load(row, np.uint64(n_columns), _FIRST, flight)
        else:
            least = infinities(flight)
            for j in range(max(0, end - 1 - reach), min(n_columns - 1, end - 1 + reach) + 1):
                least = smallest(least, load(row, np.uint64(j) + np.uint64(1), _FIRST, flight))
        store(costs, np.uint64(s), _FIRST, least)


@njit(nogil=True, cache=True, error_model="numpy")
def segment_bound(segments, costs, flight):
    """Return the bound of a query that holds ``segments`` (n_places,), for each lane."""
    total = zeros(flight)
    for place in range(len(segments)):
        total = plus(load(costs, np.uint64(segments[place]), _FIRST, flight), total)
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def write_remaining(segments, first_rows, costs, begin, limits, offset, slack, remaining):
    """Write limits less the least cost of the remaining segments, for 16 lanes after every fourth row.

    Parameters
    ----------
    segments, first_rows, costs
        As for :func:`segment_bound` and :func:`fill_segments`.
    begin : int
        The first of the lanes in ``costs``.
    limits : float32 (1, n_lanes)
    offset : int
        The first of the lanes in ``limits`` and ``remaining``.
    slack : float32
        The factor by which rounding may make a sum of bounds too large.
    remaining : float32 (n_rows // 4 + 1, n_lanes)
    """
    place = len(segments) - 1
    last = remaining.shape[0] - 1
    for check in range(last, -1, -1):
        for lane in range(16):
            remaining[check, offset + lane] = (
                limits[0, offset + lane] * slack if check == last else remaining[check + 1, offset + lane]
            )
        while place >= 0 and first_rows[place] >= check * EVERY:
            for lane in range(16):
                remaining[check, offset + lane] -= costs[segments[place], begin + lane]
            place -= 1


@njit(nogil=True, cache=True, error_model="numpy")
def search_looked_up(
    first_block, stop_block, starts, points, segments, lanes, slack, scratch, found, sizes, accepting
):
    """Search the pairs of every series with the later ones in some blocks; local costs and bounds are looked up.

    Parameters
    ----------
    first_block, stop_block : int
    starts : int64 (n, n_timepoints)
        Where in the block's table the costs of a time point begin.
    points : float32 (n_points, n_channels)
        The distinct points.
    segments : tuple
        ``(starts, first_rows, places, of_series)``, see :class:`gymlab.distance.kernels.search_looked_up.Segments`.
    lanes, scratch, sizes
        See :mod:`gymlab.distance.kernels.sweeps`; all series have one length. ``scratch`` is ``(row, bounds, limits,
        bound, table, costs, remaining, tasks)``; the costs are those of segments, the remaining limits are those of
        :func:`write_remaining`, and the tasks are the query, the first lane and the ``starts`` of each vector.
    slack : float32
        The factor by which rounding alone may lift a bound above a limit.
    found : tuple
        See :mod:`gymlab.distance.kernels.search_steps`.
    accepting : tuple
        Of length 1 to accept pairs by their Euclidean distance, else of length 0.
    """
    blocks, block_lengths, radius, weights = lanes
    row, _bounds, limits, bound, table, costs, remaining, tasks = scratch
    channels, codes, flight, _ragged = sizes
    task_queries, task_lanes, task_starts = tasks
    series_limits, counts = found[2], found[-1]
    n, n_rows = starts.shape
    n_lanes = 16 * len(flight)
    for b in range(first_block, stop_block):
        fill_table(points, weights, codes, blocks[b], channels, flight, table)
        fill_segments(segments[0], segments[1], segments[2], table, n_rows, radius, flight, row, costs)
        begin = b * n_lanes
        _write_reach(series_limits, begin, n, slack, bound, flight)
        waiting = 0
        # Series that are near in the order have small distances; compared first, they lower the limits for the
        # others.
        for p in range(min(n, begin + n_lanes) - 2, -1, -1):
            of_block = load(bound, np.uint64(1), _FIRST, flight)
            held = segments[3][p]
            reach = largest(of_block, everywhere(series_limits[p] * slack, flight))
            n_pairs = min(n, begin + n_lanes) - max(begin, p + 1)
            lower = segment_bound(held, costs, flight)
            if not any_at_most(lower, reach):
                counts[SEGMENTS] += n_pairs
                continue
            store(bound, _FIRST, _FIRST, lower)
            left = 0
            for part in range(len(flight)):
                at = 16 * part
                # The parts that are left wait until there is one part for each vector in flight.
                lane_limits(series_limits, p, begin + at, n, limits, 16 * waiting)
                alive = drop_lanes_beyond(limits, 16 * waiting, bound, at, slack, (0,))
                left += alive
                if alive == 0:
                    continue
                source = (starts[p], table, np.uint64(at))
                if len(accepting) > 0:
                    alive = accept_within_eps(
                        found, source, p, begin + at, n_rows, limits, 16 * waiting, (0,), row
                    )
                if alive == 0:
                    continue
                write_remaining(held, segments[1], costs, at, limits, 16 * waiting, slack, remaining)
                task_queries[waiting], task_lanes[waiting] = p, at
                task_starts[waiting] = starts[p]
                waiting += 1
                if waiting == len(flight):
                    _run_tasks(waiting, begin, radius, block_lengths[b], scratch, found, flight)
                    waiting = 0
                    _write_reach(series_limits, begin, n, slack, bound, flight)
            counts[SEGMENTS] += n_pairs - left
        if waiting > 0:
            remaining[:, 16 * waiting :] = NO_PAIR
            limits[:, 16 * waiting :] = NO_PAIR
            task_lanes[waiting:] = 0
            _run_tasks(waiting, begin, radius, block_lengths[b], scratch, found, flight)


@njit(nogil=True, cache=True, error_model="numpy")
def _write_reach(series_limits, begin, n, slack, bound, flight):
    """Write to ``bound[1]`` the limits of the block's own series, with the slack for rounding."""
    for lane in range(16 * len(flight)):
        bound[1, lane] = series_limits[begin + lane] * slack if begin + lane < n else NO_PAIR


@njit(nogil=True, cache=True, error_model="numpy")
def _run_tasks(n_tasks, begin, radius, lengths, scratch, found, flight):
    """Compute the tasks side by side: each is a query against 16 lanes of a block."""
    row, bounds, limits, _bound, table, _costs, remaining, tasks = scratch
    task_queries, task_lanes, task_starts = tasks
    counts = found[-1]
    source = (task_starts, table, task_lanes, flight)
    n_rows = task_starts.shape[1]
    if not lane_costs(source, n_rows, lengths, radius, bounds, remaining, flight, (), (0,), row):
        for lane in range(16 * n_tasks):
            counts[ABANDONED] += limits[0, lane] >= 0
        return
    for v in range(n_tasks):
        at = begin + task_lanes[v]
        counts[COMPUTED] += record_lanes(found, task_queries[v], at, row, lengths, limits, 16 * v, (0,))


# Compiled in: 03aa7061876dfff2
