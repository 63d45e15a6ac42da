"""Which rules a unit's actions suggest, and how surprising each would be for an agent that follows none.

A rule is *in situation S, does A*. What it is compared with depends on what the situation says of the agent's own
last choice, because agents repeat themselves, and so do situations, and two things that both persist go together
for long stretches without having to do with one another.

reaction
    S leaves the own last choice open (what the other did, a context). Among the actions that followed the same own
    choice, A has to be more frequent in S than elsewhere: within each series, so that series that differ in both
    are no reaction; and over all series together, since within a short one counting what followed on one's own
    doing is biased where the situation answers to it (J. B. Miller and A. Sanjurjo, Econometrica 86, 2018). The
    larger p-value counts. This is what surrogates drawn from a first-order Markov chain of the agent's choices
    would show, were there infinitely many of them, and it needs no drawing.
change
    S fixes the own last choice, and A is another one. Within each series, A has to be more frequent in S than for
    choices in any order. An agent that merely repeats itself changes less often than that.
repetition
    S fixes the own last choice, and A is the same. As for a change; but since all that persists does this, what
    tells these situations apart also has to make a difference among actions that followed the same own choice.
opening
    S is where series begin. Across series, A has to open more of them than choices in any order would.
menu
    S is all that the unit met of one menu of choices. A has to be more frequent than by a uniform choice from it.
always
    The empty situation: as for a menu, with all actions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from gymlab.principles.inflation import inflation
from gymlab.principles.strata import LEAST_P, Strata, lower_tails, upper_tails

Kind = Literal["reaction", "change", "repetition", "opening", "menu", "always"]
Codes = NDArray[np.int64]

# Fewer actions than that in a situation are an anecdote.
LEAST_ACTIONS = 5
# A share of actions that are worth fewer independent ones says nothing.
_LEAST_INDEPENDENT = 5


@dataclass(frozen=True, eq=False)
class UnitActions:
    """The actions of one unit, as numbers.

    Attributes
    ----------
    rows
        Their positions in the log, ascending.
    series, own_last, action, menu
        int64, one each: which series, what the agent did before in it (−1 for nothing, ``n_kinds`` more where that
        was chosen from another menu), what it did now, and what it was chosen from.
    chance
        float64: the chance of each action under a uniform choice.
    n_kinds
        How many action types the log has.
    """

    rows: Codes
    series: Codes
    own_last: Codes
    action: Codes
    menu: Codes
    chance: NDArray[np.float64]
    n_kinds: int


@dataclass(frozen=True)
class Candidate:
    """A rule that a unit's actions suggest: in which level of which columns it does what.

    Attributes
    ----------
    columns, level
        Which set of columns, and which of its combinations; no columns for the empty situation.
    action
        The most frequent one there.
    n, hits
        Actions in the situation, and how many of these are the action.
    base_rate
        Share of the action among all that were chosen from the same menus.
    p_value
        How often an agent without the rule would show as much, for any of the actions on offer.
    kind
        What it was compared with.
    """

    columns: tuple[str, ...]
    level: int
    action: int
    n: int
    hits: int
    base_rate: float
    p_value: float
    kind: Kind


def always(unit: UnitActions) -> Candidate | None:
    """Return the rule that would hold in every situation; None where there was not one menu to choose from."""
    if (unit.menu != unit.menu[0]).any():
        return None
    hits = np.bincount(unit.action, minlength=unit.n_kinds)
    action = int(hits.argmax())
    everywhere = np.arange(len(unit.rows))
    p_value = _for_any(_against_uniform(unit, everywhere, action), unit, everywhere)
    return Candidate(
        (), 0, action, len(unit.rows), int(hits[action]), float(unit.chance.mean()), p_value, "always"
    )


def conditional(unit: UnitActions, columns: tuple[str, ...], codes: Codes) -> tuple[list[Candidate], int]:
    """Return the rules that one set of columns suggests, and how many tests that took.

    Parameters
    ----------
    unit
        The actions.
    columns, codes
        The columns' names, and the situation of each action of the unit (−1 where unknown).

    Returns
    -------
    list of Candidate
        One a situation, for its most frequent action if that is more frequent there than elsewhere.
    int
        How many situations were looked at: the number of tests to correct for.
    """
    levels = np.unique(codes[codes >= 0])
    large = [level for level in levels.tolist() if (codes == level).sum() >= LEAST_ACTIONS]
    if not large or len(levels) < 2:
        return [], 0
    reactions = {level: _reaction(unit, codes, level) for level in large}
    gate = _any_reaction(unit, codes, reactions)
    found: list[Candidate] = []
    for level in large:
        inside = np.flatnonzero(codes == level)
        hits = np.bincount(unit.action[inside], minlength=unit.n_kinds)
        action = int(hits.argmax())
        whole_menu = _is_whole_menu(unit, inside)
        base = float(unit.chance[inside].mean()) if whole_menu else _base_rate(unit, inside, action)
        if hits[action] > base * len(inside):
            p_value, kind = _tested(unit, inside, action, reactions[level], gate)
            p_value = _for_any(p_value, unit, inside)
            found.append(
                Candidate(columns, level, action, len(inside), int(hits[action]), base, p_value, kind)
            )
    return found, len(large)


def _tested(
    unit: UnitActions, inside: Codes, action: int, reactions: NDArray[np.float64], gate: float
) -> tuple[float, Kind]:
    before = np.unique(unit.own_last[inside])
    if _is_whole_menu(unit, inside):
        return _against_uniform(unit, inside, action), "menu"
    if len(before) > 1 or before[0] >= unit.n_kinds:
        return float(reactions[action]), "reaction"
    p_value = _in_any_order(unit, inside, action, follows=before[0] >= 0)
    if before[0] < 0:
        return p_value, "opening"
    if before[0] != action:
        return p_value, "change"
    return max(p_value, gate), "repetition"


def _reaction(unit: UnitActions, codes: Codes, level: int) -> NDArray[np.float64]:
    """Return, for each action, how surprising its share in a situation is among those after the same own choice."""
    tails = [
        upper_tails(*_strata(stratum, here, action, unit.n_kinds))
        for stratum, here, action in _comparisons(unit, codes, level)
    ]
    # Where no series could tell, all of them together say what differs between them.
    return np.where(tails[0] < 1, np.maximum(*tails), 1.0)


def _comparisons(
    unit: UnitActions, codes: Codes, level: int
) -> Iterator[tuple[Codes, NDArray[np.bool_], Codes]]:
    """Give strata of the same own choice, within each series and over all, with what is in the situation."""
    known = codes >= 0
    here, action = codes[known] == level, unit.action[known]
    own_last, menu = unit.own_last[known], unit.menu[known]
    yield _numbered(unit.series[known], own_last, menu), here, action
    yield _numbered(own_last, menu), here, action


def _any_reaction(unit: UnitActions, codes: Codes, reactions: dict[int, NDArray[np.float64]]) -> float:
    """Return how surprising it is that the columns make any difference after the same own choice."""
    smallest, n_tests = 1.0, 0
    for level, upper in reactions.items():
        tails = [
            lower_tails(*_strata(stratum, here, action, unit.n_kinds))
            for stratum, here, action in _comparisons(unit, codes, level)
        ]
        lower, informative = np.maximum(*tails), upper < 1
        n_tests += 2 * int(informative.sum())
        smallest = min(smallest, float(np.minimum(upper, lower)[informative].min(initial=1.0)))
    return min(1.0, smallest * n_tests) if n_tests else 1.0


def _in_any_order(unit: UnitActions, inside: Codes, action: int, *, follows: bool) -> float:
    """Return how surprising it is to do this here, had each series' choices from a menu come in any order.

    What follows on a given choice is drawn from one action fewer than the series has.
    """
    series = _numbered(unit.series, unit.menu)
    here = np.zeros(len(series), dtype=bool)
    here[inside] = True
    strata, counts = _strata(series, here, unit.action, unit.n_kinds)
    if follows:
        rows = np.maximum(strata.n_rows - 1, strata.n_situation)
        strata = Strata(rows, np.minimum(strata.n_kind, rows[:, None]), strata.n_situation)
    only = Strata(strata.n_rows, strata.n_kind[:, [action]], strata.n_situation)
    return float(upper_tails(only, counts[:, [action]])[0])


def _against_uniform(unit: UnitActions, inside: Codes, action: int) -> float:
    """Return how surprising the share of an action is for a uniform choice that may persist as much as this one."""
    hits = unit.action[inside] == action
    n = len(inside) / inflation(unit.series[inside], hits)
    if n < _LEAST_INDEPENDENT:
        return 1.0
    share = float(hits.mean())
    # The binomial tail for a number of independent actions that need not be whole.
    tail = (
        float(betainc(share * n, n - share * n + 1, float(unit.chance[inside].mean()))) if share > 0 else 1.0
    )
    return max(LEAST_P, tail)


def _is_whole_menu(unit: UnitActions, inside: Codes) -> bool:
    menus = np.unique(unit.menu[inside])
    return (
        len(menus) == 1
        and bool((unit.menu != menus[0]).any())
        and len(inside) == (unit.menu == menus[0]).sum()
    )


def _for_any(p_value: float, unit: UnitActions, inside: Codes) -> float:
    """Return the p-value corrected for having taken the most frequent of the actions on offer."""
    on_offer = np.isin(unit.menu, np.unique(unit.menu[inside]))
    return min(1.0, p_value * max(2, len(np.unique(unit.action[on_offer]))))


def _base_rate(unit: UnitActions, inside: Codes, action: int) -> float:
    on_offer = np.isin(unit.menu, np.unique(unit.menu[inside]))
    return float((unit.action[on_offer] == action).mean())


def _strata(stratum: Codes, here: NDArray[np.bool_], action: Codes, n_kinds: int) -> tuple[Strata, Codes]:
    """Return the margins of each stratum that has actions in the situation, and the counts of each kind there."""
    touched = np.unique(stratum[here])
    place = np.searchsorted(touched, stratum)
    place[place == len(touched)] = 0
    inside = touched[place] == stratum
    shape = (len(touched), n_kinds)
    kinds = _table(place[inside], action[inside], shape)
    counts = _table(place[here], action[here], shape)
    return Strata(kinds.sum(axis=1), kinds, counts.sum(axis=1)), counts


def _table(rows: Codes, columns: Codes, shape: tuple[int, int]) -> Codes:
    return np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape)


def _numbered(first: Codes, *others: Codes) -> Codes:
    """Return a number from 0 for each combination of codes that occurs."""
    combined = first
    for codes in others:
        combined = combined * (int(codes.max(initial=0)) + 2) + codes + 1
    numbers: Codes = np.unique(combined, return_inverse=True)[1].astype(np.int64)
    return numbers
