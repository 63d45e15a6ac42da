"""Clusters of a sample, the placement of all other series by representatives, and the expected agreement."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gymlab.arguments import one_of, whole_number
from gymlab.clustering.agreement import adjusted_rand_index
from gymlab.clustering.clusters import Clustering, Quality, cluster_tree, medoids_of
from gymlab.clustering.condensed import (
    Checkpoint,
    Labels,
    Tree,
    checked_labels,
    distance_sums,
    distances_between,
    no_checkpoint,
    part_of_matrix,
)
from gymlab.clustering.linkage import (
    LINKAGES,
    Linkage,
    build_tree,
    by_size_with_medoids,
    cut_tree,
    n_leaves_of,
    require_cut,
)
from gymlab.clustering.streaming import number_of_series, reporting
from gymlab.distance import dtw_cross, dtw_pairwise
from gymlab.distance.blocks import Progress
from gymlab.errors import InputError

# How often the agreement is measured, and the least and the largest share of the sample held back for it.
_REPEATS = 5
_LEAST_HELD_BACK, _MOST_HELD_BACK = 0.2, 0.8

# In a smaller sample, the agreement cannot be measured: most of it is held back.
_LEAST_TO_TELL = 20

# Distances to representatives that are held at once.
_DISTANCES_AT_ONCE = 2**24

# There are 20 representatives for each cluster on average, or 500 for all clusters together if that is more. With a
# single representative for each cluster, the borders between clusters would differ from those in the tree.
_REPRESENTATIVES = 500
_REPRESENTATIVES_A_CLUSTER = 20


@dataclass(frozen=True, eq=False)
class SampledClustering:
    """Clusters of many series, found in a sample.

    Attributes
    ----------
    labels
        int64 ``(n,)``: the cluster of every series, 0 for the largest.
    medoids
        int64 ``(n_clusters,)``: the medoid of each cluster, found among its series in the sample.
    sample
        int64 ``(sample_size,)``: which series were clustered exactly, ascending.
    distances
        float32 ``(sample_size(sample_size−1)/2,)``: the matrix of the sample.
    tree
        float64 ``(sample_size−1, 4)``: its linkage matrix.
    quality
        The quality of the clusters within the sample; ``silhouettes`` are in the order of ``sample``.
    representatives
        int64: the medoids of a finer cut of the tree. A series outside the sample has the label of its nearest one.
    agreement
        The expected adjusted Rand index between these clusters and those of an exact clustering of all series. It is
        measured within the sample: the median of several repeats; NaN for a sample that is too small.
    agreement_range
        The least and the largest of the repeats.
    explanation
        ``agreement`` in words.
    """

    labels: Labels = field(repr=False)
    medoids: Labels = field(repr=False)
    sample: NDArray[np.int64] = field(repr=False)
    distances: NDArray[np.float32] = field(repr=False)
    tree: Tree = field(repr=False)
    quality: Quality
    representatives: NDArray[np.int64] = field(repr=False)
    agreement: float
    agreement_range: tuple[float, float]
    explanation: str


def cluster_sample(  # noqa: PLR0913 - options of the sample, of the clusters and of the distances
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

    Representatives are the medoids of a finer cut of the sample's tree: 500, or 20 for each cluster if that is more.

    Parameters
    ----------
    series
        As for :func:`gymlab.distance.dtw_pairwise`; n series.
    sample_size
        2 or more; with n or more, everything is clustered exactly. Memory grows with its square, time with
        ``sample_size``² / 2 plus n times the number of representatives.
    method, n_clusters, height
        The linkage and its cut, as for :func:`~gymlab.clustering.build_tree` and
        :func:`~gymlab.clustering.cluster_tree`.
    seed
        Seed of the sample, and of the parts of it that are held back.
    groups
        One value for each series, for example its session: each group is sampled in proportion to its size.
    radius, mismatch_weights, n_threads, progress
        As for :func:`gymlab.distance.dtw_pairwise`; progress starts again for each part of the work.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.

    Returns
    -------
    SampledClustering
        With the expected agreement. To measure it, a part of the sample is held back, the rest is clustered, and the
        part is assigned to these clusters. The labels are compared with those of the whole sample. The part has the
        same share of the sample as the series outside the sample have of all series, but at least a fifth and at most
        four fifths: clusters of a small part of the series agree less with those of all series. A low agreement means
        that the clusters depend on which series are in the sample.

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
    report = reporting(progress, checkpoint)
    how: dict[str, Any] = {
        "radius": radius,
        "mismatch_weights": mismatch_weights,
        "n_threads": n_threads,
        "progress": report,
    }

    def clusters_of(matrix: NDArray[np.float32], n_items: int) -> tuple[Tree, Clustering, Labels]:
        tree = build_tree(matrix, method, checkpoint=checkpoint)
        k = None if n_clusters is None else min(n_clusters, n_items)
        clusters = cluster_tree(matrix, tree, n_clusters=k, height=height, checkpoint=checkpoint)
        return tree, clusters, representatives(matrix, tree, clusters.labels, checkpoint)

    matrix = dtw_pairwise(series_at(series, sample), **how)
    tree, found, chosen = clusters_of(matrix, len(sample))
    rest = np.setdiff1d(np.arange(n), sample)
    typical = series_at(series, sample[chosen])
    nearest, _ = nearest_representatives(series, rest, typical, partial(dtw_cross, **how))
    labels = np.empty(n, dtype=np.int64)
    labels[sample], labels[rest] = found.labels, found.labels[chosen[nearest]]
    held_back = min(max(len(rest) / n, _LEAST_HELD_BACK), _MOST_HELD_BACK) if len(rest) else 0.0
    rng = np.random.default_rng((seed, 1))

    def agreement() -> float:
        """Hold back some items, cluster the others, assign the items held back, and return the agreement."""
        mixed = rng.permutation(len(sample))
        n_kept = max(min(len(sample), 2), len(sample) - round(held_back * len(sample)))
        kept, held = np.sort(mixed[:n_kept]), np.sort(mixed[n_kept:])
        part = part_of_matrix(matrix, len(sample), kept, checkpoint=checkpoint)
        _, clusters, few = clusters_of(part, n_kept)
        nearest, _ = nearest_representatives(
            np.arange(len(sample)),
            held,
            kept[few],
            lambda items, others: distances_between(matrix, len(sample), items[:, None], others),
        )
        again = np.empty(len(sample), dtype=np.int64)
        again[kept], again[held] = clusters.labels, clusters.labels[few[nearest]]
        return adjusted_rand_index(again, found.labels)

    agreements = [agreement() for _ in range(_REPEATS if held_back else 0)] or [1.0]
    if len(rest) and len(sample) < _LEAST_TO_TELL:
        agreements = [float("nan")]
    middle, limits = float(np.median(agreements)), (min(agreements), max(agreements))
    renumbered, medoids = by_size_with_medoids(labels, sample[found.medoids])
    return SampledClustering(
        labels=renumbered,
        medoids=medoids,
        sample=sample,
        distances=matrix,
        tree=tree,
        quality=found.quality,
        representatives=sample[chosen],
        agreement=middle,
        agreement_range=limits,
        explanation=_explanation(n, len(sample), held_back, middle, limits),
    )


def draw_sample(
    n: int, sample_size: int, *, groups: ArrayLike | None = None, seed: int = 0
) -> NDArray[np.int64]:
    """Return ``sample_size`` of n items, drawn at random without replacement, ascending; or all if n is not larger.

    Parameters
    ----------
    n, sample_size
        The number of items, and how many of them to draw.
    groups
        One value for each item. Each group gets its share of the sample, rounded down; the groups that lose most by
        rounding get one more. Ties go to the first group.
    seed
        The same seed gives the same sample.

    Raises
    ------
    InputError
        If the size is below 2, or ``groups`` does not hold one value for each item.

    Examples
    --------
    >>> draw_sample(6, 3, groups=list("aabbbb")).tolist()
    [0, 2, 3]
    """
    whole_number("sample_size", sample_size, least=2)
    whole_number("seed", seed, least=0)
    codes = np.zeros(n, dtype=np.int64)
    if groups is not None:
        values = np.asarray(groups)
        if values.shape != (n,):
            raise InputError(f"groups have shape {values.shape}; give one value for each of {n} series")
        codes = np.unique(values, return_inverse=True)[1]
    size, counts = min(n, int(sample_size)), np.bincount(codes)
    shares = counts * (size / max(n, 1))
    taken = np.floor(shares + 1e-9).astype(np.int64)
    taken[np.argsort(taken - shares, kind="stable")[: size - int(taken.sum())]] += 1
    mixed = np.random.default_rng(seed).permutation(n)
    mixed = mixed[np.argsort(codes[mixed], kind="stable")]
    place_in_group = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    sample: NDArray[np.int64] = np.sort(mixed[place_in_group < taken[codes[mixed]]])
    return sample


def representatives(
    matrix: NDArray[np.float32],
    tree: Tree,
    labels: Labels,
    checkpoint: Checkpoint = no_checkpoint,
    *,
    at_most: int | None = None,
) -> NDArray[np.int64]:
    """Return the representatives of the clusters of a tree, by which other items are placed: medoids of a finer cut.

    Parameters
    ----------
    matrix, tree, labels
        The condensed matrix of n items, its linkage matrix, and a cut of it.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.
    at_most
        The largest number of representatives. There is at least one for each cluster.

    Returns
    -------
    numpy.ndarray
        int64, ascending: 500, or 20 for each cluster if that is more; fewer if there are fewer distinct items.

    Raises
    ------
    InputError
        If matrix, tree and labels do not belong to the same items.

    Examples
    --------
    >>> from gymlab.clustering.linkage import build_tree
    >>> matrix = np.array([1, 9, 9], dtype=np.float32)
    >>> tree = build_tree(matrix)
    >>> representatives(matrix, tree, cut_tree(tree, n_clusters=2)).tolist()
    [0, 1, 2]
    """
    n_clusters = int(checked_labels(labels, n_leaves_of(tree)).max()) + 1
    wanted = max(_REPRESENTATIVES, _REPRESENTATIVES_A_CLUSTER * n_clusters)
    if at_most is not None:
        wanted = max(n_clusters, min(wanted, whole_number("at_most", at_most, least=0)))
    # This cut is at least as fine as the labels, so each of its clusters lies within one cluster of the labels.
    fine = cut_tree(tree, n_clusters=min(len(labels), wanted))
    sums = distance_sums(matrix, fine, checkpoint=checkpoint)
    return np.sort(medoids_of(sums, fine))


def nearest_representatives(
    series: NDArray[Any] | Sequence[ArrayLike],
    items: NDArray[np.int64] | None,
    representatives: Any,  # noqa: ANN401 - the second argument of distances
    distances: Callable[[Any, Any], NDArray[np.float32]],
) -> tuple[Labels, NDArray[np.float32]]:
    """Return the nearest representative of each series, and its distance; ties go to the first.

    Parameters
    ----------
    series, items
        The series, and int64 ``(n,)``, the indices of those to place; None for all.
    representatives
        The representatives, at least one, as ``distances`` takes them.
    distances
        Takes some of the series and the representatives, and returns float32 ``(n_some, n_representatives)``.
    """
    n = len(series) if items is None else len(items)
    nearest, least = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.float32)
    step = max(1, _DISTANCES_AT_ONCE // len(representatives))
    for start in range(0, n, step):
        part = slice(start, start + step)
        some = series[part] if items is None else series_at(series, items[part])
        found = distances(some, representatives)
        nearest[part] = found.argmin(axis=1)
        least[part] = found.min(axis=1)
    return nearest, least


def series_at(series: Any, items: NDArray[np.int64]) -> Any:  # noqa: ANN401 - the kind of series that it is given
    """Return some of the series, in the order of ``items``: an array of an array, a list of a list."""
    return series[items] if isinstance(series, np.ndarray) else [series[item] for item in items]


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
