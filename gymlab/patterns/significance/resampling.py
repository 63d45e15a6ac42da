"""Whether clusters come again when sessions are drawn anew.

After C. Hennig, "Cluster-wise assessment of cluster stability", Computational Statistics & Data Analysis 52, 2007.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gymlab.clustering import Checkpoint, Condensed, Labels, no_checkpoint, part_of_matrix
from gymlab.patterns.significance.windowed_log import WindowedLog

Floats = NDArray[np.float64]

# With fewer sessions than this there are too few ways to draw them.
FEWEST_SESSIONS = 10
_BLOCKS_WANTED = 20


@dataclass(frozen=True, eq=False)
class PatternStability:
    """How clusters fared.

    Attributes
    ----------
    mean
        float64 ``(n_clusters,)``: mean Jaccard similarity with the best match; NaN where it was never in a resample.
    dissolved
        float64 ``(n_clusters,)``: share of resamples in which that was at most 0.5; NaN likewise.
    note
        What was resampled.
    """

    mean: Floats
    dissolved: Floats
    note: str


def best_jaccard(labels: Labels, others: Labels, n_clusters: int) -> Floats:
    """Return for each cluster the largest Jaccard similarity with any cluster of another clustering.

    Parameters
    ----------
    labels, others
        int64 ``(n,)``: two clusterings of the same items; −1 is noise, which is no cluster.
    n_clusters
        How many the first one has, some of them perhaps without an item here.

    Returns
    -------
    numpy.ndarray
        float64 ``(n_clusters,)``; NaN for a cluster without an item, 0 where the other clustering has none.

    Examples
    --------
    >>> best_jaccard(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), 2).round(2).tolist()
    [0.67, 0.5]
    """
    n_others = int(others.max(initial=-1)) + 1
    sizes = np.bincount(labels[labels >= 0], minlength=n_clusters).astype(np.float64)
    if n_others == 0:
        return np.where(sizes > 0, 0.0, np.nan)
    in_both = (labels >= 0) & (others >= 0)
    shared = np.bincount(labels[in_both] * n_others + others[in_both], minlength=n_clusters * n_others)
    shared = shared.reshape(n_clusters, n_others)
    union = sizes[:, None] + np.bincount(others[others >= 0], minlength=n_others)[None, :] - shared
    best = (shared / np.maximum(union, 1)).max(axis=1)
    return np.where(sizes > 0, best, np.nan)


def resampling_groups(log: WindowedLog) -> tuple[NDArray[np.int64], str]:
    """Return what each window is resampled with, and a sentence that says so.

    A session with all its windows, since windows of one overlap. Where there are fewer than 10 sessions, a
    contiguous block of a series, at least twice as long as a window, so that most of a block overlaps no other.

    Returns
    -------
    numpy.ndarray
        int64 ``(n_windows,)``: the number of its session or block, from 0.
    str
        The sentence.
    """
    sessions, groups = np.unique(log.window_sessions, return_inverse=True)
    if len(sessions) >= FEWEST_SESSIONS:
        return groups, f"{len(sessions):,} sessions are resampled with all their windows"
    block = max(2 * int(log.window_length.max()), len(log.rows) // _BLOCKS_WANTED)
    place = log.window_row - log.first[log.window_series]
    blocks, groups = np.unique(
        log.window_series * (int(log.length.max()) + 1) + place // block, return_inverse=True
    )
    return groups, (
        f"there are fewer than {FEWEST_SESSIONS} sessions, so {len(blocks):,} blocks of {block:,} actions are resampled; they "
        "are no independent evidence, and stability is likely too high"
    )


def assess_stability(
    log: WindowedLog,
    distances: Condensed,
    n_clusters: int,
    *,
    cluster: Callable[[Condensed, int], Labels],
    n_resamples: int,
    rng: np.random.Generator,
    checkpoint: Checkpoint = no_checkpoint,
) -> PatternStability:
    """Cluster again and again what was drawn with replacement, and look for each cluster in the result.

    What is drawn twice is taken once, as fpc's clusterboot does: copies at distance 0 would be clusters of their own.

    Parameters
    ----------
    log
        The windows and their labels.
    distances
        float32 ``(n(n−1)/2,)``: of all its windows.
    n_clusters
        Number of patterns; those without a window here are not looked for.
    cluster
        From a condensed matrix and the number of clusters to labels.
    n_resamples
        How many, at least 1.
    rng
        Draws.
    checkpoint
        Called before each resample; an exception that it raises stops the work.

    Returns
    -------
    PatternStability
    """
    groups, note = resampling_groups(log)
    n_groups = int(groups.max()) + 1
    if n_groups < 2:
        unknown = np.full(n_clusters, np.nan)
        return PatternStability(
            unknown, unknown, "there is one session only, too short to be resampled in blocks"
        )
    n_present = len(np.unique(log.labels[log.labels >= 0]))
    found = np.full((n_resamples, n_clusters), np.nan)
    for row in found:
        checkpoint()
        drawn = np.zeros(n_groups, dtype=bool)
        drawn[rng.integers(n_groups, size=n_groups)] = True
        windows = np.flatnonzero(drawn[groups])
        part = part_of_matrix(distances, len(log), windows)
        others = cluster(part, n_present) if len(windows) > 1 else np.zeros(1, dtype=np.int64)
        row[:] = best_jaccard(log.labels[windows], others, n_clusters)
    known = ~np.isnan(found)
    times = known.sum(axis=0)
    never = times == 0
    mean = np.where(never, np.nan, np.nansum(found, axis=0) / np.maximum(times, 1))
    dissolved = np.where(never, np.nan, (known & (found <= 0.5)).sum(axis=0) / np.maximum(times, 1))
    return PatternStability(mean, dissolved, note)
