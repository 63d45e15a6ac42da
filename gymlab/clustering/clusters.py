"""Clusters from a tree or from labels: their medoids, and how well they describe the distances."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from gymlab.arguments import shown
from gymlab.clustering.condensed import (
    ROUNDING,
    Checkpoint,
    Condensed,
    Labels,
    Tree,
    checked_labels,
    distance_sums,
    matrix_of,
    no_checkpoint,
    number_of_items,
    row_slices,
)
from gymlab.clustering.kernels import matrix_passes
from gymlab.clustering.linkage import cut_tree, n_leaves_of, require_cut
from gymlab.errors import InputError

# "auto" tries at most this many clusters.
_MOST_AUTO_CLUSTERS = 20


@dataclass(frozen=True, eq=False)
class Quality:
    """How well the clusters describe the distances. Noise is left out of every figure.

    Attributes
    ----------
    silhouette
        Average silhouette width, −1 to 1, larger is better; NaN with fewer than two clusters.
    silhouettes
        float64 ``(n,)``: the width of each item; NaN for noise.
    silhouette_by_n_clusters
        The average width for each number of clusters that was tried; for a tree, 2 to 20.
    cophenetic_correlation
        Pearson correlation of the distances with the heights at which the tree joins the pairs, −1 to 1, larger
        is better; NaN without a tree, or if all distances are equal apart from rounding [1]_.

    References
    ----------
    .. [1] R. R. Sokal and F. J. Rohlf, "The comparison of dendrograms by objective methods", Taxon 11(2), 1962.
    """

    silhouette: float
    silhouettes: NDArray[np.float64] = field(repr=False)
    silhouette_by_n_clusters: dict[int, float]
    cophenetic_correlation: float


@dataclass(frozen=True, eq=False)
class Clustering:
    """Clusters, with their medoids and their quality.

    Attributes
    ----------
    labels
        int64 ``(n,)``: 0 is the largest cluster, −1 is noise.
    medoids
        int64 ``(n_clusters,)``: the member of each cluster with the least sum of distances to the others.
    quality
        How well they describe the distances.
    """

    labels: Labels = field(repr=False)
    medoids: Labels = field(repr=False)
    quality: Quality

    @property
    def n_noise(self) -> int:
        """How many items are in no cluster."""
        return int(np.count_nonzero(self.labels < 0))


def cluster_tree(
    distances: Condensed,
    tree: Tree,
    *,
    n_clusters: int | None = None,
    height: float | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> Clustering:
    """Cut a tree and describe the clusters.

    Parameters
    ----------
    distances, tree
        The condensed matrix, and the linkage matrix made from it.
    n_clusters, height
        The cut. If both are None, the number of clusters, from 2 to 20, with the largest average silhouette width.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.

    Returns
    -------
    Clustering

    Raises
    ------
    InputError
        If the tree is not a linkage matrix, the number of distances does not fit the number of its leaves, or the cut
        is unusable.

    Examples
    --------
    >>> from gymlab.clustering import build_tree
    >>> distances = np.array([1, 9, 9, 9, 9, 1], dtype=np.float32)
    >>> cluster_tree(distances, build_tree(distances)).labels.tolist()
    [0, 0, 1, 1]
    """
    n = n_leaves_of(tree)
    matrix = matrix_of(distances, n)
    require_cut(n, n_clusters, height)
    asked = None
    if n_clusters is not None or height is not None:
        asked = cut_tree(tree, n_clusters=n_clusters, height=height)
    cuts = {}
    for k in numbers_to_try(n):
        checkpoint()
        cut = cut_tree(tree, n_clusters=k)
        # If several joins have the same height, a cut may have fewer than k clusters. It is stored under their number.
        if cut.any():
            cuts[int(cut.max()) + 1] = cut
    one_cluster = np.zeros(n, dtype=np.int64)
    finest = max((one_cluster, *cuts.values(), *([] if asked is None else [asked])), key=np.max)
    fine_sums = distance_sums(matrix, finest, checkpoint=checkpoint)
    curve = {}
    for k, cut in cuts.items():
        checkpoint()
        # Cuts are nested: a cut with few clusters joins whole clusters of a finer cut. So its sums are sums of the
        # finer sums.
        curve[k] = average_width(silhouettes(_sums_of_joined(fine_sums, finest, cut), cut))
    labels = asked
    if labels is None:
        labels = cuts.get(best_number(curve), one_cluster)
    sums = _sums_of_joined(fine_sums, finest, labels)
    correlation = cophenetic_correlation(matrix, tree, checkpoint=checkpoint)
    return _clustering(labels, sums, curve, correlation)


def numbers_to_try(n: int) -> range:
    """Return the numbers of clusters that "auto" tries for n items: 2 to 20, and fewer than n."""
    return range(2, min(_MOST_AUTO_CLUSTERS, n - 1) + 1)


def best_number(width_by_number: Mapping[int, float]) -> int:
    """Return the number of clusters with the largest average silhouette width; 1 if no number was tried."""
    return max(width_by_number, key=lambda k: width_by_number[k], default=1)


def describe_labels(
    distances: Condensed, labels: NDArray[np.integer], *, checkpoint: Checkpoint = no_checkpoint
) -> Clustering:
    """Describe clusters that are given by labels, without a tree.

    Parameters
    ----------
    distances
        The condensed matrix of n items.
    labels
        Whole numbers ``(n,)`` that count from 0; −1 for noise, which has no medoid and does not affect the quality.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.

    Raises
    ------
    InputError
        If the distances are not a condensed matrix, or the labels are not one for each item or do not count from 0.

    Examples
    --------
    >>> found = describe_labels(np.array([1, 9, 9], dtype=np.float32), np.array([0, 0, -1]))
    >>> found.medoids.tolist(), found.n_noise
    ([0], 1)
    """
    n = number_of_items(distances, checkpoint=checkpoint)
    matrix, checked = matrix_of(distances, n), checked_labels(labels, n)
    sums = distance_sums(matrix, checked, checkpoint=checkpoint)
    return _clustering(checked, sums, {}, float("nan"))


def _clustering(
    labels: Labels, sums: NDArray[np.float64], curve: dict[int, float], correlation: float
) -> Clustering:
    widths = silhouettes(sums, labels)
    quality = Quality(
        silhouette=average_width(widths),
        silhouettes=widths,
        silhouette_by_n_clusters=curve,
        cophenetic_correlation=correlation,
    )
    return Clustering(labels, medoids_of(sums, labels), quality)


def medoids_of(sums: NDArray[np.float64], labels: Labels) -> Labels:
    """Return the member of each cluster with the least sum of distances to the others; ties go to the first.

    Parameters
    ----------
    sums
        float64 ``(n_clusters, n)``, of :func:`~gymlab.clustering.distance_sums`.
    labels
        int64 ``(n,)``.

    Raises
    ------
    InputError
        If ``sums`` and ``labels`` do not fit each other.
    """
    labels = checked_sums(sums, labels)
    own = sums[labels, np.arange(len(labels))] if len(sums) else np.zeros(len(labels))
    members = (np.flatnonzero(labels == label) for label in range(len(sums)))
    return np.array([group[np.argmin(own[group])] for group in members], dtype=np.int64)


def _sums_of_joined(sums: NDArray[np.float64], fine: Labels, coarse: Labels) -> NDArray[np.float64]:
    joined = np.zeros((int(coarse.max()) + 1, len(coarse)))
    _, first = np.unique(fine, return_index=True)
    np.add.at(joined, coarse[first], sums)
    return joined


def silhouettes(sums: NDArray[np.float64], labels: Labels) -> NDArray[np.float64]:
    """Return the silhouette width of each item: NaN for noise or a single cluster, 0 for a cluster of one item.

    The definition is that of P. J. Rousseeuw, "Silhouettes", J. Computational and Applied Mathematics 20, 1987.

    Parameters
    ----------
    sums
        float64 ``(n_clusters, n)``, of :func:`~gymlab.clustering.distance_sums`.
    labels
        int64 ``(n,)``, −1 for noise.

    Raises
    ------
    InputError
        If ``sums`` and ``labels`` do not fit each other.
    """
    n, k = len(checked_sums(sums, labels)), len(sums)
    widths = np.full(n, np.nan)
    if k < 2:
        return widths
    items = np.flatnonzero(labels >= 0)
    own = labels[items]
    sizes = np.bincount(own, minlength=k)
    a = sums[own, items] / np.maximum(sizes[own] - 1, 1)
    means = sums[:, items] / sizes[:, None]
    means[own, np.arange(len(items))] = np.inf
    b = means.min(axis=0)
    largest = np.maximum(a, b)
    widths[items] = np.where(
        (sizes[own] > 1) & (largest > 0), (b - a) / np.where(largest > 0, largest, 1), 0.0
    )
    return widths


def checked_sums(sums: NDArray[np.float64], labels: Labels) -> Labels:
    """Return labels as int64, checked against the sums of distances by cluster.

    Raises
    ------
    InputError
        If the shape of the sums is not the number of clusters by the number of items.
    """
    checked = checked_labels(labels, np.size(labels))
    shape = (int(checked.max(initial=-1)) + 1, len(checked))
    if not isinstance(sums, np.ndarray) or sums.shape != shape or sums.dtype.kind != "f":
        raise InputError(f"sums are {shown(sums)}; give those of distance_sums, float64 {shape}")
    return checked


def average_width(widths: NDArray[np.float64]) -> float:
    """Return the average of the silhouette widths; NaN if no item has one."""
    known = widths[~np.isnan(widths)]
    return float(known.mean()) if len(known) else float("nan")


def cophenetic_correlation(
    distances: Condensed, tree: Tree, *, checkpoint: Checkpoint = no_checkpoint
) -> float:
    """Return the correlation of the distances with the heights of the joins.

    It is NaN if all distances or all heights are equal, or if there are fewer than three items.

    Parameters
    ----------
    distances, tree
        The condensed matrix, and a linkage matrix whose heights do not decrease.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.

    Examples
    --------
    >>> from gymlab.clustering import build_tree
    >>> distances = np.array([1, 4, 4], dtype=np.float32)
    >>> cophenetic_correlation(distances, build_tree(distances, "average"))
    1.0
    """
    n = n_leaves_of(tree)
    if n < 3:
        return float("nan")
    matrix = matrix_of(distances, n)
    leaves = hierarchy.leaves_list(tree).astype(np.int64)
    sums = np.zeros(5)
    # One of the values is subtracted from all values. Then the sums are exactly 0 if all values are equal.
    shift, top = float(matrix[0]), float(tree[-1, 2])
    gaps = _gaps(tree, leaves)
    for first, stop in row_slices(n, checkpoint):
        matrix_passes.add_cophenetic(matrix, leaves, np.argsort(leaves), gaps, shift, top, first, stop, sums)
    h, hh, d, dd, hd = sums / len(matrix)
    spread, deviation = dd - d * d, hh - h * h
    if _is_rounding(spread, shift + d) or _is_rounding(deviation, top + h):
        return float("nan")
    return float(np.clip((hd - h * d) / np.sqrt(spread * deviation), -1, 1))


def _is_rounding(variance: float, mean: float) -> bool:
    """Return whether distances of this variance and mean are equal apart from the rounding of float32."""
    return variance <= (ROUNDING * mean) ** 2


def _gaps(tree: Tree, leaves: Labels) -> NDArray[np.float64]:
    """Return the height that joins each pair of neighbouring leaves, in their order, float64 ``(n−1,)``."""
    n = len(leaves)
    # The position of the first leaf of each cluster. The gap of a join lies before the second of its two parts.
    starts = np.empty(2 * n - 1, dtype=np.int64)
    starts[leaves] = np.arange(n)
    gaps = np.empty(n - 1)
    left, right = tree[:, 0].astype(np.int64), tree[:, 1].astype(np.int64)
    for row, (a, b) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        starts[n + row] = min(starts[a], starts[b])
        gaps[max(starts[a], starts[b]) - 1] = tree[row, 2]
    return gaps
