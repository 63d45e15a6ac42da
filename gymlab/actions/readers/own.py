"""gymlab's own database: table `gymlab_actions`, whose columns are those of the action table."""

from pathlib import Path

import numpy as np
import pandas as pd

from gymlab.actions.columns import BITS, KEY, MIXED_UNITS
from gymlab.actions.readers import sqlite
from gymlab.actions.rows import RawRows
from gymlab.actions.times import in_utc, moment_of
from gymlab.errors import InputError

_QUERY = f"SELECT * FROM {sqlite.OWN_TABLE} ORDER BY {', '.join(KEY)}"  # noqa: S608 - constants


def read(path: Path) -> RawRows:
    """Read the stored actions, ordered by their key: the table is clustered by it and keeps no other order."""
    with sqlite.opened(path) as connection:
        found = sqlite.columns(connection, sqlite.OWN_TABLE)
        absent = [name for name in KEY if name not in found]
        if absent:
            lacking = f"columns {', '.join(absent)} in table" if found else "table"
            raise InputError(f"{path}: has no {lacking} {sqlite.OWN_TABLE!r}; import actions into it first")
        stored = sqlite.fetched(connection, _QUERY)
    table = pd.DataFrame(stored, dtype=object)
    if "timestamp" in table:
        # They are all in UTC, and SQLite keeps no zone.
        moments = [in_utc(moment_of(stored)) or stored for stored in table["timestamp"]]
        table["timestamp"] = pd.Series(moments, dtype=object)
    return RawRows(
        columns={str(name): table[name] for name in table if name != "entropy_unit"},
        lines=np.arange(len(table), dtype=np.int64),
        origin=str(path),
        place="row",
        entropy_unit=_unit(table),
    )


def _unit(table: pd.DataFrame) -> str:
    if "entropy_unit" not in table or "decision_entropy" not in table:
        return BITS
    known = table["decision_entropy"].notna()
    units = set(table.loc[known, "entropy_unit"]) or set(table["entropy_unit"])
    return MIXED_UNITS if len(units) > 1 else str(next(iter(units), BITS))
