"""The action table in gymlab's own database: written here, read back by `read_actions`."""

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
    """Store an action table; actions that are stored already are left as they are.

    A database keeps the actions ordered by their key, so the series come back in the order of their ids.

    Parameters
    ----------
    frame
        The action table, its entropy in one unit.
    database
        Where to.

    Returns
    -------
    int
        How many actions were new.

    Raises
    ------
    InputError
        If the frame is no action table, mixes units of entropy, or an action is stored with other content, or
        `database` is none; nothing is stored then.
    """
    # SQLAlchemy takes a while to import, and only writing needs it.
    from gymlab.runtime.database import Database  # noqa: PLC0415

    instance("database", database, Database, "a gymlab.Database")
    # Turning a large log into rows takes seconds, which would block the event loop.
    rows = await asyncio.to_thread(rows_of, frame)
    return await database.bulk_insert(rows)


def rows_of(frame: pd.DataFrame) -> list["ActionRow"]:
    """Return the actions as rows of the database's table; what is unknown is None.

    Parameters
    ----------
    frame
        The action table, its entropy in one unit.

    Returns
    -------
    list of ActionRow
        One row an action.

    Raises
    ------
    InputError
        If the frame is no action table, or mixes units of entropy.
    """
    # sqlmodel takes a while to import, and only writing needs it.
    from gymlab.db_models import ActionRow  # noqa: PLC0415

    actions = validate_actions(frame)
    unit = actions.attrs["entropy_unit"]
    if unit == MIXED_UNITS:
        raise InputError("decision_entropy is in different units; write the sources one by one")
    # SQLAlchemy keeps the name "metadata" for itself, so the row's attribute has another one.
    names = ["meta" if column.name == "metadata" else column.name for column in COLUMNS]
    values = (_plain(actions.get(column.name), len(actions)) for column in COLUMNS)
    return [
        ActionRow(**dict(zip(names, row, strict=True)), entropy_unit=unit)
        for row in zip(*values, strict=True)
    ]


def _plain(values: pd.Series | None, n_rows: int) -> list[Any]:
    """Return a column as Python's own values."""
    if values is None:
        return [None] * n_rows
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return [None if moment is pd.NaT else moment.to_pydatetime() for moment in values]
    plain = values.astype(object)
    return plain.where(plain.notna(), None).tolist()
