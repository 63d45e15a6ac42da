"""The tree of a condensed matrix, or of single linkage row by row, and its cuts."""

import threading
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from gymlab.arguments import finite_number, one_of, whole_number
from gymlab.clustering.condensed import (
    Checkpoint,
    Condensed,
    Labels,
    Tree,
    matrix_of,
    no_checkpoint,
    number_of_items,
    row_slices,
    slices,
    whole_numbers,
)
from gymlab.clustering.kernels import tree_joins
from gymlab.distance.triangle import row_start
from gymlab.errors import InputError

Edges = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]

Linkage = Literal["ward", "average", "complete", "single", "weighted"]

LINKAGES: tuple[Linkage, ...] = get_args(Linkage)

# How many distances the chain reads between two checkpoints. The distances of a column lie far apart in memory, so each
# may take a tenth of a microsecond.
_DISTANCES_A_SLICE = 2**20

# float32 holds the square of every distance between 2**-30 and 2**30.
_USUAL_EXPONENT = 30

_CHAINED = {
    "ward": tree_joins.WARD,
    "average": tree_joins.AVERAGE,
    "complete": tree_joins.COMPLETE,
    "weighted": tree_joins.WEIGHTED,
}


def build_tree(
    distances: Condensed,
    method: Linkage = "ward",
    *,
    overwrite: bool = False,
    checkpoint: Checkpoint = no_checkpoint,
) -> Tree:
    """Return the linkage matrix of a condensed distance matrix, as :func:`scipy.cluster.hierarchy.linkage`.

    It is computed in float32, so heights differ from those of scipy in the seventh digit. If several pairs are equally
    near, another pair may be joined first. Single linkage does not change the distances. If it joins more than two
    clusters at the same height, the order of these joins has no meaning.

    Parameters
    ----------
    distances
        float32 ``(n(n−1)/2,)``.
    method
        ``ward`` (the variance criterion for Euclidean distances, but not for DTW distances), ``average``,
        ``complete``, ``single`` or ``weighted``.
    overwrite
        True to use a float32 matrix as working memory, which destroys its values. False to work on a float32 copy
        (single linkage needs no copy).
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.

    Returns
    -------
    numpy.ndarray
        float64 ``(n−1, 4)``; empty for a single item.

    Raises
    ------
    InputError
        As :func:`~gymlab.clustering.number_of_items`, or for an unknown method.

    Notes
    -----
    The algorithm is the nearest-neighbour chain (Müllner 2011, section 3.2) in O(n²) time. For Ward's method, it works
    on squared distances, because their update needs no root. Single linkage uses SLINK (Sibson 1973).

    Examples
    --------
    >>> build_tree(np.array([1, 4, 3], dtype=np.float32), "single")[:, 2].tolist()
    [1.0, 3.0]
    """
    one_of("method", method, LINKAGES)
    n = number_of_items(distances, checkpoint=checkpoint)
    if n == 1:
        return np.empty((0, 4))
    if method == "single":
        pointers = PointerTree(n)
        pointers.add_matrix(matrix_of(distances, n), checkpoint=checkpoint)
        return pointers.tree()
    working, scale = _working_copy(
        distances, squared=method == "ward", overwrite=overwrite, checkpoint=checkpoint
    )
    firsts, seconds, joins = _chained(working, n, _CHAINED[method], checkpoint)
    heights = np.sqrt(joins) if method == "ward" else joins
    return tree_of_joins(firsts, seconds, heights.astype(np.float64) / scale)


def tree_of_joins(
    firsts: NDArray[np.int64], seconds: NDArray[np.int64], heights: NDArray[np.float64]
) -> Tree:
    """Return the linkage matrix of joins in any order; each join is an item of either cluster, and a height."""
    order = np.argsort(heights, kind="stable")
    tree = np.empty((len(heights), 4))
    tree_joins.label_joins(firsts[order], seconds[order], heights[order], tree)
    return tree


