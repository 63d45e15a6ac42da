"""The work of :mod:`gymlab.distance.cuda` cut into tiles, so that memory on the device stays bounded.

Importing this needs numba-cuda.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import cuda

from gymlab.distance.gpu import kernels
from gymlab.distance.gpu.kernels import ALL, LATER, Shape
from gymlab.distance.series import Float32Array, IntArray, SeriesBatch

# Of a tile: pairs and table cells (what a launch computes before progress moves), bytes of series and of scratch.
_PAIRS, _CELLS, _BYTES = 2**23, 2**37, 2**28

_THREADS, _WARP = 128, 32

# Blocks that take work in turns; more would only wait.
_MOST_BLOCKS = 2**20

# The shared memory that a block has on every device without asking for more, in float32.
_SHARED = 48 * 1024 // 4


@dataclass(frozen=True)
class Tile:
    """Queries and others that are compared in one launch, by their indices; and the cells of it, about."""

    rows: range
    columns: range
    cells: int


@dataclass(frozen=True, eq=False)
class Edges:
    """The near pairs of a tile, by the indices of their series, and where its pairs went."""

    rows: IntArray
    columns: IntArray
    values: Float32Array
    pruned: int
    abandoned: int
    computed: int


class Tiles:
    """Two collections of series, compared on the device tile by tile.

    Only one tile's series are on the device at a time. Its columns are sorted by length, so that the threads of a
    block have about the same to do; their answers come back in the order of the collection.
    """

    def __init__(
        self,
        queries: SeriesBatch,
        others: SeriesBatch,
        radius: int,
        weights: Float32Array,
        unit: float,
        relation: int = ALL,
    ) -> None:
        self._queries, self._others = queries, others
        self._radius, self._unit, self._relation = radius, np.float32(unit), relation
        # An array without elements has no address on the device.
        self._weights_there = cuda.to_device(np.append(weights, np.float32(0)))
        self._n_codes = len(weights)
        self._width = kernels.strip_width(others.n_channels, int(others.lengths.max()))
        self._loaded: tuple[range, *tuple[Any, ...]] | None = None

    def plan(self, first_columns: int | None = None) -> Iterator[Tile]:
        """Yield the tiles, column by column, those that hold no wanted pair left out.

        Parameters
        ----------
        first_columns
            When given, the first tiles have so many columns, and the next ones as many as all before them.
        """
        n_rows, n_columns = len(self._queries), len(self._others)
        start = 0
        while start < n_columns:
            size = self._most_columns(n_columns)
            if first_columns is not None:
                size = min(size, max(first_columns, start))
            columns = range(start, min(n_columns, start + size))
            rows_stop = min(n_rows, columns.stop - 1) if self._relation == LATER else n_rows
            yield from self._down(range(rows_stop), columns)
            start = columns.stop

    def _most_columns(self, n_columns: int) -> int:
        longest = int(self._others.lengths.max()) + self._width
        fitting = _BYTES // (4 * longest * self._others.n_channels)
        return min(n_columns, max(_WARP, min(2**14, fitting // _WARP * _WARP)))

    def _down(self, rows: range, columns: range) -> Iterator[Tile]:
        """Cut the rows that meet these columns, by what the longest of them would need."""
        n = int(self._queries.lengths[rows.start : rows.stop].max(initial=1))
        m = int(self._others.lengths[columns.start : columns.stop].max())
        cells = n * m
        if self._radius >= 0:
            cells = min(cells, max(n, m) * (2 * self._radius + 1 + abs(n - m)))
        step = min(min(_PAIRS, _CELLS // cells) // len(columns), _BYTES // (4 * n * self._queries.n_channels))
        for start in range(0, len(rows), max(1, step)):
            part = rows[start : start + max(1, step)]
            yield Tile(part, columns, len(part) * len(columns) * cells)

    def distances(self, tile: Tile) -> Float32Array:
        """Return the distances of a tile, ``(rows, columns)``; those that are not wanted hold anything."""
        out = cuda.device_array(len(tile.rows) * len(tile.columns), dtype=np.float32)
        self._launch(kernels.distances_kernel, tile, out)
        distances: Float32Array = out.copy_to_host()
        return distances.reshape(len(tile.rows), len(tile.columns))

    def near(self, tile: Tile, limits: Float32Array) -> Edges:
        """Return the pairs of a tile whose squared distance is not above the limit of their row.

        Parameters
        ----------
        limits
            float32 ``(rows,)``, in the unit of the kernels.
        """
        size = len(tile.rows) * len(tile.columns)
        rows, columns = (cuda.device_array(size, dtype=np.int32) for _ in range(2))
        values = cuda.device_array(size, dtype=np.float32)
        counts = cuda.to_device(np.zeros(4, dtype=np.int64))
        self._launch(kernels.neighbors_kernel, tile, cuda.to_device(limits), rows, columns, values, counts)
        emitted, pruned, abandoned, computed = (int(count) for count in counts.copy_to_host())
        return Edges(
            _first(rows, emitted).astype(np.int64) + tile.rows.start,
            _first(columns, emitted).astype(np.int64) + tile.columns.start,
            _first(values, emitted),
            pruned,
            abandoned,
            computed,
        )

    def _launch(self, kernel: Callable[[Shape], Any], tile: Tile, *more: object) -> None:
        query_lengths, longest, queries = self._packed_rows(tile.rows)
        others = self._packed_columns(tile.columns)
        n_values = self._others.n_channels
        threads = min(_THREADS, math.ceil(len(tile.columns) / _WARP) * _WARP)
        shared = longest * (threads + n_values)
        shape = Shape(
            n_values - self._n_codes, self._n_codes, self._width, self._radius >= 0, staged=shared <= _SHARED
        )
        blocks = min(_MOST_BLOCKS, len(tile.rows) * math.ceil(len(tile.columns) / threads))
        scratch = (1, 1)
        if not shape.staged:
            shared = 1
            blocks = min(blocks, max(1, _BYTES // (4 * longest * threads)))
            scratch = (blocks, longest * threads)
        # Where a query stands among the columns, for collections that are compared with themselves.
        ahead = tile.rows.start - tile.columns.start
        with warnings.catch_warnings():
            # That a small collection leaves most of the device idle is no news to who has one.
            warnings.filterwarnings("ignore", message="Grid size")
            kernel(shape)[blocks, threads, 0, 4 * shared](
                queries,
                query_lengths,
                *others,
                max(0, self._radius),
                self._weights_there,
                self._unit,
                self._relation,
                ahead,
                cuda.device_array(scratch, dtype=np.float32),
                *more,
            )

    def _packed_rows(self, rows: range) -> tuple[Any, int, Any]:
        lengths = self._queries.lengths[rows.start : rows.stop]
        longest = int(lengths.max())
        values = self._queries.values[rows.start : rows.stop, :longest]
        flat = np.ascontiguousarray(values).reshape(len(rows), -1)
        return cuda.to_device(lengths), longest, cuda.to_device(flat)

    def _packed_columns(self, columns: range) -> tuple[Any, ...]:
        """Return ``(n_timepoints, n_channels, n_columns)``, lengths and slots on the device, kept for the next tile."""
        if self._loaded is None or self._loaded[0] != columns:
            slots = np.argsort(self._others.lengths[columns.start : columns.stop], kind="stable")
            members = slots + columns.start
            lengths = self._others.lengths[members]
            longest = int(lengths[-1])
            strips = math.ceil(longest / self._width)
            packed = np.zeros((strips * self._width, self._others.n_channels, len(members)), dtype=np.float32)
            packed[:longest] = self._others.values[members, :longest].transpose(1, 2, 0)
            self._loaded = None  # the old ones go before the new ones come
            there = (cuda.to_device(array) for array in (packed, lengths, slots))
            self._loaded = (columns, *there)
        return self._loaded[1:]


def _first(there: Any, n: int) -> Any:  # noqa: ANN401 - numba gives its device arrays no type
    """Copy the first n elements of a device array; nothing cannot be asked for there."""
    return there[:n].copy_to_host() if n else np.empty(0, dtype=there.dtype)


# Compiled in: 0a580eb3b90cb29d
