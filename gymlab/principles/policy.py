"""What a policy is, and how a person reads it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

_MOST_SAID = 3


@dataclass(frozen=True)
class Span:
    """A stretch of the unit's time: positions among its actions in the order of time, and the actions there."""

    first: int
    last: int
    first_action: str
    last_action: str
    session: str
    step: int


@dataclass(frozen=True)
class Contradiction:
    """A situation in which two policies mostly choose differently, by more than chance.

    Attributes
    ----------
    policy
        The other policy's number.
    situation
        Column and value; empty for any situation.
    here, there
        What this policy and the other mostly do.
    p_value
        Of the likelihood ratio of the two policies in this situation, deflated by the residuals' autocorrelation.
    """

    policy: int
    situation: dict[str, str] = field(hash=False)
    here: str
    there: str
    p_value: float

    @property
    def when(self) -> str:
        """The situation as the end of a sentence."""
        return "".join(f" when {column}={value}" for column, value in self.situation.items())


@dataclass(frozen=True, eq=False)
class Policy:
    """What a unit does in each situation as long as it keeps to it.

    Attributes
    ----------
    number
        From 0, in the order of time.
    spans
        When it is kept; more than one where the unit comes back to it.
    column
        The situation column in which the policies differ most; empty if they do so in any situation.
    table
        float64, situations × action types: P(action | situation).
    counts
        int64, the same: how often.
    contradictions
        The situations in which it contradicts another policy.
    sentence
        What a person reads.
    """

    number: int
    spans: tuple[Span, ...]
    column: str
    table: pd.DataFrame
    counts: pd.DataFrame
    contradictions: tuple[Contradiction, ...]
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """Return the policy JSON-able."""
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


# Shares that differ by less are not worth a word.
LEAST_TOLD = 0.05


def sentence(
    spans: Sequence[Span],
    table: pd.DataFrame,
    rival: pd.DataFrame | None,
    contradictions: Sequence[Contradiction],
    *,
    first: bool,
    timed: bool,
) -> str:
    """Return what a person reads of a policy.

    Parameters
    ----------
    spans, table, contradictions
        Of the policy; the contradictions with its rival alone.
    rival
        The table of the policy that it took the place of, or that took its place, without the situations that either
        hardly met; None if there is none.
    first
        Whether it is kept from the beginning.
    timed
        Whether one session is known to come after another.
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
    """Return, for each situation in which the policies differ by enough, how often they do what differs.

    That is the likeliest action, or where its share is the same, the one whose share differs most.
    """
    apart = (table.loc[rival.index] - rival).abs()
    largest = apart.max(axis=1)
    clauses = []
    for name in largest.index[largest >= min(LEAST_TOLD, largest.max())]:
        kind = table.loc[name].idxmax()
        if apart.loc[name, kind] < LEAST_TOLD:
            kind = apart.loc[name].idxmax()
        share, other = table.loc[name, kind], rival.loc[name, kind]
        clauses.append(
            f"does {kind} in {share:.0%} instead of {other:.0%} of its actions{_when(table, name)}"
        )
    return clauses


def _when(table: pd.DataFrame, name: object) -> str:
    return f" when {table.index.name}={name}" if table.index.name else ""
