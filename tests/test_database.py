"""The database: transactions that do not disturb one another, and bulk insertion that is all or nothing."""

import asyncio
import gc
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, text
from sqlmodel import Field, SQLModel, select

from gymlab.db_models import ActionRow, ReportRun
from gymlab.errors import InputError, OutputError
from gymlab.runtime.database import Database

START = datetime(2026, 1, 1, tzinfo=UTC)
MEMORY = "sqlite:///:memory:"


def action(step, session="s", agent="a", **changes):
    values = {
        "session_id": session,
        "agent_id": agent,
        "step": step,
        "action_id": f"{session}/{agent}/{step}",
        "timestamp": START + timedelta(microseconds=int(step)),
        "actor": agent,
        "target": "b",
        "action_type": "share",
        "decision_context": "trust_betrayal",
        "relationship_type": "ally",
        "impact": 0.1 * (int(step) % 7),
        "entropy_unit": "bits",
    }
    return ActionRow(**values | changes)


def run(step, **changes):
    values = {
        "run_id": str(step),
        "created_at": START,
        "source": "log",
        "actions": 0,
        "windows": 1,
        "gymlab_version": "0",
        "claims_held": 1,
        "claims_total": 1,
        "results": "{}",
    }
    return ReportRun(**values | changes)


async def count(db, table=ActionRow):
    async with db.session() as session:
        return (await session.exec(select(func.count()).select_from(table))).one()


@pytest.fixture(params=["memory", "file", "postgres"])
def url(request, tmp_path):
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return MEMORY if request.param == "memory" else f"sqlite:///{tmp_path / 'new' / 'folder' / 'lab.db'}"


def with_database(url, work, **options):
    async def whole():
        async with Database(url, **options) as db:
            return await work(db)

    return asyncio.run(whole())


# Sessions


def test_a_session_commits_on_success_and_rolls_back_on_error(url):
    async def work(db):
        async with db.session() as session:
            session.add(action(0))

        async def fails():
            async with db.session() as session:
                session.add(action(1))
                await session.flush()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fails()
        return await count(db)

    assert with_database(url, work) == 1


def test_a_cancelled_session_stores_nothing_and_leaves_the_database_usable(url):
    async def work(db):
        started = asyncio.Event()

        async def never_ends():
            async with db.session() as session:
                session.add(action(0))
                await session.flush()
                started.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(never_ends())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await db.bulk_insert([action(5)]) == 1
        return await count(db), db.pool_in_use()

    assert with_database(url, work) == (1, 0)


BUSY = text(
    "WITH RECURSIVE r(i) AS (VALUES(0) UNION ALL SELECT i+1 FROM r WHERE i<20000) SELECT max(i) FROM r"
)


def test_a_cancellation_at_any_moment_loses_nothing_that_was_stored(url):
    async def work(db):
        await db.bulk_insert([action(0)])

        async def reads_and_writes(number):
            async with db.session() as session:
                await (await session.connection()).execute(BUSY)
                session.add(action(number))
                await session.flush()
                raise ZeroDivisionError

        for number in range(1, 60):
            task = asyncio.create_task(reads_and_writes(number))
            for _ in range(number):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises((asyncio.CancelledError, ZeroDivisionError)):
                await task
        return await count(db), db.pool_in_use()

    assert with_database(url, work) == (1, 0)


def test_a_cancelled_session_lets_go_of_the_lock_at_once(tmp_path, monkeypatch):
    """SQLite keeps a lock while a statement exists, and the traceback of a cancelled task may keep one."""
    monkeypatch.setattr("gymlab.runtime.database._PATIENCE_S", 0.5)

    async def work(db):
        await db.bulk_insert([action(0)])

        async def reads_and_writes(number):
            async with db.session() as session:
                await (await session.connection()).execute(BUSY)
                session.add(action(number))
                await session.flush()
                await asyncio.sleep(10)

        for number in range(1, 60):
            task = asyncio.create_task(reads_and_writes(number))
            await asyncio.sleep(0.0002 * number)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await db.bulk_insert([action(number, session="afterwards")])
        return await count(db)

    gc.disable()
    try:
        assert with_database(f"sqlite:///{tmp_path}/lab.db", work) == 60
    finally:
        gc.enable()


