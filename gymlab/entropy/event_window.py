"""What happened in the last T seconds, by the time of the events and not of their arrival."""

import heapq
import math
from datetime import datetime
from typing import Generic, TypeGuard, TypeVar

import numpy as np

from gymlab.arguments import finite_number, shown
from gymlab.errors import InputError

V = TypeVar("V")

Timestamp = float | datetime


class EventWindow(Generic[V]):
    """Items of the interval ``(clock − seconds, clock]``, the clock being the latest time that was heard of.

    The clock never goes back. Items are kept in a heap, so one that arrives late costs no more than a logarithm.
    """

    __slots__ = ("_items", "_n_pushed", "_seconds", "clock")

    def __init__(self, seconds: float) -> None:
        self._seconds = finite_number("seconds", seconds, above=0)
        # A serial number stands before the item, so that two items are never compared.
        self._items: list[tuple[float, int, V]] = []
        self._n_pushed = 0
        self.clock = -math.inf

    def is_too_late(self, time: float) -> bool:
        """Tell whether the place of an event of that time has left the window."""
        return time <= self.clock - self._seconds

    def push(self, time: float, item: V) -> None:
        """Keep an item that is not too late."""
        heapq.heappush(self._items, (time, self._n_pushed, item))
        self._n_pushed += 1

    def advance(self, time: float) -> list[tuple[float, V]]:
        """Move the clock on and return what leaves with its time, the oldest first."""
        self.clock = max(time, self.clock)
        horizon, items = self.clock - self._seconds, self._items
        left = []
        while items and items[0][0] <= horizon:
            at, _, item = heapq.heappop(items)
            left.append((at, item))
        return left


def seconds_of(timestamp: object) -> float:
    """Return a timestamp in seconds: a finite number as it is, a datetime with a time zone since 1970."""
    if _is_number(timestamp):
        seconds = finite_number("timestamp", timestamp, noun="a finite number of seconds")
    elif isinstance(timestamp, datetime) and timestamp.tzinfo is not None:
        seconds = timestamp.timestamp()
    else:
        raise InputError(
            f"a timestamp is a number of seconds or a datetime with a time zone, not {shown(timestamp)}"
        )
    if not math.isfinite(seconds):
        raise InputError(f"a timestamp must be finite, not {shown(timestamp)}")
    return seconds


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(
        value, bool | np.timedelta64
    )
