"""A sample clustered exactly, the rest assigned to it, and how well that can be expected to agree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gymlab.arguments import one_of
from gymlab.clustering.agreement import adjusted_rand_index
from gymlab.clustering.condensed import (
    Checkpoint,
    Labels,
    Tree,
    no_checkpoint,
    part_of_matrix,
    require_cut,
)
from gymlab.clustering.cut import Clustering, cluster_tree
from gymlab.clustering.draws import draw_sample
from gymlab.clustering.quality import Quality
from gymlab.clustering.representatives import representatives
from gymlab.clustering.streaming import number_of_series, reporting
from gymlab.clustering.tree import LINKAGES, Linkage, build_tree, by_size
from gymlab.distance import dtw_cross, dtw_pairwise
from gymlab.distance.blocks import Progress
from gymlab.distance.series import Series

# How often the agreement is measured, and the least and most of the sample that is held back for it.
_REPEATS = 5
_LEAST_HELD_BACK, _MOST_HELD_BACK = 0.2, 0.8

# A smaller sample, most of it held back, cannot tell how well it agrees.
_LEAST_TO_TELL = 20

# Distances of assignments that are held at once.
_DISTANCES_A_PART = 2**24


@dataclass(frozen=True, eq=False)
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
    distances
        float32 ``(sample_size(sample_size−1)/2,)``: the matrix of the sample.
    tree
        float64 ``(sample_size−1, 4)``: its linkage matrix.
    quality
        Of the clusters within the sample; ``silhouettes`` are in the order of ``sample``.
    representatives
        int64: the medoids of a finer cut of the tree. A series outside the sample has the label of the nearest.
    agreement
        The adjusted Rand index that clusters found so and those of an exact clustering of all can be expected to
        have, measured within the sample: the median of several repeats; NaN for a sample too small to tell.
    agreement_range
        The least and the largest of the repeats.
    explanation
        One sentence that says what ``agreement`` is.
    """

    labels: Labels
    medoids: Labels
    sample: NDArray[np.int64]
    distances: NDArray[np.float32]
    tree: Tree
    quality: Quality
    representatives: NDArray[np.int64]
    agreement: float
    agreement_range: tuple[float, float]
    explanation: str


@dataclass(frozen=True)
class _Linkage:
    """How a matrix is clustered: the sample's, and those of its parts, alike."""

    method: Linkage
    n_clusters: int | None
    height: float | None
    checkpoint: Checkpoint

    def clusters(self, matrix: NDArray[np.float32]) -> tuple[Tree, Clustering]:
        tree = build_tree(matrix, self.method, checkpoint=self.checkpoint)
        found = cluster_tree(
            matrix, tree, n_clusters=self.n_clusters, height=self.height, checkpoint=self.checkpoint
        )
        return tree, found


