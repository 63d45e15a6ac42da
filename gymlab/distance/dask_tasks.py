"""Tasks on a Dask cluster: shared data is sent once, few tasks run at a time, answers are fetched one by one."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from gymlab.arguments import shown
from gymlab.distance.blocks import Progress, reporting
from gymlab.distance.series import SeriesBatch
from gymlab.errors import ClusterError, InputError

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")
R = TypeVar("R")

# For each thread of the workers, one task runs and one waits, so that no thread waits for the client.
_TASKS_A_THREAD = 2

# Largest number of losses of the shared data before a task ends, and seconds to wait for a worker after a loss.
_MOST_LOSSES = 3
_SECONDS_FOR_A_WORKER = 60


class BuiltOnce(Generic[T]):
    """An object that is costly to send or cannot be sent: its ingredients are sent, and each process builds it once.

    A worker keeps the object as long as the ingredients, that is, until the client releases them. A worker that
    replaces a killed one gets the ingredients from another worker and builds the object again.

    Parameters
    ----------
    build
        A function or class that workers can import. Series are passed to it in writable and aligned arrays, because
        the kernels are compiled for such arrays, and received arrays may be neither.
    ingredients
        The arguments of ``build``.
    nbytes
        The size of the ingredients in bytes, which Dask uses to plan the work.
    """

    def __init__(self, build: Callable[..., T], ingredients: tuple[object, ...], nbytes: int) -> None:
        self._build = build
        self._ingredients = ingredients
        self._nbytes = nbytes
        self._lock = threading.Lock()
        self._built: T | None = None

    def get(self) -> T:
        """Return the object, and build it at the first call; other threads wait meanwhile."""
        with self._lock:
            if self._built is None:
                self._built = self._build(*map(_usable, self._ingredients))
            return self._built

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._build, self._ingredients, self._nbytes)

    def __sizeof__(self) -> int:
        return self._nbytes


@dataclass(frozen=True)
class ClusterTask:
    """One task: the arguments of its call, and its size in DP cells."""

    arguments: tuple[Any, ...]
    cells: int


def cluster_threads(client: "Client", name: str) -> int:
    """Return how many threads the workers of a cluster have together.

    Raises
    ------
    ClusterError
        If Dask is not installed, the client is closed, or it has no workers.
    InputError
        If ``client`` is not a client of Dask, or is an asynchronous one.
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
    tasks: Sequence[ClusterTask],
    receive: Callable[[ClusterTask, R], None],
    progress: Progress,
) -> None:
    """Call ``function(shared, *task.arguments)`` for each task on the workers, and pass each answer to ``receive``.

    At any time, at most two tasks for each thread are submitted, and answers are fetched one by one, so that answers
    do not fill the memory. Other workers run the tasks of a worker that dies. If the last worker with the shared data
    dies, the data is sent again.

    Parameters
    ----------
    client
        A client that :func:`cluster_threads` has checked.
    function
        A function that workers can import.
    shared
        Sent to every worker once.
    tasks
        The tasks, in the order in which they should start.
    receive
        Called in this thread with each task and its answer.
    progress
        True for a progress bar, or a function that takes the cells done and the cells in all. If it raises an
        exception, for example to cancel, the work stops.

    Raises
    ------
    ClusterError
        If the client is closed during the work, no worker is left, or workers die repeatedly.
    """
    with reporting(progress, sum(task.cells for task in tasks)) as report:
        running = _RunningTasks(client, function, shared)
        try:
            waiting = deque(tasks)
            while waiting or running.tasks:
                running.submit(waiting)
                task, answer = running.next_answer(waiting)
                running.submit(waiting)
                receive(task, answer)
                report(task.cells)
        finally:
            running.cancel()


class _RunningTasks(Generic[T, R]):
    """The tasks that were submitted and have not ended."""

    def __init__(self, client: "Client", function: Callable[..., R], shared: BuiltOnce[T]) -> None:
        from distributed import as_completed

        self._client = client
        self._function = function
        self._shared = shared
        self._sent: Future[Any] | None = None
        # The number of losses of the shared data since the last task ended.
        self._losses = 0
        self._room = 0
        self._completed = as_completed(loop=client.loop)
        self.tasks: dict[Future[R], tuple[ClusterTask, Future[Any]]] = {}

    def submit(self, waiting: deque[ClusterTask]) -> None:
        """Send waiting tasks while there is room for them."""
        _refuse_closed(self._client)
        # The number of threads is asked each time, because workers may start or end. If there are none, the last
        # number is used.
        self._room = _TASKS_A_THREAD * sum(self._client.nthreads().values()) or self._room
        while waiting and len(self.tasks) < self._room:
            if self._sent is None:
                self._sent = self._scattered()
            task = waiting.popleft()
            # Keys are random: the call is not pure, and the shared data is not hashed. Hashed keys would be the same
            # in the next run, and the message that releases them might arrive after the next run has asked for them.
            future = self._client.submit(self._function, self._sent, *task.arguments, pure=False)
            self.tasks[future] = task, self._sent
            self._completed.add(future)

    def next_answer(self, waiting: deque[ClusterTask]) -> tuple[ClusterTask, R]:
        """Return the next task that ends, and its answer. Lost tasks are put back into ``waiting``."""
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
                self.submit(waiting)
            else:
                self._losses = 0
                return task, answer

    def cancel(self) -> None:
        """Cancel the running tasks, and release the shared data."""
        if self.tasks and self._client.status == "running":
            self._client.cancel(list(self.tasks))
        self.tasks.clear()
        self._sent = None

    def _scattered(self) -> "Future[Any]":
        while True:
            try:
                self._client.wait_for_workers(1, timeout=_SECONDS_FOR_A_WORKER)
                # In a broadcast, workers copy the data to each other, which fails or hangs if one of them dies
                # meanwhile. After a loss, one copy is safer; the workers fetch it from each other later.
                sent: Future[Any] = self._client.scatter(self._shared, broadcast=not self._losses, hash=False)
            except TimeoutError as error:
                raise ClusterError(
                    f"the cluster lost all its workers, and none came back within {_SECONDS_FOR_A_WORKER} s"
                ) from error
            except Exception as error:  # noqa: BLE001 - the death of a worker raises many exceptions, none documented
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


def _usable(ingredient: object) -> object:
    if not isinstance(ingredient, SeriesBatch):
        return ingredient
    return SeriesBatch(
        np.require(ingredient.values, requirements=["C", "A", "W"]),
        np.require(ingredient.lengths, requirements=["C", "A", "W"]),
    )
