"""Other actions placed into the patterns of an extraction, without finding patterns anew."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.schema import validate_actions
from gymlab.actions.windows import Windows, cut_windows
from gymlab.clustering import adjusted_rand_index
from gymlab.errors import InputError
from gymlab.patterns.config import DENSITY_METHODS
from gymlab.patterns.drift import Drift, far_limits, judge_drift
from gymlab.patterns.extraction_data import ExtractionData
from gymlab.patterns.temporal import pattern_of_actions


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


def assign(extraction: ExtractionData, actions: pd.DataFrame) -> Assignment:
    """Place the windows of other actions into the patterns of an extraction; see :meth:`gymlab.Extraction.assign`."""
    if not extraction.patterns:
        raise InputError("the extraction found noise alone: there is no pattern to place windows into")
    config, encoding = extraction.config, extraction.encoding
    log = validate_actions(actions)
    is_unseen, unseen = encoding.unseen(log)
    encoded = encoding.encode_others(log) if unseen else encoding.encode(log)
    windows = cut_windows(log, encoded, window=config.window, hop=config.hop, unit=extraction.windows.unit)
    placed = extraction.place(windows.values, widen=bool(unseen))
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
