"""Distances between collections of series, row by row or for chosen pairs: the functions that call the kernels."""

import logging
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gymlab.distance.kernels import sweeps
from gymlab.distance.kernels.sharing import SharedPoints, shared_points
from gymlab.distance.kernels.vectors import (
    WIDTH,
    aligned_empty,
    kernel_path,
    vectors_in_flight,
    vectors_looked_up,
)
from gymlab.distance.series import (
    Float32Array,
    IntArray,
    SeriesBatch,
    checked_radius,
    weights_of_lanes,
)
from gymlab.distance.triangle import row_start

_log = logging.getLogger(__name__)

# Large enough that the start of a block costs little, small enough for steady progress and a quick cancel.
CELLS_A_BLOCK = 200_000_000
# A table of shared costs is filled once for each range of rows. It pays if the rows have this many times as many time
# points as the table.
_ROWS_WORTH_A_TABLE = 10


class RowDistances:
    """Distances of queries to members, or of members to each other, row by row.

    A row holds the distances of one query to all members. Without queries, a row holds the distances of one member to
    the later members. Members are sorted by length, so that the lanes of a block end close to each other. Rows may be
    computed in any order and by any number of threads at once.

    Attributes
    ----------
    order
        int64 ``(n_members,)``: the index of the series at each place.
    in_order
        Whether ``order`` is the order in which the members were given.
    """

    def __init__(
        self,
        members: SeriesBatch,
        queries: SeriesBatch | None,
        radius: int | None,
        weights: Sequence[float],
        scale: float,
    ) -> None:
        weights_of_codes = weights_of_lanes(weights, members.n_channels)
        self._radius = checked_radius(radius)
        self._scale = np.float32(scale)
        self.order = np.argsort(members.lengths, kind="stable").astype(np.int64)
        self.in_order = bool(np.array_equal(self.order, np.arange(len(members))))
        ordered = members if self.in_order else members.part(self.order)
        self._triangular = queries is None
        self._queries = ordered if queries is None else queries
        self._n_members = len(members)
        self._cells = self._cells_by_row(ordered.lengths)
        self._explicit = kernel_path().name == "vector"
        columns = int(ordered.lengths.max())
        flight = vectors_looked_up(columns) if self._explicit else 4
        cells_of_a_pair = float(self._cells.sum() / max(1, self.n_pairs))
        self._shared = (
            shared_points(self._queries, columns, cells_of_a_pair, flight * WIDTH) if self._explicit else None
        )
        if self._explicit and self._shared is None:
            flight = vectors_in_flight(members.n_channels)
        self._lanes = (*packed_blocks(ordered, flight * WIDTH), self._radius, weights_of_codes)
        self._sizes = sizes_of(members, self._radius, weights_of_codes, flight, self._queries)

    def row_ranges(self, cells: int | None = None) -> list[tuple[int, int]]:
        """Cut the rows into ranges of about ``cells`` cells each, by default ``CELLS_A_BLOCK``."""
        step = cells or CELLS_A_BLOCK
        ends = np.cumsum(self._cells)
        cuts = np.searchsorted(ends, np.arange(step, ends[-1], step)) + 1
        if self._shared is not None:
            cuts = self._between_runs(self._shared, cuts, ends, step)
        bounds = np.unique(np.concatenate([[0], cuts, [len(self._cells)]]))
        return [(int(first), int(stop)) for first, stop in pairwise(bounds)]

    def _between_runs(self, shared: SharedPoints, cuts: IntArray, ends: IntArray, step: int) -> IntArray:
        """Move cuts to the ends of runs of queries. The table of a run is filled again for each range with its rows.

        A run that is longer than a range is cut only if the rows between two cuts have many times as many time points
        as the table.
        """
        starts, points = shared.run_starts, np.diff(shared.run_points)
        kept = [0]
        for cut in cuts.tolist():
            run = int(np.searchsorted(starts, cut, side="right")) - 1
            end = int(starts[run]) if starts[run] == cut else int(starts[min(run + 1, len(starts) - 1)])
            beyond = ends[end - 1] - ends[cut - 1]
            read = int(self._queries.lengths[kept[-1] : cut].sum())
            if beyond <= step:
                kept.append(end)
            elif read >= _ROWS_WORTH_A_TABLE * points[run]:
                kept.append(cut)
        return np.array(kept, dtype=np.int64)

    def cells(self, first: int = 0, stop: int | None = None) -> int:
        """Return about how many cells these rows hold; by default all rows."""
        return int(self._cells[first:stop].sum())

    def condensed_range(self, first: int, stop: int) -> tuple[int, int]:
        """Return the positions in the condensed matrix at which these rows begin and end."""
        return row_start(self._n_members, first), row_start(self._n_members, stop)

    def rows(self, first: int, stop: int, out: Float32Array) -> None:
        """Write the distances of rows ``first`` to ``stop``, one row after the other, to ``out``, a flat array."""
        _, columns, _, n_lanes = self._lanes[0].shape
        scratch = row_and_bounds(columns, n_lanes)
        lanes = (self._lanes, self._n_members, self._scale)
        triangular, explicit = (0,) * self._triangular, (0,) * self._explicit
        queries, shared = self._queries, self._shared
        if shared is None:
            computed = (queries.values, queries.lengths)
            call(sweeps.sweep, computed, first, stop, *lanes, scratch, self._sizes, triangular, explicit, out)
        else:
            looked_up = (shared.starts, queries.lengths)
            runs = (shared.run_starts, shared.run_points, shared.points)
            with_table = (*scratch, aligned_empty((shared.most_points * columns, n_lanes)))
            arguments = (looked_up, runs, first, stop, *lanes, with_table, self._sizes, triangular)
            call(sweeps.shared_sweep, *arguments, out)

    def compute(self, first: int, stop: int) -> Float32Array:
        """Return the distances of some rows, one row after the other."""
        begin, end = self.condensed_range(first, stop) if self._triangular else (first, stop)
        distances = np.empty((end - begin) * (1 if self._triangular else self._n_members), dtype=np.float32)
        self.rows(first, stop, distances)
        return distances

    def place(self, first: int, stop: int, distances: Float32Array, out: Float32Array) -> None:
        """Copy the distances of some rows to their places in ``out``, a condensed matrix or ``(queries, members)``."""
        if not self._triangular:
            out[first:stop, self.order] = distances.reshape(stop - first, -1)
        elif self.in_order:
            begin, end = self.condensed_range(first, stop)
            out[begin:end] = distances
        else:
            # Distances from a worker may be read-only; the kernel would be compiled once more for such an array.
            usable = np.require(distances, requirements=["A", "W"])
            call(sweeps.move_condensed, usable, np.asarray(out), self.order, first, stop, (0,))

    def compute_into(self, first: int, stop: int, out: Float32Array) -> None:
        """Write the distances of some rows to their places in ``out``, as :meth:`place` does."""
        if self.in_order and out.flags.c_contiguous:
            rows = slice(*self.condensed_range(first, stop)) if self._triangular else slice(first, stop)
            self.rows(first, stop, out[rows].reshape(-1))
        else:
            self.place(first, stop, self.compute(first, stop), out)

    @property
    def n_pairs(self) -> int:
        """The number of distances."""
        n = self._n_members
        return n * (n - 1) // 2 if self._triangular else n * len(self._queries)

    def _cells_by_row(self, lengths: IntArray) -> IntArray:
        """Return about how many cells each query's row has, from the mean length of the members in the row."""
        n = self._queries.lengths
        if self._triangular:
            ends = np.concatenate([np.cumsum(lengths[::-1])[::-1][1:], [0]])
            meets = np.arange(len(n))[::-1]
        else:
            ends, meets = np.full(len(n), lengths.sum()), np.full(len(n), len(lengths))
        mean = ends / np.maximum(meets, 1)
        cells: IntArray = (meets * cells_of_pair(n, mean, self._radius)).astype(np.int64) + 1
        return cells


