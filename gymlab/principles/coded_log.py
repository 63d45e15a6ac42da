"""A log as integer codes, which the tests of rules count, and the menu from which each action was chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gymlab.actions.windows import series_bounds
from gymlab.principles.choices import series_times
from gymlab.principles.situations import Codes, codes_of, column_sets, situation_table


@dataclass(frozen=True, eq=False)
class SubjectActions:
    """The actions of one subject, as codes.

    Attributes
    ----------
    rows
        The positions of the actions in the log, ascending.
    series, own_last, action, menu
        int64, one for each action: the series; the agent's own last choice in the series (−1 for none; plus
        ``n_action_types`` if the last choice was from another menu); the action type; and the menu.
    chance
        float64: the chance of each action under a uniform choice.
    n_action_types
        Number of action types in the log.
    """

    rows: Codes
    series: Codes
    own_last: Codes
    action: Codes
    menu: Codes
    chance: NDArray[np.float64]
    n_action_types: int


@dataclass(frozen=True, eq=False)
class CodedLog:
    """A log as codes, with the actions of all subjects.

    Attributes
    ----------
    situations
        The columns of the situations.
    codes
        For each set of columns, the situation of each action, −1 if unknown.
    every_action
        All actions of the log.
    action_types
        The names of the action types.
    contexts, context_names
        The decision context of each action.
    ids
        The id of each action.
    moments
        float64 ``(n,)``: the rank of each action in the order of time, or, if the times of the series are not known, the
        share of its series before it.
    """

    situations: pd.DataFrame
    codes: Mapping[tuple[str, ...], Codes]
    every_action: SubjectActions
    action_types: tuple[str, ...]
    contexts: Codes
    context_names: tuple[str, ...]
    ids: NDArray[np.object_]
    moments: NDArray[np.float64]

    def actions_at(self, rows: Codes) -> SubjectActions:
        """Return the actions at some positions of the log."""
        every = self.every_action
        names = ("series", "own_last", "action", "menu", "chance")
        return replace(every, rows=rows, **{name: getattr(every, name)[rows] for name in names})


def code_log(log: pd.DataFrame) -> CodedLog:
    """Return an action table as codes."""
    situations = situation_table(log)
    action, names = pd.factorize(log["action_type"])
    first, length = series_bounds(log)
    series = np.repeat(np.arange(len(first)), length)
    own_last = np.concatenate([[-1], action[:-1]]).astype(np.int64)
    own_last[first] = -1
    menu, chance = menus_of(log)
    # A choice from another menu cannot be repeated.
    other_menu = np.concatenate([[False], menu[1:] != menu[:-1]]) & (own_last >= 0)
    own_last[other_menu] += len(names)
    contexts, context_names = pd.factorize(log["decision_context"])
    return CodedLog(
        situations=situations,
        codes={columns: codes_of(situations, columns) for columns in column_sets(situations)},
        every_action=SubjectActions(
            np.arange(len(log)), series, own_last, action.astype(np.int64), menu, chance, len(names)
        ),
        action_types=tuple(map(str, names)),
        contexts=contexts.astype(np.int64),
        context_names=tuple(map(str, context_names)),
        ids=log["action_id"].to_numpy(dtype=object),
        moments=_moments(series_times(log, first), first, length),
    )


def _moments(times: Codes | None, first: Codes, length: Codes) -> NDArray[np.float64]:
    within = np.arange(length.sum()) - np.repeat(first, length)
    if times is None:
        return within / np.repeat(length, length)
    moments = np.empty(len(within))
    moments[np.lexsort((within, np.repeat(times, length)))] = np.arange(len(within))
    return moments


def menus_of(log: pd.DataFrame) -> tuple[Codes, NDArray[np.float64]]:
    """Return the menu of each action, and the chance of the action under a uniform choice from the menu.

    Decision contexts may form groups that have no action type in common. If each group has several action types, the
    groups are menus: an agent that chose "share" where nobody could "betray" did not refuse to betray. The number of
    available action types is ``n_choices`` of the log if it is known, and otherwise the number of action types that
    anybody chose from the menu. If actors are roles of several agents, only choices in the same role are counted: a user
    did not refuse the tools of an assistant.

    Examples
    --------
    >>> log = pd.DataFrame({"decision_context": ["x", "x", "y", "y"], "action_type": ["a", "b", "c", "d"]})
    >>> menus_of(log)[0].tolist()
    [0, 0, 1, 1]
    """
    actions, _ = pd.factorize(log["action_type"])
    contexts, _ = pd.factorize(log["decision_context"])
    codes = _groups(contexts, actions)
    menus, sizes = np.unique(np.unique(np.stack([codes, actions]), axis=1)[0], return_counts=True)
    if len(menus) > 1 and sizes.min() < 2:
        # A group with one action type is no menu: it may be a rule that all agents follow.
        codes = np.zeros(len(log), dtype=np.int64)
    place = np.unique(np.stack([codes, _roles(log)]), axis=1, return_inverse=True)[1].ravel()
    chosen = np.unique(np.stack([place, actions]), axis=1)[0]
    chance = 1.0 / np.bincount(chosen)[place]
    if "n_choices" in log:
        known = log["n_choices"].to_numpy(dtype=np.float64, na_value=np.nan)
        chance = np.where(np.isnan(known), chance, 1.0 / np.where(np.isnan(known), 1.0, known))
    return codes, chance


def _roles(log: pd.DataFrame) -> Codes:
    """Return the role of each action; one role for all actions if actors are not roles."""
    if "actor" not in log or log.groupby("actor")["agent_id"].nunique().min() < 2:
        return np.zeros(len(log), dtype=np.int64)
    return pd.factorize(log["actor"])[0].astype(np.int64)


def _groups(contexts: Codes, actions: Codes) -> Codes:
    """Return the connected component of each row in the graph of contexts and actions."""
    n_contexts, n_actions = int(contexts.max()) + 1, int(actions.max()) + 1
    size = n_contexts + n_actions
    edges = coo_array((np.ones(len(actions)), (contexts, n_contexts + actions)), shape=(size, size))
    _, component = connected_components(edges.tocsr(), directed=False)
    return np.unique(component[contexts], return_inverse=True)[1].astype(np.int64)
