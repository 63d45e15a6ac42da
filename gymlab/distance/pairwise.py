"""Exact DTW between all pairs, between two collections, or between chosen pairs of series."""

from collections.abc import Sequence
from functools import partial
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gymlab.budget import memory_budget
from gymlab.distance.blocks import Block, Progress, checked_progress, checked_threads, run_blocks
from gymlab.distance.matrix_file import MatrixFile, open_matrix_file
from gymlab.distance.row_distances import CELLS_A_BLOCK, RowDistances, cells_of_pair, write_pair_distances
from gymlab.distance.series import (
    Float32Array,
    Series,
    SeriesBatch,
    batches,
    checked_radius,
    number_of_codes,
    weights_of_lanes,
)
from gymlab.errors import InputError, MemoryLimitError


def dtw_pairwise(
    series: Series,
    *,
    radius: int | None = None,
    out: Float32Array | str | Path | None = None,
    n_threads: int | None = None,
    progress: Progress = False,
    mismatch_weights: Sequence[float] = (),
) -> Float32Array:
    """Return the exact DTW distance of every pair of series, as a condensed matrix.

    Parameters
    ----------
    series
        Array ``(n, n_timepoints)`` or ``(n, n_timepoints, n_channels)``, or a list of arrays of unequal length.
    radius
        Sakoe-Chiba radius in cells: ``|i - j| <= radius``, widened on the longer side by the difference in length.
        None for no band; 0 gives the Euclidean distance of series of equal length.
    out
        Any writable float32 array of shape ``(n(n-1)/2,)`` to write to, for example a memory map; or the path of an
        ``.npy`` file. A matrix in a file may be larger than memory, and an interrupted run can continue: call the
        function again with the same series, parameters and path, and only the missing distances are computed. The
        result is then a memory map of the file.
    n_threads
        None for every processor. The result does not depend on it.
    progress
        True for a progress bar, or a function of the cells done and the cells in all.
    mismatch_weights
        If given, the last ``len(mismatch_weights)`` channels hold codes of categories. If two codes differ, the weight
        of their channel is added to the local cost; the size of the difference has no effect.

    Returns
    -------
    numpy.ndarray
        float32 ``(n(n-1)/2,)`` in the order of :func:`scipy.spatial.distance.pdist`. The distance of identical series
        is exactly 0. Differences between values are accurate to 6e-8 of the spread of all values. If a distance is not
        small compared with that spread, its relative error against float64 is below 1e-5 for up to about a thousand
        time points.

    Raises
    ------
    InputError
        If a series is empty or holds NaN or infinity (its index is named), the channels differ, or ``radius``,
        ``out`` or ``n_threads`` is unusable.
    MemoryLimitError
        If the matrix would take more memory than may be used; the message names alternatives.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> dtw_pairwise([[0, 1, 2], [0, 1, 1, 2], [3, 3, 3]])
    array([0.       , 3.7416575, 4.2426405], dtype=float32)
    """
    (batch,), scale = batches(series, n_codes=number_of_codes(mismatch_weights))
    n = len(batch)
    if isinstance(out, (str, Path)):
        distances = RowDistances(batch, None, radius, mismatch_weights, scale)
        # These are checked before a file is made.
        checked_threads(n_threads)
        checked_progress(progress)
        file = open_matrix_file(out, batch, radius, mismatch_weights, scale)
        _run_rows(distances, file.distances, n_threads, progress, file)
        return file.close()
    instead = (
        "Write them to a file (out='distances.npy'), ask for the nearest neighbours only (dtw_neighbors)"
    )
    result = checked_out(out, (n * (n - 1) // 2,), batch, instead=instead)
    _run_rows(RowDistances(batch, None, radius, mismatch_weights, scale), result, n_threads, progress)
    return result


def dtw_cross(
    a: Series,
    b: Series,
    *,
    radius: int | None = None,
    out: Float32Array | None = None,
    n_threads: int | None = None,
    progress: Progress = False,
    mismatch_weights: Sequence[float] = (),
) -> Float32Array:
    """Return the exact DTW distance of every series of ``a`` to every series of ``b``.

    Parameters
    ----------
    a, b
        Like ``series`` of :func:`dtw_pairwise`: ``n`` series and ``m`` series.
    radius, n_threads, progress, mismatch_weights
        As for :func:`dtw_pairwise`.
    out
        Any writable float32 array of shape ``(n, m)`` to write to.

    Returns
    -------
    numpy.ndarray
        float32 ``(n, m)``.

    Raises
    ------
    InputError
        As :func:`dtw_pairwise`.

    Examples
    --------
    >>> dtw_cross([[0, 1, 2]], [[0, 1, 1, 2], [3, 3, 3]])
    array([[0.       , 3.7416575]], dtype=float32)
    """
    (left, right), scale = batches(a, b, n_codes=number_of_codes(mismatch_weights))
    instead = "Have them written to a memory map (out=numpy.lib.format.open_memmap(...))"
    result = checked_out(out, (len(left), len(right)), left, right, instead=instead)
    _run_rows(RowDistances(right, left, radius, mismatch_weights, scale), result, n_threads, progress)
    return result


def dtw_pairs(
    series: Series,
    first: ArrayLike,
    second: ArrayLike,
    *,
    radius: int | None = None,
    n_threads: int | None = None,
    progress: Progress = False,
    mismatch_weights: Sequence[float] = (),
) -> Float32Array:
    """Return the exact DTW distance of chosen pairs of series.

    Parameters
    ----------
    series, radius, n_threads, progress, mismatch_weights
        As for :func:`dtw_pairwise`.
    first, second
        int ``(n_pairs,)``: the indices of each pair. Consecutive pairs with the same ``first`` are computed together,
        so sorted pairs are the fastest.

    Returns
    -------
    numpy.ndarray
        float32 ``(n_pairs,)``.

    Raises
    ------
    InputError
        As :func:`dtw_pairwise`, or if an index is out of range.

    Examples
    --------
    >>> dtw_pairs([[0, 1, 2], [0, 1, 1, 2], [3, 3, 3]], [0, 0], [1, 2])
    array([0.       , 3.7416575], dtype=float32)
    """
    (batch,), scale = batches(series, n_codes=number_of_codes(mismatch_weights))
    firsts, seconds = (_checked_index(index, len(batch)) for index in (first, second))
    if len(firsts) != len(seconds):
        raise InputError(
            f"there are {len(firsts)} first and {len(seconds)} second indices; give as many of both"
        )
    result = np.empty(len(firsts), dtype=np.float32)
    reach, of_codes = checked_radius(radius), weights_of_lanes(mismatch_weights, batch.n_channels)
    longest = int(batch.lengths.max())
    cells = int(cells_of_pair(longest, longest, reach))
    step = max(1, CELLS_A_BLOCK // cells)
    work = []
    for start in range(0, len(firsts), step):
        part = slice(start, start + step)
        pairs = (firsts[part], seconds[part], result[part])
        run = partial(write_pair_distances, batch, reach, of_codes, scale, *pairs)
        work.append(Block(run, len(firsts[part]) * cells))
    run_blocks(work, n_threads, progress, pairs=len(firsts))
    return result


def checked_out(
    out: Float32Array | None, shape: tuple[int, ...], *read: SeriesBatch, instead: str
) -> Float32Array:
    """Return the array to write to: the caller's, or a new one.

    Parameters
    ----------
    out
        The caller's array, or None.
    shape
        The required shape.
    *read
        The series that are read while the array is written.
    instead
        The advice in the error message if memory cannot hold a new array.

    Raises
    ------
    InputError
        If the caller's array is not writable, not float32, of another shape, or shares memory with the series.
    MemoryLimitError
        If a new array would take more memory than may be used.
    """
    if out is None:
        needed, limit = 4 * prod(shape), memory_budget()
        if needed > limit:
            pairs = f" make {shape[0]:,} pairs" if len(shape) == 1 else ""
            raise MemoryLimitError(
                f"{' by '.join(f'{len(batch):,}' for batch in read)} series{pairs}; their distances take "
                f"{needed / 1e9:.1f} GB and {limit / 1e9:.1f} GB may be used. {instead}, or take fewer series"
            )
        return np.empty(shape, dtype=np.float32)
    if (
        not isinstance(out, np.ndarray)
        or out.shape != shape
        or out.dtype != np.float32
        or not out.flags.writeable
    ):
        raise InputError(f"out has to be a writable float32 array of shape {shape}")
    if any(np.may_share_memory(out, batch.values) for batch in read):
        raise InputError("out shares memory with the series, which it would overwrite; give another array")
    return out


def _run_rows(
    distances: RowDistances,
    out: Float32Array,
    n_threads: int | None,
    progress: Progress,
    file: MatrixFile | None = None,
) -> None:
    """Write all distances to ``out``. If there is a file, write only the rows that are not finished."""

    def compute(first: int, stop: int) -> None:
        distances.compute_into(first, stop, out)
        if file:
            file.finish(distances, first, stop)

    work = [
        Block(partial(compute, *rows), distances.cells(*rows))
        for rows in distances.row_ranges()
        if not (file and file.is_finished(distances, *rows))
    ]
    # All pairs have about the same number of cells.
    unfinished = sum(block.cells for block in work) / max(1, distances.cells())
    run_blocks(work, n_threads, progress, pairs=round(unfinished * out.size))


def _checked_index(index: ArrayLike, n: int) -> NDArray[np.int64]:
    try:
        array = np.asarray(index)
    except (TypeError, ValueError):  # ragged
        array = np.empty(())
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InputError("pairs are given as two one-dimensional arrays of whole numbers")
    if array.size and (array.min() < 0 or array.max() >= n):
        wrong = array[(array < 0) | (array >= n)][0]
        raise InputError(f"a pair names series {wrong}; there are {n} series, from 0 to {n - 1}")
    return array.astype(np.int64)
