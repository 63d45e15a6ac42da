"""Running tasks on a Dask cluster: what they share sent once, answers one by one, few on their way at a time."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tqdm.auto import tqdm

from gymlab.arguments import shown
from gymlab.distance.blocks import Progress, checked_progress
from gymlab.errors import ClusterError, InputError

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")
R = TypeVar("R")

# For each thread of the workers: one that runs, and one that waits, so that no thread waits for the client.
_TASKS_A_THREAD = 2

# How often in a row everything sent may be lost before any task ends, and how long to wait for a worker then.
_MOST_LOSSES = 3
_SECONDS_FOR_A_WORKER = 60


class BuiltOnce(Generic[T]):
    """Something that is costly to send or cannot be sent: its ingredients travel, each process builds it once.

    A worker keeps it as long as it keeps the ingredients, hence until the client lets go of them; a worker that
    took the place of a killed one gets the ingredients from another and builds it anew.

    Parameters
    ----------
    build
        A function that workers can import.
    ingredients
        What it is called with.
    nbytes
        Their size, for Dask to plan with.
    """

    def __init__(self, build: Callable[..., T], ingredients: tuple[object, ...], nbytes: int) -> None:
        self._build = build
        self._ingredients = ingredients
        self._nbytes = nbytes
        self._lock = threading.Lock()
        self._built: T | None = None

    def get(self) -> T:
        """Return it, built if need be; threads that ask meanwhile wait."""
        with self._lock:
            if self._built is None:
                self._built = self._build(*self._ingredients)
            return self._built

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._build, self._ingredients, self._nbytes)

    def __sizeof__(self) -> int:
        return self._nbytes


@dataclass(frozen=True)
class Task:
    """One task: the arguments of its call, and its size in DP cells."""

    arguments: tuple[Any, ...]
    cells: int


def checked_threads(client: "Client", name: str) -> int:
    """Return how many threads the workers of a cluster have together.

    Raises
    ------
    ClusterError
        If Dask is not installed, the client is closed, or it has no workers.
    InputError
        If it is no client, or an asynchronous one.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError(
            f"gymlab.distance.distributed.{name} needs Dask ({error}): pip install 'gymlab[distributed]'; "
            f"gymlab.distance.{name.removesuffix('_parts')} runs on this machine without it"
        ) from error
    if not isinstance(client, Client):
        raise InputError(f"client is {shown(client)}; give a distributed.Client")
    if client.asynchronous:
        raise InputError("the client is asynchronous; give one made with asynchronous=False")
    _refuse_closed(client)
    threads: int = sum(client.nthreads().values())
    if threads == 0:
        raise ClusterError("the cluster has no workers; start some, or wait: client.wait_for_workers(1)")
    return threads


def run_tasks(
    client: "Client",
    function: Callable[..., R],
    shared: BuiltOnce[T],
    tasks: Sequence[Task],
    take: Callable[[Task, R], None],
    progress: Progress,
) -> None:
    """Call ``function(shared, *task.arguments)`` for each task on the workers, and take the answers as they come.

    Two tasks a thread are on their way at any time, and answers are fetched one by one, so neither the client nor
    the workers gather answers that nobody has taken yet. Tasks of a worker that dies are run again by others;
    if what they share dies with the last that had it, it is sent anew.

    Parameters
    ----------
    client
        Of :func:`checked_threads`.
    function
        One that workers can import.
    shared
        Sent to every worker once.
    tasks
        In the order in which they should start.
    take
        Takes each task and its answer, in this thread.
    progress
        True for a progress bar, or a function that takes the cells done and the cells in all. An exception that
        it raises (to cancel, say) stops the work.

    Raises
    ------
    ClusterError
        If the client is closed meanwhile, no worker is left, or workers die time and again.
    """
    with _reporting(checked_progress(progress), sum(task.cells for task in tasks)) as report:
        flight = _Flight(client, function, shared)
        try:
            waiting = deque(tasks)
            while waiting or flight.tasks:
                flight.fill(waiting)
                task, answer = flight.land(waiting)
                flight.fill(waiting)
                take(task, answer)
                report(task.cells)
        finally:
            flight.cancel()


