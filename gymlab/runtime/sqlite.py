"""SQLite: an engine with concurrent reads, one write at a time, and errors in plain words."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, ExceptionContext, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from gymlab.errors import GymlabError, InputError, OutputError
from gymlab.runtime.bulk import BulkInsert, Row

_EXPLANATIONS: dict[int, tuple[type[GymlabError], str]] = {
    sqlite3.SQLITE_NOTADB: (InputError, "is not an SQLite database"),
    sqlite3.SQLITE_CORRUPT: (InputError, "is damaged"),
    sqlite3.SQLITE_CANTOPEN: (OutputError, "cannot be opened"),
    sqlite3.SQLITE_READONLY: (OutputError, "cannot be written"),
    sqlite3.SQLITE_PERM: (OutputError, "cannot be written"),
    sqlite3.SQLITE_FULL: (OutputError, "cannot grow: the disk is full"),
    sqlite3.SQLITE_IOERR: (OutputError, "cannot be read or written"),
    sqlite3.SQLITE_BUSY: (OutputError, "is being written by another session or process; try again later"),
    sqlite3.SQLITE_BUSY_SNAPSHOT: (
        OutputError,
        "was written by another session; one that reads in order to write must read .with_for_update()",
    ),
}
# SQLite before 3.32 takes 999 parameters in a statement.
_PARAMETERS = 900


class _Connection(sqlite3.Connection):
    """A connection that ends its transaction when it is closed.

    SQLite itself keeps the transaction with its locks as long as a statement of the connection exists, and the
    traceback of a cancelled task keeps one until the garbage collector finds it.
    """

    def close(self) -> None:
        """Roll back and close; a second call does nothing."""
        try:
            with suppress(sqlite3.ProgrammingError):  # it is closed already
                self.rollback()
        finally:
            super().close()


def is_in_memory(url: URL) -> bool:
    """Return whether a URL names a database without a file."""
    return url.database in {None, "", ":memory:"}


def sqlite_engine(url: URL, *, pool_size: int, max_overflow: int, patience_s: float) -> AsyncEngine:
    """Return the engine of an SQLite database; no file is touched before the first connection.

    Parameters
    ----------
    url
        The URL, with the driver aiosqlite.
    pool_size, max_overflow
        The maximum number of connections that are kept, and of further connections.
    patience_s
        Seconds that a session waits for a connection, and for another writer to finish.
    """
    in_memory = is_in_memory(url)
    # Each connection to memory would be another database, and sessions that share one at the same time would mix their
    # transactions. So there is one connection, and sessions take turns.
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1 if in_memory else pool_size,
        max_overflow=0 if in_memory else max_overflow,
        pool_timeout=patience_s,
        # By default the driver begins transactions late, and only for writes; this is switched off.
        connect_args={"timeout": patience_s, "isolation_level": None, "factory": _Connection},
    )

    def before_connect(_: object, __: object, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Make the folder, and open the file once, so that an error is raised here.

        After an error in aiosqlite, a thread would remain and print a traceback.
        """
        name = url.database
        if name and not in_memory and not name.startswith("file:"):
            try:
                Path(name).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(
                    f"the folder of the database {name} cannot be made: {error.strerror}"
                ) from error
        sqlite3.connect(*args, **options).close()

    def explain(context: ExceptionContext) -> None:
        """Replace SQLite errors that are not caused by the code with errors of one line."""
        if in_memory and isinstance(context.original_exception, asyncio.CancelledError):
            # SQLAlchemy would close the connection, which would delete the whole database. The driver runs its
            # statements in order, so the connection is usable again after the cancelled statement.
            context.is_disconnect = False
        code = getattr(context.original_exception, "sqlite_errorcode", 0)
        if found := _EXPLANATIONS.get(code) or _EXPLANATIONS.get(code & 0xFF):
            kind, what = found
            raise kind(f"the database {url.database} {what}") from context.original_exception

    event.listen(engine.sync_engine, "do_connect", before_connect)
    event.listen(engine.sync_engine, "connect", _set_up)
    event.listen(engine.sync_engine, "before_cursor_execute", _begin)
    event.listen(engine.sync_engine, "handle_error", explain)
    return engine


class SqliteInsert(BulkInsert):
    """Insertion by the driver's executemany."""

    def __init__(self, table_class: type, dialect: Dialect) -> None:
        super().__init__(table_class, dialect)
        # Only the primary key is named: OR IGNORE would also drop rows that break another rule.
        statement = insert(self.table).on_conflict_do_nothing(index_elements=list(self.table.primary_key))
        self._insert = str(statement.compile(dialect=dialect, column_keys=self.columns))

    async def insert(self, connection: AsyncConnection, rows: Sequence[Row]) -> int:
        """Insert rows whose keys are new, and return their number."""
        return (await connection.exec_driver_sql(self._insert, list(rows))).rowcount

    async def stored(self, connection: AsyncConnection, rows: Sequence[Row]) -> list[Row]:
        """Return the stored rows that have the keys of the given rows."""
        names, key = self.quoted(self.columns), self.quoted(self.key_columns)
        one = f"({', '.join('?' * len(self.key))})"
        step = max(1, _PARAMETERS // len(self.key))
        found: list[Row] = []
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            # The names are those of the table, quoted by SQLAlchemy; the values are parameters.
            query = f"SELECT {names} FROM {self.quoted_table} WHERE ({key}) IN (VALUES {', '.join([one] * len(part))})"  # noqa: S608
            keys = tuple(row[i] for row in part for i in self.key)
            found += [tuple(row) for row in (await connection.exec_driver_sql(query, keys)).all()]
        return found


def _set_up(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's, which has no type
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(conn: Connection, cursor: Any, statement: str, _: object, context: Any, __: object) -> None:  # noqa: ANN401
    """Begin the transaction before its first statement, with the write lock if it is going to write.

    A transaction that begins with a read keeps its snapshot, and cannot write after another transaction has written.
    So no update is lost. SQLite has no FOR UPDATE, so a transaction with FOR UPDATE takes the write lock at once.
    """
    if conn.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
        return
    compiled = getattr(context, "compiled", None)
    locks = getattr(getattr(compiled, "statement", None), "_for_update_arg", None) is not None
    reads = statement.lstrip()[:6].upper() in {"SELECT", "PRAGMA"}
    cursor.execute("BEGIN" if reads and not locks else "BEGIN IMMEDIATE")
