"""Rows of a distance matrix on workers: how large a block should be, what a worker computes, where it belongs."""

from collections.abc import Sequence
from math import prod

import numpy as np

from gymlab.arguments import whole_number
from gymlab.budget import memory_budget
from gymlab.distance.outputs import checked_out
from gymlab.distance.series import Float32Array, SeriesBatch
from gymlab.distance.simd.kernel import Kernel
from gymlab.distance.simd.paths import kernel_path
from gymlab.distance.simd.sweeps import scatter_condensed
from gymlab.distance.workers.run import BuiltOnce, Task
from gymlab.errors import MemoryLimitError

# Measured on one thread; explicit vectors and plain loops. Only the size of blocks follows from it.
_CELLS_A_SECOND = {"vector": 2.5e10, "plain": 7e9}
# The answer to a block is 32 MB at most, so that those on their way fit into any worker.
_MOST_PAIRS = 8_000_000
# So that all threads end at about the same time.
_BLOCKS_A_THREAD = 4
# Sending a task costs milliseconds; a block below a fiftieth of a second is not worth it.
_LEAST_SECONDS = 0.02


def shared_kernel(
    members: SeriesBatch,
    queries: SeriesBatch | None,
    radius: int | None,
    weights: Sequence[float],
    unit: float,
) -> BuiltOnce[Kernel]:
    """Return the kernel as it travels."""
    nbytes = members.values.nbytes + (0 if queries is None else queries.values.nbytes)
    return BuiltOnce(_kernel, (members, queries, radius, tuple(weights), unit), nbytes)


def planned_ranges(
    kernel: Kernel, n_rows: int, n_pairs: int, n_channels: int, n_threads: int, cells_a_block: int | None
) -> list[tuple[int, int]]:
    """Cut the rows into ranges of about a second's work.

    Shorter ones where a second's distances would be too large an answer, or too few blocks for the threads.

    Raises
    ------
    InputError
        If ``cells_a_block`` is neither None nor a whole number of at least 1.
    """
    if cells_a_block is None:
        total = kernel.cells(0, n_rows)
        second = _CELLS_A_SECOND[kernel_path().name] / (1 + n_channels)
        answer = total / max(1, n_pairs) * _MOST_PAIRS
        share = total / (_BLOCKS_A_THREAD * n_threads)
        cells_a_block = int(max(min(second, answer, share), _LEAST_SECONDS * second))
    return kernel.row_ranges(whole_number("cells_a_block", cells_a_block, least=1, instead=", or None"))


def tasks_of(kernel: Kernel, ranges: Sequence[tuple[int, int]]) -> list[Task]:
    """Return a task for each range of rows."""
    return [Task((first, stop), kernel.cells(first, stop)) for first, stop in ranges]


def compute_condensed(shared: BuiltOnce[Kernel], first: int, stop: int) -> Float32Array:
    """Return the distances of rows to the later members, row by row. Runs on a worker."""
    kernel = shared.get()
    begin, end = kernel.condensed_range(first, stop)
    return _rows(kernel, first, stop, end - begin)


def compute_cross(shared: BuiltOnce[Kernel], first: int, stop: int) -> Float32Array:
    """Return the distances of rows to all members, row by row. Runs on a worker."""
    kernel = shared.get()
    return _rows(kernel, first, stop, (stop - first) * len(kernel.order))


def write_condensed(
    kernel: Kernel, first: int, stop: int, distances: Float32Array, out: Float32Array
) -> None:
    """Move the distances of rows to their places in the condensed matrix ``out``."""
    if kernel.in_order:
        begin, end = kernel.condensed_range(first, stop)
        out[begin:end] = distances
    else:
        # What arrived may be read-only, for which the kernel would be compiled once more.
        scatter_condensed(
            np.require(distances, requirements=["A", "W"]), kernel.order, first, stop, np.asarray(out)
        )


def write_cross(kernel: Kernel, first: int, stop: int, distances: Float32Array, out: Float32Array) -> None:
    """Move the distances of rows to their places in the matrix ``out``."""
    out[first:stop, kernel.order] = distances.reshape(stop - first, -1)


def affordable_out(out: Float32Array | None, shape: tuple[int, ...], *read: SeriesBatch) -> Float32Array:
    """Return the array to write to: a new one, or the caller's.

    Raises
    ------
    MemoryLimitError
        If a new one would take more memory than may be used.
    InputError
        If the caller's is not writable, not float32, of another shape, or shares memory with what is read.
    """
    if out is None:
        needed, limit = 4 * prod(shape), memory_budget()
        if needed > limit:
            raise MemoryLimitError(
                f"the distances take {needed / 1e9:.1f} GB and {limit / 1e9:.1f} GB may be used here. Give a memory "
                "map as out, for all pairs also a file (out='distances.npy') or a folder that the workers write to "
                "(dtw_pairwise_parts); or ask for the nearest neighbours only (dtw_neighbors)"
            )
    return checked_out(out, shape, *read)


def _rows(kernel: Kernel, first: int, stop: int, n_pairs: int) -> Float32Array:
    distances = np.empty(n_pairs, dtype=np.float32)
    kernel.rows(first, stop, distances)
    return distances


def _kernel(
    members: SeriesBatch,
    queries: SeriesBatch | None,
    radius: int | None,
    weights: Sequence[float],
    unit: float,
) -> Kernel:
    return Kernel(usable(members), None if queries is None else usable(queries), radius, weights, unit)


def usable(batch: SeriesBatch) -> SeriesBatch:
    """Return the series as kernels were compiled for them: what arrives may be read-only or unaligned."""
    return SeriesBatch(
        np.require(batch.values, requirements=["C", "A", "W"]),
        np.require(batch.lengths, requirements=["C", "A", "W"]),
    )
