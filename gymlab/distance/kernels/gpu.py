"""The kernels of :mod:`gymlab.distance.cuda`: one pair for each thread. Importing this module needs numba-cuda.

All threads of a block share one query and take neighbouring columns of the others, which are laid out
``(n_timepoints, n_channels, n_columns)``, so that neighbouring threads read neighbouring numbers. The table of
accumulated costs is walked in strips of ``width`` columns: the row of a strip is in registers, and only its last
column, the boundary from which the next strip starts, is written to memory: to shared memory if it fits, else to a
bounded scratch in global memory. So a series may have any length.

A cell is a chain of explicit fused multiply-adds, a minimum and one addition; a compiler cannot fuse operations in
one cell and not in another, so ``d(a, b)`` and ``d(b, a)`` are equal, bit for bit.
"""

import functools
import logging
import math
from dataclasses import dataclass

import numpy as np
from numba import cuda, float32

_log = logging.getLogger(__name__)

# The series that a query is compared with: all, the later ones in the collection, or all but itself.
ALL, LATER, OTHER = 0, 1, 2

# The counts of the kernel of neighbours, by position.
EMITTED, PRUNED, ABANDONED, COMPUTED = 0, 1, 2, 3

_INFINITY = np.float32(np.inf)
_ZERO = np.float32(0)
_GIVEN_UP = np.float32(-1)

# How many numbers of a strip a thread can hold in registers, and the widest strip.
_REGISTERS, _WIDEST = 32, 8


@dataclass(frozen=True)
class Shape:
    """Constants of a kernel, known when it is compiled.

    Attributes
    ----------
    n_channels, n_codes
        Numeric channels, and codes of categories behind them.
    width
        Columns in a strip.
    banded
        Whether there is a Sakoe-Chiba band.
    staged
        Whether query and boundary fit in the shared memory of a block.
    """

    n_channels: int
    n_codes: int
    width: int
    banded: bool
    staged: bool


