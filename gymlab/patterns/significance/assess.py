"""From the windows of a log and their labels to whether the patterns come again and are more than chance."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from gymlab.clustering import Checkpoint, Condensed, Labels, no_checkpoint
from gymlab.distance import dtw_pairwise
from gymlab.errors import InputError
from gymlab.patterns.config import DENSITY_METHODS
from gymlab.patterns.full_matrix import ClusteringJob, distances_of, labels_of
from gymlab.patterns.placement import WindowValues
from gymlab.patterns.significance.null_test import (
    ClusterStatistics,
    NullTest,
    cluster_statistics,
    compare_clusters,
    corrected_p_values,
)
from gymlab.patterns.significance.pattern_significance import (
    MOST_Q,
    PatternSignificance,
    Quantiles,
    Significance,
)
from gymlab.patterns.significance.resampling import PatternStability, assess_stability
from gymlab.patterns.significance.surrogates import fit_chains
from gymlab.patterns.significance.windowed_log import WindowedLog, sample_sessions, windowed_log

# Windows at most: a surrogate of 600 windows of 20 actions takes about a hundredth of a second.
MOST_WINDOWS = 600
# Cells of DTW over all surrogates, times channels; what sets the number of windows where these are long.
_MOST_WORK = 8e10
_UNKNOWN: Quantiles = (float("nan"), float("nan"), float("nan"))


def significance_of(
    job: ClusteringJob, strategy: str, actions: pd.DataFrame, encoded: NDArray[np.float32], labels: Labels
) -> tuple[Significance | None, tuple[str, ...]]:
    """Assess the patterns of a log as its configuration asks for.

    Parameters
    ----------
    job, strategy
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
    config = job.config
    if config.n_surrogates == 0 and config.n_resamples == 0:
        return None, ()
    if strategy == "baseline":
        return None, (
            "significance is not assessed for strategy 'baseline', which is there to be compared with",
        )
    if config.distance == "soft-dtw":
        return None, ("significance is not assessed for soft-DTW, which takes too long for many logs",)
    log = windowed_log(actions, encoded, len(job.weights), job.windows, labels)
    if config.method in DENSITY_METHODS and len(log) > affordable_windows(log, config.n_surrogates):
        why = f"it would be on a sample, which is less dense, and {config.method} finds other patterns in it"
        return None, (f"significance is not assessed: {why}",)
    quiet = replace(job, progress=False)

    def distances(windows: WindowValues) -> Condensed:
        if strategy == "selective":
            some = replace(quiet, windows=replace(job.windows, values=windows))
            return distances_of(some, strategy)[0]
        # A matrix of one's own needs no look at the memory, which takes as long as a small matrix.
        out = np.empty(len(windows) * (len(windows) - 1) // 2, dtype=np.float32)
        return dtw_pairwise(windows, out=out, **quiet.distance)

    found = assess_significance(
        log,
        distances=distances,
        cluster=partial(labels_of, job),
        n_surrogates=config.n_surrogates,
        n_resamples=config.n_resamples,
        seed=config.seed,
        checkpoint=job.checkpoint,
    )
    return found, found.notes


def assess_significance(
    log: WindowedLog,
    *,
    distances: Callable[[WindowValues], Condensed],
    cluster: Callable[[Condensed, int], Labels],
    n_surrogates: int,
    n_resamples: int,
    seed: int = 0,
    most_windows: int | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> Significance:
    """Say for each pattern whether it comes again and whether chance would do as well.

    Parameters
    ----------
    log
        The series, the windows in them and their labels.
    distances
        From windows to a condensed float32 matrix, as the patterns were made from.
    cluster
        From such a matrix and a number of clusters to labels, by the method that the patterns were made with.
    n_surrogates, n_resamples
        How many; 0 leaves the test, or the stability, out.
    seed
        Of all that is drawn.
    most_windows
        Windows to test at most; None for what the length of the windows lets be done in seconds.
    checkpoint
        Called between surrogates and resamples; an exception that it raises stops the work.

    Returns
    -------
    Significance

    Raises
    ------
    InputError
        If a number is negative, or the log has no window.
    """
    if n_surrogates < 0 or n_resamples < 0 or (most_windows is not None and most_windows < 2):
        raise InputError("n_surrogates and n_resamples have to be 0 or more, most_windows 2 or more")
    if len(log) == 0:
        raise InputError("there is no window to test")
    n_patterns = int(log.labels.max(initial=-1)) + 1
    of_sample, of_surrogates, of_resamples = np.random.SeedSequence(seed).spawn(3)
    most = affordable_windows(log, n_surrogates) if most_windows is None else most_windows
    tested = sample_sessions(log, most, np.random.default_rng(of_sample))
    notes = [] if tested is log else [_sample_sentence(log, tested)]
    checkpoint()
    condensed = distances(tested.window_values())
    observed = cluster_statistics(condensed, tested.labels, n_patterns)

    unknown = np.full(n_patterns, np.nan)
    stability = PatternStability(unknown, unknown, "")
    if n_resamples and n_patterns:
        rng = np.random.default_rng(of_resamples)
        stability = assess_stability(
            tested,
            condensed,
            n_patterns,
            cluster=cluster,
            n_resamples=n_resamples,
            rng=rng,
            checkpoint=checkpoint,
        )
        notes.append(f"stability: {stability.note}")
    test = NullTest(unknown, np.empty((0, n_patterns)), np.empty((0, n_patterns)))
    widths, q_values = np.empty(0), unknown
    if n_surrogates and n_patterns:
        surrogates = surrogate_statistics(
            tested, distances, cluster, of_surrogates.spawn(n_surrogates), checkpoint
        )
        test = compare_clusters(observed, surrogates)
        widths = np.array([one.silhouette for one in surrogates])
        q_values = false_discovery_control(test.p_values)
        notes.append(
            f"p-values: against {n_surrogates} surrogates, each series drawn from a first-order Markov chain fitted to "
            "it; q-values: Benjamini and Hochberg over the patterns"
        )
        if n_patterns > MOST_Q * (1 + n_surrogates):
            notes.append(
                f"with {n_surrogates} surrogates, a single one of {n_patterns} patterns cannot be told from chance, "
                "several can; more surrogates tell more"
            )
    patterns = tuple(
        PatternSignificance(
            label=label,
            n_tested=int(observed.sizes[label]),
            stability=float(stability.mean[label]),
            dissolved=float(stability.dissolved[label]),
            compactness=float(observed.compactness[label]),
            null_compactness=_quantiles(test.compactness[:, label]),
            silhouette=float(observed.silhouettes[label]),
            null_silhouette=_quantiles(test.silhouettes[:, label]),
            p_value=float(test.p_values[label]),
            q_value=float(q_values[label]),
        )
        for label in range(n_patterns)
    )
    return Significance(
        patterns=patterns,
        silhouette=observed.silhouette,
        null_silhouette=_quantiles(widths),
        silhouette_p_value=_silhouette_p_value(observed.silhouette, widths),
        n_surrogates=n_surrogates,
        n_resamples=n_resamples,
        n_windows=len(tested),
        n_sessions=len(np.unique(tested.window_sessions)),
        notes=tuple(notes),
    )


def surrogate_statistics(
    log: WindowedLog,
    distances: Callable[[WindowValues], Condensed],
    cluster: Callable[[Condensed, int], Labels],
    seeds: list[np.random.SeedSequence],
    checkpoint: Checkpoint,
) -> list[ClusterStatistics]:
    """Return the statistics of the clusters of one surrogate for each seed: same windows, same way to clusters."""
    chains = fit_chains(log)
    n_clusters = len(np.unique(log.labels[log.labels >= 0]))
    found = []
    for seed in seeds:
        checkpoint()
        rows = chains.surrogate(np.random.default_rng(seed))
        condensed = distances(log.window_values(rows))
        checkpoint()
        labels = cluster(condensed, n_clusters) if len(log) > 1 else np.zeros(1, dtype=np.int64)
        found.append(cluster_statistics(condensed, labels, int(labels.max(initial=-1)) + 1))
    return found


def affordable_windows(log: WindowedLog, n_surrogates: int) -> int:
    """Return how many windows can be tested in seconds; it depends on their length and number, not on the clock."""
    cells = float(log.window_length.mean()) ** 2 * max(1, log.rows.shape[1])
    return int(min(MOST_WINDOWS, max(2.0, np.sqrt(2 * _MOST_WORK / (cells * max(1, n_surrogates))))))


def _sample_sentence(log: WindowedLog, tested: WindowedLog) -> str:
    return (
        f"significance: tested on {len(tested):,} of the {len(log):,} windows, from "
        f"{len(np.unique(tested.window_sessions)):,} of {len(np.unique(log.window_sessions)):,} sessions drawn at random; what "
        "is tested of a pattern is its part in them, which finds less than all windows would"
    )


def _silhouette_p_value(observed: float, null: np.ndarray) -> float:
    if np.isnan(observed) or len(null) == 0:
        return float("nan")
    # A surrogate of one cluster only has no silhouette, and is none that does as well.
    return float(corrected_p_values(-np.nan_to_num(null, nan=-1.0), np.array(-observed)))


def _quantiles(values: np.ndarray) -> Quantiles:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return _UNKNOWN
    low, middle, high = np.quantile(known, (0.05, 0.5, 0.95))
    return float(low), float(middle), float(high)
