"""A cache with bounds on entries, bytes and age, which evicts the least recently used entries."""

import inspect
import itertools
import math
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

from gymlab.arguments import finite_number, instance, shown, whole_number
from gymlab.errors import InputError
from gymlab.runtime.cached_values import is_plain, single_use_parts, size_of
from gymlab.runtime.single_flight import ABSENT, SingleFlight


@dataclass(frozen=True)
class CacheStats:
    """The contents and the counts of a cache.

    Attributes
    ----------
    entries, bytes
        The number of the present values, and their size in bytes.
    hits, misses
        The number of look-ups that found a value, and of those that did not.
    evictions
        The number of entries that were removed to keep the bounds, without expired entries.
    hit_rate
        Share of hits among the look-ups; NaN before the first look-up.
    """

    entries: int
    bytes: int
    hits: int
    misses: int
    evictions: int
    hit_rate: float


@dataclass(slots=True)
class _Entry:
    value: Any
    size: int
    expires: float
    used: int
    pins: int = 0


# Numbers every use of an entry, in any cache, so that uses can be compared.
_USES = itertools.count()


class BoundedCache:
    """A thread-safe least-recently-used cache, bounded by entries, bytes and age.

    Once :meth:`set` has returned, the cache holds at most ``max_size`` entries and ``max_bytes`` bytes.

    Parameters
    ----------
    max_size
        Maximum number of entries.
    max_bytes
        The maximum number of bytes of values, as :func:`gymlab.runtime.cached_values.size_of` counts them when they are
        set; None for no bound. A value larger than this is not kept.
    ttl
        Seconds after which an entry expires; None for never.
    name
        The name of the cache in messages and metrics.
    clock
        Returns seconds; tests use another clock.

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
        # Keys in the order in which they were set and will expire; empty without a time to live.
        self._by_age: OrderedDict[Hashable, None] = OrderedDict()
        # The lock is reentrant: the finalizer of a removed value may use this cache.
        self._lock = threading.RLock()
        self._flight = SingleFlight(name, self._lock, self._look_up, self._prepared)
        self._bytes = self._hits = self._misses = self._evictions = 0
        # A function that a manager sets: it makes room for a number of bytes, and returns whether this was possible.
        self._make_room: Callable[[int], bool] | None = None

    @property
    def max_size(self) -> int:
        """The maximum number of entries."""
        return self._max_size

    @property
    def max_bytes(self) -> int | None:
        """The maximum number of bytes of values; None for no bound."""
        return self._max_bytes

    @property
    def bytes(self) -> int:
        """The bytes of all values, including those that expired since the last use of the cache."""
        return self._bytes

    def get(self, key: Hashable, default: Any = None) -> Any:  # noqa: ANN401 - values of any type
        """Return the value of a key, and make it the most recently used; return the default if there is no value.

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
        return default if value is ABSENT else value

    def set(self, key: Hashable, value: Any) -> None:  # noqa: ANN401 - values of any type
        """Keep a value under a key, and remove the least recently used entries until the bounds hold.

        The size of the value is measured now. A value larger than the whole budget is not kept, and the earlier value
        of this key is removed.

        Raises
        ------
        InputError
            If the key is not hashable, or the value or a part of it (in lists, tuples, sets, dicts) can be used only
            once: an awaitable, an iterator, an open file.

        Examples
        --------
        >>> cache = BoundedCache(max_bytes=1000)
        >>> cache.set("a", bytes(2000))
        >>> "a" in cache
        False
        """
        self._refuse_unhashable(key)
        size = self._measured(value)
        with self._lock:
            # A value that is being computed for this key is older than the new value, and must not replace it.
            self._flight.forget(key)
            self._keep(key, value, size)

    def get_or_compute(self, key: Hashable, compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - as above
        """Return the value of a key, and compute it if there is no value.

        Other callers that ask for the same key wait for the caller that computes; no lock is held meanwhile. If that
        caller is interrupted, one of the others computes. Two threads that compute keys which need each other are in a
        deadlock.

        Parameters
        ----------
        key
            A hashable object.
        compute
            Called without arguments. Its value is kept, even None, unless the cache was cleared or the key was set
            meanwhile. Its error is raised in all callers that wait, and nothing is kept.

        Raises
        ------
        InputError
            If the key is not hashable, `compute` cannot be called, :meth:`set` refuses its value (such as the coroutine
            of an ``async def`` function), or the computation of a key asks for the same key.

        Examples
        --------
        >>> cache = BoundedCache()
        >>> cache.get_or_compute("a", lambda: 1), cache.get_or_compute("a", lambda: 2)
        (1, 1)
        """
        self._refuse_unhashable(key)
        instance("compute", compute, Callable, "a function without arguments")  # type: ignore[arg-type] # an ABC
        return self._flight.run(key, compute)

    async def get_or_compute_async(self, key: Hashable, compute: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Return the value of a key, and await a coroutine function to compute it if there is no value.

        This is :meth:`get_or_compute` for tasks. Tasks and threads may wait for each other's values.

        Examples
        --------
        >>> import asyncio
        >>> async def answer():
        ...     return 42
        >>> asyncio.run(BoundedCache().get_or_compute_async("a", answer))
        42
        """
        self._refuse_unhashable(key)
        instance("compute", compute, Callable, "a coroutine function")  # type: ignore[arg-type] # an ABC
        return await self._flight.run_async(key, compute)

    def pin(self, key: Hashable) -> bool:
        """Protect an entry from eviction until :meth:`unpin` was called as often; return whether there is an entry.

        A pinned entry can still expire, be set again or be cleared.
        """
        with self._lock:
            self._remove_expired()
            entry = self._entries.get(key)
            if entry is not None:
                entry.pins += 1
            return entry is not None

    def unpin(self, key: Hashable) -> None:
        """Undo one :meth:`pin` of an entry, if it is still there."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and entry.pins:
                entry.pins -= 1

    def evict(self) -> int:
        """Remove the least recently used entry that is not pinned; return the bytes that became free."""
        with self._lock:
            key = self._oldest()
            if key is ABSENT:
                return 0
            self._evictions += 1
            return self._remove(key)

    def oldest_use(self) -> int | None:
        """Return the number of the last use of the entry that :meth:`evict` would remove; all caches have one count."""
        with self._lock:
            key = self._oldest()
            return None if key is ABSENT else self._entries[key].used

    def share(self, lock: threading.RLock, make_room: Callable[[int], bool]) -> None:
        """Share a manager's budget: use its lock, and call its function to make room for the bytes of a new value."""
        self._lock = self._flight.lock = lock
        self._make_room = make_room

    def clear(self) -> None:
        """Remove every entry; the counts of look-ups stay."""
        with self._lock:
            self._flight.forget_all()
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
        """Return whether a key has a value; this counts neither as a look-up nor as a use."""
        self._refuse_unhashable(key)
        with self._lock:
            self._remove_expired()
            return key in self._entries

    def _refuse_unhashable(self, key: object) -> None:
        try:
            hash(key)
        except (TypeError, ValueError) as error:
            raise InputError(f"{shown(key)} can be no key of cache {self.name!r}: {error}") from None

    def _refuse_single_use(self, value: object) -> None:
        """Refuse a value that can be used only once."""
        found = list(single_use_parts(value))
        for one in found:
            # Without this, Python warns that the coroutine was never awaited.
            if inspect.iscoroutine(one) and inspect.getcoroutinestate(one) == inspect.CORO_CREATED:
                one.close()
        if found:
            raise InputError(
                f"cache {self.name!r} can keep no {type(found[0]).__name__}, which can be used only once; "
                "await it or read it to its end, and keep what it gave"
            )

    def _prepared(self, value: Any) -> Callable[[Hashable], None]:  # noqa: ANN401 - values of any type
        """Check and measure a value, and return a function that keeps it under a key."""
        size = self._measured(value)
        return lambda key: self._keep(key, value, size)

    def _measured(self, value: Any) -> int:  # noqa: ANN401 - values of any type
        """Check a value, and return its size."""
        if is_plain(value):
            return sys.getsizeof(value)
        self._refuse_single_use(value)
        return size_of(value)

    def _oldest(self) -> Hashable:
        for key, entry in self._entries.items():
            if not entry.pins:
                return key
        return ABSENT

    def _look_up(self, key: Hashable) -> Any:  # noqa: ANN401 - values of any type
        if self._ttl is not None:
            self._remove_expired()
        entry = self._entries.get(key)
        if entry is None:
            self._misses += 1
            return ABSENT
        self._hits += 1
        self._entries.move_to_end(key)
        entry.used = next(_USES)
        return entry.value

    def _keep(self, key: Hashable, value: Any, size: int) -> None:  # noqa: ANN401 - values of any type
        entries, most = self._entries, math.inf if self._max_bytes is None else self._max_bytes
        if self._ttl is not None:
            self._remove_expired()
        if key in entries:
            self._remove(key)
        if size > most:
            return
        while entries and (self._bytes + size > most or len(entries) >= self._max_size):
            if (oldest := self._oldest()) is ABSENT:
                return
            self._evictions += 1
            self._remove(oldest)
        if self._make_room is not None and not self._make_room(size):
            return
        expires = math.inf
        if self._ttl is not None:
            expires = self._clock() + self._ttl
            self._by_age[key] = None
        entries[key] = _Entry(value, size, expires, next(_USES))
        self._bytes += size

    def _remove_expired(self) -> None:
        if self._ttl is None:
            return
        now = self._clock()
        while self._by_age and self._entries[oldest := next(iter(self._by_age))].expires <= now:
            self._remove(oldest)

    def _remove(self, key: Hashable) -> int:
        """Remove an entry, and return its size."""
        entry = self._entries.pop(key)
        if self._by_age:
            del self._by_age[key]
        self._bytes -= entry.size
        return entry.size
