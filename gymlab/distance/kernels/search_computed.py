"""A neighbour query over any series: LB_Kim, LB_Keogh and LB_Webb lane by lane, then DTW for the remaining pairs."""

import numpy as np
from numba import njit

from gymlab.distance.kernels.costs import plus_bridged, plus_outside
from gymlab.distance.kernels.lanes import lane_costs, plus_costs
from gymlab.distance.kernels.search_steps import (
    ABANDONED,
    COMPUTED,
    KEOGH,
    KIM,
    NO_PAIR,
    WEBB,
    accept_within_eps,
    drop_lanes_beyond,
    lane_limits,
    record_lanes,
    record_pair,
)
from gymlab.distance.kernels.vectors import any_at_most, load, point, store, zeros

_FIRST = np.uint64(0)


@njit(nogil=True, cache=True, error_model="numpy")
def _box_costs(lower, upper, source, lengths, limits, slack, bound, flight):
    """Write LB_Kim and, where ``lower`` has rows, LB_Keogh of the query's envelope to ``bound[0]``.

    Returns
    -------
    int
        0 if LB_Kim alone puts every lane beyond its limit, 1 if both bounds do, 2 if a lane is left.
    """
    query, cost_of_mismatch, block, channels = source
    for lane in range(16 * len(flight)):
        bound[1, lane] = limits[0, lane] * slack
    reach = load(bound, np.uint64(1), _FIRST, flight)
    total = plus_costs((point(query, _FIRST, channels), cost_of_mismatch, block), _FIRST, zeros(flight))
    shortest = lengths[0]
    ends = shortest == lengths[-1] and (shortest > 1 or query.shape[0] > 1)
    if ends:
        last = point(query, np.uint64(query.shape[0] - 1), channels)
        total = plus_costs((last, cost_of_mismatch, block), np.uint64(shortest - 1), total)
    if not any_at_most(total, reach):
        return 0
    # The costs of the first points, and of the last points if they were added, are in the bound already.
    for t in range(1, min(lower.shape[0], shortest - 1 if ends else shortest)):
        low, high = point(lower, np.uint64(t), channels), point(upper, np.uint64(t), channels)
        total = plus_outside(total, low, high, cost_of_mismatch, block, np.uint64(t))
        if t % 8 == 0 and not any_at_most(total, reach):
            return 1
    store(bound, _FIRST, _FIRST, total)
    return 2 if any_at_most(total, reach) else 1


@njit(nogil=True, cache=True, error_model="numpy")
def _add_webb(query, edges, shortest, channels, codes, bound, flight):
    """Add to ``bound[0]`` the charges of LB_Webb for the points of the query, without the first and the last."""
    highest, lowest, lower, upper = edges
    total = load(bound, _FIRST, _FIRST, flight)
    for t in range(1, shortest - 1):
        at = np.uint64(t)
        numbers, top, bottom = (
            point(query, at, channels),
            point(highest, at, channels),
            point(lowest, at, channels),
        )
        total = plus_bridged(total, numbers, top, bottom, lower, upper, at, codes)
    store(bound, _FIRST, _FIRST, total)


