"""Positions of pairs in a condensed matrix, which holds the rows of the upper triangle one after the other."""

from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

# One row or many.
Number = TypeVar("Number", int, NDArray[np.int64])


def row_start(n: int, row: Number) -> Number:
    """Return the position of the first distance of ``row``, that between ``row`` and ``row + 1``."""
    return row * (2 * n - row - 1) // 2


# The same for kernels.
row_begins: Any = njit(row_start, nogil=True)


def pairs_at(positions: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pair (i, j), i < j, at each position of a condensed matrix of n items."""
    starts = row_start(n, np.arange(n))
    first = np.searchsorted(starts, positions, side="right") - 1
    return first, positions - starts[first] + first + 1
