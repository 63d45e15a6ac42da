"""The database's speed."""

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
from gymlab.tables import ActionRow
from gymlab.workbench.claims import Claim, judge
from gymlab.workbench.measure.sublog import require_measurable

_ROWS = 5_000
_LEAST_ROWS = 500
_REPEATS = 6

Insert = Callable[[Database, Sequence[ActionRow]], Awaitable[object]]


@dataclass(frozen=True)
class StorageRun:
    """The claim ``database``."""

    claims: tuple[Claim, ...]


def measure_storage(extraction: Extraction) -> StorageRun:
    """Store the same rows by one ``add`` each and by ``bulk_insert``, into new files.

    Parameters
    ----------
    extraction
        Of the log; its first actions are what is stored.

    Returns
    -------
    StorageRun
    """
    require_measurable(extraction)
    log = extraction.actions.iloc[:_ROWS]
    if len(log) < _LEAST_ROWS:
        why = (
            f"the log has only {len(log)} actions; below {_LEAST_ROWS} a transaction costs more than its rows"
        )
        return StorageRun((judge("database", [], why),))
    for insert in (insert_one_by_one, _insert_together):  # whatever is prepared once is prepared now
        background.run(_rows_a_second(insert, rows_of(log[:10])))
    before, after = [], []
    rows = rows_of(log)
    for _ in range(_REPEATS):
        # A session keeps the rows that it was given, so these are made anew each time.
        before.append(background.run(_rows_a_second(insert_one_by_one, rows_of(log))))
        after.append(background.run(_rows_a_second(_insert_together, rows)))
    claim = judge(
        "database",
        [100 * (a / b - 1) for a, b in zip(after, before, strict=True)],
        f"{len(log):,} actions into a new SQLite file: {np.median(before):,.0f} rows a second by one add each and "
        f"one commit, {np.median(after):,.0f} by bulk_insert",
    )
    return StorageRun((claim,))


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
