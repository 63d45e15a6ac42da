"""Which rules the actions of a subject suggest, and how surprising each would be for an agent that follows none.

A rule is *in situation S, does A*. Agents repeat themselves, and so do situations; two things that both persist go
together for long stretches without any connection. What a rule is compared with therefore depends on what its
situation says of the agent's own last choice.

reaction
    S leaves the own last choice open (what the other did, a context). Among the actions that followed the same own
    choice, A has to be more frequent in S than elsewhere. This is tested within each series, so that series that
    differ in both are no reaction, and over all series together, since counting what follows the own choices
    within a short series is biased where the situation answers to them (J. B. Miller and A. Sanjurjo,
    Econometrica 86, 2018). The larger p-value counts. It equals that of infinitely many surrogates from a
    first-order Markov chain of the agent's choices, without drawing any.
change
    S fixes the own last choice, and A is another one. Within each series, A has to be more frequent in S than for
    choices in any order. An agent that merely repeats itself changes less often than that.
repetition
    S fixes the own last choice, and A is the same. As for a change; but whatever persists repeats itself, so the
    columns of S also have to make a difference among the actions that followed the same own choice.
opening
    S is where series begin. Across series, A has to open more of them than choices in any order would.
menu
    S is all that the subject met of one menu of choices. A has to be more frequent than by a uniform choice from it.
always
    The empty situation: as for a menu, with all actions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from gymlab.principles.choices import counted
from gymlab.principles.coded_log import SubjectActions
from gymlab.principles.inflation import share_inflation
from gymlab.principles.situations import Codes
from gymlab.principles.strata import LEAST_P, Strata, lower_tails, upper_tails

RuleKind = Literal["reaction", "change", "repetition", "opening", "menu", "always"]

# Fewer actions in a situation are an anecdote.
LEAST_ACTIONS = 5
# A share of actions that are worth fewer independent actions says nothing.
_LEAST_INDEPENDENT = 5


@dataclass(frozen=True)
class Candidate:
    """A rule that the actions of a subject suggest.

    Attributes
    ----------
    columns, level
        The situation: a set of columns, and which of its combinations; no columns for the empty situation.
    action
        The most frequent action type there.
    n, hits
        Actions in the situation, and how many of them have this action type.
    base_rate
        Share of the action type among all actions chosen from the same menus.
    p_value
        How often an agent without the rule would show as much, for any of the action types on offer.
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
    kind: RuleKind


def always_rule(subject: SubjectActions) -> Candidate | None:
    """Return the rule that would hold in every situation; None where there were several menus to choose from."""
    if (subject.menu != subject.menu[0]).any():
        return None
    hits = np.bincount(subject.action, minlength=subject.n_action_types)
    action = int(hits.argmax())
    everywhere = np.arange(len(subject.rows))
    p_value = _corrected_for_choice(_against_uniform(subject, everywhere, action), subject, everywhere)
    return Candidate(
        (), 0, action, len(subject.rows), int(hits[action]), float(subject.chance.mean()), p_value, "always"
    )


def suggested_rules(
    subject: SubjectActions, columns: tuple[str, ...], codes: Codes
) -> tuple[list[Candidate], int]:
    """Return the rules that one set of columns suggests, and how many tests that took.

    Parameters
    ----------
    subject
        The actions.
    columns, codes
        The columns' names, and the situation of each action of the subject (−1 where unknown).

    Returns
    -------
    list of Candidate
        At most one for each situation: its most frequent action type, if that is more frequent there than elsewhere.
    int
        How many situations were tested; this is the number to correct for.
    """
    levels = np.unique(codes[codes >= 0])
    frequent = [level for level in levels.tolist() if (codes == level).sum() >= LEAST_ACTIONS]
    if not frequent or len(levels) < 2:
        return [], 0
    reactions = {level: _reaction(subject, codes, level) for level in frequent}
    any_reaction = _any_reaction(subject, codes, reactions)
    found: list[Candidate] = []
    for level in frequent:
        inside = np.flatnonzero(codes == level)
        hits = np.bincount(subject.action[inside], minlength=subject.n_action_types)
        action = int(hits.argmax())
        whole_menu = _is_whole_menu(subject, inside)
        base = float(subject.chance[inside].mean()) if whole_menu else _base_rate(subject, inside, action)
        if hits[action] > base * len(inside):
            p_value, kind = _test(subject, inside, action, reactions[level], any_reaction)
            p_value = _corrected_for_choice(p_value, subject, inside)
            found.append(
                Candidate(columns, level, action, len(inside), int(hits[action]), base, p_value, kind)
            )
    return found, len(frequent)


def _test(
    subject: SubjectActions, inside: Codes, action: int, reactions: NDArray[np.float64], any_reaction: float
) -> tuple[float, RuleKind]:
    before = np.unique(subject.own_last[inside])
    if _is_whole_menu(subject, inside):
        return _against_uniform(subject, inside, action), "menu"
    if len(before) > 1 or before[0] >= subject.n_action_types:
        return float(reactions[action]), "reaction"
    p_value = _in_any_order(subject, inside, action, follows=before[0] >= 0)
    if before[0] < 0:
        return p_value, "opening"
    if before[0] != action:
        return p_value, "change"
    return max(p_value, any_reaction), "repetition"


