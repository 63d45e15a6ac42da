"""The versions of the tables: from nothing, from the first release, by several processes at once, and from the future."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlmodel import select

import gymlab.runtime.migrations
from gymlab.db_models import ActionRow, GymlabTable, PrincipleRecord, ReportRun
from gymlab.errors import InputError
from gymlab.runtime.database import Database
from gymlab.runtime.migrations import HEAD, VERSION_TABLE

OLD = Path(__file__).parent / "inputs" / "gymlab_0_1_0.db"
FOLDER = Path(gymlab.runtime.migrations.__file__).parent


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request, tmp_path):
    return (
        request.getfixturevalue("postgres_url")
        if request.param == "postgres"
        else f"sqlite:///{tmp_path}/new.db"
    )


def differences(url):
    """What Alembic would change so that the tables are those of the models."""

    def compare(connection):
        def ours(name, kind, _):
            return kind != "table" or name != VERSION_TABLE

        context = MigrationContext.configure(
            connection, opts={"include_name": ours, "version_table": VERSION_TABLE}
        )
        return compare_metadata(context, GymlabTable.metadata)

    async def work():
        async with Database(url) as db:
            await db.upgrade()
            async with db.engine.connect() as connection:
                return await connection.run_sync(compare)

    return asyncio.run(work())


def stored(url):
    async def work():
        async with Database(url) as db, db.session() as session:
            version = (await session.exec(text("SELECT version_num FROM gymlab_version"))).scalars().all()
            rows = [
                (await session.exec(select(kind))).all() for kind in (ActionRow, ReportRun, PrincipleRecord)
            ]
            return version, rows

    return asyncio.run(work())


def test_the_newest_version_is_the_last_file():
    script = ScriptDirectory(str(FOLDER))
    assert script.get_heads() == [HEAD]
    assert [one.revision for one in script.walk_revisions()] == ["0003", "0002", "0001"]


def test_an_empty_database_gets_the_tables_of_the_models(empty):
    assert differences(empty) == []
    assert stored(empty) == ([HEAD], [[], [], []])


def test_a_database_of_the_first_release_keeps_its_rows(tmp_path):
    file = tmp_path / "lab.db"
    shutil.copy(OLD, file)
    url = f"sqlite:///{file}"
    assert differences(url) == []
    version, (actions, runs, principles) = stored(url)
    assert version == [HEAD]
    assert [(row.agent_id, row.step) for row in actions] == [(a, k) for a in ("ada", "eve") for k in range(5)]
    assert [row.claims_held for row in runs] == [8]
    assert [(row.id, row.subject) for row in principles] == [("nightly-1/0", "ada"), ("nightly-1/1", "eve")]
    with closing(sqlite3.connect(file)) as connection:
        (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'gymlab_actions'").fetchone()
    assert "WITHOUT ROWID" in sql


def test_an_upgrade_that_fails_leaves_everything_as_it_was(tmp_path, monkeypatch):
    file = tmp_path / "lab.db"
    shutil.copy(OLD, file)
    monkeypatch.setattr("alembic.operations.batch.BatchOperationsImpl.flush", lambda _: 1 / 0)

    async def work():
        async with Database(f"sqlite:///{file}") as db:
            await db.upgrade()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(work())
    monkeypatch.undo()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT unit FROM gymlab_principles").fetchall() == [("ada",), ("eve",)]
        assert (
            connection.execute("SELECT name FROM sqlite_master WHERE name = ?", (VERSION_TABLE,)).fetchall()
            == []
        )
    assert differences(f"sqlite:///{file}") == []


def test_a_database_of_a_newer_gymlab_is_refused(empty):
    async def work():
        async with Database(empty) as db, db.session() as session:
            await session.exec(text("UPDATE gymlab_version SET version_num = '9999'"))
        async with Database(empty) as db:
            with pytest.raises(InputError, match="tables of version 9999, which this gymlab does not know"):
                await db.upgrade()

    asyncio.run(work())


OPENS = """
import asyncio, sys
from gymlab import Database

async def work():
    async with Database(sys.argv[1]) as db:
        async with db.session():
            pass

sys.stdin.readline()
asyncio.run(work())
"""


def test_processes_that_upgrade_at_once_do_not_collide(empty):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPENS, empty], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in processes] == [""] * 4
    assert [process.returncode for process in processes] == [0] * 4
    assert stored(empty) == ([HEAD], [[], [], []])
