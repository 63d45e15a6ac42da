"""HDBSCAN without a square matrix: from the condensed one, or by streaming the distances."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array

from gymlab.arguments import whole_number
from gymlab.clustering.condensed import (
    Checkpoint,
    Condensed,
    Labels,
    matrix_of,
    no_checkpoint,
    number_of_items,
)
from gymlab.clustering.density import checked_min_samples, core_distances
from gymlab.clustering.pointers import Edges, PointerTree
from gymlab.clustering.streaming import number_of_series, reporting, streamed_edges
from gymlab.clustering.tree import by_size
from gymlab.distance import dtw_neighbors
from gymlab.distance.blocks import Progress
from gymlab.distance.series import Series

# A join at distance 0 would have an infinite density, and differences of those are undefined.
_LEAST_DISTANCE = 1e-300


def hdbscan(
    distances: Condensed,
    *,
    min_cluster_size: int = 5,
    min_samples: int | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> Labels:
    """Return the clusters of HDBSCAN: those that persist longest while the density that is asked for rises.

    The single linkage tree of the mutual reachability distances is built here in O(n) memory; scikit-learn condenses
    it and chooses the clusters ("excess of mass").

    Parameters
    ----------
    distances
        The condensed matrix of n items.
    min_cluster_size
        2 or more.
    min_samples
        The core distance of an item is that to so many nearest, itself counted; ``min_cluster_size`` when not given.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`; scikit-learn's part, O(n log n), has none.

    Returns
    -------
    numpy.ndarray
        int64 ``(n,)``: 0 for the largest cluster, −1 for noise.

    Raises
    ------
    InputError
        If the distances or a parameter are unusable.

    Notes
    -----
    Items that are all at distance 0 from each other are one cluster; of any others, all are noise where no two
    clusters of ``min_cluster_size`` part. Mutual reachability distances are often equal, and HDBSCAN treats equal joins one after the other, so a few items
    at the rim of a cluster may differ from another implementation's.

    References
    ----------
    R. J. G. B. Campello, D. Moulavi and J. Sander, "Density-based clustering based on hierarchical density
    estimates", PAKDD 2013.

    Examples
    --------
    >>> distances = np.array([1, 1, 9, 9, 1, 9, 9, 9, 9, 1], dtype=np.float32)
    >>> hdbscan(distances, min_cluster_size=2).tolist()
    [0, 0, 0, 1, 1]
    """
    n = number_of_items(distances, checkpoint=checkpoint)
    wanted = _checked_sizes(n, min_cluster_size, min_samples)
    if n < min_cluster_size:
        return np.full(n, -1, dtype=np.int64)
    pointers = PointerTree(n, core_distances(distances, wanted, checkpoint=checkpoint))
    pointers.add_matrix(matrix_of(distances, n), checkpoint=checkpoint)
    return _chosen(pointers.edges(), n, min_cluster_size)


def hdbscan_series(
    series: Series,
    *,
    min_cluster_size: int = 5,
    min_samples: int | None = None,
    radius: int | None = None,
    mismatch_weights: Sequence[float] = (),
    n_threads: int | None = None,
    progress: Progress = False,
    checkpoint: Checkpoint = no_checkpoint,
) -> Labels:
    """Return the clusters of HDBSCAN without a matrix: O(n · ``min_samples``) memory.

    A neighbour query gives the core distances; then every distance is computed once more and forgotten.

    Parameters
    ----------
    series, radius, mismatch_weights, n_threads, progress
        As for :func:`gymlab.distance.dtw_pairwise`.
    min_cluster_size, min_samples, checkpoint
        As for :func:`hdbscan`.

    Returns
    -------
    numpy.ndarray
        int64 ``(n,)``, as :func:`hdbscan` of the full matrix.

    Raises
    ------
    InputError
        As :func:`gymlab.distance.dtw_pairwise` and :func:`hdbscan`.

    Examples
    --------
    >>> hdbscan_series([[0, 1], [0, 1], [0, 2], [8, 9], [8, 8]], min_cluster_size=2).tolist()
    [0, 0, 0, 1, 1]
    """
    n = number_of_series(series)
    wanted = _checked_sizes(n, min_cluster_size, min_samples)
    if n < min_cluster_size:
        return np.full(n, -1, dtype=np.int64)
    cores = np.zeros(n, dtype=np.float32)
    if wanted > 1:
        neighbours = dtw_neighbors(
            series,
            k=wanted - 1,
            radius=radius,
            mismatch_weights=mismatch_weights,
            n_threads=n_threads,
            progress=reporting(progress, checkpoint),
        )
        cores = core_distances(neighbours, wanted)
    edges = streamed_edges(
        series,
        cores,
        radius=radius,
        mismatch_weights=mismatch_weights,
        n_threads=n_threads,
        progress=reporting(progress, checkpoint),
    )
    return _chosen(edges, n, min_cluster_size)


def _checked_sizes(n: int, min_cluster_size: int, min_samples: int | None) -> int:
    """Return how many nearest the core distance counts."""
    whole_number("min_cluster_size", min_cluster_size, least=2)
    if min_samples is None:
        return min(int(min_cluster_size), n)
    return checked_min_samples(min_samples, n)


def _chosen(edges: Edges, n: int, min_cluster_size: int) -> Labels:
    """Hand scikit-learn a tree in place of the matrix: with one sample, core distances change none of its edges."""
    from sklearn.cluster import HDBSCAN

    firsts, seconds, heights = edges
    if not heights.any():
        # The tree of items that are all alike has no branch, and scikit-learn chooses among branches.
        return np.zeros(n, dtype=np.int64)
    weights = np.maximum(heights.astype(np.float64), _LEAST_DISTANCE)
    both = (np.concatenate([firsts, seconds]), np.concatenate([seconds, firsts]))
    matrix = coo_array((np.concatenate([weights, weights]), both), shape=(n, n)).tocsr()
    model = HDBSCAN(
        min_cluster_size=min_cluster_size, min_samples=1, metric="precomputed", algorithm="brute", copy=False
    )
    labels: Labels = model.fit_predict(matrix)
    return by_size(np.maximum(labels, -1))
