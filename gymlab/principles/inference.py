"""From a log to principles: rules with evidence, for each agent, session or pattern."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import false_discovery_control

from gymlab.actions.schema import validate_actions
from gymlab.arguments import finite_number, whole_number
from gymlab.principles.candidates import Candidate, always, conditional
from gymlab.principles.choices import choices_in_time
from gymlab.principles.described import described
from gymlab.principles.evidence import wilson_interval
from gymlab.principles.numbered import NumberedLog, numbered_log
from gymlab.principles.policies import MOST_SEED, find_policies
from gymlab.principles.policy import Policy
from gymlab.principles.principle import Principle
from gymlab.principles.units import By, PatternsOfLog, Units, units_of


def infer_principles(
    actions: pd.DataFrame,
    *,
    by: By = "agent",
    extraction: PatternsOfLog | None = None,
    q: float = 0.05,
    seed: int = 0,
) -> list[Principle]:
    """Find the rules that agents follow: in which situation they do what.

    Situations are what the counterpart did last, the relationship, the decision context, the agent's own last
    choice, and pairs of these. A rule is reported where the action is more frequent than for an agent that only
    repeats itself; how that is judged stands in :mod:`gymlab.principles.candidates`. The
    Benjamini–Hochberg procedure corrects for the situations looked at in each unit; units are selected by the
    strongest rule of each (Y. Benjamini and M. Bogomolov, J. R. Stat. Soc. B 76, 2014). What an agent does whatever
    the situation is a family of its own. The tests assume that an agent without rules is a chain of first order:
    moods that last, or habits that drift while situations drift too, may pass for rules.
    An agent or session that changed its policy on the way has principles of each policy.

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
        For drawing sessions again, and for the test of policies.

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
    log = validate_actions(actions)
    units = units_of(log, by, extraction)
    seed = whole_number("seed", seed, least=0, most=MOST_SEED)
    q = finite_number("q", q, above=0, most=1, noun="a false discovery rate")
    policies = {} if by == "cluster" else policies_of(log, units, seed=seed)
    return principles_of(log, units, policies, q=q, seed=seed)


def policies_of(log: pd.DataFrame, units: Units, *, seed: int = 0) -> dict[str, tuple[Policy, ...]]:
    """Return the policies of those units of a log that had several, one after the other."""
    found = {}
    for name, rows in _rows_of(units):
        policies = find_policies(log.iloc[rows], seed=seed)
        if len(policies) > 1:
            found[name] = policies
    return found


def principles_of(
    log: pd.DataFrame,
    units: Units,
    policies: Mapping[str, tuple[Policy, ...]],
    *,
    q: float = 0.05,
    seed: int = 0,
) -> list[Principle]:
    """Return the principles of units whose policies are known; see :func:`infer_principles`.

    Parameters
    ----------
    log
        An action table that was validated.
    units, policies
        Of this log; :func:`units_of` and :func:`policies_of` find them.
    q, seed
        As for :func:`infer_principles`.
    """
    numbered = numbered_log(log)
    found = []
    for name, every in _rows_of(units):
        for policy, rows in _held(log, every, policies.get(name, ())):
            found.append((name, policy, numbered.unit(rows), *_corrected(numbered, rows)))
    floors = _controlled([q_values.min(initial=1.0) for *_, q_values in found])
    # Rules of a share of the units are held to that share of the level.
    scale = len(found) / max(1, int((floors < q).sum()))
    everywhere = [always(unit) for _, _, unit, *_ in found]
    always_q = _controlled([1.0 if one is None else one.p_value for one in everywhere])
    principles: list[Principle] = []
    for number, ((name, policy, unit, candidates, q_values), floor) in enumerate(
        zip(found, floors, strict=True)
    ):
        kept = [
            (candidate, max(min(1.0, float(value) * scale), float(floor)))
            for candidate, value in zip(candidates, q_values, strict=True)
        ]
        overall = everywhere[number]
        if overall is not None:
            kept.append((overall, float(always_q[number])))
        kept = [(candidate, value) for candidate, value in kept if value < q and _stands_out(candidate)]
        generator = np.random.default_rng([seed, number])
        rules = described(numbered, name, unit, _without_contradicted(kept), generator)
        principles += [replace(rule, policy=policy) for rule in rules]
    return principles


def _rows_of(units: Units) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Return the positions in the log of each unit's actions, for the units that have any."""
    order = np.argsort(units.codes, kind="stable")
    bounds = np.searchsorted(units.codes[order], np.arange(len(units.names) + 1))
    for name, begin, end in zip(units.names, bounds[:-1], bounds[1:], strict=True):
        if begin < end:
            yield name, np.sort(order[begin:end])


def _held(
    log: pd.DataFrame, rows: NDArray[np.int64], policies: tuple[Policy, ...]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Return the rows of each policy, numbered from 1; all rows under 0 where there was one policy only."""
    if not policies:
        yield 0, rows
        return
    in_time = rows[choices_in_time(log.iloc[rows]).rows]
    for policy in policies:
        held = [in_time[span.first : span.last + 1] for span in policy.spans]
        yield policy.number + 1, np.sort(np.concatenate(held))


def _corrected(log: NumberedLog, rows: NDArray[np.int64]) -> tuple[list[Candidate], NDArray[np.float64]]:
    """Return the rules that a unit's actions suggest, and their q-values among all situations looked at."""
    unit = log.unit(rows)
    found: list[Candidate] = []
    n_tests = 0
    for columns, codes in log.codes.items():
        suggested, looked_at = conditional(unit, columns, codes[rows])
        found += suggested
        n_tests += looked_at
    p_values = np.ones(n_tests)
    p_values[: len(found)] = [candidate.p_value for candidate in found]
    return found, _controlled(p_values)[: len(found)]


def _controlled(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return q-values by Benjamini and Hochberg; none of none."""
    values = np.asarray(p_values, dtype=np.float64)
    return false_discovery_control(values) if len(values) else values


def _stands_out(candidate: Candidate) -> bool:
    """Tell whether the interval leaves out the share that a reader sees beside it."""
    return wilson_interval(candidate.hits, candidate.n)[0] > candidate.base_rate


def _without_contradicted(kept: list[tuple[Candidate, float]]) -> list[tuple[Candidate, float]]:
    """Leave out a rule for every situation if some situation has a rule for another action."""
    acts = {candidate.action for candidate, _ in kept if candidate.columns}
    return [(one, value) for one, value in kept if one.columns or not acts - {one.action}]
