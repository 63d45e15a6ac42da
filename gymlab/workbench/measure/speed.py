"""The claims about time: DTW and the whole pipeline of the baseline and gymlab on the same windows, and larger logs."""

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from gymlab.actions.schema import frame_from_records
from gymlab.arguments import finite_number
from gymlab.clustering import matrix_cache
from gymlab.entropy import IncrementalEntropy
from gymlab.errors import MemoryLimitError
from gymlab.patterns.baseline import BaselineEngine, entropies_from_scratch
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.one_hot import one_hot_series
from gymlab.patterns.pipeline import extract_patterns
from gymlab.patterns.result import Extraction
from gymlab.workbench.claims import EXPECTATIONS, Claim, ClaimRun, judge, reduction
from gymlab.workbench.measure.sublog import dense_config, first_windows, number_of_windows, require_measurable

# The numbers of windows with which both are timed; the baseline takes about 0.2 ms per pair.
SIZES = (20, 40, 80, 160)
ENTROPY_WINDOW = 100
_MOST_ROUNDS = 6
# A size is added only if this many rounds fit in the budget.
_ROUNDS_TO_AFFORD = 4
# gymlab takes only milliseconds, so each round has the median of this many runs of it.
_INNER = 5
_LARGEST = 12_000


@dataclass(frozen=True, eq=False)
class SpeedRun(ClaimRun):
    """The times of the baseline and gymlab on the same windows, for several numbers of windows.

    Attributes
    ----------
    times
        One row for each round, size, side (``baseline`` or ``gymlab``) and stage (``dtw`` or ``whole way``):
        ``seconds``, beside ``windows`` and ``actions``.
    hops
        The seconds of both with hop 1 and with the hop of the extraction, on the same actions; empty for whole series.
    claims
        ``dtw_time``, ``overall_speed`` and ``scale``.
    """

    times: pd.DataFrame
    hops: pd.DataFrame


def measure_speed(extraction: Extraction, *, budget_seconds: float = 10.0, seed: int = 0) -> SpeedRun:
    """Time the baseline and gymlab in turns, in rounds over all sizes until the budget is used.

    Each round runs both on the same windows, one after the other, so that other work on the machine slows down both.

    Parameters
    ----------
    extraction
        The extraction of the log; the comparison uses its parameters, with hop 1.
    budget_seconds
        Approximate time for the rounds; a larger budget allows more rounds, at most six.
    seed
        Seed for the choice of series.

    Returns
    -------
    SpeedRun
    """
    require_measurable(extraction, seed)
    finite_number("budget_seconds", budget_seconds, above=0, noun="a number of seconds")
    n = number_of_windows(extraction)
    if n < SIZES[0]:
        why = (
            f"the log makes only {n} {extraction.windows.noun}; below {SIZES[0]} there is nothing to compare"
        )
        claims = tuple(judge(claim_id, [], why) for claim_id in ("dtw_time", "overall_speed", "scale"))
        return SpeedRun(claims, pd.DataFrame(), pd.DataFrame())
    config = dense_config(extraction)
    logs = [first_windows(extraction, size, seed) for size in SIZES]
    logs = [log for index, log in enumerate(logs) if index == 0 or len(log) > len(logs[index - 1])]
    _one_round(logs[0], config)  # imports and compilation are not timed
    logs = _affordable(logs, config, budget_seconds / _ROUNDS_TO_AFFORD)
    rows: list[dict[str, Any]] = []
    started = time.perf_counter()
    for round_number in range(_MOST_ROUNDS):
        begun = time.perf_counter()
        for log in logs:
            rows += [{"round": round_number, **row} for row in _one_round(log, config)]
        spent = time.perf_counter() - started
        if spent + (time.perf_counter() - begun) > budget_seconds:
            break
    times = pd.DataFrame(rows)
    claims = (*_time_claims(times), _scale_claim(extraction, times, budget_seconds / 3, seed))
    return SpeedRun(claims, times, _hop_effect(logs[:2][-1], extraction, config))


def _affordable(logs: list[pd.DataFrame], config: ExtractionConfig, seconds: float) -> list[pd.DataFrame]:
    """Return the smallest logs, at least two, for which one round takes at most this many seconds."""
    rows = _one_round(logs[0], config)
    one, first = max(row["seconds"] for row in rows), rows[0]["windows"]
    spent = 0.0
    affordable: list[pd.DataFrame] = []
    for log, size in zip(logs, SIZES, strict=False):
        spent += one * (size / first) ** 2
        if len(affordable) >= 2 and spent > seconds:
            break
        affordable.append(log)
    return affordable


def _one_round(log: pd.DataFrame, config: ExtractionConfig) -> list[dict[str, Any]]:
    records = _records(log)
    ours = [_gymlab_way(records, config) for _ in range(_INNER)]
    extraction = ours[0][2]
    seconds = {
        "gymlab": [float(np.median([run[k] for run in ours])) for k in (0, 1)],
        "baseline": _baseline_way(extraction),
    }
    size = {"windows": len(extraction.windows), "actions": len(log)}
    return [
        {"side": side, "stage": stage, "seconds": taken, **size}
        for side, both in seconds.items()
        for stage, taken in zip(("dtw", "whole way"), both, strict=True)
    ]


def _records(log: pd.DataFrame) -> list[dict[str, object]]:
    """Return the log as a list of records, the form in which a program records actions."""
    return [{str(name): value for name, value in record.items()} for record in log.to_dict("records")]


