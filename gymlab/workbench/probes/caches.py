"""Distances in the dictionary of the baseline, by position, and in the cache of gymlab, by content."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from gymlab.patterns.baseline import BaselineEngine
from gymlab.runtime.cache import BoundedCache


def fill_dictionary(sizes: Sequence[int], condensed: NDArray[np.float32]) -> int:
    """Store distances of growing logs in a dictionary by position; return the number of entries."""
    n = max(sizes)
    engine = BaselineEngine(look_up(condensed, n))
    for size in sizes:
        engine.distances([np.array(index) for index in range(size)])
    return len(engine.distance_cache)


def fill_cache(sizes: Sequence[int], condensed: NDArray[np.float32]) -> int:
    """Store the matrices of the same logs in a cache by content; return the number of entries."""
    cache = BoundedCache(max_bytes=256 * 2**20, name="distances")
    n = max(sizes)
    for size in sizes:
        part = _first(condensed, n, size)
        key = hashlib.blake2b(part.tobytes(), digest_size=16).hexdigest()
        cache.set(key, part)
    return len(cache)


def look_up(condensed: NDArray[np.float32], n: int) -> Callable[..., float]:
    """Return a function that looks up the distance of two of n windows in their condensed matrix."""

    def distance(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
        i, j = int(a), int(b)
        return float(condensed[n * i - i * (i + 1) // 2 + j - i - 1])

    return distance


def _first(condensed: NDArray[np.float32], n: int, size: int) -> NDArray[np.float32]:
    """Return the condensed matrix of the first ``size`` of n items."""
    rows = [n * i - i * (i + 1) // 2 for i in range(size - 1)]
    return np.concatenate([condensed[row : row + size - 1 - i] for i, row in enumerate(rows)])
