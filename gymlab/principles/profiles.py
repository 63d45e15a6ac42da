"""Response profiles: what a unit does in each situation, as a vector that can be compared and clustered."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import pdist

from gymlab.arguments import finite_number, whole_number
from gymlab.clustering import Labels, build_tree, cut_tree
from gymlab.errors import InputError
from gymlab.principles.joint import JointSituations, joint_situations
from gymlab.principles.situations import require_actions


@dataclass(frozen=True, eq=False)
class Profiles:
    """The response profiles of the units of one log.

    Attributes
    ----------
    frame
        float64, units × features: the shrunken P(action | situation), columns named like
        ``"cooperate | other_last=defect"``.
    counts
        int64, of the same shape: how often the unit was in the feature's situation. 0 says that its value is
        the log's mean.
    features_left_out
        How many pairs of an action and a situation are no feature because there were more than ``max_features``.
    coverage
        Share of the log's actions that are counted in at least one feature.
    """

    frame: pd.DataFrame
    counts: pd.DataFrame
    features_left_out: int
    coverage: float

    def distances(self) -> NDArray[np.float32]:
        """Return the Euclidean distances of all pairs of units, condensed.

        Evidence is weighed by the shrinkage: a situation that neither unit has met adds nothing, one that a unit
        has rarely met adds little.

        Returns
        -------
        numpy.ndarray
            float32 ``(n(n−1)/2,)``.
        """
        return pdist(self.frame.to_numpy()).astype(np.float32)

    def cluster(self, n_clusters: int) -> Labels:
        """Return a cluster for each unit, by Ward's method on the distances.

        Parameters
        ----------
        n_clusters
            How many; fewer come out where profiles are equal.

        Returns
        -------
        numpy.ndarray
            int64 ``(n_units,)``, 0 for the largest cluster.

        Raises
        ------
        InputError
            If there are not that many units.
        """
        most = len(self.frame)
        n_clusters = whole_number(
            "n_clusters", n_clusters, least=1, most=most, instead=f"; there are {most} units to cluster"
        )
        return cut_tree(build_tree(self.distances()), n_clusters=n_clusters)

    def as_dict(self, labels: Labels | None = None) -> dict[str, Any]:
        """Return the profiles JSON-able: the features once, and a list of values and counts for each unit."""
        rows = zip(self.frame.index, self.frame.to_numpy(), self.counts.to_numpy(), strict=True)
        return {
            "features": list(self.frame.columns),
            "features_left_out": self.features_left_out,
            "coverage": self.coverage,
            "units": [
                {
                    "unit": str(unit),
                    "label": None if labels is None else int(labels[i]),
                    "values": values.tolist(),
                    "counts": counts.tolist(),
                }
                for i, (unit, values, counts) in enumerate(rows)
            ],
        }


def response_profiles(
    log: pd.DataFrame,
    units: Literal["agent", "session"] | ArrayLike = "session",
    *,
    prior: float = 1.0,
    max_features: int = 512,
) -> Profiles:
    """Return what each unit does in each situation.

    A situation is what all columns of :func:`~.situations.situation_table` say together, the unit's own last
    choice among them; and, as a feature of its own, that together with the situation one step before. The first
    action of a series is a situation of its own, the opening. What is unknown is a level like any other. Columns
    that do not part the situations further are left out of the names.

    A value is (c + prior · p) / (n + prior): c of the unit's n actions in the situation are of this type, p is
    their share over all units. So a unit that has never met a situation has the log's mean there, and one that
    has met it once is half-way between.

    Parameters
    ----------
    log
        The action table, as :func:`gymlab.validate_actions` returns it.
    units
        ``"agent"``, ``"session"``, or a unit's name or number for each action; missing or negative for none.
    prior
        How many actions the log's mean counts for. Above 0.
    max_features
        The most frequent pairs of an action and a situation that at least two units have met are kept.

    Returns
    -------
    Profiles

    Raises
    ------
    InputError
        If a parameter is out of range, the units do not belong to the actions, or no action belongs to a unit.

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
    unit, names = _units(log, units)
    choice = log["action_type"].astype("category")
    kinds, n_units = choice.cat.categories.tolist(), len(names)
    chosen = choice.cat.codes.to_numpy().astype(np.int64)
    steps = [_of_units(steps, unit) for steps in joint_situations(log)]
    frequency = [_frequency(one, unit, chosen, n_units, len(kinds)) for one in steps]
    every = np.concatenate(frequency)
    # Stable, so that of equals those of one step, which come first, are kept.
    best = np.argsort(-every, kind="stable")[: min(max_features, int((every > 0).sum()))]
    kept = np.zeros(len(every), dtype=bool)
    kept[best] = True

    values, counts, columns, covered, start = [], [], [], np.zeros(len(log), dtype=bool), 0
    for one, total in zip(steps, frequency, strict=True):
        pairs = np.flatnonzero(kept[start : start + len(total)])
        start += len(total)
        if len(pairs) == 0:
            continue
        where, what = pairs // len(kinds), pairs % len(kinds)
        pair = one.codes * len(kinds) + chosen[one.rows]
        made = _counts(unit[one.rows], pair, pairs, n_units)
        known, inverse = np.unique(where, return_inverse=True)
        met = _counts(unit[one.rows], one.codes, known, n_units)[:, inverse]
        mean = made.sum(axis=0) / met.sum(axis=0)
        values.append((made + prior * mean) / (met + prior))
        counts.append(met)
        columns += [f"{kinds[a]} | {one.names[s]}" for s, a in zip(where, what, strict=True)]
        covered[one.rows] |= np.isin(pair, pairs)
    if not columns:
        raise InputError("no two units have a situation in common, so their profiles cannot be compared")
    index = pd.Index(names, name="unit")
    return Profiles(
        frame=pd.DataFrame(np.concatenate(values, axis=1), index=index, columns=columns),
        counts=pd.DataFrame(np.concatenate(counts, axis=1), index=index, columns=columns),
        features_left_out=int((every > 0).sum()) - len(best),
        coverage=float(covered.sum() / len(log)),
    )


