"""The action table: one row for each action, every column with a name, a type, a range and a meaning.

The ``attrs`` of the frame hold ``notes`` (the assumptions of the reader), ``entropy_unit`` and ``source``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, overload

import numpy as np
import pandas as pd

from gymlab.actions.columns import ACTION_COLUMNS, BITS, COLUMNS, KEY, MIXED_UNITS
from gymlab.actions.raw_rows import (
    Problem,
    RawRows,
    TypedRows,
    columns_of,
    columns_of_frame,
    conform,
    notes_in,
    printable,
)
from gymlab.arguments import boolean, instance, shortened, shown
from gymlab.errors import InputError


def validate_actions(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame as the action table: exact dtypes, ranges checked, rows ordered by series and step.

    Parameters
    ----------
    frame
        A frame with the required columns. Columns that the table does not have are kept in `metadata`,
        and a note says so.

    Returns
    -------
    pandas.DataFrame
        A new frame. Its ``attrs`` have `notes`, `entropy_unit` and `source`, from `frame` if it has them.

    Raises
    ------
    InputError
        If a column is missing, a value does not fit (rows are counted from 0), or a key occurs twice.

    Examples
    --------
    >>> import gymlab
    >>> actions = gymlab.read_actions(gymlab.sample_path())
    >>> validate_actions(actions).equals(actions)
    True
    """
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"actions are a pandas DataFrame, not a {type(frame).__name__}")
    columns, notes = columns_of_frame(frame, "the frame")
    rows = RawRows(
        columns=columns,
        lines=np.arange(len(frame), dtype=np.int64),
        origin=str(frame.attrs.get("source", "the frame")),
        place="row",
        entropy_unit=str(frame.attrs.get("entropy_unit", BITS)),
        notes=[*notes_in(frame.attrs), *notes],
    )
    return assemble([conform(rows)], strict=True)[0]


@overload
def frame_from_records(
    records: Iterable[Mapping[str, object]], strict: Literal[True] = True
) -> pd.DataFrame: ...
@overload
def frame_from_records(
    records: Iterable[Mapping[str, object]], strict: Literal[False]
) -> tuple[pd.DataFrame, pd.DataFrame]: ...
@overload
def frame_from_records(
    records: Iterable[Mapping[str, object]], strict: bool
) -> pd.DataFrame | tuple[pd.DataFrame, pd.DataFrame]: ...
def frame_from_records(
    records: Iterable[Mapping[str, object]], strict: bool = True
) -> pd.DataFrame | tuple[pd.DataFrame, pd.DataFrame]:
    """Return the action table of a list of actions, each a mapping from column to value.

    Parameters
    ----------
    records
        The actions. An unknown value is absent, None or NaN. A field that the table does not have is kept in `metadata`.
    strict
        True: a bad record is an error. False: bad records go to a second frame, and the other records are kept.

    Returns
    -------
    pandas.DataFrame or (pandas.DataFrame, pandas.DataFrame)
        The actions; with ``strict=False`` also the errors: source, line (from 0), field, value, problem.

    Raises
    ------
    InputError
        If there is no action, a column is missing, or (strict) a record is bad.

    Examples
    --------
    >>> frame = frame_from_records([{"session_id": "s", "agent_id": "a", "step": 0, "actor": "agent",
    ...     "target": "b", "action_type": "share", "decision_context": "start", "relationship_type": "ally"}])
    >>> frame["action_id"].item()
    's/a/0'
    """
    boolean("strict", strict)
    instance("the records", records, Iterable, "a list of mappings from column to value")
    listed = list(records)
    if not listed:
        raise InputError("the records: no actions in it")
    for number, record in enumerate(listed):
        if not isinstance(record, Mapping) or not all(isinstance(name, str) for name in record):
            raise InputError(
                f"the records, record {number}: {shown(record)} is no mapping from column to value"
            )
    rows = RawRows(columns_of(listed), np.arange(len(listed), dtype=np.int64), "the records", "record")
    frame, errors = assemble([conform(rows)], strict=strict)
    return frame if strict else (frame, errors)


ERROR_COLUMNS = ("source", "line", "field", "value", "problem")


