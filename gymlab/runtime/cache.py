"""A cache that cannot outgrow its bounds: least recently used out first, by number, bytes and age."""

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from gymlab.errors import InputError

_ABSENT = object()


@dataclass(frozen=True)
class CacheStats:
    """What a cache holds and how it did.

    Attributes
    ----------
    entries, bytes
        What it holds now.
    hits, misses
        Look-ups that found a value, and that did not.
    evictions
        Entries removed to keep within the bounds; those that expired are not counted.
    hit_rate
        Hits among the look-ups; NaN before the first.
    """

    entries: int
    bytes: int
    hits: int
    misses: int
    evictions: int
    hit_rate: float


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Any
    size: int
    expires: float


class BoundedCache:
    """A thread-safe least-recently-used cache, bounded by entries, bytes and age.

    Once :meth:`set` has returned, the cache holds at most ``max_size`` entries and ``max_bytes`` bytes.

    Parameters
    ----------
    max_size
        Most entries.
    max_bytes
        Most bytes of values, as :func:`size_of` counts them; None for no bound. A value larger than this is not
        kept.
    ttl
        Seconds after which an entry counts as gone; None for never.
    name
        For messages and metrics.
    clock
        Returns seconds; another one in tests.

    Raises
    ------
    InputError
        If a bound is not above 0.

    Examples
    --------
    >>> cache = BoundedCache(max_size=2)
    >>> for key in "abc":
    ...     cache.set(key, key.upper())
    >>> cache.get("a"), cache.get("c"), cache.stats().evictions
    (None, 'C', 1)
    """

    def __init__(
        self,
        max_size: int = 1000,
        max_bytes: int | None = None,
        ttl: float | None = None,
        name: str = "cache",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for bound, value in (("max_size", max_size), ("max_bytes", max_bytes), ("ttl", ttl)):
            if value is not None and value <= 0:
                raise InputError(f"{bound} of cache {name!r} is {value}; give more than 0")
        self.name = name
        self._max_size, self._max_bytes, self._ttl, self._clock = max_size, max_bytes, ttl, clock
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._computing: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()
        self._bytes = self._hits = self._misses = self._evictions = 0

    def get(self, key: Hashable, default: Any = None) -> Any:  # noqa: ANN401 - values of any type
        """Return the value of a key, which becomes the most recently used; ``default`` if there is none."""
        with self._lock:
            value = self._look_up(key)
        return default if value is _ABSENT else value

    def set(self, key: Hashable, value: Any) -> None:  # noqa: ANN401 - values of any type
        """Keep a value under a key, and remove the least recently used ones until the bounds hold."""
        size = size_of(value)
        with self._lock:
            self._remove(key)
            if self._max_bytes is not None and size > self._max_bytes:
                return
            while self._entries and not self._has_room(size):
                self._remove(next(iter(self._entries)))
                self._evictions += 1
            expires = np.inf if self._ttl is None else self._clock() + self._ttl
            self._entries[key] = _Entry(value, size, expires)
            self._bytes += size

    def get_or_compute(self, key: Hashable, compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - as above
        """Return the value of a key, computing it if there is none.

        Callers that ask for the same key meanwhile wait for the one that computes, and no lock is held while it
        does. An error is raised to all of them and nothing is kept.
        """
        with self._lock:
            value = self._look_up(key)
            if value is not _ABSENT:
                return value
            running = self._computing.get(key)
            if running is None:
                mine = self._computing[key] = Future()
        if running is not None:
            return running.result()
        try:
            value = compute()
            self.set(key, value)
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(value)
            return value
        finally:
            with self._lock:
                del self._computing[key]

    def clear(self) -> None:
        """Remove every entry; the counts of look-ups stay."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def stats(self) -> CacheStats:
        """Return what the cache holds and how it did."""
        with self._lock:
            asked = self._hits + self._misses
            rate = self._hits / asked if asked else float("nan")
            return CacheStats(
                len(self._entries), self._bytes, self._hits, self._misses, self._evictions, rate
            )

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def __contains__(self, key: Hashable) -> bool:
        """Return whether a value is there, without counting a look-up or use."""
        with self._lock:
            entry = self._entries.get(key)
            return entry is not None and entry.expires > self._clock()

    def _look_up(self, key: Hashable) -> object:
        entry = self._entries.get(key)
        if entry is not None and entry.expires <= self._clock():
            self._remove(key)
            entry = None
        if entry is None:
            self._misses += 1
            return _ABSENT
        self._hits += 1
        self._entries.move_to_end(key)
        return cast("object", entry.value)

    def _has_room(self, size: int) -> bool:
        return len(self._entries) < self._max_size and (
            self._max_bytes is None or self._bytes + size <= self._max_bytes
        )

    def _remove(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size


def size_of(value: object) -> int:
    """Return about how many bytes a value takes: an array's data, a container's items, else Python's own figure.

    A view counts what it shows, not the array behind it. Items that stand in a container several times count
    each time.

    Examples
    --------
    >>> size_of(np.zeros(10)) - size_of(np.zeros(0))
    80
    """
    own = sys.getsizeof(value)
    if isinstance(value, np.ndarray):
        # getsizeof of an array that owns its data has counted them already.
        return own if value.flags.owndata else own + value.nbytes
    if hasattr(value, "memory_usage"):
        return int(np.sum(value.memory_usage(deep=True)))
    if isinstance(value, Mapping):
        return own + sum(size_of(key) + size_of(item) for key, item in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return own + sum(size_of(item) for item in value)
    return own
