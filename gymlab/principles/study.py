"""All about the principles of a log at once: rules, policies that changed, response profiles, groups of units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gymlab.actions.schema import validate_actions
from gymlab.arguments import whole_number
from gymlab.clustering import Labels
from gymlab.principles.choices import is_timed
from gymlab.principles.inference import policies_of, principles_of
from gymlab.principles.policies import MOST_SEED
from gymlab.principles.policy import Policy
from gymlab.principles.principle import Principle
from gymlab.principles.profiles import Profiles, response_profiles
from gymlab.principles.units import By, PatternsOfLog, units_of

_UNTIMED = "the log does not say which session came first, so changes of policy were looked for within single sessions alone; where there are several, one who goes over to another choice for good within a session is taken to remember"


@dataclass(frozen=True, eq=False)
class Study:
    """What the units of a log do, and which of them respond alike.

    Attributes
    ----------
    by
        What the units are: ``agent``, ``session`` or ``cluster``.
    units
        Their names.
    principles
        As :func:`gymlab.infer_principles` finds them.
    policies
        For each unit that changed its policy: the policies.
    profiles
        What each unit does in each situation.
    labels
        int64: the group of each unit of the profiles, the largest is 0; None where no groups were asked for.
    notes
        Sentences: what could not be looked for.
    """

    by: By
    units: tuple[str, ...]
    principles: tuple[Principle, ...]
    policies: Mapping[str, tuple[Policy, ...]]
    profiles: Profiles
    labels: Labels | None
    notes: tuple[str, ...] = ()

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
        """Return the policies of the units that changed theirs, JSON-able."""
        return [
            {"unit": unit, "policies": [policy.as_dict() for policy in policies]}
            for unit, policies in self.policies.items()
        ]


def study_principles(
    actions: pd.DataFrame,
    *,
    by: By = "agent",
    extraction: PatternsOfLog | None = None,
    n_clusters: int | None = None,
    seed: int = 0,
) -> Study:
    """Find the principles of a log, the policies that changed, and what units have in common.

    Parameters
    ----------
    actions, by, extraction, seed
        As for :func:`gymlab.infer_principles`.
    n_clusters
        Group the units by their response profiles into so many.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        As :func:`gymlab.infer_principles`; if there are fewer units than groups.

    Examples
    --------
    >>> import gymlab
    >>> log = gymlab.read_actions(gymlab.sample_path())
    >>> few = gymlab.select_actions(log, agent=["TitForTat", "SuspiciousTitForTat", "Defector"])
    >>> study_principles(few, n_clusters=2).labels.tolist()
    [1, 0, 0]
    """
    log = validate_actions(actions)
    units = units_of(log, by, extraction)
    seed = whole_number("seed", seed, least=0, most=MOST_SEED)
    if n_clusters is not None:
        most = len(units.names)
        n_clusters = whole_number(
            "the number of groups", n_clusters, least=1, most=most, instead=", the number of units"
        )
    policies = {} if by == "cluster" else policies_of(log, units, seed=seed)
    timed = by != "agent" or all(is_timed(own) for _, own in log.groupby("agent_id", observed=True))
    principles = principles_of(log, units, policies, seed=seed)
    names = np.array([*units.names, None], dtype=object)
    profiles = response_profiles(log, names[units.codes])
    labels = None if n_clusters is None else profiles.cluster(n_clusters)
    return Study(by, units.names, tuple(principles), policies, profiles, labels, () if timed else (_UNTIMED,))
