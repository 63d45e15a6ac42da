"""Neighbour graphs by a Dask cluster: each worker searches some blocks, the client keeps the nearest neighbours."""

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from gymlab.distance.blocks import Progress
from gymlab.distance.dask_tasks import BuiltOnce, ClusterTask, cluster_threads, run_tasks
from gymlab.distance.neighbors import (
    FoundNeighbors,
    NeighborGraph,
    NeighborSearch,
    checked_query,
    k_nearest,
)
from gymlab.distance.series import IntArray, Series, batches, number_of_codes
from gymlab.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

# Bounds make some pairs a hundred times cheaper than others, so there are more tasks than for a matrix.
_TASKS_A_THREAD = 8
# The most cells of a task: about ten seconds of work if no pair is ruled out, which is rare.
_MOST_CELLS = 50_000_000_000


# The answer of a task: int64 (n_rows,), the positions, in the order of the search, of the series for which it found a
# nearest neighbour; and the neighbours found, with the nearest ones of these series only.
Answer = tuple[IntArray, FoundNeighbors]


def dtw_neighbors(
    client: "Client",
    series: Series,
    *,
    eps: float | None = None,
    k: int | None = None,
    radius: int | None = None,
    values: bool = True,
    progress: Progress = False,
    mismatch_weights: Sequence[float] = (),
) -> NeighborGraph:
    """Return the k nearest neighbours of each series, or all within ``eps``, by exact DTW, computed by a cluster.

    Every worker has its own limits, and they decrease when the worker finds neighbours. So the statistics depend on
    which worker ran which task, but the graph does not.

    Parameters
    ----------
    client, progress
        As for :func:`gymlab.distance.distributed.dtw_pairwise`.
    series, eps, k, radius, values, mismatch_weights
        As for :func:`gymlab.distance.dtw_neighbors`.

    Returns
    -------
    NeighborGraph
        The graph equals that of :func:`gymlab.distance.dtw_neighbors`.

    Raises
    ------
    ClusterError
        As :func:`gymlab.distance.distributed.dtw_pairwise`; also if the processors of a worker and of this machine
        differ so much that they would cut the series into different blocks.
    InputError
        As :func:`gymlab.distance.dtw_neighbors`.

    Examples
    --------
    >>> from distributed import Client
    >>> with Client(processes=False, n_workers=1, dashboard_address=":0") as client:
    ...     found = dtw_neighbors(client, [[0, 1, 2], [0, 1, 1, 2], [3, 3, 3]], k=1)
    >>> found.graph.indices.tolist(), found.graph.data
    ([1, 0, 0], array([0.       , 0.       , 3.7416575], dtype=float32))
    """
    start = time.perf_counter()
    threads = cluster_threads(client, "dtw_neighbors")
    (batch,), scale = batches(series, n_codes=number_of_codes(mismatch_weights))
    query = checked_query(len(batch), eps, k, values=values)
    search = NeighborSearch(batch, query, radius, mismatch_weights, scale)
    ingredients = (batch, query, radius, tuple(mismatch_weights), scale)
    shared = BuiltOnce(NeighborSearch, ingredients, batch.values.nbytes)
    total = search.nothing_found()

    def add(_task: ClusterTask, answer: Answer) -> None:
        _add(total, *answer)

    run_tasks(client, search_ranges, shared, _tasks(search, threads), add, progress)
    return search.graph([total], time.perf_counter() - start)


def search_ranges(shared: BuiltOnce[NeighborSearch], n_blocks: int, first: int, stop: int) -> Answer:
    """Search some of the ranges of blocks. Runs on a worker.

    Raises
    ------
    ClusterError
        If this worker's search does not have ``n_blocks`` blocks.
    """
    search = shared.get()
    ranges = search.ranges()
    if ranges[-1][1] != n_blocks:
        raise ClusterError(
            f"a worker would divide the series into {ranges[-1][1]} blocks and the client into {n_blocks}, since "
            "their processors differ; connect from a machine like the workers"
        )
    found = search.nothing_found()
    for part in ranges[first:stop]:
        search.search_blocks(*part, found)
    rows = np.flatnonzero(np.isfinite(found.nearest).any(axis=1))
    found.nearest, found.nearest_index = found.nearest[rows], found.nearest_index[rows]
    return rows, found


def _tasks(search: NeighborSearch, n_threads: int) -> list[ClusterTask]:
    """Cut the search's ranges into groups of about the same number of cells."""
    ranges = search.ranges()
    ends = np.cumsum([search.cells(*part) for part in ranges])
    wanted = min(ends[-1] / (_TASKS_A_THREAD * n_threads), _MOST_CELLS)
    cuts = np.searchsorted(ends, np.arange(wanted, ends[-1], wanted)) + 1
    bounds = np.unique(np.concatenate([[0], cuts, [len(ranges)]])).tolist()
    cells = np.diff(ends[np.array(bounds[1:]) - 1], prepend=0)
    return [
        ClusterTask((ranges[-1][1], first, stop), int(size))
        for (first, stop), size in zip(pairwise(bounds), cells, strict=True)
    ]


def _add(total: FoundNeighbors, rows: IntArray, found: FoundNeighbors) -> None:
    """Add the neighbours that a task found."""
    total.edges.extend(found.edges)
    total.counts += found.counts
    if len(rows):
        distances, indices = (
            (total.nearest[rows], found.nearest),
            (total.nearest_index[rows], found.nearest_index),
        )
        total.nearest[rows], total.nearest_index[rows] = k_nearest(distances, indices, total.nearest.shape[1])
