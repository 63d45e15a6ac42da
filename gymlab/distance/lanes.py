"""The kernel: one series against ``LANES`` others at once.

The inner recurrence of DTW is a chain of dependent minima, so the cells of one pair cannot be computed side by
side; the same cell of many pairs can. The others are laid out ``(n_timepoints, n_channels, LANES)``, so that one
vector instruction works on the same cell of as many pairs as the processor's registers hold, and several
independent vectors hide the latency of the chain. ``LANES`` and the number of channels (the length of a tuple,
hence part of its type) are constants when LLVM compiles the loops.

The kernel tests for infinity, so its fast-math flags leave NaN and infinity alone. Without the freedom to
reorder sums, a result is the same bit for bit whichever of the two series is the query.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

LANES = 64

_FLAGS = {"contract", "nsz", "arcp"}
_INFINITY = np.float32(np.inf)


@njit(nogil=True, cache=True, fastmath=_FLAGS, error_model="numpy")
def lane_costs(query, block, lengths, radius, channels, codes, ragged, weights, row, out):
    """Write the DTW cost of ``query`` against each lane of ``block`` to ``out``.

    Parameters
    ----------
    query : float32 (n, n_channels + n_codes)
    block : float32 (m_max, n_channels + n_codes, LANES)
        Padded behind the end of each lane's series.
    lengths : int64 (LANES,)
        Where each lane ends.
    radius : int
        Sakoe-Chiba radius; −1 for no band.
    channels, codes, ragged : tuple
        Their lengths are the numbers of numeric channels and of category codes, and whether lanes of unequal
        length have bands of their own (0 or 1); as types they are constants to the compiler.
    weights : float32 (n_codes,)
        What it costs when two codes differ.
    row : float32 (m_max + 1, LANES)
        Scratch: one row of the accumulated cost matrix for each lane.
    out : float32 (LANES,)
        Squared distances.
    """
    n = query.shape[0]
    shortest, longest = lengths.min(), lengths.max()
    banded = radius >= 0
    # Each lane's band is −(radius + max(0, n−m)) ≤ j−i ≤ radius + max(0, m−n); the loop runs over their union.
    below = radius + max(0, n - shortest) if banded else n
    above = radius + max(0, longest - n) if banded else longest
    row[: longest + 1] = _INFINITY
    row[0] = np.float32(0)
    left = np.empty(LANES, np.float32)
    diagonal = np.empty(LANES, np.float32)
    for i in range(n):
        first = max(0, i - below)
        last = min(longest - 1, i + above)
        for lane in range(LANES):
            diagonal[lane] = row[first, lane]
            left[lane] = _INFINITY
            row[first, lane] = _INFINITY
        for column in range(first, last + 1):
            # An unsigned index spares the check for a negative one, which costs up to half of the speed.
            j = np.uint64(column)
            beyond = j + np.uint64(1)
            for lane in range(LANES):
                cost = np.float32(0)
                for c in range(len(channels)):
                    difference = query[i, c] - block[j, c, lane]
                    cost += difference * difference
                for k in range(len(codes)):
                    c = len(channels) + k
                    cost += weights[k] if query[i, c] != block[j, c, lane] else np.float32(0)
                up = row[beyond, lane]
                best = diagonal[lane]
                best = up if up < best else best
                best = left[lane] if left[lane] < best else best
                diagonal[lane] = up
                left[lane] = cost + best
                row[beyond, lane] = left[lane]
            if len(ragged) > 0:
                for lane in range(LANES):
                    m = lengths[lane]
                    if column - i < -(radius + max(0, n - m)) or column - i > radius + max(0, m - n):
                        left[lane] = _INFINITY
                        row[beyond, lane] = _INFINITY
    for lane in range(LANES):
        out[lane] = row[lengths[lane], lane]


@njit(nogil=True, cache=True, fastmath=_FLAGS, error_model="numpy")
def cross_block(queries, query_lengths, block, lengths, radius, channels, codes, ragged, weights, unit, out):
    """Write the distances of every query to every lane of one block to ``out`` (n_queries, LANES)."""
    row = np.empty((block.shape[0] + 1, LANES), np.float32)
    for i in range(queries.shape[0]):
        query = queries[i, : query_lengths[i]]
        lane_costs(query, block, lengths, radius, channels, codes, ragged, weights, row, out[i])
        for lane in range(LANES):
            out[i, lane] = np.sqrt(out[i, lane]) * unit


@njit(nogil=True, cache=True, fastmath=_FLAGS, error_model="numpy")
def condensed_block(
    values,
    all_lengths,
    order,
    start,
    stop,
    position,
    block,
    lengths,
    radius,
    channels,
    codes,
    ragged,
    weights,
    unit,
    out,
):
    """Write the distances of the series at ``order[start:stop]`` to the later ones among a block's lanes.

    The block holds the series at ``order[position : position + LANES]``; ``out`` is the condensed matrix of all.
    """
    n = values.shape[0]
    row = np.empty((block.shape[0] + 1, LANES), np.float32)
    costs = np.empty(LANES, np.float32)
    for p in range(start, stop):
        a = order[p]
        lane_costs(
            values[a, : all_lengths[a]], block, lengths, radius, channels, codes, ragged, weights, row, costs
        )
        for lane in range(max(0, p + 1 - position), min(LANES, n - position)):
            b = order[position + lane]
            low, high = min(a, b), max(a, b)
            out[n * low - low * (low + 1) // 2 + high - low - 1] = np.sqrt(costs[lane]) * unit


@njit(nogil=True, cache=True, fastmath=_FLAGS, error_model="numpy")
def pairs_run(values, all_lengths, firsts, seconds, radius, channels, codes, ragged, weights, unit, out):
    """Write the distance of each pair to ``out``; pairs that share their first series fill lanes together."""
    longest = values.shape[1]
    row = np.empty((longest + 1, LANES), np.float32)
    block = np.zeros((longest, values.shape[2], LANES), np.float32)
    lengths = np.empty(LANES, np.int64)
    costs = np.empty(LANES, np.float32)
    start = 0
    while start < len(firsts):
        stop = start + 1
        while stop < len(firsts) and stop - start < LANES and firsts[stop] == firsts[start]:
            stop += 1
        for lane in range(LANES):
            other = seconds[min(start + lane, stop - 1)]
            lengths[lane] = all_lengths[other]
            for t in range(lengths[lane]):
                for c in range(values.shape[2]):
                    block[t, c, lane] = values[other, t, c]
        query = values[firsts[start], : all_lengths[firsts[start]]]
        lane_costs(query, block, lengths, radius, channels, codes, ragged, weights, row, costs)
        for lane in range(stop - start):
            out[start + lane] = np.sqrt(costs[lane]) * unit
        start = stop


def packed_block(
    values: NDArray[np.float32], lengths: NDArray[np.int64], members: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return ``(n_timepoints, n_channels, LANES)`` and the lanes' lengths; unfilled lanes repeat the last member.

    Parameters
    ----------
    values : float32 (n, n_timepoints, n_channels)
    lengths : int64 (n,)
    members : int64 (at most LANES,)
        Which series fill the lanes.
    """
    members = np.concatenate([members, np.repeat(members[-1:], LANES - len(members))])
    longest = int(lengths[members].max())
    return np.ascontiguousarray(values[members, :longest].transpose(1, 2, 0)), lengths[members]