def cluster_sample(  # noqa: PLR0913 - what is sampled, how it is clustered, and how distances are computed
    series: NDArray[np.generic] | Sequence[ArrayLike],
    *,
    sample_size: int = 5_000,
    method: Linkage = "ward",
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
    """Cluster a random sample exactly, and give every other series the cluster of the representative nearest to it.

    Representatives are the medoids of a finer cut of the sample's tree, 500 or 20 a cluster, whichever is more.

    Parameters
    ----------
    series
        As for :func:`gymlab.distance.dtw_pairwise`; n of them.
    sample_size
        2 or more; with n or more, everything is clustered exactly. Memory grows with its square, time with
        ``sample_size``² / 2 plus n times the number of representatives.
    method, n_clusters, height
        The linkage and its cut, as for :func:`~gymlab.clustering.build_tree` and
        :func:`~gymlab.clustering.cluster_tree`.
    seed
        Draws the sample, and what is held back of it.
    groups
        One value a series, its session for instance: each group is sampled in proportion to its size.
    radius, mismatch_weights, n_threads, progress
        As for :func:`gymlab.distance.dtw_pairwise`; progress begins anew for each part of the work.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.

    Returns
    -------
    SampledClustering
        With the agreement that can be expected: of the sample a share is held back, the rest clustered without
        it, and the share assigned; the labels are compared with those of the whole sample. The share is that of
        the series outside the sample among all, at least a fifth and at most four fifths, since clusters of a small
        part of the series agree less with those of all. A low agreement says that the clusters themselves depend on
        which series there are.

    Raises
    ------
    InputError
        If a parameter is unusable, or as :func:`gymlab.distance.dtw_pairwise`.
    MemoryLimitError
        If the sample's matrix would take more memory than may be used.

    Examples
    --------
    >>> series = np.repeat([[0.0, 1, 0], [9, 8, 9]], 30, axis=0)
    >>> found = cluster_sample(series, sample_size=20, n_clusters=2)
    >>> found.labels[[0, 29, 30, 59]].tolist(), found.agreement
    ([0, 0, 1, 1], 1.0)
    """
    n = number_of_series(series)
    one_of("method", method, LINKAGES)
    sample = draw_sample(n, sample_size, groups=groups, seed=seed)
    require_cut(len(sample), n_clusters, height)
    distance = partial(
        _distances,
        radius=radius,
        mismatch_weights=mismatch_weights,
        n_threads=n_threads,
        progress=reporting(progress, checkpoint),
    )
    linkage = _Linkage(method, n_clusters, height, checkpoint)
    matrix = distance(_taken(series, sample), None)
    tree, found = linkage.clusters(matrix)
    standing = representatives(matrix, tree, found.labels, checkpoint)
    labels = np.empty(n, dtype=np.int64)
    labels[sample] = found.labels
    rest = np.setdiff1d(np.arange(n), sample)
    chosen = _taken(series, sample[standing])
    step = max(1, _DISTANCES_A_PART // len(standing))
    for part in (rest[start : start + step] for start in range(0, len(rest), step)):
        nearest = distance(_taken(series, part), chosen).argmin(axis=1)
        labels[part] = found.labels[standing[nearest]]
    held_back = min(max(len(rest) / n, _LEAST_HELD_BACK), _MOST_HELD_BACK) if len(rest) else 0.0
    rng = np.random.default_rng((seed, 1))
    agreements = [
        _agreement(matrix, found.labels, linkage, held_back, rng) for _ in range(_REPEATS if held_back else 0)
    ] or [1.0]
    renumbered = by_size(labels)
    medoids = np.empty_like(found.medoids)
    medoids[renumbered[sample[found.medoids]]] = sample[found.medoids]
    middle, limits = float(np.median(agreements)), (min(agreements), max(agreements))
    if len(rest) and len(sample) < _LEAST_TO_TELL:
        middle, limits = float("nan"), (float("nan"), float("nan"))
    return SampledClustering(
        labels=renumbered,
        medoids=medoids,
        sample=sample,
        distances=matrix,
        tree=tree,
        quality=found.quality,
        representatives=sample[standing],
        agreement=middle,
        agreement_range=limits,
        explanation=_explanation(n, len(sample), held_back, middle, limits),
    )


def _agreement(
    matrix: NDArray[np.float32],
    labels: Labels,
    linkage: _Linkage,
    held_back: float,
    rng: np.random.Generator,
) -> float:
    """Return how far the labels agree with those found without some of the items, which are then assigned."""
    n = len(labels)
    mixed = rng.permutation(n)
    n_kept = max(min(n, 2), n - round(held_back * n))
    kept, held = np.sort(mixed[:n_kept]), np.sort(mixed[n_kept:])
    part = part_of_matrix(matrix, n, kept, checkpoint=linkage.checkpoint)
    if linkage.n_clusters is not None:
        linkage = replace(linkage, n_clusters=min(linkage.n_clusters, n_kept))
    tree, clusters = linkage.clusters(part)
    standing = representatives(part, tree, clusters.labels, linkage.checkpoint)
    found = np.empty(n, dtype=np.int64)
    found[kept] = clusters.labels
    for item in held:
        low, high = np.minimum(item, kept[standing]), np.maximum(item, kept[standing])
        nearest = matrix[low * (2 * n - low - 1) // 2 + high - low - 1].argmin()
        found[item] = clusters.labels[standing[nearest]]
    return adjusted_rand_index(found, labels)


def _explanation(n: int, size: int, held_back: float, middle: float, limits: tuple[float, float]) -> str:
    if size == n:
        return f"All {n:,} were clustered exactly, so there is nothing that could disagree."
    if np.isnan(middle):
        return (
            f"{size:,} of {n:,} were clustered exactly, the others have the cluster of the nearest representative; "
            "from so few it cannot be said how well that agrees with an exact clustering of all."
        )
    return (
        f"{size:,} of {n:,} were clustered exactly, the others have the cluster of the nearest representative. In "
        f"{_REPEATS} repeats, {held_back:.0%} of the sample was held back and assigned in the same way; the adjusted "
        f"Rand index with the clusters of the whole sample was {middle:.2f} ({limits[0]:.2f} to {limits[1]:.2f}; 1 "
        "is the same clusters, 0 no more than chance). Expect agreement of this order between these clusters and "
        "those of an exact clustering of all; it may be higher or lower than in any of the repeats."
    )


def _distances(
    a: Series,
    b: Series | None,
    *,
    radius: int | None,
    mismatch_weights: Sequence[float],
    n_threads: int | None,
    progress: Progress,
) -> NDArray[np.float32]:
    if b is None:
        return dtw_pairwise(
            a, radius=radius, mismatch_weights=mismatch_weights, n_threads=n_threads, progress=progress
        )
    return dtw_cross(
        a, b, radius=radius, mismatch_weights=mismatch_weights, n_threads=n_threads, progress=progress
    )


def _taken(series: NDArray[np.generic] | Sequence[ArrayLike], items: NDArray[np.int64]) -> Series:
    return series[items] if isinstance(series, np.ndarray) else [series[item] for item in items]
