"""A cache with bounds on entries, bytes and age, which evicts the least recently used entries."""

import inspect
import math
import tempfile
import threading
import time
from collections import OrderedDict, UserDict, deque
from collections.abc import Callable, Hashable, ItemsView, Iterator, KeysView, ValuesView
from concurrent.futures import Future
from dataclasses import dataclass, fields, is_dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from gymlab.arguments import finite_number, instance, shown, whole_number
from gymlab.errors import InputError
from gymlab.runtime.memory import size_of

_ABSENT = object()

# An object with one of these can be used only once.
_USED_UP = ("__await__", "__next__", "__anext__", "readline")
_TEMPORARY_FILE = tempfile._TemporaryFileWrapper  # noqa: SLF001 - it has readline only through __getattr__


@dataclass(frozen=True)
class CacheStats:
    """Contents and counts of a cache.

    Attributes
    ----------
    entries, bytes
        Number and size of the present values.
    hits, misses
        Look-ups with and without a value.
    evictions
        Entries removed to keep the bounds; expired entries do not count.
    hit_rate
        Share of hits among the look-ups; NaN before the first look-up.
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


@dataclass(frozen=True, slots=True)
class _Computation:
    thread: int
    outcome: Future[Any]


class BoundedCache:
    """A thread-safe least-recently-used cache, bounded by entries, bytes and age.

    Once :meth:`set` has returned, the cache holds at most ``max_size`` entries and ``max_bytes`` bytes.

    Parameters
    ----------
    max_size
        Maximum number of entries.
    max_bytes
        Maximum bytes of values, counted by :func:`gymlab.runtime.memory.size_of` when they are set; None for no bound.
        A larger value is not kept.
    ttl
        Seconds after which an entry expires; None for never.
    name
        For messages and metrics.
    clock
        Returns seconds; another one in tests.

    Raises
    ------
    InputError
        If a bound is not above 0, or an argument is of another kind.

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
        instance("name", name, str, "a text")
        instance("clock", clock, Callable, "a function that returns seconds")  # type: ignore[arg-type] # an ABC
        of_cache = f"of cache {name!r}"
        self.name = name
        self._clock = clock
        self._max_size = whole_number(f"max_size {of_cache}", max_size, least=1)
        self._max_bytes = self._ttl = None
        if max_bytes is not None:
            self._max_bytes = whole_number(f"max_bytes {of_cache}", max_bytes, least=1, instead=", or None")
        if ttl is not None:
            self._ttl = finite_number(
                f"ttl {of_cache}", ttl, above=0, noun="a number of seconds", instead=", or None"
            )
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        # Keys in the order in which they were set and will expire.
        self._by_age: OrderedDict[Hashable, None] = OrderedDict()
        self._computing: dict[Hashable, _Computation] = {}
        # Reentrant, since the deletion of a value may run code that uses this cache.
        self._lock = threading.RLock()
        self._bytes = self._hits = self._misses = self._evictions = 0

    @property
    def max_size(self) -> int:
        """Most entries."""
        return self._max_size

    @property
    def max_bytes(self) -> int | None:
        """Most bytes of values; None for no bound."""
        return self._max_bytes

    def get(self, key: Hashable, default: Any = None) -> Any:  # noqa: ANN401 - values of any type
        """Return the value of a key, which becomes the most recently used; ``default`` if there is none.

        Parameters
        ----------
        key
            A hashable object.
        default
            The result for a missing or expired key.

        Raises
        ------
        InputError
            If the key is not hashable.

        Examples
        --------
        >>> BoundedCache().get("a", "none")
        'none'
        """
        self._refuse_unhashable(key)
        with self._lock:
            value = self._look_up(key)
        return default if value is _ABSENT else value

    def set(self, key: Hashable, value: Any) -> None:  # noqa: ANN401 - values of any type
        """Store a value under a key, and evict the least recently used values until the bounds hold.

        Parameters
        ----------
        key
            A hashable object.
        value
            An object that can be used more than once. Its size is measured now; later additions to it do not count. If
            the value is larger than the whole budget, it is not kept, and the earlier value of the key is removed.

        Raises
        ------
        InputError
            If the key is not hashable, or the value or something in it (in lists, tuples, sets, dicts) can be used
            only once: an awaitable, an iterator, an open file.

        Examples
        --------
        >>> cache = BoundedCache(max_bytes=1000)
        >>> cache.set("a", bytes(2000))
        >>> "a" in cache
        False
        """
        self._refuse_unhashable(key)
        self._refuse_used_up(value)
        size = size_of(value)
        with self._lock:
            # This value is newer than the one that is being computed for the key.
            self._computing.pop(key, None)
            self._keep(key, value, size)

    def get_or_compute(self, key: Hashable, compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - as above
        """Return the value of a key, computing it if there is none.

        Several callers of one key wait for one computation. No lock is held during the computation.

        Parameters
        ----------
        key
            A hashable object.
        compute
            Called without arguments. Its value, also None, is kept, unless the cache is cleared or the key is set during
            the computation. An error is raised to all waiting callers, and nothing is kept. Await a coroutine first, and
            :meth:`set` its result.

        Raises
        ------
        InputError
            If the key is not hashable, `compute` cannot be called, or :meth:`set` refuses its value. If the computation
            asks for the same key, and would wait for itself. Two threads whose computations need each other's keys wait
            for ever.

        Examples
        --------
        >>> cache = BoundedCache()
        >>> cache.get_or_compute("a", lambda: 1), cache.get_or_compute("a", lambda: 2)
        (1, 1)
        """
        self._refuse_unhashable(key)
        instance("compute", compute, Callable, "a function without arguments")  # type: ignore[arg-type] # an ABC
        with self._lock:
            value = self._look_up(key)
            if value is not _ABSENT:
                return value
            theirs = self._computing.get(key)
            if theirs is None:
                mine = self._computing[key] = _Computation(threading.get_ident(), Future())
        if theirs is None:
            return self._compute(key, compute, mine)
        if theirs.thread == threading.get_ident():
            raise InputError(f"computing {key!r} for cache {self.name!r} asks the cache for {key!r}")
        return theirs.outcome.result()

    def clear(self) -> None:
        """Remove every entry; the counts of look-ups stay."""
        with self._lock:
            self._computing.clear()
            self._entries.clear()
            self._by_age.clear()
            self._bytes = 0

    def stats(self) -> CacheStats:
        """Return the contents and counts."""
        with self._lock:
            self._remove_expired()
            asked = self._hits + self._misses
            rate = self._hits / asked if asked else math.nan
            return CacheStats(
                len(self._entries), self._bytes, self._hits, self._misses, self._evictions, rate
            )

    def __len__(self) -> int:
        with self._lock:
            self._remove_expired()
            return len(self._entries)

    def __contains__(self, key: Hashable) -> bool:
        """Return whether a key has a value, without a count of a look-up or a use."""
        self._refuse_unhashable(key)
        with self._lock:
            self._remove_expired()
            return key in self._entries

    def _refuse_unhashable(self, key: object) -> None:
        try:
            hash(key)
        except (TypeError, ValueError) as error:
            raise InputError(f"{shown(key)} can be no key of cache {self.name!r}: {error}") from None

    def _refuse_used_up(self, value: object) -> None:
        """Refuse a value that could be used only once."""
        found = list(_used_up(value))
        for one in found:
            # Without this, Python warns that the coroutine was never awaited.
            if inspect.iscoroutine(one) and inspect.getcoroutinestate(one) == inspect.CORO_CREATED:
                one.close()
        if found:
            raise InputError(
                f"cache {self.name!r} can keep no {type(found[0]).__name__}, which can be used only once; "
                "await it or read it to its end, and keep what it gave"
            )

    def _compute(self, key: Hashable, compute: Callable[[], Any], mine: _Computation) -> Any:  # noqa: ANN401
        try:
            value = compute()
            self._refuse_used_up(value)
            size = size_of(value)
        except BaseException as error:
            with self._lock:
                self._is_awaited(key, mine)
            mine.outcome.set_exception(error)
            raise
        with self._lock:
            if self._is_awaited(key, mine):
                self._keep(key, value, size)
        mine.outcome.set_result(value)
        return value

    def _is_awaited(self, key: Hashable, mine: _Computation) -> bool:
        """End a computation, and return whether its value is still needed."""
        wanted = self._computing.get(key) is mine
        if wanted:
            del self._computing[key]
        return wanted

    def _look_up(self, key: Hashable) -> Any:  # noqa: ANN401 - values of any type
        self._remove_expired()
        entry = self._entries.get(key)
        if entry is None:
            self._misses += 1
            return _ABSENT
        self._hits += 1
        self._entries.move_to_end(key)
        return entry.value

    def _keep(self, key: Hashable, value: Any, size: int) -> None:  # noqa: ANN401 - values of any type
        self._remove_expired()
        self._remove(key)
        if self._max_bytes is not None and size > self._max_bytes:
            return
        while self._entries and not self._has_room(size):
            self._remove(next(iter(self._entries)))
            self._evictions += 1
        expires = math.inf if self._ttl is None else self._clock() + self._ttl
        self._entries[key] = _Entry(value, size, expires)
        self._by_age[key] = None
        self._bytes += size

    def _has_room(self, size: int) -> bool:
        return len(self._entries) < self._max_size and (
            self._max_bytes is None or self._bytes + size <= self._max_bytes
        )

    def _remove_expired(self) -> None:
        if self._ttl is None:
            return
        now = self._clock()
        while self._by_age and self._entries[oldest := next(iter(self._by_age))].expires <= now:
            self._remove(oldest)

    def _remove(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            del self._by_age[key]
            self._bytes -= entry.size


def _used_up(value: object) -> Iterator[object]:
    """Yield the parts of a value that can be used only once: awaitables, iterators, open files."""
    seen: set[int] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            pending.extend((*dict.keys(item), *dict.values(item)))
        elif isinstance(item, (list, tuple, set, frozenset, deque, KeysView, ValuesView, ItemsView)):
            pending.extend(item)
        elif isinstance(item, (UserDict, MappingProxyType)):
            pending.extend((*item.keys(), *item.values()))
        elif isinstance(item, np.ndarray) and item.dtype == object:
            pending.extend(item.flat)
        elif is_dataclass(item) and not isinstance(item, type):
            pending.extend(getattr(item, one.name, None) for one in fields(item))
        # The type is asked, since an object may run any code.
        elif any(hasattr(type(item), name) for name in _USED_UP) or isinstance(item, _TEMPORARY_FILE):
            yield item