def strip_width(n_values: int, longest: int) -> int:
    """Return how many columns a strip has: few enough for the registers, with little padding in the last strip."""
    widest = max(1, min(_WIDEST, _REGISTERS // n_values))
    return math.ceil(longest / math.ceil(longest / widest))


@functools.cache
def _pair_functions(shape):
    """Build the device functions that compare one pair: the cost of two corner cells, and the whole DTW cost."""
    n_channels, n_codes, width, banded = shape.n_channels, shape.n_codes, shape.width, shape.banded
    n_values = n_channels + n_codes
    n_staged = width * n_values

    @cuda.jit(device=True)
    def cell_cost(query, i, others, j, column, weights):
        cost = _ZERO
        for c in range(n_channels):
            difference = query[i * n_values + c] - others[j, c, column]
            cost = cuda.fma(difference, difference, cost)
        for k in range(n_codes):
            c = n_channels + k
            cost += weights[k] if query[i * n_values + c] != others[j, c, column] else _ZERO
        return cost

    @cuda.jit(device=True)
    def corner_cost(query, n, others, m, column, weights):
        """Return LB_Kim: every path holds the first and the last cell, so no path costs less."""
        first = cell_cost(query, 0, others, 0, column, weights)
        if n == 1 and m == 1:
            return first
        return first + cell_cost(query, n - 1, others, m - 1, column, weights)

    @cuda.jit(device=True)
    def pair_cost(query, n, others, m, column, radius, weights, limit, boundary):
        """Return the squared DTW distance, or −1 if every path already costs more than ``limit``."""
        threads, lane = cuda.blockDim.x, cuda.threadIdx.x
        row = cuda.local.array(width, float32)
        other = cuda.local.array(n_staged, float32)
        below = radius + max(0, n - m)
        above = radius + max(0, m - n)
        answer = _INFINITY
        reached = -1  # the last row of the strip before; later rows of its boundary are out of the band
        for start in range(0, m, width):
            for w in range(width):
                row[w] = _INFINITY
                for c in range(n_values):
                    other[w * n_values + c] = others[start + w, c, column]
            first, last = 0, n - 1
            if banded:
                first = max(0, start - above)
                last = min(n - 1, start + width - 1 + below)
            diagonal = _INFINITY
            if start == 0:
                diagonal = _ZERO
            elif first > 0:
                diagonal = boundary[(first - 1) * threads + lane]
            least = _INFINITY
            for i in range(first, last + 1):
                left = boundary[i * threads + lane] if i <= reached else _INFINITY
                next_diagonal = left
                for w in range(width):
                    cost = _ZERO
                    for c in range(n_channels):
                        difference = query[i * n_values + c] - other[w * n_values + c]
                        cost = cuda.fma(difference, difference, cost)
                    for k in range(n_codes):
                        c = n_channels + k
                        cost += weights[k] if query[i * n_values + c] != other[w * n_values + c] else _ZERO
                    up = row[w]
                    # The minimum of two is one instruction; for three, numba emits comparisons and selections.
                    left = cost + min(min(diagonal, up), left)  # noqa: PLW3301
                    if banded:
                        offset = start + w - i
                        left = left if -below <= offset <= above else _INFINITY
                    diagonal = up
                    row[w] = left
                diagonal = next_diagonal
                boundary[i * threads + lane] = left
                least = min(least, left)
            reached = last
            # The index is a loop of constant length: with a variable index, the row would leave the registers.
            for w in range(width):
                if start + w == m - 1:
                    answer = row[w]
            # A path crosses every column, so it costs at least the minimum of the last column of this strip.
            if start + width < m and least > limit:
                return _GIVEN_UP
        return answer

    return corner_cost, pair_cost


@functools.cache
def distances_kernel(shape):
    """Return the kernel that writes every distance of a tile.

    Its arguments are ``queries`` float32 (n_queries, longest * n_values), ``query_lengths`` int64, ``others`` float32
    (longest padded to whole strips, n_values, n_columns), ``other_lengths`` int64, ``slots`` int64 (n_columns,) (where each
    column's answer goes), ``radius``, ``weights`` float32 (n_codes or more,), ``scale`` float32, ``relation`` and
    ``ahead`` (which slots are wanted: the query at q has the slot ``q + ahead``), ``scratch`` float32 (n_blocks, longest * n_threads), ``out`` float32
    (n_queries * n_columns,).
    """
    _log.info("compiling the GPU kernel of distances for %s", shape)
    _, pair_cost = _pair_functions(shape)
    n_values, staged = shape.n_channels + shape.n_codes, shape.staged

    @cuda.jit
    def distances(
        queries,
        query_lengths,
        others,
        other_lengths,
        slots,
        radius,
        weights,
        scale,
        relation,
        ahead,
        scratch,
        out,
    ):
        shared = cuda.shared.array(0, float32)
        threads, lane = cuda.blockDim.x, cuda.threadIdx.x
        n_queries, n_columns = query_lengths.shape[0], other_lengths.shape[0]
        chunks = (n_columns + threads - 1) // threads
        for item in range(cuda.blockIdx.x, n_queries * chunks, cuda.gridDim.x):
            # Blocks that run at the same time take the same columns, so that these stay in the caches.
            q = item % n_queries
            column = item // n_queries * threads + lane
            n = query_lengths[q]
            if staged:
                boundary = shared
                query = shared[n * threads :]
                for t in range(lane, n * n_values, threads):
                    query[t] = queries[q, t]
                cuda.syncthreads()
            else:
                boundary = scratch[cuda.blockIdx.x]
                query = queries[q]
            if column < n_columns:
                slot = slots[column]
                if relation == ALL or slot > q + ahead:
                    m = other_lengths[column]
                    cost = pair_cost(query, n, others, m, column, radius, weights, _INFINITY, boundary)
                    out[q * n_columns + slot] = math.sqrt(cost) * scale
            cuda.syncthreads()

    return distances


@functools.cache
def neighbors_kernel(shape):
    """Return the kernel that writes the near pairs of a tile, in no order.

    Its arguments are those of :func:`distances_kernel`, but with ``limits`` float32 (n_queries,) in place of ``out``:
    the squared distance above which a pair is not reported; and ``rows``, ``columns`` int32 and ``values`` float32
    (n_queries * n_columns,) for the pairs found, and ``counts`` int64 (4,) for the counts of pairs.
    """
    _log.info("compiling the GPU kernel of neighbours for %s", shape)
    corner_cost, pair_cost = _pair_functions(shape)
    n_values, staged = shape.n_channels + shape.n_codes, shape.staged

    @cuda.jit
    def neighbors(
        queries,
        query_lengths,
        others,
        other_lengths,
        slots,
        radius,
        weights,
        scale,
        relation,
        ahead,
        scratch,
        limits,
        rows,
        columns,
        values,
        counts,
    ):
        shared = cuda.shared.array(0, float32)
        threads, lane = cuda.blockDim.x, cuda.threadIdx.x
        n_queries, n_columns = query_lengths.shape[0], other_lengths.shape[0]
        chunks = (n_columns + threads - 1) // threads
        for item in range(cuda.blockIdx.x, n_queries * chunks, cuda.gridDim.x):
            q = item % n_queries
            column = item // n_queries * threads + lane
            n = query_lengths[q]
            if staged:
                boundary = shared
                query = shared[n * threads :]
                for t in range(lane, n * n_values, threads):
                    query[t] = queries[q, t]
                cuda.syncthreads()
            else:
                boundary = scratch[cuda.blockIdx.x]
                query = queries[q]
            fate = EMITTED
            if column < n_columns:
                slot = slots[column]
                if slot > q + ahead or (relation == OTHER and slot < q + ahead):
                    m = other_lengths[column]
                    limit = limits[q]
                    fate = PRUNED
                    if corner_cost(query, n, others, m, column, weights) <= limit:
                        cost = pair_cost(query, n, others, m, column, radius, weights, limit, boundary)
                        fate = COMPUTED if cost >= _ZERO else ABANDONED
                        if fate == COMPUTED and cost <= limit:
                            position = cuda.atomic.add(counts, EMITTED, 1)
                            rows[position] = q
                            columns[position] = slot
                            values[position] = math.sqrt(cost) * scale
            # One addition for each block, since thousands of threads would wait for the same counter. This also keeps
            # the query in place until every thread has finished with it.
            for kind in range(PRUNED, COMPUTED + 1):
                total = cuda.syncthreads_count(np.int32(fate == kind))
                if lane == 0 and total > 0:
                    cuda.atomic.add(counts, kind, total)

    return neighbors
