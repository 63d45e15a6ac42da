"""Filters of actions: by agent, by session, by time, by the value of a column."""

import textwrap
from collections.abc import Iterable
from datetime import date

import numpy as np
import pandas as pd

from gymlab.actions.columns import COLUMNS, REQUIRED_COLUMNS, Column
from gymlab.actions.json_text import json_text
from gymlab.actions.metadata import names_in, values_under, with_columns
from gymlab.actions.raw_rows import notes_in, raw_series
from gymlab.actions.values import CONVERTERS, is_missing, number_in
from gymlab.arguments import instance, named, shortened, shown, texts
from gymlab.errors import InputError

_COLUMNS = {column.name: column for column in COLUMNS}
_MAX_NAMED, _MAX_WIDTH = 10, 40
# The names that pandas has for kinds of values that have a smallest and a largest value.
_ORDERED = ("integer", "floating", "mixed-integer-float", "datetime64")

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


def select_actions(
    frame: pd.DataFrame,
    *,
    agent: str | Iterable[str] | None = None,
    session: str | Iterable[str] | None = None,
    since: str | date | None = None,
    where: str | Iterable[str] = (),
) -> pd.DataFrame:
    """Return the actions that pass every filter, in their order, with the frame's `attrs`.

    Parameters
    ----------
    frame
        The action table.
    agent, session
        One or several ids to keep.
    since
        The earliest time to keep: a date, a datetime, or a text of the forms in `gymlab.actions.moments`. A time without
        a zone is in UTC.
    where
        One or several conditions ``column=value``, which must all hold. The value gets the type of the column. The
        empty value finds unknown values. A name that is no column is a key of the metadata, ``reward=1`` or
        ``metadata.reward=1``, or keys joined by dots, ``user.mood=fine``. In the metadata, numbers are compared as
        numbers, true and false without regard to case, and all other values as text.

    Returns
    -------
    pandas.DataFrame
        The actions that are kept; a note in ``attrs["notes"]`` names the filters.

    Raises
    ------
    InputError
        If a column or a value does not exist, a value does not fit its column, or no action is left.

    Examples
    --------
    >>> import gymlab
    >>> actions = gymlab.read_actions(gymlab.sample_path())
    >>> select_actions(actions, agent="Grudger", where="action_type=defect")["agent_id"].unique().tolist()
    ['Grudger']
    """
    _check(frame)
    filters: list[tuple[str, Mask]] = []
    for name, wanted in (("agent", agent), ("session", session)):
        if wanted is not None:
            ids = texts(name, wanted, instead=", or None")
            filters.append((f"{name} {named(ids)}", _among(frame, f"{name}_id", ids)))
    if since is not None:
        mask = _since(frame, since)  # it is first, since it refuses values that have no text
        filters.append((f"since {since}", mask))
    filters += [(shortened(condition), _where(frame, condition)) for condition in texts("where", where)]
    if not filters:
        return frame
    all_names = "; ".join(name for name, _ in filters)
    keep = np.logical_and.reduce([mask for _, mask in filters])
    if not keep.any():
        counts = ", ".join(f"{int(mask.sum()):,} ({name})" for name, mask in filters)
        raise InputError(f"no action is left by the filters {all_names}; each alone keeps {counts}")
    kept = frame.loc[keep].reset_index(drop=True)
    note = f"filters ({all_names}) kept {int(keep.sum()):,} of {len(frame):,} actions"
    kept.attrs = {**frame.attrs, "notes": [*notes_in(frame.attrs), note]}
    return kept


def _check(frame: pd.DataFrame) -> None:
    instance("the log", frame, pd.DataFrame, "an action table, a pandas DataFrame")
    absent = [name for name in REQUIRED_COLUMNS if name not in frame.columns]
    if absent or not frame.columns.is_unique or frame.columns.nlevels > 1:
        problem = (
            f"has no column {named(absent)}"
            if absent
            else "has columns of the same name, or of several levels"
        )
        raise InputError(f"the log {problem}; give an action table, as read_actions returns it")


def _known(values: pd.Series) -> str:
    known = values.astype("str").value_counts().index.tolist()
    more = f" and {len(known) - _MAX_NAMED:,} more" if len(known) > _MAX_NAMED else ""
    return ", ".join(textwrap.shorten(name, _MAX_WIDTH) or "''" for name in known[:_MAX_NAMED]) + more


def _among(frame: pd.DataFrame, name: str, wanted: list[str]) -> Mask:
    values = _column(frame, name)
    if not wanted:
        raise InputError(f"{name}: no value was given; the log has {_known(values)}")
    mask = values.isin(wanted)
    present = set(values[mask])
    absent = [value for value in wanted if value not in present]
    if absent:
        raise InputError(f"{name}: there is no {named(map(shown, absent))}; the log has {_known(values)}")
    return np.asarray(mask, dtype=bool)


