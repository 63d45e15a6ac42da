"""The rules that the actions of a subject suggest, and the p-value of each rule under the hypothesis of no rule.

A rule is *in situation S, does A*. Agents repeat themselves, and situations last. Two things that last coincide often,
even without any connection. So the null hypothesis of a rule depends on its situation: it matters whether the situation
fixes the agent's own last choice.

reaction
    S does not fix the own last choice: S is, for example, an action of the other, or a context. Among the actions after
    the same own choice, A has to be more frequent in S than elsewhere. There are two tests, and the larger p-value
    counts. The test within each series excludes differences between series. The test over all series together is
    needed, since counts of the actions after a choice in a short series are biased if the situation depends on earlier
    choices (J. B. Miller and A. Sanjurjo, Econometrica 86, 2018). The p-value equals that of infinitely many surrogates
    from a first-order Markov chain of the agent's choices, but no surrogate is drawn.
change
    S fixes the own last choice, and A is another choice. Within each series, A has to be more frequent in S than for
    choices in random order. An agent that only repeats itself changes its choice less often than that.
repetition
    S fixes the own last choice, and A is the same choice. The test is that of a change. In addition, the columns of S
    have to make a difference among the actions after the same own choice, since an agent without rules may also repeat
    itself.
opening
    S is the beginning of a series. A has to begin more series than if the choices were in random order.
menu
    S is every situation with one menu of choices. A has to be more frequent than by a uniform choice from the menu.
always
    S is the empty situation. The test is that of a menu, with all actions.
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

# A situation with fewer actions is not tested.
LEAST_ACTIONS = 5
# A share is not tested if the effective number of independent actions is smaller.
_LEAST_INDEPENDENT = 5


@dataclass(frozen=True)
class Candidate:
    """A rule that the actions of a subject suggest.

    Attributes
    ----------
    columns, level
        The situation: a set of columns, and the code of one combination of their values. No columns for the empty
        situation.
    action
        The most frequent action type in the situation.
    n, hits
        Number of actions in the situation, and of those with this action type.
    base_rate
        Share of the action type among all actions from the same menus.
    p_value
        The p-value for an agent without the rule, corrected for the choice of the action type.
    kind
        The kind of the test.
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
    """Return the rule for every situation; None if the subject chose from several menus."""
    if (subject.menu != subject.menu[0]).any():
        return None
    hits = np.bincount(subject.action, minlength=subject.n_action_types)
    action = int(hits.argmax())
    everywhere = np.arange(len(subject.rows))
    p_value = _corrected_for_choice(_against_uniform(subject, everywhere, action), subject.action)
    return Candidate(
        (), 0, action, len(subject.rows), int(hits[action]), float(subject.chance.mean()), p_value, "always"
    )


def suggested_rules(
    subject: SubjectActions, columns: tuple[str, ...], codes: Codes
) -> tuple[list[Candidate], int]:
    """Return the rules that one set of columns suggests, and the number of tests.

    Parameters
    ----------
    subject
        The actions of the subject.
    columns, codes
        The names of the columns, and the situation of each action (−1 if unknown).

    Returns
    -------
    list of Candidate
        At most one rule for each situation: for the most frequent action type, if it is more frequent there than
        elsewhere.
    int
        The number of situations that were tested, for the correction of the p-values.
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
        choices = subject.action[on_offer_in(subject, inside)]
        whole_menu = _is_whole_menu(subject, inside)
        base = float(subject.chance[inside].mean() if whole_menu else (choices == action).mean())
        if hits[action] > base * len(inside):
            p_value, kind = _test(subject, inside, action, reactions[level], any_reaction)
            p_value = _corrected_for_choice(p_value, choices)
            found.append(
                Candidate(columns, level, action, len(inside), int(hits[action]), base, p_value, kind)
            )
    return found, len(frequent)


def on_offer_in(subject: SubjectActions, inside: Codes) -> NDArray[np.bool_]:
    """Return which actions of the subject were chosen from the menus of the actions ``inside``."""
    return np.isin(subject.menu, np.unique(subject.menu[inside]))


def _test(
    subject: SubjectActions, inside: Codes, action: int, reactions: NDArray[np.float64], any_reaction: float
) -> tuple[float, RuleKind]:
    """Return the p-value of a rule, and the kind of its test."""
    if _is_whole_menu(subject, inside):
        return _against_uniform(subject, inside, action), "menu"
    before = np.unique(subject.own_last[inside])
    if len(before) > 1 or before[0] >= subject.n_action_types:
        return float(reactions[action]), "reaction"
    p_value = _in_any_order(subject, inside, action, follows=before[0] >= 0)
    if before[0] < 0:
        return p_value, "opening"
    if before[0] != action:
        return p_value, "change"
    return max(p_value, any_reaction), "repetition"


def _reaction(subject: SubjectActions, codes: Codes, level: int) -> NDArray[np.float64]:
    """Return for each action type the p-value of its share in a situation, among actions after the same own choice."""
    tails = [
        upper_tails(*_strata(stratum, here, action, subject.n_action_types))
        for stratum, here, action in _comparisons(subject, codes, level)
    ]
    # If no single series is informative, a difference over all series may be a difference between the series.
    return np.where(tails[0] < 1, np.maximum(*tails), 1.0)


def _comparisons(
    subject: SubjectActions, codes: Codes, level: int
) -> Iterator[tuple[Codes, NDArray[np.bool_], Codes]]:
    """Yield strata of the same own last choice (within each series, then over all series), with the counted actions."""
    known = codes >= 0
    here, action = codes[known] == level, subject.action[known]
    own_last, menu = subject.own_last[known], subject.menu[known]
    yield _combined(subject.series[known], own_last, menu), here, action
    yield _combined(own_last, menu), here, action


def _any_reaction(subject: SubjectActions, codes: Codes, reactions: dict[int, NDArray[np.float64]]) -> float:
    """Return the p-value of any difference that the columns make after the same own choice."""
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
    """Return the p-value of a share, if the choices of each series from a menu were in random order.

    With ``follows``, the situation fixes the own last choice, so one action fewer can be in the situation.
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
    """Return the p-value of a share against a uniform choice that repeats itself as much as the subject."""
    hits = subject.action[inside] == action
    n = len(inside) / share_inflation(subject.series[inside], hits)
    if n < _LEAST_INDEPENDENT:
        return 1.0
    share = float(hits.mean())
    if share == 0:
        return 1.0
    # The binomial tail. The beta function accepts an n that is not whole.
    return max(LEAST_P, float(betainc(share * n, n - share * n + 1, float(subject.chance[inside].mean()))))


def _is_whole_menu(subject: SubjectActions, inside: Codes) -> bool:
    """Return whether the actions ``inside`` are all actions from one menu, and there are other menus."""
    menus = np.unique(subject.menu[inside])
    return (
        len(menus) == 1
        and bool((subject.menu != menus[0]).any())
        and len(inside) == (subject.menu == menus[0]).sum()
    )


def _corrected_for_choice(p_value: float, choices: Codes) -> float:
    """Return the p-value, corrected for the choice of the most frequent of the action types that occur."""
    return min(1.0, p_value * max(2, len(np.unique(choices))))


def _strata(
    stratum: Codes, here: NDArray[np.bool_], action: Codes, n_action_types: int
) -> tuple[Strata, Codes]:
    """Return the strata with actions in the situation, and the counts of each action type in the situation."""
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
