"""The tables: where they live, and what survives the way there and back."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest
from sqlalchemy.exc import StatementError
from sqlmodel import SQLModel, select

from gymlab.db_models import ActionRow, GymlabTable, ReportRun
from gymlab.runtime.database import Database


def action(**changes):
    values = {
        "session_id": "s",
        "agent_id": "a",
        "step": 0,
        "action_id": "s/a/0",
        "timestamp": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "actor": "a",
        "target": "b",
        "action_type": "share",
        "decision_context": "trust_betrayal",
        "relationship_type": "ally",
        "impact": 0.1,
        "outcome_valence": -0.2,
        "decision_entropy": 1.5,
        "latency_ms": 12.25,
        "other_last": "take",
        "n_choices": 4,
        "meta": '{"a": 1}',
        "entropy_unit": "bits",
    }
    return ActionRow(**values | changes)


def stored(row):
    async def there_and_back():
        async with Database("sqlite:///:memory:") as db:
            async with db.session() as session:
                session.add(row)
            async with db.session() as session:
                return (await session.exec(select(type(row)))).one()

    return asyncio.run(there_and_back())


def test_a_create_all_of_the_user_does_not_make_our_tables():
    ours = {
        "gymlab_actions",
        "gymlab_report_runs",
        "gymlab_principles",
        "gymlab_gym_profiles",
        "gymlab_gym_principles",
    }
    assert not ours & set(SQLModel.metadata.tables)
    assert set(GymlabTable.metadata.tables) == ours


def test_the_key_of_an_action_and_the_name_of_its_metadata():
    table = GymlabTable.metadata.tables["gymlab_actions"]
    assert [column.name for column in table.primary_key.columns] == ["session_id", "agent_id", "step"]
    assert "metadata" in table.columns
    assert "meta" not in table.columns


def test_every_column_of_an_action_round_trips():
    expected = action().model_dump()
    assert stored(action()).model_dump() == expected


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 4, 5, 6, 7, 1, tzinfo=UTC),
        datetime(2026, 3, 4, 5, 6, 7, 999999, tzinfo=timezone(timedelta(hours=-5, minutes=-30))),
        datetime(1, 1, 2, tzinfo=UTC),
        pd.Timestamp("2026-03-04 05:06:07.000001", tz="Europe/Zurich"),
    ],
)
def test_a_moment_is_the_same_moment_in_utc(moment):
    back = stored(action(timestamp=moment)).timestamp
    assert back == moment
    assert back.tzinfo is UTC


def test_a_time_without_zone_is_refused():
    with pytest.raises(StatementError, match="no time zone"):
        stored(action(timestamp=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_what_is_unknown_is_none():
    nan = float("nan")
    back = stored(
        action(timestamp=pd.NaT, impact=nan, outcome_valence=nan, decision_entropy=nan, latency_ms=nan)
    )
    assert (back.timestamp, back.impact, back.outcome_valence, back.decision_entropy, back.latency_ms) == (
        None,
    ) * 5


def test_a_report_run_round_trips():
    values = {
        "run_id": "nightly-1",
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "source": "log.jsonl",
        "actions": 1000,
        "windows": 99,
        "gymlab_version": "0.1.0",
        "claims_held": 8,
        "claims_total": 9,
        "results": '{"n": "ü"}',
    }
    assert stored(ReportRun(**values)).model_dump() == values
