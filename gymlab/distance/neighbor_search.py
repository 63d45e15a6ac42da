"""One neighbour query over one collection: its layout, its bounds, its pieces of work, and how they add up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gymlab.distance import search
from gymlab.distance.bounds import write_envelopes
from gymlab.distance.kernel import CELLS_A_BLOCK, call, cells_of_pair, packed_blocks
from gymlab.distance.paths import kernel_path, vectors_in_flight
from gymlab.distance.segments import Segments, distinct_segments
from gymlab.distance.series import (
    Float32Array,
    IntArray,
    SeriesBatch,
    checked_mismatch_weights,
    checked_radius,
)
from gymlab.distance.sharing import SharedPoints, shared_points
from gymlab.distance.vectors import WIDTH, aligned_empty

_LOOKED_UP_FLIGHT = 2
_BLOCK_BYTES = 400_000
_MOST_EDGES = 20_000_000


@dataclass(frozen=True)
class Query:
    """What is asked: the neighbours within ``eps`` or the ``k`` nearest, with distances or as edges alone."""

    eps: float | None
    k: int | None
    values: bool


@dataclass
class Partial:
    """What some pieces of work found.

    Attributes
    ----------
    nearest, nearest_index
        float32 and int64 ``(n, k)``: the nearest so far of each series in the search's order; without columns
        when all within eps are asked for.
    edges
        For these, int32 ``(2, n_edges)`` places in the search's order and float32 ``(n_edges,)`` distances.
    counts
        int64: where the pairs went, by the constants of :mod:`gymlab.distance.search`.
    """

    nearest: Float32Array
    nearest_index: IntArray
    edges: list[tuple[NDArray[np.int32], Float32Array]] = field(default_factory=list)
    counts: IntArray = field(default_factory=lambda: np.zeros(search.COMPUTED + 2, dtype=np.int64))


class NeighborSearch:
    """A neighbour query, laid out in blocks of lanes; :meth:`look_at` may run in any number of threads at once.

    Attributes
    ----------
    query
        What is asked.
    n_series
        Of how many series.
    """

    def __init__(
        self, batch: SeriesBatch, query: Query, radius: int | None, weights: Sequence[float], unit: float
    ) -> None:
        self.query = query
        self.n_series = len(batch)
        self._order = np.argsort(batch.lengths, kind="stable").astype(np.int64)
        self._series = batch.part(self._order)
        self._radius = checked_radius(radius)
        self._weights = checked_mismatch_weights(weights, batch.n_channels).astype(np.float32)[None, :]
        self._unit = np.float32(unit)
        self._explicit = kernel_path().name == "vector"
        self._ragged = bool(np.ptp(batch.lengths))
        n_columns = batch.values.shape[1]
        self._cells = float(cells_of_pair(n_columns, n_columns, self._radius))
        self._shared, self._segments = self._what_is_looked_up()
        if self._segments is not None:
            flight = _LOOKED_UP_FLIGHT
        else:
            flight = vectors_in_flight(batch.n_channels) if self._explicit else 4
        self._flight = (0,) * flight
        self._n_lanes = flight * WIDTH
        self._blocks, self._block_lengths = packed_blocks(self._series, self._n_lanes)
        self._slack = np.float32(1 + 2.4e-7 * (n_columns + batch.n_channels + 16))
        self._envelopes, self._bridges, self._packed_share = self._bounds_that_pay()
        eps = np.float32(np.inf if query.eps is None else query.eps)
        self._eps = eps
        self._limits = np.full(len(self._blocks) * self._n_lanes, search.limit_of(eps, self._unit), np.float32)

    def seed_ranges(self) -> list[tuple[int, int]]:
        """Return ranges of blocks for :meth:`seed`; none where eps is the limit."""
        if self.query.k is None:
            return []
        step = max(1, int(CELLS_A_BLOCK / max(1, self.seed_cells(0, 1))))
        return [(b, min(b + step, len(self._blocks))) for b in range(0, len(self._blocks), step)]

    def seed_cells(self, first: int, stop: int) -> int:
        """Return how many cells seeding some blocks takes, about."""
        around = 2 + ((self.query.k or 0) + 1) // self._n_lanes
        return int((stop - first) * self._n_lanes**2 * around * self._cells)

    def seed(self, first: int, stop: int) -> None:
        """Lower the limits of the series in some blocks by their nearest in the blocks around."""
        call(
            search.seed_limits,
            first,
            stop,
            self._series.values,
            self._series.lengths,
            self._blocks,
            self._block_lengths,
            self._radius,
            self._weights,
            self._unit,
            self.query.k,
            self._row_and_bounds(),
            self._limits,
            *self._constants(),
            (0,) * (self._ragged and self._radius >= 0),
            (0,) * self._explicit,
        )

    def ranges(self) -> list[tuple[int, int]]:
        """Return ranges of blocks for :meth:`look_at`, every block in one."""
        n_blocks = len(self._blocks)
        bytes_a_block = self._blocks[0].nbytes
        most = max(1, min(_BLOCK_BYTES // bytes_a_block, _MOST_EDGES // (self.n_series * self._n_lanes)))
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
        lanes = self._n_lanes
        pairs = lanes * lanes * (stop * (stop + 1) - first * (first + 1)) / 2
        return int(pairs * self._cells)

    def nothing_found(self) -> Partial:
        """Return a partial result to begin with."""
        k = self.query.k or 0
        shape = (self.n_series if k else 0, k)
        return Partial(np.full(shape, np.inf, np.float32), np.full(shape, self.n_series, np.int64))

    def look_at(self, first: int, stop: int, found: Partial) -> None:
        """Look at every pair of a series in these blocks and an earlier one, and add what is near to ``found``."""
        most = 0 if self.query.k else min(self.n_series, stop * self._n_lanes) * (stop - first) * self._n_lanes
        # Most of this is never touched, so it takes no memory.
        edges, distances = np.empty((2, most), np.int32), np.empty(most, np.float32)
        found.counts[-1] = 0
        sink = (
            self._order,
            self._unit,
            self._limits,
            found.nearest,
            found.nearest_index,
            self._eps,
            edges,
            distances,
            found.counts,
        )
        accepting = (0,) * (self.query.eps is not None and not self.query.values and not self._ragged)
        lanes = (self._blocks, self._block_lengths, self._radius, self._weights, self._slack)
        scratch = (
            *self._row_and_bounds(),
            aligned_empty((1, self._n_lanes)),
            aligned_empty((2, self._n_lanes)),
        )
        if not self._explicit:
            raise NotImplementedError
        if self._shared is not None and self._segments is not None:
            segments = self._segments
            tables = (
                aligned_empty((len(self._shared.points) * self._blocks.shape[1], self._n_lanes)),
                aligned_empty((len(segments.places), self._n_lanes)),
            )
            call(
                search.search_looked_up,
                first,
                stop,
                self._shared.starts,
                self._shared.points,
                (segments.starts, segments.first_rows, segments.places, segments.of_series),
                *lanes,
                (*scratch, *tables),
                sink,
                *self._constants(),
                accepting,
            )
        else:
            waiting = (
                aligned_empty(self._blocks.shape[1:]),
                np.empty((stop - first) * self._n_lanes, dtype=np.int64),
            )
            waiting[0][:] = 0
            call(
                search.search_computed,
                first,
                stop,
                self._series.values,
                self._series.lengths,
                self._envelopes,
                self._bridges,
                *lanes,
                self._packed_share,
                (*scratch, *waiting),
                sink,
                *self._constants(),
                (0,) * (self._ragged and self._radius >= 0),
                accepting,
            )
        n_found = int(found.counts[-1])
        if n_found:
            found.edges.append((edges[:, :n_found].copy(), distances[:n_found].copy()))

    def edges(self, found: Sequence[Partial]) -> tuple[IntArray, IntArray, Float32Array]:
        """Return rows, columns and distances of all edges of the graph, in the order of the collection."""
        if self.query.k is None:
            parts = [part for one in found for part in one.edges]
            places = np.concatenate([np.empty((2, 0), np.int32), *(edges for edges, _ in parts)], axis=1)
            near = np.concatenate([np.empty(0, np.float32), *(distances for _, distances in parts)])
            first, second = self._order[places[0]], self._order[places[1]]
            return np.concatenate([first, second]), np.concatenate([second, first]), np.tile(near, 2)
        distances = np.concatenate([part.nearest for part in found], axis=1)
        indices = np.concatenate([part.nearest_index for part in found], axis=1)
        best = np.lexsort((indices, distances), axis=1)[:, : self.query.k]
        rows = np.repeat(self._order, self.query.k)
        return (
            rows,
            np.take_along_axis(indices, best, axis=1).ravel(),
            np.take_along_axis(distances, best, axis=1).ravel(),
        )

    def pruned(self, counts: IntArray) -> dict[str, int]:
        """Return how many pairs each bound ruled out, by its name."""
        if self._segments is not None:
            return {"segments": int(counts[search.SEGMENTS])}
        names = {"kim": search.KIM}
        if len(self._envelopes[0]):
            names["keogh"] = search.KEOGH
        if len(self._bridges[0]):
            names["webb"] = search.WEBB
        return {name: int(counts[place]) for name, place in names.items()}

    def _what_is_looked_up(self) -> tuple[SharedPoints | None, Segments | None]:
        """Find the distinct points and segments, where they are few enough to be looked up in one table."""
        n_columns = self._series.values.shape[1]
        if self._ragged or not self._explicit:
            return None, None
        n_lanes = _LOOKED_UP_FLIGHT * WIDTH
        shared = shared_points(self._series, n_columns, self._cells, n_lanes)
        if shared is None or len(shared.run_starts) > 2:
            return None, None
        band = n_columns if self._radius < 0 else min(n_columns, 2 * self._radius + 1)
        return shared, distinct_segments(shared.starts, self._cells, band, n_lanes)

    def _bounds_that_pay(self) -> tuple[Any, Any, float]:
        """Return envelopes and bridges, empty where a bound costs more than it may save, and when packing pays."""
        values, lengths = self._series.values, self._series.lengths
        _, n_columns, n_channels = values.shape
        n_numeric = n_channels - self._weights.shape[1]
        nothing = np.empty((0, n_columns, n_channels), np.float32)
        no_bridges = (nothing, nothing, self._blocks[:0], self._blocks[:0])
        # In vector instructions for a row of lanes: a cell takes two for each channel and three more.
        whole = self._cells * (2 * n_channels + 3)
        # Gathering one lane takes about one for each of its numbers.
        share = whole / (whole + 2.0 * n_columns * n_channels * WIDTH)
        if self._segments is not None or n_columns < 3 or whole < 2 * 6 * n_channels * n_columns:
            return (nothing, nothing), no_bridges, share
        # Series of unequal length meet at any shift that their lengths allow, so their envelope is flat.
        reach = n_columns if self._ragged or self._radius < 0 else min(self._radius, n_columns)
        lower, upper = np.zeros_like(values), np.zeros_like(values)
        call(write_envelopes, values, lengths, reach, lower, upper)
        if self._ragged or n_numeric == 0 or whole < 2 * 14 * n_numeric * n_columns:
            return (lower, upper), no_bridges, share
        highest, lowest, unused = (np.zeros_like(values) for _ in range(3))
        call(write_envelopes, lower, lengths, reach, unused, highest)
        call(write_envelopes, upper, lengths, reach, lowest, unused)
        blocks = [packed_blocks(SeriesBatch(edge, lengths), self._n_lanes)[0] for edge in (lower, upper)]
        return (lower, upper), (highest, lowest, *blocks), share

    def _row_and_bounds(self) -> tuple[Float32Array, NDArray[np.int32]]:
        row = aligned_empty((self._blocks.shape[1] + 1, self._n_lanes))
        return row, np.empty((2, self._n_lanes), dtype=np.int32)

    def _constants(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        return (0,) * self._series.n_channels, (0,) * self._weights.shape[1], self._flight
