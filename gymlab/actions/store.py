"""Write the action table to gymlab's own database; `read_actions` reads it."""

import asyncio
from typing import TYPE_CHECKING, Any

import pandas as pd

from gymlab.actions.columns import COLUMNS, MIXED_UNITS
from gymlab.actions.schema import validate_actions
from gymlab.arguments import instance
from gymlab.errors import InputError

if TYPE_CHECKING:
    from gymlab.db_models import ActionRow
    from gymlab.runtime.database import Database


async def write_actions(frame: pd.DataFrame, database: "Database") -> int:
    """Store an action table; actions that are stored already do not change.

    The database orders the actions by their key, so the series are read back in the order of their ids.

    Parameters
    ----------
    frame
        The action table, with its entropies in one unit.
    database
        The database.

    Returns
    -------
    int
        The number of new actions.

    Raises
    ------
    InputError
        If the frame is no action table or mixes units of entropy, if an action is stored with other content, or if
        `database` is no database. Then nothing is stored.
    """
    # The import of SQLAlchemy is slow, and only writing needs it.
    from gymlab.runtime.database import Database  # noqa: PLC0415

    instance("database", database, Database, "a gymlab.Database")
    # The conversion of a large log takes seconds, so it must not run in the event loop.
    rows = await asyncio.to_thread(rows_of, frame)
    return await database.bulk_insert(rows)


def rows_of(frame: pd.DataFrame) -> list["ActionRow"]:
    """Return the actions as rows of the database's table; unknown values are None.

    Parameters
    ----------
    frame
        The action table, with its entropies in one unit.

    Returns
    -------
    list of ActionRow
        One row for each action.

    Raises
    ------
    InputError
        If the frame is no action table, or mixes units of entropy.
    """
    # The import of sqlmodel is slow, and only writing needs it.
    from gymlab.db_models import ActionRow  # noqa: PLC0415

    actions = validate_actions(frame)
    unit = actions.attrs["entropy_unit"]
    if unit == MIXED_UNITS:
        raise InputError("decision_entropy is in different units; write the sources one by one")
    # SQLAlchemy reserves the name "metadata", so the attribute of a row is named "meta".
    names = ["meta" if column.name == "metadata" else column.name for column in COLUMNS]
    values = (_plain(actions.get(column.name), len(actions)) for column in COLUMNS)
    return [
        ActionRow(**dict(zip(names, row, strict=True)), entropy_unit=unit)
        for row in zip(*values, strict=True)
    ]


def _plain(values: pd.Series | None, n_rows: int) -> list[Any]:
    """Return a column as values of Python's types."""
    if values is None:
        return [None] * n_rows
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return [None if moment is pd.NaT else moment.to_pydatetime() for moment in values]
    plain = values.astype(object)
    return plain.where(plain.notna(), None).tolist()
