"""The situations in which an agent chooses, as columns of categories and as combinations of all columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.columns import REQUIRED_COLUMNS
from gymlab.actions.windows import series_bounds
from gymlab.arguments import instance, named
from gymlab.errors import InputError

Codes = NDArray[np.int64]

OWN_LAST = "own_last"
OPENING = "opening"
# The name of a situation that is no opening, and in which every column is unknown.
LATER = "later"

# If several columns group the actions in the same way, the first is kept. So events come before interpretations.
_COLUMNS = ("other_last", "relationship_type", "decision_context", OWN_LAST)


def situation_table(log: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that describe the situation of each action.

    Parameters
    ----------
    log
        The action table, as :func:`gymlab.validate_actions` returns it.

    Returns
    -------
    pandas.DataFrame
        A row for each action, and columns of categories: ``other_last``, ``relationship_type``, ``decision_context`` and
        ``own_last`` (the agent's own last choice in the same series), if the log has them. An unknown value is missing,
        such as the own last choice of the first action of a series. Some columns are left out: columns that never vary,
        columns that group the actions like a column before them, and a relationship that follows from the choice.

    Examples
    --------
    >>> from gymlab.actions import frame_from_records
    >>> log = frame_from_records(
    ...     {"session_id": "s", "agent_id": "a", "step": i, "actor": "a", "action_type": kind, "target": "b",
    ...      "relationship_type": "neutral", "decision_context": ""}
    ...     for i, kind in enumerate(["give", "take", "give"])
    ... )
    >>> situation_table(log)["own_last"].tolist()
    [nan, 'give', 'take']
    """
    found = situation_columns(log)
    if _follows_from_choice(log):
        del found["relationship_type"]
    kept: dict[str, NDArray[np.integer]] = {}
    for name, column in found.items():
        codes = column.cat.codes.to_numpy()
        if len(column.cat.categories) > 1 and not any(_same_codes(codes, other) for other in kept.values()):
            kept[name] = codes
    return pd.DataFrame({name: found[name] for name in kept}, index=log.index)


def require_actions(log: object) -> None:
    """Check that an argument is an action table.

    Raises
    ------
    InputError
        If it is no frame, or a required column is missing.
    """
    instance("log", log, pd.DataFrame, "an action table, as gymlab.read_actions returns it")
    missing = [name for name in REQUIRED_COLUMNS if name not in cast("pd.DataFrame", log).columns]
    if missing:
        raise InputError(
            f"log has no column {named(missing)}; give an action table, as gymlab.read_actions returns it"
        )


def situation_columns(log: pd.DataFrame) -> dict[str, pd.Series]:
    """Return every column that may describe a situation, also those that never vary in this log."""
    first, _ = series_bounds(log)
    own_last = log["action_type"].astype(object).shift(1)
    own_last.iloc[first] = None
    found = {name: log[name] for name in _COLUMNS if name in log} | {OWN_LAST: own_last}
    return {name: _as_category(found[name]) for name in _COLUMNS if name in found}


