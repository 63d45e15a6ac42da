"""PostgreSQL: the command line and the readers on it, many sessions on a small pool, a server that goes away, a kill."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
import pytest
from conftest import absent
from made import rules
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import gymlab
from gymlab import Database, InputError
from gymlab.actions.store import write_actions
from gymlab.db_models import ActionRow


@pytest.fixture
def stored(postgres_url):
    """A log in a database, and the log itself."""
    log = gymlab.validate_actions(rules(n_agents=2, sessions=2, length=30))

    async def store():
        async with Database(postgres_url) as db:
            await write_actions(log, db)

    asyncio.run(store())
    return log


# --- logs ------------------------------------------------------------------------------------------------------------


def test_what_was_stored_is_what_is_read(stored, postgres_url):
    found = gymlab.read_actions(postgres_url)
    assert found.attrs["source"] == postgres_url
    expected = stored.sort_values(["session_id", "agent_id", "step"], kind="stable", ignore_index=True)
    for name in expected:
        assert found[name].tolist() == expected[name].tolist() or found[name].isna().equals(
            expected[name].isna()
        )
    with pytest.raises(InputError, match="repeats the key"):
        gymlab.read_actions([postgres_url, postgres_url.replace("postgresql:", "postgres:")])


def test_a_log_is_imported_and_extracted(run, postgres_url, tmp_path):
    log = tmp_path / "log.csv"
    rules(n_agents=2, sessions=2, length=30).to_csv(log, index=False)
    assert run("import", log, "--db", postgres_url)[1] == "120 actions stored, 0 were there already\n"
    assert run("import", log, "--db", postgres_url)[1] == "0 actions stored, 120 were there already\n"
    options = ("--window", 10, "--no-significance")
    (code, of_database, _), (_, of_file, _) = (
        run("extract", postgres_url, *options),
        run("extract", log, *options),
    )
    assert code == 0
    # The notes below the table tell of memory and times.
    assert of_database.partition("\n\n")[0] == of_file.partition("\n\n")[0] != ""


def test_a_password_is_not_written_to_a_report(run, stored, postgres_url, tmp_path):  # noqa: ARG001 - it is there to read
    secret = postgres_url.replace("://postgres@", "://postgres:hunter2@")
    code, _, complaint = run("report", secret, "--out", tmp_path / "reports")
    assert code == 2
    assert "holds a password, which the report would show; give it in PGPASSWORD or in ~/.pgpass" in complaint
    assert "hunter2" not in complaint


def test_a_database_without_actions_says_so(run, postgres_url):
    for message in ("has no table 'gymlab_actions'; import actions into it first", "no actions in it"):
        code, _, complaint = run("extract", postgres_url)
        assert code == 2
        assert message in complaint
        asyncio.run(made(postgres_url))
    code, _, complaint = run("extract", postgres_url, "--format", "csv")
    assert "although the format csv was given" in complaint


async def made(url):
    async with Database(url) as db:
        await db.upgrade()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1/lab", "cannot be reached: "),
        ("127.0.0.1:5432/no_such_database", 'cannot be reached: database "no_such_database" does not exist'),
    ],
)
@pytest.mark.usefixtures("postgres_server")
def test_a_server_that_does_not_answer_is_one_line(run, address, message):
    code, _, complaint = run("extract", f"postgresql://postgres:hunter2@{address}")
    assert code == 2
    assert complaint.count("\n") == 1
    assert message in complaint
    assert "hunter2" not in complaint


# --- sessions --------------------------------------------------------------------------------------------------------


def rows(n, session="s"):
    return [
        ActionRow(
            session_id=session,
            agent_id="a",
            step=step,
            action_id=f"{session}/a/{step}",
            actor="a",
            target="b",
            action_type="share",
            decision_context="trust_betrayal",
            relationship_type="ally",
            entropy_unit="bits",
        )
        for step in range(n)
    ]


async def count(db):
    async with db.session() as session:
        return (await session.exec(text("SELECT count(*) FROM gymlab_actions"))).scalar()


async def connections(url):
    """How many connections to a database the server has."""
    name = url.rpartition("/")[2]
    watching = await asyncpg.connect(url.rpartition("/")[0] + "/postgres")
    try:
        return await watching.fetchval("SELECT count(*) FROM pg_stat_activity WHERE datname = $1", name)
    finally:
        await watching.close()


@pytest.mark.slow
def test_many_sessions_on_a_small_pool_neither_leak_nor_starve(postgres_url):
    most = []

    async def work():
        async with Database(postgres_url, pool_size=10, max_overflow=20) as db:
            await db.upgrade()

            async def task():
                for _ in range(200):
                    async with db.session() as session:
                        await session.exec(text("SELECT 1"))
                        most.append(db.pool_in_use())

            await asyncio.gather(*(task() for _ in range(50)))
            assert db.pool_in_use() == 0
            assert db.pool_utilization() == 0
            assert await connections(postgres_url) <= 10
        assert await connections(postgres_url) == 0

    asyncio.run(work())
    assert len(most) == 10_000
    assert max(most) <= 30


def test_a_server_that_lost_its_connections_is_used_again_and_nothing_committed_is_lost(postgres_url):
    async def work():
        async with Database(postgres_url) as db:
            await db.bulk_insert(rows(50))
            assert db.engine.pool.checkedin() >= 1
            name = postgres_url.rpartition("/")[2]
            other = await asyncpg.connect(postgres_url.rpartition("/")[0] + "/postgres")
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
            )
            await other.close()
            assert await count(db) == 50
            assert await db.bulk_insert(rows(60)) == 10
            assert await count(db) == 60

    asyncio.run(work())


@pytest.fixture
def own_server():
    """A function that starts, restarts or stops a PostgreSQL server of this test, and the URL of its database."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), shutil.which("initdb")]
    if found == [None]:
        absent("initdb of PostgreSQL")
    programs = Path(found[0]).resolve().parent
    # PostgreSQL does not run as root, and its user cannot enter the folders of pytest.
    user = {"user": "postgres"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="gymlab-postgres-") as folder, socket.socket() as free:
        if user:
            shutil.chown(folder, "postgres")
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c shared_buffers=8MB -c max_connections=40"

        def control(*arguments):
            subprocess.run([*arguments], check=True, capture_output=True, cwd=folder, **user)

        def server(verb):
            more = ["-m", "fast"] if verb != "start" else []
            log = Path(folder) / "log"
            control(programs / "pg_ctl", verb, "-w", "-D", f"{folder}/data", "-l", log, "-o", options, *more)

        control(programs / "initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-N")
        server("start")
        try:
            yield server, f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            server("stop")


