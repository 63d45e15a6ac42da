"""The situations that an agent is in when it chooses: columns of categories, one row an action."""

from collections.abc import Sequence
from itertools import combinations
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.columns import REQUIRED_COLUMNS
from gymlab.actions.windows import series_bounds
from gymlab.arguments import instance, named
from gymlab.errors import InputError

OWN_LAST = "own_last"

# Of columns that say the same the first is kept: what happened stands before what it was taken for.
_COLUMNS = ("other_last", "relationship_type", "decision_context", OWN_LAST)


def situation_table(log: pd.DataFrame) -> pd.DataFrame:
    """Return what each action's situation is known by.

    Parameters
    ----------
    log
        The action table, as :func:`gymlab.validate_actions` returns it.

    Returns
    -------
    pandas.DataFrame
        One row an action, columns of categories: ``other_last``, ``relationship_type``, ``decision_context`` and
        ``own_last`` (the agent's own last choice in the same series), as far as the log has them. What is
        unknown, such as the own last of a first action, is missing. A column that never varies, or tells the same
        as one before it, is left out, and so is a relationship that follows from the choice.

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
    kept: dict[str, pd.Series] = {}
    for name, column in found.items():
        if len(column.cat.categories) > 1 and not any(_same(column, other) for other in kept.values()):
            kept[name] = column
    return pd.DataFrame(kept, index=log.index)


def require_actions(log: object) -> None:
    """Refuse what is no action table.

    Raises
    ------
    InputError
        If it is no frame, or lacks a column.
    """
    instance("log", log, pd.DataFrame, "an action table, as gymlab.read_actions returns it")
    missing = [name for name in REQUIRED_COLUMNS if name not in cast("pd.DataFrame", log).columns]
    if missing:
        raise InputError(
            f"log has no column {named(missing)}; give an action table, as gymlab.read_actions returns it"
        )


def situation_columns(log: pd.DataFrame) -> dict[str, pd.Series]:
    """Return every column that a situation may be known by, those included that tell nothing in this log."""
    first, _ = series_bounds(log)
    own_last = log["action_type"].astype(object).shift(1)
    own_last.iloc[first] = None
    found = {name: log[name] for name in _COLUMNS if name in log} | {OWN_LAST: own_last}
    return {name: _as_category(found[name]) for name in _COLUMNS if name in found}


def column_sets(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the sets of one or two columns that tell situations apart in different ways.

    A pair is left out if it tells no more than one of its columns, or the same as a set before it.
    """
    kept: dict[tuple[str, ...], NDArray[np.int64]] = {}
    candidates = [(name,) for name in table.columns] + list(combinations(table.columns, 2))
    for names in candidates:
        codes = codes_of(table, names)
        if not any(_same_codes(codes, other) for other in kept.values()):
            kept[names] = codes
    return list(kept)


def codes_of(table: pd.DataFrame, names: Sequence[str]) -> NDArray[np.int64]:
    """Return a number from 0 for each combination of the columns that occurs, −1 where one is unknown."""
    codes = np.zeros(len(table), dtype=np.int64)
    unknown = np.zeros(len(table), dtype=bool)
    for name in names:
        own = table[name].cat.codes.to_numpy().astype(np.int64)
        unknown |= own < 0
        codes = codes * (len(table[name].cat.categories) + 1) + own + 1
    codes[unknown] = -1
    known, dense = np.unique(codes, return_inverse=True)
    return dense.astype(np.int64) - int(len(known) > 0 and known[0] == -1)


def _follows_from_choice(log: pd.DataFrame) -> bool:
    """Tell whether the relationship is a property of what was chosen, as that to a tool is, and no situation.

    It is if every action type goes with one relationship only, some with the same, and contexts with several.
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


def _same(a: pd.Series, b: pd.Series) -> bool:
    return _same_codes(a.cat.codes.to_numpy(), b.cat.codes.to_numpy())


def _same_codes(a: NDArray[np.integer], b: NDArray[np.integer]) -> bool:
    """Tell whether two columns of codes part the actions alike, as far as both are known."""
    both = (a >= 0) & (b >= 0)
    if not both.any() or both.sum() < 0.9 * max((a >= 0).sum(), (b >= 0).sum()):
        return False
    # One number for a pair: its rows would be sorted as rows, at many times the cost.
    levels = int(b.max()) + 1
    pairs = np.unique(a[both].astype(np.int64) * levels + b[both])
    return bool(len(np.unique(pairs // levels)) == len(np.unique(pairs % levels)) == len(pairs))
