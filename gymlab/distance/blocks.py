"""Running blocks of kernel work: in threads (the kernels release the GIL), with progress, cancelled on error."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from tqdm.auto import tqdm

from gymlab.arguments import boolean, whole_number

Progress = bool | Callable[[int, int], None]

# Below this, starting threads costs more than they save.
_CELLS_WORTH_THREADS = 50_000_000


@dataclass(frozen=True)
class Block:
    """A piece of work: a call that writes its own part of the result, and its size in DP cells."""

    run: Callable[[], None]
    cells: int


def available_threads() -> int:
    """Return the number of processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def checked_threads(n_threads: int | None) -> int:
    """Return how many threads are wanted: every processor for None.

    Raises
    ------
    InputError
        If it is neither None nor a whole number of at least 1.
    """
    if n_threads is None:
        return available_threads()
    return whole_number("n_threads", n_threads, least=1, instead=", or None for every processor")


def checked_progress(progress: Progress) -> Progress:
    """Return True for a progress bar, False for none, or the function to call.

    Raises
    ------
    InputError
        If it is none of them.
    """
    if callable(progress):
        return progress
    return boolean("progress", progress, instead=", or a function of the cells done and the cells in all")


def run_blocks(blocks: Sequence[Block], n_threads: int | None, progress: Progress) -> None:
    """Run every block once, in about the order given.

    Parameters
    ----------
    blocks
        Each writes where no other writes.
    n_threads
        None for as many as there are processors. The results do not depend on it.
    progress
        True for a progress bar, or a function that takes the cells done and the cells in all. An exception that
        it raises (to cancel, say) stops the work.
    """
    threads, report = min(checked_threads(n_threads), len(blocks)), checked_progress(progress)
    total = sum(block.cells for block in blocks)
    if report is True:
        with tqdm(total=total, unit="cell", unit_scale=True, desc="DTW", leave=False) as bar:
            _run(blocks, threads, lambda done, _total: bar.update(done - bar.n), total)
    else:
        _run(blocks, threads, report or (lambda _done, _total: None), total)


def _run(blocks: Sequence[Block], threads: int, report: Callable[[int, int], object], total: int) -> None:
    done = 0
    if threads <= 1 or total < _CELLS_WORTH_THREADS:
        for block in blocks:
            block.run()
            done += block.cells
            report(done, total)
        return
    # The smallest first and alone: it may have to compile the kernel, which all threads would wait for anyhow.
    smallest = min(blocks, key=lambda block: block.cells)
    others = [block for block in blocks if block is not smallest]
    smallest.run()
    done += smallest.cells
    report(done, total)
    executor = ThreadPoolExecutor(threads, thread_name_prefix="gymlab-dtw")
    try:
        running: dict[Future[None], int] = {executor.submit(block.run): block.cells for block in others}
        while running:
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                done += running.pop(future)
                future.result()
            report(done, total)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
