"""The action table in gymlab's own database: written here, read back by `read_actions`."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from gymlab.actions.columns import ACTION_COLUMNS, COLUMNS, MIXED_UNITS
from gymlab.actions.schema import validate_actions
from gymlab.errors import InputError

if TYPE_CHECKING:
    from gymlab.runtime.database import Database

# SQLAlchemy keeps the name "metadata" for itself, so the row's attribute has another one.
_ATTRIBUTES = {name: "meta" if name == "metadata" else name for name in ACTION_COLUMNS}


async def write_actions(frame: pd.DataFrame, database: "Database") -> int:
    """Store an action table; actions that are stored already are left as they are.

    Parameters
    ----------
    frame
        The action table, its entropy in one unit.
    database
        Where to; its tables exist.

    Returns
    -------
    int
        How many actions were new.

    Raises
    ------
    InputError
        If the frame is no action table, mixes units of entropy, or an action is stored with other content.
    """
    actions = validate_actions(frame)
    unit = actions.attrs["entropy_unit"]
    if unit == MIXED_UNITS:
        raise InputError("decision_entropy is in different units; write the sources one by one")
    # sqlmodel takes a while to import, and only who writes needs it.
    from gymlab.tables import ActionRow  # noqa: PLC0415

    return await database.bulk_insert([ActionRow(**row, entropy_unit=unit) for row in _rows(actions)])


def _rows(actions: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the actions as a database takes them: what is unknown is None."""
    columns: dict[str, list[Any]] = {}
    for column in COLUMNS:
        if column.name not in actions:
            columns[_ATTRIBUTES[column.name]] = [None] * len(actions)
        elif column.kind == "time":
            columns[column.name] = [
                None if moment is pd.NaT else moment.to_pydatetime() for moment in actions[column.name]
            ]
        else:
            values = actions[column.name].astype(object)
            columns[_ATTRIBUTES[column.name]] = values.where(values.notna(), None).tolist()
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
