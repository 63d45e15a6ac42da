"""Counts in fixed point: adding and removing cancel without a trace.

Entropy needs the sum of c log2 c over the counts c. As a sum of integers it does not depend on the order, or the
number, of the updates that led to the counts.
"""

import math
from collections import deque
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.errors import InputError

V = TypeVar("V", bound=Hashable)

# 48 binary places: the error of an entropy stays near that of a float.
SCALE = 1 << 48


def c_log_c(count: int) -> int:
    """Return ``count * log2(count)``, times ``SCALE``."""
    return round(count * math.log2(count) * SCALE) if count else 0


def total_of(counts: NDArray[np.int64]) -> int:
    """Return the sum of :func:`c_log_c` over counts."""
    return sum(map(c_log_c, counts.tolist()))


# What one more of the same adds to the sum, by its new count. Bounded: for higher counts it is computed.
_STEPS = [0, *(c_log_c(count) - c_log_c(count - 1) for count in range(1, 8192))]


def _step(count: int) -> int:
    return _STEPS[count] if count < len(_STEPS) else c_log_c(count) - c_log_c(count - 1)


class Tally(Generic[V]):
    """Counts of values, their number ``n``, and ``total``, the sum of c log2 c over them."""

    __slots__ = ("counts", "n", "total")

    def __init__(self) -> None:
        self.counts: dict[V, int] = {}
        self.n = 0
        self.total = 0

    def add(self, value: V) -> None:
        """Count one more."""
        count = self.counts.get(value, 0) + 1
        self.counts[value] = count
        self.n += 1
        self.total += _step(count)

    def remove(self, value: V) -> None:
        """Count one less of a value that is there."""
        count = self.counts.pop(value)
        if count > 1:
            self.counts[value] = count - 1
        self.n -= 1
        self.total -= _step(count)

    def replace(self, old: V, new: V) -> None:
        """Remove one and add another: what a full window does at every action."""
        if old == new:
            return
        counts = self.counts
        lost, won = counts[old], counts.get(new, 0) + 1
        counts[new] = won
        if lost > 1:
            counts[old] = lost - 1
        else:
            del counts[old]
        try:
            self.total += _STEPS[won] - _STEPS[lost]
        except IndexError:
            self.total += _step(won) - _step(lost)


def checked_size(name: str, size: object) -> int | None:
    """Return a size that is None or positive."""
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise InputError(f"{name} must be a positive integer or None, not {size!r}")
    return int(size)


def holds(counts: Mapping[V, int], value: V) -> bool:
    """Tell whether a value was counted, and refuse one that cannot be."""
    try:
        return value in counts
    except TypeError:
        raise InputError(f"{value!r} cannot be counted: it is not hashable") from None


def require_value(value: Hashable) -> None:
    """Refuse None, NaN, NaT and NA: NaN differs from itself, and no count of it could be found again."""
    if pd.api.types.is_scalar(value) and pd.isna(value):  # type: ignore[call-overload]
        raise InputError(f"{value!r} is a missing value, no intent")


def require_room(value: Hashable, tally: Tally[Hashable], limit: int | None, leaving: Hashable) -> None:
    """Refuse a new value that is missing, or one too many once the oldest of a full window has left."""
    require_value(value)
    if limit is None or len(tally.counts) < limit or tally.counts.get(leaving) == 1:
        return
    raise InputError(f"{value!r} is one more than the {limit} there are to choose from")


def remove_latest(order: deque[V], value: V) -> None:
    """Remove the latest occurrence of a value that is there."""
    order.reverse()
    order.remove(value)
    order.reverse()
