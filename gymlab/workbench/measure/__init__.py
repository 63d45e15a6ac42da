"""The claims of the optimization document, measured on a log: baseline and gymlab side by side, in one run."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import psutil

from gymlab.patterns.extraction import Extraction
from gymlab.runtime.alerts import Alert, Measurement, evaluate
from gymlab.workbench.claims import EXPECTATIONS, Claim
from gymlab.workbench.measure.accuracy import accuracy_claim
from gymlab.workbench.measure.entropy import entropy_claim
from gymlab.workbench.measure.memory import measure_memory
from gymlab.workbench.measure.speed import SpeedRun, scale_claim, time_both, time_claims
from gymlab.workbench.measure.storage import database_claim, stability_claim


@dataclass(frozen=True)
class Measurements:
    """All that was measured on a log.

    Attributes
    ----------
    claims
        By id, in the order of the document.
    speed
        Seconds of both sides at every size, and the effect of the hop.
    memory
        Bytes of each process, as :func:`gymlab.workbench.measure.memory.measure_memory` returns them.
    selective
        Agreement of strategy ``selective`` with ``exact``.
    alerts
        The thresholds of the document, on what gymlab itself did.
    seconds
        How long measuring took.
    """

    claims: Mapping[str, Claim]
    speed: SpeedRun
    memory: pd.DataFrame
    selective: pd.DataFrame
    alerts: tuple[Alert, ...]
    seconds: float


def measure_claims(extraction: Extraction, *, budget_seconds: float = 60.0, seed: int = 0) -> Measurements:
    """Measure every claim of the document on parts of a log that the baseline can take.

    Parameters
    ----------
    extraction
        The log's patterns; its parameters, at hop 1, are those of the comparison.
    budget_seconds
        About how long baseline and gymlab are timed side by side; the other measurements take about another
        minute. The more, the more repeats (six at the most).
    seed
        Which series of the log are taken.

    Returns
    -------
    Measurements

    Raises
    ------
    InputError
        If the log is too small to compare anything on.
    """
    started = time.perf_counter()
    speed = time_both(extraction, budget_seconds, seed)
    accuracy, selective = accuracy_claim(extraction, seed)
    memory_claims, memory = measure_memory(extraction, seed)
    found = [
        *time_claims(speed),
        *memory_claims,
        database_claim(extraction),
        entropy_claim(extraction),
        scale_claim(extraction, speed, budget_seconds / 3, seed),
        stability_claim(),
        accuracy,
    ]
    by_id = {claim.id: claim for claim in found}
    return Measurements(
        {claim_id: by_id[claim_id] for claim_id in EXPECTATIONS},
        speed,
        memory,
        selective,
        tuple(evaluate(_health(extraction))),
        time.perf_counter() - started,
    )


def _health(extraction: Extraction) -> dict[str, Measurement]:
    """Return what the alerts watch, of gymlab's own work and never of the baseline's."""
    stats = extraction.stats
    measured = {"memory_percent": Measurement(psutil.virtual_memory().percent, 1)}
    if stats.pairs:
        measured["dtw_seconds_per_pair"] = Measurement(stats.stages["distances"] / stats.pairs, stats.pairs)
    return measured
