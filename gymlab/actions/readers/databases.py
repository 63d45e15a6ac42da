"""Databases: PostgreSQL, and SQLite files of the Gym (table `actions`) or gymlab (`gymlab_actions`), read-only."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gymlab.actions.columns import BITS, KEY, MIXED_UNITS, ONE_MINUS_CONFIDENCE
from gymlab.actions.columns import COLUMNS as ACTION_TABLE
from gymlab.actions.json_text import NotJsonError, strict_json
from gymlab.actions.moments import in_utc, moment_of
from gymlab.actions.raw_rows import RawRows
from gymlab.actions.readers.source_files import check_file, hide_password
from gymlab.actions.values import to_time
from gymlab.arguments import named
from gymlab.errors import InputError

MAGIC = b"SQLite format 3\x00"
OWN_TABLE = "gymlab_actions"
GYM_TABLE = "actions"
GYM_MARK = "relational_data"


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading only; errors of SQLite become an `InputError`."""
    check_file(path)
    try:
        with closing(_connected(path)) as connection:
            yield connection
    except sqlite3.Error as error:
        if _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise InputError(
                f"{path}: is being written by another process; read it when that has finished"
            ) from error
        raise InputError(f"{path}: cannot be read as a SQLite database: {error}") from error


def _connected(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError as error:
        connection.close()
        if _primary_code(error) not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) or _is_unfinished(
            path
        ):
            raise
        # SQLite makes side files for a database in write-ahead mode, which is not possible in a read-only folder. But
        # the file alone is complete if there are no changes in side files.
        return sqlite3.connect(f"{uri}&immutable=1", uri=True)
    return connection


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_unfinished(path: Path) -> bool:
    """Tell whether side files of a database hold changes that are not in the database itself."""
    logs = [path.with_name(f"{path.name}{ending}") for ending in ("-wal", "-journal")]
    return any(log.exists() and log.stat().st_size > 0 for log in logs)


def has_rowids(connection: sqlite3.Connection, table: str) -> bool:
    """Tell whether SQLite numbers the rows of a table; it does not number those of a view."""
    query = f"SELECT count(*) FROM {table} WHERE typeof(rowid) <> 'integer'"  # noqa: S608 - a constant
    try:
        return bool(connection.execute(query).fetchone()[0] == 0)
    except sqlite3.OperationalError:
        return False


