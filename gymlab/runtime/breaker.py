"""A circuit breaker: after repeated failures it refuses calls, and tests the service after increasing delays."""

import asyncio
import contextvars
import functools
import inspect
import logging
import math
import random
import threading
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeVar, cast, get_args

from gymlab import events
from gymlab.arguments import finite_number, instance, shown, whole_number
from gymlab.errors import BreakerOpenError, InputError
from gymlab.runtime import background
from gymlab.runtime.live_objects import LiveObjects

P = ParamSpec("P")
T = TypeVar("T")
BreakerState = Literal["closed", "open", "half_open"]
STATES: tuple[BreakerState, ...] = get_args(BreakerState)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BreakerStats:
    """The state of a breaker, and its counts: calls that ended, calls that failed, refused calls, and openings."""

    state: BreakerState
    calls: int
    failures: int
    refused: int
    opened: int


def full_jitter(cap: float) -> float:
    """Return a random delay between 0 and a cap, in seconds.

    Full jitter spreads the probes of many clients more evenly than a fixed share of the delay (Brooker 2015,
    "Exponential Backoff and Jitter").
    """
    return random.uniform(0, cap)  # noqa: S311 - spreads probes in time


class CircuitBreaker:
    """A thread-safe circuit breaker, for synchronous and asynchronous calls to a service that may fail.

    A *closed* breaker allows calls and counts failures. After too many failures it is *open*: every call raises
    :class:`~gymlab.errors.BreakerOpenError` at once. After a delay it is *half open*: it allows one call at a time, the
    probe. After a successful probe the breaker is closed; after a failed probe it is open again, with twice the delay.
    No lock is held while a call runs. Each change of the state is an event for :func:`gymlab.events.subscribe`.

    Parameters
    ----------
    name
        The name of the breaker in messages and metrics.
    failure_threshold
        A whole number: the breaker opens after this number of failures, in a row or among the last `window` calls. A
        number below 1: it opens at this share of failures among the last `window` calls.
    base_delay, max_delay
        Seconds until the first probe, and the most seconds until a later probe. The cap of the delay doubles with each
        failed probe.
    window
        The number of latest calls that are counted; with None, failures in a row are counted. A share needs a window.
    timeout
        Seconds after which a call counts as failed and raises TimeoutError; None for no limit. A coroutine is
        cancelled. A synchronous call cannot be stopped: it runs in a separate thread, which ends when the call ends.
    ignore
        Errors that show that the service works, such as the answer to a wrong request. They count as successes.
    jitter
        Maps the cap of a delay to a delay, both in seconds.
    health_check
        Function or coroutine function without arguments that returns whether the service works. If it is given, it is
        called in the background after each delay, and the breaker is half open only after it returned a true value.
    clock
        Returns seconds.

    Raises
    ------
    InputError
        If an argument cannot be used.

    Examples
    --------
    >>> breaker = CircuitBreaker("service", failure_threshold=2)
    >>> for _ in range(2):
    ...     try:
    ...         breaker.call(int, "a text")
    ...     except ValueError:
    ...         pass
    >>> breaker.state
    'open'
    """

    def __init__(  # noqa: PLR0913 - each is one decision about one service
        self,
        name: str = "breaker",
        failure_threshold: float = 5,
        base_delay: float = 1.0,
        max_delay: float = 300.0,
        *,
        window: int | None = None,
        timeout: float | None = None,
        ignore: tuple[type[Exception], ...] = (),
        jitter: Callable[[float], float] = full_jitter,
        health_check: Callable[[], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        instance("name", name, str, "a text")
        of_breaker = f"of breaker {name!r}"
        self.name = name
        self._threshold = _checked_threshold(of_breaker, failure_threshold, window)
        self._window = window
        self._base_delay = finite_number(f"base_delay {of_breaker}", base_delay, above=0, noun="seconds")
        self._max_delay = finite_number(
            f"max_delay {of_breaker}", max_delay, least=self._base_delay, noun="seconds"
        )
        self._timeout = None
        if timeout is not None:
            self._timeout = finite_number(f"timeout {of_breaker}", timeout, above=0, noun="seconds")
        for argument, value in {
            "jitter": jitter,
            "clock": clock,
            "health_check": health_check or int,
        }.items():
            instance(f"{argument} {of_breaker}", value, Callable, "a function")  # type: ignore[arg-type] # an ABC
        if not isinstance(ignore, tuple) or not all(isinstance(one, type) for one in ignore):
            raise InputError(f"ignore {of_breaker} is {shown(ignore)}; give a tuple of error classes")
        self._ignore, self._jitter, self._clock = ignore, jitter, clock
        self._health_check = health_check
        # For each of the latest calls, whether it failed; without a window, only failures in a row.
        self._failed: deque[bool] = deque(maxlen=window or int(self._threshold))
        self._state: BreakerState = "closed"
        # A call that began before the last change of the state does not count.
        self._epoch = 0
        self._probing, self._forced, self._trips, self._until = False, False, 0, math.inf
        self._calls = self._failures = self._refused = self._opened = 0
        self._lock = threading.Lock()
        self._watcher: threading.Thread | None = None
        self._wake = threading.Event()
        BREAKERS.add(self)

    def __repr__(self) -> str:
        return f"CircuitBreaker({self.name!r}, state={self.state!r})"

    @property
    def state(self) -> BreakerState:
        """``closed``, ``open`` or ``half_open``. The state stays ``open`` after the delay until a probe begins."""
        return self._state

    def stats(self) -> BreakerStats:
        """Return state and counts."""
        with self._lock:
            return BreakerStats(self._state, self._calls, self._failures, self._refused, self._opened)

    def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function if the breaker allows it, and return its result.

        Raises
        ------
        BreakerOpenError
            If the breaker is open, or another call is the probe.
        TimeoutError
            If the call takes longer than the timeout.
        InputError
            If the function is a coroutine function.
        Exception
            Any error of the function.
        """
        if inspect.iscoroutinefunction(function):
            raise InputError(f"{shown(function)} is a coroutine function; await call_async instead")
        with self.guard():
            return self._within_timeout(lambda: function(*args, **kwargs))

    async def call_async(
        self, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Await a coroutine function if the breaker allows it, and return its result.

        A cancelled call counts neither as a success nor as a failure. The errors are those of :meth:`call`.
        """
        with self.guard():
            async with asyncio.timeout(self._timeout):
                return await function(*args, **kwargs)

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Decorate a function or a coroutine function, so that every call is guarded."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def guarded_async(*args: P.args, **kwargs: P.kwargs) -> object:
                return await self.call_async(function, *args, **kwargs)

            return cast("Callable[P, T]", guarded_async)

        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            return self.call(function, *args, **kwargs)

        return guarded

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Guard the block of a ``with`` statement, which may await. The timeout does not apply to the block.

        Raises
        ------
        BreakerOpenError
            As :meth:`call`.
        """
        epoch = self._admit()
        try:
            yield
        except BaseException as error:
            # A cancelled or interrupted call says nothing about the service.
            failed = None if not isinstance(error, Exception) else not isinstance(error, self._ignore)
            self._end(epoch, failed)
            raise
        self._end(epoch, failed=False)

    def open(self) -> None:
        """Open the breaker until :meth:`close` is called; there are no probes."""
        with self._lock:
            self._forced, self._until = True, math.inf
            change = self._change("open")
        events.emit(*change)

    def close(self) -> None:
        """Close the breaker and forget all failures."""
        with self._lock:
            change = self._close()
        events.emit(*change)

    def check_health(self) -> bool:
        """Run the health check if the delay is over, as the background thread does; return whether it succeeded.

        After a success the breaker is half open, after a failure the next delay begins.
        """
        with self._lock:
            if self._health_check is None or self._seconds_left() != 0:
                return False
            epoch, check = self._epoch, self._health_check
        try:
            healthy = self._within_timeout(lambda: _awaited(check()))
        except Exception as error:  # noqa: BLE001 - any error means that the service is not well
            _log.info("the health check of breaker %r failed: %s", self.name, error)
            healthy = False
        with self._lock:
            if epoch != self._epoch:
                return False
            change = self._change("half_open") if healthy else self._open()
        events.emit(*change)
        return bool(healthy)

    def _admit(self) -> int:
        """Let a call through and return the epoch in which it began, or refuse it."""
        change: tuple[events.BreakerChanged, ...] = ()
        with self._lock:
            if self._health_check is None and self._seconds_left() == 0:
                change = self._change("half_open")
            admitted = self._state == "closed" or (self._state == "half_open" and not self._probing)
            if admitted:
                self._probing = self._state == "half_open"
            else:
                self._refused += 1
            epoch, left = self._epoch, self._seconds_left()
        events.emit(*change)
        if not admitted:
            raise BreakerOpenError(self.name, left)
        return epoch

    def _end(self, epoch: int, failed: bool | None) -> None:
        """Count the outcome of a call: failed, not failed, or unknown (None)."""
        change: tuple[events.BreakerChanged, ...] = ()
        with self._lock:
            self._calls += 1
            self._failures += bool(failed)
            if epoch != self._epoch:
                return
            if self._state == "half_open":
                self._probing = False
                if failed is not None:
                    change = self._open() if failed else self._close()
            elif failed is not None:
                if not failed and self._window is None:
                    self._failed.clear()
                else:
                    self._failed.append(failed)
                if failed and self._too_many():
                    change = self._open()
        events.emit(*change)

    def _too_many(self) -> bool:
        failures = sum(self._failed)
        if self._threshold < 1:
            return len(self._failed) == self._window and failures >= self._threshold * len(self._failed)
        return failures >= self._threshold

    def _open(self) -> tuple[events.BreakerChanged, ...]:
        self._trips += 1
        # The exponent is limited: 2**1000 is within the range of floats, and larger than every max_delay.
        cap = min(self._max_delay, self._base_delay * 2.0 ** min(self._trips - 1, 1000))
        self._until = self._clock() + min(max(self._jitter(cap), 0.0), cap)
        change = self._change("open")
        if self._health_check is not None and self._watcher is None:
            self._watcher = threading.Thread(
                target=_watch, args=(weakref.ref(self), self._wake), name=f"breaker {self.name}", daemon=True
            )
            self._watcher.start()
        return change

    def _close(self) -> tuple[events.BreakerChanged, ...]:
        self._failed.clear()
        self._trips, self._until, self._forced = 0, math.inf, False
        return self._change("closed")

    def _change(self, state: BreakerState) -> tuple[events.BreakerChanged, ...]:
        before, self._state = self._state, state
        self._epoch += 1
        self._probing = False
        self._opened += before != "open" and state == "open"
        self._wake.set()
        delay = self._until - self._clock() if state == "open" else 0.0
        return (events.BreakerChanged(self.name, before, state, delay),) if before != state else ()

    def _seconds_left(self) -> float:
        """Return the seconds until the next probe of an open breaker; infinite if there will be none."""
        if self._state != "open" or self._forced:
            return math.inf
        return max(self._until - self._clock(), 0.0)

    def _next_check(self) -> float | None:
        """Return the seconds until the next health check; None ends the background thread."""
        with self._lock:
            self._wake.clear()
            left = self._seconds_left()
            if left == math.inf:
                self._watcher = None
                return None
            return left

    def _within_timeout(self, function: Callable[[], T]) -> T:
        if self._timeout is None:
            return function()
        outcome: Future[T] = Future()
        context = contextvars.copy_context()

        def work() -> None:
            try:
                outcome.set_result(context.run(function))
            except BaseException as error:  # noqa: BLE001 - it is raised in the thread of the caller
                outcome.set_exception(error)

        threading.Thread(target=work, name=f"call of breaker {self.name}", daemon=True).start()
        return outcome.result(self._timeout)


# The breakers of this process.
BREAKERS: LiveObjects[CircuitBreaker] = LiveObjects()


def _watch(reference: "weakref.ref[CircuitBreaker]", wake: threading.Event) -> None:
    """Run the health checks of a breaker until it is no longer open."""
    # The reference is weak, so that the thread ends when nobody uses the breaker any more.
    while (breaker := reference()) is not None:
        left = breaker._next_check()  # noqa: SLF001 - the thread belongs to the breaker
        if left is None:
            return
        if left == 0:
            breaker.check_health()
        del breaker
        if left > 0:
            wake.wait(min(left, 60.0))


def _awaited(value: object) -> object:
    return background.run(cast("Any", value)) if inspect.iscoroutine(value) else value


def _checked_threshold(of_breaker: str, threshold: object, window: object) -> float:
    name = f"failure_threshold {of_breaker}"
    if window is not None:
        window = whole_number(f"window {of_breaker}", window, least=1, most=100_000, instead=", or None")
    if isinstance(threshold, float) and 0 < threshold < 1:
        if window is None:
            raise InputError(f"{name} is {threshold}, a share; give window, the number of calls that count")
        return threshold
    most = 100_000 if window is None else window
    return whole_number(name, threshold, least=1, most=most, instead=", or a share below 1")
