"""What there was to choose from: one menu for a whole log, or one for each kind of situation."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True, eq=False)
class Menus:
    """The choices that were available.

    Attributes
    ----------
    codes
        int64 ``(n_actions,)``: which menu each action was chosen from.
    chance
        float64 ``(n_actions,)``: the chance of each action under a uniform choice from what was available.
    """

    codes: NDArray[np.int64]
    chance: NDArray[np.float64]


def menus_of(log: pd.DataFrame) -> Menus:
    """Return what could be chosen at each action.

    Where the decision contexts of a log fall into groups that have no action type in common, and each group has
    several, the groups are menus: who chose "share" where nobody could "betray" did not decline to betray. How
    many choices there were is the log's ``n_choices`` where it knows, else the number of action types that
    anybody chose from the menu – anybody in the same role, where actors are roles that several agents have: a user
    has not declined the tools of an assistant.

    Examples
    --------
    >>> log = pd.DataFrame({"decision_context": ["x", "x", "y", "y"], "action_type": ["a", "b", "c", "d"]})
    >>> menus_of(log).codes.tolist()
    [0, 0, 1, 1]
    """
    actions, _ = pd.factorize(log["action_type"])
    contexts, _ = pd.factorize(log["decision_context"])
    codes = _groups(contexts, actions)
    menus, sizes = np.unique(np.unique(np.stack([codes, actions]), axis=1)[0], return_counts=True)
    if len(menus) > 1 and sizes.min() < 2:
        # A group with a single action may as well be a rule: everybody did the same there.
        codes = np.zeros(len(log), dtype=np.int64)
    place = np.unique(np.stack([codes, _roles(log)]), axis=1, return_inverse=True)[1].ravel()
    chosen = np.unique(np.stack([place, actions]), axis=1)[0]
    chance = 1.0 / np.bincount(chosen)[place]
    if "n_choices" in log:
        known = log["n_choices"].to_numpy(dtype=np.float64, na_value=np.nan)
        chance = np.where(np.isnan(known), chance, 1.0 / np.where(np.isnan(known), 1.0, known))
    return Menus(codes, chance)


def _roles(log: pd.DataFrame) -> NDArray[np.int64]:
    """Return the role of each action; all the same where actors are no roles."""
    if "actor" not in log or log.groupby("actor")["agent_id"].nunique().min() < 2:
        return np.zeros(len(log), dtype=np.int64)
    return pd.factorize(log["actor"])[0].astype(np.int64)


def _groups(contexts: NDArray[np.int64], actions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the connected component of each row in the graph of contexts and actions."""
    n_contexts, n_actions = int(contexts.max()) + 1, int(actions.max()) + 1
    size = n_contexts + n_actions
    edges = coo_array((np.ones(len(actions)), (contexts, n_contexts + actions)), shape=(size, size))
    _, component = connected_components(edges.tocsr(), directed=False)
    found: NDArray[np.int64] = np.unique(component[contexts], return_inverse=True)[1].astype(np.int64)
    return found
