"""Policies that contradict one another: whether a unit changed what it does in the same situation, and when."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from gymlab.arguments import finite_number, whole_number
from gymlab.entropy import conditional_entropy_bits
from gymlab.errors import InputError
from gymlab.principles.changes import likelihood_ratios, variance_inflation
from gymlab.principles.choices import ANY, Choices, choices_in_time, counted, is_timed
from gymlab.principles.policy import Contradiction, Policy, Span, sentence
from gymlab.principles.segments import (
    LEAST_MET,
    Search,
    degrees_of_freedom,
    difference,
    find_changes,
    number_policies,
)
from gymlab.principles.situations import require_actions
from gymlab.principles.strata import LEAST_P

# numba's generator takes no larger one.
MOST_SEED = 2**32 - 1


def find_policies(
    log: pd.DataFrame,
    *,
    level: float = 0.05,
    least: int = 20,
    n_permutations: int = 199,
    seed: int = 0,
) -> tuple[Policy, ...]:
    """Return the policies that a unit held one after the other; one alone if it never changed.

    Its series are taken in the order of their times. Where these are not known, or all the same, the order of the log
    is no time: then a change is looked for within each series alone. It is looked for in P(action | situation) of each column of
    :func:`~.situations.situation_table` but the own last choice, and in P(action); in two halves, again in each of
    these, and so on. It is none if it is explained by another column, by the own last choice or by the
    counterpart: if, with that known as well, nothing changes at this place.

    Parameters
    ----------
    log
        The actions of one unit, such as ``gymlab.select_actions(log, agent=...)``.
    level
        Of each test, divided by the number of columns.
    least
        Actions that a policy is kept at least.
    n_permutations
        Of the choices within their situations; 1 / (1 + n) is the least p-value.
    seed
        Of the permutations.

    Returns
    -------
    tuple of Policy

    Raises
    ------
    InputError
        If there are no actions, a parameter is out of range, or so few permutations cannot reach the level.

    Examples
    --------
    >>> from gymlab.actions import frame_from_records
    >>> log = frame_from_records(
    ...     {"session_id": "s", "agent_id": "a", "step": i, "actor": "a", "action_type": "give" if i < 30 else "take",
    ...      "target": "b", "relationship_type": "neutral", "decision_context": ""} for i in range(60)
    ... )
    >>> print(find_policies(log)[1].sentence)
    from step 30 of session s (action s/a/30) on: does take instead of give
    """
    require_actions(log)
    if len(log) == 0:
        raise InputError("there are no actions, so there is no policy")
    level = finite_number("level", level, above=0, most=1)
    least = whole_number("least", least, least=2)
    n_permutations = whole_number("n_permutations", n_permutations, least=1)
    seed = whole_number("seed", seed, least=0, most=MOST_SEED)
    choices = choices_in_time(log)
    if (needed := len(choices.columns) / level) > n_permutations + 1:
        raise InputError(f"n_permutations={n_permutations} cannot reach the level; give {needed:.0f} or more")
    found = find_changes(choices, Search(level, least, n_permutations, seed))
    columns = list(dict.fromkeys(one.column for one in found)) or [_telling(choices)]
    segments = number_policies(choices, found, level)
    rows = {
        number: np.concatenate([np.arange(begin, end) for begin, end, n in segments if n == number])
        for number in dict.fromkeys(n for _, _, n in segments)
    }
    return tuple(_policy(log, choices, columns, number, rows, segments, level) for number in rows)


def _telling(choices: Choices) -> str:
    """Return the column from which the choice follows best."""
    return min(
        choices.columns, key=lambda name: conditional_entropy_bits(choices.columns[name], choices.choice)
    )


def _policy(
    log: pd.DataFrame,
    choices: Choices,
    columns: Sequence[str],
    number: int,
    rows: Mapping[int, NDArray[np.int64]],
    segments: Sequence[tuple[int, int, int]],
    level: float,
) -> Policy:
    # What it is contrasted with: the policy before it, or the one after the first.
    others = [n for _, _, n in segments if n != number]
    start = next(i for i, (_, _, n) in enumerate(segments) if n == number)
    rival = segments[start - 1][2] if start else (others[0] if others else None)
    column = columns[0] if rival is None else _parting(choices, columns, rows[number], rows[rival])
    counts = _counts(choices, column, rows[number])
    spans = tuple(_span(log, choices, begin, end) for begin, end, n in segments if n == number)
    contradictions = tuple(
        one
        for other in rows
        if other != number
        for one in _contradictions(choices, column, number, other, rows, level)
    )
    table = _shares(counts)
    other = None if rival is None else _counts(choices, column, rows[rival])
    if other is not None:
        other = _shares(other[np.minimum(other.sum(axis=1), counts.sum(axis=1)) >= LEAST_MET])
    said = sentence(
        spans,
        table,
        other,
        [one for one in contradictions if one.policy == rival],
        first=start == 0,
        timed=is_timed(log),
    )
    return Policy(number, spans, column, table, counts, contradictions, said)


def _counts(choices: Choices, column: str, rows: NDArray[np.int64]) -> pd.DataFrame:
    levels = choices.levels[column]
    made = counted(choices.columns[column][rows], choices.choice[rows], (len(levels), len(choices.kinds)))
    return pd.DataFrame(made, index=pd.Index(levels, name=column), columns=pd.Index(choices.kinds))


def _parting(
    choices: Choices, columns: Sequence[str], own: NDArray[np.int64], other: NDArray[np.int64]
) -> str:
    """Return the column in which two policies differ most."""
    rows = np.concatenate([own, other])
    apart = [difference(choices.columns[name][rows], choices.choice[rows], len(own)) for name in columns]
    return columns[int(np.argmax(apart))]


def _shares(counts: pd.DataFrame) -> pd.DataFrame:
    return counts.div(counts.sum(axis=1), axis=0)


def _span(log: pd.DataFrame, choices: Choices, begin: int, end: int) -> Span:
    first, last = log.iloc[choices.rows[begin]], log.iloc[choices.rows[end - 1]]
    return Span(
        first=begin,
        last=end - 1,
        first_action=str(first["action_id"]),
        last_action=str(last["action_id"]),
        session=str(first["session_id"]),
        step=int(first["step"]),
    )


def _contradictions(
    choices: Choices,
    column: str,
    number: int,
    other: int,
    rows: Mapping[int, NDArray[np.int64]],
    level: float,
) -> list[Contradiction]:
    # In the order of time, so that what follows what is known.
    joined = np.concatenate([rows[min(number, other)], rows[max(number, other)]])
    place = len(rows[min(number, other)])
    follows = choices.follows[joined] & np.append(False, np.diff(joined) == 1)
    situation, choice = choices.columns[column][joined], choices.choice[joined]
    levels = choices.levels[column]
    shape = (len(levels), len(choices.kinds))
    early, late = (counted(situation[s], choice[s], shape) for s in (slice(place), slice(place, None)))
    here, there = (early, late) if number < other else (late, early)
    inflation = variance_inflation(situation, choice, follows, place)
    found = []
    for code, name in enumerate(levels):
        modes = int(here[code].argmax()), int(there[code].argmax())
        if min(here[code].sum(), there[code].sum()) < LEAST_MET or modes[0] == modes[1]:
            continue
        only = np.where(situation == code, 0, -1)
        ratio = float(likelihood_ratios(only, choice)[place]) / inflation
        p_value = max(LEAST_P, float(chi2.sf(ratio, degrees_of_freedom(only, choice, place))))
        if p_value <= level / len(levels):
            where = {} if column == ANY else {column: name}
            found.append(
                Contradiction(other, where, choices.kinds[modes[0]], choices.kinds[modes[1]], p_value)
            )
    return found
