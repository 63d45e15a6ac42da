"""The claims about the runtime: entropy of a stream, storage of actions, and leaks."""

import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gymlab.actions.store import rows_of
from gymlab.db_models import ActionRow
from gymlab.entropy import IncrementalEntropy
from gymlab.patterns.baseline import entropies_from_scratch, insert_one_by_one
from gymlab.patterns.result import Extraction
from gymlab.runtime import background
from gymlab.runtime.alerts import Measurement
from gymlab.runtime.database import Database, PoolStats
from gymlab.runtime.memory import measure_in_fresh_process
from gymlab.workbench.claims import ClaimRun, judge, reduction
from gymlab.workbench.measure.sublog import require_measurable
from gymlab.workbench.probes.leaks import open_and_close

_WINDOW = 1_000
_FROM_SCRATCH_UPDATES = 300
_UPDATES = 20_000
_REPEATS = 6


def measure_entropy(extraction: Extraction) -> ClaimRun:
    """Time the entropy of the log's stream of choices, both recomputed and incremental, with a read after each action.

    Parameters
    ----------
    extraction
        Extraction of the log; its action types are the stream.

    Returns
    -------
    ClaimRun
    """
    require_measurable(extraction)
    action_types = extraction.actions["action_type"].tolist()
    window = min(_WINDOW, max(2, len(action_types) // 2))
    stream = list(itertools.islice(itertools.cycle(action_types), window + _UPDATES))
    before, after = [], []
    for _ in range(_REPEATS):
        before.append(_from_scratch(stream[: window + _FROM_SCRATCH_UPDATES], window))
        after.append(_incremental(stream, window))
    repeated = " (the log repeated)" if len(action_types) < len(stream) else ""
    claim = judge(
        "entropy",
        [reduction(b, a) for b, a in zip(before, after, strict=True)],
        f"window of {window:,} actions{repeated}: {1 / np.median(before):,.0f} updates with a read a second when "
        f"counted anew, {1 / np.median(after):,.0f} incrementally",
    )
    return ClaimRun((claim,))


def _from_scratch(stream: list[str], window: int) -> float:
    """Return the seconds of one update with a full window."""
    start = 0.0

    def watched() -> Iterator[str]:
        nonlocal start
        yield from stream[:window]
        start = time.perf_counter()
        yield from stream[window:]

    entropies_from_scratch(watched(), window)
    return (time.perf_counter() - start) / (len(stream) - window)


def _incremental(stream: list[str], window: int) -> float:
    entropy = IncrementalEntropy(window=window)
    for action_type in stream[:window]:
        entropy.add(action_type)
    start = time.perf_counter()
    for action_type in stream[window:]:
        entropy.add(action_type)
        entropy.get_entropy()
    return (time.perf_counter() - start) / (len(stream) - window)


@dataclass(frozen=True, eq=False)
class StorageRun(ClaimRun):
    """The claim ``database``, and the largest use of the connections by gymlab's own insertions; None if too few rows."""

    pool: Measurement | None = None


_ROWS = 5_000
_LEAST_ROWS = 500

Insert = Callable[[Database, Sequence[ActionRow]], Awaitable[object]]


def measure_storage(extraction: Extraction) -> StorageRun:
    """Time the storage of the same rows with one ``add`` per row and with ``bulk_insert``, in new files.

    Parameters
    ----------
    extraction
        Extraction of the log; its first actions are stored.

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
    for insert in (insert_one_by_one, Database.bulk_insert):  # one-time preparations are not timed
        background.run(_inserted(insert, rows_of(log[:10])))
    before, after, pools = [], [], []
    rows = rows_of(log)
    for _ in range(_REPEATS):
        # A session keeps its rows, so each repeat needs new rows.
        before.append(background.run(_inserted(insert_one_by_one, rows_of(log)))[0])
        speed, pool = background.run(_inserted(Database.bulk_insert, rows))
        after.append(speed)
        pools.append(pool)
    claim = judge(
        "database",
        [100 * (a / b - 1) for a, b in zip(after, before, strict=True)],
        f"{len(log):,} actions into a new SQLite file: {np.median(before):,.0f} rows a second by one add each and "
        f"one commit, {np.median(after):,.0f} by bulk_insert",
    )
    used = max(pool.most_in_use / pool.limit for pool in pools)
    return StorageRun((claim,), Measurement(100 * used, sum(pool.uses for pool in pools)))


async def _inserted(insert: Insert, rows: Sequence[ActionRow]) -> tuple[float, PoolStats]:
    """Return the rows inserted a second, and the use of the connections."""
    with tempfile.TemporaryDirectory(prefix="gymlab-") as folder:
        async with Database(f"sqlite+aiosqlite:///{Path(folder) / 'claim.db'}") as database:
            async with database.session() as session:  # make the tables before the clock starts
                await session.connection()
            start = time.perf_counter()
            await insert(database, rows)
            return len(rows) / (time.perf_counter() - start), database.pool_stats()


_ROUNDS, _SESSIONS = 8, 300
# The growth that counts as no leak. Allocators keep some freed memory; a leak of one session or cache per cycle would
# be many times larger.
_GROWTH_ALLOWED = 0.03


def measure_leaks() -> ClaimRun:
    """Open and close thousands of sessions and caches in a new process, and count leaked handles, threads, connections."""
    rounds = measure_in_fresh_process(open_and_close, _ROUNDS, _SESSIONS).value
    first, later = rounds[1], rounds[2:]  # libraries are loaded in the first round
    left = [
        sum(max(0.0, one[name] - first[name]) for name in ("handles", "threads")) + one["connections"]
        for one in later
    ]
    growth = later[-1]["resident"] / first["resident"] - 1
    claim = judge(
        "no_leaks",
        left,
        f"{_ROUNDS * _SESSIONS:,} sessions of {_ROUNDS} databases and {_ROUNDS * _SESSIONS:,} caches: "
        f"{first['handles']:.0f} handles and {first['threads']:.0f} threads after the second round, "
        f"{later[-1]['handles']:.0f} and {later[-1]['threads']:.0f} after the last; resident memory {growth:+.1%}",
        also=growth <= _GROWTH_ALLOWED,
    )
    return ClaimRun((claim,))