@njit(nogil=True, cache=True, error_model="numpy")
def search_computed(
    first_block, stop_block, series, edges, lanes, slack, packed_share, scratch, found, sizes, accepting
):
    """Search the pairs of every series with the later ones in some blocks; local costs are computed for each pair.

    Parameters
    ----------
    first_block, stop_block : int
    series : tuple
        The series, float32 ``(n, n_timepoints, n_channels)``, and their lengths, int64 ``(n,)``.
    edges : tuple of float32
        For LB_Keogh, the lower and the upper edge of the envelope of each series, ``(n, n_timepoints, n_channels)``;
        for LB_Webb, of each series the highest lower and the lowest upper edge within reach, of the same shape, and
        the lower and the upper edges as blocks. Those of a bound that would cost too much are empty.
    lanes, scratch, sizes
        See :mod:`gymlab.distance.kernels.sweeps`; ``scratch`` is ``(row, bounds, limits, bound, pack, pending)``.
    slack : float32
        The factor by which rounding alone may lift a bound above a limit.
    packed_share : float
        If a smaller share of a block's lanes is left, they wait to be packed with lanes of other blocks.
    found : tuple
        See :mod:`gymlab.distance.kernels.search_steps`.
    accepting : tuple
        Of length 1 to accept pairs by their Euclidean distance (all series have one length then), else of length 0.
    """
    values, all_lengths = series
    blocks, block_lengths, radius, weights = lanes
    row, bounds, limits, bound, _pack, pending = scratch
    channels, codes, flight, ragged = sizes
    counts = found[-1]
    n = values.shape[0]
    n_lanes = 16 * len(flight)
    lower, upper, highest, lowest, lower_blocks, upper_blocks = edges
    cost_of_mismatch = point(weights, _FIRST, codes)
    for p in range(min(n, stop_block * n_lanes) - 2, -1, -1):
        query = values[p, : all_lengths[p]]
        if lower.shape[0] > 0:
            low, high = lower[p, : all_lengths[p]], upper[p, : all_lengths[p]]
        else:
            low, high = query[:0], query[:0]
        waiting = 0
        for b in range(max(first_block, (p + 1) // n_lanes), stop_block):
            begin = b * n_lanes
            lengths = block_lengths[b]
            valid = 0
            for part in range(len(flight)):
                valid += lane_limits(found[2], p, begin + 16 * part, n, limits, 16 * part)
            source = (query, cost_of_mismatch, blocks[b], channels)
            outcome = _box_costs(low, high, source, lengths, limits, slack, bound, flight)
            if outcome < 2:
                counts[KIM if outcome == 0 else KEOGH] += valid
                continue
            left = drop_lanes_beyond(limits, 0, bound, 0, slack, flight)
            counts[KEOGH if lower.shape[0] > 0 else KIM] += valid - left
            if len(accepting) > 0 and left > 0:
                left = accept_within_eps(found, source, p, begin, query.shape[0], limits, 0, flight, row)
            if highest.shape[0] > 0 and left > 0:
                of_pair = highest[p], lowest[p], lower_blocks[b], upper_blocks[b]
                _add_webb(query, of_pair, lengths[0], channels, codes, bound, flight)
                before = left
                left = drop_lanes_beyond(limits, 0, bound, 0, slack, flight)
                counts[WEBB] += before - left
            if left == 0:
                continue
            if left < packed_share * n_lanes:
                for lane in range(n_lanes):
                    if limits[0, lane] >= 0:
                        pending[waiting] = begin + lane
                        waiting += 1
                continue
            block = blocks[b, : lengths[-1]]
            source = (query, cost_of_mismatch, block, channels)
            if lane_costs(source, query.shape[0], lengths, radius, bounds, limits, flight, ragged, (0,), row):
                counts[COMPUTED] += record_lanes(found, p, begin, row, lengths, limits, 0, flight)
            else:
                counts[ABANDONED] += left
        _search_packed(p, query, waiting, series, radius, cost_of_mismatch, scratch, found, sizes)


@njit(nogil=True, cache=True, error_model="numpy")
def _search_packed(p, query, n_pending, series, radius, cost_of_mismatch, scratch, found, sizes):
    """Compute the pairs of ``p`` with the pending series of several blocks, packed into lanes."""
    values, all_lengths = series
    row, bounds, limits, _bound, pack, pending = scratch
    channels, _codes, flight, ragged = sizes
    series_limits, counts = found[2], found[-1]
    n_lanes = 16 * len(flight)
    lengths = np.empty(n_lanes, np.int64)
    for start in range(0, n_pending, n_lanes):
        used = min(n_lanes, n_pending - start)
        for lane in range(n_lanes):
            q = pending[start + min(lane, used - 1)]
            lengths[lane] = all_lengths[q]
            limits[0, lane] = max(series_limits[p], series_limits[q]) if lane < used else NO_PAIR
            for t in range(lengths[lane]):
                for c in range(values.shape[2]):
                    pack[t, c, lane] = values[q, t, c]
        source = (query, cost_of_mismatch, pack[: lengths[-1]], channels)
        if not lane_costs(source, query.shape[0], lengths, radius, bounds, limits, flight, ragged, (0,), row):
            counts[ABANDONED] += used
            continue
        counts[COMPUTED] += used
        for lane in range(used):
            cost = row[lengths[lane], lane]
            if cost <= limits[0, lane]:
                record_pair(found, p, pending[start + lane], cost)


# Compiled in: 03aa7061876dfff2
