"""Raw rows of one source, and how they become typed rows: each bad one known by place, field and value."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gymlab.actions.columns import ACTION_COLUMNS, BITS, COLUMNS, REQUIRED_COLUMNS
from gymlab.actions.values import CONVERTERS, has_naive_time
from gymlab.arguments import named, shown
from gymlab.errors import InputError


class Problem(NamedTuple):
    """One thing that is wrong with one row; `line` counts what `place` names (line, row, simulation …)."""

    source: str
    place: str
    line: int
    field: str
    value: str
    problem: str

    def __str__(self) -> str:
        """Return the sentence that a person reads."""
        where = f"{self.source}, {self.place} {self.line}"
        subject = ": ".join(part for part in (self.field, self.value) if part)
        return f"{where}: {subject} {self.problem}" if subject else f"{where}: {self.problem}"


@dataclass
class RawRows:
    """The rows of one source as its reader found them.

    `columns` maps the names of the action table to raw values, all of one length; names that the table does
    not have are ignored and noted. ``lines[i]`` is where row i stands, counted in `place`.
    """

    columns: Mapping[str, Any]
    lines: "np.ndarray[Any, np.dtype[np.int64]]"
    origin: str
    place: str = "line"
    entropy_unit: str = BITS
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The name of a file may hold bytes that are no text, which no table and no file of ours could hold.
        self.origin = self.origin.encode(errors="replace").decode()

    def problem(self, line: int, name: str, value: object, problem: str) -> None:
        """Record that the row at `line` cannot be used."""
        said = shown(value) if name or value else ""
        self.problems.append(Problem(self.origin, self.place, int(line), name, said, problem))


@dataclass
class Part:
    """The good rows of one source in the table's dtypes, with where each stands and what was wrong elsewhere."""

    frame: pd.DataFrame
    lines: "np.ndarray[Any, np.dtype[np.int64]]"
    origin: str
    place: str
    entropy_unit: str
    problems: list[Problem]
    notes: list[str]


def notes_in(attrs: Mapping[Hashable, object]) -> list[str]:
    """Return the notes that a frame carries in its ``attrs``."""
    notes = attrs.get("notes")
    return (
        [str(note) for note in notes]
        if isinstance(notes, (list, tuple))
        else [str(notes)] * (notes is not None)
    )


def conform(rows: RawRows) -> Part:
    """Turn raw rows into the table's dtypes and separate the bad ones; a missing column is an `InputError`."""
    absent = absent_columns(rows)
    # Where no row could even be taken apart, what is wrong with each says more than the columns do.
    if absent and (len(rows.lines) or not rows.problems):
        raise InputError(
            f"{rows.origin}: the columns {', '.join(absent)} are missing; it has {named(rows.columns)}"
        )
    notes = list(rows.notes)
    ignored = [str(name) or "(one without a name)" for name in rows.columns if name not in ACTION_COLUMNS]
    if ignored:
        notes.append(f"columns that the action table does not have were ignored: {named(ignored)}")
    n_rows = len(rows.lines)
    typed: dict[str, pd.Series] = {}
    bad = np.zeros(n_rows, dtype=bool)
    problems = list(rows.problems)
    for column in COLUMNS:
        raw = _raw_series(rows.columns.get(column.name), n_rows)
        typed[column.name], wrong = CONVERTERS[column.kind](raw, column)
        for position, problem in wrong.items():
            bad[position] = True
            value = "" if problem == "is missing" else shown(raw.iloc[position])
            place = int(rows.lines[position])
            problems.append(Problem(rows.origin, rows.place, place, column.name, value, problem))
        if column.kind == "time" and has_naive_time(raw):
            notes.append("times without a zone were taken as UTC")
    frame = pd.DataFrame(typed)
    frame["action_id"] = frame["action_id"].where(frame["action_id"] != "", made_action_ids(frame))
    lines = rows.lines
    if bad.any():
        frame, lines = frame.loc[~bad].reset_index(drop=True), lines[~bad]
    problems.sort(key=lambda problem: problem.line)
    return Part(frame, lines, rows.origin, rows.place, rows.entropy_unit, problems, notes)


def absent_columns(rows: RawRows) -> list[str]:
    """Return the required columns that a source does not have."""
    return [name for name in REQUIRED_COLUMNS if rows.columns.get(name) is None]


def made_action_ids(frame: pd.DataFrame) -> pd.Series:
    """Return the action ids that the key gives: session/agent/step."""
    ids = frame["session_id"] + "/" + frame["agent_id"] + "/" + frame["step"].astype("str")
    return ids.astype("str")


def _raw_series(values: object, n_rows: int) -> pd.Series:
    if values is None:
        return pd.Series(np.full(n_rows, None), dtype=object)
    if isinstance(values, pd.Series):
        plain = values.astype(object) if isinstance(values.dtype, pd.CategoricalDtype) else values
        return plain.reset_index(drop=True)
    if isinstance(values, np.ndarray):
        return pd.Series(values)
    return pd.Series(values, dtype=object)


def columns_of(records: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    """Return the records column by column, in the order in which the fields appear."""
    names = dict.fromkeys(name for record in records for name in record)
    return {name: [record.get(name) for record in records] for name in names}
