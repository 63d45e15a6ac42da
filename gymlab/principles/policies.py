"""Policies: whether and when a subject changed what it does in the same situation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from gymlab.arguments import finite_number, whole_number
from gymlab.entropy import conditional_entropy_bits
from gymlab.errors import InputError
from gymlab.principles.choices import ANY, Choices, choices_in_time, counted, is_timed
from gymlab.principles.inflation import variance_inflation
from gymlab.principles.policy_changes import (
    LEAST_MET,
    LEAST_TOLD,
    ChangeSearch,
    difference,
    difference_p_value,
    find_changes,
    number_policies,
)
from gymlab.principles.situations import Codes, require_actions
from gymlab.principles.strata import LEAST_P

# The largest seed that numba's random generator accepts.
MOST_SEED = 2**32 - 1
# A sentence has at most this many clauses, and the number of the other clauses.
_MOST_SAID = 3


@dataclass(frozen=True)
class Span:
    """The part of the subject's time in which it keeps a policy.

    ``first`` and ``last`` are the positions of the first and the last action among the subject's actions in the
    order of time. ``first_action`` and ``last_action`` are the ids of these two actions. ``session`` and ``step`` are
    those of the first action.
    """

    first: int
    last: int
    first_action: str
    last_action: str
    session: str
    step: int


@dataclass(frozen=True)
class Contradiction:
    """A situation in which the most frequent choices of two policies differ significantly.

    Attributes
    ----------
    policy
        The number of the other policy.
    situation
        The situation: a column and its value; empty for any situation.
    here, there
        The most frequent choice of this policy, and that of the other policy.
    p_value
        The p-value of the likelihood ratio of the two policies in this situation, corrected for autocorrelation.
    """

    policy: int
    situation: dict[str, str] = field(hash=False)
    here: str
    there: str
    p_value: float

    @property
    def when(self) -> str:
        """The situation in words, for the end of a sentence."""
        return "".join(f" when {column}={value}" for column, value in self.situation.items())


@dataclass(frozen=True, eq=False)
class Policy:
    """The choices of a subject in each situation, as long as it keeps one policy.

    Attributes
    ----------
    number
        The number of the policy, from 0, in the order of time.
    spans
        The times in which the policy is kept; several spans if the subject returns to the policy.
    column
        The column of the situations in which the policies differ most; empty for a difference in any situation.
    table
        float64, situations × action types: P(action | situation).
    counts
        int64, of the same shape: the number of actions.
    contradictions
        The situations in which the policy contradicts another policy.
    sentence
        The policy in words.
    """

    number: int
    spans: tuple[Span, ...]
    column: str
    table: pd.DataFrame
    counts: pd.DataFrame
    contradictions: tuple[Contradiction, ...]
    sentence: str

    def __repr__(self) -> str:
        actions = int(self.counts.to_numpy().sum())
        return f"<policy {self.number}: {actions:,} actions in {len(self.table):,} situations, {len(self.spans)} spans>"

    def as_dict(self) -> dict[str, Any]:
        """Return the policy as values of JSON."""
        return {
            "number": self.number,
            "spans": [vars(span) for span in self.spans],
            "column": self.column,
            "counts": {
                str(where): {str(what): int(n) for what, n in row.items() if n}
                for where, row in self.counts.iterrows()
            },
            "contradictions": [vars(one) for one in self.contradictions],
            "sentence": self.sentence,
        }


def find_policies(
    log: pd.DataFrame,
    *,
    level: float = 0.05,
    least: int = 20,
    n_permutations: int = 199,
    seed: int = 0,
) -> tuple[Policy, ...]:
    """Return the policies of a subject in the order of time; a single policy if it never changed.

    The series are sorted by their times. If the times are not known or all equal, changes are searched only within each
    series, since the order of a log is not the order of time. Changes are searched in P(action), and in
    P(action | situation) for each column of :func:`~.situations.situation_table` except the own last choice; then again
    in the parts before and after each change. A change does not count if another column, the own last choice or the
    counterpart explains it: this is so if the choices, given this column too, do not change at this place.

    Parameters
    ----------
    log
        The actions of one subject, such as ``gymlab.select_actions(log, agent=...)``.
    level
        The level of each test; it is divided by the number of columns.
    least
        The smallest number of actions for which a policy is kept.
    n_permutations
        Number of permutations of the choices within their situations. The smallest possible p-value is
        1 / (1 + ``n_permutations``).
    seed
        Seed of the permutations.

    Returns
    -------
    tuple of Policy

    Raises
    ------
    InputError
        If there are no actions, a parameter is out of range, or the level cannot be reached with so few permutations.

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
        raise InputError("the log has no actions, so there is no policy; give a log with actions")
    level = finite_number("level", level, above=0, most=1)
    least = whole_number("least", least, least=2)
    n_permutations = whole_number("n_permutations", n_permutations, least=1)
    seed = whole_number("seed", seed, least=0, most=MOST_SEED)
    choices = choices_in_time(log)
    if (needed := len(choices.columns) / level) > n_permutations + 1:
        raise InputError(f"n_permutations={n_permutations} cannot reach the level; give {needed:.0f} or more")
    changes = find_changes(choices, ChangeSearch(level, least, n_permutations, seed))
    columns = list(dict.fromkeys(changes.values())) or [_most_informative_column(choices)]
    segments = number_policies(choices, changes, level)
    rows = {
        number: np.concatenate([np.arange(begin, end) for begin, end, n in segments if n == number])
        for number in dict.fromkeys(n for _, _, n in segments)
    }
    return tuple(_policy(log, choices, columns, number, rows, segments, level) for number in rows)


