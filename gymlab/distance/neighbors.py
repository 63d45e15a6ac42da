"""The nearest neighbours of each series, or all within a distance, without the matrix of all distances."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from gymlab.arguments import boolean, finite_number, whole_number
from gymlab.distance.blocks import Block, Progress, run_blocks
from gymlab.distance.kernels import search_steps
from gymlab.distance.row_distances import CELLS_A_BLOCK, cells_of_pair
from gymlab.distance.search_plans import search_plan
from gymlab.distance.series import (
    Float32Array,
    IntArray,
    Series,
    SeriesBatch,
    batches,
    checked_radius,
    number_of_codes,
    weights_of_lanes,
)
from gymlab.errors import InputError
from gymlab.events import DistancesComputed, emit

# The blocks of a range fit in a second-level cache while all series are compared with them. The edges between all these
# pairs are limited in number too.
_RANGE_BYTES = 400_000
_MOST_EDGES = 20_000_000

# No distance is above the largest float32, so a larger eps is cut to it and does not overflow.
_MOST_DISTANT = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class NeighborStats:
    """How many pairs of a neighbour query were ruled out or computed. The sum of the counts is ``pairs``.

    Attributes
    ----------
    pairs
        All ordered pairs: n(n−1).
    pruned
        The number of pairs that each bound ruled out, by its name, the cheapest bound first.
    accepted
        Found within ``eps`` by their Euclidean distance alone (only with ``values=False``).
    abandoned
        Abandoned during the computation, when every path was already too long.
    computed
        Computed to the end.
    seconds
        Wall-clock time.
    """

    pairs: int
    pruned: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    abandoned: int = 0
    computed: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class NeighborGraph:
    """The neighbours of each series.

    Attributes
    ----------
    graph
        csr ``(n, n)``: row i holds the neighbours of series i, without itself, in ascending order. The entries are
        exact DTW distances (float32), zeros explicit; or True if only the edges were asked for. An absent entry
        means no neighbour, not a distance of 0.
    stats
        The counts of pairs, and the time.
    """

    graph: csr_array
    stats: NeighborStats


def dtw_neighbors(
    series: Series,
    *,
    eps: float | None = None,
    k: int | None = None,
    radius: int | None = None,
    values: bool = True,
    n_threads: int | None = None,
    progress: Progress = False,
    mismatch_weights: Sequence[float] = (),
) -> NeighborGraph:
    """Return the k nearest neighbours of each series, or all within ``eps``, by exact DTW.

    Lower bounds, the cheapest first, rule out most pairs, and the computation of others is abandoned early. The
    remaining pairs are computed exactly, so the graph equals that of the full matrix.

    Parameters
    ----------
    series
        As for :func:`gymlab.distance.dtw_pairwise`; at least two series.
    eps
        Largest distance of a neighbour. Give either ``eps`` or ``k``.
    k
        Number of neighbours, 1 to n−1. Ties go to the lower index.
    radius, n_threads, progress, mismatch_weights
        As for :func:`gymlab.distance.dtw_pairwise`. The graph does not depend on the number of threads; the
        statistics may.
    values
        False if only the edges are needed. Then the graph holds True instead of distances. The Euclidean distance is
        an upper bound of DTW, so with ``eps``, pairs whose Euclidean distance is within ``eps`` are accepted without
        computing DTW.

    Returns
    -------
    NeighborGraph
        ``graph`` is csr ``(n, n)``: row i holds the neighbours of series i, without itself. With ``eps`` it holds both
        directions. Identical series are stored with an explicit zero. ``stats`` counts the pairs that were ruled out
        or computed.

    Raises
    ------
    InputError
        As :func:`gymlab.distance.dtw_pairwise`; also if not exactly one of ``eps`` and ``k`` is given, or the one given
        is out of range.

    Examples
    --------
    >>> found = dtw_neighbors([[0, 1, 2], [0, 1, 1, 2], [3, 3, 3]], k=1)
    >>> found.graph.indices.tolist()
    [1, 0, 0]
    >>> found.graph.data
    array([0.       , 0.       , 3.7416575], dtype=float32)
    """
    start = time.perf_counter()
    (batch,), scale = batches(series, n_codes=number_of_codes(mismatch_weights))
    query = checked_query(len(batch), eps, k, values=values)
    search = NeighborSearch(batch, query, radius, mismatch_weights, scale)
    results: SimpleQueue[FoundNeighbors] = SimpleQueue()
    work = [
        Block(partial(_search_part, search, *part, results), search.cells(*part)) for part in search.ranges()
    ]
    run_blocks(work, n_threads, progress)
    found = [results.get() for _ in range(results.qsize())]
    graph = search.graph(found, time.perf_counter() - start)
    if computed := graph.stats.computed // 2:  # each pair is counted in both directions
        emit(DistancesComputed(computed, graph.stats.seconds))
    return graph


@dataclass(frozen=True)
class NeighborQuery:
    """A query for the neighbours within ``eps`` or the ``k`` nearest, with distances or as edges alone."""

    eps: float | None
    k: int | None
    values: bool


def checked_query(n: int, eps: float | None, k: int | None, *, values: bool) -> NeighborQuery:
    """Return a checked query over ``n`` series.

    Raises
    ------
    InputError
        If not exactly one of ``eps`` and ``k`` is given, it is out of range, or there is only one series.
    """
    if n < 2:
        raise InputError("a single series has no neighbours; give two or more")
    if (eps is None) == (k is None):
        raise InputError(
            "give eps (all neighbours within a distance) or k (the nearest); give exactly one of them"
        )
    return NeighborQuery(
        None if eps is None else finite_number("eps", eps, least=0, noun="a finite distance"),
        None if k is None else whole_number("k", k, least=1, most=n - 1),
        boolean("values", values),
    )


@dataclass(eq=False)
class FoundNeighbors:
    """The neighbours found by some pieces of work.

    Attributes
    ----------
    nearest, nearest_index
        float32 and int64 ``(n, k)``: the nearest neighbours found so far of each series, in the order of the search,
        and their indices in the collection. In a search within eps, these arrays are empty.
    edges
        In a search within eps: int32 ``(2, n_edges)`` places in the order of the search, and float32 ``(n_edges,)``
        distances.
    counts
        int64: counts of pairs, by the constants of :mod:`gymlab.distance.kernels.search_steps`.
    """

    nearest: Float32Array
    nearest_index: IntArray
    edges: list[tuple[NDArray[np.int32], Float32Array]] = field(default_factory=list)
    counts: IntArray = field(default_factory=lambda: np.zeros(search_steps.N_COUNTS, dtype=np.int64))


class NeighborSearch:
    """A neighbour query in pieces: :meth:`search_blocks` may run in any number of threads at once.

    Attributes
    ----------
    query
        The query.
    """

    def __init__(
        self,
        batch: SeriesBatch,
        query: NeighborQuery,
        radius: int | None,
        weights: Sequence[float],
        scale: float,
    ) -> None:
        self.query = query
        self._n = len(batch)
        cells = checked_radius(radius)
        of_codes = weights_of_lanes(weights, batch.n_channels)
        self._plan = search_plan(batch, cells, of_codes)
        n_columns = batch.values.shape[1]
        self._cells = float(cells_of_pair(n_columns, n_columns, cells))
        self._scale = np.float32(scale)
        self._eps = np.float32(np.inf if query.eps is None else min(query.eps, _MOST_DISTANT))
        # All threads share the limits. A limit never increases, so a thread that reads an old limit only computes some
        # pairs too many.
        self._limits = np.full(self._n, search_steps.cost_limit(self._eps, self._scale), np.float32)

    def ranges(self) -> list[tuple[int, int]]:
        """Return ranges of blocks for :meth:`search_blocks`; each block is in one of them."""
        blocks = self._plan.blocks
        n_blocks, n_lanes = len(blocks), blocks.shape[3]
        most = max(1, min(_RANGE_BYTES // blocks[0].nbytes, _MOST_EDGES // (self._n * n_lanes)))
        ranges, first = [], 0
        while first < n_blocks:
            stop = first + 1
            while stop < min(n_blocks, first + most) and self.cells(first, stop + 1) <= CELLS_A_BLOCK:
                stop += 1
            ranges.append((first, stop))
            first = stop
        return ranges

    def cells(self, first: int, stop: int) -> int:
        """Return the approximate number of cells of all pairs of some blocks."""
        lanes = self._plan.blocks.shape[3]
        pairs = lanes * lanes * (stop * (stop + 1) - first * (first + 1)) / 2
        return int(pairs * self._cells)

    def nothing_found(self) -> FoundNeighbors:
        """Return an empty result to begin with."""
        k = self.query.k or 0
        shape = (self._n if k else 0, k)
        return FoundNeighbors(np.full(shape, np.inf, np.float32), np.full(shape, self._n, np.int64))

    def search_blocks(self, first: int, stop: int, found: FoundNeighbors) -> None:
        """Compare each series in these blocks with the series before it, and add near pairs to ``found``."""
        n_lanes = self._plan.blocks.shape[3]
        most = 0 if self.query.k else min(self._n, stop * n_lanes) * (stop - first) * n_lanes
        # Most elements of these arrays are never written to, so they take no memory.
        edges, distances = np.empty((2, most), np.int32), np.empty(most, np.float32)
        found.counts[search_steps.EDGES] = 0
        nearest = (found.nearest, found.nearest_index)
        sink = (
            self._plan.order,
            self._scale,
            self._limits,
            *nearest,
            self._eps,
            edges,
            distances,
            found.counts,
        )
        accepting = self.query.eps is not None and not self.query.values
        self._plan.search_blocks(first, stop, sink, accepting=accepting)
        n_found = int(found.counts[search_steps.EDGES])
        if n_found:
            found.edges.append((edges[:, :n_found].copy(), distances[:n_found].copy()))

    def graph(self, found: Sequence[FoundNeighbors], seconds: float) -> NeighborGraph:
        """Return the graph that several threads or workers found together.

        Parameters
        ----------
        found
            The results; each range of :meth:`ranges` has to be in exactly one of them.
        seconds
            The time that the query took.
        """
        rows, columns, distances = self._nearest(found) if self.query.k else self._within(found)
        graph = graph_of_edges(self._n, rows, columns, distances if self.query.values else None)
        # Each pair was counted once, and the count applies to both directions.
        counts = [2 * int(count) for count in np.sum([part.counts for part in found], axis=0)]
        pruned = {name: counts[place] for name, place in self._plan.bounds.items()}
        stats = NeighborStats(
            pairs=self._n * (self._n - 1),
            pruned=pruned,
            accepted=counts[search_steps.ACCEPTED],
            abandoned=counts[search_steps.ABANDONED],
            computed=counts[search_steps.COMPUTED],
            seconds=seconds,
        )
        return NeighborGraph(graph, stats)

    def _within(self, found: Sequence[FoundNeighbors]) -> tuple[IntArray, IntArray, Float32Array]:
        parts = [(np.empty((2, 0), np.int32), np.empty(0, np.float32))]
        parts += [part for one in found for part in one.edges]
        places = np.concatenate([edges for edges, _ in parts], axis=1)
        first, second = self._plan.order[places[0]], self._plan.order[places[1]]
        near = np.concatenate([distances for _, distances in parts])
        return np.concatenate([first, second]), np.concatenate([second, first]), np.tile(near, 2)

    def _nearest(self, found: Sequence[FoundNeighbors]) -> tuple[IntArray, IntArray, Float32Array]:
        parts = [part.nearest for part in found], [part.nearest_index for part in found]
        distances, indices = k_nearest(*parts, self.query.k or 0)
        return np.repeat(self._plan.order, indices.shape[1]), indices.ravel(), distances.ravel()


def k_nearest(
    distances: Sequence[Float32Array], indices: Sequence[IntArray], k: int
) -> tuple[Float32Array, IntArray]:
    """Return the first k of the neighbours in several arrays ``(n, …)``, by distance and then by index."""
    all_distances, all_indices = np.concatenate(distances, axis=1), np.concatenate(indices, axis=1)
    best = np.lexsort((all_indices, all_distances), axis=1)[:, :k]
    return np.take_along_axis(all_distances, best, axis=1), np.take_along_axis(all_indices, best, axis=1)


def graph_of_edges(n: int, rows: IntArray, columns: IntArray, values: Float32Array | None) -> csr_array:
    """Return the csr graph of directed edges, each given once.

    Parameters
    ----------
    n
        Number of series.
    rows, columns
        int64 ``(n_edges,)``.
    values
        float32 ``(n_edges,)``; None for a graph of edges alone.
    """
    # The edges are sorted here. The coo format would add up duplicates and might drop zeros.
    order = np.lexsort((columns, rows))
    index_type = np.int32 if max(n, len(rows)) < np.iinfo(np.int32).max else np.int64
    starts = np.searchsorted(rows[order], np.arange(n + 1)).astype(index_type)
    data = np.ones(len(rows), dtype=bool) if values is None else values[order]
    return csr_array((data, columns[order].astype(index_type), starts), shape=(n, n))


def _search_part(
    search: NeighborSearch, first: int, stop: int, results: "SimpleQueue[FoundNeighbors]"
) -> None:
    """Search some blocks, and add the neighbours to a result that no other thread uses at the time."""
    try:
        found = results.get_nowait()
    except Empty:
        found = search.nothing_found()
    search.search_blocks(first, stop, found)
    results.put(found)
