"""Compiled loops that build trees from a condensed float32 matrix: the nearest-neighbour chain and SLINK.

The chain works in place and in slices, after F. Murtagh, "A survey of recent advances in hierarchical clustering
algorithms", The Computer Journal 26(4), 1983, and D. Müllner, "Modern hierarchical, agglomerative clustering
algorithms", arXiv:1109.2378, 2011, section 3.2. Two clusters that are nearest to each other are joined at once. For
linkages that never bring a join nearer to a third cluster than the nearer of its parts was, the joins, sorted, are
those of the greedy algorithm. Updates are computed in float64 and rounded once, so that this holds for the rounded
distances too.

SLINK takes each row once, in O(n) memory, after R. Sibson, "SLINK: an optimally efficient algorithm for the
single-link cluster method", The Computer Journal 16(1), 1973. Items enter from the last to the first, so that the
item that enters needs only its row of the condensed matrix, whose distances lie side by side.
"""

import numpy as np
from numba import njit

from gymlab.distance.triangle import row_begins

WARD, AVERAGE, COMPLETE, WEIGHTED = range(4)

# Places in ``state``: how many clusters the matrix has room for, are left, and are in the chain; the number of joins;
# and the rows that the two buffers hold.
ROOM, LEFT, CHAIN, JOINS, BUFFER_0, BUFFER_1 = range(6)

# A matrix this small is not worth packing.
_LEAST_ROOM = 64


@njit(nogil=True, cache=True)
def wants_packing(state):
    """Return whether a quarter of the clusters in the matrix were joined to others."""
    return state[ROOM] > _LEAST_ROOM and 4 * state[LEFT] <= 3 * state[ROOM]


@njit(nogil=True, cache=True)
def _load(distances, alive, room, x, out):
    """Write the distances of cluster ``x`` to ``out``; infinity for itself and for joined clusters."""
    position = x - 1
    for k in range(x):
        out[k] = distances[position] if alive[k] else np.inf
        position += room - k - 2
    out[x] = np.inf
    start = row_begins(room, x) - x - 1
    for k in range(x + 1, room):
        out[k] = distances[start + k] if alive[k] else np.inf


@njit(nogil=True, cache=True)
def _store(distances, room, x, row):
    position = x - 1
    for k in range(x):
        distances[position] = row[k]
        position += room - k - 2
    start = row_begins(room, x) - x - 1
    for k in range(x + 1, room):
        distances[start + k] = row[k]


@njit(nogil=True, cache=True)
def _join(method, a, b, between, x_size, y_size, sizes, room):
    """Replace ``a`` by the distances of the join of two clusters with the distances ``a`` and ``b``."""
    if method == WARD:
        for k in range(room):
            s = sizes[k]
            a[k] = (
                (x_size + s) * np.float64(a[k]) + (y_size + s) * np.float64(b[k]) - s * np.float64(between)
            ) / (x_size + y_size + s)
    elif method == AVERAGE:
        for k in range(room):
            a[k] = (x_size * np.float64(a[k]) + y_size * np.float64(b[k])) / (x_size + y_size)
    elif method == COMPLETE:
        for k in range(room):
            a[k] = a[k] if a[k] > b[k] else b[k]
    else:
        for k in range(room):
            a[k] = 0.5 * (np.float64(a[k]) + np.float64(b[k]))


