"""The candidates of a neighbour query: within which limits they are of interest, and what becomes of them.

Every pair is looked at once, and offered to both of its series. The limit of a series is the cost (squared
distance) above which a pair is of no interest to it: that of eps, or of the worst of the k nearest known so far. A
pair within either limit is computed to the end, so what the graphs hold does not depend on the order of the work.

What is found goes to ``found``, the tuple ``(order, unit, series_limits, nearest, nearest_index, eps, edges,
distances, counts)``. With neighbours to be kept for each series, ``nearest`` and ``nearest_index`` ``(n, k)`` have
columns; else pairs within ``eps`` are appended to ``edges`` (2, n_edges) and ``distances``.
"""

import numpy as np
from numba import njit

from gymlab.distance.simd.lanes import plus_costs, row_source
from gymlab.distance.simd.vectors import store, zeros

_FIRST = np.uint64(0)

# No cost is within this limit: the lane holds no candidate.
NOBODY = np.float32(-1)

# Where the pairs went; the counters of the statistics.
SEGMENTS, KIM, KEOGH, WEBB, ACCEPTED, ABANDONED, COMPUTED, EDGES = range(8)
N_COUNTS = 8


@njit(nogil=True, cache=True, error_model="numpy")
def limit_of(distance, unit):
    """Return the cost within which all distances of at most ``distance`` lie, rounded up."""
    root = np.float64(distance) / np.float64(unit)
    return np.float32(root * root * (1 + 5e-7))


@njit(nogil=True, cache=True, error_model="numpy")
def lane_limits(series_limits, p, begin, n, limits, offset):
    """Write the limits of ``p`` and the 16 series from ``begin`` to ``limits[0, offset:]``; return how many pairs.

    A pair is of ``p`` and a later series; other lanes get a limit that nothing is within.
    """
    n_pairs = 0
    own = series_limits[p]
    for lane in range(16):
        q = begin + lane
        is_pair = p < q < n
        limits[0, offset + lane] = max(own, series_limits[q]) if is_pair else NOBODY
        n_pairs += is_pair
    return n_pairs


@njit(nogil=True, cache=True, error_model="numpy")
def offer(nearest, nearest_index, series_limits, p, distance, index, unit):
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
def hand_on(found, p, q, cost):
    """Offer a pair within its limit to both of its series, or append it as an edge if it is within eps."""
    order, unit, series_limits, nearest, nearest_index, eps, edges, distances, counts = found
    distance = np.float32(np.sqrt(cost) * unit)
    if nearest.shape[1] > 0:
        offer(nearest, nearest_index, series_limits, p, distance, order[q], unit)
        offer(nearest, nearest_index, series_limits, q, distance, order[p], unit)
    elif distance <= eps:
        append(edges, distances, counts, p, q, distance)


@njit(nogil=True, cache=True, error_model="numpy")
def take(found, p, begin, row, lengths, limits, offset, flight):
    """Hand on the lanes from ``offset`` that are within their limits; return how many pairs were computed.

    The series of these lanes stand from ``begin``.
    """
    computed, near = 0, 0
    for lane in range(16 * len(flight)):
        computed += limits[0, offset + lane] >= 0
        near += row[lengths[lane], offset + lane] <= limits[0, offset + lane]
    if near > 0:
        for lane in range(16 * len(flight)):
            cost = row[lengths[lane], offset + lane]
            if cost <= limits[0, offset + lane]:
                hand_on(found, p, begin + lane, cost)
    return computed


@njit(nogil=True, cache=True, error_model="numpy")
def append(edges, distances, counts, p, q, distance):
    """Append an edge."""
    at = counts[EDGES]
    edges[0, at], edges[1, at] = p, q
    distances[at] = distance
    counts[EDGES] += 1


@njit(nogil=True, cache=True, error_model="numpy")
def accept(found, source, p, begin, n_rows, limits, offset, flight, row):
    """Append the lanes that are within eps by their Euclidean distance; return how many others are left.

    The diagonal is a warping path whose sum is rounded as the accumulated cost would be, which is at most that.
    """
    _order, unit, _series_limits, _nearest, _nearest_index, eps, edges, distances, counts = found
    total = zeros(flight)
    for i in range(n_rows):
        total = plus_costs(row_source(source, i), np.uint64(i), total)
    store(row, _FIRST, _FIRST, total)
    left = 0
    for lane in range(16 * len(flight)):
        if limits[0, offset + lane] >= 0:
            if np.float32(np.sqrt(row[0, lane]) * unit) <= eps:
                append(edges, distances, counts, p, begin + lane, np.float32(0))
                limits[0, offset + lane] = NOBODY
                counts[ACCEPTED] += 1
            else:
                left += 1
    return left


@njit(nogil=True, cache=True, error_model="numpy")
def drop_beyond(limits, offset, bound, begin, slack, flight):
    """Strike the lanes whose bound, in ``bound[0, begin:]``, is beyond their limit; return how many are left."""
    left = 0
    for lane in range(16 * len(flight)):
        if bound[0, begin + lane] > limits[0, offset + lane] * slack:
            limits[0, offset + lane] = NOBODY
        left += limits[0, offset + lane] >= 0
    return left


# Compiled in: 46f661e508547190
