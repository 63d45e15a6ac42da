"""Single linkage in O(n) memory: every distance is looked at once, in any amounts, and forgotten."""

import threading

import numpy as np
from numpy.typing import NDArray

from gymlab.clustering import chain, slink
from gymlab.clustering.condensed import Checkpoint, Tree, no_checkpoint, row_slices

Edges = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]


class PointerTree:
    """The single linkage tree of n items, fed with rows of the condensed matrix from the last to the first.

    Rows may be handed over in any order and by several threads; what is early waits.

    Parameters
    ----------
    n
        Number of items.
    cores
        float32 ``(n,)``: when given, distances are mutual reachability distances, the largest of the distance and
        the core distances of both items (Campello, Moulavi and Sander 2013).
    """

    def __init__(self, n: int, cores: NDArray[np.float32] | None = None) -> None:
        self._n = n
        self._cores = np.empty(0, dtype=np.float32) if cores is None else cores
        self._parents = np.arange(n)
        self._heights = np.full(n, np.inf, dtype=np.float32)
        self._row = np.empty(n, dtype=np.float32)
        # The row of the last item is empty.
        self._next = n - 1
        self._early: dict[int, tuple[int, NDArray[np.float32]]] = {}
        self._lock = threading.Lock()

    def add_rows(self, first: int, stop: int, distances: NDArray[np.float32]) -> None:
        """Take the rows ``first`` to ``stop``, one after the other in a flat array that stays as it is."""
        if first >= self._n - 1:
            return
        with self._lock:
            self._early[min(stop, self._n - 1)] = (first, distances)
            while self._next in self._early:
                begin, rows = self._early.pop(self._next)
                self._enter(rows, 0, begin, self._next)

    def add_matrix(self, distances: NDArray[np.float32], *, checkpoint: Checkpoint = no_checkpoint) -> None:
        """Take a whole condensed matrix."""
        for first, stop in reversed(list(row_slices(self._n))):
            checkpoint()
            self._enter(distances, first * (2 * self._n - first - 1) // 2, first, stop)

    def edges(self) -> Edges:
        """Return n−1 edges, by ascending height, that have this single linkage tree: items, items, heights."""
        # The item that entered last is the first of the cluster of all.
        order = 1 + np.argsort(self._heights[1:], kind="stable")
        return order, self._parents[order], self._heights[order]

    def tree(self) -> Tree:
        """Return the linkage matrix, once every row was there."""
        tree = np.empty((self._n - 1, 4))
        chain.label_joins(*self.edges(), tree)
        return tree

    def _enter(self, rows: NDArray[np.float32], offset: int, first: int, stop: int) -> None:
        slink.enter_rows(
            rows, offset, self._n, first, stop, self._cores, self._parents, self._heights, self._row
        )
        self._next = first
