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
    """Refuse a value that is no extraction, and a seed that is no whole number of 0 or more.

    Raises
    ------
    InputError
        If one of them is something else.
    """
    instance("extraction", extraction, Extraction, "what extract_patterns returns")
    whole_number("seed", seed, least=0)


def dense_config(extraction: Extraction) -> ExtractionConfig:
    """Return the parameters of the extraction, with the hop 1 and the five clusters that the baseline has.

    A method without a linkage becomes ``ward``. Significance is left out, since the baseline does not assess it.
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
    """Return the distance matrix of an extraction with :func:`dense_config`."""
    if part.distances is None:
        raise InputError(f"strategy {part.stats.strategy!r} makes no matrix of all pairs")
    return part.distances


def linkage_of(part: Extraction) -> Linkage:
    """Return the linkage of an extraction with :func:`dense_config`."""
    return cast("Linkage", part.config.method)


def number_of_windows(extraction: Extraction) -> int:
    """Return the number of windows of the log at hop 1, or the number of its whole series."""
    _, length = series_bounds(extraction.actions)
    if extraction.windows.unit == "series":
        return len(length)
    return int(np.maximum(0, length - extraction.config.window + 1).sum())


def first_windows(extraction: Extraction, n: int, seed: int) -> pd.DataFrame:
    """Return a part of the log with n windows at hop 1, or n whole series; fewer if the log has fewer.

    Series are taken in a random order, since many logs are sorted by agent.
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