def _units(log: pd.DataFrame, units: str | ArrayLike) -> tuple[NDArray[np.int64], list[Any]]:
    if isinstance(units, str):
        if units not in {"agent", "session"}:
            raise InputError(f"units is {units!r}; give 'agent', 'session', or a unit for each action")
        given = log[f"{units}_id"]
    else:
        values = np.asarray(units)
        if values.shape != (len(log),):
            raise InputError(
                f"units have shape {values.shape}; give one for each of the {len(log):,} actions"
            )
        given = pd.Series(values, index=log.index)
        if pd.api.types.is_numeric_dtype(given):
            given = given.where(given >= 0)
    codes, names = pd.factorize(given)
    if len(names) == 0:
        raise InputError("no action belongs to a unit, so there are no profiles")
    return codes.astype(np.int64), _plain(names)


def _plain(names: Any) -> list[Any]:  # noqa: ANN401 - what pandas' factorize gives depends on what it gets
    found = names.tolist()
    return [int(name) if isinstance(name, float) and name.is_integer() else name for name in found]


def _of_units(steps: JointSituations, unit: NDArray[np.int64]) -> JointSituations:
    """Return the situations of the actions that belong to a unit."""
    own = unit[steps.rows] >= 0
    return replace(steps, rows=steps.rows[own], codes=steps.codes[own])


def _frequency(
    steps: JointSituations, unit: NDArray[np.int64], chosen: NDArray[np.int64], n_units: int, n_kinds: int
) -> NDArray[np.int64]:
    """Return how often each pair of a situation and an action occurs, 0 where only one of several units met it."""
    n = len(steps.names)
    met = np.unique(unit[steps.rows] * n + steps.codes) % n
    common = np.bincount(met, minlength=n) >= min(2, n_units)
    total = np.bincount(steps.codes * n_kinds + chosen[steps.rows], minlength=n * n_kinds)
    return np.where(np.repeat(common, n_kinds), total, 0)


def _counts(
    unit: NDArray[np.int64], codes: NDArray[np.int64], wanted: NDArray[np.int64], n_units: int
) -> NDArray[np.int64]:
    """Return how often each unit has each wanted code, ``(n_units, n_wanted)``."""
    place = np.searchsorted(wanted, codes)
    found = wanted[np.minimum(place, len(wanted) - 1)] == codes
    flat = unit[found] * len(wanted) + place[found]
    return np.bincount(flat, minlength=n_units * len(wanted)).reshape(n_units, len(wanted)).astype(np.int64)
