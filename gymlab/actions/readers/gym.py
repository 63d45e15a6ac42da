"""The Gym's own database: table `actions`, with JSON in relational_data and context; one session an agent."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gymlab.actions.columns import COLUMNS as ACTION_TABLE
from gymlab.actions.columns import ONE_MINUS_CONFIDENCE
from gymlab.actions.json_text import NotJsonError, strict_json
from gymlab.actions.readers import sqlite
from gymlab.actions.rows import RawRows
from gymlab.actions.values import to_time
from gymlab.arguments import named
from gymlab.errors import InputError


@dataclass(frozen=True)
class Field:
    """Where the value of one column of the action table stands: ``column`` or ``column.key`` of its JSON."""

    name: str
    path: str


FIELDS = (
    Field("action_id", "id"),
    Field("session_id", "agent_id"),
    Field("agent_id", "agent_id"),
    Field("timestamp", "timestamp"),
    Field("actor", "relational_data.actor"),
    Field("target", "relational_data.target"),
    Field("relationship_type", "relational_data.relationship_type"),
    Field("impact", "relational_data.impact_magnitude"),
    Field("decision_context", "decision_context"),
    Field("action_type", "action_type"),
    Field("outcome_valence", "outcome_valence"),
    Field("decision_entropy", "decision_entropy"),
    Field("latency_ms", "latency_ms"),
)
_JSON = ("relational_data", "context")
_STORED = tuple(dict.fromkeys([*(f.path.partition(".")[0] for f in FIELDS), *_JSON]))
_PATHS = {field.path for field in FIELDS}
_WEIGHT = "context_weight"
_TIMESTAMP = next(column for column in ACTION_TABLE if column.name == "timestamp")

_LINE = "gymlab_line"
_QUERY = f"SELECT rowid AS {_LINE}, * FROM {sqlite.GYM_TABLE} ORDER BY rowid"  # noqa: S608 - constants
_QUERY_VIEW = f"SELECT * FROM {sqlite.GYM_TABLE}"  # noqa: S608 - a constant

# The adapters of the Gym answer with the first option when an agent's reply could not be read.
_MADE_UP = "default_first"


def read(path: Path) -> RawRows:
    """Read the Gym's actions, each agent's by time and then in the order of storing."""
    with sqlite.opened(path) as connection:
        found = sqlite.columns(connection, sqlite.GYM_TABLE)
        absent = [name for name in _STORED if name not in found]
        if absent:
            raise InputError(
                f"{path}: table {sqlite.GYM_TABLE!r} lacks the columns {', '.join(absent)}; it has {named(found)}"
            )
        is_numbered = sqlite.has_rowids(connection, sqlite.GYM_TABLE)
        stored = sqlite.fetched(connection, _QUERY if is_numbered else _QUERY_VIEW)
    stored.setdefault(_LINE, list(range(1, len(stored["id"]) + 1)))
    rows = RawRows({}, np.array(stored[_LINE], dtype=np.int64), str(path), "row", ONE_MINUS_CONFIDENCE)
    table = _parsed(pd.DataFrame(stored, dtype=object), rows)
    rows.lines = table[_LINE].to_numpy(dtype=np.int64)
    rows.columns = {field.name: _values(table, field.path) for field in FIELDS}
    rows.columns["action_type"] = _choices(table)
    rows.columns["step"] = table.groupby("agent_id", sort=False, dropna=False).cumcount().to_numpy()
    more = [str(name) for name in table if name not in (*_STORED, _WEIGHT, _LINE)]
    rows.columns["metadata"] = _metadata(table, more)
    if more:
        rows.notes.append(f"columns that the action table does not have are kept in metadata: {named(more)}")
    rows.notes += _made_up(table)
    return rows


def _parsed(table: pd.DataFrame, rows: RawRows) -> pd.DataFrame:
    """Return the rows in order of time with their JSON parsed; a row whose JSON is broken is a bad row."""
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
    # A time that is none is a bad row as well; the schema names it, here it only must not stop the ordering.
    times, _ = to_time(table["timestamp"], _TIMESTAMP)
    order = times.sort_values(kind="stable").index
    return table.loc[order].loc[good[order]].reset_index(drop=True)


def _object(text: object) -> tuple[dict[str, Any], str]:
    """Return the object that a text is, and what is wrong with it."""
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
    """Return what was chosen: the context's choice, for the stored type only names the scenario."""
    chosen = [context.get("choice_id") for context in table["context"]]
    return [
        stored if choice in (None, "") else choice
        for choice, stored in zip(chosen, table["action_type"], strict=True)
    ]


def _metadata(table: pd.DataFrame, more: list[str]) -> list[object]:
    """Return what the action table has no column for: of each row, and of its relational data."""
    if _WEIGHT not in table:
        table[_WEIGHT] = pd.Series(None, index=table.index, dtype=object)
    kept = table[["action_type", _WEIGHT, "context", *more]].to_dict("records")
    for found, relations in zip(kept, table["relational_data"], strict=True):
        rest = {key: value for key, value in relations.items() if f"relational_data.{key}" not in _PATHS}
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
