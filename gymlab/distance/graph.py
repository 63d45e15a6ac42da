"""What a neighbour query returns: a sparse graph of exact distances, and what it cost to find them."""

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array

from gymlab.distance.series import Float32Array, IntArray


@dataclass(frozen=True)
class NeighborStats:
    """Where the pairs of a neighbour query went; the counts add up to ``pairs``.

    Attributes
    ----------
    pairs
        Ordered pairs that were asked about: n(n−1).
    pruned
        By the name of the bound, in the order of their cost: ruled out by it.
    accepted
        Known to be within ``eps`` by their Euclidean distance alone (only with ``values=False``).
    abandoned
        Given up on the way, once every way on was too far.
    computed
        Computed to the end.
    seconds
        Wall clock.
    """

    pairs: int
    pruned: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    abandoned: int = 0
    computed: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class NeighborGraph:
    """The neighbours of each series.

    Attributes
    ----------
    graph
        csr ``(n, n)``: row i holds the neighbours of series i, itself left out, their indices ascending. The
        entries are exact DTW distances (float32), zeros explicit; or, where only the edges were asked for, True.
        What is absent is no neighbour, not at distance 0.
    stats
        What it cost.
    """

    graph: csr_array
    stats: NeighborStats


def graph_of_edges(n: int, rows: IntArray, columns: IntArray, values: Float32Array | None) -> csr_array:
    """Return the csr graph of directed edges, each given once.

    Parameters
    ----------
    n
        Number of series.
    rows, columns
        int64 ``(n_edges,)``.
    values
        float32 ``(n_edges,)``; None for a graph of edges alone.
    """
    # Sorting by hand instead of through the coo format, which would add up duplicates and may drop zeros.
    order = np.lexsort((columns, rows))
    index_type = np.int32 if max(n, len(rows)) < np.iinfo(np.int32).max else np.int64
    starts = np.searchsorted(rows[order], np.arange(n + 1)).astype(index_type)
    data = np.ones(len(rows), dtype=bool) if values is None else values[order]
    return csr_array((data, columns[order].astype(index_type), starts), shape=(n, n))
