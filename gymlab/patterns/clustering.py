"""Clusters from a condensed distance matrix: the tree, its cut, medoids and quality.

Everything works on the condensed matrix; a square one is never built.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from gymlab.errors import InputError
from gymlab.patterns.config import Method

Condensed = NDArray[np.float32] | NDArray[np.float64]
Labels = NDArray[np.int64]
Tree = NDArray[np.float64]

# How many clusters "auto" tries.
MOST_AUTO_CLUSTERS = 20


@dataclass(frozen=True)
class Quality:
    """How well the clusters describe the distances.

    Attributes
    ----------
    silhouette
        Average silhouette width, −1 to 1; NaN with fewer than two clusters.
    silhouettes
        float64 ``(n,)``: the width of each window.
    silhouette_by_n_clusters
        The average width of every number of clusters that was tried.
    cophenetic_correlation
        Pearson correlation of the distances with the heights at which the tree joins the pairs; NaN without a
        tree or where all distances are equal.
    """

    silhouette: float
    silhouettes: NDArray[np.float64]
    silhouette_by_n_clusters: dict[int, float]
    cophenetic_correlation: float


@dataclass(frozen=True)
class Clustering:
    """Labels (0 is the largest cluster), the medoid of each cluster, and the quality."""

    labels: Labels
    medoids: Labels
    quality: Quality


def number_of_items(distances: Condensed) -> int:
    """Return n for a condensed matrix of n(n−1)/2 distances.

    Raises
    ------
    InputError
        If it is not one-dimensional (a square matrix would be taken for observations), not of such a length, or
        holds NaN or infinity.
    """
    if distances.ndim != 1:
        raise InputError(
            f"distances have {distances.ndim} dimensions; give the condensed matrix, which has one"
        )
    n = (1 + math.isqrt(1 + 8 * len(distances))) // 2
    if n * (n - 1) // 2 != len(distances):
        raise InputError(f"{len(distances)} distances are no condensed matrix; n(n-1)/2 are needed")
    if not np.isfinite(distances).all():
        raise InputError("distances hold NaN or infinity; clustering needs every pair")
    return n


def build_tree(distances: Condensed, method: Method = "ward") -> Tree:
    """Return the linkage matrix of a condensed distance matrix, as :func:`scipy.cluster.hierarchy.linkage`.

    Parameters
    ----------
    distances
        float32 ``(n(n−1)/2,)``.
    method
        ``ward`` (on DTW distances not the variance criterion that it is on Euclidean ones), ``average``,
        ``complete``, ``single`` or ``weighted``.

    Returns
    -------
    numpy.ndarray
        float64 ``(n−1, 4)``; empty for a single item.

    Raises
    ------
    InputError
        As :func:`number_of_items`.

    Examples
    --------
    >>> build_tree(np.array([1, 4, 3], dtype=np.float32), "single")[:, 2].tolist()
    [1.0, 3.0]
    """
    if number_of_items(distances) == 1:
        return np.empty((0, 4))
    return hierarchy.linkage(distances, method=method)


def cut_tree(tree: Tree, *, n_clusters: int | None = None, height: float | None = None) -> Labels:
    """Return a label for each leaf: at most ``n_clusters``, or the clusters below ``height``.

    Parameters
    ----------
    tree
        float64 ``(n−1, 4)``, a linkage matrix.
    n_clusters
        How many; fewer come out where the tree joins several at the same height.
    height
        Cut there instead, in the unit of the distances.

    Returns
    -------
    numpy.ndarray
        int64 ``(n,)``, 0 for the largest cluster.

    Examples
    --------
    >>> cut_tree(build_tree(np.array([1, 9, 9], dtype=np.float32)), n_clusters=2).tolist()
    [0, 0, 1]
    """
    if len(tree) == 0:
        return np.zeros(1, dtype=np.int64)
    if height is not None:
        return by_size(hierarchy.fcluster(tree, height, criterion="distance"))
    return by_size(hierarchy.fcluster(tree, n_clusters or 1, criterion="maxclust"))


def by_size(labels: NDArray[np.integer]) -> Labels:
    """Renumber the clusters from 0 by size, the largest first, of equals the one that occurs first."""
    _, first, inverse, counts = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts), dtype=np.int64)
    rank[np.lexsort((first, -counts))] = np.arange(len(counts))
    return rank[inverse]


def cluster_tree(
    distances: Condensed, tree: Tree, *, n_clusters: int | None = None, height: float | None = None
) -> Clustering:
    """Cut a tree and describe the clusters.

    Parameters
    ----------
    distances, tree
        The condensed matrix, and the linkage matrix made from it.
    n_clusters, height
        The cut; neither for the number of clusters, from 2 to 20, with the largest average silhouette width.

    Returns
    -------
    Clustering

    Examples
    --------
    >>> distances = np.array([1, 9, 9, 9, 9, 1], dtype=np.float32)
    >>> cluster_tree(distances, build_tree(distances)).labels.tolist()
    [0, 0, 1, 1]
    """
    n = len(tree) + 1
    if n_clusters is not None or height is not None:
        labels = cut_tree(tree, n_clusters=n_clusters, height=height)
        sums = distance_sums(distances, labels)
        curve = {}
    else:
        cuts = {k: cut_tree(tree, n_clusters=k) for k in range(2, min(MOST_AUTO_CLUSTERS, n - 1) + 1)}
        finest = cuts[max(cuts)] if cuts else np.zeros(n, dtype=np.int64)
        fine_sums = distance_sums(distances, finest)
        # A cut with few clusters joins whole clusters of one with many, so its sums are sums of those.
        curve = {k: _average(silhouettes(_joined(fine_sums, finest, cut), cut)) for k, cut in cuts.items()}
        known = {k: width for k, width in curve.items() if not np.isnan(width)}
        labels = cuts[max(known, key=lambda k: known[k])] if known else np.zeros(n, dtype=np.int64)
        sums = _joined(fine_sums, finest, labels)
    widths = silhouettes(sums, labels)
    quality = Quality(_average(widths), widths, curve, cophenetic_correlation(distances, tree))
    return Clustering(labels, _medoids(sums, labels), quality)


def describe_labels(distances: Condensed, labels: Labels) -> Clustering:
    """Describe clusters that come without a tree."""
    sums = distance_sums(distances, labels)
    widths = silhouettes(sums, labels)
    return Clustering(labels, _medoids(sums, labels), Quality(_average(widths), widths, {}, float("nan")))


def distance_sums(distances: Condensed, labels: Labels) -> NDArray[np.float64]:
    """Return the sum of each item's distances to the members of each cluster.

    Parameters
    ----------
    distances
        The condensed matrix of n items.
    labels
        int64 ``(n,)``, from 0.

    Returns
    -------
    numpy.ndarray
        float64 ``(n_clusters, n)``.

    Examples
    --------
    >>> distance_sums(np.array([1, 2, 4], dtype=np.float32), np.array([0, 0, 1])).tolist()
    [[1.0, 1.0, 6.0], [2.0, 4.0, 0.0]]
    """
    n, k = len(labels), int(labels.max()) + 1
    sums = np.zeros((k, n))
    start = 0
    for i in range(n - 1):
        row = distances[start : start + n - 1 - i]
        start += len(row)
        sums[labels[i], i + 1 :] += row
        sums[:, i] += np.bincount(labels[i + 1 :], weights=row, minlength=k)
    return sums


def silhouettes(sums: NDArray[np.float64], labels: Labels) -> NDArray[np.float64]:
    """Return the silhouette width of each item: NaN for a single cluster, 0 for a member of a singleton.

    After P. J. Rousseeuw, "Silhouettes", J. Computational and Applied Mathematics 20, 1987.
    """
    n, k = len(labels), len(sums)
    if k < 2:
        return np.full(n, np.nan)
    items = np.arange(n)
    sizes = np.bincount(labels, minlength=k)
    own_size = sizes[labels]
    a = sums[labels, items] / np.maximum(own_size - 1, 1)
    means = sums / sizes[:, None]
    means[labels, items] = np.inf
    b = means.min(axis=0)
    largest = np.maximum(a, b)
    return np.where((own_size > 1) & (largest > 0), (b - a) / np.where(largest > 0, largest, 1), 0.0)


def cophenetic_correlation(distances: Condensed, tree: Tree) -> float:
    """Return how well the heights of the tree's joins correlate with the distances; NaN where either is constant."""
    if len(tree) < 2:
        return float("nan")
    heights = hierarchy.cophenet(tree)
    heights -= heights.mean()
    # float64 sums of float32 values, without a float64 copy of the matrix.
    mean = distances.mean(dtype=np.float64)
    spread = np.sqrt(
        max(0.0, np.einsum("i,i->", distances, distances, dtype=np.float64) / len(distances) - mean**2)
    )
    deviation = np.sqrt(np.dot(heights, heights) / len(heights))
    if spread == 0 or deviation == 0:
        return float("nan")
    covariance = np.einsum("i,i->", heights, distances, dtype=np.float64) / len(heights)
    return float(covariance / (spread * deviation))


def _joined(sums: NDArray[np.float64], fine: Labels, coarse: Labels) -> NDArray[np.float64]:
    joined = np.zeros((int(coarse.max()) + 1, len(coarse)))
    _, first = np.unique(fine, return_index=True)
    np.add.at(joined, coarse[first], sums)
    return joined


def _medoids(sums: NDArray[np.float64], labels: Labels) -> Labels:
    """Return the member of each cluster with the least sum of distances to the others, the first of equals."""
    own = sums[labels, np.arange(len(labels))]
    members = (np.flatnonzero(labels == label) for label in range(len(sums)))
    return np.array([group[np.argmin(own[group])] for group in members], dtype=np.int64)


def _average(widths: NDArray[np.float64]) -> float:
    return float(widths.mean())
