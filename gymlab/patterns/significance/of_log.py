"""What was extracted from a log, handed to the assessment: same distances, same way to clusters."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.windows import Windows, series_bounds
from gymlab.clustering import (
    Condensed,
    Labels,
    build_tree,
    cut_tree,
    dbscan,
    hdbscan,
    kmedoids,
    number_of_items,
    suggested_eps,
)
from gymlab.distance import dtw_pairwise
from gymlab.patterns.config import DENSITY_METHODS
from gymlab.patterns.significance.assess import affordable_windows, assess_significance
from gymlab.patterns.significance.result import Significance
from gymlab.patterns.significance.sample import Pieces, WindowedLog
from gymlab.patterns.strategies import Task, distances_of


def significance_of(
    task: Task, strategy: str, actions: pd.DataFrame, encoded: NDArray[np.float32], labels: Labels
) -> tuple[Significance | None, tuple[str, ...]]:
    """Assess the patterns of a log as its configuration asks for.

    Parameters
    ----------
    task, strategy
        What was clustered, and how.
    actions, encoded
        The log, and its rows as encoded.
    labels
        int64 ``(n_windows,)``: the pattern of each window, −1 for noise.

    Returns
    -------
    Significance or None
        None where nothing was asked for, or nothing can be said.
    tuple of str
        Its notes; or why it is None where it was asked for.
    """
    config = task.config
    if config.n_surrogates == 0 and config.n_resamples == 0:
        return None, ()
    if strategy == "baseline":
        return None, (
            "significance is not assessed for strategy 'baseline', which is there to be compared with",
        )
    if config.distance == "soft-dtw":
        return None, ("significance is not assessed for soft-DTW, which takes too long for many logs",)
    log = windowed_log(actions, encoded, len(task.weights), task.windows, labels)
    if config.method in DENSITY_METHODS and len(log) > affordable_windows(log, config.n_surrogates):
        why = f"it would be on a sample, which is less dense, and {config.method} finds other patterns in it"
        return None, (f"significance is not assessed: {why}",)
    quiet = replace(task, progress=False)

    def distances(pieces: Pieces) -> Condensed:
        if strategy == "selective":
            some = replace(quiet, windows=replace(task.windows, values=pieces))
            return distances_of(some, strategy).condensed
        # A matrix of one's own needs no look at the memory, which takes as long as a small matrix.
        out = np.empty(len(pieces) * (len(pieces) - 1) // 2, dtype=np.float32)
        return dtw_pairwise(pieces, out=out, **quiet.distance)

    found = assess_significance(
        log,
        distances=distances,
        cluster=_clusterer(task),
        n_surrogates=config.n_surrogates,
        n_resamples=config.n_resamples,
        seed=config.seed,
        checkpoint=task.checkpoint,
    )
    return found, found.notes


def windowed_log(
    actions: pd.DataFrame,
    encoded: NDArray[np.float32],
    n_codes: int,
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
        n_codes=n_codes,
        first=first,
        length=length,
        agents=agents,
        sessions=sessions,
        window_row=row,
        window_length=windows.table["length"].to_numpy(dtype=np.int64),
        window_series=np.searchsorted(first, row, side="right") - 1,
        labels=labels,
    )


def _clusterer(task: Task) -> Callable[[Condensed, int], Labels]:
    """Return the way from a matrix and a number of clusters to labels, by the method of the configuration."""
    config, checkpoint, method = task.config, task.checkpoint, task.config.method
    if method in DENSITY_METHODS:
        return lambda condensed, _n_clusters: _by_density(task, condensed)
    if method == "kmedoids":
        return lambda condensed, n_clusters: (
            kmedoids(
                condensed,
                min(n_clusters, number_of_items(condensed)),
                seed=config.seed,
                checkpoint=checkpoint,
            ).labels
        )
    return lambda condensed, n_clusters: cut_tree(
        build_tree(condensed, task.linkage, checkpoint=checkpoint),
        n_clusters=min(n_clusters, number_of_items(condensed)),
    )


def _by_density(task: Task, condensed: Condensed) -> Labels:
    least, checkpoint = task.config.min_samples, task.checkpoint
    n = number_of_items(condensed)
    if n < least:
        return np.full(n, -1, dtype=np.int64)
    if task.config.method == "hdbscan":
        return hdbscan(condensed, min_cluster_size=least, min_samples=least, checkpoint=checkpoint)
    # A suggested eps is part of the way, so each matrix suggests its own.
    eps = task.config.eps
    if eps is None:
        eps = suggested_eps(condensed, min_samples=least, checkpoint=checkpoint)
    return dbscan(condensed, eps=eps, min_samples=least, checkpoint=checkpoint)
