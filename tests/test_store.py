"""Action tables in the database: written once, read back as they were."""

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from logs import action
from test_readers import logs

from gymlab.actions import frame_from_records, read_actions, select_actions
from gymlab.actions.store import write_actions
from gymlab.errors import InputError
from gymlab.runtime.database import Database
from gymlab.settings import sample_path


def write(url, *frames):
    """Write the frames one after the other; return how many actions each time were new."""

    async def run():
        async with Database(url) as database:
            return [await write_actions(frame, database) for frame in frames]

    return asyncio.run(run())


def by_series(frame):
    """Return the frame as a database keeps it: ordered by key."""
    order = sorted(
        range(len(frame)),
        key=lambda i: (frame["session_id"][i].encode(), frame["agent_id"][i].encode(), frame["step"][i]),
    )
    return frame.iloc[order].reset_index(drop=True)


def test_writing_and_reading_is_the_identity():
    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(logs)
    def check(frame):
        with tempfile.TemporaryDirectory() as folder:
            write(f"sqlite+aiosqlite:///{folder}/x.db", frame)
            pd.testing.assert_frame_equal(read_actions(Path(folder) / "x.db"), by_series(frame))

    check()


def test_by_path_by_url_and_with_its_entropy_unit(tmp_path):
    frame = frame_from_records([action(step=i, other_last="share", n_choices=2) for i in range(5)])
    frame.attrs["entropy_unit"] = "1 - confidence"
    path = tmp_path / "x.db"
    assert write(f"sqlite+aiosqlite:///{path}", frame) == [5]
    for source in (path, f"sqlite:///{path}", f"sqlite+aiosqlite:///{path}"):
        back = read_actions(source)
        pd.testing.assert_frame_equal(back, frame)
        assert back.attrs == {"notes": [], "entropy_unit": "1 - confidence", "source": str(path)}


def test_writing_twice_changes_nothing_and_other_content_is_refused(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path}/x.db"
    frame = frame_from_records([action(step=i) for i in range(5)])
    longer = frame_from_records([action(step=i) for i in range(8)])
    assert write(url, frame, frame, longer) == [5, 0, 3]
    changed = frame_from_records([action(step=2, action_type="keep")])
    with pytest.raises(InputError, match=r"other content.*action_type"):
        write(url, changed)
    pd.testing.assert_frame_equal(read_actions(tmp_path / "x.db"), longer)


def test_logs_of_different_units_are_told_apart(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path}/x.db"
    bits = frame_from_records([action()])
    confidence = frame_from_records([action(session_id="s2")])
    confidence.attrs["entropy_unit"] = "1 - confidence"
    write(url, bits, confidence)
    both = read_actions(tmp_path / "x.db")
    assert both.attrs["entropy_unit"] == "mixed"
    with pytest.raises(InputError, match="different units"):
        write(url, both)


def test_a_database_without_actions_says_so(tmp_path):
    async def make():
        async with (
            Database(f"sqlite+aiosqlite:///{tmp_path}/new.db") as database,
            database.session() as session,
        ):
            await session.connection()

    asyncio.run(make())
    with pytest.raises(InputError, match=r"new\.db: no actions in it"):
        read_actions(tmp_path / "new.db")


def test_the_sample_goes_through_the_database(tmp_path):
    actions = select_actions(read_actions(sample_path()), agent=["Grudger", "Random"])
    assert write(f"sqlite+aiosqlite:///{tmp_path}/x.db", actions) == [len(actions)]
    pd.testing.assert_frame_equal(read_actions(tmp_path / "x.db"), by_series(actions))


def change(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_a_table_that_lacks_a_column_is_refused_or_read_without_it(tmp_path):
    path = tmp_path / "x.db"
    write(f"sqlite:///{path}", frame_from_records([action(decision_entropy=0.5)]))
    change(path, "ALTER TABLE gymlab_actions DROP COLUMN decision_entropy")
    frame = read_actions(path)
    assert frame["decision_entropy"].isna().all()
    assert frame.attrs["entropy_unit"] == "bits"
    change(path, "ALTER TABLE gymlab_actions DROP COLUMN target")
    with pytest.raises(InputError, match=r"x\.db: the columns target are missing"):
        read_actions(path)


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("2026-01-01 10:00:00.5", "2026-01-01T10:00:00.500Z"),
        ("2026-01-01T10:00:00-05:00", "2026-01-01T15:00:00Z"),
        ("2026-01-01T10:00:00+05:00", "2026-01-01T05:00:00Z"),
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"),
    ],
)
def test_a_stored_time_may_have_a_zone_of_its_own(stored, read, tmp_path):
    path = tmp_path / "x.db"
    write(f"sqlite:///{path}", frame_from_records([action()]))
    change(path, f"UPDATE gymlab_actions SET timestamp = '{stored}'")  # noqa: S608
    frame = read_actions(path)
    assert frame["timestamp"].tolist() == [pd.Timestamp(read)]
    assert frame.attrs["notes"] == []


def test_a_stored_time_that_is_none_is_shown_as_it_stands(tmp_path):
    path = tmp_path / "x.db"
    write(f"sqlite:///{path}", frame_from_records([action()]))
    change(path, "UPDATE gymlab_actions SET timestamp = '2026-01-01 25:00:00'")
    with pytest.raises(InputError, match=r"timestamp: '2026-01-01 25:00:00' is no ISO 8601 time"):
        read_actions(path)
