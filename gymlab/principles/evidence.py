"""The evidence for and against a rule: intervals, stability over sessions, change over time, contexts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, false_discovery_control

from gymlab.actions.channels import CONTEXT_WEIGHTS
from gymlab.entropy import entropy_bits
from gymlab.principles.candidates import Candidate, on_offer_in
from gymlab.principles.coded_log import CodedLog, SubjectActions
from gymlab.principles.principle import Context, Principle
from gymlab.principles.situations import Codes

CONFIDENCE = 0.95
_N_DRAWS = 200
# With fewer series than the first number, each series is cut into as many parts as the second number, and the parts
# are resampled instead of the series.
_ENOUGH_SERIES, _N_PARTS = 8, 10
_PARTS_OF_TIME = 5


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a proportion.

    It also covers proportions near 0 and 1 (L. D. Brown, T. T. Cai and A. DasGupta, "Interval estimation for a binomial
    proportion", Statistical Science 16, 2001).

    Examples
    --------
    >>> tuple(round(bound, 3) for bound in wilson_interval(10, 10))
    (0.722, 1.0)
    """
    interval = binomtest(hits, n).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def redraw_sessions(
    subject: SubjectActions, inside: Codes, found: Candidate, generator: np.random.Generator
) -> tuple[float, float, float]:
    """Resample the sessions of a subject, with replacement; return a 95 % interval of P(A | S), and the stability.

    The stability is the share of the resamples that show the rule: A is the most frequent action type in S, and more
    frequent in S than in all situations.

    Parameters
    ----------
    subject, inside, found
        The actions of the subject, the positions of its actions in the situation, and the rule.
    generator
        Draws the sessions.
    """
    part, n_parts = _parts(subject)
    on_offer = on_offer_in(subject, inside)
    hit = subject.action == found.action
    in_situation = np.zeros(len(hit), dtype=bool)
    in_situation[inside] = True

    draws = generator.multinomial(n_parts, np.full(n_parts, 1 / n_parts), size=_N_DRAWS)

    def drawn(mask: NDArray[np.bool_]) -> Codes:
        """Return the number of the marked actions in each resample."""
        return draws @ np.bincount(part[mask], minlength=n_parts)

    n, hits = drawn(in_situation), drawn(in_situation & hit)
    met = n > 0
    if not met.any():
        return 0.0, 1.0, 0.0
    low, high = np.quantile(hits[met] / n[met], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    action_types = np.unique(subject.action[inside])
    most = np.max([drawn(in_situation & (subject.action == one)) for one in action_types], axis=0)
    base = np.full(_N_DRAWS, found.base_rate)
    if found.kind not in {"always", "menu"}:
        base = drawn(on_offer & hit) / np.maximum(drawn(on_offer), 1)
    shows = met & (hits == most) & (hits > base * n)
    return float(low), float(high), float(shows.mean())


def _parts(subject: SubjectActions) -> tuple[Codes, int]:
    """Return the part of each action, and the number of parts: whole series or, if there are few, parts of series."""
    names, parts = np.unique(subject.series, return_inverse=True)
    if len(names) < _ENOUGH_SERIES:
        first, length = np.unique(subject.series, return_index=True, return_counts=True)[1:]
        within = (np.arange(len(parts)) - first[parts]) * _N_PARTS // length[parts]
        names, parts = np.unique(parts * _N_PARTS + within, return_inverse=True)
    return parts.astype(np.int64), len(names)


def volatility(hits: NDArray[np.bool_]) -> float:
    """Return the standard deviation of the share of hits over time, minus the part that chance explains.

    Parameters
    ----------
    hits
        bool ``(n,)``, in the order of time: whether each action in the situation was the action of the rule.

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


def contexts_of(codes: Codes, names: Sequence[str], hits: NDArray[np.bool_]) -> tuple[Context, ...]:
    """Return the evidence and contradictions in each decision context, the most frequent context first."""
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
    """Return the share of evidence among the actions, with each action weighted by its context."""
    total = sum(context.weight * (context.evidence + context.contradictions) for context in contexts)
    return sum(context.weight * context.evidence for context in contexts) / total


def consistency(actions: Codes, chance: float) -> float:
    """Return 1 − H(action) / log2(action types) within a situation, from 0 to 1.

    Parameters
    ----------
    actions
        int64: the action types of the actions in the situation.
    chance
        The chance of each action type under a uniform choice: 1 / number of action types.
    """
    if chance >= 1:
        return 1.0
    return float(np.clip(1 - entropy_bits(actions) / -np.log2(chance), 0.0, 1.0))


def false_discovery_rates(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return q-values by Benjamini and Hochberg. Unlike scipy's function it accepts an empty array."""
    values = np.asarray(p_values, dtype=np.float64)
    return false_discovery_control(values) if len(values) else values


def describe_rules(
    log: CodedLog,
    name: str,
    subject: SubjectActions,
    kept: list[tuple[Candidate, float]],
    generator: np.random.Generator,
) -> list[Principle]:
    """Return the rules of a subject with their evidence, general rules before special ones."""
    placed = [(candidate, value, _inside(log, subject, candidate)) for candidate, value in kept]
    placed.sort(key=lambda one: (len(one[0].columns), one[1], -one[0].n))
    principles: list[Principle] = []
    for index, (candidate, value, inside) in enumerate(placed):
        principle = _with_evidence(log, name, subject, candidate, value, inside, generator)
        for general, (_, _, around) in zip(principles, placed[:index], strict=True):
            if _follows(principle, inside, general, around):
                principle = replace(principle, follows_from=general.situation)
                break
        principles.append(principle)
    return principles


def _follows(special: Principle, inside: Codes, general: Principle, around: Codes) -> bool:
    """Return whether a special rule adds nothing to a general rule whose situation includes the special situation."""
    return (
        special.action == general.action
        and general.follows_from is None
        and special.low <= general.probability
        and len(inside) <= len(around)
        and bool(np.isin(inside, around, assume_unique=True).all())
    )


def _inside(log: CodedLog, subject: SubjectActions, candidate: Candidate) -> Codes:
    if not candidate.columns:
        return np.arange(len(subject.rows))
    return np.flatnonzero(log.codes[candidate.columns][subject.rows] == candidate.level)


def _with_evidence(
    log: CodedLog,
    name: str,
    subject: SubjectActions,
    found: Candidate,
    q_value: float,
    inside: Codes,
    generator: np.random.Generator,
) -> Principle:
    rows = subject.rows[inside]
    hits = subject.action[inside] == found.action
    low, high = wilson_interval(found.hits, found.n)
    boot_low, boot_high, stability = redraw_sessions(subject, inside, found, generator)
    contexts = contexts_of(log.contexts[rows], log.context_names, hits)
    probability = found.hits / found.n
    return Principle(
        subject=name,
        situation={column: str(log.situations[column].iloc[rows[0]]) for column in found.columns},
        action=log.action_types[found.action],
        probability=probability,
        low=low,
        high=high,
        boot_low=boot_low,
        boot_high=boot_high,
        n=found.n,
        base_rate=found.base_rate,
        lift=probability / found.base_rate,
        consistency=consistency(subject.action[inside], float(subject.chance[inside].mean())),
        weighted_probability=weighted_probability(contexts),
        volatility=volatility(hits[np.argsort(log.moments[rows], kind="stable")]),
        stability=stability,
        p_value=found.p_value,
        q_value=q_value,
        kind=found.kind,
        follows_from=None,
        policy=0,
        contexts=contexts,
        action_ids=tuple(log.ids[rows[hits]]),
        contradiction_ids=tuple(log.ids[rows[~hits]]),
    )
