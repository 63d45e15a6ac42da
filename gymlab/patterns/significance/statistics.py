"""How tight and how well separated the clusters of one log are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gymlab.clustering import Condensed, Labels, distance_sums, silhouettes

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClusterStatistics:
    """Statistics of the clusters of a log.

    Attributes
    ----------
    sizes
        int64 ``(n_clusters,)``.
    compactness
        float64 ``(n_clusters,)``: mean distance of the members to their medoid, which is left out; NaN below two.
    silhouettes
        float64 ``(n_clusters,)``: average silhouette width; NaN for an empty or the only cluster.
    silhouette
        Average over all items that are in a cluster; NaN with fewer than two clusters.
    """

    sizes: NDArray[np.int64]
    compactness: Floats
    silhouettes: Floats
    silhouette: float


def cluster_statistics(distances: Condensed, labels: Labels, n_clusters: int) -> ClusterStatistics:
    """Return the statistics of clusters; noise (label −1) is in none and near none.

    Parameters
    ----------
    distances
        float32 ``(n(n−1)/2,)``.
    labels
        int64 ``(n,)``.
    n_clusters
        More than the largest label; a label that does not occur has size 0.

    Examples
    --------
    >>> found = cluster_statistics(np.array([1, 9, 9], dtype=np.float32), np.array([0, 0, 1]), 2)
    >>> found.compactness.tolist(), round(found.silhouette, 3)
    ([1.0, nan], 0.593)
    """
    in_one = labels >= 0
    sizes = np.bincount(labels[in_one], minlength=n_clusters)
    compactness, widths = np.full((2, n_clusters), np.nan)
    present = np.flatnonzero(sizes)
    if len(present) == 0:
        return ClusterStatistics(sizes, compactness, widths, float("nan"))
    # Noise is a column of its own that is dropped, and labels are made contiguous.
    number = np.full(n_clusters + 1, len(present))
    number[present] = np.arange(len(present))
    dense = number[labels]
    sums = distance_sums(distances, dense)[: len(present), in_one]
    own = dense[in_one]
    each = silhouettes(sums, own)
    nearest = sums[own, np.arange(len(own))]
    for cluster, label in enumerate(present):
        if sizes[label] > 1:
            compactness[label] = nearest[own == cluster].min() / (sizes[label] - 1)
        widths[label] = each[own == cluster].mean()
    return ClusterStatistics(sizes, compactness, widths, float(each.mean()))