def test_many_writers_at_once_lose_nothing(url):
    async def work(db):
        async def writer(number):
            async with db.session() as session:
                session.add(action(number))
            await db.bulk_insert([action(step, session=f"bulk-{number}") for step in range(20)], batch_size=7)

        await asyncio.gather(*(writer(number) for number in range(60)))
        return await count(db), db.pool_in_use()

    assert with_database(url, work) == (60 * 21, 0)


def test_ten_writers_that_together_take_longer_than_sqlite_waits_take_turns(tmp_path, monkeypatch):
    monkeypatch.setattr("gymlab.runtime.database._PATIENCE_S", 0.02)

    async def work(db):
        await db.upgrade()
        await asyncio.gather(
            *(db.bulk_insert([action(step, f"{number}") for step in range(800)]) for number in range(10))
        )
        return await count(db)

    assert with_database(f"sqlite:///{tmp_path}/lab.db", work) == 8_000


WRITES = """
import asyncio, sys
from gymlab.runtime.database import Database
from test_database import action

async def writer(db, name):
    for k in range(4):
        async with db.session() as session:
            session.add(action(k, name))
        await db.bulk_insert([action(step, f"{name}, {k}") for step in range(50)])

async def main():
    async with Database(sys.argv[1]) as db:
        print("ready", flush=True)
        sys.stdin.readline()
        await asyncio.gather(*(writer(db, f"{sys.argv[2]}, {i}") for i in range(5)))

asyncio.run(main())
"""


def test_ten_writers_of_two_processes_lose_nothing_and_see_no_lock(tmp_path):
    url = f"sqlite:///{tmp_path}/lab.db"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITES, url, str(number)],
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    assert [child.communicate()[1] for child in children] == ["", ""]
    assert [child.returncode for child in children] == [0, 0]
    assert with_database(url, count) == 2 * 5 * 4 * 51


def test_read_and_write_for_update_waits_its_turn(url):
    async def work(db):
        await db.bulk_insert([run(0)])

        async def increment():
            async with db.session() as session:
                row = await session.get(ReportRun, "0", with_for_update=True)
                await asyncio.sleep(0)
                row.actions += 1

        await asyncio.gather(*(increment() for _ in range(40)))
        async with db.session() as session:
            return (await session.get(ReportRun, "0")).actions

    assert with_database(url, work) == 40


def test_an_update_that_would_be_lost_is_refused(tmp_path):
    async def work(db):
        await db.bulk_insert([run(0)])

        async def overtaken():
            async with db.session() as late:
                row = await late.get(ReportRun, "0")
                async with db.session() as early:
                    (await early.get(ReportRun, "0")).actions = 7
                row.actions += 1

        with pytest.raises(OutputError, match="with_for_update"):
            await overtaken()
        async with db.session() as session:
            return (await session.get(ReportRun, "0")).actions

    assert with_database(f"sqlite:///{tmp_path}/lab.db", work) == 7


def test_a_reader_keeps_its_snapshot_and_stops_no_writer(tmp_path):
    async def work(db):
        await db.bulk_insert([action(0)])
        async with db.session() as reader:
            statement = select(func.count()).select_from(ActionRow)
            before = (await reader.exec(statement)).one()
            await db.bulk_insert([action(1)])
            return before, (await reader.exec(statement)).one(), await count(db)

    assert with_database(f"sqlite:///{tmp_path}/lab.db", work) == (1, 1, 2)


