"""From a log to its temporal patterns: encode, cut into windows, compute distances, cluster, describe."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.encoding import Encoding, fit_encoding
from gymlab.actions.schema import validate_actions
from gymlab.actions.windows import Windows, cut_windows
from gymlab.distance.blocks import Progress
from gymlab.patterns import strategies
from gymlab.patterns.clustering import Quality
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.temporal import TemporalPattern, describe_patterns
from gymlab.runtime.memory import peak_bytes


@dataclass(frozen=True)
class ExtractionStats:
    """What an extraction did and took.

    Attributes
    ----------
    strategy
        The one that ran.
    actions, windows
        How many there were.
    pairs
        Pairs of windows.
    pruned
        Pairs whose DTW was not computed.
    coverage
        Share of the actions that lie in a window.
    stages
        Seconds of each stage, by name.
    seconds
        Seconds in all.
    peak_bytes
        The most memory that this process has held so far, as the operating system counts it.
    """

    strategy: str
    actions: int
    windows: int
    pairs: int
    pruned: int
    coverage: float
    stages: Mapping[str, float]
    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
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
        float32 ``(n(n−1)/2,)``: the condensed matrix.
    linkage
        float64 ``(n−1, 4)`` as of scipy; None for strategy ``baseline``, which builds no tree.
    labels
        int64 ``(n,)``: the pattern of each window.
    patterns
        One for each label.
    quality
        Silhouette and cophenetic correlation.
    stats
        What it took.
    notes
        Sentences: what was chosen, left out or assumed on the way.
    """

    actions: pd.DataFrame
    config: ExtractionConfig
    encoding: Encoding
    windows: Windows
    distances: NDArray[np.float32]
    linkage: NDArray[np.float64] | None
    labels: NDArray[np.int64]
    patterns: tuple[TemporalPattern, ...]
    quality: Quality
    stats: ExtractionStats
    notes: tuple[str, ...]

    def actions_of_window(self, index: int) -> pd.DataFrame:
        """Return the actions of one window as they stand in the log."""
        return self.actions.iloc[self.windows.rows(index)]

    def actions_of(self, label: int) -> pd.DataFrame:
        """Return the distinct actions of one pattern as they stand in the log."""
        return self.actions.iloc[self.windows.rows_of(self.patterns[label].members)]

    def labelled_actions(self) -> pd.DataFrame:
        """Return the action table with a column ``pattern``.

        An action in several windows takes the pattern that most of these have, of equals the larger pattern; one
        in no window has none (``<NA>``).
        """
        votes = np.zeros((len(self.patterns), len(self.actions) + 1), dtype=np.int32)
        first = self.windows.table["row"].to_numpy()
        np.add.at(votes, (self.labels, first), 1)
        np.add.at(votes, (self.labels, first + self.windows.table["length"].to_numpy()), -1)
        votes = np.cumsum(votes, axis=1)[:, :-1]
        label = pd.array(votes.argmax(axis=0), dtype="Int64")
        label[votes.max(axis=0) == 0] = pd.NA
        return self.actions.assign(pattern=label)

    def as_dict(self) -> dict[str, Any]:
        """Return the result JSON-able, schema 1: config, windows with their labels, patterns, stats."""
        table = self.windows.table[["session_id", "agent_id", "start", "length"]].assign(label=self.labels)
        return {
            "schema": 1,
            "config": self.config.as_dict(),
            "encoding": self.encoding.as_dict(),
            "windows": table.to_dict("records"),
            "patterns": [pattern.as_dict() for pattern in self.patterns],
            "quality": {
                "silhouette": _finite(self.quality.silhouette),
                "cophenetic_correlation": _finite(self.quality.cophenetic_correlation),
            },
            "stats": asdict(self.stats),
            "notes": list(self.notes),
        }


def extract_patterns(
    actions: pd.DataFrame, config: ExtractionConfig | None = None, *, progress: Progress = False
) -> Extraction:
    """Find the temporal patterns of a log.

    Parameters
    ----------
    actions
        The action table, as :func:`gymlab.read_actions` returns it.
    config
        Parameters; the defaults when not given.
    progress
        True for a progress bar over the DTW cells, or a function of the cells done and the cells in all.

    Returns
    -------
    Extraction

    Raises
    ------
    InputError
        If the log cannot be used with these parameters; the message says why and what to change.
    MemoryLimitError
        If clustering all windows would not fit in memory; the message says what would.

    Examples
    --------
    >>> import gymlab
    >>> log = gymlab.read_actions(gymlab.sample_path())
    >>> few = gymlab.select_actions(log, agent=["Alternator", "Defector"])
    >>> extraction = gymlab.extract_patterns(few, gymlab.ExtractionConfig(hop=20, n_clusters=2))
    >>> len(extraction.patterns)
    2
    """
    config = config or ExtractionConfig()
    clock = _Stages()
    with clock("encode"):
        log = validate_actions(actions)
        encoding = fit_encoding(log, config.channels)
        encoded = encoding.encode(log)
        windows = cut_windows(log, encoded, window=config.window, hop=config.hop, unit=config.unit)
    with clock("distances"):
        found = strategies.distances_of(windows, encoding.mismatch_weights, config, progress)
    with clock("cluster"):
        tree, clusters = strategies.clusters_of(found.condensed, config)
    with clock("describe"):
        patterns = describe_patterns(log, windows, clusters)
    stats = ExtractionStats(
        strategy="exact" if config.strategy == "auto" else config.strategy,
        actions=len(log),
        windows=len(windows),
        pairs=len(found.condensed),
        pruned=len(found.condensed) - found.dtw_pairs,
        coverage=windows.coverage,
        stages=clock.seconds,
        seconds=sum(clock.seconds.values()),
        peak_bytes=peak_bytes(),
    )
    notes = (*log.attrs.get("notes", ()), *encoding.notes, *windows.notes)
    return Extraction(
        log,
        config,
        encoding,
        windows,
        found.condensed,
        tree,
        clusters.labels,
        patterns,
        clusters.quality,
        stats,
        notes,
    )


class _Stages:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


def _finite(value: float) -> float | None:
    return None if np.isnan(value) else value
