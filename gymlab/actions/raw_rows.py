"""Raw rows of one source, and their conversion to typed rows; a bad row is reported with place, field and value."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gymlab.actions.columns import ACTION_COLUMNS, BITS, COLUMNS, REQUIRED_COLUMNS
from gymlab.actions.metadata import with_columns
from gymlab.actions.moments import has_naive_moment, moments_in
from gymlab.actions.values import CONVERTERS, Problems
from gymlab.arguments import named, shown
from gymlab.errors import InputError


class Problem(NamedTuple):
    """A problem in one row; `place` is the kind of place (line, row, simulation …), and `line` is its number."""

    source: str
    place: str
    line: int
    field: str
    value: str
    problem: str

    def __str__(self) -> str:
        """Return the problem as a sentence."""
        where = f"{self.source}, {self.place} {self.line}"
        subject = ": ".join(part for part in (self.field, self.value) if part)
        return f"{where}: {subject} {self.problem}" if subject else f"{where}: {self.problem}"


@dataclass(eq=False)
class RawRows:
    """The rows of one source before any conversion.

    `columns` maps names of the action table to raw values, all of one length. Columns that the table does not have are
    kept in the metadata, and a note says so. ``lines[i]`` is the place of row i in the source, counted in `place`.
    """

    columns: dict[str, Any]
    lines: "np.ndarray[Any, np.dtype[np.int64]]"
    origin: str
    place: str = "line"
    entropy_unit: str = BITS
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # A file name may hold bytes that are no text. No table and no text file can hold these.
        self.origin = printable(self.origin)

    def problem(self, line: int, name: str, value: object, problem: str) -> None:
        """Record that the row at `line` cannot be used."""
        text = shown(value) if name or value else ""
        self.problems.append(Problem(self.origin, self.place, int(line), name, text, problem))


@dataclass(eq=False)
class TypedRows:
    """The good rows of one source in the table's dtypes, with their places, and the problems of the bad rows."""

    frame: pd.DataFrame
    lines: "np.ndarray[Any, np.dtype[np.int64]]"
    origin: str
    place: str
    entropy_unit: str
    problems: list[Problem]
    notes: list[str]


def notes_in(attrs: Mapping[Hashable, object]) -> list[str]:
    """Return the notes in the ``attrs`` of a frame."""
    notes = attrs.get("notes", ())
    several = notes if isinstance(notes, (list, tuple)) else () if notes is None else (notes,)
    return [str(note) for note in several]


def conform(rows: RawRows) -> TypedRows:
    """Return the good rows in the table's dtypes, and the problems of the others; a missing column is an `InputError`."""
    absent = absent_columns(rows)
    # If no row could be parsed, the problems of the rows are a better explanation than the missing columns.
    if absent and (len(rows.lines) or not rows.problems):
        raise InputError(
            f"{rows.origin}: the columns {', '.join(absent)} are missing; it has {named(rows.columns)}"
        )
    n_rows = len(rows.lines)
    raw = {column.name: raw_series(rows.columns.get(column.name), n_rows) for column in COLUMNS}
    notes = list(rows.notes)
    typed: dict[str, pd.Series] = {}
    wrong: dict[str, Problems] = {}
    for column in COLUMNS:
        values = raw[column.name]
        if column.kind == "time":
            values = moments_in(values)
            notes += ["times without a zone were taken as UTC"] * has_naive_moment(values)
        typed[column.name], wrong[column.name] = CONVERTERS[column.kind](values, column)
    unknown = {
        printable(name): raw_series(values, n_rows)
        for name, values in rows.columns.items()
        if name not in ACTION_COLUMNS
    }
    if unknown.pop("", None) is not None:
        notes.append("a column without a name was left out")
    if unknown:
        kept = with_columns(typed["metadata"], unknown)
        typed["metadata"] = kept.texts
        wrong |= kept.wrong
        raw |= unknown
        notes.append(f"columns that the action table does not have are kept in metadata: {named(unknown)}")
        if kept.outvoted:
            notes.append(f"where a column and metadata differ, metadata was kept: {named(kept.outvoted)}")
    bad = np.zeros(n_rows, dtype=bool)
    problems = list(rows.problems)
    for name, sentences in wrong.items():
        for position, problem in sentences.items():
            bad[position] = True
            value = "" if problem == "is missing" else shown(raw[name].iloc[position])
            place = int(rows.lines[position])
            problems.append(Problem(rows.origin, rows.place, place, name, value, problem))
    frame = pd.DataFrame(typed)
    frame["action_id"] = frame["action_id"].where(frame["action_id"] != "", made_action_ids(frame))
    lines = rows.lines
    if bad.any():
        frame, lines = frame.loc[~bad].reset_index(drop=True), lines[~bad]
    problems.sort(key=lambda problem: problem.line)
    return TypedRows(frame, lines, rows.origin, rows.place, rows.entropy_unit, problems, notes)


def printable(text: str) -> str:
    """Return a text that UTF-8 can hold: half of a surrogate pair is written as its escape."""
    return text.encode(errors="backslashreplace").decode()


def absent_columns(rows: RawRows) -> list[str]:
    """Return the required columns that a source does not have."""
    return [name for name in REQUIRED_COLUMNS if rows.columns.get(name) is None]


def made_action_ids(frame: pd.DataFrame) -> pd.Series:
    """Return action ids made from the key: session/agent/step."""
    ids = frame["session_id"] + "/" + frame["agent_id"] + "/" + frame["step"].astype("str")
    return ids.astype("str")


def raw_series(values: object, n_rows: int) -> pd.Series:
    """Return the `n_rows` raw values of one column; without such a column, all are None."""
    if values is None:
        return pd.Series(np.full(n_rows, None), dtype=object)
    if isinstance(values, pd.Series):
        # The type of the values counts, not that of the column: a category may be integers, a time of Arrow is a time.
        is_wrapped = isinstance(values.dtype, (pd.CategoricalDtype, pd.ArrowDtype, pd.SparseDtype))
        return (values.astype(object) if is_wrapped else values).reset_index(drop=True)
    if isinstance(values, np.ndarray):
        return pd.Series(values)
    return pd.Series(values, dtype=object)


def columns_of_frame(frame: pd.DataFrame, origin: str) -> tuple[dict[str, pd.Series], list[str]]:
    """Return the columns of a frame by name, also its named indexes, and notes.

    Raises
    ------
    InputError
        If two columns have the same name.
    """
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = named(sorted(name for name, count in Counter(names).items() if count > 1))
        raise InputError(f"{origin} has the columns {twice} more than once; keep one of each")
    columns = {name: frame.iloc[:, at] for at, name in enumerate(names)}
    notes = []
    for level, name in enumerate(frame.index.names):
        if str(name) in columns:
            notes.append(f"the index {shown(name)} was ignored, for a column has the same name")
        elif name is not None:
            columns[str(name)] = pd.Series(frame.index.get_level_values(level))
    return columns, notes


def columns_of(records: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    """Return the columns of some records, in the order in which their fields first appear."""
    names = dict.fromkeys(name for record in records for name in record)
    return {name: [record.get(name) for record in records] for name in names}
