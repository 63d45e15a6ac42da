"""Exact DTW matrices and neighbour graphs by the workers of a Dask cluster, for work on more than one machine.

The functions correspond to those of :mod:`gymlab.distance`, with the client as the first argument. They give the same
results, bit for bit (on processors of one kind). They need Dask (``pip install 'gymlab[distributed]'``), and gymlab on
every worker. Importing this module does not import Dask; the first call does.

>>> from distributed import Client  # doctest: +SKIP
>>> with Client("scheduler:8786") as client:  # doctest: +SKIP
...     distances = dtw_pairwise(client, windows, out="distances.npy", progress=True)
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gymlab.arguments import instance, whole_number
from gymlab.distance.blocks import Progress, checked_progress
from gymlab.distance.dask_neighbors import dtw_neighbors
from gymlab.distance.dask_tasks import BuiltOnce, ClusterTask, cluster_threads, run_tasks
from gymlab.distance.kernels.vectors import kernel_path
from gymlab.distance.matrix_file import MatrixFile, matrix_key, open_matrix_file
from gymlab.distance.pairwise import checked_out
from gymlab.distance.parquet_parts import Parts, ensure_part, part_path, plan_in, remove_unfinished
from gymlab.distance.row_distances import RowDistances
from gymlab.distance.series import Float32Array, Series, SeriesBatch, batches, number_of_codes

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Parts", "dtw_cross", "dtw_neighbors", "dtw_pairwise", "dtw_pairwise_parts"]

# Measured on one thread, for explicit vectors and plain loops. Only the size of blocks depends on it.
_CELLS_A_SECOND = {"vector": 2.5e10, "plain": 7e9}
# The answer to a block takes at most 32 MB, so that waiting answers fit into the memory of any worker.
_MOST_PAIRS = 8_000_000
# Several blocks for each thread, so that all threads end at about the same time.
_BLOCKS_A_THREAD = 4
# Sending a task costs milliseconds; a block below a fiftieth of a second is not worth it.
_LEAST_SECONDS = 0.02


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

    The series are sent to every worker once. If a worker dies, only the blocks that it had not delivered are computed
    again.

    Parameters
    ----------
    client
        A :class:`distributed.Client` with at least one worker. Blocks pass through the scheduler, unless the client
        was made with ``direct_to_workers=True``.
    series, radius, mismatch_weights
        As for :func:`gymlab.distance.dtw_pairwise`.
    out
        As for :func:`gymlab.distance.dtw_pairwise`. With a memory map or the path of an ``.npy`` file, this
        process holds one block at a time. A file gets its final name when it is complete. After an interruption, its
        finished blocks are used again if ``cells_a_block`` is the same or, without it, if the number of threads of
        the workers is the same.
    progress
        True for a progress bar, or a function of the cells done and the cells in all. If it raises an
        exception, the submitted blocks are cancelled.
    cells_a_block
        About how many cells of DTW a block holds. None for about a second of work; less if there would be too few
        blocks for the threads of the workers, or if an answer would be too large.

    Returns
    -------
    numpy.ndarray
        float32 ``(n(n-1)/2,)``, equal to that of :func:`gymlab.distance.dtw_pairwise`.

    Raises
    ------
    ClusterError
        If Dask is not installed, the client is closed or has no workers, or workers die repeatedly.
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
    threads = cluster_threads(client, "dtw_pairwise")
    (batch,), scale = batches(series, n_codes=number_of_codes(mismatch_weights))
    rows = _SharedRows(batch, None, radius, mismatch_weights, scale, threads, cells_a_block)
    checked_progress(progress)  # before there is a file
    if isinstance(out, (str, Path)):
        file = open_matrix_file(out, batch, radius, mismatch_weights, scale)
        rows.run(client, file.distances, progress, file)
        return file.close()
    instead = (
        "Give a memory map as out, the path of a file (out='distances.npy'), or a folder that the workers write to "
        "(dtw_pairwise_parts); ask for the nearest neighbours only (dtw_neighbors)"
    )
    result = checked_out(out, (len(batch) * (len(batch) - 1) // 2,), batch, instead=instead)
    rows.run(client, result, progress)
    return result


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

    The workers write the files, so no distance passes through this process; the client and all workers have to share
    the folder. A part gets its final name when it is complete. Each part holds the key of its matrix and the
    checksum of its numbers. After an interruption, call the function again: it computes only missing or damaged
    parts.

    Parameters
    ----------
    client, series, radius, progress, mismatch_weights, cells_a_block
        As for :func:`dtw_pairwise`. If the folder holds an earlier run, the blocks of that run are used.
    folder
        The folder, created if it does not exist.

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
    threads = cluster_threads(client, "dtw_pairwise_parts")
    instance("folder", folder, (str, os.PathLike), "the path of a folder")
    place = Path(folder).absolute()
    (batch,), scale = batches(series, n_codes=number_of_codes(mismatch_weights))
    rows = _SharedRows(batch, None, radius, mismatch_weights, scale, threads, cells_a_block)
    checked_progress(progress)  # before there is a folder
    key = matrix_key(batch, radius, mismatch_weights, scale)
    ranges = plan_in(place, key, rows.ranges)
    tasks = [ClusterTask((str(place), key, *part), rows.here.cells(*part)) for part in ranges]
    computed = 0

    def count(_task: ClusterTask, was_computed: bool) -> None:
        nonlocal computed
        computed += was_computed

    run_tasks(client, ensure_part, rows.sent, tasks, count, progress)
    remove_unfinished(place)
    return Parts(place, tuple(part_path(place, *part) for part in ranges), computed)


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
        Like ``series`` of :func:`dtw_pairwise`: ``n`` series and ``m`` series.
    client, radius, progress, mismatch_weights, cells_a_block
        As for :func:`dtw_pairwise`.
    out
        Any writable float32 array of shape ``(n, m)`` to write to, for example a memory map.

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
    threads = cluster_threads(client, "dtw_cross")
    (left, right), scale = batches(a, b, n_codes=number_of_codes(mismatch_weights))
    instead = "Have them written to a memory map (out=numpy.lib.format.open_memmap(...))"
    result = checked_out(out, (len(left), len(right)), left, right, instead=instead)
    _SharedRows(right, left, radius, mismatch_weights, scale, threads, cells_a_block).run(
        client, result, progress
    )
    return result


def compute_rows(shared: BuiltOnce[RowDistances], first: int, stop: int) -> Float32Array:
    """Return the distances of some rows. Runs on a worker."""
    return shared.get().compute(first, stop)


class _SharedRows:
    """Distances that a cluster computes, cut into ranges of rows."""

    def __init__(
        self,
        members: SeriesBatch,
        queries: SeriesBatch | None,
        radius: int | None,
        weights: Sequence[float],
        scale: float,
        n_threads: int,
        cells_a_block: int | None,
    ) -> None:
        self.here = RowDistances(members, queries, radius, weights, scale)
        self.ranges = _planned_ranges(self.here, members.n_channels, n_threads, cells_a_block)
        nbytes = members.values.nbytes + (0 if queries is None else queries.values.nbytes)
        self.sent = BuiltOnce(RowDistances, (members, queries, radius, tuple(weights), scale), nbytes)

    def run(
        self, client: "Client", out: Float32Array, progress: Progress, file: MatrixFile | None = None
    ) -> None:
        """Write all distances to ``out``. If there is a file, write only the rows that are not finished."""

        def write(task: ClusterTask, distances: Float32Array) -> None:
            first, stop = task.arguments
            self.here.place(first, stop, distances, out)
            if file:
                file.finish(self.here, first, stop)

        wanted = [rows for rows in self.ranges if not (file and file.is_finished(self.here, *rows))]
        tasks = [ClusterTask(rows, self.here.cells(*rows)) for rows in wanted]
        run_tasks(client, compute_rows, self.sent, tasks, write, progress)


def _planned_ranges(
    distances: RowDistances, n_channels: int, n_threads: int, cells_a_block: int | None
) -> list[tuple[int, int]]:
    """Cut the rows into ranges of about a second's work.

    Ranges are shorter if the answer for a second of work would be too large, or if there would be too few blocks for
    the threads.

    Raises
    ------
    InputError
        If ``cells_a_block`` is neither None nor a whole number of at least 1.
    """
    if cells_a_block is None:
        total = distances.cells()
        second = _CELLS_A_SECOND[kernel_path().name] / (1 + n_channels)
        answer = total / max(1, distances.n_pairs) * _MOST_PAIRS
        share = total / (_BLOCKS_A_THREAD * n_threads)
        cells_a_block = int(max(min(second, answer, share), _LEAST_SECONDS * second))
    return distances.row_ranges(whole_number("cells_a_block", cells_a_block, least=1, instead=", or None"))
