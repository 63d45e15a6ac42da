"""Everything that is known of a situation, together, and what was known one step before."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.windows import series_bounds
from gymlab.principles.situations import codes_of, situation_table

OPENING = "opening"
# Any other action, where nothing more is known.
LATER = "later"


@dataclass(frozen=True, eq=False)
class JointSituations:
    """Situations of so many steps.

    Attributes
    ----------
    rows
        int64 ``(n,)``: positions in the log of the actions that have such a situation.
    codes
        int64 ``(n,)``: their situations, from 0.
    names
        What each code stands for, such as ``"other_last=defect, before: opening"``.
    """

    rows: NDArray[np.int64]
    codes: NDArray[np.int64]
    names: list[str]


def joint_situations(log: pd.DataFrame) -> tuple[JointSituations, JointSituations]:
    """Return the situations of one step, and of two.

    One step is what all columns of :func:`~.situations.situation_table` say together; a first action is in a
    situation of its own, the opening. Two steps are that, and the situation of the action before; openings have
    none. What is unknown is a level like any other. Columns that part no situation further are not in the names.

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
    >>> joint_situations(log)[1].names
    ['own_last=give, before: opening', 'own_last=take, before: own_last=give']
    """
    table = situation_table(log)
    first, _ = series_bounds(log)
    opening = np.zeros(len(log), dtype=bool)
    opening[first] = True
    columns = _needed(table, opening)
    one = _joint(table, columns, opening)
    names = _names(table, columns, opening, one)
    rows = np.flatnonzero(~opening)
    two, known = pd.factorize(one[rows] * len(names) + one[rows - 1], sort=True)
    names_of_two = [f"{names[code // len(names)]}, before: {names[code % len(names)]}" for code in known]
    return (
        JointSituations(np.arange(len(log)), one, names),
        JointSituations(rows, two.astype(np.int64), names_of_two),
    )


def _needed(table: pd.DataFrame, opening: NDArray[np.bool_]) -> list[str]:
    """Return the columns without those that part no situation further, the most detailed tried first."""
    columns = list(table.columns)
    n = _joint(table, columns, opening).max()
    for name in sorted(columns, key=lambda c: -len(table[c].cat.categories)):
        rest = [c for c in columns if c != name]
        if rest and _joint(table, rest, opening).max() == n:
            columns = rest
    return columns


def _joint(table: pd.DataFrame, columns: list[str], opening: NDArray[np.bool_]) -> NDArray[np.int64]:
    codes = opening.astype(np.int64)
    for name in columns:
        # +1: a level for what is unknown.
        single = codes_of(table, [name]) + 1
        codes = codes * (single.max() + 1) + single
        # Numbered anew each time, so that they cannot outgrow their type; by a hash, which is faster than a sort.
        codes = pd.factorize(codes)[0].astype(np.int64)
    return pd.factorize(codes, sort=True)[0].astype(np.int64)


def _names(
    table: pd.DataFrame, columns: list[str], opening: NDArray[np.bool_], codes: NDArray[np.int64]
) -> list[str]:
    _, rows = np.unique(codes, return_index=True)
    names = []
    for row in rows:
        known = [f"{name}={table[name].iloc[row]}" for name in columns if not pd.isna(table[name].iloc[row])]
        names.append(", ".join([OPENING] * bool(opening[row]) + known) or LATER)
    return names
