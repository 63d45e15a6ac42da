"""What was extracted from a log, handed to the assessment: same distances, same way to clusters."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.encoding import Encoding
from gymlab.actions.windows import Windows, series_bounds
from gymlab.distance import dtw_pairwise
from gymlab.patterns.clustering import (
    Checkpoint,
    Condensed,
    Labels,
    build_tree,
    cut_tree,
    dbscan,
    hdbscan,
    kmedoids,
    no_checkpoint,
    suggested_eps,
)
from gymlab.patterns.config import DENSITY_METHODS, ExtractionConfig
from gymlab.patterns.significance.assess import affordable_windows, assess_significance
from gymlab.patterns.significance.result import Significance
from gymlab.patterns.significance.sample import Pieces, WindowedLog


def significance_of(
    actions: pd.DataFrame,
    encoded: NDArray[np.float32],
    encoding: Encoding,
    windows: Windows,
    labels: Labels,
    config: ExtractionConfig,
    *,
    checkpoint: Checkpoint = no_checkpoint,
) -> tuple[Significance | None, tuple[str, ...]]:
    """Assess the patterns of a log as its configuration asks for.

    Parameters
    ----------
    actions, encoded, encoding, windows
        The log, its rows as encoded, how, and what was clustered.
    labels
        int64 ``(n_windows,)``: the pattern of each window, −1 for noise.
    config
        ``n_surrogates``, ``n_resamples``, the method, and what it needs.
    checkpoint
        Called at least every 0.2 s; an exception that it raises stops the work.

    Returns
    -------
    Significance or None
        None where nothing was asked for, or nothing can be said.
    tuple of str
        Why it is None where it was asked for.
    """
    if config.n_surrogates == 0 and config.n_resamples == 0:
        return None, ()
    if config.strategy == "baseline":
        return None, (
            "significance is not assessed for strategy 'baseline', which is there to be compared with",
        )
    log = windowed_log(actions, encoded, encoding, windows, labels)
    if config.method in DENSITY_METHODS and len(log) > affordable_windows(log, config.n_surrogates):
        why = f"it would be on a sample, which is less dense, and {config.method} finds other patterns in it"
        return None, (f"significance is not assessed: {why}",)
    found = assess_significance(
        log,
        distances=partial(_distances, encoding=encoding, config=config, checkpoint=checkpoint),
        cluster=_clusterer(config, checkpoint),
        n_surrogates=config.n_surrogates,
        n_resamples=config.n_resamples,
        seed=config.seed,
        checkpoint=checkpoint,
    )
    return found, ()


def windowed_log(
    actions: pd.DataFrame,
    encoded: NDArray[np.float32],
    encoding: Encoding,
    windows: Windows,
    labels: Labels,
) -> WindowedLog:
    """Return the arrays that significance is assessed on."""
    first, length = series_bounds(actions)
    row = windows.table["row"].to_numpy(dtype=np.int64)
    agents, sessions = (
        pd.factorize(actions[name].iloc[first])[0].astype(np.int64) for name in ("agent_id", "session_id")
    )
    return WindowedLog(
        rows=encoded,
        n_codes=len(encoding.mismatch_weights),
        first=first,
        length=length,
        agents=agents,
        sessions=sessions,
        window_row=row,
        window_length=windows.table["length"].to_numpy(dtype=np.int64),
        window_series=np.searchsorted(first, row, side="right") - 1,
        labels=labels,
    )


def _distances(
    pieces: Pieces, *, encoding: Encoding, config: ExtractionConfig, checkpoint: Checkpoint
) -> Condensed:
    return dtw_pairwise(
        pieces,
        radius=config.radius,
        n_threads=config.n_threads,
        mismatch_weights=encoding.mismatch_weights,
        progress=lambda _done, _total: checkpoint(),
    )


def _clusterer(config: ExtractionConfig, checkpoint: Checkpoint) -> Callable[[Condensed, int], Labels]:
    """Return the way from a matrix and a number of clusters to labels, by the method of the configuration."""
    method, at_least = config.method, config.min_samples
    if method == "dbscan":

        def by_dbscan(condensed: Condensed, _n_clusters: int) -> Labels:
            # A suggested eps is part of the way, so each matrix suggests its own.
            eps = config.eps if config.eps is not None else suggested_eps(condensed, min_samples=at_least)
            return dbscan(condensed, eps=eps, min_samples=at_least, checkpoint=checkpoint)

        return by_dbscan
    if method == "hdbscan":
        return lambda condensed, _n_clusters: hdbscan(
            condensed, min_cluster_size=at_least, min_samples=at_least, checkpoint=checkpoint
        )
    if method == "kmedoids":
        return lambda condensed, n_clusters: (
            kmedoids(condensed, n_clusters, seed=config.seed, checkpoint=checkpoint).labels
        )
    return lambda condensed, n_clusters: cut_tree(
        build_tree(condensed, method, checkpoint=checkpoint), n_clusters=n_clusters
    )
