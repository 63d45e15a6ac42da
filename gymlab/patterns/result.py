"""What an extraction gives: the patterns of a log, and everything that they were made from."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.encoding import Encoding
from gymlab.actions.windows import Windows
from gymlab.arguments import shown
from gymlab.clustering import Quality
from gymlab.errors import InputError
from gymlab.patterns import assignment, revised, saved
from gymlab.patterns.assignment import Assignment, Placement
from gymlab.patterns.barycenters import Barycenter, barycenter
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.significance.result import Significance
from gymlab.patterns.stats import ExtractionStats
from gymlab.patterns.temporal import TemporalPattern, pattern_of_actions


@dataclass(frozen=True, eq=False)
class Extraction:
    """The patterns of a log, and everything that they were made from.

    Attributes
    ----------
    actions
        The action table, in the order that ``windows`` counts in.
    config, encoding
        The parameters, and the channels with their scales.
    windows
        What was clustered.
    distances
        float32, condensed: of all windows, of those in ``sample`` for strategy ``sampled``, or None where no
        matrix was made.
    linkage
        float64 ``(m−1, 4)`` as of scipy, of all windows or of those in ``sample``; None for a method without a
        tree.
    sample
        int64 ``(m,)``: the windows that were clustered, ascending; None if it was all of them.
    representatives, representative_labels
        int64: the windows that others are compared with to place them, and their patterns.
    labels
        int64 ``(n,)``: the pattern of each window, −1 for noise.
    patterns
        One for each label of 0 and more.
    quality
        Silhouette and cophenetic correlation; of the windows in the sample where not all were compared.
    stats
        What it took.
    notes
        Sentences: what was chosen, left out or assumed on the way.
    significance
        Whether the patterns come again, and are more than chance; None where that was not asked for or cannot be
        said.
    """

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
        """Return the actions of one window as they stand in the log."""
        return self.actions.iloc[self.windows.rows(_one_of("window", index, len(self.windows)))]

    def actions_of(self, label: int) -> pd.DataFrame:
        """Return the distinct actions of one pattern as they stand in the log."""
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
        listed = table.iloc[pattern.members].assign(distance=assignment.distances_to_medoid(self, pattern))
        # Another window may be as the medoid is, at distance 0.
        order = np.lexsort((listed["distance"].to_numpy(), listed.index.to_numpy() != pattern.medoid))
        return listed.iloc[order]

    def _pattern(self, label: int) -> TemporalPattern:
        return self.patterns[_one_of("pattern", label, len(self.patterns))]

    def labelled_actions(self) -> pd.DataFrame:
        """Return the action table with a column ``pattern``.

        An action in several windows takes the pattern that most of these have, of equals the larger pattern; one
        that is in no window, or in noise alone, has none (``<NA>``).
        """
        return self.actions.assign(pattern=pattern_of_actions(self.windows, self.labels, len(self.actions)))

    def barycenter(self, label: int) -> Barycenter:
        """Return the DBA barycentre of a pattern: what its windows have in common, beside its medoid.

        Parameters
        ----------
        label
            The pattern.

        Returns
        -------
        Barycenter
            :func:`gymlab.patterns.barycenters.describe_barycenter` puts it in the units of the log.

        Examples
        --------
        >>> import gymlab
        >>> log = gymlab.read_actions(gymlab.sample_path())
        >>> few = gymlab.select_actions(log, agent=["Alternator", "Defector"])
        >>> extraction = gymlab.extract_patterns(few, gymlab.ExtractionConfig(hop=20, n_clusters=2))
        >>> extraction.barycenter(0).series.shape
        (20, 6)
        """
        pattern, windows = self._pattern(label), self.windows
        pieces = windows.values  # noqa: PD011 - these are windows, no frame
        return barycenter(
            assignment.part_of(pieces, pattern.members),
            radius=self.config.radius,
            mismatch_weights=self.encoding.mismatch_weights,
            initial=pieces[pattern.medoid],
            seed=self.config.seed,
        )

    def assign(self, actions: pd.DataFrame) -> Assignment:
        """Place the windows of other actions into these patterns, without finding patterns anew.

        The actions are encoded with the channels and scales of this extraction, cut alike, and each window goes to
        the pattern of its nearest representative by the same DTW.

        Parameters
        ----------
        actions
            The action table, as :func:`gymlab.read_actions` returns it.

        Returns
        -------
        Assignment
            Labels, distances, and a verdict whether these actions have drifted away from the patterns.

        Raises
        ------
        InputError
            If the actions cannot be used, or there are no patterns to place them into.

        Examples
        --------
        >>> import gymlab
        >>> log = gymlab.read_actions(gymlab.sample_path())
        >>> few = gymlab.select_actions(log, agent=["Alternator", "Defector"])
        >>> extraction = gymlab.extract_patterns(few, gymlab.ExtractionConfig(hop=20, n_clusters=2))
        >>> extraction.assign(few).drift.refit_due
        False
        """
        return assignment.assign(self, actions)

    def cut(self, *, n_clusters: int | None = None, height: float | None = None) -> "Extraction":
        """Return the extraction with its tree cut elsewhere; no distance is computed and no tree built.

        Parameters
        ----------
        n_clusters, height
            The number of patterns, or the distance at which the tree is cut; neither for the number with the
            largest average silhouette width.

        Returns
        -------
        Extraction
            Without significance, which was that of other patterns; :meth:`assess` finds it anew.

        Raises
        ------
        InputError
            If there is no tree, or no such cut.

        Examples
        --------
        >>> import gymlab
        >>> log = gymlab.read_actions(gymlab.sample_path())
        >>> few = gymlab.select_actions(log, agent=["Alternator", "Defector"])
        >>> extraction = gymlab.extract_patterns(few, gymlab.ExtractionConfig(hop=20, n_clusters=2))
        >>> len(extraction.cut(n_clusters=3).patterns)
        3
        """
        return revised.cut(self, n_clusters=n_clusters, height=height)

    def assess(self, *, n_surrogates: int = 199, n_resamples: int = 100) -> "Extraction":
        """Return the extraction with its patterns tested: do they come again, are they more than chance.

        Parameters
        ----------
        n_surrogates, n_resamples
            As of :class:`gymlab.ExtractionConfig`.

        Returns
        -------
        Extraction

        Raises
        ------
        InputError
            If a number is negative.

        Examples
        --------
        >>> import gymlab
        >>> log = gymlab.select_actions(gymlab.read_actions(gymlab.sample_path()), agent="Alternator")
        >>> extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(n_clusters=2, n_surrogates=0))
        >>> extraction.assess(n_surrogates=19, n_resamples=5).significance.n_surrogates
        19
        """
        return revised.assess(self, n_surrogates=n_surrogates, n_resamples=n_resamples)

    @property
    def clustered(self) -> NDArray[np.int64]:
        """The windows that ``distances`` and ``linkage`` are of, int64: all, or those in ``sample``."""
        return np.arange(len(self.windows)) if self.sample is None else self.sample

    @cached_property
    def own_placement(self) -> Placement:
        """The log's own windows, placed as :meth:`assign` places others: what those are held against."""
        return assignment.place(self, self.windows.values)

    def save(self, folder: str | Path) -> Path:
        """Write the extraction to a new folder, whole or not at all; :func:`gymlab.load_extraction` reads it.

        The folder holds Parquet, JSON and ``.npy`` files.

        Parameters
        ----------
        folder
            A name that is not taken, in a folder that exists.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        InputError
            If it is no path.
        OutputError
            If it exists or cannot be written; nothing is left behind.
        """
        return saved.write_extraction(self, saved.checked_path("folder", folder))

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
                "silhouette": _finite(self.quality.silhouette),
                "cophenetic_correlation": _finite(self.quality.cophenetic_correlation),
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


def _finite(value: float) -> float | None:
    return None if np.isnan(value) else value
