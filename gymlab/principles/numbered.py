"""A log as numbers: what the tests of rules count."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.windows import series_bounds
from gymlab.principles.candidates import UnitActions
from gymlab.principles.choices import series_times
from gymlab.principles.menus import menus_of
from gymlab.principles.situations import codes_of, column_sets, situation_table


@dataclass(frozen=True, eq=False)
class NumberedLog:
    """A log as numbers, made once for all units.

    Attributes
    ----------
    situations
        The columns that situations are known by.
    codes
        By set of columns: the situation of each action, −1 where unknown.
    all
        Every action.
    names
        Of the action types.
    contexts, context_names
        The decision context of each action.
    ids
        The id of each action.
    moments
        float64 ``(n,)``: where each action stands in time: its rank, or where the series have no times, the share of
        its series that is before it.
    """

    situations: pd.DataFrame
    codes: Mapping[tuple[str, ...], NDArray[np.int64]]
    all: UnitActions
    names: tuple[str, ...]
    contexts: NDArray[np.int64]
    context_names: tuple[str, ...]
    ids: NDArray[np.object_]
    moments: NDArray[np.float64]

    def unit(self, rows: NDArray[np.int64]) -> UnitActions:
        """Return the actions at some positions of the log."""
        every = self.all
        return UnitActions(
            rows,
            every.series[rows],
            every.own_last[rows],
            every.action[rows],
            every.menu[rows],
            every.chance[rows],
            every.n_kinds,
        )


def numbered_log(log: pd.DataFrame) -> NumberedLog:
    """Return an action table as numbers."""
    situations = situation_table(log)
    action, names = pd.factorize(log["action_type"])
    first, length = series_bounds(log)
    series = np.repeat(np.arange(len(first)), length)
    own_last = np.concatenate([[-1], action[:-1]]).astype(np.int64)
    own_last[first] = -1
    menus = menus_of(log)
    # What was chosen from another menu is no choice that could be repeated.
    other_menu = np.concatenate([[False], menus.codes[1:] != menus.codes[:-1]]) & (own_last >= 0)
    own_last[other_menu] += len(names)
    everything = UnitActions(
        np.arange(len(log)), series, own_last, action.astype(np.int64), menus.codes, menus.chance, len(names)
    )
    codes = {columns: codes_of(situations, columns) for columns in column_sets(situations)}
    contexts, context_names = pd.factorize(log["decision_context"])
    return NumberedLog(
        situations,
        codes,
        everything,
        tuple(map(str, names)),
        contexts.astype(np.int64),
        tuple(map(str, context_names)),
        log["action_id"].to_numpy(dtype=object),
        _moments(series_times(log, first), first, length),
    )


def _moments(
    times: NDArray[np.int64] | None, first: NDArray[np.int64], length: NDArray[np.int64]
) -> NDArray[np.float64]:
    within = np.arange(length.sum()) - np.repeat(first, length)
    if times is None:
        return within / np.repeat(length, length)
    moments = np.empty(len(within))
    moments[np.lexsort((within, np.repeat(times, length)))] = np.arange(len(within))
    return moments