def test_a_session_left_open_is_reported_with_its_place():
    async def leak():
        db = Database(MEMORY)
        context = db.session()
        session = await context.__aenter__()
        session.add(action(0))
        await session.flush()
        with pytest.warns(ResourceWarning, match=rf"1 database session.*{__file__}:\d+"):
            await db.aclose()
        assert db.pool_in_use() == 0
        await context.gen.aclose()

    asyncio.run(leak())
    gc.collect()  # a connection forgotten would be reported here


def test_sessions_closed_in_time_are_not_reported(url):
    async def work(db):
        await count(db)

    with_database(url, work)
    gc.collect()


def test_pool_figures(tmp_path):
    async def work(db):
        figures = [(db.pool_in_use(), db.pool_utilization())]
        async with db.session() as one, db.session() as two:
            await one.exec(select(ActionRow))
            await two.exec(select(ActionRow))
            figures.append((db.pool_in_use(), db.pool_utilization()))
        return [*figures, (db.pool_in_use(), db.pool_utilization())]

    figures = with_database(f"sqlite:///{tmp_path}/lab.db", work, pool_size=3, max_overflow=1)
    assert figures == [(0, 0.0), (2, 0.5), (0, 0.0)]


@pytest.mark.parametrize("name", ["memory", "file"])
def test_one_database_serves_several_event_loops(name, tmp_path):
    db = Database(MEMORY if name == "memory" else f"sqlite:///{tmp_path}/lab.db")
    assert asyncio.run(db.bulk_insert([action(0)])) == 1
    assert asyncio.run(count(db)) == 1
    asyncio.run(db.aclose())


# Opening


def test_the_file_is_in_wal_mode_with_foreign_keys_and_its_tables(tmp_path):
    async def work(db):
        await db.upgrade()
        async with db.engine.connect() as connection:
            wal = (await connection.execute(text("PRAGMA journal_mode"))).scalar()
            keys = (await connection.execute(text("PRAGMA foreign_keys"))).scalar()
            names = (
                await connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
            ).scalars()
            return wal, keys, set(names)

    wal, keys, names = with_database(f"sqlite:///{tmp_path}/a/b/lab.db", work)
    assert (wal, keys) == ("wal", 1)
    assert {"gymlab_actions", "gymlab_report_runs"} <= names


def test_both_forms_of_the_url_name_the_same_file(tmp_path):
    async def insert(db):
        return await db.bulk_insert([action(0)])

    assert with_database(f"sqlite:///{tmp_path}/lab.db", insert) == 1
    assert with_database(f"sqlite+aiosqlite:///{tmp_path}/lab.db", insert) == 0


def test_without_url_the_home_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home"))
    assert with_database(None, count) == 0
    assert (tmp_path / "home" / "data" / "gymlab.db").is_file()


