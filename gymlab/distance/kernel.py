"""The compiled kernels, bound to one collection of series: what a block of work is, and how large."""

import logging
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from gymlab.distance import lanes
from gymlab.distance.lanes import LANES
from gymlab.distance.series import Float32Array, IntArray, SeriesBatch, checked_radius
from gymlab.errors import InputError

_log = logging.getLogger(__name__)

# Big enough that a thread's work outweighs its handling, small enough that progress moves and a cancel is felt.
CELLS_A_BLOCK = 200_000_000


class Kernel:
    """The kernels of :mod:`gymlab.distance.lanes`, bound to one collection of series and its parameters."""

    def __init__(self, batch: SeriesBatch, radius: int | None, weights: Sequence[float], unit: float) -> None:
        try:
            scaled = np.asarray(weights, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(f"mismatch_weights is {weights!r}; give numbers") from None
        if (
            scaled.ndim != 1
            or len(scaled) > batch.n_channels
            or not np.all(np.isfinite(scaled) & (scaled >= 0))
        ):
            raise InputError(
                f"mismatch_weights is {weights!r}; give a finite weight of 0 or more for each of at most "
                f"{batch.n_channels} channels"
            )
        self.batch = batch
        self.radius = checked_radius(radius)
        ragged = self.radius >= 0 and bool(np.ptp(batch.lengths))
        self._tail = (
            self.radius,
            (0,) * (batch.n_channels - len(scaled)),
            (0,) * len(scaled),
            (0,) * ragged,
            scaled.astype(np.float32),
            np.float32(unit),
        )

    def condensed(
        self, order: IntArray, start: int, stop: int, position: int, members: IntArray, out: Float32Array
    ) -> None:
        """Write the distances of ``order[start:stop]`` to the later ones among ``members`` into a condensed matrix."""
        block, lengths = lanes.packed_block(self.batch.values, self.batch.lengths, members)
        _call(
            lanes.condensed_block,
            self.batch.values,
            self.batch.lengths,
            order,
            start,
            stop,
            position,
            block,
            lengths,
            *self._tail,
            out,
        )

    def cross(
        self, queries: SeriesBatch, start: int, stop: int, members: IntArray, out: Float32Array
    ) -> None:
        """Write the distances of ``queries[start:stop]`` to ``members`` into a rectangular matrix."""
        block, lengths = lanes.packed_block(self.batch.values, self.batch.lengths, members)
        part = np.empty((stop - start, LANES), dtype=np.float32)
        _call(
            lanes.cross_block,
            queries.values[start:stop],
            queries.lengths[start:stop],
            block,
            lengths,
            *self._tail,
            part,
        )
        out[start:stop, members] = part[:, : len(members)]

    def pairs(self, firsts: IntArray, seconds: IntArray, out: Float32Array) -> None:
        """Write the distances of pairs."""
        _call(lanes.pairs_run, self.batch.values, self.batch.lengths, firsts, seconds, *self._tail, out)

    def cells_of_pair(self, n: int, m: int) -> int:
        """Return how many cells of the accumulated cost matrix a pair needs, about."""
        return n * m if self.radius < 0 else min(n * m, max(n, m) * (2 * self.radius + 1 + abs(n - m)))

    def cells(self, query_lengths: IntArray, members: IntArray) -> int:
        """Return how many cells a block of queries against members needs, about."""
        queries, longest = len(query_lengths), int(self.batch.lengths[members].max())
        return queries * LANES * self.cells_of_pair(int(query_lengths.max()), longest)

    def query_ranges(self, query_lengths: IntArray, longest: int) -> list[tuple[int, int]]:
        """Cut the queries that meet one block of lanes into ranges of about the same work."""
        cells = LANES * self.cells_of_pair(int(query_lengths.max()), longest)
        step = max(1, CELLS_A_BLOCK // cells)
        return [
            (start, min(start + step, len(query_lengths))) for start in range(0, len(query_lengths), step)
        ]


def _call(kernel: Any, *arguments: object) -> None:  # noqa: ANN401 - numba gives its functions no type
    """Call a compiled kernel, and say so if it had to be compiled first."""
    misses, start = sum(kernel.stats.cache_misses.values()), time.perf_counter()
    kernel(*arguments)
    if sum(kernel.stats.cache_misses.values()) > misses:
        seconds = time.perf_counter() - start
        _log.info(
            "compiled %s in %.1f s; later processes take it from the disk cache", kernel.__name__, seconds
        )
