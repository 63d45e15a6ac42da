"""Recorded runs of the report. They are stored in the embedded database, and compared with the present run."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sqlmodel import col, select

from gymlab.db_models import ReportRun
from gymlab.principles.lineage import trace_lineage
from gymlab.runtime import background
from gymlab.runtime.database import Database
from gymlab.workbench.claims import FORMER_IDS
from gymlab.workbench.results import to_json

Kind = Literal["verdict", "apart", "same"]

# The largest number of runs of a source that are read: a year of a nightly report.
_MOST_READ = 365
# Two patterns are the same if the total variation distance of their shares of actions is at most this.
_MOST_DIFFERENT = 0.25
# Two figures of a claim are the same if they differ by at most this share: the ranges of three repeats are narrow, and
# the speed of a machine varies by about a tenth.
_NOTEWORTHY = 0.1
# Settings that differ from run to run and explain no difference of the figures.
_PASSING = {"measured at", "memory available"}


@dataclass(frozen=True)
class PastRun:
    """A recorded run: its name, its start (UTC), and its ``results.json``."""

    run_id: str
    created_at: datetime
    results: Mapping[str, Any]


@dataclass(frozen=True)
class ClaimChange:
    """One claim in two runs.

    Attributes
    ----------
    id, unit
        As in :class:`gymlab.workbench.claims.Claim`.
    before, now
        The claim in each run, with ``measured``, ``low``, ``high`` and ``verdict``; ``before`` is None if the earlier
        run does not have the claim.
    kind
        ``verdict`` if the verdict changed; ``apart`` if the ranges of the repeats do not overlap and the figures differ
        by more than a tenth (for "% less", the remaining parts of 100 % are compared); else ``same``.
    """

    id: str
    unit: str
    before: Mapping[str, Any] | None
    now: Mapping[str, Any]
    kind: Kind


@dataclass(frozen=True)
class PatternPair:
    """A pattern of the earlier run and the same pattern now; None if one of the runs does not have it."""

    before: Mapping[str, Any] | None
    now: Mapping[str, Any] | None


@dataclass(frozen=True)
class Changes:
    """The differences between two runs.

    Attributes
    ----------
    claims
        Every claim.
    alerts
        By id, the states before and now of each alert whose state changed.
    settings
        By name, the values before and now of each parameter, version or fact of the machine that changed.
    actions, windows
        The numbers before and now.
    patterns
        Patterns of both runs, then those that vanished, then new ones.
    new, changed, vanished
        Sentences of principles.
    kept
        Number of unchanged principles.
    """

    claims: tuple[ClaimChange, ...]
    alerts: Mapping[str, tuple[str, str]]
    settings: Mapping[str, tuple[Any, Any]]
    actions: tuple[int, int]
    windows: tuple[int, int]
    patterns: tuple[PatternPair, ...]
    new: tuple[str, ...]
    changed: tuple[str, ...]
    vanished: tuple[str, ...]
    kept: int


async def record(run_id: str, started: datetime, results: Mapping[str, Any]) -> None:
    """Store a run in the embedded database, so that later runs can be compared with it.

    Parameters
    ----------
    run_id
        Name of the run.
    started
        Its start, with a time zone.
    results
        The content of its ``results.json``.
    """
    verdicts = [claim["verdict"] for claim in results["claims"]]
    row = ReportRun(
        run_id=run_id,
        created_at=started,
        source=_storable(str(results["source"])),
        actions=results["actions"],
        windows=results["windows"],
        gymlab_version=results["environment"]["gymlab"],
        claims_held=verdicts.count("held"),
        claims_total=len(verdicts),
        results=to_json(results),
    )
    async with Database() as database:
        await database.bulk_insert([row])


def earlier_runs(results: Mapping[str, Any], most: int = 60) -> list[PastRun]:
    """Return the recorded runs on the same part of the same log, the oldest first.

    Parameters
    ----------
    results
        As in ``results.json``; ``source`` and ``filters`` name the part of the log.
    most
        The maximum number of runs; the newest ones are returned.

    Returns
    -------
    list of PastRun
    """
    found = background.run(_stored(_storable(str(results["source"]))))
    same = [run for run in found if run.results.get("filters", {}) == results.get("filters", {})]
    return same[-most:]


async def _stored(source: str) -> list[PastRun]:
    newest = (
        select(ReportRun)
        .where(ReportRun.source == source)
        .order_by(col(ReportRun.created_at).desc(), col(ReportRun.run_id).desc())
        .limit(_MOST_READ)
    )
    async with Database() as database, database.session() as session:
        rows = (await session.exec(newest)).all()
    runs = [PastRun(row.run_id, row.created_at, json.loads(row.results)) for row in reversed(rows)]
    for claim in (claim for run in runs for claim in run.results["claims"]):
        claim["id"] = FORMER_IDS.get(claim["id"], claim["id"])
    return runs


def _storable(source: str) -> str:
    """Return the name of a log in UTF-8, since the name of a file may have other bytes."""
    return source.encode("utf-8", "backslashreplace").decode()


def trend_of(earlier: Sequence[PastRun], results: Mapping[str, Any]) -> pd.DataFrame:
    """Return the figures of each claim in every run, with one row for each claim and run.

    Parameters
    ----------
    earlier
        The earlier runs, the oldest first.
    results
        The present findings, as in ``results.json``.

    Returns
    -------
    pandas.DataFrame
        ``when``, ``run_id``, ``claim``, ``measured``, ``low``, ``high`` (NaN where not measured), ``verdict``.
    """
    runs = [*earlier, PastRun("this run", datetime.now(UTC), results)]
    rows = [
        {
            "when": run.created_at,
            "run_id": run.run_id,
            "claim": claim["id"],
            **{name: claim[name] for name in ("measured", "low", "high", "verdict")},
        }
        for run in runs
        for claim in run.results["claims"]
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(("measured", "low", "high"), float))


def changes_since(before: PastRun | None, results: Mapping[str, Any]) -> Changes | None:
    """Return the changes since an earlier run; None if there is no earlier run.

    Parameters
    ----------
    before
        The earlier run.
    results
        The present findings, as in ``results.json``.
    """
    return None if before is None else changes_between(before.results, results)


def changes_between(before: Mapping[str, Any], now: Mapping[str, Any]) -> Changes:
    """Return the changes from one run to another.

    Parameters
    ----------
    before, now
        The contents of their ``results.json``.
    """
    earlier = {claim["id"]: claim for claim in before["claims"]}
    states = {alert["id"]: alert["state"] for alert in before["alerts"]}
    old, new = before.get("principles", []), now.get("principles", [])
    lineage = trace_lineage([_rule(one) for one in old], [_rule(one) for one in new])
    descents = list(zip(new, lineage.descents, strict=True))
    return Changes(
        claims=tuple(_claim_change(earlier.get(claim["id"]), claim) for claim in now["claims"]),
        alerts={
            alert["id"]: (states[alert["id"]], alert["state"])
            for alert in now["alerts"]
            if states.get(alert["id"], alert["state"]) != alert["state"]
        },
        settings=_differences(before["config"], now["config"])
        | _differences(before["environment"], now["environment"]),
        actions=(before["actions"], now["actions"]),
        windows=(before["windows"], now["windows"]),
        patterns=_pattern_pairs(before["patterns"], now["patterns"]),
        new=tuple(rule["sentence"] for rule, descent in descents if descent.kind == "root"),
        changed=tuple(
            rule["sentence"] for rule, descent in descents if descent.kind != "root" and descent.changed
        ),
        vanished=tuple(old[index]["sentence"] for index in lineage.vanished),
        kept=sum(not descent.changed for _, descent in descents),
    )


@dataclass(frozen=True)
class _Rule:
    subject: str
    situation: Mapping[str, str]
    action: str
    probability: float
    low: float
    high: float


def _rule(stored: Mapping[str, Any]) -> _Rule:
    names = ("situation", "action", "probability", "low", "high")
    return _Rule(stored["unit"], *(stored[name] for name in names))


def _claim_change(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> ClaimChange:
    kind: Kind = "same"
    if before is not None and before["verdict"] != now["verdict"]:
        kind = "verdict"
    elif before is not None and None not in (before["measured"], now["measured"]):
        overlap = before["low"] <= now["high"] and now["low"] <= before["high"]
        near = math.isclose(_amount(before), _amount(now), rel_tol=_NOTEWORTHY)
        kind = "same" if overlap or near else "apart"
    return ClaimChange(now["id"], now["unit"], before, now, kind)


def _amount(claim: Mapping[str, Any]) -> float:
    """Return the figure of a claim; for "% less" it is 100 % minus the figure: 99.5 % less leaves half of 99 % less."""
    measured = float(claim["measured"])
    return 100.0 - measured if claim["unit"].startswith("% less") else measured


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = [name for name in {**before, **now} if name not in _PASSING]
    return {name: (before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)}


def _pattern_pairs(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> tuple[PatternPair, ...]:
    """Pair each pattern with at most one other, so that the sum of the distances between pairs is least."""
    apart = np.array([[_distance(a["actions"], b["actions"]) for b in now] for a in before])
    apart = apart.reshape(len(before), len(now))
    rows, columns = linear_sum_assignment(apart)
    pairs = {int(j): int(i) for i, j in zip(rows, columns, strict=True) if apart[i, j] <= _MOST_DIFFERENT}
    gone = set(range(len(before))) - set(pairs.values())
    return (
        *(PatternPair(before[pairs[j]], now[j]) for j in sorted(pairs)),
        *(PatternPair(before[i], None) for i in sorted(gone)),
        *(PatternPair(None, now[j]) for j in range(len(now)) if j not in pairs),
    )


def _distance(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Return the total variation distance of two distributions."""
    return sum(abs(a.get(name, 0.0) - b.get(name, 0.0)) for name in {*a, *b}) / 2
