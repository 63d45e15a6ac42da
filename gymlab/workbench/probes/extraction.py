"""gymlab's way: distances in a bounded cache, and from actions to patterns and entropy."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions import read_actions
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.entropy import IncrementalEntropy
from gymlab.patterns.extraction import extract_patterns
from gymlab.runtime.cache import BoundedCache


def fill_cache(sizes: Sequence[int], condensed: NDArray[np.float32]) -> int:
    """Hold the matrices of the same logs in a cache keyed by content; return how many entries are held."""
    cache = BoundedCache(max_bytes=256 * 2**20, name="distances")
    n = max(sizes)
    for size in sizes:
        part = _first(condensed, n, size)
        key = hashlib.blake2b(part.tobytes(), digest_size=16).hexdigest()
        cache.set(key, part)
    return len(cache)


def whole_way(actions: pd.DataFrame, config: ExtractionConfig) -> int:
    """Go from actions to patterns and entropy; return the number of patterns."""
    entropy = IncrementalEntropy(window=100)
    for intent in actions["action_type"].iloc[:500]:
        entropy.add(intent)
        entropy.get_entropy()
    return len(extract_patterns(actions, config).patterns)


def extract_file(source: str | Path) -> tuple[int, int, dict[str, float]]:
    """Read and extract a log with the default parameters; return windows, pairs and seconds by stage."""
    stats = extract_patterns(read_actions(source)).stats
    return stats.windows, stats.pairs, dict(stats.stages)


def _first(condensed: NDArray[np.float32], n: int, size: int) -> NDArray[np.float32]:
    """Return the condensed matrix of the first ``size`` of n items."""
    rows = [n * i - i * (i + 1) // 2 for i in range(size - 1)]
    return np.concatenate([condensed[row : row + size - 1 - i] for i, row in enumerate(rows)])
