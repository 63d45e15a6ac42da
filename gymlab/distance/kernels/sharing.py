"""Shared local costs: the time points that several queries share, and whether it pays to compute their costs once.

Overlapping windows hold the same time points, and a log with few action types holds few distinct points. With many
channels, most of the work of a cell is its local cost. If it is computed once for each distinct point of a run of
queries, the cell only loads it. Points are the same if their numbers are equal, bit for bit, so the origin of the
windows does not matter.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from gymlab.distance.series import Float32Array, IntArray, SeriesBatch

# The table of a run should stay in a second-level cache. The table of two windows, the smallest run that shares many
# points, may take a third-level cache.
_TABLE_BYTES = 1_000_000
_LARGEST_TABLE_BYTES = 16_000_000
_LEAST_GAIN = 1.15


@dataclass(frozen=True, eq=False)
class SharedPoints:
    """Runs of queries and the distinct time points of each.

    Attributes
    ----------
    starts
        int64 ``(n, n_timepoints)``: where in its run's table the costs of a time point begin.
    run_starts
        int64 ``(n_runs + 1,)``: the first query of each run.
    run_points
        int64 ``(n_runs + 1,)``: the first point of each run in ``points``.
    points
        float32 ``(n_points, n_channels)``.
    most_points
        The most points that a run has.
    """

    starts: IntArray
    run_starts: IntArray
    run_points: IntArray
    points: Float32Array
    most_points: int


def shared_points(
    batch: SeriesBatch, n_columns: int, cells_of_a_pair: float, n_lanes: int
) -> SharedPoints | None:
    """Return the runs of a collection of queries, or None if sharing local costs would not pay.

    Parameters
    ----------
    batch
        The queries.
    n_columns
        The time points of the longest series that the queries meet.
    cells_of_a_pair
        Cells in the band of a typical pair.
    n_lanes
        Lanes of a block.
    """
    n_channels = batch.n_channels
    # Numbers of instructions: a cell takes two minima and a sum, and each channel a difference and a product. A cost
    # from the table takes one load, and each point of a run takes the computation and a store for each column.
    local = 2 * n_channels + (1 if n_channels > 1 else 0)
    if n_channels == 1:
        return None  # a difference and a product are as cheap as a load, and would round differently
    cells = cells_of_a_pair * len(batch)
    direct = cells * (local + 2)
    looked_up = cells * 4
    if direct < _LEAST_GAIN * looked_up:
        return None
    bytes_a_point = n_columns * n_lanes * 4
    two_windows = min(2 * batch.values.shape[1], _LARGEST_TABLE_BYTES // bytes_a_point)
    most = max(_TABLE_BYTES // bytes_a_point, two_windows)
    ids, representatives = _distinct_points(batch.values, batch.lengths)
    run_starts = _runs(ids, batch.lengths, len(representatives), most)
    slots, members, run_points = _slots(ids, batch.lengths, run_starts, len(representatives))
    filled = len(members) * n_columns * (local + 1)
    if direct < _LEAST_GAIN * (looked_up + filled):
        return None
    points = batch.values.reshape(-1, n_channels)[representatives[members]]
    return SharedPoints(
        slots * n_columns, run_starts, run_points, points, int(np.diff(run_points).max(initial=0))
    )


@njit(nogil=True, cache=True, error_model="numpy")
def _distinct_points(values, lengths):
    """Return the number of each time point, and the position in ``values`` of each distinct time point.

    Equal time points have the same number. The number is −1 after the end of a series. The numbers are found by a hash
    table with open addressing; the bits of a point are multiplied and folded as in Fowler-Noll-Vo.
    """
    n, width, n_channels = values.shape
    flat = values.reshape(n * width, n_channels)
    bits = flat.view(np.uint32)
    total = lengths.sum()
    size = 64
    while size < 2 * total:
        size *= 2
    table = np.full(size, -1, np.int64)
    representatives = np.empty(total, np.int64)
    ids = np.full((n, width), -1, np.int64)
    count = 0
    for s in range(n):
        for t in range(lengths[s]):
            at = s * width + t
            hashed = np.uint64(14695981039346656037)
            for c in range(n_channels):
                hashed = (hashed ^ np.uint64(bits[at, c])) * np.uint64(1099511628211)
                hashed ^= hashed >> np.uint64(29)
            slot = np.int64(hashed & np.uint64(size - 1))
            while True:
                known = table[slot]
                if known < 0:
                    table[slot] = count
                    representatives[count] = at
                    ids[s, t] = count
                    count += 1
                    break
                other = representatives[known]
                same = True
                for c in range(n_channels):
                    if bits[at, c] != bits[other, c]:
                        same = False
                        break
                if same:
                    ids[s, t] = known
                    break
                slot = (slot + 1) & (size - 1)
    return ids, representatives[:count]


@njit(nogil=True, cache=True, error_model="numpy")
def _runs(ids, lengths, n_points, most):
    """Return the first query of each run. A run has as many queries as fit with at most ``most`` distinct points."""
    n = len(lengths)
    seen = np.full(n_points, -1, np.int64)
    starts = np.zeros(n + 1, np.int64)
    run, points = 0, 0
    for s in range(n):
        own = ids[s, : lengths[s]]
        fresh = _add_to_run(own, run, seen)
        if points + fresh > most and s > starts[run]:
            run += 1
            starts[run] = s
            points, fresh = 0, _add_to_run(own, run, seen)
        points += fresh
    starts[run + 1] = n
    return starts[: run + 2].copy()


@njit(nogil=True, cache=True, error_model="numpy")
def _add_to_run(points, run, seen):
    """Write the run to ``seen`` for each of the points; return how many points are new in the run."""
    fresh = 0
    for point in points:
        if seen[point] != run:
            seen[point] = run
            fresh += 1
    return fresh


@njit(nogil=True, cache=True, error_model="numpy")
def _slots(ids, lengths, run_starts, n_points):
    """Return the place of each time point in the points of its run, these points, and the first one of each run."""
    slots = np.zeros(ids.shape, np.int64)
    place = np.full(n_points, -1, np.int64)
    members = np.empty(lengths.sum(), np.int64)
    run_points = np.zeros(len(run_starts), np.int64)
    count = 0
    for run in range(len(run_starts) - 1):
        begin = count
        for s in range(run_starts[run], run_starts[run + 1]):
            for t in range(lengths[s]):
                point = ids[s, t]
                if place[point] < begin:
                    place[point] = count
                    members[count] = point
                    count += 1
                slots[s, t] = place[point] - begin
        run_points[run + 1] = count
    return slots, members[:count].copy(), run_points
