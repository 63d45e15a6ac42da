"""Exact DTW matrices and neighbour queries on an NVIDIA GPU.

The functions correspond to those of :mod:`gymlab.distance`, which run on the processor and need no extra. This
module needs numba-cuda (``pip install 'gymlab[gpu]'``) with the CUDA libraries of the driver (``numba-cuda[cu12]`` or
``numba-cuda[cu13]``). Importing this module is cheap: the first call imports the CUDA part of numba.
"""

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gymlab.distance.blocks import Block, Progress, run_blocks
from gymlab.distance.neighbors import NeighborGraph, NeighborStats, checked_query, graph_of_edges
from gymlab.distance.pairwise import checked_out
from gymlab.distance.series import Float32Array, Series, batches, number_of_codes
from gymlab.distance.triangle import row_start
from gymlab.errors import GpuUnavailableError

if TYPE_CHECKING:
    from gymlab.distance.gpu_tiles import Tile, Tiles

__all__ = ["Availability", "available", "dtw_cross", "dtw_neighbors", "dtw_pairwise"]

_MEMORY_MAP = "Have them written to a memory map (out=numpy.lib.format.open_memmap(...))"
_INSTALL = "pip install 'gymlab[gpu]' 'numba-cuda[cu13]', or [cu12] for an older driver"


@dataclass(frozen=True)
class Availability:
    """Whether a GPU can be used. The object can be used as a condition.

    Attributes
    ----------
    usable
        Whether a GPU can be used.
    reason
        The name of the device or the simulator, or the reason why no GPU can be used.
    """

    usable: bool
    reason: str

    def __bool__(self) -> bool:
        """Return whether a GPU can be used."""
        return self.usable


def available() -> Availability:
    """Return whether the functions of this module can run here, with the reason if they cannot.

    Returns
    -------
    Availability
        True as a condition if there is a usable device, or if ``NUMBA_ENABLE_CUDASIM=1`` selects numba's simulator.

    Examples
    --------
    >>> isinstance(available().reason, str)
    True
    """
    if importlib.util.find_spec("numba_cuda") is None:
        return Availability(usable=False, reason=f"numba-cuda is not installed ({_INSTALL})")
    try:
        from numba import cuda
    except ImportError as error:
        return Availability(usable=False, reason=f"numba-cuda cannot be imported ({error})")
    if cuda.config.ENABLE_CUDASIM:
        return Availability(usable=True, reason="numba's CUDA simulator")
    if cuda.is_available():
        name = cuda.get_current_device().name
        return Availability(usable=True, reason=name.decode() if isinstance(name, bytes) else str(name))
    if failure := cuda.cuda_error():
        first_line = str(failure).strip().splitlines()[0].rstrip(".: ")
        return Availability(usable=False, reason=f"no NVIDIA driver with a device answers ({first_line})")
    return Availability(usable=False, reason=f"the CUDA libraries are missing ({_INSTALL})")