def test_making_a_database_object_touches_no_file(tmp_path):
    db = Database(f"sqlite:///{tmp_path}/folder/lab.db")
    assert not (tmp_path / "folder").exists()
    asyncio.run(db.aclose())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:hunter2@localhost:port/gym",
        "mysql://ada:hunter2@h/d?password=hunter2",
        "hunter2",
        "sqlite://ada:hunter2@folder/lab.db",
    ],
)
def test_other_databases_are_refused_without_showing_a_password(url):
    with pytest.raises(InputError, match="sqlite:///") as caught:
        Database(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("sizes", [{"pool_size": 0}, {"max_overflow": -1}])
def test_impossible_pools_are_refused(sizes):
    with pytest.raises(InputError, match="pool_size"):
        Database(MEMORY, **sizes)


def test_a_file_that_is_no_database_is_said_in_one_line(tmp_path):
    (tmp_path / "notes.txt").write_text("These are notes, not a database. " * 50)
    with pytest.raises(InputError, match=r"notes\.txt is not an SQLite database") as caught:
        with_database(f"sqlite:///{tmp_path}/notes.txt", count)
    assert "\n" not in str(caught.value)
    gc.collect()


def test_a_folder_in_the_place_of_the_file_is_said(tmp_path):
    (tmp_path / "lab.db").mkdir()
    with pytest.raises(OutputError, match=r"lab\.db cannot be opened"):
        with_database(f"sqlite:///{tmp_path}/lab.db", count)
    gc.collect()


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        with_database(f"sqlite:///{tmp_path}/file/lab.db", count)


def test_a_database_that_may_only_be_read_is_said(tmp_path):
    with_database(f"sqlite:///{tmp_path}/lab.db", count)

    async def work(db):
        return await db.bulk_insert([action(0)])

    with pytest.raises(OutputError, match="cannot be written"):
        with_database(f"sqlite:///file:{tmp_path}/lab.db?mode=ro&uri=true", work)
    gc.collect()


@pytest.mark.parametrize(
    "made",
    [
        "CREATE TABLE gymlab_actions (session_id TEXT, agent_id TEXT, step INTEGER)",
        "CREATE TABLE gymlab_report_runs (run_id TEXT PRIMARY KEY)",
        "CREATE VIEW gymlab_actions AS SELECT 1 AS session_id",
    ],
)
def test_a_table_that_is_not_gymlabs_is_named(made, tmp_path):
    threads = threading.active_count()
    with closing(sqlite3.connect(tmp_path / "lab.db")) as connection, connection:
        connection.execute(made)

    async def work(db):
        await db.bulk_insert([action(0)])

    with pytest.raises(InputError, match=rf"lab\.db: its table '{made.split()[2]}' is not gymlab's"):
        with_database(f"sqlite:///{tmp_path}/lab.db", work)
    gc.collect()
    assert threading.active_count() == threads


def test_a_database_that_another_process_writes_can_be_opened_and_read(tmp_path, monkeypatch):
    monkeypatch.setattr("gymlab.runtime.database._PATIENCE_S", 0.01)
    file = tmp_path / "lab.db"
    with_database(f"sqlite:///{file}", lambda db: db.bulk_insert([action(0)]))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert with_database(f"sqlite:///{file}", count) == 1


def test_a_database_that_another_process_writes_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("gymlab.runtime.database._PATIENCE_S", 0.1)
    url = f"sqlite:///{tmp_path}/lab.db"
    with_database(url, count)

    async def work(db):
        await db.bulk_insert([action(0)])

    with closing(sqlite3.connect(tmp_path / "lab.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutputError, match="is being written by another session or process") as caught:
            with_database(url, work)
        assert "with_for_update" not in str(caught.value)
        writer.execute("ROLLBACK")


def test_a_closed_database_says_so(url):
    db = Database(url)
    asyncio.run(db.aclose())
    with pytest.raises(InputError, match="was closed"):
        asyncio.run(db.bulk_insert([action(0)]))


def test_processes_that_open_a_new_file_together_do_not_collide(tmp_path):
    code = (
        "import asyncio, sys\n"
        "from gymlab.runtime.database import Database\n"
        "from test_database import run\n"
        "async def main():\n"
        "    async with Database(sys.argv[1]) as db:\n"
        "        await asyncio.gather(*(db.bulk_insert([run(f'{sys.argv[2]}-{i}')]) for i in range(20)))\n"
        "asyncio.run(main())\n"
    )
    url = f"sqlite:///{tmp_path}/lab.db"
    folder = __file__.rpartition("/")[0]
    children = [subprocess.Popen([sys.executable, "-c", code, url, str(i)], cwd=folder) for i in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]

    async def work(db):
        return await count(db, ReportRun)

    assert with_database(url, work) == 60


# Bulk insertion


def test_what_was_inserted_is_what_is_read(url):
    rows = [
        action(step, impact=None if step % 3 else step / 7, n_choices=step % 5 or None)
        for step in range(2500)
    ]
    expected = [row.model_dump() for row in rows]

    async def work(db):
        assert await db.bulk_insert(rows, batch_size=999) == 2500
        async with db.session() as session:
            return [
                row.model_dump() for row in await session.exec(select(ActionRow).order_by(ActionRow.step))
            ]

    assert with_database(url, work) == expected


def test_inserting_twice_is_inserting_once(url):
    async def work(db):
        first = await db.bulk_insert([action(step) for step in range(1500)])
        again = await db.bulk_insert(
            [action(step, impact=np.float64(0.1 * (step % 7))) for step in range(1600)]
        )
        return first, again, await db.bulk_insert([]), await count(db)

    assert with_database(url, work) == (1500, 100, 0, 1600)


def test_nan_and_none_are_the_same_unknown(url):
    async def work(db):
        await db.bulk_insert([action(0, impact=float("nan"))])
        return await db.bulk_insert([action(0, impact=None)])

    assert with_database(url, work) == 0


def test_the_same_key_with_other_content_is_refused_and_nothing_is_stored(url):
    async def work(db):
        await db.bulk_insert([action(3)])
        rows = [action(step) for step in range(10)]
        rows[3] = action(3, action_type="take", latency_ms=1.0)
        with pytest.raises(
            InputError, match=r"row 3 .*step=3\).*'action_type' is 'share' there and 'take' here"
        ):
            await db.bulk_insert(rows, batch_size=2)
        return await count(db)

    assert with_database(url, work) == 1


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_the_same_key_twice_in_one_call(url, batch_size):
    async def work(db):
        assert await db.bulk_insert([action(0), action(1), action(0)], batch_size) == 2
        with pytest.raises(InputError, match=r"row 2 .*step=5\).*'target'"):
            await db.bulk_insert([action(5), action(6), action(5, target="c")], batch_size)
        return await count(db)

    assert with_database(url, work) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actor": None}, "'actor' must not be empty"),
        ({"actor": 5}, "'actor' takes a string, not int 5"),
        ({"step": "7"}, "'step' takes an integer, not str '7'"),
        ({"step": 7.0}, "'step' takes an integer, not float"),
        ({"impact": "high"}, "'impact' takes a number, not str 'high'"),
        ({"impact": True}, "'impact' takes a number, not bool"),
        ({"meta": {"a": 1}}, "'metadata' takes a string, not dict"),
        ({"timestamp": "2026-01-01"}, "'timestamp' takes a time"),
        ({"timestamp": datetime(2026, 1, 1)}, "'timestamp' cannot take .* no time zone"),  # noqa: DTZ001
        ({"n_choices": 2**70}, "(too large|out of int64 range)"),
        ({"target": "\ud800"}, "surrogates"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_stored(url, changes, message):
    async def work(db):
        rows = [action(step) for step in range(50)]
        rows[42] = action(**{"step": 42} | changes)
        with pytest.raises(
            InputError, match=rf"row 42 \(session_id='s', agent_id='a', step=.*\): .*{message}"
        ):
            await db.bulk_insert(rows, batch_size=10)
        assert await count(db) == 0
        return await db.bulk_insert([action(0)])

    assert with_database(url, work) == 1


def test_a_required_value_that_was_never_given_is_named(url):
    async def work(db):
        await db.bulk_insert([ActionRow(session_id="s", agent_id="a", step=0)])

    with pytest.raises(InputError, match=r"row 0 .*'action_id' must not be empty"):
        with_database(url, work)


def test_numpy_scalars_are_taken_as_numbers(url):
    async def work(db):
        await db.bulk_insert([action(np.int64(3), impact=np.float32(0.5), n_choices=np.int32(2))])
        async with db.session() as session:
            row = (await session.exec(select(ActionRow))).one()
            return row.step, row.impact, row.n_choices

    assert with_database(url, work) == (3, 0.5, 2)


class Visit(SQLModel, table=True):
    number: int = Field(primary_key=True)
    place: str = Field(unique=True)
    paid: bool = False


def test_a_table_of_the_users_own_with_its_own_rules(url):
    async def work(db):
        async with db.engine.begin() as connection:
            await connection.run_sync(Visit.metadata.create_all)
        assert await db.bulk_insert([Visit(number=1, place="x", paid=True), Visit(number=2, place="y")]) == 2
        assert await db.bulk_insert([Visit(number=1, place="x", paid=True)]) == 0
        reason = r"(UNIQUE constraint failed: visit\.place|duplicate key value violates unique constraint)"
        with pytest.raises(InputError, match=rf"row 1 \(number=4\): {reason}"):
            await db.bulk_insert([Visit(number=3, place="z"), Visit(number=4, place="x")])
        return await count(db, Visit)

    assert with_database(url, work) == 2


def test_rows_that_a_session_holds_can_be_inserted_elsewhere(tmp_path):
    async def work(db):
        await db.bulk_insert([action(0)])
        async with db.session() as session:
            rows = (await session.exec(select(ActionRow))).all()
        async with Database(MEMORY) as other:
            return await other.bulk_insert(rows)

    assert with_database(f"sqlite:///{tmp_path}/lab.db", work) == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [([action(0), run(0)], "one table"), ([SQLModel()], "no table")],
)
def test_what_is_not_rows_of_one_table_is_refused(rows, message):
    async def work(db):
        await db.bulk_insert(rows)

    with pytest.raises(InputError, match=message):
        with_database(MEMORY, work)


@pytest.mark.parametrize("rows", [None, 5, {}, {"a": 1}, iter([]), (row for row in ()), np.zeros(2)])
def test_what_is_no_list_of_rows_is_refused(rows):
    async def work(db):
        await db.bulk_insert(rows)

    with pytest.raises(InputError, match=r"rows is .*; give a list of rows"):
        with_database(MEMORY, work)


@pytest.mark.parametrize("row", [None, 5, "row", {}, ActionRow, object()])
def test_what_is_no_row_is_refused(row):
    async def work(db):
        await db.bulk_insert([row])

    with pytest.raises(InputError, match="is no table"):
        with_database(MEMORY, work)


@pytest.mark.parametrize("size", [0, -1, None, "3", 2.5, True, [1], 10**400])
def test_a_batch_of_no_size_is_refused(size):
    async def work(db):
        await db.bulk_insert([action(0)], batch_size=size)

    with pytest.raises(InputError, match="batch_size"):
        with_database(MEMORY, work)


@pytest.mark.parametrize("name", ["pool_size", "max_overflow"])
@pytest.mark.parametrize("value", [None, "3", 2.5, True, -1, [], 10**400])
def test_a_pool_of_no_size_is_refused(name, value):
    with pytest.raises(InputError, match=f"{name} is"):
        Database(MEMORY, **{name: value})


@pytest.mark.parametrize("url", [5, b"sqlite://", [], Path("lab.db"), True, 1.5, "", {}])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(InputError, match="a database URL has the form"):
        Database(url)


@pytest.mark.parametrize(
    "use",
    [
        lambda session: session.exec(select(ActionRow)),
        lambda session: session.get(ActionRow, ("s", "a", 0)),
        lambda session: session.add(action(0)),
        lambda session: session.commit(),
        lambda session: session.begin(),
    ],
)
def test_a_session_is_not_used_after_its_context(url, use):
    async def work(db):
        async with db.session() as session:
            await session.exec(select(ActionRow))
        outcome = use(session)
        if outcome is not None:
            await outcome

    with pytest.raises(
        InputError, match=r"the session opened at .*test_database\.py:\d+ was used after its context"
    ):
        with_database(url, work)


def test_what_a_session_read_stays_when_its_context_has_ended(url):
    async def work(db):
        await db.bulk_insert([action(0)])
        async with db.session() as session:
            row = (await session.exec(select(ActionRow))).one()
        return row.action_type

    assert with_database(url, work) == "share"
