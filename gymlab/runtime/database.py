"""The database; it makes all sessions and reports sessions that are left open."""

import asyncio
import itertools
import sqlite3
import sys
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from sqlalchemy import Connection, ExceptionContext, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from gymlab.arguments import instance, whole_number
from gymlab.db_models import GymlabTable
from gymlab.errors import GymlabError, InputError, OutputError
from gymlab.runtime.bulk import BulkInsert
from gymlab.settings import Settings

_PATIENCE_S = 30.0  # the time that a session waits for a connection or for another writer

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


class Database:
    """A database of actions and report runs, with its own tables made on first use.

    A session is one transaction. Sessions read at the same time, each from one snapshot, and write one after the other. A
    session that reads in order to write uses ``.with_for_update()``; without it, the write is refused if another session
    has written since the read.

    Parameters
    ----------
    url
        ``sqlite:///relative/file.db``, ``sqlite:////absolute/file.db`` or ``sqlite:///:memory:``. None for
        the embedded database of the settings. The folder of the file is made. A database in memory has one
        connection, for which its sessions wait; it is gone after :meth:`aclose`.
    pool_size, max_overflow
        Number of connections that are kept, and number of further connections under load.

    Raises
    ------
    InputError
        If the URL names something other than an SQLite database.

    Examples
    --------
    >>> import asyncio
    >>> from sqlmodel import select
    >>> from gymlab.db_models import ReportRun
    >>> async def count_runs():
    ...     async with Database("sqlite:///:memory:") as db, db.session() as session:
    ...         return len((await session.exec(select(ReportRun))).all())
    >>> asyncio.run(count_runs())
    0
    """

    def __init__(self, url: str | None = None, pool_size: int = 10, max_overflow: int = 20) -> None:
        pool_size = whole_number("pool_size", pool_size, least=1)
        max_overflow = whole_number("max_overflow", max_overflow, least=0, instead=" beyond pool_size")
        self._url = _sqlite_url(Settings().database_url if url is None else url)
        self._in_memory = self._url.database in {None, "", ":memory:"}
        if self._in_memory:
            # Each connection would be another database, and sessions that share one at the same time would mix their
            # transactions. So there is one connection, and sessions take turns.
            pool_size, max_overflow = 1, 0
        self._limit = pool_size + max_overflow
        self._engine = create_async_engine(
            self._url,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=_PATIENCE_S,
            # The driver would begin transactions late, and only for writes; this is switched off.
            connect_args={"timeout": _PATIENCE_S, "isolation_level": None},
        )
        engine = self._engine.sync_engine
        event.listen(engine, "do_connect", self._before_connect)
        event.listen(engine, "connect", self._prepare)
        event.listen(engine, "before_cursor_execute", _begin)
        event.listen(engine, "handle_error", self._explain)
        self._sessions = async_sessionmaker(self._engine, class_=AsyncSession, expire_on_commit=False)
        self._open: dict[int, tuple[AsyncSession, str]] = {}
        self._numbers = itertools.count()
        self._closed = False

    def __repr__(self) -> str:
        return f"Database({self._url.render_as_string(hide_password=True)!r})"

    @property
    def engine(self) -> AsyncEngine:
        """The engine of SQLAlchemy, for work outside of sessions."""
        return self._engine

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Return a context that commits on success, and rolls back on any error or cancellation.

        Examples
        --------
        >>> async def rename(db, key):
        ...     async with db.session() as session:
        ...         row = await session.get(ActionRow, key, with_for_update=True)
        ...         row.action_type = "share"
        """
        caller = sys._getframe(1)  # noqa: SLF001 - inspect.stack would read source files
        return self._session(f"{caller.f_code.co_filename}:{caller.f_lineno}")

    @asynccontextmanager
    async def _session(self, where: str) -> AsyncIterator[AsyncSession]:
        self._require_open()
        number = next(self._numbers)
        try:
            # Closing a session that was not committed rolls it back.
            async with self._sessions() as session:
                self._open[number] = session, where
                yield session
                await session.commit()
        finally:
            self._open.pop(number, None)
            # SQLAlchemy would begin another transaction without a commit.
            session.sync_session = session._proxied = _Closed(where)  # type: ignore[assignment]  # noqa: SLF001

    async def bulk_insert(self, rows: Sequence[SQLModel], batch_size: int = 1000) -> int:
        """Insert many rows of one table, all or none.

        A row that is already stored with equal values is skipped, so a second insertion changes nothing.

        Parameters
        ----------
        rows
            Instances of one table class, their primary keys set.
        batch_size
            Number of rows in one call of the driver. All batches are one transaction.

        Returns
        -------
        int
            Number of new rows.

        Raises
        ------
        InputError
            If a row is refused, or its key is stored with other content. The message names row, key and column;
            nothing is stored.

        Examples
        --------
        >>> async def store(db, rows):
        ...     return await db.bulk_insert(rows)
        """
        batch_size = whole_number("batch_size", batch_size, least=1)
        instance("rows", rows, Sequence, "a list of rows")
        self._require_open()
        classes = {type(row): None for row in rows}
        if len(classes) > 1:
            names = " and ".join(cls.__name__ for cls in classes)
            raise InputError(f"bulk_insert takes rows of one table, not of {names}")
        for table_class in classes:
            insertion = BulkInsert(table_class, self._engine.dialect)
            async with self._engine.begin() as connection:
                return await insertion.run(connection, rows, batch_size)
        return 0

    def pool_in_use(self) -> int:
        """Return the number of connections in use."""
        pool = self._engine.pool
        assert isinstance(pool, AsyncAdaptedQueuePool)  # noqa: S101 - __init__ makes this pool
        return pool.checkedout()

    def pool_utilization(self) -> float:
        """Return the share of connections in use among all that may be open, overflow included."""
        return self.pool_in_use() / self._limit

    async def aclose(self) -> None:
        """Close every connection.

        Warns
        -----
        ResourceWarning
            If a session is still open; the message says where it was opened. It is rolled back.
        """
        self._closed = True
        leaked = list(self._open.values())
        self._open.clear()
        for session, _ in leaked:
            await session.close()
        await self._engine.dispose()
        if leaked:
            places = ", ".join(where for _, where in leaked)
            warnings.warn(
                f"{len(leaked)} database session(s) never closed, opened at {places}", ResourceWarning, 2
            )

    async def __aenter__(self) -> Self:
        self._require_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _require_open(self) -> None:
        if self._closed:
            raise InputError(f"{self!r} was closed")

    def _before_connect(self, _: object, __: object, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Make the folder, and open the file once, so that a failure is raised here.

        A failure in aiosqlite would leave a thread that prints a traceback.
        """
        name = self._url.database
        if name and not self._in_memory and not name.startswith("file:"):
            try:
                Path(name).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(
                    f"the folder of the database {name} cannot be made: {error.strerror}"
                ) from error
        sqlite3.connect(*args, **options).close()

    def _prepare(self, connection: Any, _: object) -> None:  # noqa: ANN401 - the driver has no types
        """Set up a new connection and make missing tables; several processes may do this at the same time."""
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        dialect = self._engine.dialect
        for table in GymlabTable.metadata.sorted_tables:
            cursor.execute(str(CreateTable(table, if_not_exists=True).compile(dialect=dialect)))
            cursor.execute(f"PRAGMA table_info({table.name})")
            found = {name: is_key for _, name, _, _, _, is_key in cursor.fetchall()}
            if any(c.name not in found or c.primary_key != bool(found[c.name]) for c in table.columns):
                connection.close()
                where = f"the database {self._url.database}"
                raise InputError(f"{where}: its table {table.name!r} is not gymlab's; name another database")
            for index in table.indexes:
                cursor.execute(str(CreateIndex(index, if_not_exists=True).compile(dialect=dialect)))
        cursor.close()

    def _explain(self, context: ExceptionContext) -> None:
        """Replace errors of SQLite that are no mistake in the code by one line."""
        if self._in_memory and isinstance(context.original_exception, asyncio.CancelledError):
            # SQLAlchemy would drop the connection, and with it the whole database. The driver runs its statements in
            # order, so the connection is usable again after the cancelled statement.
            context.is_disconnect = False
        code = getattr(context.original_exception, "sqlite_errorcode", 0)
        if found := _EXPLANATIONS.get(code) or _EXPLANATIONS.get(code & 0xFF):
            kind, what = found
            raise kind(f"the database {self._url.database} {what}") from context.original_exception