class _Flight(Generic[T, R]):
    """The tasks that are on their way."""

    def __init__(self, client: "Client", function: Callable[..., R], shared: BuiltOnce[T]) -> None:
        from distributed import as_completed

        self._client = client
        self._function = function
        self._shared = shared
        self._sent: Future[Any] | None = None
        # In a row, without a task that ended.
        self._losses = 0
        self._room = 0
        self._completed = as_completed(loop=client.loop)
        self.tasks: dict[Future[R], tuple[Task, Future[Any]]] = {}

    def fill(self, waiting: deque[Task]) -> None:
        """Send tasks while there is room for them."""
        _refuse_closed(self._client)
        # Asked again each time, since workers come and go; while all are away, as many as there were.
        self._room = _TASKS_A_THREAD * sum(self._client.nthreads().values()) or self._room
        while waiting and len(self.tasks) < self._room:
            if self._sent is None:
                self._sent = self._scattered()
            task = waiting.popleft()
            # Not pure, and what is shared not keyed by its hash: such a key would be the same in the next run,
            # and the message that this one lets go of it may arrive after the next has asked for it.
            future = self._client.submit(self._function, self._sent, *task.arguments, pure=False)
            self.tasks[future] = task, self._sent
            self._completed.add(future)

    def land(self, waiting: deque[Task]) -> tuple[Task, R]:
        """Return the next task that ends and its answer; those that were lost are left waiting again."""
        from distributed.scheduler import KilledWorker

        while True:
            future: Future[R] = next(self._completed)
            task, sent = self.tasks.pop(future)
            try:
                answer: R = future.result()
            except KilledWorker as error:
                died = error.allowed_failures + 1
                raise ClusterError(
                    f"{died} worker{'s' if died > 1 else ''} died while running the same task; their logs say why "
                    "(too little memory, most often)"
                ) from error
            except CancelledError as error:
                _refuse_closed(self._client)
                waiting.appendleft(task)
                if sent is self._sent:
                    self._count_loss(error)
                self.fill(waiting)
            else:
                self._losses = 0
                return task, answer

    def cancel(self) -> None:
        """Give up what is on its way, and let go of what is shared."""
        if self.tasks and self._client.status == "running":
            self._client.cancel(list(self.tasks))
        self.tasks.clear()
        self._sent = None

    def _scattered(self) -> "Future[Any]":
        while True:
            try:
                self._client.wait_for_workers(1, timeout=_SECONDS_FOR_A_WORKER)
                # The copies of a broadcast are made by all workers for each other, which fails or hangs if one of
                # them dies meanwhile; once some did, one copy is safer, and the workers fetch it from each other.
                sent: Future[Any] = self._client.scatter(self._shared, broadcast=not self._losses, hash=False)
            except TimeoutError as error:
                raise ClusterError(
                    f"the cluster lost all its workers, and none came back within {_SECONDS_FOR_A_WORKER} s"
                ) from error
            except Exception as error:  # noqa: BLE001 - a worker that dies meanwhile has many names, none documented
                _refuse_closed(self._client)
                self._count_loss(error)
            else:
                return sent

    def _count_loss(self, error: BaseException) -> None:
        self._sent = None
        self._losses += 1
        if self._losses > _MOST_LOSSES:
            raise ClusterError(
                f"the series were lost {self._losses} times with all the workers that held them, before any "
                "task ended; the workers' logs say why they die (too little memory, most often)"
            ) from error


def _refuse_closed(client: "Client") -> None:
    if client.status != "running":
        raise ClusterError(
            f"the client is {client.status}; connect one that stays open until the result is there"
        )


@contextmanager
def _reporting(progress: Progress, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function that takes the cells of each task that ended."""
    done = 0

    def report(cells: int) -> None:
        nonlocal done
        done += cells
        if callable(progress):
            progress(done, total)
        elif bar is not None:
            bar.update(cells)

    bar = (
        tqdm(total=total, unit="cell", unit_scale=True, desc="DTW", leave=False) if progress is True else None
    )
    try:
        yield report
    finally:
        if bar is not None:
            bar.close()
