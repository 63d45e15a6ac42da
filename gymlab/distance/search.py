"""The kernels of neighbour queries: series against the lanes of a block, bounds first, costs only of what is left.

Every pair is looked at once, and offered to both of its series. The limit of a series is the cost (squared
distance) above which a pair is of no interest to it: that of eps, or of the worst of the k nearest known so far. A
pair within either limit is computed to the end, so what the graphs hold does not depend on the order of the work.
"""

import numpy as np
from numba import njit

from gymlab.distance.lanes import fill_table, lane_costs, plus_costs, row_source
from gymlab.distance.segments import fill_segments, segment_bound
from gymlab.distance.sweeps import computed_costs
from gymlab.distance.vectors import any_at_most, load, plus_bridged, plus_outside, point, store, zeros

_FIRST = np.uint64(0)
_INFINITY = np.float32(np.inf)
_NOBODY = np.float32(-1)

# Where the pairs went; the counters of the statistics.
SEGMENTS, KIM, KEOGH, WEBB, ACCEPTED, ABANDONED, COMPUTED = range(7)


@njit(nogil=True, cache=True, error_model="numpy")
def limit_of(distance, unit):
    """Return the cost within which all distances of at most ``distance`` lie, rounded up."""
    root = np.float64(distance) / np.float64(unit)
    return np.float32(root * root * (1 + 5e-7))


@njit(nogil=True, cache=True, error_model="numpy")
def _lane_limits(series_limits, p, begin, n, flight, limits):
    """Write the limit of each pair of ``p`` and a later series in the block; return how many pairs that are."""
    valid = 0
    own = series_limits[p]
    for lane in range(16 * len(flight)):
        q = begin + lane
        is_pair = p < q < n
        limits[0, lane] = max(own, series_limits[q]) if is_pair else _NOBODY
        valid += is_pair
    return valid


@njit(nogil=True, cache=True, error_model="numpy")
def _offer(nearest, nearest_index, series_limits, p, distance, index, unit):
    """Insert a neighbour of ``p`` where it belongs, by distance and then index; the last one leaves."""
    k = nearest.shape[1]
    place = k
    while place > 0 and (
        distance < nearest[p, place - 1]
        or (distance == nearest[p, place - 1] and index < nearest_index[p, place - 1])
    ):
        place -= 1
    if place == k:
        return
    for other in range(k - 1, place, -1):
        nearest[p, other] = nearest[p, other - 1]
        nearest_index[p, other] = nearest_index[p, other - 1]
    nearest[p, place] = distance
    nearest_index[p, place] = index
    # Another thread may have written a lower limit meanwhile; a limit that is too high is only less useful.
    series_limits[p] = min(series_limits[p], limit_of(nearest[p, k - 1], unit))


@njit(nogil=True, cache=True, error_model="numpy")
def _take(found, p, begin, row, lengths, limits, flight):
    """Hand on the lanes within their limits; return how many pairs were computed.

    ``found`` is ``(order, unit, series_limits, nearest, nearest_index, eps, edges, distances, counts)``: with
    neighbours to be kept per series, ``nearest`` has columns; else pairs within ``eps`` are appended to ``edges``.
    """
    order, unit, series_limits, nearest, nearest_index, eps, edges, distances, counts = found
    computed = 0
    if lengths[0] == lengths[-1] and not any_at_most(
        load(row, np.uint64(lengths[0]), _FIRST, flight), load(limits, _FIRST, _FIRST, flight)
    ):
        for lane in range(16 * len(flight)):
            computed += limits[0, lane] >= 0
        return computed
    for lane in range(16 * len(flight)):
        if limits[0, lane] < 0:
            continue
        computed += 1
        cost = row[lengths[lane], lane]
        if cost > limits[0, lane]:
            continue
        distance = np.float32(np.sqrt(cost) * unit)
        q = begin + lane
        if nearest.shape[1] > 0:
            _offer(nearest, nearest_index, series_limits, p, distance, order[q], unit)
            _offer(nearest, nearest_index, series_limits, q, distance, order[p], unit)
        elif distance <= eps:
            _append(edges, distances, counts, p, q, distance)
    return computed


