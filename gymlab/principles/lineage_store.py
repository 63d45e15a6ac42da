"""The principles of all runs in the database, with their lineage."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Protocol, cast

import pandas as pd
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gymlab.arguments import instance
from gymlab.db_models import PrincipleRecord
from gymlab.errors import InputError
from gymlab.principles.lineage import RULE, Lineage, Rule, require_rules, trace_lineage
from gymlab.runtime.database import Database


class EvidencedRule(Rule, Protocol):
    """A rule with the number of its actions and its q-value."""

    @property
    def n(self) -> int:
        """The number of actions of the subject in the situation."""

    @property
    def q_value(self) -> float:
        """The q-value; NaN if it is unknown."""


async def store_principles(
    database: Database,
    rules: Sequence[EvidencedRule],
    *,
    run_id: str,
    source: str,
    created_at: datetime | None = None,
) -> Lineage:
    """Store the principles of a run, with their lineage from the previous run of the same source.

    Storing the same run again changes nothing. A run without principles is not stored, so the next run is compared with
    the run before it.

    Parameters
    ----------
    database
        The database.
    rules
        The principles: any objects with the attributes of :class:`EvidencedRule`.
    run_id
        The name of the run.
    source
        The log. Only runs of the same source are related.
    created_at
        The time of the run, with its time zone; None for now.

    Returns
    -------
    Lineage
        The parents are indices into the principles of the previous run, in the order in which they were stored.

    Raises
    ------
    InputError
        If ``created_at`` has no time zone, or a run of this name is already stored with other principles or from
        another source. Nothing is stored then.

    Examples
    --------
    >>> async def keep(principles):
    ...     async with Database() as database:
    ...         return await store_principles(database, principles, run_id="nightly-7", source="log.jsonl")
    """
    instance("database", database, Database, "a gymlab.Database")
    require_rules("rules", rules, (*RULE, "n", "q_value"))
    instance("run_id", run_id, str, "a text")
    instance("source", source, str, "a text")
    if created_at is not None:
        instance("created_at", created_at, datetime, "a datetime, or None")
    if created_at is not None and created_at.tzinfo is None:
        raise InputError(f"created_at={created_at.isoformat()} has no time zone; give it one, such as UTC")
    async with database.session() as session:
        stored = await _principles_of(session, run_id)
        when = stored[0].created_at if stored else created_at or datetime.now(UTC)
        previous = stored[0].compared_with if stored else await _run_before(session, source, when)
        before = await _principles_of(session, previous)
    lineage = trace_lineage([_rule(record) for record in before], rules)
    records = [
        PrincipleRecord(
            run_id=run_id,
            number=number,
            created_at=when,
            source=source,
            compared_with=previous,
            subject=rule.subject,
            situation=json.dumps(dict(rule.situation), ensure_ascii=False, sort_keys=True),
            action=rule.action,
            probability=float(rule.probability),
            low=float(rule.low),
            high=float(rule.high),
            n=int(rule.n),
            q=None if math.isnan(rule.q_value) else float(rule.q_value),
            kind=descent.kind,
            changed=descent.changed,
            parents=json.dumps([before[parent].id for parent in descent.parents]),
        )
        for number, (rule, descent) in enumerate(zip(rules, lineage.descents, strict=True))
    ]
    if not stored:
        await database.bulk_insert(records)
    elif [one.model_dump() for one in stored] != [one.model_dump() for one in records]:
        raise InputError(
            f"the run {run_id!r} is stored already, with other principles or of another source; "
            "give this one another run id"
        )
    return lineage


async def stored_lineage(database: Database, source: str | None = None) -> pd.DataFrame:
    """Return the principles of all runs of one source, or of all sources, in the order of time.

    Returns
    -------
    pandas.DataFrame
        A row for each principle and run: ``id``, the columns of :class:`gymlab.db_models.PrincipleRecord` with
        ``situation`` as a dict and ``parents`` as a list of ids, and ``vanished``: True if a later run was compared
        with this run and no principle of the later run comes from this principle.

    Examples
    --------
    >>> import asyncio
    >>> async def history():
    ...     async with Database("sqlite:///:memory:") as database:
    ...         return await stored_lineage(database)
    >>> len(asyncio.run(history()))
    0
    """
    instance("database", database, Database, "a gymlab.Database")
    query = select(PrincipleRecord)
    if source is not None:
        instance("source", source, str, "a text, or None")
        query = query.where(PrincipleRecord.source == source)
    async with database.session() as session:
        records = (await session.exec(query)).all()
    frame = pd.DataFrame(
        [{"id": record.id} | record.model_dump() for record in records],
        columns=["id", *PrincipleRecord.model_fields],
    ).sort_values(["created_at", "run_id", "number"], ignore_index=True)
    frame["situation"] = frame["situation"].map(json.loads)
    frame["parents"] = frame["parents"].map(json.loads)
    heirs = {parent for parents in frame["parents"] for parent in parents}
    frame["vanished"] = ~frame["id"].isin(heirs) & frame["run_id"].isin(frame["compared_with"].dropna())
    return frame


async def _principles_of(session: AsyncSession, run_id: str | None) -> list[PrincipleRecord]:
    found = await session.exec(select(PrincipleRecord).where(PrincipleRecord.run_id == run_id))
    return sorted(found.all(), key=lambda record: record.number)


async def _run_before(session: AsyncSession, source: str, when: datetime) -> str | None:
    latest = (
        select(PrincipleRecord.run_id)
        .where(PrincipleRecord.source == source, col(PrincipleRecord.created_at) <= when)
        .order_by(col(PrincipleRecord.created_at).desc(), col(PrincipleRecord.run_id).desc())
        .limit(1)
    )
    return (await session.exec(latest)).first()


def _rule(record: PrincipleRecord) -> Rule:
    figures = record.model_dump(include={"action", "probability", "low", "high"})
    return cast(
        "Rule", SimpleNamespace(subject=record.subject, situation=json.loads(record.situation), **figures)
    )
