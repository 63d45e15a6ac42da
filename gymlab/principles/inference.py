"""From a log to principles: rules with evidence for each subject, and what subjects have in common."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.schema import validate_actions
from gymlab.arguments import finite_number, whole_number
from gymlab.clustering import Labels
from gymlab.principles.candidates import Candidate, always_rule, suggested_rules
from gymlab.principles.choices import choices_in_time, is_timed
from gymlab.principles.coded_log import CodedLog, SubjectActions, code_log
from gymlab.principles.evidence import describe_rules, false_discovery_rates, wilson_interval
from gymlab.principles.policies import MOST_SEED, Policy, find_policies
from gymlab.principles.principle import Principle
from gymlab.principles.profiles import Profiles, response_profiles
from gymlab.principles.situations import Codes
from gymlab.principles.subjects import By, LabelledPatterns, Subjects, subjects_of
from gymlab.renamed import renamed_attribute

_UNTIMED = "the log does not say which session came first, so changes of policy were looked for within single sessions alone; where there are several, an agent that goes over to another choice for good within a session is taken to remember"


@dataclass(frozen=True, eq=False)
class Study:
    """What the subjects of a log do, and which of them respond alike.

    Attributes
    ----------
    by
        What the subjects are: ``agent``, ``session`` or ``cluster``.
    subjects
        Their names. ``units`` is the old name.
    principles
        As :func:`gymlab.infer_principles` finds them.
    policies
        The policies of each subject that changed its policy.
    profiles
        What each subject does in each situation.
    labels
        int64: the group of each subject of the profiles, 0 for the largest; None where no groups were asked for.
    notes
        Sentences that say what could not be looked for.
    """

    by: By
    subjects: tuple[str, ...]
    principles: tuple[Principle, ...]
    policies: Mapping[str, tuple[Policy, ...]]
    profiles: Profiles
    labels: Labels | None
    notes: tuple[str, ...] = ()

    units = renamed_attribute("units", "subjects")

    def as_dict(self) -> dict[str, Any]:
        """Return the study JSON-able, schema 1."""
        profiles = self.profiles.as_dict(self.labels)
        return {
            "schema": 1,
            "by": self.by,
            "principles": [principle.as_dict() for principle in self.principles],
            "profiles": profiles.pop("units"),
            "policies": self.policies_as_dicts(),
            "profile": profiles,
            "notes": list(self.notes),
        }

    def policies_as_dicts(self) -> list[dict[str, Any]]:
        """Return the policies of the subjects that changed theirs, JSON-able."""
        return [
            {"unit": subject, "policies": [policy.as_dict() for policy in policies]}
            for subject, policies in self.policies.items()
        ]


def infer_principles(
    actions: pd.DataFrame,
    *,
    by: By = "agent",
    extraction: LabelledPatterns | None = None,
    q: float = 0.05,
    seed: int = 0,
) -> list[Principle]:
    """Find the rules that agents follow: in which situation they do what.

    Situations are what the counterpart did last, the relationship, the decision context, the agent's own last
    choice, and pairs of these. A rule is reported where the action is more frequent than for an agent that only
    repeats itself; :mod:`gymlab.principles.candidates` says how this is tested. The Benjamini–Hochberg procedure
    corrects for the situations tested in each subject; subjects are selected by their strongest rule
    (Y. Benjamini and M. Bogomolov, J. R. Stat. Soc. B 76, 2014). What an agent does in every situation is a family
    of tests of its own. The tests assume that an agent without rules is a chain of first order: moods that last, or
    habits that drift while situations drift too, may be taken for rules.
    An agent or session that changed its policy has principles of each policy.

    Parameters
    ----------
    actions
        The action table.
    by
        Whose principles to find: of each ``agent``, each ``session``, or each pattern (``cluster``) of the extraction.
    extraction
        The patterns of this log; needed for ``by="cluster"``.
    q
        The largest false discovery rate of the rules that are reported, above 0 and at most 1.
    seed
        For drawing sessions again, and for the test of policies.

    Returns
    -------
    list of Principle
        By subject in the order of the log; within a subject the general before the special, then by q-value.

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
    subjects = subjects_of(log, by, extraction)
    seed = whole_number("seed", seed, least=0, most=MOST_SEED)
    q = finite_number("q", q, above=0, most=1, noun="a false discovery rate")
    policies = {} if by == "cluster" else policies_of(log, subjects, seed=seed)
    return principles_of(log, subjects, policies, q=q, seed=seed)


