"""What an extraction gives: the patterns of a log, and what can be done with them."""

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
        return barycenter(
            series_at(windows.values, pattern.members),
            radius=self.config.radius,
            mismatch_weights=self.encoding.mismatch_weights,
            initial=series_at(windows.values, np.array([pattern.medoid]))[0],
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


def load_extraction(folder: str | Path) -> Extraction:
    """Read an extraction that :meth:`gymlab.Extraction.save` wrote.

    Parameters
    ----------
    folder
        The folder.

    Returns
    -------
    Extraction
        It gives the same answers as the one that was saved. A matrix of distances stays in its file and is read
        as it is needed.

    Raises
    ------
    InputError
        If the folder is no saved extraction, is damaged, or was written by a later version.

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
