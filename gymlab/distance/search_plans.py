"""Ways to search the pairs of a neighbour query: bounds and costs from tables, or computed for each pair."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from gymlab.distance.kernels import plain, search_computed, search_looked_up, search_steps
from gymlab.distance.kernels.envelopes import write_envelopes
from gymlab.distance.kernels.lanes import EVERY
from gymlab.distance.kernels.search_looked_up import Segments, distinct_segments
from gymlab.distance.kernels.sharing import SharedPoints, shared_points
from gymlab.distance.kernels.vectors import WIDTH, aligned_empty, kernel_path, vectors_in_flight
from gymlab.distance.row_distances import call, cells_of_pair, packed_blocks, row_and_bounds, sizes_of
from gymlab.distance.series import Float32Array, IntArray, SeriesBatch

_LOOKED_UP_FLIGHT = 4


class SearchPlan(ABC):
    """One way to search the pairs of a collection.

    Attributes
    ----------
    order
        int64 ``(n,)``: the index of the series at each place.
    blocks
        float32 ``(n_blocks, n_timepoints, n_channels, n_lanes)``.
    bounds
        The bounds, by name, and their counters in :mod:`gymlab.distance.kernels.search_steps`.
    """

    def __init__(
        self, series: SeriesBatch, order: IntArray, n_vectors: int, radius: int, weights: Float32Array
    ) -> None:
        self.order = order
        self.bounds: dict[str, int] = {}
        self.blocks, block_lengths = packed_blocks(series, n_vectors * WIDTH)
        self._series = (series.values, series.lengths)
        self._lanes = (self.blocks, block_lengths, radius, weights)
        self._sizes = sizes_of(series, radius, weights, n_vectors)

    @abstractmethod
    def search_blocks(self, first: int, stop: int, sink: tuple[Any, ...], *, accepting: bool) -> None:
        """Compare each series in these blocks with the series before it."""

    def _slack(self) -> np.float32:
        """Return the factor by which a bound may exceed the square of a distance because of rounding."""
        n_columns, n_channels = self.blocks.shape[1:3]
        return np.float32(1 + 2.4e-7 * (n_columns + n_channels + 16))

    def _scratch(self) -> tuple[Any, ...]:
        """Return ``(row, bounds, limits, bound)``."""
        n_columns, _, n_lanes = self.blocks.shape[1:]
        return *row_and_bounds(n_columns, n_lanes), aligned_empty((1, n_lanes)), aligned_empty((2, n_lanes))


class LookedUpPlan(SearchPlan):
    """The plan for series of one length with few distinct time points. Costs and segment bounds come from tables."""

    def __init__(
        self,
        batch: SeriesBatch,
        radius: int,
        weights: Float32Array,
        shared: SharedPoints,
        segments: Segments,
    ) -> None:
        # Series with the same segments have small distances. This order puts them into the same blocks.
        order = np.lexsort(segments.of_series.T[::-1]).astype(np.int64)
        super().__init__(batch.part(order), order, _LOOKED_UP_FLIGHT, radius, weights)
        self.bounds = {"segments": search_steps.SEGMENTS}
        of_series = segments.of_series[order]
        self._tables = (
            shared.starts[order],
            shared.points,
            (segments.starts, segments.first_rows, segments.places, of_series),
        )

    def search_blocks(self, first: int, stop: int, sink: tuple[Any, ...], *, accepting: bool) -> None:
        """Compare each series in these blocks with the series before it."""
        n_columns, _, n_lanes = self.blocks.shape[1:]
        _, points, (_, _, places, _) = self._tables
        scratch = (
            *self._scratch(),
            aligned_empty((len(points) * n_columns, n_lanes)),
            aligned_empty((len(places), n_lanes)),
            aligned_empty((n_columns // EVERY + 1, n_lanes)),
            tuple(np.zeros((_LOOKED_UP_FLIGHT, *shape), dtype=np.int64) for shape in ((), (), (n_columns,))),
        )
        arguments = (*self._tables, self._lanes, self._slack(), scratch, sink, self._sizes)
        call(search_looked_up.search_looked_up, first, stop, *arguments, (0,) * accepting)


class ComputedPlan(SearchPlan):
    """The plan for any series: LB_Kim, LB_Keogh and LB_Webb if they save time, and costs computed for each pair."""

    def __init__(self, batch: SeriesBatch, radius: int, weights: Float32Array) -> None:
        order = _by_length(batch)
        super().__init__(batch.part(order), order, vectors_in_flight(batch.n_channels), radius, weights)
        self._one_length = not np.ptp(batch.lengths)
        n_columns, n_channels = batch.values.shape[1:]
        # Number of vector instructions for a row of lanes: a cell takes two for each channel, and three more.
        self._whole = float(cells_of_pair(n_columns, n_columns, radius)) * (2 * n_channels + 3)
        # Copying a lane to a packed block takes about two instructions for each number of the lane.
        gather = 2.0 * n_columns * n_channels * WIDTH
        self._packed_share = self._whole / (self._whole + gather)
        self._edges = self._edges_that_pay(radius)
        self.bounds = {"kim": search_steps.KIM}
        if len(self._edges[0]):
            self.bounds["keogh"] = search_steps.KEOGH
        if len(self._edges[2]):
            self.bounds["webb"] = search_steps.WEBB

    def search_blocks(self, first: int, stop: int, sink: tuple[Any, ...], *, accepting: bool) -> None:
        """Compare each series in these blocks with the series before it."""
        n_columns, n_channels, n_lanes = self.blocks.shape[1:]
        pack = aligned_empty((n_columns, n_channels, n_lanes))
        pack[:] = 0
        scratch = (*self._scratch(), pack, np.empty((stop - first) * n_lanes, dtype=np.int64))
        bounds = (self._edges, self._lanes, self._slack(), self._packed_share)
        arguments = (self._series, *bounds, scratch, sink, self._sizes)
        call(
            search_computed.search_computed, first, stop, *arguments, (0,) * (accepting and self._one_length)
        )

    def _edges_that_pay(self, radius: int) -> tuple[Float32Array, ...]:
        """Return the envelope edges for the kernel; they are empty if a bound costs more than half of its gain."""
        values, lengths = self._series
        _, n_columns, n_channels = values.shape
        n_numeric = n_channels - len(self._sizes[1])
        nothing = np.empty((0, n_columns, n_channels), np.float32)
        no_bridges = (nothing, nothing, self.blocks[:0], self.blocks[:0])
        if n_columns < 3 or self._whole < 2 * 6 * n_channels * n_columns:
            return nothing, nothing, *no_bridges
        # Without a common length, the reach is the whole series, so the envelope of a series is constant.
        reach = min(radius, n_columns) if self._one_length and radius >= 0 else n_columns
        lower, upper = np.zeros_like(values), np.zeros_like(values)
        call(write_envelopes, values, lengths, reach, lower, upper)
        if not self._one_length or n_numeric == 0 or self._whole < 2 * 14 * n_numeric * n_columns:
            return lower, upper, *no_bridges
        highest, lowest, unused = (np.zeros_like(values) for _ in range(3))
        call(write_envelopes, lower, lengths, reach, unused, highest)
        call(write_envelopes, upper, lengths, reach, lowest, unused)
        n_lanes = self.blocks.shape[3]
        as_blocks = [packed_blocks(SeriesBatch(edge, lengths), n_lanes)[0] for edge in (lower, upper)]
        return lower, upper, highest, lowest, *as_blocks


class PlainPlan(SearchPlan):
    """The plan for platforms without explicit vectors: every pair is computed."""

    def __init__(self, batch: SeriesBatch, radius: int, weights: Float32Array) -> None:
        order = _by_length(batch)
        super().__init__(batch.part(order), order, 4, radius, weights)

    def search_blocks(self, first: int, stop: int, sink: tuple[Any, ...], *, accepting: bool) -> None:  # noqa: ARG002
        """Compare each series in these blocks with the series before it; every distance is computed."""
        row, _, limits, _ = self._scratch()
        arguments = (self._series, self._lanes, (row, limits), sink, self._sizes)
        call(plain.search_plain, first, stop, *arguments)


def search_plan(batch: SeriesBatch, radius: int, weights: Float32Array) -> SearchPlan:
    """Return the fastest plan for a collection on this machine."""
    if kernel_path().name == "plain":
        return PlainPlan(batch, radius, weights)
    n_columns = batch.values.shape[1]
    n_lanes = _LOOKED_UP_FLIGHT * WIDTH
    cells = float(cells_of_pair(n_columns, n_columns, radius))
    shared = None if np.ptp(batch.lengths) else shared_points(batch, n_columns, cells, n_lanes)
    if shared is not None and len(shared.run_starts) == 2:
        band = n_columns if radius < 0 else min(n_columns, 2 * radius + 1)
        segments = distinct_segments(shared.starts, cells, band, n_lanes)
        if segments is not None:
            return LookedUpPlan(batch, radius, weights, shared, segments)
    return ComputedPlan(batch, radius, weights)


def _by_length(batch: SeriesBatch) -> IntArray:
    return np.argsort(batch.lengths, kind="stable").astype(np.int64)
