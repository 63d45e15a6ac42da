"""The baseline's way: distances in a dictionary, and from windows to patterns and entropy.

Distances that the baseline computes one by one are looked up in a table that was computed before: what a program
holds does not depend on how long it took to compute.
"""

from collections.abc import Callable, Sequence

import numpy as np
import sklearn.cluster  # noqa: F401 - what the baseline works with is loaded before its work is measured
import tslearn.metrics  # noqa: F401 - as above
from numpy.typing import NDArray

from gymlab.patterns.baseline import BaselineEngine, entropies_from_scratch


def fill_cache(sizes: Sequence[int], condensed: NDArray[np.float32]) -> int:
    """Hold distances of growing logs in a dictionary by position; return how many entries are held."""
    n = max(sizes)
    engine = BaselineEngine(_look_up(condensed, n))
    for size in sizes:
        engine.distances([np.array(index) for index in range(size)])
    return len(engine.distance_cache)


def whole_way(n: int, condensed: NDArray[np.float32], intents: Sequence[str]) -> int:
    """Go from n windows to patterns and entropy; return the number of patterns."""
    engine = BaselineEngine(_look_up(condensed, n))
    matrix = engine.distances([np.array(index) for index in range(n)])
    labels = engine.labels(matrix)
    entropies_from_scratch(intents, 100)
    return int(labels.max()) + 1


def _look_up(condensed: NDArray[np.float32], n: int) -> Callable[..., float]:
    def distance(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
        i, j = int(a), int(b)
        return float(condensed[n * i - i * (i + 1) // 2 + j - i - 1])

    return distance