@njit(nogil=True, cache=True)
def advance(distances, method, sizes, leaves, alive, chain, buffers, state, firsts, seconds, heights, work):
    """Join clusters until about ``work`` distances were read, packing is worth it, or one cluster is left.

    Parameters
    ----------
    distances
        float32: the condensed matrix of the ``state[ROOM]`` clusters; squared for Ward's method.
    sizes, leaves, alive
        Of each cluster: number of items (float64), one of its items, and False if it was joined to another.
    chain, buffers
        int64 ``(n,)`` and float32 ``(2, n)``, kept between calls.
    firsts, seconds, heights
        ``(n − 1,)``: for each join, an item of each of its two clusters, and the distance of these clusters.
    """
    room = state[ROOM]
    while state[LEFT] > 1 and work > 0 and not wants_packing(state):
        if state[CHAIN] == 0:
            x = 0
            while not alive[x]:
                x += 1
            chain[0] = x
            state[CHAIN] = 1
        length = state[CHAIN]
        x = chain[length - 1]
        # The row in the other buffer is that of the predecessor, unless the predecessor was joined.
        mine = 1 if state[BUFFER_0] >= 0 and length > 1 and state[BUFFER_0] == chain[length - 2] else 0
        row = buffers[mine]
        _load(distances, alive, room, x, row)
        state[BUFFER_0 + mine] = x
        work -= room
        # Ties go to the predecessor, else the chain would not end.
        y, least = -1, np.float32(np.inf)
        if length > 1:
            y = chain[length - 2]
            least = row[y]
        nearest = np.argmin(row[:room])
        if y < 0 or row[nearest] < least:
            chain[length] = nearest
            state[CHAIN] = length + 1
            continue
        other = buffers[1 - mine]
        if state[BUFFER_0 + 1 - mine] != y:
            _load(distances, alive, room, y, other)
            work -= room
        _join(method, row, other, least, sizes[x], sizes[y], sizes, room)
        firsts[state[JOINS]], seconds[state[JOINS]], heights[state[JOINS]] = leaves[x], leaves[y], least
        # The cluster with more distances side by side in memory keeps its place.
        keep, gone = min(x, y), max(x, y)
        sizes[keep] += sizes[gone]
        alive[gone] = False
        _store(distances, room, keep, row)
        work -= room
        state[JOINS] += 1
        state[LEFT] -= 1
        state[CHAIN] = length - 2
        state[BUFFER_0] = state[BUFFER_1] = -1


@njit(nogil=True, cache=True)
def pack_rows(source, target, kept, room, first, stop, position):
    """Write the rows ``kept[first:stop]`` of the matrix of ``kept`` to ``target``; return the next position.

    ``source`` is the condensed matrix of ``room`` items, ``kept`` ascends; ``target`` may be ``source``.
    """
    for a in range(first, stop):
        start = row_begins(room, kept[a]) - kept[a] - 1
        for b in range(a + 1, len(kept)):
            target[position] = source[start + kept[b]]
            position += 1
    return position


@njit(nogil=True, cache=True)
def root_of(parents, item):
    """Return the root of an item in a forest, and make it the parent of all nodes on the way."""
    root = item
    while parents[root] != root:
        root = parents[root]
    while parents[item] != root:
        parents[item], item = root, parents[item]
    return root


@njit(nogil=True, cache=True)
def label_joins(firsts, seconds, heights, tree):
    """Write joins, sorted by height, as a linkage matrix: the clusters by number, the smaller first, and sizes."""
    n = len(firsts) + 1
    parents = np.arange(2 * n - 1)
    sizes = np.ones(2 * n - 1)
    for row in range(n - 1):
        a, b = root_of(parents, firsts[row]), root_of(parents, seconds[row])
        joined = n + row
        parents[a] = parents[b] = joined
        sizes[joined] = sizes[a] + sizes[b]
        tree[row, 0], tree[row, 1] = min(a, b), max(a, b)
        tree[row, 2], tree[row, 3] = heights[row], sizes[joined]


@njit(nogil=True, cache=True)
def enter_rows(distances, offset, n, first, stop, cores, parents, heights, row):
    """Add the items of rows ``stop − 1`` down to ``first`` to the tree.

    Parameters
    ----------
    distances
        float32: the rows from ``first`` on, one after the other, from ``offset`` on.
    cores
        float32 ``(n,)``: a distance below the core distance of either item is replaced by that. Empty if there are no
        core distances.
    parents, heights
        int64 and float32 ``(n,)``: the pointer representation. Item i is the first of its cluster up to
        ``heights[i]``. There, its cluster joins the cluster of ``parents[i]``, an earlier item.
    row
        float32 ``(n,)``, scratch.
    """
    begin = row_begins(n, first)
    for i in range(stop - 1, first - 1, -1):
        parents[i], heights[i] = i, np.inf
        start = offset + row_begins(n, i) - begin - i - 1
        for j in range(i + 1, n):
            row[j] = distances[start + j]
        if len(cores):
            own = cores[i]
            for j in range(i + 1, n):
                core = own if own > cores[j] else cores[j]
                row[j] = core if core > row[j] else row[j]
        for j in range(n - 1, i, -1):
            parent, d = parents[j], row[j]
            passed_on = d
            if heights[j] >= d:
                passed_on = heights[j]
                heights[j] = d
                parents[j] = i
            row[parent] = min(row[parent], passed_on)
        for j in range(n - 1, i, -1):
            if heights[j] >= heights[parents[j]]:
                parents[j] = i


# Compiled in: dd73c226f1518d06
