"""One computation at a time for each key: other threads and tasks that ask for the key wait for its value."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Hashable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gymlab.errors import InputError

# The result of a look-up if there is no value.
ABSENT = object()


@dataclass(frozen=True, slots=True)
class _Computation:
    thread: int
    task: asyncio.Task[Any] | None
    outcome: Future[Any]


class SingleFlight:
    """The computations of a cache.

    Parameters
    ----------
    name
        Name of the cache, for messages.
    lock
        Reentrant lock of the cache. It is held during `look_up` and `keep`, not while a value is computed.
    look_up
        Returns the value of a key, or :data:`ABSENT`.
    prepare
        Takes a computed value, checks it, and returns a function that keeps it under a key.
    """

    def __init__(
        self,
        name: str,
        lock: threading.RLock,
        look_up: Callable[[Hashable], Any],
        prepare: Callable[[Any], Callable[[Hashable], None]],
    ) -> None:
        self.lock: Any = lock
        self._name, self._look_up, self._prepare = name, look_up, prepare
        self._running: dict[Hashable, _Computation] = {}

    def run(self, key: Hashable, compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - values of any type
        """Return the value of a key; compute it if there is no value and no other caller computes it."""
        while True:
            value, mine, theirs = self._join(key, None)
            if mine is not None:
                with self._computing(key, mine) as done:
                    return done(compute())
            if theirs is None:
                return value
            try:
                return theirs.result()
            except CancelledError:
                continue  # the thread that computed it was interrupted

    async def run_async(self, key: Hashable, compute: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Return the value of a key; await a coroutine function if there is no value and nobody computes it."""
        task = asyncio.current_task()
        while True:
            value, mine, theirs = self._join(key, task)
            if mine is not None:
                with self._computing(key, mine) as done:
                    return done(await compute())
            if theirs is None:
                return value
            try:
                # The await is shielded: this task may be cancelled while others still need the value.
                return await asyncio.shield(asyncio.wrap_future(theirs))
            except asyncio.CancelledError:
                if not theirs.cancelled():
                    raise

    def forget(self, key: Hashable) -> None:
        """Do not keep the value that is now computed for a key; the waiting callers still get it."""
        self._running.pop(key, None)

    def forget_all(self) -> None:
        """Do not keep any value that is computed now."""
        self._running.clear()

    def _join(
        self, key: Hashable, task: asyncio.Task[Any] | None
    ) -> tuple[Any, _Computation | None, Future[Any] | None]:
        """Return the value of a key, a computation that the caller has to do, or a computation to wait for."""
        thread = threading.get_ident()
        with self.lock:
            value = self._look_up(key)
            if value is not ABSENT:
                return value, None, None
            theirs = self._running.get(key)
            if theirs is None:
                mine = self._running[key] = _Computation(thread, task, Future())
                return None, mine, None
        # Tasks of one thread may wait for each other, but a thread or a task must not wait for itself.
        if theirs.thread == thread and (theirs.task is None or task in {None, theirs.task}):
            raise InputError(f"computing {key!r} for cache {self._name!r} asks the cache for {key!r}")
        return None, None, theirs.outcome

    @contextmanager
    def _computing(self, key: Hashable, mine: _Computation) -> Iterator[Callable[[Any], Any]]:
        """Yield a function that keeps the computed value and gives it to all callers that wait."""

        def done(value: Any) -> Any:  # noqa: ANN401 - values of any type
            keep = self._prepare(value)
            with self.lock:
                if self._end(key, mine):
                    keep(key)
            mine.outcome.set_result(value)
            return value

        try:
            yield done
        except BaseException as error:
            with self.lock:
                self._end(key, mine)
            if isinstance(error, Exception):
                mine.outcome.set_exception(error)
            else:
                # An interrupt or a cancellation concerns only this caller.
                mine.outcome.cancel()
            raise

    def _end(self, key: Hashable, mine: _Computation) -> bool:
        """End a computation; return whether its value is still to be kept."""
        wanted = self._running.get(key) is mine
        if wanted:
            del self._running[key]
        return wanted