def assemble(parts: list[TypedRows], *, strict: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Join the parts into one action table; return it with the table of errors.

    Raises
    ------
    InputError
        If there are no rows, or (strict) a row is bad; the message names the first bad row.
    """
    problems = [problem for part in parts for problem in part.problems]
    if not problems and not any(len(part.frame) for part in parts):
        raise InputError(f"{_source(parts)}: no actions in it")
    frame = _concatenated(parts)
    repeated = frame.duplicated(KEY).to_numpy()
    problems += _repetitions(frame, repeated, parts)
    if problems and strict:
        raise InputError(_first_of(problems))
    frame = _ordered(frame.loc[~repeated] if repeated.any() else frame)
    frame.attrs = {
        "notes": _notes(parts, frame, problems),
        "entropy_unit": _entropy_unit(parts),
        "source": _source(parts),
    }
    return frame, error_table(problems)


def error_table(problems: list[Problem]) -> pd.DataFrame:
    """Return the table of errors: source, line, field, value, problem."""
    rows = [(printable(p.source), p.line, printable(p.field), p.value, p.problem) for p in problems]
    return pd.DataFrame(rows, columns=list(ERROR_COLUMNS)).astype(
        {name: "int64" if name == "line" else "str" for name in ERROR_COLUMNS}
    )


def series_codes(frame: pd.DataFrame) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Return for each row the number of its series, counted by first appearance."""
    codes = frame.groupby(["session_id", "agent_id"], sort=False, observed=True).ngroup()
    return np.asarray(codes, dtype=np.int64)


def _concatenated(parts: list[TypedRows]) -> pd.DataFrame:
    frame = parts[0].frame if len(parts) == 1 else pd.concat([p.frame for p in parts], ignore_index=True)
    # An optional column without any value is left out; the formats write "no value" in different ways.
    empty = [
        column.name
        for column in COLUMNS
        if column.optional and not (frame[column.name].notna() & (frame[column.name] != "")).any()
    ]
    return frame[[name for name in ACTION_COLUMNS if name not in empty]]


def _repetitions(
    frame: pd.DataFrame, repeated: "np.ndarray[tuple[int], np.dtype[np.bool_]]", parts: list[TypedRows]
) -> list[Problem]:
    if not repeated.any():
        return []
    positions = pd.Series(np.arange(len(frame)))
    first = positions.groupby(frame.groupby(KEY, sort=False).ngroup()).transform("first").to_numpy()
    lines = np.concatenate([part.lines for part in parts])
    part_of = np.repeat(np.arange(len(parts)), [len(part.frame) for part in parts])
    keys = frame[KEY]
    problems = []
    for position in np.flatnonzero(repeated):
        here, there = parts[part_of[position]], parts[part_of[first[position]]]
        key = "/".join(map(str, keys.iloc[position]))
        earlier = f"{there.origin}, {there.place} {lines[first[position]]}"
        problem = f"repeats the key (session/agent/step) of {earlier}"
        problems.append(Problem(here.origin, here.place, int(lines[position]), "step", shown(key), problem))
    return problems


def _first_of(problems: list[Problem]) -> str:
    rest = len({(p.source, p.line) for p in problems}) - 1
    more = f" (further bad rows: {rest:,})" if rest else ""
    return f"{problems[0]}{more}; correct it, or in Python read with strict=False, which keeps the other rows"


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    order = np.lexsort((frame["step"].to_numpy(), series_codes(frame)))
    is_ordered = np.array_equal(order, np.arange(len(frame)))
    return (frame if is_ordered else frame.iloc[order]).reset_index(drop=True)


def _notes(parts: list[TypedRows], frame: pd.DataFrame, problems: list[Problem]) -> list[str]:
    said = Counter(note for part in parts for note in dict.fromkeys(part.notes))
    # A note on every source is written once, without the names of the sources.
    notes = [
        note if said[note] == len(parts) else f"{part.origin}: {note}"
        for part in parts
        for note in part.notes
    ]
    if problems:
        n_bad = len({(p.source, p.line) for p in problems})
        places = {p.place for p in problems}
        notes.append(f"bad {places.pop() if len(places) == 1 else 'row'}s left out: {n_bad:,}")
    notes += _gaps(frame)
    if not frame["action_id"].is_unique:
        notes.append(f"{int(frame['action_id'].duplicated().sum()):,} action ids are not unique; the key is")
    if _entropy_unit(parts) == MIXED_UNITS:
        notes.append("decision_entropy is in different units: " + ", ".join(sorted(_units(parts))))
    return list(dict.fromkeys(notes))


def _gaps(frame: pd.DataFrame) -> list[str]:
    steps, codes = frame["step"].to_numpy(), series_codes(frame)
    gap = (np.diff(steps) != 1) & (np.diff(codes) == 0)
    if not gap.any():
        return []
    at = int(np.flatnonzero(gap)[0])
    series = f"{frame['session_id'].iloc[at]}/{frame['agent_id'].iloc[at]}"
    n_series = len(np.unique(codes[:-1][gap]))
    return [
        f"steps are not contiguous in {n_series:,} series, first in {shortened(series)} after step {steps[at]}"
    ]


def _units(parts: list[TypedRows]) -> set[str]:
    """Return the units of the sources that have entropies; of all sources if none has."""
    with_entropy = {part.entropy_unit for part in parts if part.frame["decision_entropy"].notna().any()}
    return with_entropy or {part.entropy_unit for part in parts}


def _entropy_unit(parts: list[TypedRows]) -> str:
    units = _units(parts)
    if len(units) == 1:
        return next(iter(units))
    return MIXED_UNITS if any(part.frame["decision_entropy"].notna().any() for part in parts) else BITS


def _source(parts: list[TypedRows]) -> str:
    origins = list(dict.fromkeys(part.origin for part in parts))
    first, rest = origins[:3], len(origins) - 3
    return ", ".join(first) + (f" and {rest} more" if rest > 0 else "")