class _Closed:
    """The replacement of a closed session; every use is refused."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __getattr__(self, name: str) -> NoReturn:
        raise InputError(f"the session opened at {self._where} was used after its context had ended")


def _sqlite_url(text: str) -> URL:
    """Return the URL with the async driver; messages do not repeat a refused URL, since it may have a password."""
    form = "a database URL has the form sqlite:///file.db (four slashes for an absolute path)"
    try:
        url = make_url("sqlite:///:memory:" if text == ":memory:" else text)
    except (ArgumentError, ValueError):
        raise InputError(f"{form}; this one cannot be read") from None
    if url.drivername not in {"sqlite", "sqlite+aiosqlite"}:
        raise InputError(f"{form}; {url.drivername} is not supported")
    if "\0" in (url.database or ""):
        raise InputError(f"{form}; no file has a NUL in its name")
    if url.host or url.username:
        raise InputError(f"{form}; this one has two slashes, so its folder is taken for a host")
    return url.set(drivername="sqlite+aiosqlite")


def _begin(conn: Connection, cursor: Any, statement: str, _: object, context: Any, __: object) -> None:  # noqa: ANN401
    """Begin the transaction before its first statement, with the write lock if it is going to write.

    A transaction that begins with a read keeps its snapshot, and cannot write after another transaction has written. So no
    update is lost. SQLite has no FOR UPDATE, so a transaction with FOR UPDATE takes the write lock at its begin.
    """
    if conn.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
        return
    compiled = getattr(context, "compiled", None)
    locks = getattr(getattr(compiled, "statement", None), "_for_update_arg", None) is not None
    reads = statement.lstrip()[:6].upper() == "SELECT"
    cursor.execute("BEGIN" if reads and not locks else "BEGIN IMMEDIATE")
