"""Insertion of many rows as tuples through the driver: all rows or none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from numbers import Integral, Real
from types import NoneType
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Table, inspect
from sqlalchemy.dialects.sqlite import insert
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

# The errors for a value that the driver or the table refuses; a full disk raises another error.
_REFUSALS = (IntegrityError, InterfaceError, ProgrammingError, DataError, OverflowError, UnicodeError)

# SQLite before 3.32 takes 999 parameters in a statement.
_PARAMETERS = 900


@dataclass(frozen=True, slots=True)
class _Field:
    """A column: the attribute of a row, the allowed values, and the conversion of SQLAlchemy."""

    attribute: str
    column: str
    python_type: type | None
    nullable: bool
    bind: Callable[[Any], Any] | None


class BulkInsert:
    """The insertion of rows of one table class over one connection.

    Parameters
    ----------
    table_class
        An SQLModel class with ``table=True``.
    dialect
        The dialect of the database.
    """

    def __init__(self, table_class: type[SQLModel], dialect: Dialect) -> None:
        mapper = inspect(table_class, raiseerr=False)
        if mapper is None or not isinstance(mapper.local_table, Table):
            raise InputError(
                f"{table_class.__name__} is no table: bulk_insert takes instances of a table class"
            )
        table = mapper.local_table
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
        columns = [field.column for field in self._fields]
        self._key = [columns.index(column.name) for column in table.primary_key.columns]
        # Only the primary key: OR IGNORE would drop rows that break another rule.
        statement = insert(table).on_conflict_do_nothing(index_elements=list(table.primary_key.columns))
        self._insert = str(statement.compile(dialect=dialect, column_keys=columns))
        quote = dialect.identifier_preparer.quote
        names = ", ".join(map(quote, columns))
        key = ", ".join(quote(columns[i]) for i in self._key)
        # The name is the table's own, quoted by SQLAlchemy; values are parameters.
        self._select = (
            f"SELECT {names} FROM {dialect.identifier_preparer.format_table(table)} WHERE ({key}) IN (VALUES "  # noqa: S608
        )

    async def run(self, connection: AsyncConnection, rows: Sequence[SQLModel], batch_size: int) -> int:
        """Insert the rows within the connection's transaction and return how many were new.

        Raises
        ------
        InputError
            If a row is refused, or contradicts a stored row of the same key.
        """
        inserted = 0
        for first in range(0, len(rows), batch_size):
            batch = self._bound(rows[first : first + batch_size], first)
            new = await self._execute(connection, batch, first)
            inserted += new
            if new < len(batch):
                await self._require_equal(connection, batch, first)
        return inserted

    def _bound(self, rows: Sequence[SQLModel], first: int) -> list[tuple[Any, ...]]:
        """Return the rows as tuples for the driver."""
        columns = []
        # The instrumented attributes of SQLAlchemy are slower than all other steps together.
        dicts = [row.__dict__ for row in rows]
        for field in self._fields:
            name = field.attribute
            try:
                values = [values[name] for values in dicts]
            except KeyError:  # never set, or expired by a commit
                values = [getattr(row, name) for row in rows]
            try:
                columns.append(_bind_column(field, values))
            except _BadValueError as bad:
                raise InputError(
                    self._refusal(rows[bad.index], first + bad.index, str(bad))
                ) from bad.__cause__
        return list(zip(*columns, strict=True))

    async def _execute(self, connection: AsyncConnection, batch: list[tuple[Any, ...]], first: int) -> int:
        try:
            return (await connection.exec_driver_sql(self._insert, batch)).rowcount
        except _REFUSALS as refusal:
            # The transaction has failed. The rows are inserted one by one to find the refused row.
            for index, row in enumerate(batch):
                try:
                    await connection.exec_driver_sql(self._insert, row)
                except _REFUSALS as error:
                    reason = str(getattr(error, "orig", error))
                    raise InputError(f"row {first + index} ({self._key_text(row)}): {reason}") from error
            raise InputError(f"rows {first} to {first + len(batch) - 1}: {refusal}") from refusal

    async def _require_equal(
        self, connection: AsyncConnection, batch: list[tuple[Any, ...]], first: int
    ) -> None:
        """Refuse a row if its key is stored with other content, even by the same call."""
        width = len(self._key)
        one = f"({', '.join('?' * width)})"
        step = max(1, _PARAMETERS // width)
        for start in range(0, len(batch), step):
            part = batch[start : start + step]
            keys = tuple(row[i] for row in part for i in self._key)
            query = f"{self._select}{', '.join([one] * len(part))})"
            found = (await connection.exec_driver_sql(query, keys)).all()
            stored = {tuple(row[i] for i in self._key): tuple(row) for row in found}
            for index, row in enumerate(part, start=first + start):
                other = stored[tuple(row[i] for i in self._key)]
                if row != other:
                    at = next(i for i in range(len(row)) if row[i] != other[i])
                    raise InputError(
                        f"row {index} ({self._key_text(row)}) is stored with other content: column "
                        f"{self._fields[at].column!r} is {other[at]!r} there and {row[at]!r} here"
                    )

    def _key_text(self, row: tuple[Any, ...]) -> str:
        return ", ".join(f"{self._fields[i].column}={row[i]!r}" for i in self._key)

    def _refusal(self, row: SQLModel, index: int, reason: str) -> str:
        key = tuple(getattr(row, field.attribute) for field in self._fields)
        return f"row {index} ({self._key_text(key)}): {reason}"


class _BadValueError(Exception):
    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def _python_type(column: ColumnElement[Any]) -> type | None:
    """Return the required type of a column, None if any type may be right."""
    if isinstance(column.type, AutoString):  # the string of SQLModel has no python_type
        return str
    try:
        python_type = column.type.python_type
    except NotImplementedError:  # types of other libraries, as SQLAlchemy's own did before 2.1
        return None
    return python_type if python_type in _TYPE_NAMES else None


def _bind_column(field: _Field, values: list[Any]) -> list[Any]:
    """Return the values of a column for the driver; whole columns are checked first, since most are good."""
    types = set(map(type, values))
    if field.python_type is not None and not types <= {field.python_type, NoneType}:
        values = [_converted(field, index, value) for index, value in enumerate(values)]
    if field.bind is not None:
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