def columns_of_table(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns of a table, or an empty list if there is no such table."""
    return [row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]


def fetched(connection: sqlite3.Connection, query: str) -> pd.DataFrame:
    """Return the answer to a query as a frame of Python objects; a text that is not UTF-8 stays bytes."""
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    try:
        rows = cursor.fetchall()
    except sqlite3.OperationalError as error:
        # Every error has an error code of SQLite, except that for a text that Python cannot decode.
        if hasattr(error, "sqlite_errorcode"):
            raise
        connection.text_factory = _text
        rows = connection.execute(query).fetchall()
    return pd.DataFrame(rows, columns=names, dtype=object)


def _text(stored: bytes) -> str | bytes:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


def detect(path: Path) -> str:
    """Return the format of a database: "gym" or "gymlab"."""
    with open_read_only(path) as connection:
        is_own = bool(columns_of_table(connection, OWN_TABLE))
        is_gym = GYM_MARK in columns_of_table(connection, GYM_TABLE)
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if is_own and is_gym:
        raise InputError(
            f"{path}: holds the Gym's actions and gymlab's; say which with format='gym' or 'gymlab'"
        )
    if not is_own and not is_gym:
        raise InputError(
            f"{path}: holds neither the Gym's table {GYM_TABLE!r} (with {GYM_MARK}) nor gymlab's {OWN_TABLE!r}; "
            f"its tables are {named(tables)}"
        )
    return "gymlab" if is_own else "gym"


# The source of each column of the action table: a column of the database, or column.key for a key of its JSON.
_GYM_FIELDS = {
    "action_id": "id",
    "session_id": "agent_id",
    "agent_id": "agent_id",
    "timestamp": "timestamp",
    "actor": "relational_data.actor",
    "target": "relational_data.target",
    "relationship_type": "relational_data.relationship_type",
    "impact": "relational_data.impact_magnitude",
    "decision_context": "decision_context",
    "action_type": "action_type",
    "outcome_valence": "outcome_valence",
    "decision_entropy": "decision_entropy",
    "latency_ms": "latency_ms",
}
_JSON = ("relational_data", "context")
_STORED = tuple(dict.fromkeys([*(path.partition(".")[0] for path in _GYM_FIELDS.values()), *_JSON]))
_WEIGHT = "context_weight"
_TIMESTAMP = next(column for column in ACTION_TABLE if column.name == "timestamp")

_LINE = "gymlab_line"
_GYM_QUERY = f"SELECT rowid AS {_LINE}, * FROM {GYM_TABLE} ORDER BY rowid"  # noqa: S608 - constants
_GYM_QUERY_OF_VIEW = f"SELECT * FROM {GYM_TABLE}"  # noqa: S608 - a constant

# The adapters of the Gym take the first option if they cannot read the reply of an agent.
_MADE_UP = "default_first"


def read_gym(path: Path) -> RawRows:
    """Read the Gym's actions; those of an agent are sorted by time, then by the order in which they were stored."""
    with open_read_only(path) as connection:
        found = columns_of_table(connection, GYM_TABLE)
        absent = [name for name in _STORED if name not in found]
        if absent:
            raise InputError(
                f"{path}: table {GYM_TABLE!r} lacks the columns {', '.join(absent)}; it has {named(found)}"
            )
        is_numbered = has_rowids(connection, GYM_TABLE)
        stored = fetched(connection, _GYM_QUERY if is_numbered else _GYM_QUERY_OF_VIEW)
    if not is_numbered:
        stored[_LINE] = np.arange(1, len(stored) + 1)
    rows = RawRows({}, stored[_LINE].to_numpy(dtype=np.int64), str(path), "row", ONE_MINUS_CONFIDENCE)
    table = _parsed(stored, rows)
    rows.lines = table[_LINE].to_numpy(dtype=np.int64)
    rows.columns = {name: _values(table, path) for name, path in _GYM_FIELDS.items()}
    rows.columns["action_type"] = _choices(table)
    rows.columns["step"] = table.groupby("agent_id", sort=False, dropna=False).cumcount().to_numpy()
    more = [str(name) for name in table if name not in (*_STORED, _WEIGHT, _LINE)]
    rows.columns["metadata"] = _metadata(table, more)
    if more:
        rows.notes.append(f"columns that the action table does not have are kept in metadata: {named(more)}")
    rows.notes += _made_up(table)
    return rows


def _parsed(table: pd.DataFrame, rows: RawRows) -> pd.DataFrame:
    """Return the rows in the order of time, with their JSON parsed; a row with broken JSON is a bad row."""
    good = np.ones(len(table), dtype=bool)
    for name in _JSON:
        parsed: list[object] = []
        for position, text in enumerate(table[name]):
            value, problem = _object(text)
            parsed.append(value)
            if problem:
                good[position] = False
                rows.problem(table[_LINE].iloc[position], name, text, problem)
        table[name] = pd.Series(parsed, dtype=object)
    # A row without a readable time is a bad row, too. The schema reports it later; here it only has to be sorted.
    times, _ = to_time(table["timestamp"], _TIMESTAMP)
    order = times.sort_values(kind="stable").index
    return table.loc[order].loc[good[order]].reset_index(drop=True)


def _object(text: object) -> tuple[dict[str, Any], str]:
    """Return the JSON object in a text, and "" or the problem."""
    try:
        value = strict_json(text) if isinstance(text, (str, bytes)) else None
    except NotJsonError as error:
        return {}, str(error)
    except InputError:
        value = None
    return (value, "") if isinstance(value, dict) else ({}, "is no JSON object")


def _values(table: pd.DataFrame, path: str) -> list[object]:
    column, _, key = path.partition(".")
    return [value.get(key) for value in table[column]] if key else list(table[column])


def _choices(table: pd.DataFrame) -> list[object]:
    """Return the choices from the contexts, since the stored type is only the name of the scenario."""
    chosen = [context.get("choice_id") for context in table["context"]]
    return [
        stored if choice in (None, "") else choice
        for choice, stored in zip(chosen, table["action_type"], strict=True)
    ]


def _metadata(table: pd.DataFrame, more: list[str]) -> list[object]:
    """Return the values of each row and of its relational data for which the action table has no column."""
    if _WEIGHT not in table:
        table[_WEIGHT] = pd.Series(None, index=table.index, dtype=object)
    kept = table[["action_type", _WEIGHT, "context", *more]].to_dict("records")
    for found, relations in zip(kept, table["relational_data"], strict=True):
        rest = {
            key: value
            for key, value in relations.items()
            if f"relational_data.{key}" not in _GYM_FIELDS.values()
        }
        if rest:
            found["relational_data"] = rest
    return list(kept)


def _made_up(table: pd.DataFrame) -> list[str]:
    by_agent = Counter(
        str(agent)
        for agent, context in zip(table["agent_id"], table["context"], strict=True)
        if context.get("parsing_method") == _MADE_UP
    )
    if not by_agent:
        return []
    agents = named([f"{agent} {count:,}" for agent, count in by_agent.items()])
    note = (
        f"{by_agent.total():,} decisions were made up by an adapter that could not read the agent's answer "
        f"(parsing_method {_MADE_UP!r}): {agents}"
    )
    return [note]


_OWN_QUERY = f"SELECT * FROM {OWN_TABLE} ORDER BY {', '.join(KEY)}"  # noqa: S608 - constants


def read_own(path: Path) -> RawRows:
    """Read the stored actions, ordered by their key, which is the only order that the table keeps."""
    with open_read_only(path) as connection:
        found = columns_of_table(connection, OWN_TABLE)
        absent = [name for name in KEY if name not in found]
        if absent:
            lacking = f"columns {', '.join(absent)} in table" if found else "table"
            raise InputError(f"{path}: has no {lacking} {OWN_TABLE!r}; import actions into it first")
        table = fetched(connection, _OWN_QUERY)
    if "timestamp" in table:
        # The stored times are in UTC, and SQLite keeps no zone.
        moments = [in_utc(moment_of(stored)) or stored for stored in table["timestamp"]]
        table["timestamp"] = pd.Series(moments, dtype=object)
    return _own_rows(table, str(path))


def read_server(url: str, name: str | None) -> RawRows:
    """Read the actions that :func:`gymlab.actions.store.write_actions` stored in a PostgreSQL database."""
    # SQLAlchemy takes a while to import, and only databases of servers need it.
    from sqlalchemy import text  # noqa: PLC0415
    from sqlalchemy.exc import ProgrammingError  # noqa: PLC0415

    from gymlab.runtime import background  # noqa: PLC0415
    from gymlab.runtime.database import Database  # noqa: PLC0415

    place = hide_password(url)
    if name not in {None, "gymlab"}:
        raise InputError(
            f"{place}: is read as format gymlab, although the format {name} was given; leave that out"
        )

    async def fetch() -> pd.DataFrame:
        async with (
            Database(url, pool_size=1, max_overflow=0) as database,
            database.engine.connect() as connection,
        ):
            found = await connection.execute(text(_OWN_QUERY))
            return pd.DataFrame(list(map(tuple, found)), columns=list(found.keys()), dtype=object)

    try:
        table = background.run(fetch())
    except ProgrammingError as error:
        raise InputError(f"{place}: has no table {OWN_TABLE!r}; import actions into it first") from error
    if table.empty:
        raise InputError(f"{place}: no actions in it")
    # The server orders text by the rules of its language, but series have to be in the order of their ids.
    return _own_rows(table.sort_values(list(KEY), kind="stable", ignore_index=True), place)


def _own_rows(table: pd.DataFrame, origin: str) -> RawRows:
    lines, notes = np.arange(len(table), dtype=np.int64), []
    if "action_type" in table and (missing := (table["action_type"] == "").to_numpy(dtype=bool)).any():
        # A training session stores a decision that could not be had as a row without an action type.
        agents = named(
            [f"{agent} {count:,}" for agent, count in Counter(table.loc[missing, "agent_id"]).items()]
        )
        notes.append(f"{int(missing.sum()):,} decisions that could not be had are left out: {agents}")
        table, lines = table[~missing].reset_index(drop=True), lines[~missing]
    return RawRows(
        columns={str(name): table[name] for name in table if name != "entropy_unit"},
        lines=lines,
        origin=origin,
        place="row",
        entropy_unit=_unit(table),
        notes=notes,
    )


def _unit(table: pd.DataFrame) -> str:
    if "entropy_unit" not in table or "decision_entropy" not in table:
        return BITS
    known = table["decision_entropy"].notna()
    units = set(table.loc[known, "entropy_unit"]) or set(table["entropy_unit"])
    return MIXED_UNITS if len(units) > 1 else str(next(iter(units), BITS))
