"""Running blocks of kernel work: in threads (the kernels release the GIL), with progress, cancelled on error."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from tqdm.auto import tqdm

from gymlab.errors import InputError

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
    if n_threads is not None and (not isinstance(n_threads, int) or n_threads < 1):
        raise InputError(f"n_threads is {n_threads!r}; give 1 or more, or None for every processor")
    total = sum(block.cells for block in blocks)
    threads = min(n_threads or available_threads(), len(blocks))
    if progress is True:
        with tqdm(total=total, unit="cell", unit_scale=True, desc="DTW", leave=False) as bar:
            _run(blocks, threads, lambda done, _total: bar.update(done - bar.n), total)
    else:
        _run(blocks, threads, progress or (lambda _done, _total: None), total)


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
