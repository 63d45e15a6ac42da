"""Response profiles: what a unit does in each situation, as a vector that can be compared and clustered."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import pdist

from gymlab.actions.windows import series_bounds
from gymlab.errors import InputError
from gymlab.patterns.clustering import Labels, build_tree, cut_tree
from gymlab.patterns.principles.situations import OWN_LAST, codes_of, situation_table

OPENING = "opening"


@dataclass(frozen=True)
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
        if not 1 <= n_clusters <= len(self.frame):
            raise InputError(f"n_clusters is {n_clusters}; there are {len(self.frame)} units to cluster")
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
    ...     for agent, kinds in {"a": ["give", "take"], "b": ["give", "give"]}.items()
    ...     for i, kind in enumerate(kinds)
    ... )
    >>> response_profiles(log, "agent").frame["take | own_last=give"].tolist()
    [0.75, 0.25]
    """
    if not prior > 0 or max_features < 1:
        raise InputError(f"prior={prior} must be above 0, max_features={max_features} at least 1")
    unit, names = _units(log, units)
    choice = log["action_type"].astype("category")
    kinds = choice.cat.categories.tolist()
    kept_rows = unit >= 0
    unit, n_units = unit[kept_rows], len(names)
    chosen = choice.cat.codes.to_numpy().astype(np.int64)[kept_rows]
    n_actions = len(kinds)

    kept = []
    for situation, situation_names in _situations(log):
        met = np.unique(unit * len(situation_names) + situation[kept_rows]) % len(situation_names)
        common = np.bincount(met, minlength=len(situation_names)) >= min(2, n_units)
        pair = situation[kept_rows] * n_actions + chosen
        total = np.bincount(pair, minlength=len(situation_names) * n_actions)
        kept.append((situation[kept_rows], situation_names, np.where(np.repeat(common, n_actions), total, 0)))
    every = np.concatenate([total for _, _, total in kept])
    # Stable, so that of equals those of one step, which come first, are kept.
    best = np.argsort(-every, kind="stable")[: min(max_features, int((every > 0).sum()))]
    chosen_pairs = np.zeros(len(every), dtype=bool)
    chosen_pairs[best] = True

    values, counts, columns, covered, start = [], [], [], np.zeros(len(unit), dtype=bool), 0
    for situation, situation_names, total in kept:
        pairs = np.flatnonzero(chosen_pairs[start : start + len(total)])
        start += len(total)
        if len(pairs) == 0:
            continue
        where, what = pairs // n_actions, pairs % n_actions
        made = _counts(unit, situation * n_actions + chosen, pairs, n_units)
        known, inverse = np.unique(where, return_inverse=True)
        met_here = _counts(unit, situation, known, n_units)[:, inverse]
        mean = made.sum(axis=0) / met_here.sum(axis=0)
        values.append((made + prior * mean) / (met_here + prior))
        counts.append(met_here)
        columns += [f"{kinds[a]} | {situation_names[s]}" for s, a in zip(where, what, strict=True)]
        covered |= np.isin(situation * n_actions + chosen, pairs)
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


def _situations(log: pd.DataFrame) -> list[tuple[NDArray[np.int64], list[str]]]:
    """Return the situations of one step and of two, as codes from 0 with a name each."""
    table = situation_table(log)
    if OWN_LAST not in table:
        # An action type that never varies says nothing; one column has to be there.
        table = table.assign(**{OWN_LAST: pd.Categorical([None] * len(table))})
    first, _ = series_bounds(log)
    opening = np.zeros(len(log), dtype=bool)
    opening[first] = True
    columns = _needed(table, opening)
    one = _joint(table, columns, opening)
    names_of_one = _names(table, columns, opening, one)
    n_one = len(names_of_one)
    before = np.where(opening, n_one, np.roll(one, 1))
    known, two = np.unique(one * (n_one + 1) + before, return_inverse=True)
    names_of_two = [
        names_of_one[code // (n_one + 1)]
        + ("" if code % (n_one + 1) == n_one else f", before: {names_of_one[code % (n_one + 1)]}")
        for code in known
    ]
    found = [(one, names_of_one)]
    if len(known) > n_one:
        found.append((two.astype(np.int64), names_of_two))
    return found


def _needed(table: pd.DataFrame, opening: NDArray[np.bool_]) -> list[str]:
    """Return the columns without those that part no situation further, the most detailed tried first."""
    columns = list(table.columns)
    n = _joint(table, columns, opening).max()
    for name in sorted(columns, key=lambda c: -len(table[c].cat.categories)):
        rest = [c for c in columns if c != name]
        if rest and _joint(table, rest, opening).max() == n:
            columns = rest
    return columns


def _joint(table: pd.DataFrame, columns: list[str], opening: NDArray[np.bool_]) -> NDArray[np.int64]:
    codes = opening.astype(np.int64)
    for name in columns:
        # +1: a level for what is unknown.
        single = codes_of(table, [name]) + 1
        _, codes = np.unique(codes * (single.max() + 1) + single, return_inverse=True)
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def _names(
    table: pd.DataFrame, columns: list[str], opening: NDArray[np.bool_], codes: NDArray[np.int64]
) -> list[str]:
    _, rows = np.unique(codes, return_index=True)
    names = []
    for row in rows:
        known = [f"{name}={table[name].iloc[row]}" for name in columns if not pd.isna(table[name].iloc[row])]
        names.append(", ".join([OPENING] * bool(opening[row]) + known) or "anything")
    return names


def _counts(
    unit: NDArray[np.int64], codes: NDArray[np.int64], wanted: NDArray[np.int64], n_units: int
) -> NDArray[np.int64]:
    """Return how often each unit has each wanted code, ``(n_units, n_wanted)``."""
    place = np.searchsorted(wanted, codes)
    found = wanted[np.minimum(place, len(wanted) - 1)] == codes
    flat = unit[found] * len(wanted) + place[found]
    return np.bincount(flat, minlength=n_units * len(wanted)).reshape(n_units, len(wanted)).astype(np.int64)
