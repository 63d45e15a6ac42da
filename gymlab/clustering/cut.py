"""Clusters: the cut of a tree, or labels from elsewhere, with medoids and quality."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gymlab.clustering.condensed import (
    Checkpoint,
    Condensed,
    Labels,
    Tree,
    checked_labels,
    distance_sums,
    matrix_of,
    no_checkpoint,
    number_of_items,
    require_cut,
)
from gymlab.clustering.quality import (
    Quality,
    average_width,
    checked_sums,
    cophenetic_correlation,
    silhouettes,
)
from gymlab.clustering.tree import cut_tree, n_leaves_of

# How many clusters "auto" tries.
MOST_AUTO_CLUSTERS = 20


@dataclass(frozen=True, eq=False)
class Clustering:
    """Clusters, however they were found.

    Attributes
    ----------
    labels
        int64 ``(n,)``: 0 is the largest cluster, −1 is noise.
    medoids
        int64 ``(n_clusters,)``: the member of each cluster with the least sum of distances to the others.
    quality
        How well they describe the distances.
    """

    labels: Labels
    medoids: Labels
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
        The cut; neither for the number of clusters, from 2 to 20, with the largest average silhouette width.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.

    Returns
    -------
    Clustering

    Raises
    ------
    InputError
        If the tree is no linkage matrix, the distances are not those of as many items as it has leaves, or the cut
        is none.

    Examples
    --------
    >>> from gymlab.clustering import build_tree
    >>> distances = np.array([1, 9, 9, 9, 9, 1], dtype=np.float32)
    >>> cluster_tree(distances, build_tree(distances)).labels.tolist()
    [0, 0, 1, 1]
    """
    n = n_leaves_of(tree)
    matrix = matrix_of(distances, n)
    asked = None
    require_cut(n, n_clusters, height)
    if n_clusters is not None or height is not None:
        asked = cut_tree(tree, n_clusters=n_clusters, height=height)
    cuts = {}
    for k in range(2, min(MOST_AUTO_CLUSTERS, n - 1) + 1):
        checkpoint()
        cut = cut_tree(tree, n_clusters=k)
        # Where joins are at one height, fewer come out, and are counted as what they are.
        if cut.any():
            cuts[int(cut.max()) + 1] = cut
    one_cluster = np.zeros(n, dtype=np.int64)
    finest = max((one_cluster, *cuts.values(), *([] if asked is None else [asked])), key=np.max)
    fine_sums = distance_sums(matrix, finest, checkpoint=checkpoint)
    curve = {}
    for k, cut in cuts.items():
        checkpoint()
        # Cuts are nested: one with few clusters joins whole clusters of one with many, so its sums are sums of those.
        curve[k] = average_width(silhouettes(_joined(fine_sums, finest, cut), cut))
    labels = asked
    if labels is None:
        known = {k: width for k, width in curve.items() if not np.isnan(width)}
        labels = cuts[max(known, key=lambda k: known[k])] if known else one_cluster
    sums = _joined(fine_sums, finest, labels)
    correlation = cophenetic_correlation(matrix, tree, checkpoint=checkpoint)
    return _described(labels, sums, curve, correlation)


def describe_labels(
    distances: Condensed, labels: NDArray[np.integer], *, checkpoint: Checkpoint = no_checkpoint
) -> Clustering:
    """Describe clusters that come without a tree.

    Parameters
    ----------
    distances
        The condensed matrix of n items.
    labels
        Whole numbers ``(n,)`` that count from 0; −1 for noise, which has no medoid and no part in the quality.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.

    Raises
    ------
    InputError
        If the distances are no condensed matrix, or the labels do not fit or count.

    Examples
    --------
    >>> found = describe_labels(np.array([1, 9, 9], dtype=np.float32), np.array([0, 0, -1]))
    >>> found.medoids.tolist(), found.n_noise
    ([0], 1)
    """
    n = number_of_items(distances, checkpoint=checkpoint)
    matrix, checked = matrix_of(distances, n), checked_labels(labels, n)
    sums = distance_sums(matrix, checked, checkpoint=checkpoint)
    return _described(checked, sums, {}, float("nan"))


def _described(
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
    """Return the member of each cluster with the least sum of distances to the others, the first of equals.

    Parameters
    ----------
    sums
        float64 ``(n_clusters, n)``, of :func:`~gymlab.clustering.distance_sums`.
    labels
        int64 ``(n,)``.

    Raises
    ------
    InputError
        If they do not fit each other.
    """
    labels = checked_sums(sums, labels)
    own = sums[labels, np.arange(len(labels))] if len(sums) else np.zeros(len(labels))
    members = (np.flatnonzero(labels == label) for label in range(len(sums)))
    return np.array([group[np.argmin(own[group])] for group in members], dtype=np.int64)


def _joined(sums: NDArray[np.float64], fine: Labels, coarse: Labels) -> NDArray[np.float64]:
    joined = np.zeros((int(coarse.max()) + 1, len(coarse)))
    _, first = np.unique(fine, return_index=True)
    np.add.at(joined, coarse[first], sums)
    return joined
