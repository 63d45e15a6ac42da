"""From a log to principles: rules with evidence, for each agent, session or pattern."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from gymlab.actions.schema import validate_actions
from gymlab.actions.windows import series_bounds
from gymlab.errors import InputError
from gymlab.patterns.principles import evidence
from gymlab.patterns.principles.candidates import Candidate, UnitActions, always, conditional
from gymlab.patterns.principles.menus import menus_of
from gymlab.patterns.principles.principle import Principle
from gymlab.patterns.principles.situations import codes_of, column_sets, situation_table
from gymlab.patterns.principles.units import By, units_of

if TYPE_CHECKING:
    from gymlab.patterns.extraction import Extraction


@dataclass(frozen=True)
class _Log:
    """A log as numbers, made once for all units."""

    actions: pd.DataFrame
    situations: pd.DataFrame
    codes: Mapping[tuple[str, ...], NDArray[np.int64]]
    all: UnitActions
    names: tuple[str, ...]
    contexts: NDArray[np.int64]
    context_names: tuple[str, ...]
    ids: NDArray[np.object_]


def infer_principles(
    actions: pd.DataFrame,
    *,
    by: By = "agent",
    extraction: "Extraction | None" = None,
    q: float = 0.05,
    seed: int = 0,
) -> list[Principle]:
    """Find the rules that agents follow: in which situation they do what.

    Situations are what the counterpart did last, the relationship, the decision context, the agent's own last
    choice, and pairs of these. A rule is reported where the action is more frequent than for an agent that only
    repeats itself; how that is judged stands in :mod:`gymlab.patterns.principles.candidates`. The
    Benjamini–Hochberg procedure corrects for the situations looked at in each unit, and for the number of units by
    what the strongest rule of each says (after Y. Benjamini and M. Bogomolov, J. R. Stat. Soc. B 76, 2014).

    Parameters
    ----------
    actions
        The action table.
    by
        Whose principles: those of each ``agent``, each ``session``, or each pattern (``cluster``) of the extraction.
    extraction
        The patterns of this log; needed for ``by="cluster"``.
    q
        Largest false discovery rate of what is reported, above 0 and at most 1.
    seed
        For drawing sessions again.

    Returns
    -------
    list of Principle
        By unit in the order of the log; within a unit the general before the special, then by q-value.

    Raises
    ------
    InputError
        If a parameter is out of range, or the log cannot be used.

    Examples
    --------
    >>> import gymlab
    >>> log = gymlab.read_actions(gymlab.sample_path())
    >>> defector = gymlab.select_actions(log, agent="Defector")
    >>> print(infer_principles(defector)[0].sentence)
    “Defector” always does “defect”: 100 % of 5,908 times (95 % interval 99.9 % to 100 %; 50 % by a uniform choice)
    """
    if isinstance(q, bool) or not isinstance(q, (int, float, np.number)) or not 0 < q <= 1:
        raise InputError(f"q is {q!r}; give a false discovery rate above 0 and at most 1")
    log = _numbered(validate_actions(actions))
    units = units_of(log.actions, by, extraction)
    order = np.argsort(units.codes, kind="stable")
    bounds = np.searchsorted(units.codes[order], np.arange(len(units.names) + 1))
    found = []
    for number, name in enumerate(units.names):
        rows = np.sort(order[bounds[number] : bounds[number + 1]])
        if len(rows):
            found.append((name, number, _unit(log.all, rows), *_corrected(log, rows)))
    strongest = np.array([q_values.min(initial=1.0) for *_, q_values in found])
    floors = false_discovery_control(strongest) if len(strongest) else strongest
    principles: list[Principle] = []
    for (name, number, unit, candidates, q_values), floor in zip(found, floors, strict=True):
        kept = [
            (candidate, max(float(value), float(floor)))
            for candidate, value in zip(candidates, q_values, strict=True)
            if max(value, floor) < q
        ]
        generator = np.random.default_rng([seed, number])
        principles += _described(log, name, unit, _without_contradicted(kept), generator)
    return principles


def _numbered(log: pd.DataFrame) -> _Log:
    situations = situation_table(log)
    action, names = pd.factorize(log["action_type"])
    first, length = series_bounds(log)
    series = np.repeat(np.arange(len(first)), length)
    own_last = np.concatenate([[-1], action[:-1]]).astype(np.int64)
    own_last[first] = -1
    menus = menus_of(log)
    everything = UnitActions(
        np.arange(len(log)), series, own_last, action.astype(np.int64), menus.codes, menus.chance, len(names)
    )
    codes = {columns: codes_of(situations, columns) for columns in column_sets(situations)}
    contexts, context_names = pd.factorize(log["decision_context"])
    return _Log(
        log,
        situations,
        codes,
        everything,
        tuple(map(str, names)),
        contexts.astype(np.int64),
        tuple(map(str, context_names)),
        log["action_id"].to_numpy(dtype=object),
    )


def _unit(all_: UnitActions, rows: NDArray[np.int64]) -> UnitActions:
    return UnitActions(
        rows,
        all_.series[rows],
        all_.own_last[rows],
        all_.action[rows],
        all_.menu[rows],
        all_.chance[rows],
        all_.n_kinds,
    )


def _corrected(log: _Log, rows: NDArray[np.int64]) -> tuple[list[Candidate], NDArray[np.float64]]:
    """Return the rules that a unit's actions suggest, and their q-values among all situations looked at."""
    unit = _unit(log.all, rows)
    everywhere = always(unit)
    found = [] if everywhere is None else [everywhere]
    n_tests = len(found)
    for columns, codes in log.codes.items():
        suggested, looked_at = conditional(unit, columns, codes[rows])
        found += suggested
        n_tests += looked_at
    if not found:
        return [], np.empty(0)
    p_values = np.ones(n_tests)
    p_values[: len(found)] = [candidate.p_value for candidate in found]
    return found, false_discovery_control(p_values)[: len(found)]


def _without_contradicted(kept: list[tuple[Candidate, float]]) -> list[tuple[Candidate, float]]:
    """Leave out a rule for every situation if some situation has a rule for another action."""
    acts = {candidate.action for candidate, _ in kept if candidate.columns}
    return [(one, value) for one, value in kept if one.columns or not acts - {one.action}]


def _described(
    log: _Log,
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


def _inside(log: _Log, unit: UnitActions, candidate: Candidate) -> NDArray[np.int64]:
    if not candidate.columns:
        return np.arange(len(unit.rows))
    return np.flatnonzero(log.codes[candidate.columns][unit.rows] == candidate.level)


def _principle(
    log: _Log,
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
        volatility=evidence.volatility(hits),
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
