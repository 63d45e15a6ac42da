"""Parts of a log that are small enough to run the baseline on."""

import numpy as np
import pandas as pd

from gymlab.actions.windows import series_bounds
from gymlab.patterns.baseline import N_CLUSTERS
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.extraction import Extraction


def dense_config(extraction: Extraction) -> ExtractionConfig:
    """Return the extraction's parameters at hop 1 and with the document's five clusters, as the baseline runs."""
    config = extraction.config
    return ExtractionConfig(
        window=config.window,
        hop=1,
        radius=config.radius,
        channels=config.channels,
        method=config.method,
        n_clusters=min(N_CLUSTERS, number_of_pieces(extraction)),
        unit=extraction.windows.unit,
        seed=config.seed,
        n_threads=config.n_threads,
    )


def number_of_pieces(extraction: Extraction) -> int:
    """Return how many windows the log makes at hop 1, or how many whole series it has."""
    _, length = series_bounds(extraction.actions)
    if extraction.windows.unit == "series":
        return len(length)
    return int(np.maximum(0, length - extraction.config.window + 1).sum())


def first_pieces(extraction: Extraction, n: int, seed: int) -> pd.DataFrame:
    """Return part of the log that makes n windows at hop 1 (or n whole series), fewer if the log has no more.

    Series are taken in a random order, because logs are often sorted by what tells them apart.
    """
    log, config = extraction.actions, extraction.config
    first, length = series_bounds(log)
    whole = extraction.windows.unit == "series"
    rows: list[np.ndarray] = []
    for one in np.random.default_rng(seed).permutation(len(first)):
        pieces = 1 if whole else length[one] - config.window + 1
        if pieces < 1:
            continue
        taken = length[one] if whole else min(length[one], n + config.window - 1)
        rows.append(np.arange(first[one], first[one] + taken))
        n -= pieces
        if n <= 0:
            break
    return log.iloc[np.concatenate(rows)]
