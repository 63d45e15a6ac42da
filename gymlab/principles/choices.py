"""The choices of one subject in the order of time, and the columns that may explain a change of the choices."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.windows import series_bounds
from gymlab.principles.situations import OWN_LAST, Codes, codes_of, situation_table

# A column is not used if each of its situations has fewer actions than this, on average.
_LEAST_MET = 5

ANY = ""


@dataclass(frozen=True, eq=False)
class Choices:
    """The choices of one subject, in the order of time.

    Attributes
    ----------
    rows
        int64 ``(n,)``: the positions of the actions in the log.
    choice
        int64 ``(n,)``: the action types as codes, from 0.
    action_types
        The names of the action types.
    follows
        bool ``(n,)``: whether the action directly follows the action before it in the same series.
    stretch
        int64 ``(n,)``: the stretch of each action. Within a stretch the order of time is known; between stretches it is
        not.
    later
        bool ``(n,)``: whether the action is known to be later than the action before it in the stretch.
    columns
        The situations in which changes are searched, as codes, −1 if unknown. The column ``""`` is any situation.
    levels
        The names of the codes of each column.
    external
        Columns that may explain a change, and do not depend on the subject's own choices.
    internal
        Columns that may explain a change, but fix the own last choice, so that a change of policy changes them too.
    """

    rows: Codes
    choice: Codes
    action_types: list[str]
    follows: NDArray[np.bool_]
    stretch: Codes
    later: NDArray[np.bool_]
    columns: dict[str, Codes]
    levels: dict[str, list[str]]
    external: dict[str, Codes]
    internal: dict[str, Codes]

    def at(self, index: slice | Codes) -> Self:
        """Return some of the choices. A choice follows another only if it is also the next one in the full order."""
        parts: dict[str, Any] = {}
        for name in ("rows", "choice", "follows", "stretch", "later"):
            parts[name] = getattr(self, name)[index]
        for name in ("columns", "external", "internal"):
            parts[name] = {column: codes[index] for column, codes in getattr(self, name).items()}
        is_next = np.diff(np.arange(len(self.choice))[index], prepend=-2) == 1
        return replace(self, **parts | {"follows": parts["follows"] & is_next})


def choices_in_time(log: pd.DataFrame) -> Choices:
    """Return the choices of a log of one subject.

    The series of an agent are sorted by their times. If the times are not known, each series is a separate stretch,
    since the order of the rows in a log need not be the order of time.
    """
    first, length = series_bounds(log)
    agent = pd.factorize(log["agent_id"].iloc[first])[0]
    times = series_times(log, first)
    by_time = np.arange(len(first)) if times is None else np.lexsort((times, agent))
    rows = np.concatenate([np.arange(first[i], first[i] + length[i]) for i in by_time])
    stretch = np.repeat(np.arange(len(first)) if times is None else agent[by_time], length[by_time])
    follows = np.ones(len(log), dtype=bool)
    follows[first] = False
    later = np.ones(len(log), dtype=bool)
    if times is not None:
        # The order of series that began at the same moment is not known.
        moment = np.unique(np.stack([agent, times])[:, by_time], axis=1, return_inverse=True)[1].ravel()
        alone = np.bincount(moment)[moment] == 1
        later = np.repeat(alone, length[by_time])
        later[np.flatnonzero(np.diff(np.repeat(moment, length[by_time]))) + 1] = True

    action_types = log["action_type"].astype("category")
    choice = action_types.cat.codes.to_numpy().astype(np.int64)
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
    in_log = Choices(
        rows=np.arange(len(log)),
        choice=choice,
        action_types=[str(name) for name in action_types.cat.categories],
        follows=follows,
        stretch=stretch.astype(np.int64),
        later=later,
        columns=columns,
        levels=levels,
        external=external,
        internal=internal,
    )
    # `stretch` and `later` are in the order of time already.
    return replace(in_log.at(rows), stretch=in_log.stretch, later=later)


def is_timed(log: pd.DataFrame) -> bool:
    """Return whether the series of each agent can be sorted by time.

    They can if each series has a time and not all times are equal, or if each agent has one series only.
    """
    first, _ = series_bounds(log)
    return bool(log["agent_id"].iloc[first].is_unique) or series_times(log, first) is not None


def series_times(log: pd.DataFrame, first: Codes) -> Codes | None:
    """Return the first time of each series, in nanoseconds; None if a time is missing or all times are equal."""
    if "timestamp" not in log:
        return None
    series = np.zeros(len(log), dtype=np.int64)
    series[first] = 1
    times = log["timestamp"].groupby(np.cumsum(series)).min()
    if times.isna().any() or times.nunique() < 2:
        return None
    return times.to_numpy(dtype="datetime64[ns]").astype(np.int64)


def counted(situation: Codes, choice: Codes, shape: tuple[int, int]) -> Codes:
    """Return the count of each choice in each situation, int64 of the given shape; unknown situations are not counted.

    Examples
    --------
    >>> counted(np.array([0, 0, -1]), np.array([1, 1, 0]), (1, 2)).tolist()
    [[0, 2]]
    """
    known = situation >= 0
    flat = situation[known] * shape[1] + choice[known]
    return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int64)


def side_counts(situation: Codes, choice: Codes, place: int) -> tuple[Codes, Codes]:
    """Return the count of each choice in each situation, before a place and after it."""
    shape = (int(situation.max(initial=0)) + 1, int(choice.max(initial=0)) + 1)
    before = counted(situation[:place], choice[:place], shape)
    return before, counted(situation[place:], choice[place:], shape)


def _tells(codes: Codes, own_last: Codes) -> bool:
    """Return whether the value of a column fixes the own last choice."""
    both = (codes >= 0) & (own_last >= 0)
    pairs = np.unique(np.stack([codes[both], own_last[both]]), axis=1)
    return bool(pairs.shape[1] == len(np.unique(pairs[0])))


def _counterparts(log: pd.DataFrame, n_series: int) -> Codes | None:
    """Return the counterparts; None if each series has another counterpart, since this would explain every change."""
    codes, names = pd.factorize(log["target"])
    met = len(log[["session_id", "agent_id", "target"]].drop_duplicates())
    if (
        len(names) < 2
        or len(log) < _LEAST_MET * len(names)
        or (met == n_series and 2 * len(names) > n_series)
    ):
        return None
    return codes.astype(np.int64)
