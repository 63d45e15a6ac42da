"""A cache that several processes and machines share through Redis. It needs the extra `redis`."""

import asyncio
import logging
import math
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, TypeVar, cast

try:
    import redis
except ModuleNotFoundError as error:
    raise ImportError(
        "a shared cache needs redis, which is not installed: pip install 'gymlab[redis]'"
    ) from error

from gymlab.arguments import finite_number, instance, shown, whole_number
from gymlab.errors import BreakerOpenError, InputError
from gymlab.runtime.breaker import CircuitBreaker
from gymlab.runtime.cache import BoundedCache, CacheStats
from gymlab.runtime.cache_manager import cache_manager
from gymlab.runtime.shared_values import decode, encode
from gymlab.runtime.single_flight import ABSENT

T = TypeVar("T")

_MEBIBYTE = 2**20
# An entry that expands to more than this multiple of the largest entry is not read.
_MOST_EXPANSION = 100

_log = logging.getLogger(__name__)


class SharedCache:
    """A cache in two tiers: one in this process, and one in Redis for all processes.

    Keys are hashes of content, so equal keys mean equal values, on every machine. Values are arrays (without objects),
    bytes and JSON values; they are stored without pickle, so no content of the server can run code. Bytes that gymlab
    has not written, or that were damaged, count as a miss.

    If the server is down or slow, a circuit breaker opens, and the cache works with the tier in this process alone.

    Parameters
    ----------
    url
        ``redis://host:port/database``. There is no connection before the first use.
    name
        Name of the cache, in messages, metrics and keys.
    local
        The tier in this process; None for a cache of the process's manager.
    max_entry_bytes
        Largest encoded value that goes to the server. A larger one is kept in this process alone.
    ttl
        Seconds after which an entry expires on the server; None for never (then the server should evict).
    timeout
        Seconds that an answer of the server may take.
    lease
        Seconds after which another process may compute a value if the process that computes it has died.
    breaker
        Guards the server; None for one of the default settings.

    Raises
    ------
    InputError
        If an argument cannot be used.
    """

    def __init__(
        self,
        url: str = "redis://127.0.0.1:6379/0",
        name: str = "shared",
        *,
        local: BoundedCache | None = None,
        max_entry_bytes: int = 64 * _MEBIBYTE,
        ttl: float | None = 7 * 24 * 3600.0,
        timeout: float = 1.0,
        lease: float = 30.0,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        instance("name", name, str, "a text")
        self.name = name
        self._max_entry_bytes = whole_number("max_entry_bytes", max_entry_bytes, least=1)
        self._ttl_ms = None
        if ttl is not None:
            self._ttl_ms = max(
                1, round(1000 * finite_number("ttl", ttl, above=0, noun="seconds", instead=", or None"))
            )
        seconds = finite_number("timeout", timeout, above=0, noun="seconds")
        self._lease = finite_number("lease", lease, above=0, noun="seconds")
        try:
            self._server = redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds)
        except (ValueError, AttributeError) as error:
            raise InputError(
                "a Redis URL has the form redis://host:port/0; this one cannot be read"
            ) from error
        self._local = cache_manager().cache(name) if local is None else local
        self._breaker = breaker or CircuitBreaker(
            f"redis of cache {name}", failure_threshold=3, base_delay=1.0
        )
        self._server_hits = 0
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"SharedCache({self.name!r}, server {self._breaker.state})"

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker that guards the server."""
        return self._breaker

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - values of any type
        """Return the value of a key, from this process or from the server; the default if there is none."""
        value = self._local.get(_checked_key(key), ABSENT)
        if value is ABSENT and (value := self._of_server(key)) is not ABSENT:
            self._local.set(key, value)
        return default if value is ABSENT else value

    def set(self, key: str, value: object) -> None:
        """Keep a value in this process and on the server.

        Raises
        ------
        InputError
            If the key is no text, or the value is neither an array without objects, bytes nor a JSON value.
        """
        encoded = encode(value)
        self._local.set(_checked_key(key), value)
        self._to_server(key, encoded)

    def get_or_compute(self, key: str, compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - values of any type
        """Return the value of a key; compute it if there is none and no other caller computes it, in any process.

        In this process it does what :meth:`BoundedCache.get_or_compute` does. If another process computes the value, the
        caller waits; if that process fails or dies, the caller computes it. If the server does not answer, the caller
        computes it at once.

        Parameters
        ----------
        key
            A hash of the content.
        compute
            Called without arguments.

        Raises
        ------
        InputError
            As :meth:`set`.
        Exception
            Any error of the computation.
        """
        return self._local.get_or_compute(_checked_key(key), lambda: self._computed_once(key, compute))

    async def get_or_compute_async(self, key: str, compute: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Return the value of a key, and await a coroutine function to compute it if there is none.

        This is :meth:`get_or_compute` for tasks. The server is asked in threads, so the event loop goes on.
        """

        async def computed() -> Any:  # noqa: ANN401 - as above
            return await self._computed_once_async(key, compute)

        return await self._local.get_or_compute_async(_checked_key(key), computed)

    def stats(self) -> CacheStats:
        """Return the entries and bytes in this process, and the look-ups; a value of the server is a hit."""
        local = self._local.stats()
        # Every look-up asks the tier in this process first.
        hits, misses = local.hits + self._server_hits, local.misses - self._server_hits
        rate = hits / (hits + misses) if hits + misses else math.nan
        return replace(local, hits=hits, misses=misses, hit_rate=rate)

    def _computed_once(self, key: str, compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - values of any type
        """Return the value of the server, or compute it while no other process does."""
        pause = 0.005
        while (value := self._of_server(key)) is ABSENT:
            with self._exclusive(key) as mine:
                if mine:
                    # Another process may have finished between the look-up and the lock.
                    if (value := self._of_server(key)) is ABSENT:
                        value = compute()
                        self._to_server(key, encode(value))
                    return value
            time.sleep(pause)
            pause = min(2 * pause, 0.2)
        return value

    async def _computed_once_async(self, key: str, compute: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Do what :meth:`_computed_once` does, for a coroutine function."""
        pause = 0.005
        while (value := await asyncio.to_thread(self._of_server, key)) is ABSENT:
            async with self._exclusive_async(key) as mine:
                if mine:
                    if (value := await asyncio.to_thread(self._of_server, key)) is ABSENT:
                        value = await compute()
                        await asyncio.to_thread(self._to_server, key, encode(value))
                    return value
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.2)
        return value

    @asynccontextmanager
    async def _exclusive_async(self, key: str) -> AsyncIterator[bool]:
        """Do what :meth:`_exclusive` does; a cancelled task gives the lock back, even if it was just asking for it."""
        exclusive = self._exclusive(key)
        entering = asyncio.ensure_future(asyncio.to_thread(exclusive.__enter__))

        async def leave() -> None:
            await entering
            await asyncio.to_thread(exclusive.__exit__, None, None, None)

        try:
            yield await asyncio.shield(entering)
        finally:
            await asyncio.shield(leave())

    def _of_server(self, key: str) -> Any:  # noqa: ANN401 - values of any type
        stored = cast("bytes | None", self._ask(lambda: self._server.get(self._place(key)), None))
        value = ABSENT if stored is None else decode(stored, self._max_entry_bytes * _MOST_EXPANSION)
        with self._lock:
            self._server_hits += value is not ABSENT
        return value

    def _to_server(self, key: str, encoded: bytes) -> None:
        if len(encoded) <= self._max_entry_bytes:
            self._ask(lambda: self._server.set(self._place(key), encoded, px=self._ttl_ms), None)

    @contextmanager
    def _exclusive(self, key: str) -> Iterator[bool]:
        """Give whether this caller may compute the value of a key; without a server every caller may."""
        lock = self._server.lock(
            f"{self._place(key)}:lock", timeout=self._lease, blocking=False, thread_local=False
        )
        mine = self._ask(lock.acquire, None)
        if not mine:
            yield mine is None
            return
        done = threading.Event()

        def renew() -> None:
            while not done.wait(self._lease / 3):
                self._ask(lambda: lock.extend(self._lease, replace_ttl=True), None)

        renewal = threading.Thread(target=renew, name=f"lease of {self.name}", daemon=True)
        renewal.start()
        try:
            yield True
        finally:
            done.set()
            renewal.join()
            self._ask(lock.release, None)

    def _place(self, key: str) -> str:
        return f"gymlab:1:{self.name}:{key}"

    def _ask(self, question: Callable[[], T], otherwise: T) -> T:
        """Return an answer of the server, or another value if there is none."""
        try:
            return self._breaker.call(question)
        except (redis.RedisError, OSError, BreakerOpenError) as error:
            _log.debug("cache %r works without its server: %s", self.name, error)
            return otherwise


def _checked_key(key: object) -> str:
    if not isinstance(key, str) or not key:
        raise InputError(f"{shown(key)} can be no key of a shared cache; give the text of content_hash")
    return key
