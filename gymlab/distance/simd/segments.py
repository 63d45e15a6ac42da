"""A bound for logs of few distinct time points: the cheapest way through each segment of a query, looked up.

Cut a query into segments of a few rows. Every warping path crosses each segment's rows somewhere inside the band,
and what it pays there is at least the least cost of any way through them. Where a log has few distinct time
points, few distinct segments stand at each place, and many queries share them; so for a block of lanes the least
costs are computed once for each, and the bound of a query is a sum of as many loads as it has segments. The first
segment begins in the first column and the last ends in the last, as every path does, so the bound is at least
LB_Kim. For series of equal length.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from gymlab.distance.series import IntArray
from gymlab.distance.simd.lanes import EVERY, plus_costs, row_source
from gymlab.distance.simd.vectors import infinities, load, plus, smallest, store, zeros

_FIRST = np.uint64(0)
_TABLE_BYTES = 1_000_000
_LONGEST = 8
_LARGEST_KEY = 2.0**62
_MOST_OF_THE_WORK = 0.1


@dataclass(frozen=True, eq=False)
class Segments:
    """The distinct segments of a collection, and which of them each series holds.

    Attributes
    ----------
    starts
        int64 ``(n_segments, longest)``: where the local costs of each row begin in the block's table.
    first_rows
        int64 ``(n_places + 1,)``: the first row of each place, and the end.
    places
        int64 ``(n_segments,)``: at which place a segment stands.
    of_series
        int64 ``(n, n_places)``: the segments of each series.
    """

    starts: IntArray
    first_rows: IntArray
    places: IntArray
    of_series: IntArray


def distinct_segments(starts: IntArray, cells_of_a_pair: float, band: int, n_lanes: int) -> Segments | None:
    """Return the longest segments whose table costs little, or None where even segments of two rows are too many.

    Parameters
    ----------
    starts
        int64 ``(n, n_timepoints)``: where the costs of a time point begin in the block's table; equal for equal
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
        # A segment as one number, its digits the points that it holds.
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

    ``table`` holds the local costs as of :func:`gymlab.distance.simd.lanes.fill_table`; ``row`` (n_columns + 1, n_lanes)
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
                # Into the first segment there is one way in; into a later one any, at no cost.
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
    """Write limits less what the segments still to come cost at least, for 16 lanes after every fourth row.

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


# Compiled in: 46f661e508547190
