"""The result of an extraction: the patterns of a log, with methods to place, cut, test and save them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gymlab.clustering.sampled import series_at
from gymlab.patterns import assignment, revised, saved
from gymlab.patterns.assignment import Assignment
from gymlab.patterns.barycenters import Barycenter, barycenter
from gymlab.patterns.extraction_data import ExtractionData


@dataclass(frozen=True, eq=False)
class Extraction(ExtractionData):
    """The patterns of a log, with the windows, distances and parameters they were found with.

    Attributes
    ----------
    actions
        The action table. Row numbers in ``windows`` refer to it.
    config, encoding
        The parameters, and the channels with their scales.
    windows
        The windows of the log.
    distances
        float32, condensed: the distances of all windows, or, for strategy ``sampled``, of the windows in ``sample``.
        None if no matrix was computed.
    linkage
        float64 ``(m−1, 4)``, like scipy's: the tree of all windows, or of the windows in ``sample``. None for a method
        without a tree.
    sample
        int64 ``(m,)``: the windows that were clustered, ascending; None if all windows were clustered.
    representatives, representative_labels
        int64: the windows with which new windows are compared to place them, and their patterns.
    labels
        int64 ``(n,)``: the pattern of each window, −1 for noise.
    patterns
        The pattern of each label from 0.
    quality
        Silhouettes and cophenetic correlation. Without a matrix of all windows, they are taken from the windows that
        were compared.
    stats
        The size of the extraction, its strategy, and the time and memory it took.
    notes
        Sentences that say what was chosen, left out or assumed.
    significance
        The stability of the patterns, and their test against chance. None if this was not asked for or not possible;
        the notes give the reason.
    """

    def __repr__(self) -> str:
        stats = self.stats
        return (
            f"<extraction: {len(self.patterns):,} patterns ({self.config.method}, {stats.strategy}) in "
            f"{stats.windows:,} {self.windows.noun} of {stats.actions:,} actions, average silhouette "
            f"{self.quality.silhouette:.3f}>"
        )

    def barycenter(self, label: int) -> Barycenter:
        """Return the DBA barycentre of a pattern: the average of its windows under DTW.

        Parameters
        ----------
        label
            The label of the pattern.

        Returns
        -------
        Barycenter
            :func:`gymlab.patterns.barycenters.describe_barycenter` returns it in the units of the log.

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
        return barycenter(
            series_at(windows.values, pattern.members),
            radius=self.config.radius,
            mismatch_weights=self.encoding.mismatch_weights,
            initial=series_at(windows.values, np.array([pattern.medoid]))[0],
            seed=self.config.seed,
        )

    def assign(self, actions: pd.DataFrame) -> Assignment:
        """Place the windows of other actions into these patterns, without a new extraction.

        The actions are encoded with the channels and scales of this extraction, and cut into windows of the same
        kind. Each window gets the pattern of its nearest representative, by the distance of this extraction.

        Parameters
        ----------
        actions
            The action table, as :func:`gymlab.read_actions` returns it.

        Returns
        -------
        Assignment
            Labels, distances, and tests of whether these actions have drifted away from the patterns.

        Raises
        ------
        InputError
            If the actions cannot be used, or this extraction has no patterns.

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
        """Return the extraction with another cut of its tree. No distances are computed, and no tree is built.

        Parameters
        ----------
        n_clusters, height
            The number of patterns, or the distance at which the tree is cut. If both are None, the number of patterns
            with the largest average silhouette width is chosen.

        Returns
        -------
        Extraction
            Its ``significance`` is None, since the patterns have changed; :meth:`assess` computes it.

        Raises
        ------
        InputError
            If there is no tree, or the cut is not possible.

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
        """Return the extraction with the significance of its patterns: their stability, and a test against chance.

        Parameters
        ----------
        n_surrogates, n_resamples
            As for :class:`gymlab.ExtractionConfig`.

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

    def save(self, folder: str | Path) -> Path:
        """Write the extraction to a new folder of Parquet, JSON and ``.npy`` files.

        :func:`gymlab.load_extraction` reads it. If writing fails, no folder is left behind.

        Parameters
        ----------
        folder
            The path of the new folder, in a folder that exists.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        InputError
            If `folder` is no path.
        OutputError
            If the folder exists or cannot be written.
        """
        return saved.write_extraction(self, saved.checked_path("folder", folder))


def load_extraction(folder: str | Path) -> Extraction:
    """Read an extraction that :meth:`gymlab.Extraction.save` wrote.

    Parameters
    ----------
    folder
        The folder that was given to :meth:`gymlab.Extraction.save`.

    Returns
    -------
    Extraction
        The same extraction as the one that was saved. The matrix of distances stays in its file, and is read when it
        is needed.

    Raises
    ------
    InputError
        If the folder is no saved extraction, is damaged, or was written by a later version of gymlab.

    Examples
    --------
    >>> import gymlab, tempfile
    >>> log = gymlab.select_actions(gymlab.read_actions(gymlab.sample_path()), agent="Alternator")
    >>> extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(hop=20, n_clusters=2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     loaded = gymlab.load_extraction(extraction.save(f"{folder}/alternator"))
    >>> loaded.as_dict() == extraction.as_dict()
    True
    """
    return saved.read_extraction(folder, Extraction)
