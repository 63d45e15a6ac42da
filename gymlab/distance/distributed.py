"""The exact DTW matrix and neighbour graphs over the workers of a Dask cluster, for those who have more than one machine.

The functions mirror those of :mod:`gymlab.distance`, with the client before the series, and give the same bits
(on processors of one kind). Here Dask is needed (``pip install 'gymlab[distributed]'``), and gymlab on every worker.
Importing this module does not import Dask; the first call does.

>>> from distributed import Client  # doctest: +SKIP
>>> with Client("scheduler:8786") as client:  # doctest: +SKIP
...     distances = dtw_pairwise(client, windows, out="distances.npy", progress=True)
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gymlab.arguments import instance
from gymlab.distance.blocks import Progress, checked_progress
from gymlab.distance.matrix_file import MatrixFile, matrix_key
from gymlab.distance.series import Float32Array, Series, SeriesBatch, batches, number_of_codes
from gymlab.distance.simd.kernel import Kernel
from gymlab.distance.workers.graph import dtw_neighbors
from gymlab.distance.workers.parts import (
    Parts,
    ensure_part,
    part_path,
    plan_in,
    sweep_unfinished,
)
from gymlab.distance.workers.rows import (
    affordable_out,
    compute_condensed,
    compute_cross,
    planned_ranges,
    shared_kernel,
    tasks_of,
    write_condensed,
    write_cross,
)
from gymlab.distance.workers.run import Task, checked_threads, run_tasks

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Parts", "dtw_cross", "dtw_neighbors", "dtw_pairwise", "dtw_pairwise_parts"]


def dtw_pairwise(
    client: "Client",
    series: Series,
    *,
    radius: int | None = None,
    out: Float32Array | str | Path | None = None,
    progress: Progress = False,
    mismatch_weights: Sequence[float] = (),
    cells_a_block: int | None = None,
) -> Float32Array:
    """Return the exact DTW distance of every pair of series, as a condensed matrix, computed by a cluster.

    The series are sent to every worker once. A worker that dies costs the blocks that it had not delivered.

    Parameters
    ----------
    client
        A :class:`distributed.Client` with at least one worker. Blocks come through the scheduler, unless it was
        made with ``direct_to_workers=True``.
    series, radius, mismatch_weights
        As for :func:`gymlab.distance.dtw_pairwise`.
    out
        As for :func:`gymlab.distance.dtw_pairwise`. With a memory map or the path of an ``.npy`` file, this
        process holds one block at a time. A file gets its name when it is complete; after an interruption, its
        finished blocks are not computed again, if ``cells_a_block`` or the number of workers' threads that it
        follows from are the same.
    progress
        True for a progress bar, or a function of the cells done and the cells in all. An exception that it
        raises cancels the blocks that are on their way.
    cells_a_block
        About how many cells of DTW a block holds. None for a second of work, or less where that would be too few
        blocks for the workers' threads or too large an answer.

    Returns
    -------
    numpy.ndarray
        float32 ``(n(n-1)/2,)``, equal to that of :func:`gymlab.distance.dtw_pairwise`.

    Raises
    ------
    ClusterError
        If Dask is not installed, the client is closed or without workers, or workers die time and again.
    InputError
        As :func:`gymlab.distance.dtw_pairwise`.
    MemoryLimitError, OutputError
        As :func:`gymlab.distance.dtw_pairwise`.

    Examples
    --------
    >>> from distributed import Client
    >>> with Client(processes=False, n_workers=1, dashboard_address=":0") as client:
    ...     dtw_pairwise(client, [[0, 1, 2], [0, 1, 1, 2], [3, 3, 3]])
    array([0.       , 3.7416575, 4.2426405], dtype=float32)
    """
    threads = checked_threads(client, "dtw_pairwise")
    (batch,), unit = batches(series, n_codes=number_of_codes(mismatch_weights))
    n_pairs = len(batch) * (len(batch) - 1) // 2
    kernel = Kernel(batch, None, radius, mismatch_weights, unit)
    ranges = planned_ranges(kernel, len(batch), n_pairs, batch.n_channels, threads, cells_a_block)
    checked_progress(progress)  # before there is a file
    file: MatrixFile | None = None
    result: Float32Array
    if isinstance(out, (str, Path)):
        file = _matrix_file(out, batch, radius, mismatch_weights, unit)
        result = file.distances
    else:
        result = affordable_out(out, (n_pairs,), batch)
    if file:
        ranges = [rows for rows in ranges if not file.is_finished(kernel, *rows)]
    shared = shared_kernel(batch, None, radius, mismatch_weights, unit)

    def write(task: Task, distances: Float32Array) -> None:
        first, stop = task.arguments
        write_condensed(kernel, first, stop, distances, result)
        if file:
            file.finish(kernel, first, stop)

    run_tasks(client, compute_condensed, shared, tasks_of(kernel, ranges), write, progress)
    return file.close() if file else result


def dtw_pairwise_parts(
    client: "Client",
    series: Series,
    folder: str | os.PathLike[str],
    *,
    radius: int | None = None,
    progress: Progress = False,
    mismatch_weights: Sequence[float] = (),
    cells_a_block: int | None = None,
) -> Parts:
    """Write the exact DTW distance of every pair of series to a folder of Parquet files, computed by a cluster.

    The workers write, so that no distance passes through this process: the folder has to be one that the client
    and all workers share. A part appears under its name when it is complete. Called again for the same series
    after an interruption, only the parts that are missing or damaged are computed: a part knows the key of its
    matrix and the checksum of its numbers.

    Parameters
    ----------
    client, series, radius, progress, mismatch_weights, cells_a_block
        As for :func:`dtw_pairwise`. A folder that was begun keeps the blocks that it was begun with.
    folder
        Made if need be.

    Returns
    -------
    Parts
        The files, each with columns ``i`` and ``j`` (int32, ``i < j``) and ``distance`` (float32).

    Raises
    ------
    ClusterError, InputError
        As :func:`dtw_pairwise`; also if the folder holds another matrix.
    OutputError
        If a worker cannot see the folder or write to it.

    Examples
    --------
    >>> import tempfile
    >>> from distributed import Client
    >>> with (
    ...     tempfile.TemporaryDirectory() as folder,
    ...     Client(processes=False, n_workers=1, dashboard_address=":0") as client,
    ... ):
    ...     parts = dtw_pairwise_parts(client, [[0, 1, 2], [0, 1, 1, 2], [3, 3, 3]], folder)
    ...     again = dtw_pairwise_parts(client, [[0, 1, 2], [0, 1, 1, 2], [3, 3, 3]], folder)
    >>> parts.n_computed, again.n_computed
    (1, 0)
    """
    threads = checked_threads(client, "dtw_pairwise_parts")
    instance("folder", folder, (str, os.PathLike), "the path of a folder")
    place = Path(folder).absolute()
    (batch,), unit = batches(series, n_codes=number_of_codes(mismatch_weights))
    n_pairs = len(batch) * (len(batch) - 1) // 2
    kernel = Kernel(batch, None, radius, mismatch_weights, unit)
    ranges = planned_ranges(kernel, len(batch), n_pairs, batch.n_channels, threads, cells_a_block)
    shared = shared_kernel(batch, None, radius, mismatch_weights, unit)
    checked_progress(progress)  # before there is a folder
    weights = np.asarray(mismatch_weights, dtype=np.float32)
    # Another version may round otherwise.
    key = matrix_key(batch, radius, weights, unit)
    ranges = plan_in(place, key, ranges)
    tasks = [Task((str(place), key, first, stop), kernel.cells(first, stop)) for first, stop in ranges]
    computed = 0

    def count(_task: Task, was_computed: bool) -> None:
        nonlocal computed
        computed += was_computed

    run_tasks(client, ensure_part, shared, tasks, count, progress)
    sweep_unfinished(place)
    return Parts(place, tuple(part_path(place, *rows) for rows in ranges), computed)


def dtw_cross(
    client: "Client",
    a: Series,
    b: Series,
    *,
    radius: int | None = None,
    out: Float32Array | None = None,
    progress: Progress = False,
    mismatch_weights: Sequence[float] = (),
    cells_a_block: int | None = None,
) -> Float32Array:
    """Return the exact DTW distance of every series of ``a`` to every series of ``b``, computed by a cluster.

    Parameters
    ----------
    a, b
        As ``series`` of :func:`dtw_pairwise`, ``n`` and ``m`` series.
    client, radius, progress, mismatch_weights, cells_a_block
        As for :func:`dtw_pairwise`.
    out
        Any writable float32 array of shape ``(n, m)`` to write to, a memory map too.

    Returns
    -------
    numpy.ndarray
        float32 ``(n, m)``, equal to that of :func:`gymlab.distance.dtw_cross`.

    Raises
    ------
    ClusterError, InputError, MemoryLimitError
        As :func:`dtw_pairwise`.

    Examples
    --------
    >>> from distributed import Client
    >>> with Client(processes=False, n_workers=1, dashboard_address=":0") as client:
    ...     dtw_cross(client, [[0, 1, 2]], [[0, 1, 1, 2], [3, 3, 3]])
    array([[0.       , 3.7416575]], dtype=float32)
    """
    threads = checked_threads(client, "dtw_cross")
    (left, right), unit = batches(a, b, n_codes=number_of_codes(mismatch_weights))
    n, m = len(left), len(right)
    result = affordable_out(out, (n, m), left, right)
    kernel = Kernel(right, left, radius, mismatch_weights, unit)
    ranges = planned_ranges(kernel, n, n * m, left.n_channels, threads, cells_a_block)
    shared = shared_kernel(right, left, radius, mismatch_weights, unit)

    def write(task: Task, distances: Float32Array) -> None:
        first, stop = task.arguments
        write_cross(kernel, first, stop, distances, result)

    run_tasks(client, compute_cross, shared, tasks_of(kernel, ranges), write, progress)
    return result


def _matrix_file(
    path: str | Path, batch: SeriesBatch, radius: int | None, weights: Sequence[float], unit: float
) -> MatrixFile:
    key = matrix_key(batch, radius, np.asarray(weights, dtype=np.float32), unit)
    return MatrixFile(path, key, len(batch) * (len(batch) - 1) // 2)
