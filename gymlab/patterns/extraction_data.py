"""The data of an extraction: the patterns of a log, the windows they were found in, and look-ups of both."""

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
    """The size of an extraction, its strategy, and the time and memory it took.

    Attributes
    ----------
    strategy
        The strategy that ran: ``exact``, ``selective``, ``sampled`` or ``baseline``; or, without a matrix,
        ``streamed`` (for ``single`` and ``hdbscan``) or ``graph`` (for ``dbscan``).
    reason
        Why this strategy ran, in one sentence.
    actions, windows
        Number of actions and of windows.
    pairs
        Number of pairs of windows.
    pruned
        Number of pairs for which DTW was not computed. For ``graph`` at least so many, since the query that suggests
        ``eps`` may begin a pair that the query within ``eps`` begins again.
    coverage
        Share of the actions that are in a window.
    noise
        Number of windows in no pattern.
    agreement
        For ``sampled``: the expected adjusted Rand index between these labels and the labels of ``exact``. None for
        other strategies.
    estimated_bytes
        The memory that the strategy was expected to hold, estimated before the work.
    stages
        Seconds of each stage, by name.
    seconds
        Seconds of all stages together.
    peak_bytes
        The peak memory of this process up to the end of the extraction, as the operating system counts it.
    compiling
        The part of ``seconds`` that was spent compiling kernels. Later processes load the kernels from the disk.
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
    """The data of an extraction, with look-ups. :class:`gymlab.Extraction` documents the fields."""

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
        """Return the rows of the action table that are in one window."""
        return self.actions.iloc[self.windows.rows(checked_index("window", index, len(self.windows)))]

    def actions_of(self, label: int) -> pd.DataFrame:
        """Return the rows of the action table that are in a window of one pattern, each row once."""
        return self.actions.iloc[self.windows.rows_of(self._pattern(label).members)]

    def windows_of(self, label: int) -> pd.DataFrame:
        """Return the windows of one pattern: the medoid first, then the others by their distance to the medoid.

        The frame is indexed by window. It has the columns of ``Windows.table``, ``silhouette``, and ``distance``: the
        distance to the medoid. For label −1 it holds the noise, which has no medoid, in the order of the log.
        """
        table = self.windows.table.assign(silhouette=self.quality.silhouettes, distance=np.nan)
        if _is_whole(label) and label == -1:
            noise: pd.DataFrame = table[self.labels == -1]
            return noise
        pattern = self._pattern(label)
        listed = table.iloc[pattern.members].assign(distance=self._distances_to_medoid(pattern))
        # Other windows may be equal to the medoid, at distance 0.
        order = np.lexsort((listed["distance"].to_numpy(), listed.index.to_numpy() != pattern.medoid))
        return listed.iloc[order]

    def _pattern(self, label: int) -> TemporalPattern:
        return self.patterns[checked_index("pattern", label, len(self.patterns))]

    def labelled_actions(self) -> pd.DataFrame:
        """Return the action table with a column ``pattern``.

        An action in several windows gets the pattern of most of these windows; ties go to the larger pattern. An
        action that is in no window, or only in noise, gets ``<NA>``.
        """
        return self.actions.assign(pattern=pattern_of_actions(self.windows, self.labels, len(self.actions)))

    @property
    def clustered(self) -> NDArray[np.int64]:
        """The windows to which ``distances`` and ``linkage`` belong, int64: ``sample``, or else all windows."""
        return np.arange(len(self.windows)) if self.sample is None else self.sample

    @cached_property
    def own_placement(self) -> Placement:
        """The placement of the log's own windows, with which the placement of new windows is compared."""
        return self.place(self.windows.values)

    def place(self, windows: WindowValues, *, widen: bool = False) -> Placement:
        """Return the pattern of the nearest representative of each window. There has to be a pattern.

        ``widen`` says that the windows were encoded with categories that the log does not have.
        """
        typical = series_at(self.windows.values, self.representatives)
        if widen:
            wide = self.encoding.widened
            typical = [wide(one) for one in typical] if isinstance(typical, list) else wide(typical)
        return place(
            windows, typical, self.representative_labels, self.config, self.encoding.mismatch_weights
        )

    def _distances_to_medoid(self, pattern: TemporalPattern) -> NDArray[np.float32]:
        """Return the distance of each member of a pattern to the medoid."""
        members, medoid = pattern.members, np.array([pattern.medoid])
        if self.distances is not None and self.sample is None:
            return distances_between(self.distances, len(self.windows), members, medoid)
        windows, weights = self.windows, self.encoding.mismatch_weights
        near, center = (series_at(windows.values, indices) for indices in (members, medoid))
        return cross_distances(self.config, weights, near, center)[:, 0]

    def as_dict(self) -> dict[str, Any]:
        """Return the extraction as JSON-serialisable values, schema 1."""
        table = self.windows.table[["session_id", "agent_id", "start", "length"]].assign(label=self.labels)
        patterns = [pattern.as_dict() for pattern in self.patterns]
        if self.significance is not None:
            tested = (one.as_dict() for one in self.significance.patterns)
            patterns = [pattern | more for pattern, more in zip(patterns, tested, strict=True)]
        return {
            "schema": 1,
            "config": self.config.as_dict(),
            "encoding": self.encoding.as_dict(),
            "windows": table.to_dict("records"),
            "patterns": patterns,
            "quality": {
                "silhouette": plain(self.quality.silhouette),
                "cophenetic_correlation": plain(self.quality.cophenetic_correlation),
            },
            "sample": None if self.sample is None else self.sample.tolist(),
            "significance": None if self.significance is None else self.significance.as_dict(),
            "stats": asdict(self.stats),
            "notes": list(self.notes),
        }


def checked_index(noun: str, value: object, n: int) -> int:
    """Return the index of one of n windows or patterns.

    Raises
    ------
    InputError
        If the value is no whole number from 0 to n − 1.
    """
    if not _is_whole(value) or not 0 <= value < n:
        instead = f"give one from 0 to {n - 1}" if n else f"this extraction has no {noun}"
        raise InputError(f"there is no {noun} {shown(value)}; {instead}")
    return int(value)


def _is_whole(value: object) -> TypeGuard[int | np.integer]:
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64))