def _most_informative_column(choices: Choices) -> str:
    """Return the column with the smallest conditional entropy of the choice."""
    return min(
        choices.columns, key=lambda name: conditional_entropy_bits(choices.columns[name], choices.choice)
    )


def _policy(
    log: pd.DataFrame,
    choices: Choices,
    columns: Sequence[str],
    number: int,
    rows: Mapping[int, Codes],
    segments: Sequence[tuple[int, int, int]],
    level: float,
) -> Policy:
    # The policy is compared with the policy before it; the first policy is compared with the next one.
    start = next(i for i, (_, _, n) in enumerate(segments) if n == number)
    rival = segments[start - 1 if start else 1][2] if len(segments) > 1 else None
    column = (
        columns[0] if rival is None else _most_different_column(choices, columns, rows[number], rows[rival])
    )
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
    said = _sentence(
        spans,
        table,
        other,
        [one for one in contradictions if one.policy == rival],
        first=start == 0,
        timed=is_timed(log),
    )
    return Policy(number, spans, column, table, counts, contradictions, said)


def _counts(choices: Choices, column: str, rows: Codes) -> pd.DataFrame:
    levels = choices.levels[column]
    made = counted(
        choices.columns[column][rows], choices.choice[rows], (len(levels), len(choices.action_types))
    )
    return pd.DataFrame(made, index=pd.Index(levels, name=column), columns=pd.Index(choices.action_types))


def _most_different_column(choices: Choices, columns: Sequence[str], own: Codes, other: Codes) -> str:
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
    rows: Mapping[int, Codes],
    level: float,
) -> list[Contradiction]:
    early, late = sorted((number, other))
    both, place = choices.at(np.concatenate([rows[early], rows[late]])), len(rows[early])
    situation = both.columns[column]
    inflation = variance_inflation(situation, both.choice, both.follows, place)
    here, there = (_counts(choices, column, rows[one]).to_numpy() for one in (number, other))
    levels, types = choices.levels[column], choices.action_types
    found = []
    for code, (name, own, others) in enumerate(zip(levels, here, there, strict=True)):
        modes = types[own.argmax()], types[others.argmax()]
        if min(own.sum(), others.sum()) < LEAST_MET or modes[0] == modes[1]:
            continue
        only = np.where(situation == code, 0, -1)
        p_value = max(LEAST_P, difference_p_value(only, both.choice, place, inflation))
        if p_value <= level / len(levels):
            where = {} if column == ANY else {column: name}
            found.append(Contradiction(other, where, *modes, p_value))
    return found


def _sentence(
    spans: Sequence[Span],
    table: pd.DataFrame,
    rival: pd.DataFrame | None,
    contradictions: Sequence[Contradiction],
    *,
    first: bool,
    timed: bool,
) -> str:
    """Return a policy in words.

    Parameters
    ----------
    spans, table, contradictions
        The spans and the table of the policy, and its contradictions with the rival.
    rival
        The table of the policy that it is compared with, without the situations that are rare in either policy; None if
        there is no other policy.
    first
        Whether the policy is kept from the beginning.
    timed
        Whether the order of the sessions is known.
    """
    ends = ["on" if timed else f"to action {span.last_action}" for span in spans]
    places = [
        f"from step {span.step} of session {span.session} (action {span.first_action}) {end}"
        for span, end in zip(spans[:_MOST_SAID], ends, strict=False)
    ]
    if len(spans) > _MOST_SAID:
        places.append(f"at {len(spans) - _MOST_SAID} more places")
    where = "from the beginning" if first and len(spans) == 1 else " and ".join(places)
    clauses = [f"does {one.here} instead of {one.there}{one.when}" for one in contradictions]
    if not clauses:
        clauses = _likeliest(table) if rival is None else _differences(table, rival)
    more = f"; and {len(clauses) - _MOST_SAID} more" if len(clauses) > _MOST_SAID else ""
    return f"{where}: {'; '.join(clauses[:_MOST_SAID])}{more}"


def _likeliest(table: pd.DataFrame) -> list[str]:
    return [
        f"does {shares.idxmax()} in {shares.max():.0%} of its actions{_when(table, name)}"
        for name, shares in table.dropna().iterrows()
    ]


def _differences(table: pd.DataFrame, rival: pd.DataFrame) -> list[str]:
    """Return a clause for each situation in which the policies differ enough, with the share of one action in each.

    This action is the likeliest or, if the shares of the likeliest are about equal, the one whose shares differ most.
    """
    apart = (table.loc[rival.index] - rival).abs()
    largest = apart.max(axis=1)
    clauses = []
    for name in largest.index[largest >= min(LEAST_TOLD, largest.max())]:
        action = table.loc[name].idxmax()
        if apart.loc[name, action] < LEAST_TOLD:
            action = apart.loc[name].idxmax()
        share, other = table.loc[name, action], rival.loc[name, action]
        clauses.append(
            f"does {action} in {share:.0%} instead of {other:.0%} of its actions{_when(table, name)}"
        )
    return clauses


def _when(table: pd.DataFrame, name: object) -> str:
    return f" when {table.index.name}={name}" if table.index.name else ""
