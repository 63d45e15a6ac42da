"""Exact DTW between all pairs, between two collections, or between chosen pairs of series."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gymlab.budget import memory_budget
from gymlab.distance.blocks import Block, Progress, checked_progress, checked_threads, run_blocks
from gymlab.distance.matrix_file import MatrixFile, matrix_key
from gymlab.distance.outputs import checked_out
from gymlab.distance.series import Float32Array, Series, SeriesBatch, batches, number_of_codes
from gymlab.distance.simd.kernel import CELLS_A_BLOCK, Kernel, Pairs
from gymlab.distance.simd.sweeps import scatter_condensed
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
        Sakoe-Chiba radius in cells: ``|i - j| <= radius``, widened by the difference in length on the longer
        side. None for no band, 0 for the Euclidean distance (of series of equal length).
    out
        Any writable float32 array of shape ``(n(n-1)/2,)`` to write to, a memory map too; or the path of an
        ``.npy`` file. A matrix in a file may be larger than memory, and a run that was interrupted continues:
        called again with the same series, parameters and path, it computes only what is missing. A memory map of
        the file is returned.
    n_threads
        None for every processor. The result does not depend on it.
    progress
        True for a progress bar, or a function of the cells done and the cells in all.
    mismatch_weights
        When given, the last ``len(mismatch_weights)`` channels are codes of categories: two codes that differ
        add their weight to the local cost, whatever their values.

    Returns
    -------
    numpy.ndarray
        float32 ``(n(n-1)/2,)`` in the order of :func:`scipy.spatial.distance.pdist`. Identical series are at
        exactly 0. Up to about a thousand time points the error against float64 is below 1e-5 of the distance, as
        long as the differences are not small against the spread of all values: these are kept to 6e-8 of it.

    Raises
    ------
    InputError
        If a series is empty or holds NaN or infinity (its index is named), the channels differ, or ``radius``,
        ``out`` or ``n_threads`` is unusable.
    MemoryLimitError
        If the matrix would take more memory than may be used; the message says what would do.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> dtw_pairwise([[0, 1, 2], [0, 1, 1, 2], [3, 3, 3]])
    array([0.       , 3.7416575, 4.2426405], dtype=float32)
    """
    (batch,), unit = batches(series, n_codes=number_of_codes(mismatch_weights))
    n = len(batch)
    n_pairs = n * (n - 1) // 2
    if isinstance(out, (str, Path)):
        return _pairwise_in_file(out, batch, unit, radius, mismatch_weights, n_threads, progress)
    if out is None:
        _refuse_if_too_large(
            n_pairs,
            f"{n:,} series make {n_pairs:,} pairs",
            "Write them to a file (out='distances.npy'), ask for the nearest neighbours only (dtw_neighbors)",
        )
    result = checked_out(out, (n_pairs,), batch)
    kernel = Kernel(batch, None, radius, mismatch_weights, unit)
    work = [
        Block(partial(condensed_rows, kernel, first, stop, result), kernel.cells(first, stop))
        for first, stop in kernel.row_ranges()
    ]
    run_blocks(work, n_threads, progress)
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
        As ``series`` of :func:`dtw_pairwise`, ``n`` and ``m`` series.
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
    (left, right), unit = batches(a, b, n_codes=number_of_codes(mismatch_weights))
    if out is None:
        _refuse_if_too_large(
            len(left) * len(right),
            f"{len(left):,} by {len(right):,} series",
            "Have them written to a memory map (out=numpy.lib.format.open_memmap(...))",
        )
    result = checked_out(out, (len(left), len(right)), left, right)
    kernel = Kernel(right, left, radius, mismatch_weights, unit)
    work = [
        Block(partial(_cross_rows, kernel, first, stop, result), kernel.cells(first, stop))
        for first, stop in kernel.row_ranges()
    ]
    run_blocks(work, n_threads, progress)
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
        int ``(n_pairs,)``: the indices of each pair. Pairs with the same ``first`` that follow each other are
        computed together, so sorted pairs are the fastest.

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
    (batch,), unit = batches(series, n_codes=number_of_codes(mismatch_weights))
    firsts, seconds = (_checked_index(index, len(batch)) for index in (first, second))
    if len(firsts) != len(seconds):
        raise InputError(f"{len(firsts)} first and {len(seconds)} second indices make no pairs")
    result = np.empty(len(firsts), dtype=np.float32)
    pairs = Pairs(batch, radius, mismatch_weights, unit)
    step = max(1, CELLS_A_BLOCK // pairs.cells_of_pair)
    work = []
    for start in range(0, len(firsts), step):
        part = slice(start, start + step)
        run = partial(pairs.distances, firsts[part], seconds[part], result[part])
        work.append(Block(run, len(firsts[part]) * pairs.cells_of_pair))
    run_blocks(work, n_threads, progress)
    return result


def condensed_rows(kernel: Kernel, first: int, stop: int, out: Float32Array) -> None:
    """Write the distances of some rows of a kernel to their places in the condensed matrix ``out``."""
    begin, end = kernel.condensed_range(first, stop)
    if kernel.in_order and out.flags.c_contiguous:
        kernel.rows(first, stop, out[begin:end])
    else:
        distances = np.empty(end - begin, dtype=np.float32)
        kernel.rows(first, stop, distances)
        scatter_condensed(distances, kernel.order, first, stop, out)


def _pairwise_in_file(
    path: str | Path,
    batch: SeriesBatch,
    unit: float,
    radius: int | None,
    weights: Sequence[float],
    n_threads: int | None,
    progress: Progress,
) -> Float32Array:
    kernel = Kernel(batch, None, radius, weights, unit)
    # Before there is a file.
    checked_threads(n_threads)
    checked_progress(progress)
    key = matrix_key(batch, radius, np.asarray(weights, dtype=np.float32), unit)
    file = MatrixFile(path, key, len(batch) * (len(batch) - 1) // 2)

    def rows(first: int, stop: int) -> None:
        condensed_rows(kernel, first, stop, file.distances)
        file.finish(kernel, first, stop)

    work = [
        Block(partial(rows, first, stop), kernel.cells(first, stop))
        for first, stop in kernel.row_ranges()
        if not file.is_finished(kernel, first, stop)
    ]
    run_blocks(work, n_threads, progress)
    return file.close()


def _refuse_if_too_large(n_distances: int, what: str, instead: str) -> None:
    needed, limit = 4 * n_distances, memory_budget()
    if needed > limit:
        raise MemoryLimitError(
            f"{what}; their distances take {needed / 1e9:.1f} GB and {limit / 1e9:.1f} GB may be used. "
            f"{instead}, or take fewer series"
        )


def _cross_rows(kernel: Kernel, first: int, stop: int, out: Float32Array) -> None:
    if kernel.in_order and out.flags.c_contiguous:
        kernel.rows(first, stop, out[first:stop].reshape(-1))
    else:
        distances = np.empty((stop - first, out.shape[1]), dtype=np.float32)
        kernel.rows(first, stop, distances.reshape(-1))
        out[first:stop, kernel.order] = distances


def _checked_index(index: ArrayLike, n: int) -> NDArray[np.int64]:
    try:
        array = np.asarray(index)
    except (TypeError, ValueError):  # ragged
        array = np.empty(())
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InputError("pairs are given as two one-dimensional arrays of whole numbers")
    if array.size and (array.min() < 0 or array.max() >= n):
        raise InputError(f"a pair names series {int(array.max())} or a negative one; there are {n}")
    return array.astype(np.int64)
