"""How a neighbour query goes about its pairs: with bounds and costs looked up, or with both computed on the way."""

from typing import Any, Protocol

import numpy as np

from gymlab.distance.bounds import write_envelopes
from gymlab.distance.series import Float32Array, IntArray, SeriesBatch
from gymlab.distance.simd import candidates, search_computed, search_looked_up, search_plain
from gymlab.distance.simd.kernel import call, cells_of_pair, packed_blocks
from gymlab.distance.simd.lanes import EVERY
from gymlab.distance.simd.paths import kernel_path, vectors_in_flight
from gymlab.distance.simd.segments import Segments, distinct_segments
from gymlab.distance.simd.sharing import SharedPoints, shared_points
from gymlab.distance.simd.vectors import WIDTH, aligned_empty

_LOOKED_UP_FLIGHT = 4


class SearchPlan(Protocol):
    """One way of looking at the pairs of a collection.

    Attributes
    ----------
    order
        int64 ``(n,)``: which series stands at each place.
    blocks
        float32 ``(n_blocks, n_timepoints, n_channels, n_lanes)``.
    bounds
        The bounds, by name, and their counters in :mod:`gymlab.distance.simd.candidates`.
    """

    order: IntArray
    blocks: Float32Array
    bounds: dict[str, int]

    def look_at(self, first: int, stop: int, sink: tuple[Any, ...], *, accepting: bool) -> None:
        """Look at every pair of a series in these blocks and an earlier one."""


