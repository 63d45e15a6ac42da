"""Storage of 100,000 actions: the document's way, bulk_insert, and the driver alone, in turns in one run.

python tests/benchmarks/database.py

Each program gets the same model objects, made anew, and writes them into new tables of the same schema with the same
pragmas; the count is compared. The driver alone gets finished tuples: it is the limit for everything that calls it.
"""

import asyncio
import gc
import os
import secrets
import sqlite3
import tempfile
import time
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pandas as pd
from engine.timing import ratio_of, take_turns
from sqlalchemy import text

import gymlab
from gymlab import Database
from gymlab.actions.store import rows_of

N, BATCH, ROUNDS = 100_000, 1_000, 5
SERVER = os.environ.get("GYMLAB_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
GOALS = {"SQLite": 10, "PostgreSQL": 5}


def log_of(n):
    """Return the sample, repeated under other session ids."""
    log = gymlab.read_actions(gymlab.sample_path())
    copies = [log.assign(session_id=log["session_id"] + f" {copy}") for copy in range(-(-n // len(log)))]
    whole = pd.concat(copies, ignore_index=True).iloc[:n]
    whole.attrs = log.attrs
    return whole


async def documents_way(database, rows):
    """Insert as `bulk_insert_optimized` of the document does."""
    async with database.session() as session:
        for first in range(0, len(rows), BATCH):
            session.add_all(rows[first : first + BATCH])
            await session.flush()


@asynccontextmanager
async def sqlite_file():
    with tempfile.TemporaryDirectory(prefix="gymlab-") as folder:
        yield f"sqlite:///{folder}/bench.db"


@asynccontextmanager
async def postgres_database():
    import asyncpg

    name = f"gymlab_bench_{secrets.token_hex(6)}"
    server = await asyncpg.connect(SERVER, timeout=5)
    await server.execute(f"CREATE DATABASE {name}")
    try:
        yield SERVER.rpartition("/")[0] + f"/{name}"
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


async def seconds_of(insert, place, log):
    rows = rows_of(log)
    async with place() as url, Database(url) as database:
        await database.upgrade()
        gc.collect()
        start = time.perf_counter()
        await insert(database, rows)
        seconds = time.perf_counter() - start
        async with database.session() as session:
            stored = (await session.exec(text("SELECT count(*) FROM gymlab_actions"))).scalar()
    assert stored == len(log), f"{stored} rows of {len(log)}"
    return seconds


async def finished_tuples(log):
    """Return the stored rows of the log, and the statement that inserts them."""
    async with sqlite_file() as url, Database(url) as database:
        await database.bulk_insert(rows_of(log))
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            cursor = connection.execute("SELECT * FROM gymlab_actions")
            marks = ", ".join("?" * len(cursor.description))
            by_key = {row[:3]: row for row in cursor}
    keys = zip(log["session_id"], log["agent_id"], log["step"].tolist(), strict=True)
    statement = f"INSERT INTO gymlab_actions VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 - question marks
    return statement, [by_key[key] for key in keys]


def driver_alone(statement, tuples):
    with tempfile.TemporaryDirectory(prefix="gymlab-") as folder:
        file = Path(folder) / "bench.db"

        async def make():
            async with Database(f"sqlite:///{file}") as database:
                await database.upgrade()

        asyncio.run(make())
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=NORMAL")
            start = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            for first in range(0, len(tuples), BATCH):
                connection.executemany(statement, tuples[first : first + BATCH])
            connection.execute("COMMIT")
            return time.perf_counter() - start


def compare(name, place, log, more=()):
    jobs = {
        "the document's add_all and flush": lambda: asyncio.run(seconds_of(documents_way, place, log)),
        "Database.bulk_insert": lambda: asyncio.run(seconds_of(Database.bulk_insert, place, log)),
        **dict(more),
    }
    first, *others = zip(jobs, take_turns(list(jobs.values()), ROUNDS), strict=True)
    print(f"\n{name}: {len(log):,} actions, {ROUNDS} rounds")
    print(f"  {first[0]:34}{sorted(first[1])[ROUNDS // 2]:7.2f} s")
    for program, seconds in others:
        ratio = ratio_of(first[1], seconds)
        goal = (
            f", goal {GOALS[name]} ×: {'reached' if ratio.median >= GOALS[name] else 'missed'}"
            if program == "Database.bulk_insert"
            else ""
        )
        print(f"  {program:34}{sorted(seconds)[ROUNDS // 2]:7.2f} s, {ratio}{goal}")


def main():
    log = log_of(N)
    statement, tuples = asyncio.run(finished_tuples(log))
    compare(
        "SQLite",
        sqlite_file,
        log,
        [("sqlite3 alone, finished tuples", lambda: driver_alone(statement, tuples))],
    )
    try:
        asyncio.run(seconds_of(Database.bulk_insert, postgres_database, log[:10]))
    except (ImportError, OSError) as error:
        print(f"\nPostgreSQL was not measured: {error}")
        return
    compare("PostgreSQL", postgres_database, log)


if __name__ == "__main__":
    main()
