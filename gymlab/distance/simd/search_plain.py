"""A neighbour query on platforms without explicit vectors: every pair computed, none ruled out."""

from numba import njit

from gymlab.distance.simd.candidates import COMPUTED, lane_limits, take
from gymlab.distance.simd.plain import plain_lane_costs


@njit(nogil=True, cache=True, error_model="numpy")
def search_plain(
    first_block,
    stop_block,
    values,
    all_lengths,
    blocks,
    block_lengths,
    radius,
    weights,
    row,
    limits,
    found,
    channels,
    codes,
    flight,
    ragged,
):
    """Compute the pairs of every series with the later ones in some blocks.

    Parameters
    ----------
    first_block, stop_block : int
    values : float32 (n, n_timepoints, n_channels)
    all_lengths : int64 (n,)
    blocks, block_lengths, radius, weights, row, channels, codes, flight, ragged
        As for :func:`gymlab.distance.simd.sweeps.sweep`.
    limits : float32 (1, n_lanes)
        Scratch.
    found : tuple
        See :mod:`gymlab.distance.simd.candidates`.
    """
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
            plain_lane_costs(query, block, lengths, radius, weights, channels, codes, flight, ragged, row)
            found[-1][COMPUTED] += take(found, p, begin, row, lengths, limits, 0, flight)


# Compiled in: 7655ab0dbc673434
