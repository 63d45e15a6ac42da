"""A cache that cannot outgrow its bounds: least recently used out first, by number, bytes and age."""

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

# What has one of these can be used only once, or from where somebody else left off.
_USED_UP = ("__await__", "__next__", "__anext__", "readline")
_TEMPORARY_FILE = tempfile._TemporaryFileWrapper  # noqa: SLF001 - it has them through __getattr__ alone


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
        Most entries.
    max_bytes
        Most bytes of values, as :func:`gymlab.runtime.memory.size_of` counts them when they are set; None for no
        bound. A value larger than this is not kept.
    ttl
        Seconds after which an entry counts as gone; None for never.
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
        # Keys in the order in which they were set, which is that in which they expire.
        self._by_age: OrderedDict[Hashable, None] = OrderedDict()
        self._computing: dict[Hashable, _Computation] = {}
        # Reentrant: a value that is dropped may run code of its own, which may use this cache.
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
            Anything hashable.
        default
            What to return for a key that is not there, or has expired.

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
        """Keep a value under a key, and remove the least recently used ones until the bounds hold.

        Parameters
        ----------
        key
            Anything hashable.
        value
            Anything that can be used more than once; its size is taken now, and what is added to it later is not
            noticed. If it is larger than the whole budget it is not kept, and neither is what was there under this
            key.

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
            # What is being computed for this key is older than this value, and is not to replace it.
            self._computing.pop(key, None)
            self._keep(key, value, size)

    def get_or_compute(self, key: Hashable, compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - as above
        """Return the value of a key, computing it if there is none.

        Callers that ask for the same key meanwhile wait for the one that computes; no lock is held while it does.

        Parameters
        ----------
        key
            Anything hashable.
        compute
            Called without arguments. Its value is kept, None too, unless the cache was cleared or the key set
            meanwhile. An error is raised to all who wait, and nothing is kept. For a coroutine, await it first and
            :meth:`set` what it returns.

        Raises
        ------
        InputError
            If the key is not hashable, `compute` cannot be called, or its value is none that :meth:`set` takes, as
            that of a coroutine function. If computing a key asks for the same key, and would wait for itself. Two threads that compute keys
            which need each other are not noticed, and wait for ever.

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
        """Return what the cache holds and how it did."""
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
        """Return whether a value is there, without counting a look-up or use."""
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
            # Else Python would warn that nobody awaited it.
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
        """End a computation, and tell whether its value is still wanted."""
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
    """Yield what of a value can be used only once, in collections too: awaitables, iterators, open files."""
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
        # Asked of the type, since an object may do anything when it is asked.
        elif any(hasattr(type(item), name) for name in _USED_UP) or isinstance(item, _TEMPORARY_FILE):
            yield item
