"""Insertion of many rows as tuples through the driver: all rows or none."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from numbers import Integral, Real
from operator import itemgetter
from types import NoneType
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Table, inspect
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import AutoString, SQLModel

from gymlab.errors import InputError

_TYPE_NAMES = {
    str: "a string",
    int: "an integer",
    float: "a number",
    datetime: "a time with its zone",
    bool: "a bool",
}

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Field:
    """A column: the attribute of a row, the allowed values, and the conversion of SQLAlchemy."""

    attribute: str
    column: str
    python_type: type | None
    nullable: bool
    bind: Callable[[Any], Any] | None


class BulkInsert(ABC):
    """The insertion of rows of one table class over one connection; each kind of database has a subclass.

    Parameters
    ----------
    table_class
        An SQLModel class with ``table=True``.
    dialect
        The dialect of the database.
    """

    # The errors for a value that a driver or a table refuses; the error for a full disk is not one of them.
    refusals: tuple[type[Exception], ...] = (
        IntegrityError,
        InterfaceError,
        ProgrammingError,
        DataError,
        OverflowError,
        UnicodeError,
    )

    def __init__(self, table_class: type[SQLModel], dialect: Dialect) -> None:
        mapper = inspect(table_class, raiseerr=False)
        if mapper is None or not isinstance(mapper.local_table, Table):
            raise InputError(
                f"{table_class.__name__} is no table: bulk_insert takes instances of a table class"
            )
        self.table = mapper.local_table
        self._fields = [
            _Field(
                attribute=attribute.key,
                column=column.name,
                python_type=_python_type(column),
                nullable=bool(column.nullable),
                bind=column.type.dialect_impl(dialect).bind_processor(dialect),
            )
            for attribute in mapper.column_attrs
            for column in attribute.columns[:1]
        ]
        self._values = itemgetter(*(field.attribute for field in self._fields))
        self.columns = [field.column for field in self._fields]
        self.key_columns = [column.name for column in self.table.primary_key.columns]
        self.key = [self.columns.index(name) for name in self.key_columns]
        self.quoted_table = dialect.identifier_preparer.format_table(self.table)
        self._quote = dialect.identifier_preparer.quote

    @abstractmethod
    async def insert(self, connection: AsyncConnection, rows: Sequence[Row]) -> int:
        """Insert rows whose keys are new, and return their number."""

    @abstractmethod
    async def stored(self, connection: AsyncConnection, rows: Sequence[Row]) -> list[Row]:
        """Return the stored rows that have the keys of the given rows, which were inserted just before."""

    def attempt(self, connection: AsyncConnection) -> AbstractAsyncContextManager[object]:
        """Return a context for statements that may fail. By default the transaction goes on after an error."""
        del connection
        return nullcontext()

    def quoted(self, names: Sequence[str]) -> str:
        """Return names of columns as a statement lists them."""
        return ", ".join(map(self._quote, names))

    async def run(self, connection: AsyncConnection, rows: Sequence[SQLModel], batch_size: int) -> int:
        """Insert the rows within the connection's transaction, and return the number of new rows.

        Raises
        ------
        InputError
            If a row is refused, or contradicts a stored row of the same key.
        """
        inserted = 0
        for first in range(0, len(rows), batch_size):
            batch = self._bound(rows[first : first + batch_size], first)
            new = await self._insert_or_explain(connection, batch, first)
            inserted += new
            if new < len(batch):
                await self._require_equal(connection, batch, first)
        return inserted

    def _bound(self, rows: Sequence[SQLModel], first: int) -> list[Row]:
        """Return the rows as tuples for the driver."""
        columns = []
        for field, values in zip(self._fields, self._columns_of(rows), strict=True):
            try:
                columns.append(_bind_column(field, values))
            except _BadValueError as bad:
                raise InputError(
                    self._refusal(rows[bad.index], first + bad.index, str(bad))
                ) from bad.__cause__
        return list(zip(*columns, strict=True))

    def _columns_of(self, rows: Sequence[SQLModel]) -> Iterable[Sequence[Any]]:
        names = [field.attribute for field in self._fields]
        if len(names) > 1:
            # SQLAlchemy's instrumented attributes take longer than all other steps together. A row is read as a whole,
            # since its values are near each other in memory.
            with suppress(KeyError):  # never set, or expired by a commit
                return list(zip(*[self._values(row.__dict__) for row in rows], strict=True))
        return [[getattr(row, name) for row in rows] for name in names]

    async def _insert_or_explain(self, connection: AsyncConnection, batch: list[Row], first: int) -> int:
        try:
            async with self.attempt(connection):
                return await self.insert(connection, batch)
        except self.refusals as refusal:
            # The rows are inserted one by one to find the refused row.
            for index, row in enumerate(batch):
                try:
                    async with self.attempt(connection):
                        await self.insert(connection, [row])
                except self.refusals as error:
                    reason = str(getattr(error, "orig", error))
                    raise InputError(f"row {first + index} ({self._key_text(row)}): {reason}") from error
            raise InputError(f"rows {first} to {first + len(batch) - 1}: {refusal}") from refusal

    async def _require_equal(self, connection: AsyncConnection, batch: list[Row], first: int) -> None:
        """Refuse a row if its key is stored with other content, even if the same call has stored it."""
        stored = {tuple(row[i] for i in self.key): row for row in await self.stored(connection, batch)}
        for index, row in enumerate(batch, start=first):
            other = stored[tuple(row[i] for i in self.key)]
            if row != other:
                at = next(i for i in range(len(row)) if row[i] != other[i])
                raise InputError(
                    f"row {index} ({self._key_text(row)}) is stored with other content: column "
                    f"{self.columns[at]!r} is {other[at]!r} there and {row[at]!r} here"
                )

    def _key_text(self, row: Row) -> str:
        return ", ".join(f"{self.columns[i]}={row[i]!r}" for i in self.key)

    def _refusal(self, row: SQLModel, index: int, reason: str) -> str:
        key = tuple(getattr(row, field.attribute) for field in self._fields)
        return f"row {index} ({self._key_text(key)}): {reason}"


class _BadValueError(Exception):
    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def _python_type(column: ColumnElement[Any]) -> type | None:
    """Return the required type of a column; None if the type is not checked."""
    if isinstance(column.type, AutoString):  # the string of SQLModel has no python_type
        return str
    try:
        python_type = column.type.python_type
    except NotImplementedError:  # types of other libraries, and before SQLAlchemy 2.1 also its own types
        return None
    return python_type if python_type in _TYPE_NAMES else None


def _bind_column(field: _Field, values: Sequence[Any]) -> Sequence[Any]:
    """Return the values of a column for the driver; whole columns are checked first, since most are good."""
    types = set(map(type, values))
    if field.python_type is not None and not types <= {field.python_type, NoneType}:
        values = [_converted(field, index, value) for index, value in enumerate(values)]
    # Most columns of a log are known or unknown as a whole.
    if field.bind is not None and (types != {NoneType} or field.bind(None) is not None):
        try:
            values = list(map(field.bind, values))
        except (TypeError, ValueError, AttributeError):
            values = [_bound(field, index, value) for index, value in enumerate(values)]
    if not field.nullable and None in values:
        raise _BadValueError(values.index(None), f"column {field.column!r} must not be empty")
    return values


def _bound(field: _Field, index: int, value: Any) -> Any:  # noqa: ANN401 - a value of any type
    assert field.bind is not None  # noqa: S101 - only called where it is
    try:
        return field.bind(value)
    except (TypeError, ValueError, AttributeError) as error:
        raise _BadValueError(index, f"column {field.column!r} cannot take {value!r}: {error}") from error


def _converted(field: _Field, index: int, value: Any) -> Any:  # noqa: ANN401 - a value of any type
    """Return scalars of numpy as Python values; refuse other types."""
    wanted = field.python_type
    if value is None or wanted is None or (isinstance(value, wanted) and type(value) is not bool):
        return value
    if wanted is bool and type(value).__name__ in {"bool", "bool_"}:
        return bool(value)
    if type(value) is not bool:
        if wanted is int and isinstance(value, Integral):
            return int(value)
        if wanted is float and isinstance(value, Real):
            return float(value)
    raise _BadValueError(
        index, f"column {field.column!r} takes {_TYPE_NAMES[wanted]}, not {type(value).__name__} {value!r}"
    )
