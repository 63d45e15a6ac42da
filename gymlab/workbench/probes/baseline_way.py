"""The baseline's way from windows to patterns and entropy.

Distances that the baseline computes one by one are looked up in a table that was computed before: what a program
holds does not depend on how long it took to compute.
"""

from collections.abc import Sequence

import numpy as np
import sklearn.cluster  # noqa: F401 - what the baseline works with is loaded before its work is measured
import tslearn.metrics  # noqa: F401 - as above
from numpy.typing import NDArray

from gymlab.patterns.baseline import BaselineEngine, entropies_from_scratch
from gymlab.workbench.probes.caches import look_up


def whole_way(n: int, condensed: NDArray[np.float32], action_types: Sequence[str]) -> int:
    """Go from n windows to patterns and entropy; return the number of patterns."""
    engine = BaselineEngine(look_up(condensed, n))
    matrix = engine.distances([np.array(index) for index in range(n)])
    labels = engine.labels(matrix)
    entropies_from_scratch(action_types, 100)
    return int(labels.max()) + 1
