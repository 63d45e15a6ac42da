"""The nearest neighbours of each series, or all within a distance, without the matrix of all distances."""

import time
from collections.abc import Sequence
from functools import partial
from queue import Empty, SimpleQueue

from gymlab.arguments import boolean, finite_number, whole_number
from gymlab.distance.blocks import Block, Progress, run_blocks
from gymlab.distance.graph import NeighborGraph
from gymlab.distance.neighbor_search import NeighborSearch, Partial, Query
from gymlab.distance.series import Series, batches, number_of_codes
from gymlab.errors import InputError


def dtw_neighbors(
    series: Series,
    *,
    eps: float | None = None,
    k: int | None = None,
    radius: int | None = None,
    values: bool = True,
    n_threads: int | None = None,
    progress: Progress = False,
    mismatch_weights: Sequence[float] = (),
) -> NeighborGraph:
    """Return the k nearest neighbours of each series, or all within ``eps``, by exact DTW.

    Lower bounds in the order of their cost rule most pairs out, others are abandoned on the way; what is left is
    computed exactly, so the graph is that of the full matrix.

    Parameters
    ----------
    series
        As for :func:`gymlab.distance.dtw_pairwise`, at least two.
    eps
        Largest distance of a neighbour. Give this or ``k``.
    k
        Number of neighbours, 1 to n−1; of equally distant ones the first.
    radius, n_threads, progress, mismatch_weights
        As for :func:`gymlab.distance.dtw_pairwise`. The graph does not depend on the number of threads; the
        statistics may.
    values
        False where only the edges matter: the graph then holds True instead of distances, and with ``eps`` a pair
        whose Euclidean distance is within it, an upper bound of DTW, is accepted without computing DTW.

    Returns
    -------
    NeighborGraph
        ``graph``, csr ``(n, n)``: row i holds the neighbours of series i, itself left out. With ``eps``, both
        directions. Identical series are stored with an explicit zero. ``stats`` says where the pairs went.

    Raises
    ------
    InputError
        As :func:`gymlab.distance.dtw_pairwise`; if not just one of ``eps`` and ``k`` is given, or out of range.

    Examples
    --------
    >>> found = dtw_neighbors([[0, 1, 2], [0, 1, 1, 2], [3, 3, 3]], k=1)
    >>> found.graph.indices.tolist()
    [1, 0, 0]
    >>> found.graph.data
    array([0.       , 0.       , 3.7416575], dtype=float32)
    """
    start = time.perf_counter()
    (batch,), unit = batches(series, n_codes=number_of_codes(mismatch_weights))
    query = checked_query(len(batch), eps, k, values=values)
    search = NeighborSearch(batch, query, radius, mismatch_weights, unit)
    partials: SimpleQueue[Partial] = SimpleQueue()
    work = [
        Block(partial(_look_at, search, *part, partials), search.cells(*part)) for part in search.ranges()
    ]
    run_blocks(work, n_threads, progress)
    found = [partials.get() for _ in range(partials.qsize())]
    return search.graph(found, time.perf_counter() - start)


def checked_query(n: int, eps: float | None, k: int | None, *, values: bool) -> Query:
    """Return what is asked of ``n`` series.

    Raises
    ------
    InputError
        If not just one of ``eps`` and ``k`` is given, or it is out of range, or there is but one series.
    """
    if n < 2:
        raise InputError("a single series has no neighbours; give two or more")
    if (eps is None) == (k is None):
        raise InputError(
            "give eps (all neighbours within a distance) or k (the nearest); give exactly one of them"
        )
    return Query(
        None if eps is None else finite_number("eps", eps, least=0, noun="a finite distance"),
        None if k is None else whole_number("k", k, least=1, most=n - 1),
        boolean("values", values),
    )


def _look_at(search: NeighborSearch, first: int, stop: int, partials: "SimpleQueue[Partial]") -> None:
    """Look at some blocks, adding to what this or another thread has found before."""
    try:
        found = partials.get_nowait()
    except Empty:
        found = search.nothing_found()
    search.look_at(first, stop, found)
    partials.put(found)
