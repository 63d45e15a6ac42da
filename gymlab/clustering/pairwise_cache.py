"""A cache of distance matrices: each is computed once for the same series and parameters."""

from collections.abc import Sequence

from gymlab.clustering.condensed import Checkpoint, no_checkpoint
from gymlab.clustering.streaming import reporting
from gymlab.distance import dtw_pairwise
from gymlab.distance.blocks import Progress
from gymlab.distance.matrix_file import matrix_key
from gymlab.distance.series import (
    Float32Array,
    Series,
    batches,
    checked_radius,
    number_of_codes,
    weights_of_lanes,
)
from gymlab.runtime.cache import BoundedCache
from gymlab.runtime.cache_manager import cache_manager


def cached_pairwise(
    series: Series,
    *,
    radius: int | None = None,
    mismatch_weights: Sequence[float] = (),
    cache: BoundedCache | None = None,
    n_threads: int | None = None,
    progress: Progress = False,
    checkpoint: Checkpoint = no_checkpoint,
) -> Float32Array:
    """Return the matrix of :func:`gymlab.distance.dtw_pairwise`, from a cache if it was computed before.

    Two requests are the same if every value and length, the radius and the weights are the same. If two callers ask at
    the same time, each of them computes the matrix. If one caller waited for the other, it could not be cancelled
    alone, and it would stop when the other is cancelled.

    Parameters
    ----------
    series, radius, mismatch_weights, n_threads, progress
        As for :func:`gymlab.distance.dtw_pairwise`.
    cache
        By default :func:`matrix_cache`. A matrix larger than the budget of the cache is computed and not kept.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.

    Returns
    -------
    numpy.ndarray
        float32 ``(n(n−1)/2,)``, read-only, because other callers may hold the same array.

    Raises
    ------
    InputError, MemoryLimitError
        As :func:`gymlab.distance.dtw_pairwise`.

    Examples
    --------
    >>> import numpy as np
    >>> cache = BoundedCache(max_bytes=10_000)
    >>> first = cached_pairwise([[0, 1, 2], [3, 3, 3]], cache=cache)
    >>> cached_pairwise(np.array([[0, 1, 2], [3, 3, 3]]), cache=cache) is first
    True
    """
    kept = cache if cache is not None else matrix_cache()
    (batch,), scale = batches(series, n_codes=number_of_codes(mismatch_weights))
    # Checked first: unusable parameters are refused even if the cache holds a matrix under the same key.
    weights_of_lanes(mismatch_weights, batch.n_channels)
    key = matrix_key(batch, checked_radius(radius), mismatch_weights, scale)
    found: Float32Array | None = kept.get(key)
    if found is not None:
        return found
    matrix = dtw_pairwise(
        series,
        radius=radius,
        mismatch_weights=mismatch_weights,
        n_threads=n_threads,
        progress=reporting(progress, checkpoint),
    )
    matrix.flags.writeable = False
    kept.set(key, matrix)
    return matrix


def matrix_cache() -> BoundedCache:
    """Return the cache of distance matrices of this process, which takes part in the budget of all caches.

    Examples
    --------
    >>> matrix_cache() is matrix_cache()
    True
    """
    return cache_manager().cache("distance matrices", max_size=256)