def study_principles(
    actions: pd.DataFrame,
    *,
    by: By = "agent",
    extraction: LabelledPatterns | None = None,
    n_clusters: int | None = None,
    seed: int = 0,
) -> Study:
    """Find the principles of a log, the policies that changed, and what subjects have in common.

    Parameters
    ----------
    actions, by, extraction, seed
        As for :func:`gymlab.infer_principles`.
    n_clusters
        How many groups to make of the subjects by their response profiles; None for no groups.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        As :func:`gymlab.infer_principles`; if there are fewer subjects than groups.

    Examples
    --------
    >>> import gymlab
    >>> log = gymlab.read_actions(gymlab.sample_path())
    >>> few = gymlab.select_actions(log, agent=["TitForTat", "SuspiciousTitForTat", "Defector"])
    >>> study_principles(few, n_clusters=2).labels.tolist()
    [1, 0, 0]
    """
    log = validate_actions(actions)
    subjects = subjects_of(log, by, extraction)
    seed = whole_number("seed", seed, least=0, most=MOST_SEED)
    if n_clusters is not None:
        most = len(subjects.names)
        n_clusters = whole_number(
            "the number of groups", n_clusters, least=1, most=most, instead=", the number of subjects"
        )
    policies = {} if by == "cluster" else policies_of(log, subjects, seed=seed)
    timed = by != "agent" or all(is_timed(own) for _, own in log.groupby("agent_id", observed=True))
    principles = principles_of(log, subjects, policies, seed=seed)
    names = np.array([*subjects.names, None], dtype=object)
    profiles = response_profiles(log, names[subjects.codes])
    labels = None if n_clusters is None else profiles.cluster(n_clusters)
    return Study(
        by, subjects.names, tuple(principles), policies, profiles, labels, () if timed else (_UNTIMED,)
    )


def policies_of(log: pd.DataFrame, subjects: Subjects, *, seed: int = 0) -> dict[str, tuple[Policy, ...]]:
    """Return the policies of the subjects that had several, one after the other."""
    found = {}
    for name, rows in _rows_of(subjects):
        policies = find_policies(log.iloc[rows], seed=seed)
        if len(policies) > 1:
            found[name] = policies
    return found


def principles_of(
    log: pd.DataFrame,
    subjects: Subjects,
    policies: Mapping[str, tuple[Policy, ...]],
    *,
    q: float = 0.05,
    seed: int = 0,
) -> list[Principle]:
    """Return the principles of subjects whose policies are known; see :func:`infer_principles`.

    Parameters
    ----------
    log
        An action table that was validated.
    subjects, policies
        Of this log, as :func:`subjects_of` and :func:`policies_of` find them.
    q, seed
        As for :func:`infer_principles`.
    """
    coded = code_log(log)
    found = []
    for name, every in _rows_of(subjects):
        for policy, rows in _rows_of_policies(log, every, policies.get(name, ())):
            subject = coded.actions_at(rows)
            found.append((name, policy, subject, *_tested_rules(coded, subject)))
    floors = false_discovery_rates([q_values.min(initial=1.0) for *_, q_values in found])
    # The rules of a share of the subjects are held to that share of the level.
    scale = len(found) / max(1, int((floors < q).sum()))
    everywhere = [always_rule(subject) for _, _, subject, *_ in found]
    always_q = false_discovery_rates([1.0 if one is None else one.p_value for one in everywhere])
    principles: list[Principle] = []
    for number, (name, policy, subject, candidates, q_values) in enumerate(found):
        adjusted = np.maximum(np.minimum(1.0, q_values * scale), floors[number])
        rules = [(one, float(value)) for one, value in zip(candidates, adjusted, strict=True)]
        overall = everywhere[number]
        if overall is not None:
            rules.append((overall, float(always_q[number])))
        kept = [(one, value) for one, value in rules if value < q and _stands_out(one)]
        generator = np.random.default_rng([seed, number])
        described = describe_rules(coded, name, subject, _without_contradicted(kept), generator)
        principles += [replace(rule, policy=policy) for rule in described]
    return principles


def _rows_of(subjects: Subjects) -> Iterator[tuple[str, Codes]]:
    """Give the subjects that have actions, each with their positions in the log."""
    order = np.argsort(subjects.codes, kind="stable")
    bounds = np.searchsorted(subjects.codes[order], np.arange(len(subjects.names) + 1))
    for name, begin, end in zip(subjects.names, bounds[:-1], bounds[1:], strict=True):
        if begin < end:
            yield name, np.sort(order[begin:end])


def _rows_of_policies(
    log: pd.DataFrame, rows: Codes, policies: tuple[Policy, ...]
) -> Iterator[tuple[int, Codes]]:
    """Give the rows of each policy, numbered from 1; all rows as policy 0 where there was one policy only."""
    if not policies:
        yield 0, rows
        return
    in_time = rows[choices_in_time(log.iloc[rows]).rows]
    for policy in policies:
        held = [in_time[span.first : span.last + 1] for span in policy.spans]
        yield policy.number + 1, np.sort(np.concatenate(held))


def _tested_rules(log: CodedLog, subject: SubjectActions) -> tuple[list[Candidate], NDArray[np.float64]]:
    """Return the rules that the actions suggest, and their q-values among all situations that were tested."""
    found: list[Candidate] = []
    n_tests = 0
    for columns, codes in log.codes.items():
        suggested, tested = suggested_rules(subject, columns, codes[subject.rows])
        found += suggested
        n_tests += tested
    p_values = np.ones(n_tests)
    p_values[: len(found)] = [candidate.p_value for candidate in found]
    return found, false_discovery_rates(p_values)[: len(found)]


def _stands_out(candidate: Candidate) -> bool:
    """Return whether the interval excludes the share that a reader sees beside it."""
    return wilson_interval(candidate.hits, candidate.n)[0] > candidate.base_rate


def _without_contradicted(kept: list[tuple[Candidate, float]]) -> list[tuple[Candidate, float]]:
    """Leave out a rule for every situation if some situation has a rule for another action."""
    acts = {candidate.action for candidate, _ in kept if candidate.columns}
    return [(one, value) for one, value in kept if one.columns or not acts - {one.action}]
