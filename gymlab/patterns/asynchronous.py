"""Extraction beside a running event loop, which it does not hold up, and which can cancel it."""

import asyncio
import threading
import time
from collections.abc import Callable

import pandas as pd

# Importing these takes a third of a second each in which no other thread runs, so not in the midst of the work.
import sklearn.cluster
import sklearn.metrics  # noqa: F401

import gymlab.settings  # noqa: F401
from gymlab.arguments import instance, shown
from gymlab.errors import InputError
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.extraction import run_extraction
from gymlab.patterns.result import Extraction

StageProgress = Callable[[str, float], None]

# Reports of one stage are at least this far apart: a loop should not be busy with hearing how busy others are.
_SECONDS_BETWEEN_REPORTS = 0.05


class _CancelledError(Exception):
    """The caller no longer wants the result."""


async def extract_patterns_async(
    actions: pd.DataFrame, config: ExtractionConfig | None = None, progress: StageProgress | None = None
) -> Extraction:
    """Find the temporal patterns of a log without holding up the event loop.

    The work runs in threads, in kernels that release the interpreter lock. Cancelling the task stops it at its next
    checkpoint, a few tenths of a second at most, and the call returns when nothing computes any more.

    Parameters
    ----------
    actions, config
        As for :func:`gymlab.extract_patterns`.
    progress
        Called in the event loop's thread with the name of the stage (``encode``, ``distances``, ``cluster``,
        ``significance``, ``describe``) and the fraction of it that is done, 0 to 1. An exception that it raises stops the work.

    Returns
    -------
    Extraction

    Raises
    ------
    InputError, MemoryLimitError
        As :func:`gymlab.extract_patterns`; and for distance ``soft-dtw``, which would hold up the loop.

    Examples
    --------
    >>> import asyncio, gymlab
    >>> log = gymlab.select_actions(gymlab.read_actions(gymlab.sample_path()), agent="Alternator")
    >>> asyncio.run(gymlab.extract_patterns_async(log, gymlab.ExtractionConfig(n_clusters=2))).stats.strategy
    'exact'
    """
    checked = _checked(config, progress)
    loop = asyncio.get_running_loop()
    stopped = threading.Event()
    raised: list[BaseException] = []

    def hear(stage: str, fraction: float) -> None:
        if progress is None or stopped.is_set():
            return
        try:
            progress(stage, fraction)
        except BaseException as error:  # noqa: BLE001 - the awaiting caller gets it
            raised.append(error)
            stopped.set()

    def checkpoint() -> None:
        if stopped.is_set():
            raise _CancelledError

    reports = _Reports(lambda *report: loop.call_soon_threadsafe(hear, *report), checkpoint)

    def work() -> Extraction:
        found = run_extraction(
            actions, checked, progress=reports.cells, checkpoint=checkpoint, on_stage=reports.begin
        )
        reports.end()
        return found

    working = loop.run_in_executor(None, work)
    try:
        found = await asyncio.shield(working)
    except asyncio.CancelledError:
        stopped.set()
        # What the threads end with no longer interests anyone; that they end does.
        working.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait([working])
        raise
    except _CancelledError:
        raise raised[0] from None
    if raised:
        raise raised[0]
    return found


def _checked(config: ExtractionConfig | None, progress: object) -> ExtractionConfig:
    if progress is not None and not callable(progress):
        raise InputError(f"progress is {shown(progress)}; give a function of a stage and a fraction, or None")
    if config is not None:
        instance("config", config, ExtractionConfig, "an ExtractionConfig")
    if config is not None and config.distance == "soft-dtw":
        raise InputError("soft-DTW lets no other thread run and cannot be stopped; call extract_patterns")
    return config or ExtractionConfig()


class _Reports:
    """Stages and fractions, passed on now and then."""

    def __init__(self, tell: Callable[[str, float], object], checkpoint: Callable[[], None]) -> None:
        self._tell, self._checkpoint = tell, checkpoint
        self._stage = ""
        self._last = 0.0

    def begin(self, stage: str) -> None:
        self.end()
        self._stage = stage
        self._tell(stage, 0.0)

    def cells(self, done: int, total: int) -> None:
        self._checkpoint()
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_REPORTS:
            self._last = now
            # A stage may hold several jobs, so its end is said when it ends.
            self._tell(self._stage, min(done / max(1, total), 0.99))

    def end(self) -> None:
        if self._stage:
            self._tell(self._stage, 1.0)
