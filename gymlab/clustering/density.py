"""Clusters as dense regions: DBSCAN, the eps that the distances suggest, and HDBSCAN, with or without a matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from gymlab.arguments import finite_number, whole_number
from gymlab.clustering.condensed import (
    ROUNDING,
    Checkpoint,
    Condensed,
    Labels,
    matrix_of,
    no_checkpoint,
    number_of_items,
    row_slices,
)
from gymlab.clustering.kernels import matrix_passes
from gymlab.clustering.linkage import Edges, PointerTree, by_size
from gymlab.clustering.streaming import number_of_series, reporting, streamed_edges
from gymlab.distance import NeighborGraph, dtw_neighbors
from gymlab.distance.blocks import Progress
from gymlab.distance.series import Series
from gymlab.errors import InputError

Neighbours = NeighborGraph | csr_array

# A join at distance 0 would have an infinite density, and the difference of two infinities is undefined.
_LEAST_DISTANCE = 1e-300


def dbscan(
    distances: Condensed | Neighbours,
    *,
    min_samples: int = 5,
    eps: float | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> Labels:
    """Return the clusters of DBSCAN: core items within ``eps`` of each other, and the items that these reach.

    A core item has at least ``min_samples`` items within ``eps``, the item itself included. Another item that is within
    ``eps`` of core items belongs to one of their clusters: the one whose first core item comes first. The labels equal
    those of scikit-learn, renumbered by size.

    Parameters
    ----------
    distances
        The condensed matrix of n items, or their neighbours within eps, as ``dtw_neighbors(series, eps=…)`` gives
        them (also with ``values=False``): each pair in both directions, zeros stored, and the item itself left out.
    min_samples
        1 or more.
    eps
        Rounded to float32, as the distances are. Needed with a matrix; with a graph, the eps of the graph or less.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.

    Returns
    -------
    numpy.ndarray
        int64 ``(n,)``: 0 for the largest cluster, −1 for noise.

    Raises
    ------
    InputError
        If the distances or a parameter are unusable, or a graph is not symmetric.

    References
    ----------
    M. Ester, H.-P. Kriegel, J. Sander and X. Xu, "A density-based algorithm for discovering clusters in large
    spatial databases with noise", KDD 1996.

    Examples
    --------
    >>> dbscan(np.array([1, 9, 9], dtype=np.float32), min_samples=2, eps=1.0).tolist()
    [0, 0, -1]
    """
    checked_min_samples(min_samples)
    if eps is not None:
        finite_number("eps", eps, least=0, noun="a distance")
    if isinstance(distances, np.ndarray):
        if eps is None:
            raise InputError("a matrix of distances needs eps; suggested_eps proposes one")
        return _by_matrix(distances, min_samples, np.float32(eps), checkpoint)
    return _by_graph(_within(_graph_of(distances), eps), min_samples)


def checked_min_samples(min_samples: int, n: int | None = None) -> int:
    """Return a checked ``min_samples``, for n items if n is given.

    Raises
    ------
    InputError
        If it is not a whole number of 1 or more, or is more than n.
    """
    number = whole_number("min_samples", min_samples, least=1)
    if n is not None and number > n:
        raise InputError(f"min_samples is {number}, but there are only {n} items")
    return number


def core_distances(
    distances: Condensed | Neighbours, min_samples: int, *, checkpoint: Checkpoint = no_checkpoint
) -> NDArray[np.float32]:
    """Return the distance of each item to its ``min_samples``-th nearest item; the item itself is the first.

    Parameters
    ----------
    distances
        The condensed matrix, or a graph with at least ``min_samples − 1`` nearest neighbours of each item.
    min_samples
        1 to n.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.

    Returns
    -------
    numpy.ndarray
        float32 ``(n,)``.

    Raises
    ------
    InputError
        If the distances are unusable, or an item has too few neighbours.

    Examples
    --------
    >>> core_distances(np.array([1, 4, 3], dtype=np.float32), 2).tolist()
    [1.0, 1.0, 3.0]
    """
    checked_min_samples(min_samples)
    if not isinstance(distances, np.ndarray):
        return _core_distances_of_graph(_graph_of(distances), min_samples)
    n = number_of_items(distances, checkpoint=checkpoint)
    checked_min_samples(min_samples, n)
    if min_samples == 1:
        return np.zeros(n, dtype=np.float32)
    nearest = np.full((n, min_samples - 1), np.inf, dtype=np.float32)
    matrix = matrix_of(distances, n)
    for first, stop in row_slices(n, checkpoint):
        matrix_passes.offer_neighbours(matrix, n, first, stop, nearest)
    return nearest[:, -1].copy()


def suggested_eps(
    distances: Condensed | Neighbours, *, min_samples: int = 5, checkpoint: Checkpoint = no_checkpoint
) -> float:
    """Return an eps for DBSCAN: the knee of the sorted distances to the ``min_samples``-th nearest item.

    The sorted distances rise slowly within clusters and steeply among noise (Ester et al. 1996, section 4.2). The knee
    is the point where the curve lies farthest below the straight line from its first to its last point, with both axes
    scaled to the range 0 to 1; ties go to the first point (Satopää et al., "Finding a Kneedle in a Haystack", ICDCS
    Workshops 2011, without the smoothing). The result is not random.

    Parameters
    ----------
    distances, min_samples, checkpoint
        As for :func:`core_distances`.

    Returns
    -------
    float
        In the unit of the distances. If all of them are equal apart from rounding, the largest one.

    Raises
    ------
    InputError
        As :func:`core_distances`.

    Examples
    --------
    >>> suggested_eps(np.array([1, 1, 9, 1, 9, 9], dtype=np.float32), min_samples=2)
    1.0
    """
    curve = np.sort(core_distances(distances, min_samples, checkpoint=checkpoint)).astype(np.float64)
    rise = curve[-1] - curve[0]
    if rise <= ROUNDING * curve[-1]:
        return float(curve[-1])
    line = np.linspace(0, 1, len(curve))
    return float(curve[np.argmax(line - (curve - curve[0]) / rise)])


def _by_matrix(distances: Condensed, min_samples: int, eps: np.float32, checkpoint: Checkpoint) -> Labels:
    n = number_of_items(distances, checkpoint=checkpoint)
    matrix = matrix_of(distances, n)
    counts, roots = np.ones(n, dtype=np.int64), np.arange(n)
    for first, stop in row_slices(n, checkpoint):
        matrix_passes.count_within(matrix, eps, first, stop, counts)
    core = counts >= min_samples
    for first, stop in row_slices(n, checkpoint):
        matrix_passes.join_within(matrix, eps, core, first, stop, roots)
    while not np.array_equal(roots[roots], roots):
        roots = roots[roots]
    labels = np.full(n, n)
    for first, stop in row_slices(n, checkpoint):
        matrix_passes.reach_borders(matrix, eps, core, roots, first, stop, labels)
    labels[core] = roots[core]
    return by_size(np.where(labels < n, labels, -1))


def _by_graph(graph: csr_array, min_samples: int) -> Labels:
    n = graph.shape[0]
    degrees = np.diff(graph.indptr)
    core = degrees + 1 >= min_samples
    rows, columns = np.repeat(np.arange(n), degrees), graph.indices
    inner = core[rows] & core[columns]
    edges = (np.ones(np.count_nonzero(inner), dtype=np.int8), (rows[inner], columns[inner]))
    _, parts = connected_components(coo_array(edges, shape=(n, n)), directed=False)
    # A part is numbered by its first item, so that a border item belongs to the first part.
    _, first, inverse = np.unique(parts, return_index=True, return_inverse=True)
    roots = first[inverse]
    labels = np.full(n, n)
    labels[core] = roots[core]
    reached = ~core[rows] & core[columns]
    np.minimum.at(labels, rows[reached], roots[columns[reached]])
    return by_size(np.where(labels < n, labels, -1))


def _graph_of(neighbours: Neighbours) -> csr_array:
    graph = neighbours.graph if isinstance(neighbours, NeighborGraph) else neighbours
    if getattr(graph, "format", "") != "csr" or graph.shape[0] != graph.shape[1]:
        raise InputError("give a condensed matrix, a NeighborGraph, or a square csr array of neighbours")
    return csr_array(graph)


def _within(graph: csr_array, eps: float | None) -> csr_array:
    """Return the edges within ``eps``, without edges of an item to itself."""
    rows = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    kept = graph.indices != rows
    if eps is not None:
        if graph.dtype == np.bool_:
            raise InputError("a graph without distances has the eps that it was made with; leave eps out")
        kept &= graph.data <= np.float32(eps)
    edges = (np.ones(np.count_nonzero(kept), dtype=np.int8), (rows[kept], graph.indices[kept]))
    found = coo_array(edges, shape=graph.shape).tocsr()
    turned = found.T.tocsr()
    found.sort_indices()
    turned.sort_indices()
    if not (np.array_equal(found.indptr, turned.indptr) and np.array_equal(found.indices, turned.indices)):
        raise InputError(
            "the graph holds a neighbour in one direction only; DBSCAN needs all within eps, not k"
        )
    return found


def _core_distances_of_graph(graph: csr_array, min_samples: int) -> NDArray[np.float32]:
    if graph.dtype == np.bool_:
        raise InputError("the graph holds no distances; ask dtw_neighbors with values=True")
    n, degrees = graph.shape[0], np.diff(graph.indptr)
    if degrees.min(initial=n) < min_samples - 1:
        raise InputError(
            f"item {int(degrees.argmin())} has {int(degrees.min())} neighbours; {min_samples - 1} of each are needed"
        )
    if min_samples == 1:
        return np.zeros(n, dtype=np.float32)
    rows = np.repeat(np.arange(n), degrees)
    ordered = graph.data[np.lexsort((graph.data, rows))]
    return ordered[graph.indptr[:-1] + min_samples - 2].astype(np.float32)


def hdbscan(
    distances: Condensed,
    *,
    min_cluster_size: int = 5,
    min_samples: int | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> Labels:
    """Return the clusters of HDBSCAN: those that persist longest as the required density rises.

    The single linkage tree of the mutual reachability distances is built here in O(n) memory; scikit-learn condenses
    it and chooses the clusters ("excess of mass").

    Parameters
    ----------
    distances
        The condensed matrix of n items.
    min_cluster_size
        2 or more.
    min_samples
        As for :func:`core_distances`; by default ``min_cluster_size``.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`. The work of scikit-learn, O(n log n), has no checkpoint.

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
    If all distances are 0, all items are one cluster. Otherwise, all items are noise if the tree has no branch with
    two clusters of ``min_cluster_size`` or more. Many joins have equal distances, and HDBSCAN processes them one after
    the other. So a few items at the edge of a cluster may differ between implementations.

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

    A neighbour query gives the core distances. Then every distance is computed once more, and not kept.

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
    how: dict[str, Any] = {
        "radius": radius,
        "mismatch_weights": mismatch_weights,
        "n_threads": n_threads,
        "progress": reporting(progress, checkpoint),
    }
    cores = np.zeros(n, dtype=np.float32)
    if wanted > 1:
        cores = core_distances(dtw_neighbors(series, k=wanted - 1, **how), wanted)
    edges = streamed_edges(series, cores, **how)
    return _chosen(edges, n, min_cluster_size)


def _checked_sizes(n: int, min_cluster_size: int, min_samples: int | None) -> int:
    """Check both sizes, and return ``min_samples``."""
    whole_number("min_cluster_size", min_cluster_size, least=2)
    if min_samples is None:
        return min(int(min_cluster_size), n)
    return checked_min_samples(min_samples, n)


def _chosen(edges: Edges, n: int, min_cluster_size: int) -> Labels:
    """Choose clusters with scikit-learn, from the edges of a tree; ``min_samples=1`` keeps their distances."""
    from sklearn.cluster import HDBSCAN

    firsts, seconds, heights = edges
    if not heights.any():
        # The tree of equal items has no branch, and scikit-learn chooses among branches.
        return np.zeros(n, dtype=np.int64)
    weights = np.maximum(heights.astype(np.float64), _LEAST_DISTANCE)
    both = (np.concatenate([firsts, seconds]), np.concatenate([seconds, firsts]))
    matrix = coo_array((np.concatenate([weights, weights]), both), shape=(n, n)).tocsr()
    model = HDBSCAN(
        min_cluster_size=min_cluster_size, min_samples=1, metric="precomputed", algorithm="brute", copy=False
    )
    labels: Labels = model.fit_predict(matrix)
    return by_size(np.maximum(labels, -1))
