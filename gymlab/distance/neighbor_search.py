"""One neighbour query over one collection: its pieces of work, and how what they find adds up to a graph."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gymlab.distance.graph import NeighborGraph, NeighborStats, graph_of_edges
from gymlab.distance.series import (
    Float32Array,
    IntArray,
    SeriesBatch,
    checked_radius,
    weights_of_lanes,
)
from gymlab.distance.simd import candidates
from gymlab.distance.simd.kernel import CELLS_A_BLOCK, cells_of_pair
from gymlab.distance.simd.search_plans import search_plan

# A range of blocks stays in a second-level cache while all series pass by it, and has room for all its pairs.
_RANGE_BYTES = 400_000
_MOST_EDGES = 20_000_000

# No distance is beyond float32, so neither need eps be, and its conversion does not overflow.
_MOST_DISTANT = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Query:
    """What is asked: the neighbours within ``eps`` or the ``k`` nearest, with distances or as edges alone."""

    eps: float | None
    k: int | None
    values: bool


@dataclass(eq=False)
class Partial:
    """What some pieces of work found.

    Attributes
    ----------
    nearest, nearest_index
        float32 and int64 ``(n, k)``: the nearest so far of each series in the search's order, and their places in
        the collection; without columns when all within eps are asked for.
    edges
        For these, int32 ``(2, n_edges)`` places in the search's order and float32 ``(n_edges,)`` distances.
    counts
        int64: where the pairs went, by the constants of :mod:`gymlab.distance.simd.candidates`.
    """

    nearest: Float32Array
    nearest_index: IntArray
    edges: list[tuple[NDArray[np.int32], Float32Array]] = field(default_factory=list)
    counts: IntArray = field(default_factory=lambda: np.zeros(candidates.N_COUNTS, dtype=np.int64))


class NeighborSearch:
    """A neighbour query in pieces: :meth:`look_at` may run in any number of threads at once.

    Attributes
    ----------
    query
        What is asked.
    """

    def __init__(
        self, batch: SeriesBatch, query: Query, radius: int | None, weights: Sequence[float], unit: float
    ) -> None:
        self.query = query
        self._n = len(batch)
        cells = checked_radius(radius)
        of_codes = weights_of_lanes(weights, batch.n_channels)
        self._plan = search_plan(batch, cells, of_codes)
        n_columns = batch.values.shape[1]
        self._cells = float(cells_of_pair(n_columns, n_columns, cells))
        self._unit = np.float32(unit)
        self._eps = np.float32(np.inf if query.eps is None else min(query.eps, _MOST_DISTANT))
        # Shared by all threads; it only ever falls, and one that reads an older limit computes a pair too much.
        self._limits = np.full(self._n, candidates.limit_of(self._eps, self._unit), np.float32)

    def ranges(self) -> list[tuple[int, int]]:
        """Return ranges of blocks for :meth:`look_at`, every block in one."""
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
        """Return how many cells the pairs of some blocks would take if none were ruled out, about."""
        lanes = self._plan.blocks.shape[3]
        pairs = lanes * lanes * (stop * (stop + 1) - first * (first + 1)) / 2
        return int(pairs * self._cells)

    def nothing_found(self) -> Partial:
        """Return a partial result to begin with."""
        k = self.query.k or 0
        shape = (self._n if k else 0, k)
        return Partial(np.full(shape, np.inf, np.float32), np.full(shape, self._n, np.int64))

    def look_at(self, first: int, stop: int, found: Partial) -> None:
        """Look at every pair of a series in these blocks and an earlier one, and add what is near to ``found``."""
        n_lanes = self._plan.blocks.shape[3]
        most = 0 if self.query.k else min(self._n, stop * n_lanes) * (stop - first) * n_lanes
        # Most of this is never touched, so it takes no memory.
        edges, distances = np.empty((2, most), np.int32), np.empty(most, np.float32)
        found.counts[candidates.EDGES] = 0
        sink = (
            self._plan.order,
            self._unit,
            self._limits,
            found.nearest,
            found.nearest_index,
            self._eps,
            edges,
            distances,
            found.counts,
        )
        accepting = self.query.eps is not None and not self.query.values
        self._plan.look_at(first, stop, sink, accepting=accepting)
        n_found = int(found.counts[candidates.EDGES])
        if n_found:
            found.edges.append((edges[:, :n_found].copy(), distances[:n_found].copy()))

    def graph(self, found: Sequence[Partial], seconds: float) -> NeighborGraph:
        """Return the graph that several threads or workers found together.

        Parameters
        ----------
        found
            What each found; every range of :meth:`ranges` in just one of them.
        seconds
            What it took.
        """
        rows, columns, distances = self._nearest(found) if self.query.k else self._within(found)
        graph = graph_of_edges(self._n, rows, columns, distances if self.query.values else None)
        # Each pair was counted once and answers for both directions.
        counts = [2 * int(count) for count in np.sum([part.counts for part in found], axis=0)]
        pruned = {name: counts[place] for name, place in self._plan.bounds.items()}
        stats = NeighborStats(
            pairs=self._n * (self._n - 1),
            pruned=pruned,
            accepted=counts[candidates.ACCEPTED],
            abandoned=counts[candidates.ABANDONED],
            computed=counts[candidates.COMPUTED],
            seconds=seconds,
        )
        return NeighborGraph(graph, stats)

    def _within(self, found: Sequence[Partial]) -> tuple[IntArray, IntArray, Float32Array]:
        parts = [(np.empty((2, 0), np.int32), np.empty(0, np.float32))]
        parts += [part for one in found for part in one.edges]
        places = np.concatenate([edges for edges, _ in parts], axis=1)
        first, second = self._plan.order[places[0]], self._plan.order[places[1]]
        near = np.concatenate([distances for _, distances in parts])
        return np.concatenate([first, second]), np.concatenate([second, first]), np.tile(near, 2)

    def _nearest(self, found: Sequence[Partial]) -> tuple[IntArray, IntArray, Float32Array]:
        distances = np.concatenate([part.nearest for part in found], axis=1)
        indices = np.concatenate([part.nearest_index for part in found], axis=1)
        best = np.lexsort((indices, distances), axis=1)[:, : self.query.k]
        rows = np.repeat(self._plan.order, best.shape[1])
        columns = np.take_along_axis(indices, best, axis=1).ravel()
        return rows, columns, np.take_along_axis(distances, best, axis=1).ravel()
