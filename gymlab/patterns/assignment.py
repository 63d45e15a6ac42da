"""Other actions placed into the patterns of an extraction, without finding patterns anew."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.schema import validate_actions
from gymlab.actions.windows import Windows, cut_windows
from gymlab.clustering import adjusted_rand_index
from gymlab.distance import dtw_cross
from gymlab.errors import InputError
from gymlab.patterns.config import DENSITY_METHODS
from gymlab.patterns.drift import Drift, far_limits, judge_drift
from gymlab.patterns.soft_dtw import soft_dtw_pairwise
from gymlab.patterns.temporal import TemporalPattern, pattern_of_actions

if TYPE_CHECKING:
    from gymlab.patterns.result import Extraction

# Distances to all representatives that are held at once.
_MOST_DISTANCES = 20_000_000

Pieces = NDArray[np.float32] | list[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Placement:
    """Where each window belongs.

    Attributes
    ----------
    labels
        int64 ``(n,)``: the pattern of the nearest representative.
    nearest
        int64 ``(n,)``: which of the representatives that is.
    distances
        float32 ``(n,)``: how far it is.
    """

    labels: NDArray[np.int64]
    nearest: NDArray[np.int64]
    distances: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Assignment:
    """Where the windows of other actions belong among the patterns of an extraction.

    Attributes
    ----------
    actions
        The action table, in the order that ``windows`` counts in.
    windows
        Its windows, cut as those of the extraction.
    labels
        int64 ``(n,)``: the pattern of each. Where patterns were found by density, a window farther from its
        representative than any of the log's own is noise, −1.
    distances
        float32 ``(n,)``: DTW distance to the nearest representative of the pattern.
    own_agreement
        Adjusted Rand index of the extraction's labels with those that its own windows get when they are placed in
        this way: borders between patterns are not those of a tree.
    far
        bool ``(n,)``: farther from it than 95 % of the pattern's own windows.
    unseen
        By channel, how many actions hold a category that the extraction's log did not have, by its name. Each
        counts as a mismatch to every known one.
    drift
        Whether the patterns still describe these actions, and how that was judged.
    """

    actions: pd.DataFrame
    windows: Windows
    labels: NDArray[np.int64]
    distances: NDArray[np.float32]
    own_agreement: float
    far: NDArray[np.bool_]
    unseen: dict[str, dict[str, int]]
    drift: Drift

    def labelled_actions(self) -> pd.DataFrame:
        """Return the action table with a column ``pattern``, as of :meth:`gymlab.Extraction.labelled_actions`."""
        return self.actions.assign(pattern=pattern_of_actions(self.windows, self.labels, len(self.actions)))

    def as_dict(self) -> dict[str, Any]:
        """Return the result JSON-able, schema 1."""
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


def assign(extraction: "Extraction", actions: pd.DataFrame) -> Assignment:
    """Place the windows of other actions into the patterns of an extraction; see :meth:`Extraction.assign`."""
    if not extraction.patterns:
        raise InputError("the extraction found noise alone: there is no pattern to place windows into")
    config, encoding = extraction.config, extraction.encoding
    log = validate_actions(actions)
    is_unseen, unseen = encoding.unseen(log)
    encoded = encoding.encode_others(log) if unseen else encoding.encode(log)
    windows = cut_windows(log, encoded, window=config.window, hop=config.hop, unit=extraction.windows.unit)
    placed = place(extraction, windows.values, widen=bool(unseen))
    own = extraction.own_placement
    far = placed.distances > far_limits(own.labels, own.distances, len(extraction.patterns))[placed.labels]
    labels = placed.labels
    if config.method in DENSITY_METHODS:
        reach = np.zeros(len(extraction.patterns), dtype=np.float32)
        members = extraction.labels >= 0
        np.maximum.at(reach, own.labels[members], own.distances[members])
        labels = np.where(placed.distances > reach[placed.labels], -1, labels)
    drift = judge_drift(extraction, windows, placed, is_unseen)
    agreement = adjusted_rand_index(own.labels, extraction.labels)
    return Assignment(log, windows, labels, placed.distances, agreement, far, unseen, drift)


def place(extraction: "Extraction", pieces: Pieces, *, widen: bool = False) -> Placement:
    """Return the pattern of the nearest representative of each piece, of equally near ones the larger pattern.

    Parameters
    ----------
    extraction
        With at least one pattern.
    pieces
        As ``Windows.values``.
    widen
        Whether they were encoded with categories that the extraction's log did not have.
    """
    chosen = np.argsort(extraction.representative_labels, kind="stable")
    indices, patterns = extraction.representatives[chosen], extraction.representative_labels[chosen]
    typical = part_of(extraction.windows.values, indices)
    if widen:
        wide = extraction.encoding.widened
        typical = [wide(piece) for piece in typical] if isinstance(typical, list) else wide(typical)
    nearest = np.empty(len(pieces), dtype=np.int64)
    distances = np.empty(len(pieces), dtype=np.float32)
    step = max(1, _MOST_DISTANCES // len(indices))
    for start in range(0, len(pieces), step):
        part = slice(start, start + step)
        cross = _cross(extraction, pieces[part], typical)
        nearest[part] = cross.argmin(axis=1)
        distances[part] = cross[np.arange(len(cross)), nearest[part]]
    return Placement(patterns[nearest], chosen[nearest], distances)


def distances_to_medoid(extraction: "Extraction", pattern: TemporalPattern) -> NDArray[np.float32]:
    """Return how far each member of a pattern is from its medoid, as the patterns were found where a matrix says it."""
    members, medoid = pattern.members, pattern.medoid
    if extraction.distances is None or extraction.sample is not None:
        pieces = extraction.windows.values  # noqa: PD011 - these are windows, no frame
        return _cross(extraction, part_of(pieces, members), part_of(pieces, np.array([medoid])))[:, 0]
    low, high = np.minimum(members, medoid), np.maximum(members, medoid)
    others = members != medoid
    found = np.zeros(len(members), dtype=np.float32)
    n, low, high = len(extraction.windows), low[others], high[others]
    found[others] = extraction.distances[low * (2 * n - low - 1) // 2 + high - low - 1]
    return found


def _cross(extraction: "Extraction", pieces: Pieces, typical: Pieces) -> NDArray[np.float32]:
    """Return the distance of each piece to each representative, ``(n, n_representatives)``."""
    config, weights = extraction.config, extraction.encoding.mismatch_weights
    if config.distance == "dtw":
        return dtw_cross(
            pieces, typical, radius=config.radius, n_threads=config.n_threads, mismatch_weights=weights
        )
    m = len(typical)
    cross = np.empty((len(pieces), m), dtype=np.float32)
    # As many at a time as there are representatives: then half of the pairs are of one with the other.
    for start in range(0, len(pieces), m):
        few = pieces[start : start + m]
        condensed = soft_dtw_pairwise([*typical, *few], mismatch_weights=weights)
        i, j = np.meshgrid(np.arange(m), m + np.arange(len(few)))
        cross[start : start + m] = condensed[i * (2 * (m + len(few)) - i - 1) // 2 + j - i - 1]
    return cross


def part_of(pieces: Pieces, indices: NDArray[np.int64]) -> Pieces:
    """Return some of the pieces, in the order of the indices."""
    return [pieces[index] for index in indices] if isinstance(pieces, list) else pieces[indices]
