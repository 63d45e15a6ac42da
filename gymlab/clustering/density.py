"""Clusters as dense regions: DBSCAN, and the eps that the distances suggest."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from gymlab.arguments import finite_number, whole_number
from gymlab.clustering import passes
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
from gymlab.clustering.tree import by_size
from gymlab.distance import NeighborGraph
from gymlab.errors import InputError

Neighbours = NeighborGraph | csr_array


def dbscan(
    distances: Condensed | Neighbours,
    *,
    min_samples: int = 5,
    eps: float | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> Labels:
    """Return the clusters of DBSCAN: core items within ``eps`` of each other, and what they reach.

    A core item has ``min_samples`` items within ``eps``, itself counted. An item that is none but within ``eps`` of
    some belongs to the cluster of the first, in the order of the clusters' first core items. The labels are
    scikit-learn's, renumbered.

    Parameters
    ----------
    distances
        The condensed matrix of n items, or their neighbours within eps, as ``dtw_neighbors(series, eps=…)`` gives
        them (also with ``values=False``): each pair in both directions, zeros stored, an item itself left out.
    min_samples
        1 or more.
    eps
        Rounded to float32, as the distances are. Needed with a matrix. With a graph that holds distances it may be less than that of the graph.
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
        return _of_matrix(distances, min_samples, np.float32(eps), checkpoint)
    return _of_graph(_within(_graph_of(distances), eps), min_samples)


def checked_min_samples(min_samples: int, n: int | None = None) -> int:
    """Return how many of n items make a neighbourhood dense.

    Raises
    ------
    InputError
        If that is no whole number of 1 or more, or more than there are items.
    """
    number = whole_number("min_samples", min_samples, least=1)
    if n is not None and number > n:
        raise InputError(f"min_samples is {number}, but there are only {n} items")
    return number


def core_distances(
    distances: Condensed | Neighbours, min_samples: int, *, checkpoint: Checkpoint = no_checkpoint
) -> NDArray[np.float32]:
    """Return the distance of each item to the ``min_samples``-th nearest, itself counted as the first.

    Parameters
    ----------
    distances
        The condensed matrix, or a graph of at least ``min_samples − 1`` nearest neighbours of each.
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
        passes.offer_neighbours(matrix, n, first, stop, nearest)
    return nearest[:, -1].copy()


def suggested_eps(
    distances: Condensed | Neighbours, *, min_samples: int = 5, checkpoint: Checkpoint = no_checkpoint
) -> float:
    """Return an eps for DBSCAN: the knee of the sorted distances to the ``min_samples``-th nearest.

    Sorted, these rise slowly within clusters and steeply among noise (Ester et al. 1996, section 4.2). The knee is
    where the curve lies farthest below the straight line from its first to its last point, both axes scaled to 0
    to 1, of equals the first (Satopää et al., "Finding a Kneedle in a Haystack", ICDCS Workshops 2011, without the
    smoothing). Nothing is drawn at random.

    Parameters
    ----------
    distances, min_samples, checkpoint
        As for :func:`core_distances`.

    Returns
    -------
    float
        In the unit of the distances; the largest of them where all are equal but for rounding.

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


def _of_matrix(distances: Condensed, min_samples: int, eps: np.float32, checkpoint: Checkpoint) -> Labels:
    n = number_of_items(distances, checkpoint=checkpoint)
    matrix = matrix_of(distances, n)
    counts, roots = np.ones(n, dtype=np.int64), np.arange(n)
    for first, stop in row_slices(n, checkpoint):
        passes.count_within(matrix, eps, first, stop, counts)
    core = counts >= min_samples
    for first, stop in row_slices(n, checkpoint):
        passes.join_within(matrix, eps, core, first, stop, roots)
    while not np.array_equal(roots[roots], roots):
        roots = roots[roots]
    labels = np.full(n, n)
    for first, stop in row_slices(n, checkpoint):
        passes.reach_borders(matrix, eps, core, roots, first, stop, labels)
    labels[core] = roots[core]
    return by_size(np.where(labels < n, labels, -1))


def _of_graph(graph: csr_array, min_samples: int) -> Labels:
    n = graph.shape[0]
    degrees = np.diff(graph.indptr)
    core = degrees + 1 >= min_samples
    rows, columns = np.repeat(np.arange(n), degrees), graph.indices
    inner = core[rows] & core[columns]
    edges = (np.ones(np.count_nonzero(inner), dtype=np.int8), (rows[inner], columns[inner]))
    _, parts = connected_components(coo_array(edges, shape=(n, n)), directed=False)
    # The number of a part is its first item, so that borders go to the first.
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
    """Return the edges within ``eps``, without those of an item to itself."""
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
