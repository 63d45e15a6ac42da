"""A neighbour query where few distinct time points exist: bounds and local costs from tables."""

import numpy as np
from numba import njit

from gymlab.distance.simd.candidates import (
    ABANDONED,
    COMPUTED,
    NOBODY,
    SEGMENTS,
    accept,
    drop_beyond,
    lane_limits,
    take,
)
from gymlab.distance.simd.lanes import fill_table, lane_costs
from gymlab.distance.simd.segments import fill_segments, segment_bound, write_remaining
from gymlab.distance.simd.vectors import any_at_most, everywhere, largest, load, store

_FIRST = np.uint64(0)


@njit(nogil=True, cache=True, error_model="numpy")
def search_looked_up(
    first_block,
    stop_block,
    starts,
    points,
    segments,
    blocks,
    block_lengths,
    radius,
    weights,
    slack,
    scratch,
    found,
    channels,
    codes,
    flight,
    accepting,
):
    """Look at the pairs of every series with the later ones in some blocks, local costs and bounds looked up.

    Parameters
    ----------
    first_block, stop_block : int
    starts : int64 (n, n_timepoints)
        Where in the block's table the costs of a time point begin.
    points : float32 (n_points, n_channels)
        The distinct points.
    segments : tuple
        ``(starts, first_rows, places, of_series)``, see :class:`gymlab.distance.simd.segments.Segments`.
    blocks, block_lengths, radius, weights, channels, codes, flight
        As for :func:`gymlab.distance.simd.sweeps.sweep`; all series are of one length.
    slack : float32
        A bound may exceed a limit by this factor through rounding alone.
    scratch : tuple
        ``(row, bounds, limits, bound, table, segment costs, remaining limits, starts and lanes of the vectors)``.
    found : tuple
        See :mod:`gymlab.distance.simd.candidates`.
    accepting : tuple
        Its length is whether to accept by the Euclidean distance.
    """
    row, bounds, limits, bound, table, costs, remaining, task_starts, task_lanes = scratch
    series_limits, counts = found[2], found[-1]
    n, n_rows = starts.shape
    n_lanes = 16 * len(flight)
    tasks = np.empty(len(flight), np.int64)
    for b in range(first_block, stop_block):
        fill_table(points, weights, codes, blocks[b], channels, flight, table)
        fill_segments(segments[0], segments[1], segments[2], table, n_rows, radius, flight, row, costs)
        begin = b * n_lanes
        _write_reach(series_limits, begin, n, slack, bound, flight)
        waiting = 0
        # Series that are near in order are near each other; met first, they lower the limits for the others.
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
                # Parts that are left wait until there is one for each vector in flight.
                lane_limits(series_limits, p, begin + at, n, limits, 16 * waiting)
                alive = drop_beyond(limits, 16 * waiting, bound, at, slack, (0,))
                left += alive
                if alive == 0:
                    continue
                source = (starts[p], table, np.uint64(at))
                if len(accepting) > 0:
                    alive = accept(found, source, p, begin + at, n_rows, limits, 16 * waiting, (0,), row)
                if alive == 0:
                    continue
                write_remaining(held, segments[1], costs, at, limits, 16 * waiting, slack, remaining)
                tasks[waiting], task_lanes[waiting] = p, at
                task_starts[waiting] = starts[p]
                waiting += 1
                if waiting == len(flight):
                    _run_tasks(
                        waiting, tasks, task_starts, task_lanes, table, begin, radius, remaining, limits, bounds,
                        row, block_lengths[b], flight, found,
                    )  # fmt: skip
                    waiting = 0
                    _write_reach(series_limits, begin, n, slack, bound, flight)
            counts[SEGMENTS] += n_pairs - left
        if waiting > 0:
            remaining[:, 16 * waiting :] = NOBODY
            limits[:, 16 * waiting :] = NOBODY
            task_lanes[waiting:] = 0
            _run_tasks(
                waiting, tasks, task_starts, task_lanes, table, begin, radius, remaining, limits, bounds, row,
                block_lengths[b], flight, found,
            )  # fmt: skip


@njit(nogil=True, cache=True, error_model="numpy")
def _write_reach(series_limits, begin, n, slack, bound, flight):
    """Write to ``bound[1]`` how large a bound may be that does not rule out a block's series for their own sake."""
    for lane in range(16 * len(flight)):
        bound[1, lane] = series_limits[begin + lane] * slack if begin + lane < n else NOBODY


@njit(nogil=True, cache=True, error_model="numpy")
def _run_tasks(
    n_tasks,
    tasks,
    task_starts,
    task_lanes,
    table,
    begin,
    radius,
    remaining,
    limits,
    bounds,
    row,
    lengths,
    flight,
    found,
):
    """Compute some queries against 16 lanes of a block each, side by side."""
    counts = found[-1]
    source = (task_starts, table, task_lanes, flight)
    n_rows = task_starts.shape[1]
    if not lane_costs(source, n_rows, lengths, radius, bounds, remaining, flight, (), (0,), row):
        for lane in range(16 * n_tasks):
            counts[ABANDONED] += limits[0, lane] >= 0
        return
    for v in range(n_tasks):
        at = begin + task_lanes[v]
        counts[COMPUTED] += take(found, tasks[v], at, row, lengths, limits, 16 * v, (0,))


# Compiled in: 4bab67fb3430a79b
