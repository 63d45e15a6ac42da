"""Runs of the report that were recorded: kept in the embedded database, found again by what they were on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlmodel import col, select

from gymlab.db_models import ReportRun
from gymlab.runtime import background
from gymlab.runtime.database import Database
from gymlab.workbench.claims import FORMER_IDS
from gymlab.workbench.report.changes import Changes, changes_between
from gymlab.workbench.results import to_json

# Runs of a source that are looked at; of a nightly report, those of a year.
_MOST_READ = 365


@dataclass(frozen=True)
class PastRun:
    """A run that was recorded: its name, when it began (UTC), and its ``results.json``."""

    run_id: str
    created_at: datetime
    results: Mapping[str, Any]


async def record(run_id: str, started: datetime, results: Mapping[str, Any]) -> None:
    """Keep a run in the embedded database, so that runs can be compared over time.

    Parameters
    ----------
    run_id, started
        Its name, and when it began, with a time zone.
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
        Of a run: its ``source`` and ``filters`` say what it was on.
    most
        How many at most, the newest.

    Returns
    -------
    list of PastRun
    """
    found = background.run(_stored(_storable(str(results["source"]))))
    same = [run for run in found if run.results.get("filters", {}) == results.get("filters", {})]
    return same[-most:]


def changes_since(before: PastRun | None, results: Mapping[str, Any]) -> Changes | None:
    """Return what changed since a run; None if there was none.

    Parameters
    ----------
    before
        The run before.
    results
        What is found now, as in ``results.json``.
    """
    return None if before is None else changes_between(before.results, results)


def trend_of(earlier: Sequence[PastRun], results: Mapping[str, Any]) -> pd.DataFrame:
    """Return what each claim measured in every run, one row each.

    Parameters
    ----------
    earlier
        The runs before, the oldest first.
    results
        What is found now, as in ``results.json``.

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
    frame = pd.DataFrame(rows)
    return frame.astype(dict.fromkeys(("measured", "low", "high"), float))


def _storable(source: str) -> str:
    """Return the name of a log as a database takes it: a file's name may have bytes that are no UTF-8."""
    return source.encode("utf-8", "backslashreplace").decode()


async def _stored(source: str) -> list[PastRun]:
    newest = (
        select(ReportRun)
        .where(ReportRun.source == source)
        .order_by(col(ReportRun.created_at).desc(), col(ReportRun.run_id).desc())
        .limit(_MOST_READ)
    )
    async with Database() as database, database.session() as session:
        rows = (await session.exec(newest)).all()
    return [PastRun(row.run_id, row.created_at, _read(row.results)) for row in reversed(rows)]


def _read(text: str) -> dict[str, Any]:
    """Return the results that a run stored, its claims under the ids that they have now."""
    results: dict[str, Any] = json.loads(text)
    for claim in results["claims"]:
        claim["id"] = FORMER_IDS.get(claim["id"], claim["id"])
    return results