class LookedUpPlan:
    """For series of one length with few distinct time points: costs and bounds of segments from tables."""

    def __init__(
        self,
        batch: SeriesBatch,
        radius: int,
        weights: Float32Array,
        shared: SharedPoints,
        segments: Segments,
    ) -> None:
        # Series that hold the same segments are near each other; side by side they share blocks.
        self.order = np.lexsort(segments.of_series.T[::-1]).astype(np.int64)
        self._flight = (0,) * _LOOKED_UP_FLIGHT
        series = batch.part(self.order)
        self.blocks, self._block_lengths = packed_blocks(series, _LOOKED_UP_FLIGHT * WIDTH)
        self.bounds = {"segments": candidates.SEGMENTS}
        self._starts = shared.starts[self.order]
        self._points = shared.points
        self._segments = (
            segments.starts,
            segments.first_rows,
            segments.places,
            segments.of_series[self.order],
        )
        self._radius, self._weights = radius, weights

    def look_at(self, first: int, stop: int, sink: tuple[Any, ...], *, accepting: bool) -> None:
        """Look at every pair of a series in these blocks and an earlier one."""
        n_columns, n_channels, n_lanes = self.blocks.shape[1:]
        n_vectors = len(self._flight)
        scratch = (
            *_scratch(n_columns, n_lanes),
            aligned_empty((len(self._points) * n_columns, n_lanes)),
            aligned_empty((len(self._segments[2]), n_lanes)),
            aligned_empty((n_columns // EVERY + 1, n_lanes)),
            np.zeros((n_vectors, n_columns), dtype=np.int64),
            np.zeros(n_vectors, dtype=np.int64),
        )
        call(
            search_looked_up.search_looked_up,
            first,
            stop,
            self._starts,
            self._points,
            self._segments,
            self.blocks,
            self._block_lengths,
            self._radius,
            self._weights,
            slack(n_columns, n_channels),
            scratch,
            sink,
            (0,) * n_channels,
            (0,) * self._weights.shape[1],
            self._flight,
            (0,) * accepting,
        )


class ComputedPlan:
    """For any series: LB_Kim, LB_Keogh and LB_Webb as far as each pays, and costs computed on the way."""

    def __init__(self, batch: SeriesBatch, radius: int, weights: Float32Array) -> None:
        self.order = np.argsort(batch.lengths, kind="stable").astype(np.int64)
        self._series = batch.part(self.order)
        self._radius, self._weights = radius, weights
        self._flight = (0,) * vectors_in_flight(batch.n_channels)
        self.blocks, self._block_lengths = packed_blocks(self._series, len(self._flight) * WIDTH)
        self._ragged = bool(np.ptp(batch.lengths))
        n_columns, n_channels = batch.values.shape[1:]
        # In vector instructions for a row of lanes: a cell takes two for each channel and three more.
        self._whole = float(cells_of_pair(n_columns, n_columns, radius)) * (2 * n_channels + 3)
        # Gathering a lane for a block of its own takes about two for each of its numbers.
        gather = 2.0 * n_columns * n_channels * WIDTH
        self._packed_share = self._whole / (self._whole + gather)
        self._envelopes, self._bridges = self._bounds_that_pay()
        self.bounds = {"kim": candidates.KIM}
        if len(self._envelopes[0]):
            self.bounds["keogh"] = candidates.KEOGH
        if len(self._bridges[0]):
            self.bounds["webb"] = candidates.WEBB

    def look_at(self, first: int, stop: int, sink: tuple[Any, ...], *, accepting: bool) -> None:
        """Look at every pair of a series in these blocks and an earlier one."""
        n_columns, n_channels, n_lanes = self.blocks.shape[1:]
        pack = aligned_empty((n_columns, n_channels, n_lanes))
        pack[:] = 0
        waiting = np.empty((stop - first) * n_lanes, dtype=np.int64)
        call(
            search_computed.search_computed,
            first,
            stop,
            self._series.values,
            self._series.lengths,
            self._envelopes,
            self._bridges,
            self.blocks,
            self._block_lengths,
            self._radius,
            self._weights,
            slack(n_columns, n_channels),
            self._packed_share,
            (*_scratch(n_columns, n_lanes), pack, waiting),
            sink,
            (0,) * n_channels,
            (0,) * self._weights.shape[1],
            self._flight,
            (0,) * (self._ragged and self._radius >= 0),
            (0,) * (accepting and not self._ragged),
        )

    def _bounds_that_pay(self) -> tuple[Any, Any]:
        """Return envelopes and bridges, empty where a bound costs more than half of what it may save."""
        values, lengths = self._series.values, self._series.lengths
        _, n_columns, n_channels = values.shape
        n_numeric = n_channels - self._weights.shape[1]
        nothing = np.empty((0, n_columns, n_channels), np.float32)
        no_bridges = (nothing, nothing, self.blocks[:0], self.blocks[:0])
        if n_columns < 3 or self._whole < 2 * 6 * n_channels * n_columns:
            return (nothing, nothing), no_bridges
        # Series of unequal length meet at any shift that their lengths allow, so their envelope is flat.
        reach = n_columns if self._ragged or self._radius < 0 else min(self._radius, n_columns)
        lower, upper = np.zeros_like(values), np.zeros_like(values)
        call(write_envelopes, values, lengths, reach, lower, upper)
        if self._ragged or n_numeric == 0 or self._whole < 2 * 14 * n_numeric * n_columns:
            return (lower, upper), no_bridges
        highest, lowest, unused = (np.zeros_like(values) for _ in range(3))
        call(write_envelopes, lower, lengths, reach, unused, highest)
        call(write_envelopes, upper, lengths, reach, lowest, unused)
        n_lanes = self.blocks.shape[3]
        edges = [packed_blocks(SeriesBatch(edge, lengths), n_lanes)[0] for edge in (lower, upper)]
        return (lower, upper), (highest, lowest, *edges)


class PlainPlan:
    """For platforms without explicit vectors: every pair is computed."""

    def __init__(self, batch: SeriesBatch, radius: int, weights: Float32Array) -> None:
        self.order = np.argsort(batch.lengths, kind="stable").astype(np.int64)
        self._series = batch.part(self.order)
        self.blocks, self._block_lengths = packed_blocks(self._series, 4 * WIDTH)
        self.bounds: dict[str, int] = {}
        self._radius, self._weights = radius, weights
        self._ragged = radius >= 0 and bool(np.ptp(batch.lengths))

    def look_at(self, first: int, stop: int, sink: tuple[Any, ...], *, accepting: bool) -> None:  # noqa: ARG002
        """Look at every pair of a series in these blocks and an earlier one; none is accepted unseen."""
        n_columns, n_channels, n_lanes = self.blocks.shape[1:]
        call(
            search_plain.search_plain,
            first,
            stop,
            self._series.values,
            self._series.lengths,
            self.blocks,
            self._block_lengths,
            self._radius,
            self._weights,
            aligned_empty((n_columns + 1, n_lanes)),
            aligned_empty((1, n_lanes)),
            sink,
            (0,) * n_channels,
            (0,) * self._weights.shape[1],
            (0,) * 4,
            (0,) * self._ragged,
        )


def search_plan(batch: SeriesBatch, radius: int, weights: Float32Array) -> SearchPlan:
    """Return the fastest way for a collection on this machine."""
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


def slack(n_columns: int, n_channels: int) -> np.float32:
    """Return by which factor a bound may exceed a distance's square through rounding alone."""
    return np.float32(1 + 2.4e-7 * (n_columns + n_channels + 16))


def _scratch(n_columns: int, n_lanes: int) -> tuple[Any, ...]:
    row = aligned_empty((n_columns + 1, n_lanes))
    bounds = np.empty((2, n_lanes), dtype=np.int32)
    return row, bounds, aligned_empty((1, n_lanes)), aligned_empty((2, n_lanes))