def _reaction(subject: SubjectActions, codes: Codes, level: int) -> NDArray[np.float64]:
    """Return, for each action, how surprising its share in a situation is among those after the same own choice."""
    tails = [
        upper_tails(*_strata(stratum, here, action, subject.n_action_types))
        for stratum, here, action in _comparisons(subject, codes, level)
    ]
    # Where no single series is informative, a difference over all series is one between series.
    return np.where(tails[0] < 1, np.maximum(*tails), 1.0)


def _comparisons(
    subject: SubjectActions, codes: Codes, level: int
) -> Iterator[tuple[Codes, NDArray[np.bool_], Codes]]:
    """Give strata of the same own choice, within each series and over all; which actions are in the situation; actions."""
    known = codes >= 0
    here, action = codes[known] == level, subject.action[known]
    own_last, menu = subject.own_last[known], subject.menu[known]
    yield _combined(subject.series[known], own_last, menu), here, action
    yield _combined(own_last, menu), here, action


def _any_reaction(subject: SubjectActions, codes: Codes, reactions: dict[int, NDArray[np.float64]]) -> float:
    """Return how surprising it is that the columns make any difference after the same own choice."""
    smallest, n_tests = 1.0, 0
    for level, upper in reactions.items():
        tails = [
            lower_tails(*_strata(stratum, here, action, subject.n_action_types))
            for stratum, here, action in _comparisons(subject, codes, level)
        ]
        lower, informative = np.maximum(*tails), upper < 1
        n_tests += 2 * int(informative.sum())
        smallest = min(smallest, float(np.minimum(upper, lower)[informative].min(initial=1.0)))
    return min(1.0, smallest * n_tests) if n_tests else 1.0


def _in_any_order(subject: SubjectActions, inside: Codes, action: int, *, follows: bool) -> float:
    """Return how surprising it is to do this here if each series' choices from a menu came in any order.

    What follows a given choice is drawn from one action fewer than the series has.
    """
    series = _combined(subject.series, subject.menu)
    here = np.zeros(len(series), dtype=bool)
    here[inside] = True
    strata, counts = _strata(series, here, subject.action, subject.n_action_types)
    if follows:
        rows = np.maximum(strata.n_rows - 1, strata.n_situation)
        strata = Strata(rows, np.minimum(strata.n_of_type, rows[:, None]), strata.n_situation)
    only = Strata(strata.n_rows, strata.n_of_type[:, [action]], strata.n_situation)
    return float(upper_tails(only, counts[:, [action]])[0])


def _against_uniform(subject: SubjectActions, inside: Codes, action: int) -> float:
    """Return how surprising the share of an action is for a uniform choice that persists as much as this one."""
    hits = subject.action[inside] == action
    n = len(inside) / share_inflation(subject.series[inside], hits)
    if n < _LEAST_INDEPENDENT:
        return 1.0
    share = float(hits.mean())
    # The binomial tail for a number of independent actions that need not be whole.
    tail = (
        float(betainc(share * n, n - share * n + 1, float(subject.chance[inside].mean())))
        if share > 0
        else 1.0
    )
    return max(LEAST_P, tail)


def _is_whole_menu(subject: SubjectActions, inside: Codes) -> bool:
    menus = np.unique(subject.menu[inside])
    return (
        len(menus) == 1
        and bool((subject.menu != menus[0]).any())
        and len(inside) == (subject.menu == menus[0]).sum()
    )


def _corrected_for_choice(p_value: float, subject: SubjectActions, inside: Codes) -> float:
    """Return the p-value corrected for the choice of the most frequent action type on offer."""
    on_offer = np.isin(subject.menu, np.unique(subject.menu[inside]))
    return min(1.0, p_value * max(2, len(np.unique(subject.action[on_offer]))))


def _base_rate(subject: SubjectActions, inside: Codes, action: int) -> float:
    on_offer = np.isin(subject.menu, np.unique(subject.menu[inside]))
    return float((subject.action[on_offer] == action).mean())


def _strata(
    stratum: Codes, here: NDArray[np.bool_], action: Codes, n_action_types: int
) -> tuple[Strata, Codes]:
    """Return the margins of each stratum with actions in the situation, and the counts of each action type there."""
    touched = np.unique(stratum[here])
    place = np.searchsorted(touched, stratum)
    place[place == len(touched)] = 0
    inside = touched[place] == stratum
    shape = (len(touched), n_action_types)
    of_type = counted(place[inside], action[inside], shape)
    counts = counted(place[here], action[here], shape)
    return Strata(of_type.sum(axis=1), of_type, counts.sum(axis=1)), counts


def _combined(first: Codes, *others: Codes) -> Codes:
    """Return a number from 0 for each combination of codes that occurs."""
    combined = first
    for codes in others:
        combined = combined * (int(codes.max(initial=0)) + 2) + codes + 1
    return np.unique(combined, return_inverse=True)[1].astype(np.int64)
