"""The inference of principles from a log: rules with evidence for each subject, and groups of similar subjects."""

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

_UNTIMED = "the order of the sessions is not known, so changes of policy were searched only within single sessions; an agent that switches to another choice for good within one of several sessions is not reported as a change, since it may act by memory"


@dataclass(frozen=True, eq=False)
class Study:
    """The principles, policies and profiles of the subjects of a log.

    Attributes
    ----------
    by
        The kind of the subjects: ``agent``, ``session`` or ``cluster``.
    subjects
        The names of the subjects. ``units`` is the old name.
    principles
        The principles that :func:`gymlab.infer_principles` finds.
    policies
        The policies of each subject that changed its policy.
    profiles
        The response profile of each subject.
    labels
        int64: the group of each subject of the profiles, 0 for the largest; None if no groups were asked for.
    notes
        Sentences about changes that could not be searched.
    """

    by: By
    subjects: tuple[str, ...]
    principles: tuple[Principle, ...]
    policies: Mapping[str, tuple[Policy, ...]]
    profiles: Profiles
    labels: Labels | None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        changed = f"{len(self.policies):,} changed their policy"
        return f"<study by {self.by}: {len(self.subjects):,} subjects, {len(self.principles):,} principles; {changed}>"

    units = renamed_attribute("units", "subjects")

    def as_dict(self) -> dict[str, Any]:
        """Return the study as values of JSON, schema 1."""
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
        """Return the policies of the subjects that changed their policy, as values of JSON."""
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
    """Find the rules that agents follow: which action they choose in which situation.

    A situation is the last action of the counterpart, the relationship, the decision context, the agent's own last
    choice, or a pair of these. A rule is reported if the action is more frequent in the situation than for an agent
    that only repeats itself; :mod:`gymlab.principles.candidates` describes the tests. The Benjamini–Hochberg procedure
    corrects for the situations that are tested for a subject. Subjects are selected by their strongest rule
    (Y. Benjamini and M. Bogomolov, J. R. Stat. Soc. B 76, 2014). The rules for every situation are corrected
    separately. The tests assume that an agent without rules is a first-order Markov chain. So preferences that last,
    or that drift together with the situations, may be mistaken for rules. An agent or session that changed its policy
    has principles for each policy.

    Parameters
    ----------
    actions
        The action table.
    by
        The subjects: each ``agent``, each ``session``, or each pattern (``cluster``) of the extraction.
    extraction
        The extraction of this log; needed for ``by="cluster"``.
    q
        The largest false discovery rate of the rules that are reported, above 0 and at most 1.
    seed
        Seed of the resamples of sessions, and of the test of policies.

    Returns
    -------
    list of Principle
        Sorted by subject in the order of the log, then general rules before special rules, then by q-value.

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
    """Find the principles of a log, the changes of policy, the response profiles, and groups of similar subjects.

    Parameters
    ----------
    actions, by, extraction, seed
        As for :func:`gymlab.infer_principles`.
    n_clusters
        Number of groups of subjects by their response profiles; None for no groups.

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
    """Return the policies of the subjects that had more than one."""
    found = ((name, find_policies(log.iloc[rows], seed=seed)) for name, rows in _rows_of(subjects))
    return {name: policies for name, policies in found if len(policies) > 1}


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
        The results of :func:`subjects_of` and :func:`policies_of` for this log.
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
    # If only a share of the subjects is selected, the level of their rules is multiplied by this share.
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
        # A reader sees the interval beside the base rate, so the interval has to exclude it.
        kept = [
            (one, value)
            for one, value in rules
            if value < q and wilson_interval(one.hits, one.n)[0] > one.base_rate
        ]
        generator = np.random.default_rng([seed, number])
        described = describe_rules(coded, name, subject, _without_contradicted(kept), generator)
        principles += [replace(rule, policy=policy) for rule in described]
    return principles


def _rows_of(subjects: Subjects) -> Iterator[tuple[str, Codes]]:
    """Yield each subject that has actions, with the positions of its actions in the log."""
    order = np.argsort(subjects.codes, kind="stable")
    bounds = np.searchsorted(subjects.codes[order], np.arange(len(subjects.names) + 1))
    for name, begin, end in zip(subjects.names, bounds[:-1], bounds[1:], strict=True):
        if begin < end:
            yield name, np.sort(order[begin:end])


def _rows_of_policies(
    log: pd.DataFrame, rows: Codes, policies: tuple[Policy, ...]
) -> Iterator[tuple[int, Codes]]:
    """Yield the rows of each policy, numbered from 1. If there is only one policy, yield all rows as policy 0."""
    if not policies:
        yield 0, rows
        return
    in_time = rows[choices_in_time(log.iloc[rows]).rows]
    for policy in policies:
        held = [in_time[span.first : span.last + 1] for span in policy.spans]
        yield policy.number + 1, np.sort(np.concatenate(held))


def _tested_rules(log: CodedLog, subject: SubjectActions) -> tuple[list[Candidate], NDArray[np.float64]]:
    """Return the rules that the actions suggest, with q-values corrected for all situations that were tested."""
    found: list[Candidate] = []
    n_tests = 0
    for columns, codes in log.codes.items():
        suggested, tested = suggested_rules(subject, columns, codes[subject.rows])
        found += suggested
        n_tests += tested
    p_values = np.ones(n_tests)
    p_values[: len(found)] = [candidate.p_value for candidate in found]
    return found, false_discovery_rates(p_values)[: len(found)]


def _without_contradicted(kept: list[tuple[Candidate, float]]) -> list[tuple[Candidate, float]]:
    """Leave out the rule for every situation if there is a rule for another action in one situation."""
    acts = {candidate.action for candidate, _ in kept if candidate.columns}
    return [(one, value) for one, value in kept if one.columns or not acts - {one.action}]
