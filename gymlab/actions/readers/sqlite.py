"""SQLite databases, opened read-only: whose tables they hold, and their rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from gymlab.actions.readers.files import check_file
from gymlab.arguments import named
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
        if _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise InputError(
                f"{path}: is being written by another process; read it when that has finished"
            ) from error
        raise InputError(f"{path}: cannot be read as a SQLite database: {error}") from error


def _connected(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError as error:
        connection.close()
        if _primary_code(error) not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) or _is_unfinished(
            path
        ):
            raise
        # A database in write-ahead mode wants to make its side files; where it may not, and nothing waits in
        # them, the file alone is the whole truth.
        return sqlite3.connect(f"{uri}&immutable=1", uri=True)
    return connection


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_unfinished(path: Path) -> bool:
    """Tell whether something waits beside the file that SQLite would have to take into account."""
    logs = [path.with_name(f"{path.name}{ending}") for ending in ("-wal", "-journal")]
    return any(log.exists() and log.stat().st_size > 0 for log in logs)


def has_rowids(connection: sqlite3.Connection, table: str) -> bool:
    """Tell whether SQLite numbers the rows itself, which it does not do in views."""
    query = f"SELECT count(*) FROM {table} WHERE typeof(rowid) <> 'integer'"  # noqa: S608 - a constant
    try:
        return bool(connection.execute(query).fetchone()[0] == 0)
    except sqlite3.OperationalError:
        return False


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns of a table; none if there is no such table."""
    return [row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]


def fetched(connection: sqlite3.Connection, query: str) -> dict[str, list[Any]]:
    """Return the answer to a query column by column; a text that is no UTF-8 stays bytes."""
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    try:
        rows = cursor.fetchall()
    except sqlite3.OperationalError as error:
        # What Python cannot decode is the one error that has no code of SQLite's.
        if hasattr(error, "sqlite_errorcode"):
            raise
        connection.text_factory = _text
        rows = connection.execute(query).fetchall()
    values = zip(*rows, strict=True) if rows else ([] for _ in names)
    return {name: list(column) for name, column in zip(names, values, strict=True)}


def _text(stored: bytes) -> str | bytes:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


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
        found = named(tables)
        raise InputError(
            f"{path}: holds neither the Gym's table {GYM_TABLE!r} (with {GYM_MARK}) nor gymlab's {OWN_TABLE!r}; "
            f"its tables are {found}"
        )
    return "gymlab" if is_own else "gym"
