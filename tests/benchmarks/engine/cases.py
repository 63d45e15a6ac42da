"""What is computed: made series, the same for every program, and how many cells their distances need."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Collection = NDArray[np.float32] | list[NDArray[np.float32]]

SHORTEST, LONGEST = 60, 140


@dataclass(frozen=True)
class Case:
    """All pairs of made series.

    Attributes
    ----------
    channels, length
        Of each series; with ``ragged`` the length is the middle one.
    radius
        Sakoe-Chiba radius in cells, None for no band.
    hop
        The series are windows of one long series, this far apart; None for unrelated series.
    ragged
        The lengths are 60 to 140, evenly.
    """

    channels: int
    length: int
    radius: int | None = None
    hop: int | None = None
    ragged: bool = False

    def series(self, n: int) -> Collection:
        """Return the first n series, float32 ``(n, length, channels)``; a list of them if their lengths differ.

        They swing about zero as levels of a behaviour do, each time point keeping 0.9 of the one before: pure noise
        would be harder for programs that branch, and nobody compares such series.
        """
        if self.ragged:
            long = self._swings(n, LONGEST)
            return [one[:length] for one, length in zip(long, self.lengths(n), strict=True)]
        if self.hop is None:
            return self._swings(n, self.length)
        (swing,) = self._swings(1, self.length + (n - 1) * self.hop)
        windows = sliding_window_view(swing, self.length, axis=0)[:: self.hop]
        return np.ascontiguousarray(windows.transpose(0, 2, 1))

    def lengths(self, n: int) -> NDArray[np.int64]:
        """Return the lengths of the first n series."""
        if not self.ragged:
            return np.full(n, self.length, dtype=np.int64)
        return np.random.default_rng(1).integers(SHORTEST, LONGEST + 1, size=n)

    def cells(self, n: int) -> int:
        """Return how many cells of accumulated cost matrices the distances of the first n series need."""
        lengths = self.lengths(n)
        if self.radius is not None and self.radius < self.length - 1:
            outside = (self.length - 1 - self.radius) * (self.length - self.radius)
            return n * (n - 1) // 2 * (self.length**2 - outside)
        return int((lengths.sum() ** 2 - (lengths**2).sum()) // 2)

    def _swings(self, n: int, length: int) -> NDArray[np.float32]:
        """Return n series; more of them begin with the same ones."""
        values = np.random.default_rng(0).normal(size=(n, length, self.channels))
        for t in range(1, length):
            values[:, t] += 0.9 * values[:, t - 1]
        return values.astype(np.float32)
