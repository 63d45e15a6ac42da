"""Parts of a log that are small enough to run the baseline on."""

from dataclasses import replace
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.windows import series_bounds
from gymlab.arguments import instance, whole_number
from gymlab.clustering import LINKAGES, Linkage
from gymlab.errors import InputError
from gymlab.patterns.baseline import N_CLUSTERS
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.result import Extraction


def require_measurable(extraction: object, seed: object = 0) -> None:
    """Refuse what is no extraction, and a seed that is none.

    Raises
    ------
    InputError
        If either is something else.
    """
    instance("extraction", extraction, Extraction, "what extract_patterns returns")
    whole_number("seed", seed, least=0)


def dense_config(extraction: Extraction) -> ExtractionConfig:
    """Return the extraction's parameters at hop 1 and with the document's five clusters, as the baseline runs.

    Its linkage too; Ward's for a method without one, since five clusters are asked for. Without significance,
    which the baseline does not assess.
    """
    config = extraction.config
    return replace(
        config,
        hop=1,
        method=config.method if config.method in LINKAGES else "ward",
        strategy="exact",
        n_clusters=min(N_CLUSTERS, number_of_windows(extraction)),
        cut_height=None,
        eps=None,
        sample_size=None,
        unit=extraction.windows.unit,
        n_surrogates=0,
        n_resamples=0,
    )


def matrix_of(part: Extraction) -> NDArray[np.float32]:
    """Return the matrix of all pairs, which an extraction by :func:`dense_config` has."""
    if part.distances is None:
        raise InputError(f"strategy {part.stats.strategy!r} makes no matrix of all pairs")
    return part.distances


def linkage_of(part: Extraction) -> Linkage:
    """Return the linkage, which an extraction by :func:`dense_config` has."""
    return cast("Linkage", part.config.method)


def number_of_windows(extraction: Extraction) -> int:
    """Return how many windows the log makes at hop 1, or how many whole series it has."""
    _, length = series_bounds(extraction.actions)
    if extraction.windows.unit == "series":
        return len(length)
    return int(np.maximum(0, length - extraction.config.window + 1).sum())


def first_windows(extraction: Extraction, n: int, seed: int) -> pd.DataFrame:
    """Return part of the log that makes n windows at hop 1 (or n whole series), fewer if the log has no more.

    Series are taken in a random order, because logs are often sorted by what tells them apart.
    """
    log, config = extraction.actions, extraction.config
    first, length = series_bounds(log)
    whole = extraction.windows.unit == "series"
    rows: list[np.ndarray] = []
    for one in np.random.default_rng(seed).permutation(len(first)):
        made = 1 if whole else length[one] - config.window + 1
        if made < 1:
            continue
        taken = length[one] if whole else min(length[one], n + config.window - 1)
        rows.append(np.arange(first[one], first[one] + taken))
        n -= made
        if n <= 0:
            break
    return log.iloc[np.concatenate(rows)]
