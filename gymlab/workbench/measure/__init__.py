"""Measurements of the claims of the optimization document: the baseline and gymlab on the same log, in one run."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import psutil

from gymlab.patterns.result import Extraction
from gymlab.runtime.alerts import Alert, Measurement, evaluate
from gymlab.workbench.claims import EXPECTATIONS, Claim, ClaimRun
from gymlab.workbench.measure.accuracy import AccuracyRun, measure_accuracy
from gymlab.workbench.measure.cache_use import measure_cache
from gymlab.workbench.measure.process_memory import MemoryRun, measure_memory
from gymlab.workbench.measure.runtime_claims import (
    StorageRun,
    measure_entropy,
    measure_leaks,
    measure_storage,
)
from gymlab.workbench.measure.speed import SpeedRun, measure_speed

__all__ = [
    "AccuracyRun",
    "MemoryRun",
    "SpeedRun",
    "StorageRun",
    "check_alerts",
    "in_order",
    "measure_accuracy",
    "measure_cache",
    "measure_entropy",
    "measure_leaks",
    "measure_memory",
    "measure_speed",
    "measure_storage",
    "measure_untimed",
]


def in_order(runs: Iterable[ClaimRun]) -> dict[str, Claim]:
    """Return the claims of all measurements by id, in the order of the document."""
    found = {claim.id: claim for run in runs for claim in run.claims}
    return {claim_id: found[claim_id] for claim_id in EXPECTATIONS if claim_id in found}


def measure_untimed(extraction: Extraction, *, seed: int = 0) -> tuple[MemoryRun, ClaimRun, AccuracyRun]:
    """Measure memory, leaks and accuracy at the same time, since other work on the processors does not change them.

    Parameters
    ----------
    extraction, seed
        As for :func:`measure_speed`.
    """
    with ThreadPoolExecutor(2) as pool:
        memory = pool.submit(measure_memory, extraction, seed=seed)
        leaks = pool.submit(measure_leaks)
        accuracy = measure_accuracy(extraction, seed=seed)
        return memory.result(), leaks.result(), accuracy


def check_alerts(
    extraction: Extraction, storage: StorageRun | None = None, cache: Measurement | None = None
) -> list[Alert]:
    """Compare the figures of gymlab, never those of the baseline, with the thresholds of the document.

    Parameters
    ----------
    extraction
        The extraction of the log, for the DTW time.
    storage
        The measurement of :func:`measure_storage`, for the largest use of a pool.
    cache
        The measurement of :func:`measure_cache`, for the hit rate.

    Returns
    -------
    list of Alert
        With ``no_data`` for what was not measured.
    """
    stats = extraction.stats
    measured = {"memory_percent": Measurement(psutil.virtual_memory().percent, 1)}
    if computed := stats.pairs - stats.pruned:
        measured["dtw_seconds_per_pair"] = Measurement(stats.stages["distances"] / computed, computed)
    if storage is not None and storage.pool is not None:
        measured["pool_percent"] = storage.pool
    if cache is not None:
        measured["cache_hit_percent"] = cache
    return evaluate(measured)
