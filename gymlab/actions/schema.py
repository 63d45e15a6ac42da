"""The action table: one row an action, every column known by name, type, range and meaning.

What a frame cannot show by itself stands in its ``attrs``: ``notes`` (what was assumed), ``entropy_unit`` and
``source``.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, overload

import numpy as np
import pandas as pd

from gymlab.actions.assemble import assemble
from gymlab.actions.columns import ACTION_COLUMNS, BITS, COLUMNS, KEY, RELATIONSHIPS, Column
from gymlab.actions.rows import RawRows, columns_of, columns_of_frame, conform, notes_in
from gymlab.arguments import boolean, instance, shown
from gymlab.errors import InputError

__all__ = [
    "ACTION_COLUMNS",
    "COLUMNS",
    "KEY",
    "RELATIONSHIPS",
    "Column",
    "frame_from_records",
    "validate_actions",
]


def validate_actions(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame as the action table: exact dtypes, ranges checked, rows ordered by series and step.

    Parameters
    ----------
    frame
        A frame with at least the required columns; others that the table does not have are kept in `metadata`, and
        noted.

    Returns
    -------
    pandas.DataFrame
        A new frame; ``attrs`` has `notes`, `entropy_unit` and `source`, kept from `frame` where it has them.

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
        The actions; a field that is unknown is left out, None or NaN, one that the table does not have is kept in
        `metadata`.
    strict
        True: a bad record is an error. False: it goes to a second frame, the rest is kept.

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
