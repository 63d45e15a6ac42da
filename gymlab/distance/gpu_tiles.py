"""The tiles of :mod:`gymlab.distance.cuda`, which limit the memory on the device, and the edges between near series.

Importing this module needs numba-cuda.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import cuda
from numpy.typing import NDArray

from gymlab.distance.kernels import gpu as kernels
from gymlab.distance.kernels.gpu import ALL, LATER, Shape
from gymlab.distance.series import Float32Array, IntArray, SeriesBatch, checked_radius, weights_of_lanes

# Limits of a tile: pairs and table cells (progress is reported after each tile), and bytes of series and of scratch.
_PAIRS, _CELLS, _BYTES = 2**23, 2**37, 2**28

_THREADS, _WARP = 128, 32

# A block takes one piece of work after the other. More blocks than this would only wait.
_MOST_BLOCKS = 2**20

# The shared memory that a block has on every device by default, as a number of float32.
_SHARED = 48 * 1024 // 4

# The fewest columns of the first tile of a k-NN query. All its pairs are near, since no neighbour is known yet.
_FIRST_COLUMNS = 256

# A relative difference above the rounding of a root and a product. Squared distances and costs may differ by this.
_SLACK = 1e-6


@dataclass(frozen=True)
class Tile:
    """The queries and the others that are compared in one launch, as indices, and the approximate number of cells."""

    rows: range
    columns: range
    cells: int


# Rows and columns of pairs, their distances, and counts of all pairs, indexed by the constants of the kernels.
Found = tuple[IntArray, IntArray, Float32Array, IntArray]


class Tiles:
    """Two collections of series, compared on the device tile by tile.

    Only one tile's series are on the device at a time. The columns of a tile are sorted by length, so that the threads
    of a block have about the same work. The results are in the order of the collection.
    """

    def __init__(
        self,
        queries: SeriesBatch,
        others: SeriesBatch,
        radius: int | None,
        weights: Sequence[float],
        scale: float,
        relation: int = ALL,
    ) -> None:
        self._queries, self._others = queries, others
        self._radius, self._scale, self._relation = checked_radius(radius), np.float32(scale), relation
        weights_of_codes = weights_of_lanes(weights, others.n_channels)[0]
        # One element more, because an empty array has no address on the device.
        self._weights_there = cuda.to_device(np.append(weights_of_codes, np.float32(0)))
        self._n_codes = len(weights_of_codes)
        self._width = kernels.strip_width(others.n_channels, int(others.lengths.max()))
        self._loaded: tuple[range, *tuple[Any, ...]] | None = None

    def plan(self, first_columns: int | None = None) -> Iterator[Tile]:
        """Yield the tiles that hold wanted pairs, column by column.

        Parameters
        ----------
        first_columns
            If given, the first tiles have this many columns, and the next ones as many as all tiles before them.
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
        """Cut the rows that are compared with these columns into tiles; the longest series determines their size."""
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
        """Return the distances of a tile, ``(rows, columns)``. Entries of pairs that are not wanted are undefined."""
        out = cuda.device_array(len(tile.rows) * len(tile.columns), dtype=np.float32)
        self._launch(kernels.distances_kernel, tile, out)
        distances: Float32Array = out.copy_to_host()
        return distances.reshape(len(tile.rows), len(tile.columns))

    def near(self, tile: Tile, limits: Float32Array) -> Found:
        """Return the pairs of a tile whose squared distance is not above the limit of their row.

        Parameters
        ----------
        limits
            float32 ``(rows,)``, in the scale of the kernels.

        Returns
        -------
        rows, columns, values, counts
            The indices of both series and the distance of each pair; and int64 ``(4,)``, the counts of pairs of the
            tile, by the constants of :mod:`gymlab.distance.kernels.gpu`.
        """
        size = len(tile.rows) * len(tile.columns)
        rows, columns = (cuda.device_array(size, dtype=np.int32) for _ in range(2))
        values = cuda.device_array(size, dtype=np.float32)
        counters = cuda.to_device(np.zeros(4, dtype=np.int64))
        self._launch(kernels.neighbors_kernel, tile, cuda.to_device(limits), rows, columns, values, counters)
        counts = counters.copy_to_host()
        emitted = int(counts[kernels.EMITTED])
        return (
            _first(rows, emitted).astype(np.int64) + tile.rows.start,
            _first(columns, emitted).astype(np.int64) + tile.columns.start,
            _first(values, emitted),
            counts,
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
        # The position of the first query among the columns, if a collection is compared with itself.
        ahead = tile.rows.start - tile.columns.start
        with warnings.catch_warnings():
            # numba warns if most of the device is idle, which is normal for a small collection.
            warnings.filterwarnings("ignore", message="Grid size")
            kernel(shape)[blocks, threads, 0, 4 * shared](
                queries,
                query_lengths,
                *others,
                max(0, self._radius),
                self._weights_there,
                self._scale,
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
        """Return values ``(n_timepoints, n_channels, n_columns)``, lengths and slots on the device, and keep them."""
        if self._loaded is None or self._loaded[0] != columns:
            slots = np.argsort(self._others.lengths[columns.start : columns.stop], kind="stable")
            members = slots + columns.start
            lengths = self._others.lengths[members]
            longest = int(lengths[-1])
            strips = math.ceil(longest / self._width)
            packed = np.zeros((strips * self._width, self._others.n_channels, len(members)), dtype=np.float32)
            packed[:longest] = self._others.values[members, :longest].transpose(1, 2, 0)
            self._loaded = None  # frees the old arrays before the new ones are copied
            there = (cuda.to_device(array) for array in (packed, lengths, slots))
            self._loaded = (columns, *there)
        return self._loaded[1:]


def _first(there: Any, n: int) -> Any:  # noqa: ANN401 - numba gives its device arrays no type
    """Copy the first n elements of a device array, which numba cannot do for n = 0."""
    return there[:n].copy_to_host() if n else np.empty(0, dtype=there.dtype)


def cost_limits(distances: NDArray[Any], scale: float) -> Float32Array:
    """Return float32 squared distances, in the scale of the kernels, that no pair within ``distances`` exceeds."""
    with np.errstate(over="ignore"):
        wide = distances.astype(np.float64) + float(np.finfo(np.float32).smallest_subnormal)
        squared: Float32Array = ((wide / scale) ** 2 * (1 + _SLACK)).astype(np.float32)
    return np.nextafter(squared, np.float32(np.inf))


def edges_within(tiles: Tiles, n: int, eps: float, scale: float) -> Found:
    """Return the directed edges between series within ``eps``, and counts of ordered pairs as :meth:`Tiles.near`."""
    radius = np.float32(min(eps, float(np.finfo(np.float32).max)))
    limits = np.full(n, cost_limits(np.array(radius), scale))
    parts = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
    counts = np.zeros(4, dtype=np.int64)
    for tile in tiles.plan():
        rows, columns, values, of_tile = tiles.near(tile, limits[tile.rows.start : tile.rows.stop])
        near = values <= radius
        parts.append((rows[near], columns[near], values[near]))
        counts += of_tile
    rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    # Each pair was compared once, and its distance is used for both directions.
    return np.concatenate([rows, columns]), np.concatenate([columns, rows]), np.tile(values, 2), 2 * counts


def edges_nearest(tiles: Tiles, n: int, k: int, scale: float) -> Found:
    """Return the edges from each series to its k nearest, and counts of ordered pairs as :meth:`Tiles.near`.

    The k nearest found so far limit how many pairs the device reports, so the tiles grow from few columns to many.
    """
    distances = np.full((n, k), np.inf, dtype=np.float32)
    indices = np.full((n, k), n, dtype=np.int64)
    counts = np.zeros(4, dtype=np.int64)
    for tile in tiles.plan(max(_FIRST_COLUMNS, 4 * k)):
        part = slice(tile.rows.start, tile.rows.stop)
        rows, columns, values, of_tile = tiles.near(tile, cost_limits(distances[part, -1], scale))
        found = rows - tile.rows.start, columns, values
        distances[part], indices[part] = _nearest(distances[part], indices[part], *found)
        counts += of_tile
    return np.repeat(np.arange(n), k), indices.ravel(), distances.ravel(), counts


def _nearest(
    distances: Float32Array, indices: IntArray, rows: IntArray, columns: IntArray, values: Float32Array
) -> tuple[Float32Array, IntArray]:
    """Return the k nearest among known neighbours, ``(n, k)``, and found ones, by distance and then by index."""
    n, k = distances.shape
    all_rows = np.concatenate([np.repeat(np.arange(n), k), rows])
    all_columns = np.concatenate([indices.ravel(), columns])
    all_values = np.concatenate([distances.ravel(), values])
    order = np.lexsort((all_columns, all_values, all_rows))
    # Each row has at least its k former entries.
    chosen = order[np.searchsorted(all_rows[order], np.arange(n))[:, None] + np.arange(k)]
    return all_values[chosen], all_columns[chosen]


# Compiled in: d1b92f41bcb32444