@njit(nogil=True, cache=True, error_model="numpy")
def _append(edges, distances, counts, p, q, distance):
    at = counts[-1]
    edges[0, at], edges[1, at] = p, q
    distances[at] = distance
    counts[-1] += 1


@njit(nogil=True, cache=True, error_model="numpy")
def _accept(found, source, p, begin, n_rows, limits, flight, row):
    """Append the pairs within eps by their Euclidean distance; True if no other is left to be computed.

    The diagonal is a warping path whose sum is rounded as the accumulated cost would be, which is at most that.
    """
    _order, unit, _series_limits, _nearest, _nearest_index, eps, edges, distances, counts = found
    total = zeros(flight)
    for i in range(n_rows):
        total = plus_costs(row_source(source, i), np.uint64(i), total)
    store(row, _FIRST, _FIRST, total)
    left = 0
    for lane in range(16 * len(flight)):
        if limits[0, lane] >= 0:
            if np.float32(np.sqrt(row[0, lane]) * unit) <= eps:
                _append(edges, distances, counts, p, begin + lane, np.float32(0))
                limits[0, lane] = _NOBODY
                counts[ACCEPTED] += 1
            else:
                left += 1
    return left == 0


@njit(nogil=True, cache=True, error_model="numpy")
def _drop_beyond(limits, bound, slack, flight, counts, reason):
    """Strike the lanes whose bound, in ``bound[0]``, is beyond their limit; return how many are left."""
    left = 0
    for lane in range(16 * len(flight)):
        if limits[0, lane] >= 0:
            if bound[0, lane] > limits[0, lane] * slack:
                limits[0, lane] = _NOBODY
                counts[reason] += 1
            else:
                left += 1
    return left


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
        ``(starts, first_rows, places, of_series)``, see :class:`gymlab.distance.segments.Segments`.
    blocks, block_lengths, radius, weights, channels, codes, flight
        As for :func:`gymlab.distance.sweeps.sweep`; all series are of one length.
    slack : float32
        A bound may exceed a limit by this factor through rounding alone.
    scratch : tuple
        ``(row, bounds, limits, bound, table, segment costs)``.
    found : tuple
        See ``_take``.
    accepting : tuple
        Its length is whether to accept by the Euclidean distance.
    """
    row, bounds, limits, bound, table, costs = scratch
    counts = found[-1]
    n, n_rows = starts.shape
    n_lanes = 16 * len(flight)
    for b in range(first_block, stop_block):
        fill_table(points, weights, codes, blocks[b], channels, flight, table)
        fill_segments(segments[0], segments[1], segments[2], table, n_rows, radius, flight, row, costs)
        begin = b * n_lanes
        for p in range(min(n, begin + n_lanes) - 1):
            valid = _lane_limits(found[2], p, begin, n, flight, limits)
            lower = segment_bound(segments[3][p], costs, flight)
            store(bound, _FIRST, _FIRST, lower)
            for lane in range(n_lanes):
                bound[1, lane] = limits[0, lane] * slack
            if not any_at_most(lower, load(bound, np.uint64(1), _FIRST, flight)):
                counts[SEGMENTS] += valid
                continue
            _drop_beyond(limits, bound, slack, flight, counts, SEGMENTS)
            source = (starts[p], table)
            if len(accepting) > 0 and _accept(found, source, p, begin, n_rows, limits, flight, row):
                continue
            lengths = block_lengths[b]
            if lane_costs(source, n_rows, lengths, radius, bounds, limits, flight, (), (0,), row):
                counts[COMPUTED] += _take(found, p, begin, row, lengths, limits, flight)
            else:
                for lane in range(n_lanes):
                    counts[ABANDONED] += limits[0, lane] >= 0


@njit(nogil=True, cache=True, error_model="numpy")
def _box_costs(lower, upper, query, cost_of_mismatch, block, lengths, limits, slack, channels, bound, flight):
    """Write LB_Kim and, where ``lower`` has rows, LB_Keogh of the query's envelope to ``bound[0]``.

    Returns
    -------
    int
        0 if every lane is beyond its limit by LB_Kim alone, 1 if by both, 2 if not.
    """
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
    # The first and, where they were counted, the last points are in the bound already.
    for t in range(1, min(lower.shape[0], shortest - 1 if ends else shortest)):
        low, high = point(lower, np.uint64(t), channels), point(upper, np.uint64(t), channels)
        total = plus_outside(total, low, high, cost_of_mismatch, block, np.uint64(t))
        if t % 8 == 0 and not any_at_most(total, reach):
            return 1
    store(bound, _FIRST, _FIRST, total)
    return 2 if any_at_most(total, reach) else 1


@njit(nogil=True, cache=True, error_model="numpy")
def _add_webb(query, highest, lowest, lower, upper, shortest, channels, codes, bound, flight):
    """Add to ``bound[0]`` what LB_Webb charges the points of the query, the first and the last left out."""
    total = load(bound, _FIRST, _FIRST, flight)
    for t in range(1, shortest - 1):
        at = np.uint64(t)
        numbers, top, bottom = point(query, at, channels), point(highest, at, channels), point(lowest, at, channels)
        total = plus_bridged(total, numbers, top, bottom, lower, upper, at, codes)
    store(bound, _FIRST, _FIRST, total)


@njit(nogil=True, cache=True, error_model="numpy")
def search_computed(
    first_block,
    stop_block,
    values,
    all_lengths,
    envelopes,
    bridges,
    blocks,
    block_lengths,
    radius,
    weights,
    slack,
    packed_share,
    scratch,
    found,
    channels,
    codes,
    flight,
    ragged,
    accepting,
):
    """Look at the pairs of every series with the later ones in some blocks, local costs computed on the way.

    Parameters
    ----------
    first_block, stop_block : int
    values : float32 (n, n_timepoints, n_channels)
    all_lengths : int64 (n,)
    envelopes : tuple of float32 (n, n_timepoints, n_channels)
        Lower and upper envelope of each series, for LB_Keogh; without series where that would cost too much.
    bridges : tuple of float32
        For LB_Webb: of each series the highest lower and the lowest upper edge of its envelope within reach,
        ``(n, n_timepoints, n_channels)``, and the envelopes as blocks; likewise without any.
    blocks, block_lengths, radius, weights, channels, codes, flight, ragged
        As for :func:`gymlab.distance.sweeps.sweep`.
    slack : float32
        A bound may exceed a limit by this factor through rounding alone.
    packed_share : float
        When a smaller share of a block is left than this, its lanes wait to be packed with those of other blocks.
    scratch : tuple
        ``(row, bounds, limits, bound, pack, pending)``.
    found : tuple
        See ``_take``.
    accepting : tuple
        Its length is whether to accept by the Euclidean distance (of series of one length).
    """
    row, bounds, limits, bound, pack, pending = scratch
    counts = found[-1]
    n = values.shape[0]
    n_lanes = 16 * len(flight)
    lower, upper = envelopes[0], envelopes[1]
    cost_of_mismatch = point(weights, _FIRST, codes)
    for p in range(min(n, stop_block * n_lanes) - 1):
        query = values[p, : all_lengths[p]]
        if lower.shape[0] > 0:
            low, high = lower[p, : all_lengths[p]], upper[p, : all_lengths[p]]
        else:
            low, high = query[:0], query[:0]
        waiting = 0
        for b in range(max(first_block, (p + 1) // n_lanes), stop_block):
            begin = b * n_lanes
            lengths = block_lengths[b]
            valid = _lane_limits(found[2], p, begin, n, flight, limits)
            outcome = _box_costs(
                low,
                high,
                query,
                cost_of_mismatch,
                blocks[b],
                lengths,
                limits,
                slack,
                channels,
                bound,
                flight,
            )
            if outcome < 2:
                counts[KIM if outcome == 0 else KEOGH] += valid
                continue
            reason = KEOGH if lower.shape[0] > 0 else KIM
            left = _drop_beyond(limits, bound, slack, flight, counts, reason)
            source = (query, cost_of_mismatch, blocks[b], channels)
            if len(accepting) > 0 and left > 0:
                if _accept(found, source, p, begin, query.shape[0], limits, flight, row):
                    continue
                left = 0
                for lane in range(n_lanes):
                    left += limits[0, lane] >= 0
            if bridges[0].shape[0] > 0 and left > 0:
                highest, lowest = bridges[0][p], bridges[1][p]
                edges = bridges[2][b], bridges[3][b]
                _add_webb(query, highest, lowest, edges[0], edges[1], lengths[0], channels, codes, bound, flight)
                left = _drop_beyond(limits, bound, slack, flight, counts, WEBB)
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
                counts[COMPUTED] += _take(found, p, begin, row, lengths, limits, flight)
            else:
                counts[ABANDONED] += left
        _search_packed(
            p,
            query,
            pending[:waiting],
            values,
            all_lengths,
            radius,
            cost_of_mismatch,
            pack,
            row,
            bounds,
            limits,
            channels,
            flight,
            ragged,
            found,
        )


@njit(nogil=True, cache=True, error_model="numpy")
def _search_packed(
    p,
    query,
    pending,
    values,
    all_lengths,
    radius,
    cost_of_mismatch,
    pack,
    row,
    bounds,
    limits,
    channels,
    flight,
    ragged,
    found,
):
    """Compute the pairs of ``p`` with series from several blocks, packed into lanes."""
    order, unit, series_limits, nearest, nearest_index, eps, edges, distances, counts = found
    n_lanes = 16 * len(flight)
    lengths = np.empty(n_lanes, np.int64)
    for start in range(0, len(pending), n_lanes):
        used = min(n_lanes, len(pending) - start)
        for lane in range(n_lanes):
            q = pending[start + min(lane, used - 1)]
            lengths[lane] = all_lengths[q]
            limits[0, lane] = max(series_limits[p], series_limits[q]) if lane < used else _NOBODY
            for t in range(lengths[lane]):
                for c in range(values.shape[2]):
                    pack[t, c, lane] = values[q, t, c]
        source = (query, cost_of_mismatch, pack[: lengths[-1]], channels)
        if not lane_costs(
            source, query.shape[0], lengths, radius, bounds, limits, flight, ragged, (0,), row
        ):
            counts[ABANDONED] += used
            continue
        counts[COMPUTED] += used
        for lane in range(used):
            cost = row[lengths[lane], lane]
            if cost > limits[0, lane]:
                continue
            distance = np.float32(np.sqrt(cost) * unit)
            q = pending[start + lane]
            if nearest.shape[1] > 0:
                _offer(nearest, nearest_index, series_limits, p, distance, order[q], unit)
                _offer(nearest, nearest_index, series_limits, q, distance, order[p], unit)
            elif distance <= eps:
                _append(edges, distances, counts, p, q, distance)


@njit(nogil=True, cache=True, error_model="numpy")
def seed_limits(
    first_block,
    stop_block,
    values,
    all_lengths,
    blocks,
    block_lengths,
    radius,
    weights,
    unit,
    k,
    scratch,
    series_limits,
    channels,
    codes,
    flight,
    ragged,
    explicit,
):
    """Lower the limit of each series in some blocks to that of its k-th nearest among the blocks around it.

    Series that lie side by side, as overlapping windows do, are near each other; the limit is not final, but it
    makes the bounds work from the first pair on.
    """
    row, bounds = scratch[0], scratch[1]
    n = values.shape[0]
    n_blocks, n_lanes = blocks.shape[0], blocks.shape[3]
    n_around = min(n_blocks, 2 + (k + 1) // n_lanes)
    nearest = np.empty((1, k), np.float32)
    nothing = np.empty((1, k), np.int64)
    limit = np.empty(1, np.float32)
    for p in range(first_block * n_lanes, min(n, stop_block * n_lanes)):
        nearest[:] = _INFINITY
        nothing[:] = n
        limit[0] = _INFINITY
        first = min(max(0, p // n_lanes - n_around // 2), n_blocks - n_around)
        for b in range(first, first + n_around):
            lengths = block_lengths[b]
            query = values[p, : all_lengths[p]]
            block = blocks[b, : lengths[-1]]
            computed_costs(
                explicit, query, block, lengths, radius, weights, bounds, channels, codes, flight, ragged, row
            )
            for lane in range(min(n_lanes, n - b * n_lanes)):
                if b * n_lanes + lane != p:
                    distance = np.float32(np.sqrt(row[lengths[lane], lane]) * unit)
                    _offer(nearest, nothing, limit, 0, distance, 0, unit)
        series_limits[p] = min(series_limits[p], limit[0])
