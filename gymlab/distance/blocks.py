"""Runs blocks of kernel work in threads (the kernels release the GIL), shows progress, and cancels on an error."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

from tqdm.auto import tqdm

from gymlab.arguments import boolean, whole_number
from gymlab.events import DistancesComputed, emit

Progress = bool | Callable[[int, int], None]

# With fewer cells, threads cost more than they save.
_CELLS_WORTH_THREADS = 50_000_000


@dataclass(frozen=True)
class Block:
    """A piece of work: a call that writes one part of the result, and its size in DP cells."""

    run: Callable[[], None]
    cells: int


def available_threads() -> int:
    """Return the number of processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def checked_threads(n_threads: int | None) -> int:
    """Return how many threads to use; None means one for every processor.

    Raises
    ------
    InputError
        If ``n_threads`` is neither None nor a whole number of at least 1.
    """
    if n_threads is None:
        return available_threads()
    return whole_number("n_threads", n_threads, least=1, instead=", or None for every processor")


def checked_progress(progress: Progress) -> Progress:
    """Return a checked ``progress``: True for a progress bar, False for no report, or the function to call.

    Raises
    ------
    InputError
        If ``progress`` is neither a truth value nor a function.
    """
    if callable(progress):
        return progress
    return boolean("progress", progress, instead=", or a function of the cells done and the cells in all")


def run_blocks(blocks: Sequence[Block], n_threads: int | None, progress: Progress, *, pairs: int = 0) -> None:
    """Run every block once, approximately in the given order.

    Parameters
    ----------
    blocks
        The pieces of work. Two blocks must not write to the same place.
    n_threads
        None for every processor. The results do not depend on it.
    progress
        True for a progress bar, or a function that takes the cells done and the cells in all. If it raises an
        exception, for example to cancel, the work stops.
    pairs
        The number of pairs of series whose distances the blocks compute, for the event; 0 for no event.
    """
    start = time.perf_counter()
    threads = min(checked_threads(n_threads), len(blocks))
    total = sum(block.cells for block in blocks)
    with reporting(progress, total) as report:
        _run(blocks, threads if total >= _CELLS_WORTH_THREADS else 1, report)
    if pairs:
        emit(DistancesComputed(pairs, time.perf_counter() - start))


@contextmanager
def reporting(progress: Progress, total: int) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the cells of each finished piece of work."""
    progress, done = checked_progress(progress), 0
    bar = tqdm(
        total=total, unit="cell", unit_scale=True, desc="DTW", leave=False, disable=progress is not True
    )

    def report(cells: int) -> None:
        nonlocal done
        done += cells
        bar.update(cells)
        if callable(progress):
            progress(done, total)

    with bar:
        yield report


def _run(blocks: Sequence[Block], threads: int, report: Callable[[int], None]) -> None:
    if threads <= 1:
        for block in blocks:
            block.run()
            report(block.cells)
        return
    # The smallest block runs first and alone. It may have to compile the kernel, and all threads would wait for that.
    smallest = min(blocks, key=lambda block: block.cells)
    others = [block for block in blocks if block is not smallest]
    smallest.run()
    report(smallest.cells)
    executor = ThreadPoolExecutor(threads, thread_name_prefix="gymlab-dtw")
    try:
        running: dict[Future[None], int] = {executor.submit(block.run): block.cells for block in others}
        while running:
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            cells = 0
            for future in finished:
                cells += running.pop(future)
                future.result()
            report(cells)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
