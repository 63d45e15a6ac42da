"""Work beside the front end: in a thread, stopped when a newer request makes it pointless."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from gymlab.clustering import Checkpoint

Request = TypeVar("Request")


class _SupersededError(Exception):
    """Nobody waits for the result any more."""


class Latest(Generic[Request]):
    """Carries out requests one at a time in a thread of its own; of those that wait only the last counts.

    A request that arrives while another is at work stops that at its next checkpoint. The thread is there only while
    there is something to do.

    Parameters
    ----------
    work
        Called in the thread with a request and a checkpoint, which it has to call often and let raise.
    failed
        Called in the thread with what ``work`` raised, unless it was stopped.
    settled
        Called in the thread when nothing is left to do, also after a failure or a stop.

    Examples
    --------
    >>> done = []
    >>> latest = Latest(lambda request, checkpoint: done.append(request), failed=print)
    >>> latest.submit("a slider's last value")
    >>> latest.wait(timeout=10)
    >>> done
    ["a slider's last value"]
    """

    def __init__(
        self,
        work: Callable[[Request, Checkpoint], None],
        *,
        failed: Callable[[Exception], None],
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        self._work, self._failed, self._settled = work, failed, settled
        self._changed = threading.Condition()
        self._waiting: list[Request] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def submit(self, request: Request) -> None:
        """Ask for something; whatever was asked for before no longer counts."""
        with self._changed:
            self._waiting[:] = [request]
            self._stop.set()
            if self._thread is None:
                self._begin()

    def cancel(self) -> None:
        """Stop what is at work and forget what waits."""
        with self._changed:
            self._waiting.clear()
            self._stop.set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing is left to do.

        Raises
        ------
        TimeoutError
            If that takes longer than so many seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._thread is None, timeout):
                raise TimeoutError(f"still at work after {timeout:g} s")

    @property
    def busy(self) -> bool:
        """Whether there is something left to do."""
        with self._changed:
            return self._thread is not None

    def _run(self) -> None:
        try:
            while self._one_more():
                pass
        finally:
            # A callback that fails ends this thread; what waits by then gets another.
            with self._changed:
                if self._thread is threading.current_thread():
                    self._thread = None
                    if self._waiting:
                        self._begin()
                    self._changed.notify_all()

    def _begin(self) -> None:
        # A daemon: who closes a notebook does not wait for what it computes.
        self._thread = threading.Thread(target=self._run, name="gymlab-latest", daemon=True)
        self._thread.start()

    def _one_more(self) -> bool:
        """Carry out what waits; return False if nothing does, and nothing came while that was told."""
        with self._changed:
            stop = self._stop = threading.Event()
            request = self._waiting.pop() if self._waiting else None
        if request is not None:
            self._carry_out(request, stop)
            return True
        self._settled()
        with self._changed:
            if self._waiting:
                return True
            # Under the lock, so that no request comes to a thread that is about to leave.
            self._thread = None
            self._changed.notify_all()
            return False

    def _carry_out(self, request: Request, stop: threading.Event) -> None:
        def checkpoint() -> None:
            if stop.is_set():
                raise _SupersededError

        try:
            self._work(request, checkpoint)
        except _SupersededError:
            pass
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            self._failed(error)
