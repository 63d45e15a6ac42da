"""Coroutines for synchronous callers, even if an event loop is already running, as in a notebook."""

import asyncio
import atexit
import inspect
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from gymlab.errors import InputError

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return its result, from any thread.

    All calls share one event loop in one background thread, so that several calls can use one connection, which is bound
    to its loop. An interrupt cancels the coroutine and waits until it ends.

    Parameters
    ----------
    coroutine
        The result of a call of an ``async def`` function.

    Returns
    -------
    T
        The result of the coroutine; its errors are raised here.

    Raises
    ------
    InputError
        If the argument is no coroutine or has run before, or if the caller runs in this loop, since it would wait
        for itself.

    Examples
    --------
    >>> async def answer():
    ...     return 42
    >>> run(answer())
    42
    """
    if not asyncio.iscoroutine(coroutine):
        raise InputError(
            f"run takes a coroutine, as f() gives for 'async def f', not {type(coroutine).__name__}"
        )
    if inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) != inspect.CORO_CREATED:
        raise InputError("run was given a coroutine that has run before; call its function again")
    if threading.current_thread() is _BACKGROUND.thread:
        coroutine.close()
        raise InputError("run was called by a coroutine that run is running; await there instead")
    loop = _BACKGROUND.loop()
    outcome: Future[T] = Future()
    tasks: list[asyncio.Task[T]] = []

    def start() -> None:
        tasks.append(loop.create_task(coroutine))
        tasks[0].add_done_callback(lambda task: _hand_over(task, outcome))

    def cancel() -> None:
        if tasks:
            tasks[0].cancel()
        else:  # the interrupt came before the start
            coroutine.close()
            outcome.set_exception(asyncio.CancelledError())

    try:
        loop.call_soon_threadsafe(start)
        return outcome.result()
    except KeyboardInterrupt:
        loop.call_soon_threadsafe(cancel)
        wait([outcome])
        raise


def _hand_over(task: asyncio.Task[T], outcome: Future[T]) -> None:
    if task.cancelled():
        outcome.set_exception(asyncio.CancelledError())
    elif (error := task.exception()) is not None:
        outcome.set_exception(error)
    else:
        outcome.set_result(task.result())


class _Background:
    """One event loop in one daemon thread, started at the first use and closed at exit."""

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            # A process that is forked from this process has the objects, but not the thread.
            if self._loop is None or self.thread is None or not self.thread.is_alive():
                started: Future[asyncio.AbstractEventLoop] = Future()
                self.thread = threading.Thread(
                    target=_serve, args=(started,), name="gymlab-background", daemon=True
                )
                self.thread.start()
                self._loop = started.result()
            return self._loop

    def close(self) -> None:
        if self._loop is not None and self.thread is not None and self.thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self.thread.join()


def _serve(started: Future[asyncio.AbstractEventLoop]) -> None:
    # The runner cancels unfinished tasks and closes the loop.
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        started.set_result(loop)
        while True:
            try:
                loop.run_forever()
            except (
                KeyboardInterrupt,
                SystemExit,
            ):  # raised by a coroutine: its caller gets the exception, and the loop goes on
                continue
            return


_BACKGROUND = _Background()
atexit.register(_BACKGROUND.close)
