"""The significance of the patterns of a log: sample, resamples and surrogates, put together."""

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
from gymlab.patterns.significance.resampling import assess_stability
from gymlab.patterns.significance.surrogates import fit_chains
from gymlab.patterns.significance.windowed_log import WindowedLog, sample_sessions, windowed_log

# At most this many windows are tested. A surrogate of 600 windows of 20 actions takes about a hundredth of a second.
MOST_WINDOWS = 600
# Largest number of DTW cells of all surrogates, times the number of channels. It limits the windows if they are long.
_MOST_WORK = 8e10
_UNKNOWN: Quantiles = (float("nan"), float("nan"), float("nan"))


def significance_of(
    job: ClusteringJob, strategy: str, actions: pd.DataFrame, encoded: NDArray[np.float32], labels: Labels
) -> tuple[Significance | None, tuple[str, ...]]:
    """Return the significance of the patterns of a log, as the configuration asks for it.

    Parameters
    ----------
    job, strategy
        The clustering job of the log, and the strategy that ran.
    actions, encoded
        The action table, and its encoded rows.
    labels
        int64 ``(n_windows,)``: the pattern of each window, −1 for noise.

    Returns
    -------
    Significance or None
        None if the configuration asks for none, or if the strategy, distance or method does not allow it.
    tuple of str
        The notes of the significance, or the reason why there is none.
    """
    config = job.config
    if config.n_surrogates == 0 and config.n_resamples == 0:
        return None, ()
    if strategy == "baseline":
        return None, ("significance is not assessed for strategy 'baseline', which is for comparison only",)
    if config.distance == "soft-dtw":
        return None, ("significance is not assessed for soft-DTW: the surrogates would take too long",)
    log = windowed_log(actions, encoded, len(job.weights), job.windows, labels)
    if config.method in DENSITY_METHODS and len(log) > affordable_windows(log, config.n_surrogates):
        why = f"it needs a sample, which is less dense than the log, so {config.method} finds other patterns in it"
        return None, (f"significance is not assessed: {why}",)
    quiet = replace(job, progress=False)

    def distances(windows: WindowValues) -> Condensed:
        if strategy == "selective":
            some = replace(quiet, windows=replace(job.windows, values=windows))
            return distances_of(some, strategy)[0]
        # With `out`, dtw_pairwise does not check the free memory, which takes as long as a small matrix.
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
    """Return the stability of each pattern, and its test against surrogate logs.

    Parameters
    ----------
    log
        The series, their windows, and the labels of the windows.
    distances
        A function from windows to the condensed float32 matrix, by the distance of the patterns.
    cluster
        A function from a condensed matrix and a number of clusters to labels, by the method of the patterns.
    n_surrogates, n_resamples
        Number of surrogates and of resamples; 0 for no test, or no stability.
    seed
        Seed of all random draws.
    most_windows
        Largest number of windows to test; None for as many as can be tested in seconds.
    checkpoint
        Called between surrogates and resamples. An exception that it raises stops the work.

    Returns
    -------
    Significance

    Raises
    ------
    InputError
        If a number is out of range, or the log has no windows.
    """
    if n_surrogates < 0 or n_resamples < 0 or (most_windows is not None and most_windows < 2):
        raise InputError(
            f"n_surrogates is {n_surrogates}, n_resamples is {n_resamples} and most_windows is {most_windows}; give 0 or "
            "more for the first two, and 2 or more for most_windows"
        )
    if len(log) == 0:
        raise InputError("the log has no windows to test; give a log with at least one")
    n_patterns = int(log.labels.max(initial=-1)) + 1
    of_sample, of_surrogates, of_resamples = np.random.SeedSequence(seed).spawn(3)
    most = affordable_windows(log, n_surrogates) if most_windows is None else most_windows
    tested = sample_sessions(log, most, np.random.default_rng(of_sample))
    notes = [] if tested is log else [_sample_sentence(log, tested)]
    checkpoint()
    condensed = distances(tested.window_values())
    observed = cluster_statistics(condensed, tested.labels, n_patterns)

    unknown = np.full(n_patterns, np.nan)
    stability, dissolved = unknown, unknown
    if n_resamples and n_patterns:
        rng = np.random.default_rng(of_resamples)
        stability, dissolved, note = assess_stability(
            tested,
            condensed,
            n_patterns,
            cluster=cluster,
            n_resamples=n_resamples,
            rng=rng,
            checkpoint=checkpoint,
        )
        notes.append(f"stability: {note}")
    test = NullTest(unknown, np.empty((0, n_patterns)), np.empty((0, n_patterns)))
    widths, q_values, silhouette_p_value = np.empty(0), unknown, float("nan")
    if n_surrogates and n_patterns:
        surrogates = surrogate_statistics(
            tested, distances, cluster, of_surrogates.spawn(n_surrogates), checkpoint
        )
        test = compare_clusters(observed, surrogates)
        widths = np.array([one.silhouette for one in surrogates])
        if not np.isnan(observed.silhouette):
            # A surrogate with one cluster has no silhouette, and counts as worse than the log.
            known = np.nan_to_num(widths, nan=-1.0)
            silhouette_p_value = float(corrected_p_values(-known, np.array(-observed.silhouette)))
        q_values = false_discovery_control(test.p_values)
        notes.append(
            f"p-values: against {n_surrogates} surrogates, with each series drawn from a first-order Markov chain fitted "
            "to it; q-values: Benjamini and Hochberg over the patterns"
        )
        if n_patterns > MOST_Q * (1 + n_surrogates):
            notes.append(
                f"with only {n_surrogates} surrogates, one of {n_patterns} patterns cannot be significant unless others "
                "are too; more surrogates give smaller p-values"
            )
    patterns = tuple(
        PatternSignificance(
            label=label,
            n_tested=int(observed.sizes[label]),
            stability=float(stability[label]),
            dissolved=float(dissolved[label]),
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
        silhouette_p_value=silhouette_p_value,
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
    """Return, for each seed, the statistics of the clusters of a surrogate. Its windows begin where the log's do."""
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
    """Return how many windows can be tested in seconds, from an estimate that does not measure time."""
    cells = float(log.window_length.mean()) ** 2 * max(1, log.rows.shape[1])
    return int(min(MOST_WINDOWS, max(2.0, np.sqrt(2 * _MOST_WORK / (cells * max(1, n_surrogates))))))


def _sample_sentence(log: WindowedLog, tested: WindowedLog) -> str:
    return (
        f"significance: tested on {len(tested):,} of the {len(log):,} windows, from a random sample of "
        f"{len(np.unique(tested.window_sessions)):,} of {len(np.unique(log.window_sessions)):,} sessions; a test on all "
        "windows would find smaller differences from chance"
    )


def _quantiles(values: np.ndarray) -> Quantiles:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return _UNKNOWN
    low, middle, high = np.quantile(known, (0.05, 0.5, 0.95))
    return float(low), float(middle), float(high)