def _gymlab_way(
    records: list[dict[str, object]], config: ExtractionConfig
) -> tuple[float, float, Extraction]:
    """Return the seconds of DTW, the seconds from a list of actions to patterns and entropy, and the extraction."""
    # Every round computes its distances again.
    matrix_cache().clear()
    start = time.perf_counter()
    log = frame_from_records(records)
    extraction = extract_patterns(log, config)
    entropy = IncrementalEntropy(window=ENTROPY_WINDOW)
    for record in records:
        entropy.add_action(record)
        entropy.get_entropy()
    return extraction.stats.stages["distances"], time.perf_counter() - start, extraction


def _baseline_way(extraction: Extraction) -> tuple[float, float]:
    """Return the seconds of DTW and of the whole pipeline; the baseline gets finished windows."""
    series = one_hot_series(extraction.windows.values, extraction.encoding.mismatch_weights)
    action_types = extraction.actions["action_type"].tolist()
    engine = BaselineEngine()
    start = time.perf_counter()
    matrix = engine.distances(series)
    dtw = time.perf_counter() - start
    engine.labels(matrix, seed=extraction.config.seed)
    entropies_from_scratch(action_types, ENTROPY_WINDOW)
    return dtw, time.perf_counter() - start


def _hop_effect(log: pd.DataFrame, extraction: Extraction, config: ExtractionConfig) -> pd.DataFrame:
    """Time both with hop 1 and with the hop of the extraction, to show the effect of the hop apart from the engine."""
    if extraction.windows.unit == "series" or extraction.config.hop == 1:
        return pd.DataFrame()
    rows = []
    for hop in (1, extraction.config.hop):
        # With a large hop there may be fewer windows than the number of patterns in the document.
        hopping = replace(config, hop=hop, n_clusters="auto")
        result = extract_patterns(log, hopping)
        ours = []
        for _ in range(_INNER):
            matrix_cache().clear()
            ours.append(extract_patterns(log, hopping).stats.stages["distances"])
        seconds, _ = _baseline_way(result)
        rows.append(
            {
                "hop": hop,
                "windows": len(result.windows),
                "pairs": result.stats.pairs,
                "baseline, s": seconds,
                "gymlab, s": float(np.median(ours)),
            }
        )
    return pd.DataFrame(rows)


def _time_claims(times: pd.DataFrame) -> list[Claim]:
    """Judge ``dtw_time`` and ``overall_speed`` at the largest size, round by round."""
    largest = times[times["windows"] == times["windows"].max()]
    seconds = largest.pivot_table(index="round", columns=["stage", "side"], values="seconds")
    windows, actions = int(largest["windows"].iloc[0]), int(largest["actions"].iloc[0])
    claims = []
    for claim_id, stage in (("dtw_time", "dtw"), ("overall_speed", "whole way")):
        before, after = seconds[stage]["baseline"], seconds[stage]["gymlab"]
        saved = [reduction(b, a) for b, a in zip(before, after, strict=True)]
        ratio = float(np.median(before / after))
        claims.append(
            judge(
                claim_id,
                saved,
                f"{windows} windows of {actions} actions, {windows * (windows - 1) // 2:,} pairs: "
                f"{before.median():.2f} s in the baseline, {after.median() * 1e3:.1f} ms in gymlab, "
                f"{ratio:,.0f} × as fast",
            )
        )
    return claims


def _scale_claim(extraction: Extraction, times: pd.DataFrame, budget_seconds: float, seed: int) -> Claim:
    """Judge ``scale``: the number of actions that gymlab processes in the time of the baseline for its second size.

    The size grows by half in each step. The largest size that is fast enough in three of three runs counts.
    """
    whole = times[(times["stage"] == "whole way") & (times["side"] == "baseline")]
    at = whole[whole["windows"] == sorted(whole["windows"].unique())[:2][-1]]
    limit, actions = float(at["seconds"].min()), int(at["actions"].iloc[0])
    config, size = dense_config(extraction), 2 * int(at["windows"].iloc[0])
    reached: list[pd.DataFrame] = []
    ended, is_bound = "the next larger size took longer", False
    started = time.perf_counter()
    while True:
        log = first_windows(extraction, min(size, _LARGEST), seed)
        if len(log) <= (len(reached[-1]) if reached else actions):
            ended, is_bound = "the log has no more actions, so this is a lower bound", True
        elif time.perf_counter() - started > budget_seconds:
            ended, is_bound = "the time to measure was over, so this is a lower bound", True
        elif (seconds := _seconds_of(log, config)) is None:
            ended, is_bound = "larger sizes do not fit in memory, so this is a lower bound", True
        elif seconds <= limit:
            reached.append(log)
            if size < _LARGEST:
                size = int(size * 1.5)
                continue
            ended, is_bound = f"more than {_LARGEST:,} windows were not tried, so this is a lower bound", True
        break
    while reached and max(_seconds_of(reached[-1], config) or math.inf for _ in range(2)) > limit:
        reached.pop()
    ratio = len(reached[-1]) / actions if reached else 1.0
    expected = EXPECTATIONS["scale"].at_least or 0.0
    measured = [] if is_bound and ratio < expected else [ratio] * 3
    return judge(
        "scale",
        measured,
        f"in the {limit:.2f} s that the baseline takes for {actions:,} actions, gymlab takes "
        f"{round(ratio * actions):,} actions at the same hop, three times out of three; {ended}",
    )


def _seconds_of(log: pd.DataFrame, config: ExtractionConfig) -> float | None:
    """Return the seconds of the whole pipeline; None if there is not enough memory."""
    try:
        return _gymlab_way(_records(log), config)[1]
    except MemoryLimitError:
        return None
