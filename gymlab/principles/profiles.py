"""Response profiles: P(action | situation) of each subject, as a vector that can be compared and clustered."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import pdist

from gymlab.arguments import finite_number, whole_number
from gymlab.clustering import Labels, build_tree, cut_tree
from gymlab.errors import InputError
from gymlab.principles.choices import counted
from gymlab.principles.situations import Codes, FullSituations, full_situations, require_actions
from gymlab.renamed import renamed_argument


@dataclass(frozen=True, eq=False)
class Profiles:
    """The response profiles of the subjects of one log.

    Attributes
    ----------
    frame
        float64, subjects × features: the shrunken P(action | situation). A column has a name such as
        ``"cooperate | other_last=defect"``.
    counts
        int64, of the same shape: the number of actions of the subject in the situation of the feature. If it is 0, the
        value is the mean of the log.
    features_left_out
        Number of pairs of an action and a situation that were left out because of ``max_features``.
    coverage
        Share of the actions of the log that are counted in at least one feature.
    """

    frame: pd.DataFrame
    counts: pd.DataFrame
    features_left_out: int
    coverage: float

    def __repr__(self) -> str:
        n_subjects, n_features = self.frame.shape
        return f"<profiles: {n_subjects:,} subjects × {n_features:,} features, {self.coverage:.0%} of the actions>"

    def distances(self) -> NDArray[np.float32]:
        """Return the Euclidean distances of all pairs of subjects, condensed.

        Because of the shrinkage, a situation adds nothing to a distance if neither subject was in it, and little if a
        subject was rarely in it.

        Returns
        -------
        numpy.ndarray
            float32 ``(n(n−1)/2,)``.
        """
        return pdist(self.frame.to_numpy()).astype(np.float32)

    def cluster(self, n_clusters: int) -> Labels:
        """Return a cluster for each subject, by Ward's method on the distances.

        Parameters
        ----------
        n_clusters
            Number of clusters. There are fewer if too many profiles are equal.

        Returns
        -------
        numpy.ndarray
            int64 ``(n_subjects,)``, 0 for the largest cluster.

        Raises
        ------
        InputError
            If there are fewer subjects.
        """
        most = len(self.frame)
        n_clusters = whole_number(
            "n_clusters", n_clusters, least=1, most=most, instead=f"; there are {most} subjects to cluster"
        )
        return cut_tree(build_tree(self.distances()), n_clusters=n_clusters)

    def as_dict(self, labels: Labels | None = None) -> dict[str, Any]:
        """Return the profiles as values of JSON: the features, and the values and counts of each subject."""
        rows = zip(self.frame.index, self.frame.to_numpy(), self.counts.to_numpy(), strict=True)
        return {
            "features": list(self.frame.columns),
            "features_left_out": self.features_left_out,
            "coverage": self.coverage,
            "units": [
                {
                    "unit": str(subject),
                    "label": None if labels is None else int(labels[i]),
                    "values": values.tolist(),
                    "counts": counts.tolist(),
                }
                for i, (subject, values, counts) in enumerate(rows)
            ],
        }


@renamed_argument("units", "subjects")
def response_profiles(
    log: pd.DataFrame,
    subjects: Literal["agent", "session"] | ArrayLike = "session",
    *,
    prior: float = 1.0,
    max_features: int = 512,
) -> Profiles:
    """Return the response profile of each subject: P(action | situation) for each action type and situation.

    A situation is a combination of the values of all columns of :func:`~.situations.situation_table`, including the
    subject's own last choice. There are features for these situations, and for these situations together with the
    situation one step before. The first action of a series is in a separate situation, the opening. An unknown value is
    treated as a value. Columns that distinguish no further situations are left out of the names.

    A value is (c + prior · p) / (n + prior): c of the subject's n actions in the situation are of this type, and p is
    the share of this type over all subjects. So a subject that was never in the situation gets the mean of the log.
    With a prior of 1, a subject that was in the situation once gets the average of the mean and its own choice.

    Parameters
    ----------
    log
        The action table, as :func:`gymlab.validate_actions` returns it.
    subjects
        ``"agent"``, ``"session"``, or an array with the name or number of the subject of each action: missing or
        negative for an action without a subject. ``units`` is the old name.
    prior
        The weight of the mean of the log, in actions, above 0.
    max_features
        Number of pairs of an action and a situation to keep: the most frequent pairs with a situation that
        occurred for at least two subjects.

    Returns
    -------
    Profiles

    Raises
    ------
    InputError
        If a parameter is out of range, ``subjects`` does not fit the actions, or no action belongs to a subject.

    Examples
    --------
    >>> from gymlab.actions import frame_from_records
    >>> log = frame_from_records(
    ...     {"session_id": agent, "agent_id": agent, "step": i, "actor": agent, "action_type": kind,
    ...      "target": "c", "relationship_type": "neutral", "decision_context": ""}
    ...     for agent, kinds in {"a": ["give", "take", "give"], "b": ["give"] * 3}.items()
    ...     for i, kind in enumerate(kinds)
    ... )
    >>> response_profiles(log, "agent").frame["take | own_last=give"].round(3).tolist()
    [0.667, 0.111]
    """
    require_actions(log)
    prior = finite_number("prior", prior, above=0)
    max_features = whole_number("max_features", max_features, least=1)
    subject, names = _coded_subjects(log, subjects)
    choice = log["action_type"].astype("category")
    action_types, n_subjects = choice.cat.categories.tolist(), len(names)
    chosen = choice.cat.codes.to_numpy().astype(np.int64)
    # Only the actions of subjects are counted.
    owned = [(one, subject[one.rows] >= 0) for one in full_situations(log)]
    steps = [replace(one, rows=one.rows[own], codes=one.codes[own]) for one, own in owned]
    frequency = [_frequency(one, subject, chosen, n_subjects, len(action_types)) for one in steps]
    every = np.concatenate(frequency)
    # A stable sort keeps the pairs of one step, which come first, before equally frequent pairs of two steps.
    best = np.argsort(-every, kind="stable")[: min(max_features, int((every > 0).sum()))]
    kept = np.zeros(len(every), dtype=bool)
    kept[best] = True

    values, counts, columns, covered, start = [], [], [], np.zeros(len(log), dtype=bool), 0
    for one, total in zip(steps, frequency, strict=True):
        pairs = np.flatnonzero(kept[start : start + len(total)])
        start += len(total)
        if len(pairs) == 0:
            continue
        where, what = pairs // len(action_types), pairs % len(action_types)
        pair = one.codes * len(action_types) + chosen[one.rows]
        made = _counts(subject[one.rows], pair, pairs, n_subjects)
        known, inverse = np.unique(where, return_inverse=True)
        met = _counts(subject[one.rows], one.codes, known, n_subjects)[:, inverse]
        mean = made.sum(axis=0) / met.sum(axis=0)
        values.append((made + prior * mean) / (met + prior))
        counts.append(met)
        columns += [f"{action_types[a]} | {one.names[s]}" for s, a in zip(where, what, strict=True)]
        covered[one.rows] |= np.isin(pair, pairs)
    if not columns:
        raise InputError("no two subjects have a situation in common, so their profiles cannot be compared")
    index = pd.Index(names, name="unit")
    return Profiles(
        frame=pd.DataFrame(np.concatenate(values, axis=1), index=index, columns=columns),
        counts=pd.DataFrame(np.concatenate(counts, axis=1), index=index, columns=columns),
        features_left_out=int((every > 0).sum()) - len(best),
        coverage=float(covered.sum() / len(log)),
    )


def _coded_subjects(log: pd.DataFrame, subjects: str | ArrayLike) -> tuple[Codes, list[Any]]:
    if isinstance(subjects, str):
        if subjects not in {"agent", "session"}:
            raise InputError(
                f"subjects is {subjects!r}; give 'agent', 'session', or a subject for each action"
            )
        given = log[f"{subjects}_id"]
    else:
        values = np.asarray(subjects)
        if values.shape != (len(log),):
            raise InputError(
                f"subjects have shape {values.shape}; give one for each of the {len(log):,} actions"
            )
        given = pd.Series(values, index=log.index)
        if pd.api.types.is_numeric_dtype(given):
            given = given.where(given >= 0)
    codes, names = pd.factorize(given)
    if len(names) == 0:
        raise InputError("no action belongs to a subject, so there are no profiles")
    return codes.astype(np.int64), _plain(names)


def _plain(names: Any) -> list[Any]:  # noqa: ANN401 - an array or an index of any type
    found = names.tolist()
    return [int(name) if isinstance(name, float) and name.is_integer() else name for name in found]


def _frequency(
    steps: FullSituations, subject: Codes, chosen: Codes, n_subjects: int, n_action_types: int
) -> Codes:
    """Return the count of each pair of a situation and an action; 0 if only one of several subjects was in it."""
    n = len(steps.names)
    met = np.unique(subject[steps.rows] * n + steps.codes) % n
    common = np.bincount(met, minlength=n) >= min(2, n_subjects)
    total = counted(steps.codes, chosen[steps.rows], (n, n_action_types))
    return np.where(common[:, None], total, 0).ravel()


def _counts(subject: Codes, codes: Codes, wanted: Codes, n_subjects: int) -> Codes:
    """Return how often each subject has each wanted code, ``(n_subjects, n_wanted)``."""
    place = np.minimum(np.searchsorted(wanted, codes), len(wanted) - 1)
    return counted(np.where(wanted[place] == codes, subject, -1), place, (n_subjects, len(wanted)))