def column_sets(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the sets of one or two columns that group the actions in different ways.

    A set that groups the actions like a set before it is left out.
    """
    kept: dict[tuple[str, ...], Codes] = {}
    candidates = [(name,) for name in table.columns] + list(combinations(table.columns, 2))
    for names in candidates:
        codes = codes_of(table, names)
        if not any(_same_codes(codes, other) for other in kept.values()):
            kept[names] = codes
    return list(kept)


def codes_of(table: pd.DataFrame, names: Sequence[str]) -> Codes:
    """Return for each action the index of its combination of values in the columns, −1 if a value is unknown."""
    codes = np.zeros(len(table), dtype=np.int64)
    unknown = np.zeros(len(table), dtype=bool)
    for name in names:
        own = table[name].cat.codes.to_numpy().astype(np.int64)
        unknown |= own < 0
        codes = codes * (len(table[name].cat.categories) + 1) + own + 1
    codes[unknown] = -1
    known, dense = np.unique(codes, return_inverse=True)
    return dense.astype(np.int64) - int(len(known) > 0 and known[0] == -1)


@dataclass(frozen=True, eq=False)
class FullSituations:
    """The situation of each action by all columns together.

    Attributes
    ----------
    rows
        int64 ``(n,)``: the positions in the log of the actions with such a situation.
    codes
        int64 ``(n,)``: the situations, from 0.
    names
        The name of each code, such as ``"other_last=defect, before: opening"``.
    """

    rows: Codes
    codes: Codes
    names: list[str]


def full_situations(log: pd.DataFrame) -> tuple[FullSituations, FullSituations]:
    """Return the full situations of one step, and of two steps.

    A situation of one step is a combination of the values of all columns of :func:`situation_table`. The first action of
    a series is in a separate situation, the opening. A situation of two steps adds the situation of the action before;
    the opening has no such situation. An unknown value is treated as a value. Columns that distinguish no further
    situations are not in the names.

    Parameters
    ----------
    log
        The action table, as :func:`gymlab.validate_actions` returns it.

    Examples
    --------
    >>> from gymlab.actions import frame_from_records
    >>> log = frame_from_records(
    ...     {"session_id": "s", "agent_id": "a", "step": i, "actor": "a", "action_type": kind, "target": "b",
    ...      "relationship_type": "neutral", "decision_context": ""} for i, kind in enumerate(["give", "take", "give"])
    ... )
    >>> full_situations(log)[1].names
    ['own_last=give, before: opening', 'own_last=take, before: own_last=give']
    """
    table = situation_table(log)
    first, _ = series_bounds(log)
    opening = np.zeros(len(log), dtype=bool)
    opening[first] = True
    columns = _telling_columns(table, opening)
    one = _joint_codes(table, columns, opening)
    names = _situation_names(table, columns, opening, one)
    rows = np.flatnonzero(~opening)
    two, known = pd.factorize(one[rows] * len(names) + one[rows - 1], sort=True)
    names_of_two = [f"{names[code // len(names)]}, before: {names[code % len(names)]}" for code in known]
    return (
        FullSituations(np.arange(len(log)), one, names),
        FullSituations(rows, two.astype(np.int64), names_of_two),
    )


def _follows_from_choice(log: pd.DataFrame) -> bool:
    """Return whether the relationship follows from the choice, as that to a tool does, and not from the situation.

    It does if each action type has one relationship, some action types share one, and some contexts have several.
    """
    pairs = log[["action_type", "relationship_type"]].drop_duplicates()
    met = log[["decision_context", "relationship_type"]].drop_duplicates()
    return bool(
        pairs["action_type"].is_unique
        and not pairs["relationship_type"].is_unique
        and not met["decision_context"].is_unique
    )


def _as_category(values: pd.Series) -> pd.Series:
    text = values.astype(object).where(values.notna(), None)
    return text.where(text != "", None).astype("category")


def _same_codes(a: NDArray[np.integer], b: NDArray[np.integer]) -> bool:
    """Return whether two columns of codes group the actions in the same way, among actions where both are known."""
    both = (a >= 0) & (b >= 0)
    if not both.any() or both.sum() < 0.9 * max((a >= 0).sum(), (b >= 0).sum()):
        return False
    # One number for each pair, since np.unique is many times faster on numbers than on rows.
    levels = int(b.max()) + 1
    pairs = np.unique(a[both].astype(np.int64) * levels + b[both])
    return bool(len(np.unique(pairs // levels)) == len(np.unique(pairs % levels)) == len(pairs))


def _telling_columns(table: pd.DataFrame, opening: NDArray[np.bool_]) -> list[str]:
    """Return a set of columns that distinguishes all situations. Columns with the most values are left out first."""
    columns = list(table.columns)
    n = _joint_codes(table, columns, opening).max()
    for name in sorted(columns, key=lambda c: -len(table[c].cat.categories)):
        rest = [c for c in columns if c != name]
        if rest and _joint_codes(table, rest, opening).max() == n:
            columns = rest
    return columns


def _joint_codes(table: pd.DataFrame, columns: list[str], opening: NDArray[np.bool_]) -> Codes:
    codes = opening.astype(np.int64)
    for name in columns:
        # +1, so that unknown is 0.
        single = codes_of(table, [name]) + 1
        codes = codes * (single.max() + 1) + single
        # The codes are made contiguous, so that they do not overflow. pandas hashes, which is faster than sorting.
        codes = pd.factorize(codes)[0].astype(np.int64)
    return pd.factorize(codes, sort=True)[0].astype(np.int64)


def _situation_names(
    table: pd.DataFrame, columns: list[str], opening: NDArray[np.bool_], codes: Codes
) -> list[str]:
    _, rows = np.unique(codes, return_index=True)
    names = []
    for row in rows:
        known = [f"{name}={table[name].iloc[row]}" for name in columns if not pd.isna(table[name].iloc[row])]
        names.append(", ".join([OPENING] * bool(opening[row]) + known) or LATER)
    return names
