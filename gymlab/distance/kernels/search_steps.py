"""The steps that all neighbour searches share: limits for pairs, and the record of near pairs.

Every pair is compared once, for both of its series. The limit of a series is the cost (squared distance) above which
it does not need a pair: the cost of eps, or of the farthest of its k nearest so far. A pair within either limit is
computed to the end, so the graphs do not depend on the order of the work.

Results go to ``found``, the tuple ``(order, scale, series_limits, nearest, nearest_index, eps, edges,
distances, counts)``. For the k nearest, ``nearest`` and ``nearest_index`` have the shape ``(n, k)``; else they have
no columns, and pairs within ``eps`` are appended to ``edges`` (2, n_edges) and ``distances``.
"""

import numpy as np
from numba import njit

from gymlab.distance.kernels.lanes import plus_costs, row_source
from gymlab.distance.kernels.vectors import store, zeros

_FIRST = np.uint64(0)

# No cost is within this limit. It marks a lane without a pair.
NO_PAIR = np.float32(-1)

# The counters of pairs for the statistics.
SEGMENTS, KIM, KEOGH, WEBB, ACCEPTED, ABANDONED, COMPUTED, EDGES = range(8)
N_COUNTS = 8


@njit(nogil=True, cache=True, error_model="numpy")
def cost_limit(distance, scale):
    """Return the cost within which all distances of at most ``distance`` lie, rounded up."""
    root = np.float64(distance) / np.float64(scale)
    return np.float32(root * root * (1 + 5e-7))


@njit(nogil=True, cache=True, error_model="numpy")
def lane_limits(series_limits, p, begin, n, limits, offset):
    """Write the limits of ``p`` and the 16 series from ``begin`` to ``limits[0, offset:]``; return how many pairs.

    Only ``p`` and a later series are a pair; other lanes get ``NO_PAIR``.
    """
    n_pairs = 0
    own = series_limits[p]
    for lane in range(16):
        q = begin + lane
        is_pair = p < q < n
        limits[0, offset + lane] = max(own, series_limits[q]) if is_pair else NO_PAIR
        n_pairs += is_pair
    return n_pairs


@njit(nogil=True, cache=True, error_model="numpy")
def insert_neighbor(nearest, nearest_index, series_limits, p, distance, index, scale):
    """Insert a neighbour of ``p`` by distance and then index, in place of the last one."""
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
    # Another thread may have written a lower limit in between; a limit that is too high only saves less work.
    series_limits[p] = min(series_limits[p], cost_limit(nearest[p, k - 1], scale))


@njit(nogil=True, cache=True, error_model="numpy")
def record_pair(found, p, q, cost):
    """Insert a pair among the neighbours of both its series, or append it as an edge if it is within eps."""
    order, scale, series_limits, nearest, nearest_index, eps, edges, distances, counts = found
    distance = np.float32(np.sqrt(cost) * scale)
    if nearest.shape[1] > 0:
        insert_neighbor(nearest, nearest_index, series_limits, p, distance, order[q], scale)
        insert_neighbor(nearest, nearest_index, series_limits, q, distance, order[p], scale)
    elif distance <= eps:
        append_edge(edges, distances, counts, p, q, distance)


@njit(nogil=True, cache=True, error_model="numpy")
def record_lanes(found, p, begin, row, lengths, limits, offset, flight):
    """Record the lanes from ``offset`` that are within their limits; return how many pairs were computed.

    The series of these lanes begin at ``begin``.
    """
    computed, near = 0, 0
    for lane in range(16 * len(flight)):
        computed += limits[0, offset + lane] >= 0
        near += row[lengths[lane], offset + lane] <= limits[0, offset + lane]
    if near > 0:
        for lane in range(16 * len(flight)):
            cost = row[lengths[lane], offset + lane]
            if cost <= limits[0, offset + lane]:
                record_pair(found, p, begin + lane, cost)
    return computed


@njit(nogil=True, cache=True, error_model="numpy")
def append_edge(edges, distances, counts, p, q, distance):
    """Append an edge."""
    at = counts[EDGES]
    edges[0, at], edges[1, at] = p, q
    distances[at] = distance
    counts[EDGES] += 1


@njit(nogil=True, cache=True, error_model="numpy")
def accept_within_eps(found, source, p, begin, n_rows, limits, offset, flight, row):
    """Append the lanes that are within eps by their Euclidean distance; return how many others are left.

    The diagonal is a warping path. Its sum is rounded as the accumulated cost is, so it is at least that cost.
    """
    _order, scale, _series_limits, _nearest, _nearest_index, eps, edges, distances, counts = found
    total = zeros(flight)
    for i in range(n_rows):
        total = plus_costs(row_source(source, i), np.uint64(i), total)
    store(row, _FIRST, _FIRST, total)
    left = 0
    for lane in range(16 * len(flight)):
        if limits[0, offset + lane] >= 0:
            if np.float32(np.sqrt(row[0, lane]) * scale) <= eps:
                append_edge(edges, distances, counts, p, begin + lane, np.float32(0))
                limits[0, offset + lane] = NO_PAIR
                counts[ACCEPTED] += 1
            else:
                left += 1
    return left


@njit(nogil=True, cache=True, error_model="numpy")
def drop_lanes_beyond(limits, offset, bound, begin, slack, flight):
    """Drop the lanes whose bound, in ``bound[0, begin:]``, is beyond their limit; return how many are left."""
    left = 0
    for lane in range(16 * len(flight)):
        if bound[0, begin + lane] > limits[0, offset + lane] * slack:
            limits[0, offset + lane] = NO_PAIR
        left += limits[0, offset + lane] >= 0
    return left


# Compiled in: 4f30aa60e706a552
