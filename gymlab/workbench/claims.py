"""The claims of the optimization document as data, and the verdict on a measured claim."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from gymlab.arguments import finite_number, one_of, shown
from gymlab.errors import InputError

Verdict = Literal["held", "failed", "not_measured"]


@dataclass(frozen=True)
class Expectation:
    """A promise of the document.

    Attributes
    ----------
    statement
        The promise as a sentence.
    expected
        The promised figure, for people.
    unit
        The unit of the figure.
    at_least, at_most
        The bound that every repeat has to keep; exactly one of the two is given.
    """

    statement: str
    expected: str
    unit: str
    at_least: float | None = None
    at_most: float | None = None


EXPECTATIONS: Mapping[str, Expectation] = {
    "dtw_time": Expectation(
        "DTW takes 70 to 80 % less time on the same windows", "−70 to −80 %", "% less time", at_least=70
    ),
    "memory": Expectation(
        "Caches hold the same distances in half the memory", "−50 %", "% less memory", at_least=50
    ),
    "database": Expectation("Storing actions is 40 % faster", "+40 %", "% more rows a second", at_least=40),
    "entropy": Expectation(
        "Entropy of a stream takes 60 % less time an action", "−60 %", "% less time", at_least=60
    ),
    "overall_speed": Expectation(
        "From a list of actions to patterns and entropy takes 50 to 70 % less time",
        "−50 to −70 %",
        "% less time",
        at_least=50,
    ),
    "overall_memory": Expectation(
        "The whole process peaks at 40 to 60 % less memory", "−40 to −60 %", "% less memory", at_least=40
    ),
    "scale": Expectation(
        "Logs 5 to 10 times as large in the same time", "5 to 10 ×", "× as many actions", at_least=5
    ),
    "no_leaks": Expectation(
        "Sessions and caches leave no connection, handle or thread behind", "0", "left behind", at_most=0
    ),
    "accuracy": Expectation(
        "The patterns are those of the same pipeline on reference distances, ties broken in the same way",
        "adjusted Rand index 1",
        "adjusted Rand index",
        at_least=1,
    ),
}

# The present id of a claim, for each id in earlier versions that was different.
FORMER_IDS: Mapping[str, str] = {"stability": "no_leaks"}


@dataclass(frozen=True)
class Claim:
    """A claim with its measurement.

    Attributes
    ----------
    id, statement, expected, unit
        As in its :class:`Expectation`.
    measured
        Median of the repeats; None if the claim could not be measured.
    low, high
        The smallest and the largest repeat. They enclose the true median with probability ``1 − 2^(1−repeats)``
        (order statistics; 97 % for six repeats).
    repeats
        Number of repeats.
    verdict
        ``held`` only if the worst repeat keeps the bound.
    details
        Sentences: the data of the measurement, then further facts.
    """

    id: str
    statement: str
    expected: str
    measured: float | None
    unit: str
    low: float | None
    high: float | None
    repeats: int
    verdict: Verdict
    details: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return the claim as values of JSON."""
        return {**asdict(self), "details": list(self.details)}


@dataclass(frozen=True, eq=False)
class ClaimRun:
    """The claims of one measurement; subclasses add the figures behind the verdicts."""

    claims: tuple[Claim, ...]


def judge(claim_id: str, repeats: Sequence[float], *details: str, also: bool = True) -> Claim:
    """Return the verdict on a claim.

    Parameters
    ----------
    claim_id
        A key of :data:`EXPECTATIONS`.
    repeats
        The figure of each repeat, in the unit of the claim; empty for a claim that could not be measured.
    *details
        Sentences: the data of the measurement, then further facts.
    also
        A further condition, which has to be true for the claim to hold.

    Returns
    -------
    Claim

    Examples
    --------
    >>> judge("entropy", [99.0, 98.5, 99.2]).verdict
    'held'
    >>> judge("entropy", [99.0, 59.0, 99.2]).verdict
    'failed'
    >>> judge("entropy", []).verdict
    'not_measured'
    """
    expectation = EXPECTATIONS[one_of("claim_id", claim_id, list(EXPECTATIONS))]
    if not isinstance(repeats, Iterable):
        raise InputError(f"repeats is {shown(repeats)}; give what each repeat measured")
    repeats = [finite_number("a repeat", value) for value in repeats]
    measured = low = high = None
    verdict: Verdict = "not_measured"
    if repeats:
        measured, low, high = float(np.median(repeats)), float(np.min(repeats)), float(np.max(repeats))
        reached = (expectation.at_least is None or low >= expectation.at_least) and (
            expectation.at_most is None or high <= expectation.at_most
        )
        verdict = "held" if reached and also else "failed"
    return Claim(
        id=claim_id,
        statement=expectation.statement,
        expected=expectation.expected,
        measured=measured,
        unit=expectation.unit,
        low=low,
        high=high,
        repeats=len(repeats),
        verdict=verdict,
        details=details,
    )


def reduction(before: float, after: float) -> float:
    """Return the reduction from ``before`` to ``after`` in percent.

    Examples
    --------
    >>> reduction(200.0, 50.0)
    75.0
    """
    return 100.0 * (1.0 - finite_number("after", after) / finite_number("before", before, above=0))
