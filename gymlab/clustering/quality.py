"""How well clusters, and a tree, describe the distances."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from gymlab.arguments import shown
from gymlab.clustering import passes
from gymlab.clustering.condensed import (
    ROUNDING,
    Checkpoint,
    Condensed,
    Labels,
    Tree,
    checked_labels,
    matrix_of,
    no_checkpoint,
    row_slices,
)
from gymlab.clustering.tree import n_leaves_of
from gymlab.errors import InputError


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
        The average width of every number of clusters that was tried: of a tree, those from 2 to 20.
    cophenetic_correlation
        Pearson correlation of the distances with the heights at which the tree joins the pairs, −1 to 1, larger
        is better; NaN without a tree or where all distances are equal, but for rounding [1]_.

    References
    ----------
    .. [1] R. R. Sokal and F. J. Rohlf, "The comparison of dendrograms by objective methods", Taxon 11(2), 1962.
    """

    silhouette: float
    silhouettes: NDArray[np.float64]
    silhouette_by_n_clusters: dict[int, float]
    cophenetic_correlation: float


def silhouettes(sums: NDArray[np.float64], labels: Labels) -> NDArray[np.float64]:
    """Return the silhouette width of each item: NaN for a single cluster and noise, 0 for a singleton's member.

    After P. J. Rousseeuw, "Silhouettes", J. Computational and Applied Mathematics 20, 1987.

    Parameters
    ----------
    sums
        float64 ``(n_clusters, n)``, of :func:`~gymlab.clustering.distance_sums`.
    labels
        int64 ``(n,)``, −1 for noise.

    Raises
    ------
    InputError
        If they do not fit each other.
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
    """Return the labels that sums of distances by cluster belong to.

    Raises
    ------
    InputError
        If the sums are not those of as many clusters and items.
    """
    checked = checked_labels(labels, np.size(labels))
    shape = (int(checked.max(initial=-1)) + 1, len(checked))
    if not isinstance(sums, np.ndarray) or sums.shape != shape or sums.dtype.kind != "f":
        raise InputError(f"sums are {shown(sums)}; give those of distance_sums, float64 {shape}")
    return checked


def average_width(widths: NDArray[np.float64]) -> float:
    """Return the average of the widths of what is in clusters; NaN where nothing has one."""
    known = widths[~np.isnan(widths)]
    return float(known.mean()) if len(known) else float("nan")


def cophenetic_correlation(
    distances: Condensed, tree: Tree, *, checkpoint: Checkpoint = no_checkpoint
) -> float:
    """Return how well the heights of the tree's joins correlate with the distances; NaN where either is constant.

    Parameters
    ----------
    distances, tree
        The condensed matrix, and a linkage matrix whose heights do not fall.
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
    # Sums of differences from one of the values are exactly 0 where all are equal.
    shift, top = float(matrix[0]), float(tree[-1, 2])
    gaps = _gaps(tree, leaves)
    for first, stop in row_slices(n, checkpoint):
        passes.add_cophenetic(matrix, leaves, np.argsort(leaves), gaps, shift, top, first, stop, sums)
    h, hh, d, dd, hd = sums / len(matrix)
    spread, deviation = dd - d * d, hh - h * h
    if _is_rounding(spread, shift + d) or _is_rounding(deviation, top + h):
        return float("nan")
    return float(np.clip((hd - h * d) / np.sqrt(spread * deviation), -1, 1))


def _is_rounding(variance: float, mean: float) -> bool:
    """Tell whether distances of this variance and mean are equal, but for the rounding of float32."""
    return variance <= (ROUNDING * mean) ** 2


def _gaps(tree: Tree, leaves: Labels) -> NDArray[np.float64]:
    """Return the height that joins each two neighbours in the order of the leaves, float64 ``(n−1,)``."""
    n = len(leaves)
    # The first place of each cluster's leaves; its second part begins where the gap is.
    starts = np.empty(2 * n - 1, dtype=np.int64)
    starts[leaves] = np.arange(n)
    gaps = np.empty(n - 1)
    left, right = tree[:, 0].astype(np.int64), tree[:, 1].astype(np.int64)
    for row, (a, b) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        starts[n + row] = min(starts[a], starts[b])
        gaps[max(starts[a], starts[b]) - 1] = tree[row, 2]
    return gaps
