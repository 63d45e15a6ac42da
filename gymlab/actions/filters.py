"""Which actions to work on: by agent, by session, since a time, where a column has a value."""

import json
import textwrap
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from gymlab.actions.columns import COLUMNS, Column
from gymlab.actions.values import CONVERTERS
from gymlab.arguments import named, shortened, shown
from gymlab.errors import InputError

_COLUMNS = {column.name: column for column in COLUMNS}
_MAX_NAMED, _MAX_WIDTH = 10, 40

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


def select_actions(
    frame: pd.DataFrame,
    *,
    agent: str | Sequence[str] | None = None,
    session: str | Sequence[str] | None = None,
    since: str | datetime | None = None,
    where: str | Sequence[str] = (),
) -> pd.DataFrame:
    """Return the actions that pass every filter, in their order, with the frame's `attrs`.

    Parameters
    ----------
    frame
        The action table.
    agent, session
        One or several ids to keep.
    since
        The earliest time to keep, as an ISO 8601 text or a datetime; without a zone it is UTC.
    where
        One or several conditions ``column=value``; the value is read as the column's type, and the empty value
        finds what is unknown. All must hold.

    Returns
    -------
    pandas.DataFrame
        The rows kept; a note in ``attrs["notes"]`` says by which filters.

    Raises
    ------
    InputError
        If a column or a value does not exist, a value does not fit its column, or nothing is left.

    Examples
    --------
    >>> import gymlab
    >>> actions = gymlab.read_actions(gymlab.sample_path())
    >>> select_actions(actions, agent="Grudger", where="action_type=defect")["agent_id"].unique().tolist()
    ['Grudger']
    """
    conditions = [where] if isinstance(where, str) else list(where)
    filters: list[tuple[str, Mask]] = []
    if agent is not None:
        filters.append((f"agent {_listed(agent)}", _among(frame, "agent_id", agent)))
    if session is not None:
        filters.append((f"session {_listed(session)}", _among(frame, "session_id", session)))
    if since is not None:
        filters.append((f"since {since}", _since(frame, since)))
    filters += [(shortened(condition), _where(frame, condition)) for condition in conditions]
    if not filters:
        return frame
    said = "; ".join(name for name, _ in filters)
    keep = np.logical_and.reduce([mask for _, mask in filters])
    if not keep.any():
        raise InputError(f"no action is left by the filters {said}; each alone keeps {_counts(filters)}")
    kept = frame.loc[keep].reset_index(drop=True)
    note = f"filters ({said}) kept {int(keep.sum()):,} of {len(frame):,} actions"
    kept.attrs = {**frame.attrs, "notes": [*frame.attrs.get("notes", []), note]}
    return kept


def _listed(values: str | Sequence[str]) -> str:
    return shortened(values) if isinstance(values, str) else named(values)


def _counts(filters: list[tuple[str, Mask]]) -> str:
    return ", ".join(f"{int(mask.sum()):,} ({name})" for name, mask in filters)


def _known(values: pd.Series) -> str:
    known = values.astype("str").value_counts().index.tolist()
    more = f" and {len(known) - _MAX_NAMED:,} more" if len(known) > _MAX_NAMED else ""
    return ", ".join(textwrap.shorten(name, _MAX_WIDTH) or "''" for name in known[:_MAX_NAMED]) + more


def _among(frame: pd.DataFrame, name: str, values: str | Sequence[str]) -> Mask:
    wanted = [values] if isinstance(values, str) else [str(value) for value in values]
    if not wanted:
        raise InputError(f"{name}: no value was given; the log has {_known(frame[name])}")
    mask = frame[name].isin(wanted)
    present = set(frame.loc[mask, name])
    absent = [value for value in wanted if value not in present]
    if absent:
        raise InputError(
            f"{name}: there is no {named(map(shown, absent))}; the log has {_known(frame[name])}"
        )
    return mask.to_numpy()


def _since(frame: pd.DataFrame, since: str | datetime) -> Mask:
    if not frame["timestamp"].notna().any():
        raise InputError("since: the log has no timestamps, so it cannot be cut by time")
    converted, problems = CONVERTERS["time"](pd.Series([since], dtype=object), _COLUMNS["timestamp"])
    if problems:
        raise InputError(f"since: {shown(since)} {problems[0]}")
    return np.asarray(frame["timestamp"] >= converted.iloc[0], dtype=bool)


def _where(frame: pd.DataFrame, condition: str) -> Mask:
    name, equals, text = condition.partition("=")
    name = name.strip()
    if not equals:
        raise InputError(f"where: {shown(condition)} is no condition; write column=value")
    if name not in frame.columns or name not in _COLUMNS:
        raise InputError(f"where: there is no column {shown(name)}; the log has {', '.join(frame.columns)}")
    values = frame[name]
    mask = _is_unknown(values) if text == "" else (values == _typed(_COLUMNS[name], text)).fillna(value=False)
    if not mask.any():
        raise InputError(f"where: no action has {shortened(condition)}; {name} is {_summary(values)}")
    return np.asarray(mask, dtype=bool)


def _is_unknown(values: pd.Series) -> pd.Series:
    return values == "" if isinstance(values.dtype, pd.StringDtype) else values.isna()


def _summary(values: pd.Series) -> str:
    if isinstance(values.dtype, (pd.StringDtype, pd.CategoricalDtype)):
        return _known(values)
    if not values.notna().any():
        return "unknown everywhere"
    return f"{values.min()} to {values.max()}"


def _typed(column: Column, text: str) -> object:
    raw: object = text
    if column.kind in ("number", "integer"):
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError):
            raw = text
    converted, problems = CONVERTERS[column.kind](pd.Series([raw], dtype=object), column)
    if problems:
        raise InputError(f"where: {column.name}={shortened(text)}: {shown(raw)} {problems[0]}")
    return converted.iloc[0]