def _since(frame: pd.DataFrame, since: object) -> Mask:
    times = _column(frame, "timestamp")
    if not times.notna().any():
        raise InputError("since: the log has no timestamps, so it cannot be cut by time")
    converted, problems = CONVERTERS["time"](pd.Series([since], dtype=object), _COLUMNS["timestamp"])
    if problems or converted.isna().item():
        raise InputError(f"since: {shown(since)} {problems.get(0, 'is no time')}")
    return np.asarray(times >= converted.iloc[0], dtype=bool)


def _where(frame: pd.DataFrame, condition: str) -> Mask:
    name, equals, text = condition.partition("=")
    name = name.strip()
    if not equals:
        raise InputError(f"where: {shown(condition)} is no condition; write column=value")
    if name in frame.columns and name in _COLUMNS:
        values = _column(frame, name)
        mask = _is_unknown(values) if text == "" else _equal(values, _COLUMNS[name], text)
        summary = _summary(values)
    else:
        codes, held = _held(frame, name)
        mask = np.array([_is_held(value, text) for value in held], dtype=bool)[codes]
        summary = _summary(pd.Series(held, dtype=object).take(codes))
    if not mask.any():
        raise InputError(f"where: no action has {shortened(condition)}; {shortened(name)} is {summary}")
    return mask


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a column in the type of the table; floats keep their precision, in which conditions are compared."""
    column, raw = _COLUMNS[name], raw_series(frame.get(name), len(frame))
    if column.kind in ("number", "integer") and name in frame and _is_float(frame[name]):
        return pd.Series(np.asarray(frame[name]))
    values, problems = CONVERTERS[column.kind](raw, column)
    if problems:
        at, problem = min(problems.items())
        raise InputError(f"the log, row {at}: {name}: {shown(raw.iloc[at])} {problem}; see validate_actions")
    return values


def _is_float(values: pd.Series) -> bool:
    dtype = values.dtype
    held = dtype.categories if isinstance(dtype, pd.CategoricalDtype) else values
    return bool(pd.api.types.is_float_dtype(held))


def _equal(values: pd.Series, column: Column, text: str) -> Mask:
    raw = number_in(text) if column.kind in ("number", "integer") else text
    converted, problems = CONVERTERS[column.kind](pd.Series([raw], dtype=object), column)
    if problems:
        said = f"where: {column.name}={shortened(text)}: {shown(raw)} {problems[0]}"
        raise InputError(f"{said}; {column.name} is {_summary(values)}")
    if _is_float(values):
        return np.asarray(values.astype("float64").isin(_as_stored(float(converted.iloc[0]))), dtype=bool)
    return np.asarray((values == converted.iloc[0]).fillna(value=False), dtype=bool)


def _as_stored(number: float) -> list[float]:
    """Return a number, and its values in 16 and 32 bits: 0.1 in 32 bits differs from 0.1 in 64 bits."""
    with np.errstate(over="ignore"):
        narrow = [kind(number) for kind in (np.float16, np.float32)]
    kept = [one for one in narrow if float(str(one)) == number]
    # Metadata holds the shortest digits that distinguish a number from all others of 32 bits.
    return [number, *(float(one) for one in kept), *(float(str(np.float32(one))) for one in kept)]


def _held(frame: pd.DataFrame, name: str) -> tuple["np.ndarray[tuple[int], np.dtype[np.intp]]", list[object]]:
    """Return the values of another column of the frame, or those under a name in its metadata, as codes and values."""
    metadata = _column(frame, "metadata")
    columns = {str(other): frame[other] for other in frame.columns if other not in _COLUMNS}
    if name in columns:
        kept = with_columns(pd.Series([""] * len(frame)), {name: raw_series(columns[name], len(frame))})
        return values_under(kept.texts, name)
    for path in (name, name.removeprefix("metadata.")):
        codes, held = values_under(metadata, path)
        if any(value is not None for value in held):
            return codes, held
    names = [*columns, *names_in(metadata)]
    more = f"; beside them {named(names)}" if names else ""
    known = ", ".join(column for column in _COLUMNS if column in frame.columns)
    raise InputError(f"where: there is no column {shown(name)}; the log has {known}{more}")


def _is_held(value: object, text: str) -> bool:
    """Tell whether a value of the metadata fits the text of a condition; the empty text fits unknown values."""
    if value is None or isinstance(value, str):
        return (value or "") == text
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, (int, float)):
        wanted = number_in(text)
        return value == wanted or (isinstance(wanted, float) and value in _as_stored(wanted))
    return text == json_text(value)


def _is_unknown(values: pd.Series) -> Mask:
    unknown = values == "" if isinstance(values.dtype, pd.StringDtype) else values.isna()
    return np.asarray(unknown, dtype=bool)


def _summary(values: pd.Series) -> str:
    known = values[[not is_missing(value) for value in values]] if values.dtype == object else values.dropna()
    if known.empty:
        return "unknown everywhere"
    if pd.api.types.infer_dtype(known) in _ORDERED:
        return f"{known.min()} to {known.max()}"
    return _known(known.map(_said) if known.dtype == object else known)


def _said(value: object) -> str:
    return value if isinstance(value, str) else json_text(value)
