"""One budget of bytes over all caches of a process."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import fields
from functools import cache as once

import pandas as pd
import psutil

from gymlab.arguments import finite_number, instance, whole_number
from gymlab.budget import memory_budget
from gymlab.runtime.cache import BoundedCache, CacheStats

# The budget of all caches together, as a share of the memory that work may take.
_SHARE_OF_BUDGET = 0.25
# The threshold of the document: if more of the machine's memory is in use, the caches free half of theirs.
_MOST_PERCENT, _KEPT_FRACTION = 80.0, 0.5
# The seconds between two checks of the memory, since a check takes longer than a look-up.
_SECONDS_BETWEEN_CHECKS = 1.0


class CacheManager:
    """Caches that share one budget of bytes: the least recently used entry of all caches is removed first.

    When more than 80 % of the machine's memory is in use, all caches together shrink to half of what they hold. This is
    checked when a value is kept, at most once a second.

    Parameters
    ----------
    max_bytes
        The maximum number of bytes of all values; None for a quarter of the memory that work may take now.
    memory_percent
        Returns the percentage of the machine's memory that is in use.
    clock
        Returns seconds.

    Raises
    ------
    InputError
        If an argument cannot be used.

    Examples
    --------
    >>> manager = CacheManager(max_bytes=10_000)
    >>> answers = manager.cache("answers", max_size=100)
    >>> answers.set("a", 1)
    >>> manager.stats()["entries"].to_dict()
    {'answers': 1}
    """

    def __init__(
        self,
        max_bytes: int | None = None,
        *,
        memory_percent: Callable[[], float] = lambda: psutil.virtual_memory().percent,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        instance("memory_percent", memory_percent, Callable, "a function that returns a percentage")  # type: ignore[arg-type] # an ABC
        instance("clock", clock, Callable, "a function that returns seconds")  # type: ignore[arg-type] # an ABC
        budget = max(1, int(_SHARE_OF_BUDGET * memory_budget())) if max_bytes is None else max_bytes
        self._max_bytes = whole_number("max_bytes", budget, least=1, instead=", or None")
        self._memory_percent, self._clock = memory_percent, clock
        self._caches: dict[str, BoundedCache] = {}
        # All caches have one lock, since an entry of one cache is removed to make room in another.
        self._lock = threading.RLock()
        self._next_check = clock()

    @property
    def max_bytes(self) -> int:
        """The maximum number of bytes of all values."""
        return self._max_bytes

    @property
    def bytes(self) -> int:
        """The bytes of all values."""
        with self._lock:
            return sum(cache.bytes for cache in self._caches.values())

    def cache(
        self, name: str, max_size: int = 1000, max_bytes: int | None = None, ttl: float | None = None
    ) -> BoundedCache:
        """Return the cache of a name; it is made if there is none.

        Parameters
        ----------
        name
            Name of the cache.
        max_size, max_bytes, ttl
            Bounds of a new cache, as for :class:`BoundedCache`.

        Raises
        ------
        InputError
            If a bound cannot be used.
        """
        with self._lock:
            if name not in self._caches:
                made = BoundedCache(max_size, max_bytes, ttl, name, clock=self._clock)
                made.share(self._lock, self._make_room)
                self._caches[name] = made
            return self._caches[name]

    def caches(self) -> list[BoundedCache]:
        """Return all caches, in the order in which they were made."""
        with self._lock:
            return list(self._caches.values())

    def stats(self) -> pd.DataFrame:
        """Return a table with a row for each cache, by name: the columns of :class:`CacheStats`, and ``max_bytes``."""
        with self._lock:
            rows = {
                name: {**vars(cache.stats()), "max_bytes": cache.max_bytes}
                for name, cache in self._caches.items()
            }
        columns = [*(one.name for one in fields(CacheStats)), "max_bytes"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("cache")

    def total(self) -> CacheStats:
        """Return the contents and counts of all caches together."""
        with self._lock:
            each = [cache.stats() for cache in self._caches.values()]
        entries, held, hits, misses, evictions = (
            sum(getattr(one, name) for one in each)
            for name in ("entries", "bytes", "hits", "misses", "evictions")
        )
        rate = hits / (hits + misses) if hits + misses else math.nan
        return CacheStats(entries, held, hits, misses, evictions, rate)

    def evict_to(self, fraction: float) -> int:
        """Evict entries until the caches hold at most a fraction of the budget; return the bytes that became free.

        Pinned entries stay.

        Raises
        ------
        InputError
            If the fraction is not between 0 and 1.
        """
        fraction = finite_number("fraction", fraction, least=0, most=1, noun="a share of the budget")
        with self._lock:
            return self._shrink_to(int(fraction * self._max_bytes))

    def _make_room(self, size: int) -> bool:
        """Evict entries until a value of this size fits into the budget; return whether it fits."""
        now = self._clock()
        if now >= self._next_check:
            self._next_check = now + _SECONDS_BETWEEN_CHECKS
            if self._memory_percent() > _MOST_PERCENT:
                self._shrink_to(int(_KEPT_FRACTION * self.bytes))
        if size > self._max_bytes:
            return False
        self._shrink_to(self._max_bytes - size)
        return self.bytes + size <= self._max_bytes

    def _shrink_to(self, most: int) -> int:
        held = left = self.bytes
        while left > most:
            used = {
                last: cache for cache in self._caches.values() if (last := cache.oldest_use()) is not None
            }
            if not used:
                break
            left -= used[min(used)].evict()
        return held - left


@once
def cache_manager() -> CacheManager:
    """Return the manager of all caches of this process.

    Examples
    --------
    >>> cache_manager() is cache_manager()
    True
    """
    return CacheManager()
