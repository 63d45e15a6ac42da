"""A sample clustered exactly, the rest assigned to it, and how well that can be expected to agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gymlab.distance import dtw_cross, dtw_pairwise
from gymlab.distance.blocks import Progress
from gymlab.distance.series import Series
from gymlab.errors import InputError
from gymlab.patterns.clustering.agreement import adjusted_rand_index
from gymlab.patterns.clustering.condensed import (
    Checkpoint,
    Labels,
    Tree,
    distance_sums,
    no_checkpoint,
    part_of_matrix,
)
from gymlab.patterns.clustering.cut import cluster_tree, medoids_of
from gymlab.patterns.clustering.quality import Quality
from gymlab.patterns.clustering.streaming import reporting
from gymlab.patterns.clustering.tree import build_tree, by_size, cut_tree
from gymlab.patterns.config import Method

# Medoids that stand for a cluster, on average, when the rest is assigned.
REPRESENTATIVES_A_CLUSTER = 20

# How often, and how much of the sample is held back to measure the agreement.
_REPEATS = 5
_HELD_BACK = 0.2

# Distances of assignments that are held at once.
_DISTANCES_A_PART = 2**24


@dataclass(frozen=True)
class SampledClustering:
    """Clusters of many series, found in a sample.

    Attributes
    ----------
    labels
        int64 ``(n,)``: the cluster of every series, 0 for the largest.
    medoids
        int64 ``(n_clusters,)``: the member of the sample with the least sum of distances to those of its cluster.
    sample
        int64 ``(sample_size,)``: which series were clustered exactly, ascending.
    tree
        float64 ``(sample_size−1, 4)``: their linkage matrix.
    quality
        Of the clusters within the sample; ``silhouettes`` are in the order of ``sample``.
    representatives
        int64: the medoids of a finer cut of the tree. A series outside the sample has the label of the nearest.
    agreement
        The adjusted Rand index that clusters found so and those of an exact clustering of all can be expected to
        have, measured within the sample: the median of several repeats.
    agreement_range
        The least and the largest of the repeats.
    explanation
        One sentence that says what ``agreement`` is.
    """

    labels: Labels
    medoids: Labels
    sample: NDArray[np.int64]
    tree: Tree
    quality: Quality
    representatives: NDArray[np.int64]
    agreement: float
    agreement_range: tuple[float, float]
    explanation: str


@dataclass(frozen=True)
class _Cut:
    """How a tree is made and cut, the same way for the sample and for its parts."""

    method: Method
    n_clusters: int | None
    height: float | None
    checkpoint: Checkpoint


def cluster_sample(
    series: NDArray[np.float32] | Sequence[ArrayLike],
    *,
    sample_size: int = 5_000,
    method: Method = "ward",
    n_clusters: int | None = None,
    height: float | None = None,
    seed: int = 0,
    groups: ArrayLike | None = None,
    radius: int | None = None,
    mismatch_weights: Sequence[float] = (),
    n_threads: int | None = None,
    progress: Progress = False,
    checkpoint: Checkpoint = no_checkpoint,
) -> SampledClustering:
    rng = np.random.default_rng(seed)
    n = len(series)
    sample = draw_sample(n, sample_size, groups=groups, seed=seed)
    distance = {
        "radius": radius,
        "mismatch_weights": mismatch_weights,
        "n_threads": n_threads,
        "progress": reporting(progress, checkpoint),
    }
    cut = _Cut(method, n_clusters, height, checkpoint)
    matrix = dtw_pairwise(_take(series, sample), **distance)
    tree = build_tree(matrix, method, checkpoint=checkpoint)
    found = cluster_tree(matrix, tree, n_clusters=n_clusters, height=height, checkpoint=checkpoint)
    standing = representatives(matrix, tree, found.labels, checkpoint=checkpoint)
    rest = np.setdiff1d(np.arange(n), sample)
    labels = np.empty(n, dtype=np.int64)
    labels[sample] = found.labels
    chosen = _take(series, sample[standing])
    step = max(1, _DISTANCES_A_PART // len(standing))
    for start in range(0, len(rest), step):
        part = rest[start : start + step]
        nearest = dtw_cross(_take(series, part), chosen, **distance).argmin(axis=1)
        labels[part] = found.labels[standing[nearest]]
    repeats = [_held_back_agreement(matrix, found.labels, cut, rng) for _ in range(_REPEATS)]
    renumbered = by_size(labels)
    medoids = np.empty_like(found.medoids)
    medoids[renumbered[sample[found.medoids]]] = sample[found.medoids]
    return SampledClustering(
        labels=renumbered,
        medoids=medoids,
        sample=sample,
        tree=tree,
        quality=found.quality,
        representatives=sample[standing],
        agreement=float(np.median(repeats)),
        agreement_range=(min(repeats), max(repeats)),
        explanation="",
    )


def representatives(
    matrix,
    tree,
    labels,
    *,
    per_cluster: int = REPRESENTATIVES_A_CLUSTER,
    checkpoint: Checkpoint = no_checkpoint,
) -> NDArray[np.int64]:
    k = int(labels.max()) + 1
    fine = cut_tree(tree, n_clusters=min(len(labels), k * per_cluster))
    return np.sort(medoids_of(distance_sums(matrix, fine, checkpoint=checkpoint), fine))


def draw_sample(
    n: int, sample_size: int, *, groups: ArrayLike | None = None, seed: int = 0
) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    size = min(n, sample_size)
    codes = (
        np.zeros(n, dtype=np.int64)
        if groups is None
        else np.unique(np.asarray(groups), return_inverse=True)[1]
    )
    counts = np.bincount(codes)
    quota = counts * (size / n)
    taken = np.floor(quota).astype(np.int64)
    left = np.argsort(taken - quota, kind="stable")[: size - taken.sum()]
    taken[left] += 1
    mixed = rng.permutation(n)
    mixed = mixed[np.argsort(codes[mixed], kind="stable")]
    rank = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(mixed[rank < taken[codes[mixed]]])


def _held_back_agreement(
    matrix,
    labels,
    cut: _Cut,
    rng: np.random.Generator,
    share=_HELD_BACK,
    per_cluster=REPRESENTATIVES_A_CLUSTER,
) -> float:
    n = len(labels)
    kept = np.sort(rng.permutation(n)[: n - int(share * n)])
    held = np.setdiff1d(np.arange(n), kept)
    part = part_of_matrix(matrix, n, kept, checkpoint=cut.checkpoint)
    tree = build_tree(part, cut.method, checkpoint=cut.checkpoint)
    k = cut.n_clusters
    found = cluster_tree(part, tree, n_clusters=k, height=cut.height, checkpoint=cut.checkpoint).labels
    standing = representatives(part, tree, found, per_cluster=per_cluster)
    low, high = np.minimum.outer(held, kept[standing]), np.maximum.outer(held, kept[standing])
    between = matrix[low * (2 * n - low - 1) // 2 + high - low - 1]
    both = np.empty(n, dtype=np.int64)
    both[kept] = found
    both[held] = found[standing[between.argmin(axis=1)]]
    return adjusted_rand_index(both, labels)


def _take(series, index):
    return series[index] if isinstance(series, np.ndarray) else [series[i] for i in index]
