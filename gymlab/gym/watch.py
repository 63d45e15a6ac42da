"""What agents do while their sessions run: entropies per action, and patterns as windows complete, from a database."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy
from sqlalchemy import case, func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gymlab.actions.schema import validate_actions
from gymlab.arguments import instance, whole_number
from gymlab.db_models import ActionRow
from gymlab.entropy import IncrementalEntropy
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.pipeline import extract_patterns
from gymlab.patterns.temporal import TemporalPattern
from gymlab.runtime.database import Database

if TYPE_CHECKING:
    from gymlab.patterns.result import Extraction

_COLUMNS = (
    *("session_id", "agent_id", "step", "timestamp", "actor", "target", "action_type", "decision_context"),
    *("relationship_type", "impact", "outcome_valence", "decision_entropy", "latency_ms", "n_choices"),
)
_ROWS: Any = select(*(getattr(ActionRow, name) for name in _COLUMNS))
# Each series with its next step. A database looks each of them up in the index of the key, so this takes as long as
# there are series, however many actions there are. Steps begin at 0.
_SERIES = """
WITH RECURSIVE sessions(s) AS (
    SELECT min(session_id) FROM gymlab_actions
    UNION ALL
    SELECT (SELECT min(session_id) FROM gymlab_actions WHERE session_id > s) FROM sessions WHERE s IS NOT NULL
), series(s, a) AS (
    SELECT s, (SELECT min(agent_id) FROM gymlab_actions WHERE session_id = s) FROM sessions WHERE s IS NOT NULL
    UNION ALL
    SELECT s, (SELECT min(agent_id) FROM gymlab_actions WHERE session_id = s AND agent_id > a)
    FROM series WHERE a IS NOT NULL
)
SELECT s, a, (SELECT max(step) + 1 FROM gymlab_actions WHERE session_id = s AND agent_id = a)
FROM series WHERE a IS NOT NULL
"""
# The latest actions of an agent from which patterns are extracted; the first refresh reads at least so many. With 50
# sessions side by side, these are 100 of each, and a window needs 20 of one.
_RECENT = 5_000
# Patterns need so many windows.
_LEAST_WINDOWS = 20
# The windows that are remembered, and the series with an incomplete window.
_MOST_WINDOWS = 1_000


@dataclass
class _Seen:
    """What was seen of an agent."""

    entropy: IncrementalEntropy
    recent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_RECENT))
    actions: int = 0
    missing: int = 0
    sessions: int = 0
    last: datetime | None = None
    pattern: str = ""


class Watch:
    """A look at the actions in a database that goes on while sessions store them.

    :meth:`refresh` reads the actions that are new: it asks the index of the key for the next step of each series, and
    then for the steps beyond the known ones. The first refresh counts all actions, and reads the latest ones of each
    agent.

    The entropy of an agent is that of its latest actions, updated per action. When there are enough actions, patterns
    are extracted from the latest 5,000 of each agent. From then on each window is assigned to a pattern when it is
    complete. If the windows have drifted (:class:`gymlab.patterns.assignment.Drift`), the patterns are extracted again.

    Parameters
    ----------
    database
        The database of the training.
    entropy_window
        How many latest actions of an agent its entropy counts.
    window, hop
        Length and distance of the windows of the patterns.

    Attributes
    ----------
    extraction
        The patterns; None as long as there are too few actions.
    windows
        The latest 1,000 windows that were assigned: their agent, session, first step, and pattern.

    Examples
    --------
    >>> async def looked_at():
    ...     async with Database("sqlite:///:memory:") as database:
    ...         watch = Watch(database)
    ...         await watch.refresh()
    ...         return len(watch.frame())
    >>> asyncio.run(looked_at())
    0
    """

    def __init__(
        self, database: Database, *, entropy_window: int = 100, window: int = 20, hop: int = 10
    ) -> None:
        instance("database", database, Database, "a gymlab.Database")
        self._database = database
        self._entropy_window = whole_number("entropy_window", entropy_window, least=2)
        self._config = ExtractionConfig(window=window, hop=hop, unit="window", n_surrogates=0, n_resamples=0)
        self.extraction: Extraction | None = None
        self.windows: deque[dict[str, Any]] = deque(maxlen=_MOST_WINDOWS)
        self._next: dict[tuple[str, str], int] = {}
        # For each series the actions that are in no complete window.
        self._open: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._agents: dict[str, _Seen] = {}
        self._extracted_at = 0

    async def refresh(self) -> int:
        """Read what is new, and return the number of new decisions.

        Raises
        ------
        InputError
            If the database cannot be read.
        """
        known = self._n_decisions()
        rows = await self._read_new() if self._next else await self._read_first()
        for row in rows:
            self._follow(row)
        # An extraction takes a moment, so it must not run in the event loop.
        await asyncio.to_thread(self._follow_patterns)
        return self._n_decisions() - known

    def frame(self) -> pd.DataFrame:
        """Return a row for each agent: sessions, actions, missing decisions, entropy, last pattern and last time.

        ``entropy_bits`` is that of the latest actions. ``pattern`` is the number of the pattern of the last complete
        window, with its most frequent action types.
        """
        return pd.DataFrame(
            [
                {
                    "agent": agent,
                    "sessions": seen.sessions,
                    "actions": seen.actions,
                    "missing": seen.missing,
                    "entropy_bits": seen.entropy.bits,
                    "pattern": seen.pattern,
                    "last": seen.last,
                }
                for agent, seen in sorted(self._agents.items())
            ],
            columns=["agent", "sessions", "actions", "missing", "entropy_bits", "pattern", "last"],
        )

    def listing(self) -> str:
        """Return the state for a terminal."""
        width = max([len(agent) for agent in self._agents] + [5])
        lines = [f"{'agent':{width}}  sessions   actions  missing  entropy  last pattern"]
        lines += [
            f"{agent:{width}}  {seen.sessions:8,}  {seen.actions:8,}  {seen.missing:7,}  {seen.entropy.bits:7.3f}  "
            f"{seen.pattern or '–'}"
            for agent, seen in sorted(self._agents.items())
        ]
        n = 0 if self.extraction is None else len(self.extraction.patterns)
        return "\n".join(
            [*lines, f"entropy in bits of the latest {self._entropy_window} actions; {n} patterns"]
        )

    def _of(self, agent: str) -> _Seen:
        if agent not in self._agents:
            self._agents[agent] = _Seen(IncrementalEntropy(window=self._entropy_window))
        return self._agents[agent]

    async def _read_first(self) -> list[dict[str, Any]]:
        """Count what is stored, and return the latest actions of each agent."""
        missing = func.sum(case((col(ActionRow.action_type) == "", 1), else_=0))
        key = ActionRow.session_id, ActionRow.agent_id
        counted = sqlalchemy.select(
            *map(col, key), func.max(ActionRow.step) + 1, func.count(), missing
        ).group_by(*map(col, key))
        async with self._database.session() as session:
            found: list[Any] = list((await (await session.connection()).execute(counted)).all())
            for s, a, end, n, absent in found:
                self._next[s, a] = end
                seen = self._of(a)
                seen.sessions += 1
                seen.actions += n - absent
                seen.missing += absent
            n_latest = max(_RECENT, self._entropy_window)
            rows = [row for a in self._agents for row in await _latest_actions(session, a, n_latest)]
        return sorted(rows, key=lambda row: _moment(row["timestamp"]))

    async def _read_new(self) -> list[dict[str, Any]]:
        """Return the rows beyond the known steps, and count them."""
        rows: list[dict[str, Any]] = []
        async with self._database.session() as session:
            for s, a, end in (await (await session.connection()).execute(text(_SERIES))).all():
                first = self._next.get((s, a), 0)
                if first < end:
                    rows += await _rows(session, s, a, first, end)
                    self._of(a).sessions += (s, a) not in self._next
                    self._next[s, a] = end
        for row in rows:
            seen = self._of(row["agent_id"])
            seen.actions += row["action_type"] != ""
            seen.missing += row["action_type"] == ""
        return sorted(rows, key=lambda row: _moment(row["timestamp"]))

    def _follow(self, row: dict[str, Any]) -> None:
        seen = self._of(row["agent_id"])
        seen.last = row["timestamp"]
        if row["action_type"]:
            seen.entropy.add(row["action_type"])
            seen.recent.append(row)
            self._open.setdefault((row["session_id"], row["agent_id"]), []).append(row)

    def _follow_patterns(self) -> None:
        """Assign the windows that are complete now, and extract patterns if there are none or they have drifted."""
        if self.extraction is None:
            self._extract()
        while len(self._open) > _MOST_WINDOWS:
            del self._open[next(iter(self._open))]
        if self.extraction is None:
            return
        window, hop = self._config.window, self._config.hop
        complete: list[dict[str, Any]] = []
        for series, rows in self._open.items():
            if len(rows) >= window:
                n = (len(rows) - window) // hop + 1
                complete += rows[: (n - 1) * hop + window]
                self._open[series] = rows[n * hop :]
        if not complete:
            return
        found = self.extraction.assign(_table(complete))
        names = [_name(pattern) for pattern in self.extraction.patterns]
        for (s, a, start), label in zip(
            found.windows.table[["session_id", "agent_id", "start"]].itertuples(index=False),
            found.labels,
            strict=True,
        ):
            self.windows.append({"agent": a, "session": s, "start": start, "pattern": names[label]})
            self._of(a).pattern = names[label]
        if found.drift.refit_due and self._n_decisions() >= 2 * self._extracted_at:
            self._extract()

    def _extract(self) -> None:
        rows = [row for seen in self._agents.values() for row in seen.recent]
        lengths = Counter((row["session_id"], row["agent_id"]) for row in rows).values()
        window, hop = self._config.window, self._config.hop
        if sum((n - window) // hop + 1 for n in lengths if n >= window) >= _LEAST_WINDOWS:
            self.extraction = extract_patterns(_table(rows), self._config)
            self._extracted_at = self._n_decisions()

    def _n_decisions(self) -> int:
        return sum(seen.actions + seen.missing for seen in self._agents.values())


async def _latest_actions(session: AsyncSession, a: str, n: int) -> list[dict[str, Any]]:
    """Return the rows of the latest actions of an agent; a missing decision is no action."""
    latest = (col(ActionRow.timestamp).desc().nulls_last(), col(ActionRow.step).desc())
    query = _ROWS.where(ActionRow.agent_id == a, ActionRow.action_type != "").order_by(*latest).limit(n)
    rows = (await session.exec(query)).all()
    return [dict(zip(_COLUMNS, row, strict=True)) for row in reversed(rows)]


async def _rows(session: AsyncSession, s: str, a: str, first: int, end: int) -> list[dict[str, Any]]:
    """Return the rows of a series from one step to before another."""
    query = _ROWS.where(ActionRow.session_id == s, ActionRow.agent_id == a)
    query = query.where(ActionRow.step >= first, ActionRow.step < end).order_by(col(ActionRow.step))
    return [dict(zip(_COLUMNS, row, strict=True)) for row in (await session.exec(query)).all()]


def _table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    return validate_actions(pd.DataFrame(rows))


def _name(pattern: TemporalPattern) -> str:
    shares = ", ".join(f"{name} {share:.0%}" for name, share in list(pattern.actions.items())[:2])
    return f"{pattern.label}: {shares}"


def _moment(timestamp: datetime | None) -> datetime:
    return datetime.min.replace(tzinfo=UTC) if timestamp is None else timestamp
