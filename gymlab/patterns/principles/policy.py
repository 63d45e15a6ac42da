"""What a policy is, and how a person reads it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
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
    situation: dict[str, str]
    here: str
    there: str
    p_value: float

    @property
    def when(self) -> str:
        """The situation as the end of a sentence."""
        return "".join(f" when {column}={value}" for column, value in self.situation.items())


@dataclass(frozen=True)
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
_SAME = 0.05


def sentence(
    spans: Sequence[Span],
    table: pd.DataFrame,
    rival: pd.DataFrame | None,
    contradictions: Sequence[Contradiction],
    *,
    first: bool,
) -> str:
    """Return what a person reads of a policy.

    Parameters
    ----------
    spans, table, contradictions
        Of the policy; the contradictions with its rival alone.
    rival
        The table of the policy that it took the place of, or that took its place; None if there is none.
    first
        Whether it is kept from the beginning.
    """
    places = " and ".join(
        f"from step {span.step} of session {span.session} (action {span.first_action}) on" for span in spans
    )
    if first and len(spans) == 1:
        places = "from the beginning"
    clauses = [f"does {one.here} instead of {one.there}{one.when}" for one in contradictions]
    if not clauses:
        column = table.index.name
        for row, name in enumerate(table.index):
            shares = table.iloc[row]
            if shares.isna().any():
                continue
            kind, when = str(shares.idxmax()), f" when {column}={name}" if column else ""
            other = float("nan") if rival is None else float(rival.iloc[row][kind])
            if abs(float(shares.max()) - other) < _SAME:
                continue
            instead = "" if math.isnan(other) else f" instead of {other:.0%}"
            clauses.append(f"does {kind} in {shares.max():.0%}{instead} of its actions{when}")
    if not clauses:
        clauses = ["differs by less than 5 % in every situation"]
    more = f"; and {len(clauses) - _MOST_SAID} more" if len(clauses) > _MOST_SAID else ""
    return f"{places}: {'; '.join(clauses[:_MOST_SAID])}{more}"
