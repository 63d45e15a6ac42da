"""How distances and clusters come about: exactly, by the document's approximation, or as the baseline does it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import squareform

from gymlab.actions.windows import Windows
from gymlab.budget import memory_budget
from gymlab.distance import dtw_pairs, dtw_pairwise
from gymlab.distance.blocks import Progress
from gymlab.errors import InputError, MemoryLimitError
from gymlab.patterns import baseline, clustering
from gymlab.patterns.clustering import Clustering, Tree
from gymlab.patterns.config import ExtractionConfig

# Measured: the condensed matrix in float32, the two float64 copies that scipy's linkage makes of it, and one byte.
_BYTES_PER_PAIR = 4 + 8 + 8 + 1

Pieces = NDArray[np.float32] | list[NDArray[np.float32]]


@dataclass(frozen=True)
class Distances:
    """A condensed matrix, and how many of its pairs got DTW."""

    condensed: NDArray[np.float32]
    dtw_pairs: int


def distances_of(
    windows: Windows, weights: Sequence[float], config: ExtractionConfig, progress: Progress
) -> Distances:
    """Compute the distances of windows by the strategy of the configuration.

    Raises
    ------
    InputError
        If the strategy cannot work on these windows, or there are fewer of them than patterns are asked for.
    MemoryLimitError
        If clustering them would not fit in memory.
    """
    n = len(windows)
    if config.n_clusters != "auto" and config.n_clusters > n:
        raise InputError(
            f"n_clusters is {config.n_clusters:,}, but there are only {n:,} {windows.noun} to cluster"
        )
    pieces = windows.values
    if config.strategy == "baseline":
        return _as_the_baseline(pieces, weights)
    _refuse_if_too_large(n, windows.noun)
    compute = selective if config.strategy == "selective" else exact
    return compute(pieces, weights, config, progress)


def clusters_of(condensed: NDArray[np.float32], config: ExtractionConfig) -> tuple[Tree | None, Clustering]:
    """Cluster by the configuration's linkage and cut; the baseline has no tree."""
    n_clusters = None if config.n_clusters == "auto" else config.n_clusters
    if config.strategy == "baseline":
        square = squareform(condensed).astype(np.float64) if len(condensed) else np.zeros((1, 1))
        labels = baseline.BaselineEngine.labels(square, n_clusters or baseline.N_CLUSTERS, config.seed)
        return None, clustering.describe_labels(condensed, clustering.by_size(labels))
    tree = clustering.build_tree(condensed, config.method)
    return tree, clustering.cluster_tree(condensed, tree, n_clusters=n_clusters, height=config.cut_height)


def exact(
    pieces: Pieces, weights: Sequence[float], config: ExtractionConfig, progress: Progress
) -> Distances:
    """DTW of every pair."""
    condensed = dtw_pairwise(
        pieces,
        radius=config.radius,
        n_threads=config.n_threads,
        progress=progress,
        mismatch_weights=weights,
    )
    return Distances(condensed, len(condensed))


def selective(
    pieces: Pieces, weights: Sequence[float], config: ExtractionConfig, progress: Progress
) -> Distances:
    """DTW for the closest pairs by Euclidean distance, that distance for the others.

    The Euclidean distance is an upper bound of DTW, so a pair that is far by it may be close by DTW: this is an
    approximation, and its agreement with ``exact`` depends on the log.

    Raises
    ------
    InputError
        If the pieces differ in length, where there is no Euclidean distance.
    """
    if isinstance(pieces, list):
        raise InputError(
            "strategy 'selective' compares by Euclidean distance, which needs windows of one length; this log is "
            "taken as whole series. Choose strategy 'exact', or unit 'window'"
        )
    filled = dtw_pairwise(
        pieces, radius=0, n_threads=config.n_threads, progress=progress, mismatch_weights=weights
    )
    if len(filled) == 0:
        return Distances(filled, 0)
    chosen = _closest(filled, int(np.ceil(config.top_fraction * len(filled))))
    first, second = _pairs_at(chosen, len(pieces))
    filled[chosen] = dtw_pairs(
        pieces,
        first,
        second,
        radius=config.radius,
        n_threads=config.n_threads,
        progress=progress,
        mismatch_weights=weights,
    )
    return Distances(filled, len(chosen))


def _closest(distances: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the positions of the ``count`` smallest, in order; of equals at the border the first."""
    border = np.partition(distances, count - 1)[count - 1]
    below = np.flatnonzero(distances < border)
    at = np.flatnonzero(distances == border)[: count - len(below)]
    return np.sort(np.concatenate([below, at]))


def _pairs_at(positions: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pair (i, j), i < j, at each position of a condensed matrix of n items."""
    row_starts = np.arange(n) * (2 * n - 1 - np.arange(n)) // 2
    first = np.searchsorted(row_starts, positions, side="right") - 1
    return first, positions - row_starts[first] + first + 1


def _as_the_baseline(pieces: Pieces, weights: Sequence[float]) -> Distances:
    baseline.refuse_if_slow(len(pieces))
    square = baseline.BaselineEngine().distances(baseline.one_hot_codes(pieces, weights))
    condensed = squareform(square, checks=False).astype(np.float32)
    return Distances(condensed, len(condensed))


def _refuse_if_too_large(n: int, noun: str) -> None:
    """Raise if clustering n pieces exactly would need more memory than there is.

    Raises
    ------
    MemoryLimitError
        It names the memory needed, the memory there is, and how many pieces would fit.
    """
    pairs = n * (n - 1) // 2
    limit = memory_budget()
    if pairs * _BYTES_PER_PAIR <= limit:
        return
    fits = int(np.sqrt(2 * limit / _BYTES_PER_PAIR))
    raise MemoryLimitError(
        f"{n:,} {noun} make {pairs:,} pairs; clustering them exactly needs about "
        f"{pairs * _BYTES_PER_PAIR / 1e9:.1f} GB of memory and {limit / 1e9:.1f} GB may be used, enough for "
        f"{fits:,}. Choose a hop at least {n / fits:.1f} times as large, or a part of the log (agents, sessions)"
    )
