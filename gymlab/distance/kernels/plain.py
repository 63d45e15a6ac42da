"""Kernels without explicit vectors, for platforms where vectors do not compile: loops that LLVM may vectorise.

The kernels test for infinity, so their fast-math flags do not assume that NaN and infinity are absent. Sums are not
reordered, so a result is the same, bit for bit, for either of the two series as the query.
"""

import numpy as np
from numba import njit

from gymlab.distance.kernels.search_steps import COMPUTED, lane_limits, record_lanes

_FLAGS = {"contract", "nsz", "arcp"}
_INFINITY = np.float32(np.inf)


@njit(nogil=True, cache=True, fastmath=_FLAGS, error_model="numpy")
def plain_lane_costs(query, block, lengths, radius, weights, sizes, row):
    """Accumulate the cost of ``query`` against each lane of ``block`` in ``row[lengths[lane], lane]``.

    Parameters
    ----------
    query : float32 (n, n_channels)
    block : float32 (m_max, n_channels, n_lanes)
        Padded behind the end of each lane's series.
    lengths : int64 (n_lanes,)
        Where each lane ends, ascending.
    radius : int
        Sakoe-Chiba radius; −1 for no band.
    weights, sizes
        See :mod:`gymlab.distance.kernels.sweeps`; ``flight`` has an element for each 16 lanes.
    row : float32 (m_max + 1, n_lanes)
        Scratch: one row of the accumulated cost matrix for each lane.
    """
    channels, codes, flight, ragged = sizes
    n_lanes = 16 * len(flight)
    n_numeric = len(channels) - len(codes)
    n = query.shape[0]
    shortest, longest = lengths[0], lengths[-1]
    banded = radius >= 0
    below = radius + max(0, n - shortest) if banded else n
    above = radius + max(0, longest - n) if banded else longest
    row[: longest + 1] = _INFINITY
    row[0] = np.float32(0)
    left = np.empty(16 * len(flight), np.float32)
    diagonal = np.empty(16 * len(flight), np.float32)
    for i in range(n):
        first = max(0, i - below)
        last = min(longest - 1, i + above)
        for lane in range(n_lanes):
            diagonal[lane] = row[first, lane]
            left[lane] = _INFINITY
            row[first, lane] = _INFINITY
        for column in range(first, last + 1):
            # An unsigned index needs no check for a negative one, which costs up to half of the speed.
            j = np.uint64(column)
            beyond = j + np.uint64(1)
            for lane in range(n_lanes):
                cost = np.float32(0)
                for c in range(len(channels) - len(codes)):
                    difference = query[i, c] - block[j, c, lane]
                    cost += difference * difference
                for k in range(len(codes)):
                    c = n_numeric + k
                    cost += weights[0, k] if query[i, c] != block[j, c, lane] else np.float32(0)
                up = row[beyond, lane]
                best = diagonal[lane]
                best = up if up < best else best
                best = left[lane] if left[lane] < best else best
                diagonal[lane] = up
                left[lane] = cost + best
                row[beyond, lane] = left[lane]
            if len(ragged) > 0:
                for lane in range(n_lanes):
                    m = lengths[lane]
                    if column - i < -(radius + max(0, n - m)) or column - i > radius + max(0, m - n):
                        left[lane] = _INFINITY
                        row[beyond, lane] = _INFINITY


@njit(nogil=True, cache=True, error_model="numpy")
def search_plain(first_block, stop_block, series, lanes, scratch, found, sizes):
    """Compute the pairs of every series with the later ones in some blocks.

    Parameters
    ----------
    first_block, stop_block : int
    series : tuple
        The series, float32 ``(n, n_timepoints, n_channels)``, and their lengths, int64 ``(n,)``.
    lanes, scratch, sizes
        See :mod:`gymlab.distance.kernels.sweeps`; ``scratch`` is ``(row, limits)``, the limits float32
        ``(1, n_lanes)``.
    found : tuple
        See :mod:`gymlab.distance.kernels.search_steps`.
    """
    values, all_lengths = series
    blocks, block_lengths, radius, weights = lanes
    row, limits = scratch
    flight = sizes[2]
    n = values.shape[0]
    n_lanes = 16 * len(flight)
    for b in range(first_block, stop_block):
        begin = b * n_lanes
        lengths = block_lengths[b]
        block = blocks[b, : lengths[-1]]
        for p in range(min(n, begin + n_lanes) - 2, -1, -1):
            for part in range(len(flight)):
                lane_limits(found[2], p, begin + 16 * part, n, limits, 16 * part)
            query = values[p, : all_lengths[p]]
            plain_lane_costs(query, block, lengths, radius, weights, sizes, row)
            found[-1][COMPUTED] += record_lanes(found, p, begin, row, lengths, limits, 0, flight)


# Compiled in: 03aa7061876dfff2
