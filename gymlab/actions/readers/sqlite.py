"""SQLite databases, opened read-only: whose tables they hold, and their rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gymlab.actions.readers.files import check_file
from gymlab.errors import InputError

MAGIC = b"SQLite format 3\x00"
OWN_TABLE = "gymlab_actions"
GYM_TABLE = "actions"
GYM_MARK = "relational_data"


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading only; what SQLite refuses becomes one `InputError`."""
    check_file(path)
    try:
        with closing(_connected(path)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise InputError(f"{path}: cannot be read as a SQLite database: {error}") from error


def _connected(path: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        connection.close()
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size > 0:
            raise
        # A database in write-ahead mode wants to make its side files; where it may not, and nothing waits in
        # them, the file alone is the whole truth.
        return sqlite3.connect(f"{uri}&immutable=1", uri=True)
    return connection


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns of a table; none if there is no such table."""
    return [row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]


def fetched(connection: sqlite3.Connection, query: str) -> dict[str, list[Any]]:
    """Return the answer to a query column by column."""
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    rows = cursor.fetchall()
    values = zip(*rows, strict=True) if rows else ([] for _ in names)
    return {name: list(column) for name, column in zip(names, values, strict=True)}


def detect(path: Path) -> str:
    """Return which reader knows this database: "gym" or "gymlab"."""
    with opened(path) as connection:
        is_own = bool(columns(connection, OWN_TABLE))
        is_gym = GYM_MARK in columns(connection, GYM_TABLE)
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if is_own and is_gym:
        raise InputError(
            f"{path}: holds the Gym's actions and gymlab's; say which with format='gym' or 'gymlab'"
        )
    if not is_own and not is_gym:
        found = ", ".join(tables) or "none"
        raise InputError(
            f"{path}: holds neither the Gym's table {GYM_TABLE!r} (with {GYM_MARK}) nor gymlab's {OWN_TABLE!r}; "
            f"its tables are {found}"
        )
    return "gymlab" if is_own else "gym"
