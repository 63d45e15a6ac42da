"""From the windows of a log and their labels to what can be said for them."""

from collections.abc import Callable

import numpy as np

from gymlab.clustering import Checkpoint, Condensed, Labels, no_checkpoint
from gymlab.errors import InputError
from gymlab.patterns.significance.chain import fit_chains
from gymlab.patterns.significance.null_test import (
    NullTest,
    adjusted_p_values,
    compare_clusters,
    corrected_p_values,
)
from gymlab.patterns.significance.result import MOST_Q, PatternSignificance, Quantiles, Significance
from gymlab.patterns.significance.sample import Pieces, WindowedLog, draw_sample
from gymlab.patterns.significance.stability import assess_stability
from gymlab.patterns.significance.statistics import ClusterStatistics, cluster_statistics

# Windows at most: a surrogate of 600 windows of 20 actions takes about a hundredth of a second.
MOST_WINDOWS = 600
# Cells of DTW over all surrogates, times channels; what sets the number of windows where these are long.
_MOST_WORK = 8e10
_UNKNOWN: Quantiles = (float("nan"), float("nan"), float("nan"))


def assess_significance(
    log: WindowedLog,
    *,
    distances: Callable[[Pieces], Condensed],
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
    tested = draw_sample(log, most, np.random.default_rng(of_sample))
    notes = [] if tested is log else [_sample_sentence(log, tested)]
    checkpoint()
    condensed = distances(tested.pieces())
    observed = cluster_statistics(condensed, tested.labels, n_patterns)

    unknown = np.full(n_patterns, np.nan)
    mean, dissolved = unknown, unknown
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
        mean, dissolved = stability.mean, stability.dissolved
        notes.append(f"stability: {stability.note}")
    test = NullTest(unknown, np.empty((0, n_patterns)), np.empty((0, n_patterns)))
    widths = np.empty(0)
    if n_surrogates and n_patterns:
        surrogates = surrogate_statistics(
            tested, distances, cluster, of_surrogates.spawn(n_surrogates), checkpoint
        )
        test = compare_clusters(observed, surrogates)
        widths = np.array([one.silhouette for one in surrogates])
        notes.append(
            f"p-values: against {n_surrogates} surrogates, each series drawn from a first-order Markov chain fitted to "
            "it; q-values: Benjamini and Hochberg over the patterns"
        )
        if n_patterns > MOST_Q * (1 + n_surrogates):
            notes.append(
                f"with {n_surrogates} surrogates, a single one of {n_patterns} patterns cannot be told from chance, "
                "several can; more surrogates tell more"
            )
    q_values = adjusted_p_values(test.p_values)
    patterns = tuple(
        PatternSignificance(
            label=label,
            n_tested=int(observed.sizes[label]),
            stability=float(mean[label]),
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
        silhouette_p_value=_silhouette_p_value(observed.silhouette, widths),
        n_surrogates=n_surrogates,
        n_resamples=n_resamples,
        n_windows=len(tested),
        n_sessions=len(np.unique(tested.window_sessions)),
        notes=tuple(notes),
    )


def surrogate_statistics(
    log: WindowedLog,
    distances: Callable[[Pieces], Condensed],
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
        condensed = distances(log.pieces(rows))
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
