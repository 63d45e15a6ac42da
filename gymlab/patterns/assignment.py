"""The assignment of other actions to the patterns of an extraction, and tests of whether the actions have drifted."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from gymlab.actions.schema import validate_actions
from gymlab.actions.windows import Windows, cut_windows, series_bounds
from gymlab.clustering import adjusted_rand_index
from gymlab.errors import InputError
from gymlab.patterns.config import DENSITY_METHODS
from gymlab.patterns.extraction_data import ExtractionData
from gymlab.patterns.placement import Placement
from gymlab.patterns.temporal import pattern_of_actions
from gymlab.principles.strata import LEAST_P

# This share of the windows of a pattern is called far, and this share of the series is called unusual.
_FAR = 0.05

# A refit is due if one of the three p-values is below this. So at most 3 % of the verdicts are false alarms.
_ALPHA = 0.01

# With fewer series, no series can exceed 95 % of them.
_LEAST_SERIES = 20

_PERMUTATIONS = 1999
_PERMUTATIONS_AT_ONCE = 100


@dataclass(frozen=True)
class Drift:
    """How other actions differ from the actions in which the patterns were found.

    The tests count units. Overlapping windows repeat each other, and so do, to a lesser degree, all windows of a
    series. So a unit is a series. If the log of the extraction has fewer than 20 series, a unit is a window, and only
    windows that do not overlap are counted.

    Attributes
    ----------
    units
        ``series`` or ``windows``.
    n_own, n_new
        Number of units in the log of the extraction, and in the new actions.
    far_share
        Share of the new windows that are farther from their representative than 95 % of the pattern's own windows.
    far_p
        One-sided p-value of the number of unusual units. A unit is unusual if its share of far windows is larger than
        that of 95 % of the log's own units. Without drift at most 5 % of the new units are unusual, and their number
        is binomial.
    shares
        For each pattern its share of the log's own windows, and of the new windows. All windows are placed by their
        nearest representative.
    shares_distance
        Total variation distance between these shares: 0 if they are equal, 1 if no pattern is in both logs.
    shares_p
        p-value of this distance: the share of random exchanges of units between both logs with at least this distance.
    unseen_share
        Share of the new actions with a category that the log does not have.
    unseen_p
        p-value of Fisher's exact test for the number of new units with such an action; the log has no such unit.
    refit_due
        Whether one of the p-values is below 0.01. Then the patterns should be extracted again.
    reasons
        A sentence for each test with such a p-value, or one sentence if there is none.
    """

    units: str
    n_own: int
    n_new: int
    far_share: float
    far_p: float
    shares: dict[int, tuple[float, float]] = field(hash=False)
    shares_distance: float
    shares_p: float
    unseen_share: float
    unseen_p: float
    refit_due: bool
    reasons: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON-serialisable values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Assignment:
    """The windows of other actions, placed into the patterns of an extraction.

    Attributes
    ----------
    actions
        The action table. Row numbers in ``windows`` refer to it.
    windows
        Its windows, cut like those of the extraction.
    labels
        int64 ``(n,)``: the pattern of each window. If the patterns were found by a density method, a window that is
        farther from its representative than every window of the pattern is noise, −1.
    distances
        float32 ``(n,)``: the distance to the nearest representative.
    own_agreement
        Adjusted Rand index between the labels of the extraction and the labels that its own windows get by placement.
        The two differ, since the nearest representative is not always of the pattern that the tree gives.
    far
        bool ``(n,)``: whether the window is farther from its representative than 95 % of the pattern's own windows.
    unseen
        For each channel the categories that the log of the extraction does not have, with their number of actions. Such
        a category counts as a mismatch to every known one.
    drift
        The tests of whether these actions have drifted away from the patterns.
    """

    actions: pd.DataFrame
    windows: Windows
    labels: NDArray[np.int64]
    distances: NDArray[np.float32]
    own_agreement: float
    far: NDArray[np.bool_]
    unseen: dict[str, dict[str, int]]
    drift: Drift

    def __repr__(self) -> str:
        far = f"{np.mean(self.far):.1%} of them far" if len(self.far) else "none far"
        return f"<assignment of {len(self.windows):,} {self.windows.noun} of {len(self.actions):,} actions, {far}>"

    def labelled_actions(self) -> pd.DataFrame:
        """Return the action table with a column ``pattern``, like :meth:`gymlab.Extraction.labelled_actions`."""
        return self.actions.assign(pattern=pattern_of_actions(self.windows, self.labels, len(self.actions)))

    def as_dict(self) -> dict[str, Any]:
        """Return the result as JSON-serialisable values, schema 1."""
        table = self.windows.table[["session_id", "agent_id", "start", "length"]].assign(
            label=self.labels, distance=self.distances.astype(float), far=self.far
        )
        return {
            "schema": 1,
            "windows": table.to_dict("records"),
            "own_agreement": self.own_agreement,
            "unseen": self.unseen,
            "drift": self.drift.as_dict(),
        }


def assign(extraction: ExtractionData, actions: pd.DataFrame) -> Assignment:
    """Place the windows of other actions into the patterns of an extraction; see :meth:`gymlab.Extraction.assign`."""
    if not extraction.patterns:
        raise InputError("the extraction has only noise, and no pattern to place windows into")
    config, encoding = extraction.config, extraction.encoding
    log = validate_actions(actions)
    is_unseen, unseen = encoding.unseen(log)
    encoded = encoding.encode_others(log) if unseen else encoding.encode(log)
    windows = cut_windows(log, encoded, window=config.window, hop=config.hop, unit=extraction.windows.unit)
    placed = extraction.place(windows.values, widen=bool(unseen))
    own = extraction.own_placement
    limits = far_limits(own.labels, own.distances, len(extraction.patterns))
    far = placed.distances > limits[placed.labels]
    labels = placed.labels
    if config.method in DENSITY_METHODS:
        reach = np.zeros(len(extraction.patterns), dtype=np.float32)
        members = extraction.labels >= 0
        np.maximum.at(reach, own.labels[members], own.distances[members])
        labels = np.where(placed.distances > reach[placed.labels], -1, labels)
    drift = judge_drift(extraction, windows, placed, is_unseen, limits)
    agreement = adjusted_rand_index(own.labels, extraction.labels)
    return Assignment(log, windows, labels, placed.distances, agreement, far, unseen, drift)


def far_limits(labels: NDArray[np.int64], distances: NDArray[np.float32], k: int) -> NDArray[np.float64]:
    """Return the distance of each pattern above which a window is far.

    A new window that is exchangeable with the windows of the pattern exceeds this distance with a probability of at
    most 5 %, for any distribution, since the limit is a rank among these windows. It is infinite for a pattern of fewer
    than 19 windows.
    """
    return np.array([_limit(distances[labels == label]) for label in range(k)])


def _limit(values: NDArray[np.floating]) -> float:
    rank = int(np.ceil((1 - _FAR) * (len(values) + 1)))
    return float(np.partition(values, rank - 1)[rank - 1]) if rank <= len(values) else np.inf


def judge_drift(
    extraction: ExtractionData,
    windows: Windows,
    placed: Placement,
    is_unseen: NDArray[np.bool_],
    limits: NDArray[np.float64],
) -> Drift:
    """Test whether the placement of new windows differs from that of the log's own windows.

    Parameters
    ----------
    extraction
        The extraction with the patterns.
    windows, placed
        The new windows, and their placement.
    is_unseen
        bool ``(n_actions,)``: whether each new action has a category that the log does not have.
    limits
        From :func:`far_limits`.
    """
    own, k = extraction.own_placement, len(extraction.patterns)
    far = placed.distances > limits[placed.labels]
    by_series = len(series_bounds(extraction.windows.table)[0]) >= _LEAST_SERIES
    unit_of = _series_of if by_series else _disjoint
    own_units, new_units = unit_of(extraction.windows), unit_of(windows)
    own_far = _mean_by(own_units, own.distances > limits[own.labels])
    new_far = _mean_by(new_units, far)
    own_counts, new_counts = _counts(own_units, own.labels, k), _counts(new_units, placed.labels, k)
    unseen_before = np.concatenate([[0], np.cumsum(is_unseen)])
    first, length = (windows.table[name].to_numpy() for name in ("row", "length"))
    has_unseen = _mean_by(new_units, unseen_before[first + length] > unseen_before[first]) > 0
    unusual = int((new_far > _limit(own_far)).sum())
    far_p = max(LEAST_P, float(stats.binomtest(unusual, len(new_far), _FAR, alternative="greater").pvalue))
    old, new = (counts.sum(axis=0) / counts.sum() for counts in (own_counts, new_counts))
    distance = float(np.abs(old - new).sum() / 2)
    shares_p = _permutation_p(own_counts, new_counts, extraction.config.seed)
    n_unseen, n_new, n_own = int(has_unseen.sum()), len(new_far), len(own_far)
    table = np.array([[n_unseen, n_new - n_unseen], [0, n_own]])
    unseen_p = max(LEAST_P, float(stats.fisher_exact(table, alternative="greater").pvalue))
    units = "series" if by_series else "windows"
    tests = (
        (
            far_p,
            f"{far.mean():.0%} of the windows are farther from their representative than 95 % of the log's own",
        ),
        (shares_p, f"the shares of the patterns have moved by {distance:.0%} of the windows"),
        (unseen_p, f"{n_unseen:,} of {n_new:,} {units} have a category that the log does not have"),
    )
    found = tuple(f"{sentence} (p = {p:.2g})" for p, sentence in tests if p < _ALPHA)
    return Drift(
        units=units,
        n_own=n_own,
        n_new=n_new,
        far_share=float(far.mean()),
        far_p=far_p,
        shares={label: (float(old[label]), float(new[label])) for label in range(k)},
        shares_distance=distance,
        shares_p=shares_p,
        unseen_share=float(is_unseen.mean()),
        unseen_p=unseen_p,
        refit_due=bool(found),
        reasons=found or (f"no sign of drift in {n_new:,} {units}",),
    )


_Units = NDArray[np.int64]


def _series_of(windows: Windows) -> _Units:
    """Return the index of the series of each window."""
    _, n_windows = series_bounds(windows.table)
    return np.repeat(np.arange(len(n_windows)), n_windows)


def _disjoint(windows: Windows) -> _Units:
    """Return an index for the windows of a series that do not overlap, −1 for the windows between them."""
    series = _series_of(windows)
    first, length = (windows.table[name].to_numpy() for name in ("row", "length"))
    position = np.arange(len(series)) - series_bounds(windows.table)[0][series]
    # The windows of a series have one length, and begin one hop after each other. If windows are whole series, there
    # are no hops.
    hops = np.diff(first)[np.diff(series) == 0]
    every = 1 if len(hops) == 0 else int(np.ceil(length[0] / hops[0]))
    chosen = position % every == 0
    return np.where(chosen, np.cumsum(chosen) - 1, -1)


def _mean_by(units: _Units, values: NDArray[np.bool_]) -> NDArray[np.float64]:
    used = units >= 0
    return np.bincount(units[used], weights=values[used]) / np.bincount(units[used])


def _counts(units: _Units, labels: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Return the number of windows of each unit in each pattern, ``(n_units, k)``."""
    used = units >= 0
    n = int(units.max()) + 1
    return np.bincount(units[used] * k + labels[used], minlength=n * k).reshape(n, k).astype(np.float64)


