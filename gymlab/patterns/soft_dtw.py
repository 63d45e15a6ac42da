"""The soft-DTW divergence: a smooth alternative to DTW, for small inputs."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gymlab.arguments import finite_number
from gymlab.errors import InputError
from gymlab.patterns.one_hot import ManySeries, one_hot_series

# Cells of all pairs together. tslearn needs about 50 nanoseconds for a cell, so about a minute for all.
MOST_CELLS = 1_000_000_000

# A pair needs about 20 microseconds in addition to its cells, so short series also take up to a minute.
MOST_SERIES = 1_500


def soft_dtw_pairwise(
    series: ManySeries, *, gamma: float = 1.0, mismatch_weights: Sequence[float] = ()
) -> NDArray[np.float32]:
    """Return the soft-DTW divergence of every pair of series [1]_, as a condensed matrix.

    DTW is the smallest cost of all warping paths. Soft-DTW is their soft minimum: every path counts, and the costlier
    paths count more if ``gamma`` is larger. Soft-DTW may be negative, and it is not 0 between a series and itself.
    The divergence ``soft(x, y) − (soft(x, x) + soft(y, y)) / 2`` is 0 there.

    Parameters
    ----------
    series
        Array ``(n, n_timepoints, n_channels)``, or a list of arrays ``(n_timepoints, n_channels)`` of any lengths.
    gamma
        Smoothing, above 0, in the unit of a squared difference.
    mismatch_weights
        As for :func:`gymlab.distance.dtw_pairwise`.

    Returns
    -------
    numpy.ndarray
        float32 ``(n(n−1)/2,)`` in the order of :func:`scipy.spatial.distance.pdist`, 0 or more, in squared units:
        when ``gamma`` goes to 0, the divergence goes to the square of the DTW distance. It is conjectured, but not
        proven, that the divergence is never negative for the squared cost [1]_; a negative value is returned as 0.

    Raises
    ------
    InputError
        If a series is empty or holds NaN or infinity, the channels differ, a parameter is out of range, or the work
        would take more than about a minute.

    References
    ----------
    .. [1] M. Blondel, A. Mensch and J.-P. Vert, "Differentiable divergences between time series", AISTATS 2021,
       section 3; soft-DTW is that of M. Cuturi and M. Blondel, "Soft-DTW: a differentiable loss function for
       time-series", ICML 2017.

    Examples
    --------
    >>> soft_dtw_pairwise([[0, 1, 2], [0, 1, 2], [3, 3, 3]], gamma=0.1).astype(float).round(2).tolist()
    [0.0, 14.13, 14.13]
    """
    gamma = finite_number("gamma", gamma, above=0, noun="a finite number")
    spread = one_hot_series(series, mismatch_weights)
    _refuse_too_many([len(one) for one in spread])

    with warnings.catch_warnings():
        # tslearn warns that h5py is missing. gymlab does not need it.
        warnings.filterwarnings("ignore", message="h5py not installed")
        from tslearn.metrics import cdist_soft_dtw_normalized

    square = cdist_soft_dtw_normalized(spread, gamma=gamma)
    condensed: NDArray[np.float64] = square[np.triu_indices(len(spread), 1)]
    return np.maximum(condensed, 0.0).astype(np.float32)


def _refuse_too_many(lengths: Sequence[int]) -> None:
    n = len(lengths)
    # Every pair once, and the pair of each series with itself.
    cells = (sum(lengths) ** 2 + sum(length**2 for length in lengths)) // 2
    if n <= MOST_SERIES and cells <= MOST_CELLS:
        return
    longest = max(lengths)
    allowed = min(MOST_SERIES, (math.isqrt(1 + 8 * (MOST_CELLS // longest**2)) - 1) // 2)
    fewer = f"take at most {allowed:,} of them (a larger hop, or a sample)"
    instead = fewer if allowed > 1 else "take shorter ones"

    raise InputError(
        f"soft-DTW of {n:,} series of up to {longest:,} time points has {cells:,} cells; the limits are {MOST_SERIES:,} "
        f"series and {MOST_CELLS:,} cells, which take about a minute; {instead}, or call "
        "gymlab.distance.dtw_pairwise, which has no such limit"
    )
