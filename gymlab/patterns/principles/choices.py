"""What one unit chose, in the order of time, and what may explain it."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.windows import series_bounds
from gymlab.patterns.principles.changes import Codes
from gymlab.patterns.principles.situations import OWN_LAST, codes_of, situation_table

# A column whose situations are met less often than this on average says nothing about what changes in them.
_LEAST_MET = 5

ANY = ""


@dataclass(frozen=True)
class Choices:
    """What one unit chose, in the order of time.

    Attributes
    ----------
    rows
        int64 ``(n,)``: where the actions stand in the log.
    choice
        int64 ``(n,)``, from 0.
    kinds
        The names of the choices.
    follows
        bool ``(n,)``: the action follows the one before it in the same series.
    columns
        The situations in which a change is looked for, as codes, −1 where unknown; ``""`` is any situation.
    levels
        The names of the codes of each column.
    external
        Columns that may explain a change, and that the unit does not choose itself.
    internal
        Columns that may explain it and tell the unit's own last choice: a change of policy changes them too.
    """

    rows: NDArray[np.int64]
    choice: Codes
    kinds: list[str]
    follows: NDArray[np.bool_]
    columns: dict[str, Codes]
    levels: dict[str, list[str]]
    external: dict[str, Codes]
    internal: dict[str, Codes]

    def between(self, begin: int, end: int) -> Self:
        """Return a stretch of time."""
        part = slice(begin, end)
        return replace(
            self,
            rows=self.rows[part],
            choice=self.choice[part],
            follows=self.follows[part],
            columns={name: codes[part] for name, codes in self.columns.items()},
            external={name: codes[part] for name, codes in self.external.items()},
            internal={name: codes[part] for name, codes in self.internal.items()},
        )


def choices_in_time(log: pd.DataFrame) -> Choices:
    """Return the choices of a log of one unit.

    Series stand in the order of their first timestamps where all are known, else in that of the log.
    """
    first, length = series_bounds(log)
    times = log["timestamp"].iloc[first] if "timestamp" in log else pd.Series(pd.NaT, index=first)
    by_time = np.argsort(times.to_numpy(), kind="stable") if times.notna().all() else np.arange(len(first))
    rows = np.concatenate([np.arange(first[i], first[i] + length[i]) for i in by_time])
    follows = np.ones(len(log), dtype=bool)
    follows[first] = False

    kinds = log["action_type"].astype("category")
    choice = kinds.cat.codes.to_numpy().astype(np.int64)
    own_last = np.where(follows, np.roll(choice, 1), -1)
    table = situation_table(log)
    columns, levels = {ANY: np.zeros(len(log), dtype=np.int64)}, {ANY: [ANY]}
    external: dict[str, Codes] = {}
    internal = {OWN_LAST: own_last}
    for name in (name for name in table.columns if name != OWN_LAST):
        codes = codes_of(table, [name])
        if (codes >= 0).sum() < _LEAST_MET * (codes.max() + 1):
            continue
        columns[name] = codes
        levels[name] = [str(table[name].iloc[row]) for row in np.unique(codes, return_index=True)[1]]
        levels[name] = levels[name][int((codes < 0).any()) :]
        (internal if _tells(codes, own_last) else external)[name] = codes
    if (target := _counterparts(log, len(first))) is not None:
        external["target"] = target
    return Choices(
        rows=rows,
        choice=choice[rows],
        kinds=[str(kind) for kind in kinds.cat.categories],
        follows=follows[rows],
        columns={name: codes[rows] for name, codes in columns.items()},
        levels=levels,
        external={name: codes[rows] for name, codes in external.items()},
        internal={name: codes[rows] for name, codes in internal.items()},
    )


def counted(situation: Codes, choice: Codes, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return how often each choice was made in each situation, int64 of the shape; unknown situations left out.

    Examples
    --------
    >>> counted(np.array([0, 0, -1]), np.array([1, 1, 0]), (1, 2)).tolist()
    [[0, 2]]
    """
    known = situation >= 0
    flat = situation[known] * shape[1] + choice[known]
    return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int64)


def _tells(codes: Codes, own_last: Codes) -> bool:
    """Tell whether the own last choice follows from a column."""
    both = (codes >= 0) & (own_last >= 0)
    pairs = np.unique(np.stack([codes[both], own_last[both]]), axis=1)
    return bool(pairs.shape[1] == len(np.unique(pairs[0])))


def _counterparts(log: pd.DataFrame, n_series: int) -> Codes | None:
    """Return the counterparts, unless each series has one of its own: then they would explain whatever happens."""
    codes, names = pd.factorize(log["target"])
    met = len(log[["session_id", "agent_id", "target"]].drop_duplicates())
    if (
        len(names) < 2
        or len(log) < _LEAST_MET * len(names)
        or (met == n_series and 2 * len(names) > n_series)
    ):
        return None
    return codes.astype(np.int64)