def _permutation_p(own: NDArray[np.float64], new: NDArray[np.float64], seed: int) -> float:
    """Return the p-value of the distance between shares, for random exchanges of units between the logs."""
    units, total = np.concatenate([own, new]), own.sum(axis=0) + new.sum(axis=0)
    rng = np.random.default_rng(seed)

    def distance(chosen: NDArray[np.float64]) -> NDArray[np.float64]:
        others = total - chosen
        sums = (np.maximum(part.sum(axis=-1, keepdims=True), 1) for part in (chosen, others))
        a, b = (part / whole for part, whole in zip((chosen, others), sums, strict=True))
        result: NDArray[np.float64] = np.abs(a - b).sum(axis=-1)
        return result

    observed = distance(new.sum(axis=0))
    as_large = 0
    for start in range(0, _PERMUTATIONS, _PERMUTATIONS_AT_ONCE):
        count = min(_PERMUTATIONS_AT_ONCE, _PERMUTATIONS - start)
        order = rng.random((count, len(units))).argpartition(len(new) - 1, axis=1)[:, : len(new)]
        chosen = np.stack([units[one].sum(axis=0) for one in order])
        as_large += int((distance(chosen) >= observed - 1e-12).sum())
    return (1 + as_large) / (1 + _PERMUTATIONS)
