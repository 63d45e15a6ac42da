"""The stability of clusters when sessions are resampled.

The method is that of C. Hennig, "Cluster-wise assessment of cluster stability", Computational Statistics & Data
Analysis 52, 2007.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gymlab.clustering import Checkpoint, Condensed, Labels, no_checkpoint, part_of_matrix
from gymlab.patterns.significance.windowed_log import WindowedLog

Floats = NDArray[np.float64]

# With fewer sessions there are too few different resamples.
FEWEST_SESSIONS = 10
_BLOCKS_WANTED = 20


def best_jaccard(labels: Labels, others: Labels, n_clusters: int) -> Floats:
    """Return for each cluster the largest Jaccard similarity with any cluster of another clustering.

    Parameters
    ----------
    labels, others
        int64 ``(n,)``: two clusterings of the same items; −1 is noise.
    n_clusters
        Number of clusters of the first clustering. Some of these clusters may have none of the items.

    Returns
    -------
    numpy.ndarray
        float64 ``(n_clusters,)``; NaN for a cluster without items, 0 if the other clustering has no clusters.

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
    """Return the groups of windows that are resampled together, and a note on them.

    A group is a session with all its windows, since windows of a session overlap. With fewer than 10 sessions, a group
    is a contiguous block of a series. A block is at least twice as long as a window, so that blocks overlap little.

    Returns
    -------
    numpy.ndarray
        int64 ``(n_windows,)``: the index of the group of each window, from 0.
    str
        The note.
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
        f"there are fewer than {FEWEST_SESSIONS} sessions, so {len(blocks):,} blocks of {block:,} actions are resampled; "
        "blocks of a session are not independent, so the stability is probably too high"
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
) -> tuple[Floats, Floats, str]:
    """Cluster resamples of the windows, and compare their clusters with those of the log.

    A group that is drawn twice is taken once, as in clusterboot of the R package fpc. Copies would have distance 0 and
    form clusters.

    Parameters
    ----------
    log
        The windows and their labels.
    distances
        float32 ``(n(n−1)/2,)``: the distances of these windows.
    n_clusters
        Number of patterns. Some of them may have none of these windows.
    cluster
        A function from a condensed matrix and a number of clusters to labels.
    n_resamples
        Number of resamples, at least 1.
    rng
        Draws the groups.
    checkpoint
        Called before each resample. An exception that it raises stops the work.

    Returns
    -------
    numpy.ndarray
        float64 ``(n_clusters,)``: the stability, the mean Jaccard similarity with the best match. NaN for a cluster that
        was in no resample.
    numpy.ndarray
        float64 ``(n_clusters,)``: the share of the resamples in which this similarity was at most 0.5, or NaN.
    str
        A note on the groups that were resampled.
    """
    groups, note = resampling_groups(log)
    n_groups = int(groups.max()) + 1
    if n_groups < 2:
        unknown = np.full(n_clusters, np.nan)
        return unknown, unknown, "there is one session only, which is too short to be resampled in blocks"
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
    times = np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    mean = np.nansum(found, axis=0) / times
    dissolved = (known & (found <= 0.5)).sum(axis=0) / times
    return mean, dissolved, note
