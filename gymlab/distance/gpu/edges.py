"""Which pairs of a neighbour query are edges: chosen on the host from what each tile of the device found near."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gymlab.distance.gpu.tiles import Edges, Tiles
from gymlab.distance.series import Float32Array, IntArray

# The fewest columns of the first tile of a k-NN query; every pair of it is near, since nothing is known yet.
_FIRST_COLUMNS = 256

# More than the rounding of a root and a product, which separates squared costs from distances.
_SLACK = 1e-6


@dataclass(eq=False)
class Found:
    """Directed edges by the index of the series, and where the pairs went (ordered ones)."""

    rows: IntArray
    columns: IntArray
    values: Float32Array
    counts: dict[str, int] = field(default_factory=dict)


def cost_limits(distances: NDArray[Any], unit: float) -> Float32Array:
    """Return float32 squared distances, in the kernels' unit, that no pair within ``distances`` exceeds."""
    with np.errstate(over="ignore"):
        wide = distances.astype(np.float64) + float(np.finfo(np.float32).smallest_subnormal)
        squared: Float32Array = ((wide / unit) ** 2 * (1 + _SLACK)).astype(np.float32)
    return np.nextafter(squared, np.float32(np.inf))


def edges_within(tiles: Tiles, n: int, eps: float, unit: float) -> Found:
    """Return the edges between series within ``eps``; each pair is compared once."""
    radius = np.float32(min(eps, float(np.finfo(np.float32).max)))
    limits = np.full(n, cost_limits(np.array(radius), unit))
    parts: list[tuple[IntArray, IntArray, Float32Array]] = [
        (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    ]
    counts = dict.fromkeys(("pruned", "abandoned", "computed"), 0)
    for tile in tiles.plan():
        edges = tiles.near(tile, limits[tile.rows.start : tile.rows.stop])
        near = edges.values <= radius
        parts.append((edges.rows[near], edges.columns[near], edges.values[near]))
        _count(counts, edges, 2)
    rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Found(np.concatenate([rows, columns]), np.concatenate([columns, rows]), np.tile(values, 2), counts)


def edges_nearest(tiles: Tiles, n: int, k: int, unit: float) -> Found:
    """Return the edges from each series to its k nearest.

    The k nearest so far bound what the device has to report, so the tiles grow from few columns to many.
    """
    distances = np.full((n, k), np.inf, dtype=np.float32)
    indices = np.full((n, k), n, dtype=np.int64)
    counts = dict.fromkeys(("pruned", "abandoned", "computed"), 0)
    for tile in tiles.plan(max(_FIRST_COLUMNS, 4 * k)):
        part = slice(tile.rows.start, tile.rows.stop)
        edges = tiles.near(tile, cost_limits(distances[part, -1], unit))
        found = edges.rows - tile.rows.start, edges.columns, edges.values
        distances[part], indices[part] = _nearest(distances[part], indices[part], *found)
        _count(counts, edges, 1)
    return Found(np.repeat(np.arange(n), k), indices.ravel(), distances.ravel(), counts)


def _nearest(
    distances: Float32Array, indices: IntArray, rows: IntArray, columns: IntArray, values: Float32Array
) -> tuple[Float32Array, IntArray]:
    """Return the k nearest of those known, ``(n, k)``, and those found, by distance and then by index."""
    n, k = distances.shape
    all_rows = np.concatenate([np.repeat(np.arange(n), k), rows])
    all_columns = np.concatenate([indices.ravel(), columns])
    all_values = np.concatenate([distances.ravel(), values])
    order = np.lexsort((all_columns, all_values, all_rows))
    # Each row has at least the k it had before.
    chosen = order[np.searchsorted(all_rows[order], np.arange(n))[:, None] + np.arange(k)]
    return all_values[chosen], all_columns[chosen]


def _count(counts: dict[str, int], edges: Edges, directions: int) -> None:
    counts["pruned"] += directions * edges.pruned
    counts["abandoned"] += directions * edges.abandoned
    counts["computed"] += directions * edges.computed