def dtw_pairwise(
    series: Series,
    *,
    radius: int | None = None,
    out: Float32Array | None = None,
    progress: Progress = False,
    mismatch_weights: Sequence[float] = (),
) -> Float32Array:
    """Return the exact DTW distance of every pair of series, as a condensed matrix, computed on a GPU.

    Parameters
    ----------
    series, radius, out, progress, mismatch_weights
        As for :func:`gymlab.distance.dtw_pairwise`.

    Returns
    -------
    numpy.ndarray
        float32 ``(n(n-1)/2,)``, equal to :func:`gymlab.distance.dtw_pairwise` except in the last one or two digits.

    Raises
    ------
    GpuUnavailableError
        If there is no GPU to use.
    InputError
        As :func:`gymlab.distance.dtw_pairwise`.
    MemoryLimitError
        If the matrix would take more memory than may be used.

    Examples
    --------
    >>> if available():
    ...     assert dtw_pairwise([[0, 1, 2], [0, 1, 1, 2], [3, 3, 3]])[0] == 0
    """
    _refuse_without_gpu("dtw_pairwise")
    from gymlab.distance.gpu_tiles import Tiles
    from gymlab.distance.kernels.gpu import LATER

    (batch,), scale = batches(series, n_codes=number_of_codes(mismatch_weights))
    result = checked_out(out, (len(batch) * (len(batch) - 1) // 2,), batch, instead=_MEMORY_MAP)
    tiles = Tiles(batch, batch, radius, mismatch_weights, scale, LATER)
    work = [
        Block(partial(_write_condensed, tiles, tile, len(batch), result), tile.cells) for tile in tiles.plan()
    ]
    run_blocks(work, 1, progress, pairs=result.size)
    return result


def dtw_cross(
    a: Series,
    b: Series,
    *,
    radius: int | None = None,
    out: Float32Array | None = None,
    progress: Progress = False,
    mismatch_weights: Sequence[float] = (),
) -> Float32Array:
    """Return the exact DTW distance of every series of ``a`` to every series of ``b``, computed on a GPU.

    Parameters
    ----------
    a, b, radius, out, progress, mismatch_weights
        As for :func:`gymlab.distance.dtw_cross`.

    Returns
    -------
    numpy.ndarray
        float32 ``(n, m)``.

    Raises
    ------
    GpuUnavailableError
        If there is no GPU to use.
    InputError
        As :func:`gymlab.distance.dtw_cross`.
    MemoryLimitError
        If the distances would take more memory than may be used.

    Examples
    --------
    >>> if available():
    ...     assert dtw_cross([[0, 1, 2]], [[0, 1, 1, 2], [3, 3, 3]])[0, 0] == 0
    """
    _refuse_without_gpu("dtw_cross")
    from gymlab.distance.gpu_tiles import Tiles

    (left, right), scale = batches(a, b, n_codes=number_of_codes(mismatch_weights))
    result = checked_out(out, (len(left), len(right)), left, right, instead=_MEMORY_MAP)
    tiles = Tiles(left, right, radius, mismatch_weights, scale)
    work = [Block(partial(_write_cross, tiles, tile, result), tile.cells) for tile in tiles.plan()]
    run_blocks(work, 1, progress, pairs=result.size)
    return result


def dtw_neighbors(
    series: Series,
    *,
    eps: float | None = None,
    k: int | None = None,
    radius: int | None = None,
    values: bool = True,
    mismatch_weights: Sequence[float] = (),
) -> NeighborGraph:
    """Return the neighbours of each series by exact DTW: all within ``eps``, or the ``k`` nearest, by a GPU.

    On the device, a pair is ruled out by its corner cells (LB_Kim [1]_, counted as ``kim``), or abandoned between two
    strips of columns if every path is already too long.

    Parameters
    ----------
    series, radius, mismatch_weights
        As for :func:`gymlab.distance.dtw_pairwise`.
    eps
        The largest distance of neighbours, 0 or more, rounded to float32 as the distances are.
    k
        How many neighbours each series has, 1 to n−1. Ties go to the lower index.
    values
        True for a graph of distances, False for a graph that holds True for each edge.

    Returns
    -------
    NeighborGraph
        A csr graph ``(n, n)`` without edges of a series to itself, with explicit zeros; and statistics. With ``eps``
        the graph is symmetric; with ``k`` each row has k entries.

    Raises
    ------
    GpuUnavailableError
        If there is no GPU to use.
    InputError
        If not exactly one of ``eps`` and ``k`` is given, or it is out of range; also as
        :func:`gymlab.distance.dtw_pairwise`.

    References
    ----------
    .. [1] S.-W. Kim, S. Park, W. W. Chu, "An index-based approach for similarity search supporting time warping in
       large sequence databases", ICDE 2001, section 4.

    Examples
    --------
    >>> if available():
    ...     assert dtw_neighbors([[0, 1, 2], [0, 1, 1, 2], [3, 3, 3]], eps=1).graph.nnz == 2
    """
    _refuse_without_gpu("dtw_neighbors")
    from gymlab.distance.gpu_tiles import Tiles, edges_nearest, edges_within
    from gymlab.distance.kernels.gpu import ABANDONED, COMPUTED, LATER, OTHER, PRUNED

    start = time.perf_counter()
    (batch,), scale = batches(series, n_codes=number_of_codes(mismatch_weights))
    n = len(batch)
    query = checked_query(n, eps, k, values=values)
    tiles = Tiles(batch, batch, radius, mismatch_weights, scale, LATER if query.k is None else OTHER)
    if query.eps is None:
        rows, columns, distances, counts = edges_nearest(tiles, n, query.k or 0, scale)
    else:
        rows, columns, distances, counts = edges_within(tiles, n, query.eps, scale)
    graph = graph_of_edges(n, rows, columns, distances if query.values else None)
    stats = NeighborStats(
        pairs=n * (n - 1),
        pruned={"kim": int(counts[PRUNED])},
        abandoned=int(counts[ABANDONED]),
        computed=int(counts[COMPUTED]),
        seconds=time.perf_counter() - start,
    )
    return NeighborGraph(graph, stats)


def _refuse_without_gpu(name: str) -> None:
    """Refuse to run the function of that name without a GPU.

    Raises
    ------
    GpuUnavailableError
        If there is no GPU. The message gives the reason, and the function for the processor.
    """
    if not (there := available()):
        raise GpuUnavailableError(
            f"gymlab.distance.cuda.{name} needs an NVIDIA GPU: {there.reason}; "
            f"gymlab.distance.{name} gives the same on the processor"
        )


def _write_cross(tiles: "Tiles", tile: "Tile", out: Float32Array) -> None:
    out[tile.rows.start : tile.rows.stop, tile.columns.start : tile.columns.stop] = tiles.distances(tile)


def _write_condensed(tiles: "Tiles", tile: "Tile", n: int, out: Float32Array) -> None:
    for row, distances in zip(tile.rows, tiles.distances(tile), strict=True):
        first = max(row + 1, tile.columns.start)
        wanted = distances[first - tile.columns.start :]
        start = row_start(n, row) + first - row - 1
        out[start : start + len(wanted)] = wanted
