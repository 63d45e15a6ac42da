"""What speaks for a rule and against it: intervals, stability over sessions, change over time, contexts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from gymlab.actions.channels import CONTEXT_WEIGHTS
from gymlab.entropy import entropy_bits
from gymlab.principles.candidates import Candidate, UnitActions
from gymlab.principles.principle import Context

CONFIDENCE = 0.95
_N_DRAWS = 200
# With fewer series than that, stretches of series are drawn again instead.
_ENOUGH_SERIES = 8
_STRETCHES = 10
_PARTS_OF_TIME = 5


@dataclass(frozen=True)
class Stability:
    """What drawing sessions again says of a rule: an interval of P(A | S), and how often the rule shows again."""

    low: float
    high: float
    share: float


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a proportion.

    Of the usual ones it is the one that covers 0 and 1 (L. D. Brown, T. T. Cai and A. DasGupta, "Interval estimation
    for a binomial proportion", Statistical Science 16, 2001).

    Examples
    --------
    >>> tuple(round(bound, 3) for bound in wilson_interval(10, 10))
    (0.722, 1.0)
    """
    interval = binomtest(hits, n).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def stability(
    unit: UnitActions, inside: NDArray[np.int64], found: Candidate, generator: np.random.Generator
) -> Stability:
    """Return how a rule fares when sessions are drawn again, with replacement.

    Parameters
    ----------
    unit, inside, found
        The actions, the positions among them that are in the situation, and the rule.
    generator
        Source of the draws.
    """
    part, n_parts = _parts(unit)
    everywhere = found.kind in {"always", "menu"}
    offered = np.unique(unit.menu[inside])
    on_offer = np.isin(unit.menu, offered)
    hit = unit.action == found.action
    in_situation = np.zeros(len(hit), dtype=bool)
    in_situation[inside] = True

    def count(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(part[mask], minlength=n_parts)

    drawn = generator.multinomial(n_parts, np.full(n_parts, 1 / n_parts), size=_N_DRAWS)
    n = drawn @ count(in_situation)
    kinds = np.stack([count(in_situation & (unit.action == kind)) for kind in np.unique(unit.action[inside])])
    hits = drawn @ count(in_situation & hit)
    most = (drawn @ kinds.T).max(axis=1)
    base = np.full(_N_DRAWS, found.base_rate)
    if not everywhere:
        base = (drawn @ count(on_offer & hit)) / np.maximum(drawn @ count(on_offer), 1)
    met = n > 0
    if not met.any():
        return Stability(0.0, 1.0, 0.0)
    shares = hits[met] / n[met]
    low, high = np.quantile(shares, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    shows = met & (hits == most) & (hits > base * n)
    return Stability(float(low), float(high), float(shows.mean()))


def _parts(unit: UnitActions) -> tuple[NDArray[np.int64], int]:
    """Return which part each action belongs to: its series, or a stretch of it where there are few."""
    names, series = np.unique(unit.series, return_inverse=True)
    if len(names) >= _ENOUGH_SERIES:
        return series.astype(np.int64), len(names)
    stretch = np.empty(len(series), dtype=np.int64)
    for one in range(len(names)):
        own = np.flatnonzero(series == one)
        stretch[own] = one * _STRETCHES + np.arange(len(own)) * _STRETCHES // len(own)
    parts, numbered = np.unique(stretch, return_inverse=True)
    return numbered.astype(np.int64), len(parts)


def volatility(hits: NDArray[np.bool_]) -> float:
    """Return by how much the share of hits changes over time beyond chance: a standard deviation.

    Parameters
    ----------
    hits
        bool ``(n,)`` in the order of time: what was done in the situation.

    Examples
    --------
    >>> volatility(np.array([True, False] * 50))
    0.0
    >>> round(volatility(np.arange(100) < 50), 2)
    0.49
    """
    parts = np.array_split(hits, min(_PARTS_OF_TIME, max(1, len(hits) // 5)))
    if len(parts) < 2:
        return 0.0
    shares = np.array([part.mean() for part in parts])
    sizes = np.array([len(part) for part in parts])
    mean = float(hits.mean())
    expected = float((mean * (1 - mean) / sizes).mean())
    return float(np.sqrt(max(0.0, shares.var(ddof=1) - expected)))


def contexts_of(
    codes: NDArray[np.int64], names: Sequence[str], hits: NDArray[np.bool_]
) -> tuple[Context, ...]:
    """Return evidence and contradictions by decision context, the most frequent first."""
    totals = np.bincount(codes, minlength=len(names))
    evidence = np.bincount(codes[hits], minlength=len(names))
    return tuple(
        Context(
            names[one],
            CONTEXT_WEIGHTS.get(names[one], 1.0),
            int(evidence[one]),
            int(totals[one] - evidence[one]),
        )
        for one in np.argsort(-totals, kind="stable")
        if totals[one]
    )


def weighted_probability(contexts: tuple[Context, ...]) -> float:
    """Return the share of the evidence, each action counting as much as its context weighs."""
    total = sum(context.weight * (context.evidence + context.contradictions) for context in contexts)
    return sum(context.weight * context.evidence for context in contexts) / total


def consistency(actions: NDArray[np.int64], chance: float) -> float:
    """Return 1 − H(action) / log2(choices) within a situation, from 0 to 1.

    Parameters
    ----------
    actions
        int64: what was done in the situation.
    chance
        The chance of each choice under a uniform one: 1 / number of choices.
    """
    if chance >= 1:
        return 1.0
    return float(np.clip(1 - entropy_bits(actions) / -np.log2(chance), 0.0, 1.0))
