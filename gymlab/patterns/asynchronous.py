"""Extraction for programs with an event loop: it does not block the loop, and can be cancelled."""

import asyncio
import threading
import time
from collections.abc import Callable

import pandas as pd

# Importing each takes a third of a second and blocks all threads, so they are imported before the work.
import sklearn.cluster
import sklearn.metrics  # noqa: F401

import gymlab.settings  # noqa: F401
from gymlab.arguments import shown
from gymlab.errors import InputError
from gymlab.patterns.config import ExtractionConfig, checked_config
from gymlab.patterns.pipeline import run_extraction
from gymlab.patterns.result import Extraction

StageProgress = Callable[[str, float], None]

# Reports of one stage are at least this far apart, so that they do not keep the event loop busy.
_SECONDS_BETWEEN_REPORTS = 0.05


class _CancelledError(BaseException):
    """The extraction was cancelled, which is no failure."""


async def extract_patterns_async(
    actions: pd.DataFrame, config: ExtractionConfig | None = None, progress: StageProgress | None = None
) -> Extraction:
    """Find the temporal patterns of a log without blocking the event loop.

    The work runs in threads, in kernels that release the interpreter lock. If the task is cancelled, the work stops
    within a few tenths of a second. The call returns when all its threads have stopped.

    Parameters
    ----------
    actions, config
        As for :func:`gymlab.extract_patterns`.
    progress
        Called in the thread of the event loop with the name of a stage (``encode``, ``distances``, ``cluster``,
        ``significance``, ``describe``) and the part of the stage that is done, from 0 to 1. An exception that it
        raises stops the work, and is raised to the caller.

    Returns
    -------
    Extraction

    Raises
    ------
    InputError, MemoryLimitError
        As :func:`gymlab.extract_patterns`; and if the distance is ``soft-dtw``, which would block the loop.

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

    def report(stage: str, fraction: float) -> None:
        if progress is None or stopped.is_set():
            return
        try:
            progress(stage, fraction)
        except BaseException as error:  # noqa: BLE001 - raised to the caller below
            raised.append(error)
            stopped.set()

    def checkpoint() -> None:
        if stopped.is_set():
            raise _CancelledError

    reports = _Reports(lambda *progressed: loop.call_soon_threadsafe(report, *progressed), checkpoint)

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
        # Wait for the end of the threads, but ignore their result and their exception.
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
    config = checked_config(config)
    if config.distance == "soft-dtw":
        raise InputError("soft-DTW blocks all threads and cannot be cancelled; call extract_patterns")
    return config


class _Reports:
    """The reports of progress, limited in number."""

    def __init__(self, report: Callable[[str, float], object], checkpoint: Callable[[], None]) -> None:
        self._report, self._checkpoint = report, checkpoint
        self._stage = ""
        self._last = 0.0

    def begin(self, stage: str) -> None:
        self.end()
        self._stage = stage
        self._report(stage, 0.0)

    def cells(self, done: int, total: int) -> None:
        self._checkpoint()
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_REPORTS:
            self._last = now
            # A stage may have several series of cells. Only `end` reports that the stage is done.
            self._report(self._stage, min(done / max(1, total), 0.99))

    def end(self) -> None:
        if self._stage:
            self._report(self._stage, 1.0)
