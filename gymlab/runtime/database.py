"""The database, which makes all sessions and reports sessions that are left open."""

import asyncio
import itertools
import logging
import sys
import time
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self
from urllib.parse import unquote, urlsplit
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from gymlab.arguments import finite_number, instance, whole_number
from gymlab.errors import InputError
from gymlab.runtime.live_objects import LiveObjects
from gymlab.runtime.migrations import HEAD, stored_version, upgrade
from gymlab.runtime.sqlite import SqliteInsert, is_in_memory, sqlite_engine
from gymlab.settings import Settings

if TYPE_CHECKING:
    from gymlab.runtime.bulk import BulkInsert

# The seconds that a session waits for a connection, and for another writer to finish.
_PATIENCE_S = 30.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PoolStats:
    """The use of the connections of a database.

    Attributes
    ----------
    in_use, most_in_use
        The number of connections in use now, and the largest number that was in use at one time.
    uses
        The number of times that a connection was taken.
    limit
        The number of connections that may be open, including the overflow.
    """

    in_use: int
    most_in_use: int
    uses: int
    limit: int


class Database:
    """A database of actions and report runs. Its tables are made, or brought up to date, before the first session.

    A session is one transaction. A session that reads rows in order to change them uses ``.with_for_update()``.

    On SQLite, sessions read side by side, each from one snapshot, and write one after the other. A write is
    refused if it would overwrite values that another session has stored since they were read. On PostgreSQL, sessions
    write side by side.

    Parameters
    ----------
    url
        ``sqlite:///relative/file.db``, ``sqlite:////absolute/file.db``, ``sqlite:///:memory:`` or
        ``postgresql://user@host/database`` (extra `postgres`). None for the embedded database of the settings. The
        folder of a file is made. A database in memory has one connection, for which its sessions wait; :meth:`aclose`
        deletes the database. The connections of PostgreSQL belong to the event loop that opened them.
    pool_size, max_overflow
        The number of connections that are kept, and the number of further connections under load.
    slow_seconds
        A statement that takes longer is logged as a warning, without its values.

    Raises
    ------
    InputError
        If the URL names another kind of database, or asyncpg is not installed.

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

    def __init__(
        self,
        url: str | None = None,
        pool_size: int = 10,
        max_overflow: int = 20,
        *,
        slow_seconds: float = 5.0,
    ) -> None:
        pool_size = whole_number("pool_size", pool_size, least=1)
        max_overflow = whole_number("max_overflow", max_overflow, least=0, instead=" beyond pool_size")
        self._slow_seconds = finite_number("slow_seconds", slow_seconds, above=0, noun="seconds")
        self._url = _checked_url(Settings().database_url if url is None else url)
        options = {"pool_size": pool_size, "max_overflow": max_overflow}
        self._insert: type[BulkInsert] = SqliteInsert
        if self._url.drivername == "sqlite+aiosqlite":
            self._engine = sqlite_engine(self._url, **options, patience_s=_PATIENCE_S)
        else:
            try:
                from gymlab.runtime.postgres import PostgresInsert, postgres_engine  # noqa: PLC0415 - an extra
            except ModuleNotFoundError as error:
                raise InputError(
                    f"PostgreSQL needs {error.name}, which is not installed: pip install 'gymlab[postgres]'"
                ) from error
            self._engine = postgres_engine(self._url, **options, patience_s=_PATIENCE_S)
            self._insert = PostgresInsert
        self._limit = 1 if is_in_memory(self._url) else pool_size + max_overflow
        event.listen(self._engine.sync_engine, "before_cursor_execute", self._note_start)
        event.listen(self._engine.sync_engine, "after_cursor_execute", self._log_if_slow)
        self._uses = self._most_in_use = 0
        event.listen(self._engine.sync_engine.pool, "checkout", self._count_use)
        self._sessions = async_sessionmaker(self._engine, class_=AsyncSession, expire_on_commit=False)
        self._open: dict[int, tuple[AsyncSession, str]] = {}
        self._numbers = itertools.count()
        self._writers: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
        self._closed = self._up_to_date = False
        DATABASES.add(self)

    def __repr__(self) -> str:
        # The options of a URL may have a password too.
        return f"Database({self._url.set(query={}).render_as_string(hide_password=True)!r})"

    @property
    def place(self) -> str:
        """The kind of database with its host and name, or its file; without user, password and options."""
        url = self._url
        plain = URL.create(url.get_backend_name(), host=url.host, port=url.port, database=url.database)
        return plain.render_as_string()

    @property
    def engine(self) -> AsyncEngine:
        """The engine of SQLAlchemy, for work outside of sessions."""
        return self._engine

    @property
    def file(self) -> Path | None:
        """The absolute path of the database's file; None without a file. In a URL ``~`` is a plain character."""
        if self._engine.dialect.name != "sqlite" or is_in_memory(self._url):
            return None
        name = str(self._url.database)
        return Path(unquote(urlsplit(name).path) if name.startswith("file:") else name).absolute()

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
        await self.upgrade()
        number = next(self._numbers)
        try:
            # Closing a session that was not committed rolls it back.
            async with self._sessions() as session:
                self._open[number] = session, where
                yield session
                await session.commit()
        finally:
            self._open.pop(number, None)
            # After this, SQLAlchemy would begin a transaction that nobody commits.
            session.sync_session = session._proxied = _Closed(where)  # type: ignore[assignment]  # noqa: SLF001

    async def bulk_insert(self, rows: Sequence[SQLModel], batch_size: int = 1000) -> int:
        """Insert many rows of one table, all or none.

        A row that is already stored with equal values is skipped, so a second insertion changes nothing.

        Parameters
        ----------
        rows
            Instances of one table class, with their primary keys set.
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
        return (await self.bulk_insert_tables([rows], batch_size))[0]

    async def bulk_insert_tables(
        self, tables: Sequence[Sequence[SQLModel]], batch_size: int = 1000
    ) -> list[int]:
        """Insert the rows of several tables as :meth:`bulk_insert` does, all or none; return the new rows of each.

        Parameters
        ----------
        tables
            For each table, its rows.
        batch_size
            As for :meth:`bulk_insert`.

        Raises
        ------
        InputError
            As :meth:`bulk_insert`.

        Examples
        --------
        >>> async def store(db, actions, profiles):
        ...     return await db.bulk_insert_tables([actions, profiles])
        """
        batch_size = whole_number("batch_size", batch_size, least=1)
        self._require_open()
        classes = []
        for rows in tables:
            instance("rows", rows, Sequence, "a list of rows")
            found = list({type(row): None for row in rows})
            if len(found) > 1:
                names = " and ".join(cls.__name__ for cls in found)
                raise InputError(f"bulk_insert takes rows of one table, not of {names}")
            classes.append(found)
        insertions = [[self._insert(one, self._engine.dialect) for one in found] for found in classes]
        if not any(insertions):
            return [0] * len(tables)
        await self.upgrade()
        async with self._turn_to_write(), self._engine.begin() as connection:
            return [
                sum([await one.run(connection, rows, batch_size) for one in insertion])
                for insertion, rows in zip(insertions, tables, strict=True)
            ]

    def _turn_to_write(self) -> AbstractAsyncContextManager[object]:
        """Return a context that waits for the other bulk insertions of this event loop, if there is one writer at a time.

        SQLite itself lets a writer wait for a limited time only, in no order, and with a connection of the pool.
        """
        if self._engine.dialect.name != "sqlite":
            return nullcontext()
        return self._writers.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    async def upgrade(self) -> None:
        """Make gymlab's tables, or update the tables of an earlier gymlab; every session calls this first.

        Raises
        ------
        InputError
            If a table of the same name was not made by gymlab, or the database was written by a newer gymlab.
        """
        if not self._up_to_date:
            self._require_open()
            # A transaction that only reads, so that a database which is being written can be opened.
            async with self._engine.connect() as connection:
                version = await connection.run_sync(stored_version)
            if version != HEAD:
                async with self._engine.begin() as connection:
                    await connection.run_sync(upgrade)
            self._up_to_date = True

    def pool_in_use(self) -> int:
        """Return the number of connections in use."""
        pool = self._engine.pool
        assert isinstance(pool, AsyncAdaptedQueuePool)  # noqa: S101 - __init__ makes this pool
        return pool.checkedout()

    def pool_utilization(self) -> float:
        """Return the share of connections in use among all that may be open, including the overflow."""
        return self.pool_in_use() / self._limit

    def pool_stats(self) -> PoolStats:
        """Return the use of the connections so far; a closed database keeps its counts."""
        return PoolStats(self.pool_in_use(), self._most_in_use, self._uses, self._limit)

    async def aclose(self) -> None:
        """Close every connection.

        Warns
        -----
        ResourceWarning
            If a session is still open; the message says where it was opened. It is rolled back.
        """
        self._closed = True
        DATABASES.discard(self)
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

    def _count_use(self, *_: object) -> None:
        self._uses += 1
        self._most_in_use = max(self._most_in_use, self.pool_in_use())

    def _note_start(self, conn: Connection, *_: object) -> None:
        conn.info["gymlab_started"] = time.monotonic()

    def _log_if_slow(self, conn: Connection, _: object, statement: str, *__: object) -> None:
        seconds = time.monotonic() - conn.info["gymlab_started"]
        if seconds > self._slow_seconds:
            _log.warning(
                "a statement took %.1f s on %r: %s", seconds, self, " ".join(statement.split())[:500]
            )


# The databases of this process that are open.
DATABASES: LiveObjects[Database] = LiveObjects()


class _Closed:
    """The replacement of a closed session; it refuses every use."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __getattr__(self, name: str) -> NoReturn:
        raise InputError(f"the session opened at {self._where} was used after its context had ended")


def _checked_url(text: str) -> URL:
    """Return the URL with the async driver; messages do not repeat a refused URL, since it may have a password."""
    form = "a database URL has the form sqlite:///file.db (four slashes for an absolute path) or postgresql://user@host/name"
    try:
        url = make_url("sqlite:///:memory:" if text == ":memory:" else text)
    except (ArgumentError, ValueError):
        raise InputError(f"{form}; this one cannot be read") from None
    if url.drivername in {"postgresql", "postgres", "postgresql+asyncpg"}:
        return url.set(drivername="postgresql+asyncpg")
    if url.drivername not in {"sqlite", "sqlite+aiosqlite"}:
        raise InputError(f"{form}; {url.drivername} is not supported")
    if "\0" in (url.database or ""):
        raise InputError(f"{form}; no file has a NUL in its name")
    if url.host or url.username:
        raise InputError(f"{form}; this one has two slashes, so its folder is taken for a host")
    return url.set(drivername="sqlite+aiosqlite")