def write_pair_distances(
    batch: SeriesBatch,
    radius: int,
    weights: Float32Array,
    scale: float,
    firsts: IntArray,
    seconds: IntArray,
    out: Float32Array,
) -> None:
    """Write the distance of each pair of series to ``out``; radius and weights as the kernels expect them."""
    explicit = kernel_path().name == "vector"
    flight = vectors_in_flight(batch.n_channels) if explicit else 4
    longest = batch.values.shape[1]
    block = np.zeros((longest, batch.n_channels, flight * WIDTH), dtype=np.float32)
    scratch = (*row_and_bounds(longest, flight * WIDTH), block)
    sizes = sizes_of(batch, radius, weights, flight)
    series, cost = (batch.values, batch.lengths), (radius, weights, np.float32(scale))
    call(sweeps.pairs_sweep, series, firsts, seconds, *cost, scratch, sizes, (0,) * explicit, out)


def cells_of_pair(n: Any, m: Any, radius: int) -> Any:  # noqa: ANN401 - numbers or arrays of them
    """Return about how many cells of the accumulated cost matrix a pair needs; ``radius`` is −1 for no band."""
    if radius < 0:
        return n * m
    reach = np.minimum(radius, np.maximum(n, m))
    return np.minimum(n * m, np.maximum(n, m) * (2.0 * reach + 1 + np.abs(n - m)))


def sizes_of(
    batch: SeriesBatch, radius: int, weights: Float32Array, n_vectors: int, *more: SeriesBatch
) -> tuple[tuple[int, ...], ...]:
    """Return the ``sizes`` that kernels take for these series, see :mod:`gymlab.distance.kernels.sweeps`."""
    ragged = radius >= 0 and any(np.ptp(one.lengths) for one in (batch, *more))
    return (0,) * batch.n_channels, (0,) * weights.shape[1], (0,) * n_vectors, (0,) * ragged


def row_and_bounds(n_columns: int, n_lanes: int) -> tuple[Float32Array, NDArray[np.int32]]:
    """Return the scratch arrays of every lane kernel: a row of costs for each lane, and the bounds of its band."""
    return aligned_empty((n_columns + 1, n_lanes)), np.empty((2, n_lanes), dtype=np.int32)


def packed_blocks(batch: SeriesBatch, n_lanes: int) -> tuple[Float32Array, IntArray]:
    """Return ``(n_blocks, n_timepoints, n_channels, n_lanes)`` and the lanes' lengths, ``(n_blocks, n_lanes)``.

    Lanes after the last series hold copies of the last series.
    """
    n, width, n_channels = batch.values.shape
    n_blocks = -(-n // n_lanes)
    places = np.minimum(np.arange(n_blocks * n_lanes), n - 1).reshape(n_blocks, n_lanes)
    blocks = aligned_empty((n_blocks, width, n_channels, n_lanes))
    for block, members in zip(blocks, places, strict=True):
        block[:] = batch.values[members].transpose(1, 2, 0)
    return blocks, batch.lengths[places]


def call(kernel: Any, *arguments: object) -> None:  # noqa: ANN401 - numba gives its functions no type
    """Call a compiled kernel, and log a message if it had to be compiled first."""
    misses, start = sum(kernel.stats.cache_misses.values()), time.perf_counter()
    kernel(*arguments)
    if sum(kernel.stats.cache_misses.values()) > misses:
        seconds = time.perf_counter() - start
        _log.info(
            "compiled %s in %.1f s; later processes take it from the disk cache", kernel.__name__, seconds
        )
