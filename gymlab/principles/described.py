"""From rules that passed to principles: each with its evidence, and which says no more than another."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gymlab.principles import evidence
from gymlab.principles.candidates import Candidate, UnitActions
from gymlab.principles.numbered import NumberedLog
from gymlab.principles.principle import Principle


def described(
    log: NumberedLog,
    name: str,
    unit: UnitActions,
    kept: list[tuple[Candidate, float]],
    generator: np.random.Generator,
) -> list[Principle]:
    """Return the rules of a unit with their evidence, the general before the special."""
    placed = [(candidate, value, _inside(log, unit, candidate)) for candidate, value in kept]
    placed.sort(key=lambda one: (len(one[0].columns), one[1], -one[0].n))
    principles: list[Principle] = []
    for index, (candidate, value, inside) in enumerate(placed):
        principle = _principle(log, name, unit, candidate, value, inside, generator)
        for general, (_, _, around) in zip(principles, placed[:index], strict=True):
            if _follows(principle, inside, general, around):
                principle = replace(principle, follows_from=general.situation)
                break
        principles.append(principle)
    return principles


def _follows(
    special: Principle, inside: NDArray[np.int64], general: Principle, around: NDArray[np.int64]
) -> bool:
    """Tell whether a rule says no more than one whose situation includes its own."""
    return (
        special.action == general.action
        and general.follows_from is None
        and special.low <= general.probability
        and len(inside) <= len(around)
        and bool(np.isin(inside, around, assume_unique=True).all())
    )


def _inside(log: NumberedLog, unit: UnitActions, candidate: Candidate) -> NDArray[np.int64]:
    if not candidate.columns:
        return np.arange(len(unit.rows))
    return np.flatnonzero(log.codes[candidate.columns][unit.rows] == candidate.level)


def _principle(
    log: NumberedLog,
    name: str,
    unit: UnitActions,
    found: Candidate,
    q_value: float,
    inside: NDArray[np.int64],
    generator: np.random.Generator,
) -> Principle:
    rows = unit.rows[inside]
    hits = unit.action[inside] == found.action
    low, high = evidence.wilson_interval(found.hits, found.n)
    drawn = evidence.stability(unit, inside, found, generator)
    contexts = evidence.contexts_of(log.contexts[rows], log.context_names, hits)
    probability = found.hits / found.n
    return Principle(
        unit=name,
        situation={column: str(log.situations[column].iloc[rows[0]]) for column in found.columns},
        action=log.names[found.action],
        probability=probability,
        low=low,
        high=high,
        boot_low=drawn.low,
        boot_high=drawn.high,
        n=found.n,
        base_rate=found.base_rate,
        lift=probability / found.base_rate,
        consistency=evidence.consistency(unit.action[inside], float(unit.chance[inside].mean())),
        weighted_probability=evidence.weighted_probability(contexts),
        volatility=evidence.volatility(hits[np.argsort(log.moments[rows], kind="stable")]),
        stability=drawn.share,
        p_value=found.p_value,
        q_value=q_value,
        kind=found.kind,
        follows_from=None,
        policy=0,
        contexts=contexts,
        action_ids=tuple(log.ids[rows[hits]]),
        contradiction_ids=tuple(log.ids[rows[~hits]]),
    )
