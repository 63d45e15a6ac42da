"""The database's speed, and whether sessions and caches leave anything behind."""

import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gymlab.actions.store import rows_of
from gymlab.patterns.baseline import insert_one_by_one
from gymlab.patterns.result import Extraction
from gymlab.runtime import background
from gymlab.runtime.database import Database
from gymlab.runtime.memory import measure_in_fresh_process
from gymlab.tables import ActionRow
from gymlab.workbench.claims import Claim, judge
from gymlab.workbench.probes.storage import open_and_close

_ROWS = 5_000
_LEAST_ROWS = 500
_REPEATS = 6
_ROUNDS, _SESSIONS = 8, 500
# Allocators keep some freed memory; a leak of a session or a cache a cycle would be many times this.
_GROWTH_ALLOWED = 0.03

Insert = Callable[[Database, Sequence[ActionRow]], Awaitable[object]]


@dataclass(frozen=True)
class StorageRun:
    """The claims ``database`` and ``stability``."""

    claims: tuple[Claim, ...]


def measure_storage(extraction: Extraction) -> StorageRun:
    """Store actions of the log both ways, and open and close sessions and caches by the thousand.

    Parameters
    ----------
    extraction
        Of the log; its first actions are what is stored.

    Returns
    -------
    StorageRun
    """
    return StorageRun((_database_claim(extraction), _stability_claim()))


def _database_claim(extraction: Extraction) -> Claim:
    """Judge ``database``: the same rows by one ``add`` each and by ``bulk_insert``, into new files."""
    log = extraction.actions.iloc[:_ROWS]
    if len(log) < _LEAST_ROWS:
        why = (
            f"the log has only {len(log)} actions; below {_LEAST_ROWS} a transaction costs more than its rows"
        )
        return judge("database", [], why)
    for insert in (insert_one_by_one, _insert_together):  # whatever is prepared once is prepared now
        background.run(_rows_a_second(insert, rows_of(log[:10])))
    before, after = [], []
    for _ in range(_REPEATS):
        before.append(background.run(_rows_a_second(insert_one_by_one, rows_of(log))))
        after.append(background.run(_rows_a_second(_insert_together, rows_of(log))))
    return judge(
        "database",
        [100 * (a / b - 1) for a, b in zip(after, before, strict=True)],
        f"{len(log):,} actions into a new SQLite file: {np.median(before):,.0f} rows a second by one add each and "
        f"one commit, {np.median(after):,.0f} by bulk_insert",
    )


async def _insert_together(database: Database, rows: Sequence[ActionRow]) -> None:
    await database.bulk_insert(rows)


async def _rows_a_second(insert: Insert, rows: Sequence[ActionRow]) -> float:
    with tempfile.TemporaryDirectory(prefix="gymlab-") as folder:
        async with Database(f"sqlite+aiosqlite:///{Path(folder) / 'claim.db'}") as database:
            async with database.session() as session:  # the tables are made before the clock starts
                await session.connection()
            start = time.perf_counter()
            await insert(database, rows)
            return len(rows) / (time.perf_counter() - start)


def _stability_claim() -> Claim:
    """Judge ``stability``: thousands of sessions and caches, opened and closed in a process of their own."""
    rounds = measure_in_fresh_process(open_and_close, _ROUNDS, _SESSIONS).value
    first, later = rounds[1], rounds[2:]  # the first round loads what is loaded once
    left = [
        sum(max(0.0, one[name] - first[name]) for name in ("handles", "threads")) + one["connections"]
        for one in later
    ]
    growth = later[-1]["resident"] / first["resident"] - 1
    return judge(
        "stability",
        left,
        f"{_ROUNDS * _SESSIONS:,} sessions of {_ROUNDS} databases and {_ROUNDS * _SESSIONS:,} caches: "
        f"{first['handles']:.0f} handles and {first['threads']:.0f} threads after the second round, "
        f"{later[-1]['handles']:.0f} and {later[-1]['threads']:.0f} after the last; resident memory {growth:+.1%}",
        also=growth <= _GROWTH_ALLOWED,
    )