def _working_copy(
    distances: Condensed, *, squared: bool, overwrite: bool, checkpoint: Checkpoint
) -> tuple[NDArray[np.float32], float]:
    """Return float32 distances to work on, and the factor that was applied so that float32 holds their squares."""
    usable = distances.flags.c_contiguous and distances.flags.writeable
    if overwrite and usable and distances.dtype == np.float32:
        working = distances.view(np.float32)
    else:
        working = np.empty(len(distances), dtype=np.float32)
    most = float(max(distances[part].max() for part in slices(len(distances), checkpoint)))
    # Scaling by a power of two loses no digit, but takes a pass over all distances. It is applied only if squares
    # would be too large or too small.
    exponent = int(np.frexp(most)[1])
    scale = 2.0**-exponent if squared and abs(exponent) > _USUAL_EXPONENT else 1.0
    for part in slices(len(distances), checkpoint):
        if scale != 1.0 or not squared:
            np.multiply(distances[part], scale, out=working[part], casting="same_kind")
        if squared:
            source = distances[part] if scale == 1.0 else working[part]
            np.square(source, out=working[part], casting="same_kind")
    return working, scale


def _chained(
    working: NDArray[np.float32], n: int, method: int, checkpoint: Checkpoint
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    firsts, seconds = np.empty(n - 1, dtype=np.int64), np.empty(n - 1, dtype=np.int64)
    heights = np.empty(n - 1, dtype=np.float32)
    sizes, leaves, alive = np.ones(n), np.arange(n), np.ones(n, dtype=np.bool_)
    places = np.empty(n, dtype=np.int64)
    buffers = np.empty((2, n), dtype=np.float32)
    state = np.array([n, n, 0, 0, -1, -1], dtype=np.int64)
    while state[tree_joins.LEFT] > 1:
        checkpoint()
        if tree_joins.wants_packing(state):
            _pack(working, sizes, leaves, alive, places, state, checkpoint)
        clusters, joins = (sizes, leaves, alive, places, buffers, state), (firsts, seconds, heights)
        tree_joins.advance(working, method, *clusters, *joins, _DISTANCES_A_SLICE)
    return firsts, seconds, heights


def _pack(
    working: NDArray[np.float32],
    sizes: NDArray[np.float64],
    leaves: NDArray[np.int64],
    alive: NDArray[np.bool_],
    places: NDArray[np.int64],
    state: NDArray[np.int64],
    checkpoint: Checkpoint,
) -> None:
    """Move the clusters that are left to the front of every array, so that joined ones are not read again."""
    kept = np.flatnonzero(alive[: state[tree_joins.ROOM]])
    position = 0
    for first, stop in row_slices(len(kept), checkpoint):
        position = tree_joins.pack_rows(working, working, kept, state[tree_joins.ROOM], first, stop, position)
    for array in (sizes, leaves, alive):
        array[: len(kept)] = array[kept]
    links = places[: state[tree_joins.CHAIN]]
    links[:] = np.searchsorted(kept, links)
    state[tree_joins.ROOM] = len(kept)
    state[[tree_joins.BUFFER_0, tree_joins.BUFFER_1]] = -1


class PointerTree:
    """The single linkage tree of n items, built from the rows of the condensed matrix, the last row first.

    Rows may be added in any order and by several threads. Rows that are added too early are kept until they are needed.

    Parameters
    ----------
    n
        Number of items.
    cores
        float32 ``(n,)``: if given, distances are mutual reachability distances, the largest of the distance and
        the core distances of both items (Campello, Moulavi and Sander 2013).
    """

    def __init__(self, n: int, cores: NDArray[np.float32] | None = None) -> None:
        self._n = n
        self._cores = np.empty(0, dtype=np.float32) if cores is None else cores
        self._parents = np.arange(n)
        self._heights = np.full(n, np.inf, dtype=np.float32)
        self._row = np.empty(n, dtype=np.float32)
        # The row of the last item is empty.
        self._next = n - 1
        self._early: dict[int, tuple[int, NDArray[np.float32]]] = {}
        self._lock = threading.Lock()

    def add_rows(self, first: int, stop: int, distances: NDArray[np.float32]) -> None:
        """Add the rows ``first`` to ``stop``. They are in one flat array, which must not be changed later."""
        if first >= self._n - 1:
            return
        with self._lock:
            self._early[min(stop, self._n - 1)] = (first, distances)
            while self._next in self._early:
                begin, rows = self._early.pop(self._next)
                self._enter(rows, 0, begin, self._next)

    def add_matrix(self, distances: NDArray[np.float32], *, checkpoint: Checkpoint = no_checkpoint) -> None:
        """Add all rows of a condensed matrix."""
        for first, stop in reversed(list(row_slices(self._n))):
            checkpoint()
            self._enter(distances, row_start(self._n, first), first, stop)

    def edges(self) -> Edges:
        """Return n−1 edges that give this tree, by ascending height: first items, second items, heights."""
        # Item 0 was added last. It is the first item of the cluster of all items, and has no edge.
        order = 1 + np.argsort(self._heights[1:], kind="stable")
        return order, self._parents[order], self._heights[order]

    def tree(self) -> Tree:
        """Return the linkage matrix; all rows have to be added before."""
        firsts, seconds, heights = self.edges()
        return tree_of_joins(firsts, seconds, heights.astype(np.float64))

    def _enter(self, rows: NDArray[np.float32], offset: int, first: int, stop: int) -> None:
        tree_joins.enter_rows(
            rows, offset, self._n, first, stop, self._cores, self._parents, self._heights, self._row
        )
        self._next = first


def require_cut(n: int, n_clusters: int | None, height: float | None) -> None:
    """Check the cut of a tree of n items. Both the number and the height may be None.

    Raises
    ------
    InputError
        If both are given, the number is not from 1 to n, or the height is not a distance.
    """
    if n_clusters is not None and height is not None:
        raise InputError("give n_clusters or height, not both")
    if n_clusters is not None:
        whole_number("n_clusters", n_clusters, least=1, most=n)
    if height is not None:
        finite_number("height", height, least=0, noun="a distance")


def cut_tree(tree: Tree, *, n_clusters: int | None = None, height: float | None = None) -> Labels:
    """Return a label for each leaf, for a cut into at most ``n_clusters`` clusters or a cut at ``height``.

    Parameters
    ----------
    tree
        float64 ``(n−1, 4)``, a linkage matrix.
    n_clusters
        How many clusters, 1 to n. There are fewer if the tree joins several at the same height.
    height
        The height of the cut, instead of a number of clusters, in the unit of the distances.

    Returns
    -------
    numpy.ndarray
        int64 ``(n,)``, 0 for the largest cluster.

    Raises
    ------
    InputError
        If the tree is not a linkage matrix, not exactly one of number and height is given, or that one is out of range.

    Examples
    --------
    >>> cut_tree(build_tree(np.array([1, 9, 9], dtype=np.float32)), n_clusters=2).tolist()
    [0, 0, 1]
    """
    n = n_leaves_of(tree)
    require_cut(n, n_clusters, height)
    if n_clusters is None and height is None:
        raise InputError("give n_clusters, or the height of the cut")
    if n == 1:
        return np.zeros(1, dtype=np.int64)
    try:
        at = height or 0.0
        if n_clusters is not None:
            # Items at distance 0 stay together, also in a cut into n clusters.
            at = float(np.append(0.0, np.sort(hierarchy.maxdists(tree)))[n - n_clusters])
        return by_size(hierarchy.fcluster(tree, at, criterion="distance"))
    except (TypeError, ValueError) as error:
        raise InputError(f"the tree is no linkage matrix: {error}") from None


def n_leaves_of(tree: Tree) -> int:
    """Return the number of items of a linkage matrix.

    Raises
    ------
    InputError
        If it does not have the shape and the type of a linkage matrix.
    """
    if not isinstance(tree, np.ndarray) or tree.ndim != 2 or tree.shape[1] != 4 or tree.dtype != np.float64:
        raise InputError("the tree is no linkage matrix; give float64 (n-1, 4), as build_tree returns it")
    return len(tree) + 1


def by_size(labels: NDArray[np.integer]) -> Labels:
    """Renumber the clusters from 0 by size, the largest first; ties go to the cluster that occurs first.

    Noise stays −1.

    Raises
    ------
    InputError
        If ``labels`` is not an array of whole numbers.

    Examples
    --------
    >>> by_size(np.array([5, -1, 7, 7])).tolist()
    [1, -1, 0, 0]
    """
    whole_numbers("labels", labels)
    renumbered = np.full(len(labels), -1, dtype=np.int64)
    clustered = labels >= 0
    _, first, inverse, counts = np.unique(
        labels[clustered], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(len(counts), dtype=np.int64)
    rank[np.lexsort((first, -counts))] = np.arange(len(counts))
    renumbered[clustered] = rank[inverse]
    return renumbered


def by_size_with_medoids(labels: Labels, medoids: Labels) -> tuple[Labels, Labels]:
    """Renumber the clusters as :func:`by_size` does, and put their medoids in the new order."""
    renumbered = by_size(labels)
    ordered = np.empty_like(medoids)
    ordered[renumbered[medoids]] = medoids
    return renumbered, ordered
