"""PostgreSQL: an engine that recovers from lost connections, and insertion by COPY. Both need the extra `postgres`."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from itertools import chain
from typing import Any

import asyncpg
from sqlalchemy import Dialect, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel import SQLModel

from gymlab.errors import OutputError
from gymlab.runtime.bulk import BulkInsert, Row

_RECYCLE_S = 3600


def postgres_engine(url: URL, *, pool_size: int, max_overflow: int, patience_s: float) -> AsyncEngine:
    """Return the engine of a PostgreSQL database; there is no connection before the first session.

    Connections are tested before use and renewed after an hour, so there is no error after a restart of the server.

    Parameters
    ----------
    url
        The URL, with the driver asyncpg.
    pool_size, max_overflow
        The maximum number of connections that are kept, and of further connections.
    patience_s
        Seconds that a session waits for a connection.
    """
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=patience_s,
        pool_pre_ping=True,
        pool_recycle=_RECYCLE_S,
    )
    place = url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)

    def connect(dialect: Dialect, _: object, args: tuple[Any, ...], options: dict[str, Any]) -> object:
        """Connect; if this is not possible, raise an error that gives the reason in one line."""
        try:
            return dialect.connect(*args, **options)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            # The errors of the driver and those of the system have no common class.
            reason = str(getattr(error, "orig", None) or error) or type(error).__name__
            raise OutputError(f"the database {place} cannot be reached: {reason}") from error

    event.listen(engine.sync_engine, "do_connect", connect)
    return engine


class PostgresInsert(BulkInsert):
    """Insertion by one COPY; if a row cannot be new, by COPY of batches into a temporary table, and from there."""

    # COPY does not use SQLAlchemy, which would have wrapped these errors.
    refusals = (
        *BulkInsert.refusals,
        asyncpg.DataError,
        asyncpg.IntegrityConstraintViolationError,
        asyncpg.InterfaceError,
    )

    def __init__(self, table_class: type, dialect: Dialect) -> None:
        super().__init__(table_class, dialect)
        self._copy = f"gymlab_copy_of_{self.table.name}"[:63]
        self._quoted_copy = dialect.identifier_preparer.quote(self._copy)

    def attempt(self, connection: AsyncConnection) -> AbstractAsyncContextManager[object]:
        """Return a savepoint: after an error, PostgreSQL refuses all further statements of a transaction."""
        return connection.begin_nested()

    async def run(self, connection: AsyncConnection, rows: Sequence[SQLModel], batch_size: int) -> int:
        """Insert the rows within the connection's transaction, and return the number of new rows."""
        driver: Any = (await connection.get_raw_connection()).driver_connection
        batches = (self._bound(rows[i : i + batch_size], i) for i in range(0, len(rows), batch_size))
        # COPY cannot skip a row whose key is stored, and does not tell which row it refuses. But most rows are new and
        # good, and it takes a third of the time; the server stores one batch while the next one is converted.
        try:
            async with connection.begin_nested():
                await driver.copy_records_to_table(
                    self.table.name,
                    schema_name=self.table.schema,
                    records=chain.from_iterable(batches),
                    columns=self.columns,
                )
        except self.refusals:
            return await super().run(connection, rows, batch_size)
        return len(rows)

    async def insert(self, connection: AsyncConnection, rows: Sequence[Row]) -> int:
        """Insert rows whose keys are new, and return their number."""
        names, key = self.quoted(self.columns), self.quoted(self.key_columns)
        # The names are those of the table, quoted by SQLAlchemy; the values are copied.
        select = f"SELECT {names} FROM"
        await connection.exec_driver_sql(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {self._quoted_copy} ON COMMIT DROP "
            f"AS {select} {self.quoted_table} WITH NO DATA"
        )
        await connection.exec_driver_sql(f"TRUNCATE {self._quoted_copy}")
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.copy_records_to_table(self._copy, records=rows, columns=self.columns)
        done = await connection.exec_driver_sql(
            f"INSERT INTO {self.quoted_table} ({names}) {select} {self._quoted_copy} ON CONFLICT ({key}) DO NOTHING"
        )
        return done.rowcount

    async def stored(self, connection: AsyncConnection, rows: Sequence[Row]) -> list[Row]:
        """Return the stored rows that have the keys of the rows that were inserted last."""
        del rows  # they are in the temporary table
        key = self.quoted(self.key_columns)
        query = (
            f"SELECT {self.quoted(self.columns)} FROM {self.quoted_table} "  # noqa: S608
            f"WHERE ({key}) IN (SELECT {key} FROM {self._quoted_copy})"
        )
        return [tuple(row) for row in (await connection.exec_driver_sql(query)).all()]
