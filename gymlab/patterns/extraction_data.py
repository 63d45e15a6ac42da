"""What an extraction holds: the patterns of a log, and everything that they were made from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.encoding import Encoding
from gymlab.actions.windows import Windows
from gymlab.arguments import shown
from gymlab.clustering import Quality
from gymlab.clustering.condensed import distances_between
from gymlab.clustering.sampled import series_at
from gymlab.errors import InputError
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.placement import Placement, WindowValues, cross_distances, place
from gymlab.patterns.significance.pattern_significance import Significance, plain
from gymlab.patterns.temporal import TemporalPattern, pattern_of_actions


@dataclass(frozen=True)
class ExtractionStats:
    """What an extraction did and took.

    Attributes
    ----------
    strategy
        The one that ran: ``exact``, ``selective``, ``sampled`` or ``baseline``; ``streamed`` and ``graph`` are
        the ways of ``single`` and ``hdbscan``, and of ``dbscan``, that need no matrix.
    reason
        Why this one, in a sentence.
    actions, windows
        How many there were.
    pairs
        Pairs of windows.
    pruned
        Pairs whose DTW was not computed.
    coverage
        Share of the actions that lie in a window.
    noise
        Windows of no pattern.
    agreement
        For ``sampled``: adjusted Rand index that is to be expected between these labels and those of ``exact``;
        None elsewhere.
    estimated_bytes
        What the chosen strategy was expected to hold, estimated before the work.
    stages
        Seconds of each stage, by name.
    seconds
        Seconds in all.
    peak_bytes
        The most memory that this process has held so far, as the operating system counts it.
    compiling
        Seconds of all that went into compiling kernels; later processes load these from the disk.
    """

    strategy: str
    reason: str
    actions: int
    windows: int
    pairs: int
    pruned: int
    coverage: float
    noise: int
    agreement: float | None
    estimated_bytes: int
    stages: Mapping[str, float] = field(hash=False)
    seconds: float
    peak_bytes: int
    compiling: float = 0.0


@dataclass(frozen=True, eq=False)
class ExtractionData:
    """The data of an extraction, and what can be looked up in it; :class:`gymlab.Extraction` names the fields."""

    actions: pd.DataFrame
    config: ExtractionConfig
    encoding: Encoding
    windows: Windows
    distances: NDArray[np.float32] | None
    linkage: NDArray[np.float64] | None
    sample: NDArray[np.int64] | None
    representatives: NDArray[np.int64]
    representative_labels: NDArray[np.int64]
    labels: NDArray[np.int64]
    patterns: tuple[TemporalPattern, ...]
    quality: Quality
    stats: ExtractionStats
    notes: tuple[str, ...]
    significance: Significance | None = None

    def actions_of_window(self, index: int) -> pd.DataFrame:
        """Return the actions of one window as the log has them."""
        return self.actions.iloc[self.windows.rows(_one_of("window", index, len(self.windows)))]

    def actions_of(self, label: int) -> pd.DataFrame:
        """Return the distinct actions of one pattern as the log has them."""
        return self.actions.iloc[self.windows.rows_of(self._pattern(label).members)]

    def windows_of(self, label: int) -> pd.DataFrame:
        """Return the windows of one pattern, the most typical first: the medoid, then those nearest to it.

        Those of noise (−1), which has no medoid, come in the order of the log. Indexed by window, with the columns of
        ``Windows.table``, ``silhouette`` and ``distance`` to the medoid.
        """
        table = self.windows.table.assign(silhouette=self.quality.silhouettes, distance=np.nan)
        if _is_whole(label) and label == -1:
            noise: pd.DataFrame = table[self.labels == -1]
            return noise
        pattern = self._pattern(label)
        listed = table.iloc[pattern.members].assign(distance=self._distances_to_medoid(pattern))
        # Another window may be as the medoid is, at distance 0.
        order = np.lexsort((listed["distance"].to_numpy(), listed.index.to_numpy() != pattern.medoid))
        return listed.iloc[order]

    def _pattern(self, label: int) -> TemporalPattern:
        return self.patterns[_one_of("pattern", label, len(self.patterns))]

    def labelled_actions(self) -> pd.DataFrame:
        """Return the action table with a column ``pattern``.

        An action in several windows takes the pattern of most of them; ties go to the larger pattern. An action in
        no window, or in noise alone, has none (``<NA>``).
        """
        return self.actions.assign(pattern=pattern_of_actions(self.windows, self.labels, len(self.actions)))

    @property
    def clustered(self) -> NDArray[np.int64]:
        """The windows that ``distances`` and ``linkage`` are of, int64: all, or those in ``sample``."""
        return np.arange(len(self.windows)) if self.sample is None else self.sample

    @cached_property
    def own_placement(self) -> Placement:
        """The log's own windows, placed as those of other actions are: what those are compared with."""
        return self.place(self.windows.values)

    def place(self, windows: WindowValues, *, widen: bool = False) -> Placement:
        """Return the pattern of the nearest representative of each window.

        ``widen`` says whether they were encoded with categories that the log did not have. There has to be a pattern.
        """
        typical = series_at(self.windows.values, self.representatives)
        if widen:
            wide = self.encoding.widened
            typical = [wide(one) for one in typical] if isinstance(typical, list) else wide(typical)
        return place(
            windows, typical, self.representative_labels, self.config, self.encoding.mismatch_weights
        )

    def _distances_to_medoid(self, pattern: TemporalPattern) -> NDArray[np.float32]:
        """Return how far each member of a pattern is from its medoid, from the matrix where it holds all windows."""
        members, medoid = pattern.members, np.array([pattern.medoid])
        if self.distances is not None and self.sample is None:
            return distances_between(self.distances, len(self.windows), members, medoid)
        windows, weights = self.windows, self.encoding.mismatch_weights
        near, center = (series_at(windows.values, indices) for indices in (members, medoid))
        return cross_distances(self.config, weights, near, center)[:, 0]

    def as_dict(self) -> dict[str, Any]:
        """Return the result JSON-able, schema 1: config, windows with their labels, patterns, stats."""
        table = self.windows.table[["session_id", "agent_id", "start", "length"]].assign(label=self.labels)
        return {
            "schema": 1,
            "config": self.config.as_dict(),
            "encoding": self.encoding.as_dict(),
            "windows": table.to_dict("records"),
            "patterns": self._patterns_as_dicts(),
            "quality": {
                "silhouette": plain(self.quality.silhouette),
                "cophenetic_correlation": plain(self.quality.cophenetic_correlation),
            },
            "sample": None if self.sample is None else self.sample.tolist(),
            "significance": None if self.significance is None else self.significance.as_dict(),
            "stats": asdict(self.stats),
            "notes": list(self.notes),
        }

    def _patterns_as_dicts(self) -> list[dict[str, Any]]:
        if self.significance is None:
            return [pattern.as_dict() for pattern in self.patterns]
        each = zip(self.patterns, self.significance.patterns, strict=True)
        return [{**pattern.as_dict(), **found.as_dict()} for pattern, found in each]


def _one_of(noun: str, value: object, n: int) -> int:
    """Return the number of one of n things, or refuse what is none."""
    if not _is_whole(value) or not 0 <= value < n:
        instead = f"give one from 0 to {n - 1}" if n else "there is none at all"
        raise InputError(f"there is no {noun} {shown(value)}; {instead}")
    return int(value)


def _is_whole(value: object) -> TypeGuard[int | np.integer]:
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64))
