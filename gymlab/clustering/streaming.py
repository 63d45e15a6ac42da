"""Trees from series without the matrix: every distance is computed once, used, and not kept."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from gymlab.arguments import shown
from gymlab.clustering.condensed import Checkpoint, Tree, no_checkpoint
from gymlab.clustering.linkage import Edges, PointerTree, tree_of_joins
from gymlab.distance.blocks import Block, Progress, run_blocks
from gymlab.distance.row_distances import CELLS_A_BLOCK, RowDistances
from gymlab.distance.series import Series, batches, number_of_codes
from gymlab.errors import InputError

# At most 4 MB of distances for each thread, even if the series are short or have many points in common.
_PAIRS_A_BLOCK = 1_000_000


def single_linkage_tree(
    series: Series,
    *,
    radius: int | None = None,
    mismatch_weights: Sequence[float] = (),
    n_threads: int | None = None,
    progress: Progress = False,
    checkpoint: Checkpoint = no_checkpoint,
) -> Tree:
    """Return the exact single linkage tree of the DTW distances in O(n) memory.

    It has the same heights as ``build_tree(dtw_pairwise(series), "single")``, and the same clusters below each height.
    (If the series differ in length, joins at exactly the same height may be in another order.)

    Parameters
    ----------
    series, radius, mismatch_weights, n_threads, progress
        As for :func:`gymlab.distance.dtw_pairwise`.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`; it is called when a block of distances is done.

    Returns
    -------
    numpy.ndarray
        float64 ``(n−1, 4)``, a linkage matrix.

    Raises
    ------
    InputError
        As :func:`gymlab.distance.dtw_pairwise`.

    Notes
    -----
    Blocks of rows are computed side by side by several threads; SLINK (Sibson 1973) takes them one after the other.

    Examples
    --------
    >>> single_linkage_tree([[0, 1, 2], [0, 1, 1, 2], [3, 3, 3]])[:, 2].round(3).tolist()
    [0.0, 3.742]
    """
    edges = streamed_edges(
        series,
        None,
        radius=radius,
        mismatch_weights=mismatch_weights,
        n_threads=n_threads,
        progress=reporting(progress, checkpoint),
    )
    return tree_of_joins(edges[0], edges[1], edges[2].astype(np.float64))


def streamed_edges(
    series: Series,
    cores: NDArray[np.float32] | None,
    *,
    radius: int | None,
    mismatch_weights: Sequence[float],
    n_threads: int | None,
    progress: Progress,
) -> Edges:
    """Return n−1 edges that give the single linkage tree of the distances, or of the mutual reachability distances.

    Parameters
    ----------
    series, radius, mismatch_weights, n_threads, progress
        As for :func:`gymlab.distance.dtw_pairwise`.
    cores
        float32 ``(n,)``, the core distances; None for the tree of the distances.
    """
    (batch,), unit = batches(series, n_codes=number_of_codes(mismatch_weights))
    kernel = RowDistances(batch, None, radius, mismatch_weights, unit)
    pointers = PointerTree(len(batch), None if cores is None else cores[kernel.order])
    work = [
        Block(partial(_enter, kernel, first, stop, pointers), kernel.cells(first, stop))
        for first, stop in _row_ranges(len(batch), kernel.cells(0, len(batch)))
    ]
    run_blocks(work, n_threads, progress, pairs=len(batch) * (len(batch) - 1) // 2)
    firsts, seconds, heights = pointers.edges()
    return kernel.order[firsts], kernel.order[seconds], heights


def number_of_series(series: object) -> int:
    """Return how many series there are.

    Raises
    ------
    InputError
        If it is neither an array nor a list.
    """
    if isinstance(series, np.ndarray) and series.ndim > 0:
        return len(series)
    if not isinstance(series, Sequence) or isinstance(series, (str, bytes)):
        raise InputError(f"series is {shown(series)}; give an array or a list of series")
    return len(series)


def reporting(progress: Progress, checkpoint: Checkpoint) -> Progress:
    """Return a ``progress`` argument that also calls the checkpoint after each piece of work."""
    if checkpoint is no_checkpoint:
        return progress
    bar = tqdm(unit="cell", unit_scale=True, desc="DTW", leave=False, disable=progress is not True)

    def report(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)
        if done == total:
            bar.close()
        if callable(progress):
            progress(done, total)
        checkpoint()

    return report


def _row_ranges(n: int, cells: int) -> list[tuple[int, int]]:
    """Cut the rows of a condensed matrix into ranges of bounded size and work, the last rows first."""
    n_pairs = n * (n - 1) // 2
    step = max(1, min(_PAIRS_A_BLOCK, CELLS_A_BLOCK * n_pairs // cells))
    # For each row, the number of pairs in it and in all later rows.
    behind = np.arange(n - 1, -1, -1) * np.arange(n, 0, -1) // 2
    cuts = n - np.searchsorted(behind[::-1], np.arange(step, n_pairs, step))
    bounds = np.unique(np.concatenate([[0], cuts, [n]]))[::-1].tolist()
    return [(first, stop) for stop, first in pairwise(bounds)]


def _enter(kernel: RowDistances, first: int, stop: int, pointers: PointerTree) -> None:
    begin, end = kernel.condensed_range(first, stop)
    distances = np.empty(end - begin, dtype=np.float32)
    kernel.rows(first, stop, distances)
    pointers.add_rows(first, stop, distances)