def test_after_a_restart_of_the_server_nothing_committed_is_lost(own_server):
    server, url = own_server

    async def work():
        async with Database(url) as db:
            await db.bulk_insert(rows(50))
            server("restart")
            assert await count(db) == 50

            async def interrupted():
                async with db.session() as session:
                    session.add_all(rows(10, "lost"))
                    await session.flush()
                    server("restart")
                    await session.exec(text("SELECT 1"))

            # A session that was open meanwhile fails and leaves nothing, and the next one works.
            with pytest.raises(DBAPIError):
                await interrupted()
            assert await db.bulk_insert(rows(60)) == 10
            assert await count(db) == 60
            assert db.pool_in_use() == 0

    asyncio.run(work())


KILLED = """
import asyncio, sys
sys.path.insert(0, {tests!r})
from test_postgres import rows
from gymlab import Database
from gymlab.runtime import postgres

async def work():
    async with Database({url!r}) as db:
        await db.bulk_insert(rows(10, "before"))
        bound = postgres.PostgresInsert._bound
        def and_say(self, batch, first):
            print("batch", flush=True)
            if first == 10_000:
                sys.stdin.read()
            return bound(self, batch, first)
        postgres.PostgresInsert._bound = and_say
        await db.bulk_insert(rows(30_000), batch_size=1000)

asyncio.run(work())
"""


def test_a_process_killed_while_it_inserts_leaves_nothing_of_that(postgres_url):
    code = KILLED.format(tests=str(Path(__file__).parent), url=postgres_url)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        for _ in range(11):
            assert process.stdout.readline() == "batch\n"
        process.send_signal(signal.SIGKILL)

    async def work():
        for _ in range(600):
            if not await connections(postgres_url):
                break
            await asyncio.sleep(0.05)
        async with Database(postgres_url) as db:
            return await count(db)

    assert asyncio.run(work()) == 10


def test_a_row_that_the_server_refuses_is_named_and_nothing_is_stored(postgres_url):
    bad = rows(50)
    bad[42].target = "a\0b"

    async def work():
        async with Database(postgres_url) as db:
            with pytest.raises(InputError, match=r"row 42 \(session_id='s', agent_id='a', step=42\)"):
                await db.bulk_insert(bad, batch_size=10)
            return await count(db)

    assert asyncio.run(work()) == 0


def test_a_slow_statement_is_logged_without_its_values(postgres_url, caplog):
    async def work():
        async with Database(postgres_url, slow_seconds=0.05) as db:
            await db.upgrade()
            async with db.session() as session:
                await session.exec(text("SELECT pg_sleep(:seconds)").bindparams(seconds=0.1))

    asyncio.run(work())
    (record,) = [one for one in caplog.records if "SELECT pg_sleep(" in one.message]
    assert "a statement took" in record.message
    assert "0.1" not in record.message.partition(": ")[2]
