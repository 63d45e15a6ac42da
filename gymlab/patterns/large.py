"""Clusters of more windows than a matrix of all pairs can hold: streamed, from the graph within eps, or sampled."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab import clustering
from gymlab.budget import memory_budget
from gymlab.clustering import LINKAGES, Clustering, Labels, Tree
from gymlab.clustering.clusters import numbers_to_try
from gymlab.clustering.sampled import draw_sample
from gymlab.distance import dtw_cross, dtw_neighbors, dtw_pairwise
from gymlab.errors import InputError, MemoryLimitError
from gymlab.patterns.assignment import part_of
from gymlab.patterns.plan import Plan
from gymlab.patterns.strategies import (
    Clustered,
    Task,
    clusters_around_medoids,
    note_on_eps,
    with_notes,
)

# Of how many windows, drawn evenly from the patterns, medoids and silhouettes are taken where there is no matrix; at
# least so many of each pattern.
_DESCRIBED, _DESCRIBED_OF_EACH = 4_000, 3


# How many windows tell what share of all pairs is within eps; bytes that an edge takes while the graph is made.
_TO_COUNT_EDGES = 1_000
_BYTES_AN_EDGE = 40

# Distances to medoids that are held at once.
_MOST_DISTANCES = 20_000_000


def streamed(task: Task) -> Clustered:
    """Cluster by ``single`` or ``hdbscan``; every distance is computed, used and forgotten."""
    pieces, config = task.pieces, task.config
    if config.method == "hdbscan":
        labels = clustering.hdbscan_series(
            pieces,
            min_cluster_size=config.min_samples,
            min_samples=config.min_samples,
            **task.distance,
        )
        return with_notes(task, _described(task, labels))
    tree = clustering.single_linkage_tree(pieces, **task.distance)
    return cut_of_streamed(task, tree)


def cut_of_streamed(task: Task, tree: Tree) -> Clustered:
    """Cut a tree of which there is no matrix where the configuration says."""
    if task.n_clusters is None and task.config.cut_height is None:
        return _best_cut(task, tree)
    labels = clustering.cut_tree(tree, n_clusters=task.n_clusters, height=task.config.cut_height)
    return with_notes(task, _described(task, labels, tree))


def from_graph(task: Task) -> Clustered:
    """Cluster by ``dbscan`` from the pairs within ``eps`` alone.

    Raises
    ------
    MemoryLimitError
        If these are more than memory holds.
    """
    pieces, config = task.pieces, task.config
    eps = config.eps
    notes: tuple[str, ...] = ()
    if eps is None:
        nearest = dtw_neighbors(pieces, k=config.min_samples - 1, **task.distance)
        eps = clustering.suggested_eps(nearest, min_samples=config.min_samples, checkpoint=task.checkpoint)
        notes = (note_on_eps(eps, config.min_samples),)
    _refuse_dense_graph(task, float(eps))
    graph = dtw_neighbors(pieces, eps=float(eps), values=False, **task.distance)
    labels = clustering.dbscan(graph, min_samples=config.min_samples, checkpoint=task.checkpoint)
    found = _described(task, labels)
    return with_notes(task, replace(found, notes=(*notes, *found.notes)))


def sampled(task: Task, plan: Plan) -> Clustered:
    """Cluster a sample exactly and place the others; sessions are represented alike."""
    # A log of one window is all of its sample.
    size = max(2, plan.sample_size)
    if task.config.method not in LINKAGES:
        return with_notes(task, _sampled_medoids(task, size))
    found = clustering.cluster_sample(
        task.pieces,
        sample_size=size,
        method=task.linkage,
        n_clusters=task.n_clusters,
        height=task.config.cut_height,
        seed=task.config.seed,
        groups=_sessions(task),
        checkpoint=task.checkpoint,
        **task.distance,
    )
    quality = replace(found.quality, silhouettes=_spread(task, found.sample, found.quality.silhouettes))
    clustered = Clustered(
        Clustering(found.labels, found.medoids, quality),
        distances=found.distances,
        linkage=found.tree,
        sample=found.sample,
        representatives=found.representatives,
        agreement=None if np.isnan(found.agreement) else found.agreement,
        notes=(found.explanation,),
    )
    return with_notes(task, clustered)


def _sampled_medoids(task: Task, size: int) -> Clustered:
    """Cluster a sample around medoids and place all windows at the nearest, and again with a second sample."""
    n = len(task.windows)
    sample = draw_sample(n, size, groups=_sessions(task), seed=task.config.seed)
    condensed, clusters = _medoids_of_sample(task, sample)
    medoids = sample[clusters.medoids]
    labels = _nearest(task, medoids)
    fixed = replace(task, config=replace(task.config, n_clusters=len(medoids)))
    second = draw_sample(n, size, groups=_sessions(task), seed=task.config.seed + 1)
    again = _nearest(task, second[_medoids_of_sample(fixed, second)[1].medoids])
    agreement = clustering.adjusted_rand_index(labels, again)
    renumbered = clustering.by_size(labels)
    ordered = np.empty_like(medoids)
    ordered[renumbered[medoids]] = medoids
    quality = replace(clusters.quality, silhouettes=_spread(task, sample, clusters.quality.silhouettes))
    note = (
        f"the medoids are those of {len(sample):,} {task.windows.noun} drawn at random; those of a second sample "
        f"place all with an adjusted Rand index of {agreement:.2f} to these patterns"
    )
    return Clustered(
        Clustering(renumbered, ordered, quality),
        condensed,
        sample=sample,
        representatives=ordered,
        agreement=agreement,
        notes=(note,),
    )


def _medoids_of_sample(task: Task, sample: NDArray[np.int64]) -> tuple[NDArray[np.float32], Clustering]:
    condensed = dtw_pairwise(part_of(task.pieces, sample), **task.distance)
    return condensed, clusters_around_medoids(task, condensed)


def _nearest(task: Task, medoids: NDArray[np.int64]) -> Labels:
    """Return which medoid is nearest to each window; a medoid is at home."""
    pieces, typical = task.pieces, part_of(task.pieces, medoids)
    labels = np.empty(len(pieces), dtype=np.int64)
    step = max(1, _MOST_DISTANCES // len(medoids))
    for start in range(0, len(pieces), step):
        part = slice(start, start + step)
        labels[part] = dtw_cross(pieces[part], typical, **task.distance).argmin(axis=1)
    labels[medoids] = np.arange(len(medoids))
    return labels


def _best_cut(task: Task, tree: Tree) -> Clustered:
    """Cut a streamed tree at the number of clusters, from 2 to 20, with the largest average silhouette width."""
    n = len(task.windows)
    cuts = [clustering.cut_tree(tree, n_clusters=k) for k in numbers_to_try(n)]
    widths: dict[int, tuple[float, Clustered]] = {}
    # Cuts of one tree are nested, so a sample even over the finest is even over all.
    chosen = _evenly(cuts[-1], task.config.seed)
    condensed = dtw_pairwise(part_of(task.pieces, chosen), **task.distance)
    for cut in cuts:
        found = _described_by(task, cut, chosen, condensed, tree)
        width = found.clusters.quality.silhouette
        if not np.isnan(width):
            widths[int(cut.max()) + 1] = (width, found)
    if not widths:
        return _described_by(task, np.zeros(n, dtype=np.int64), chosen, condensed, tree)
    best = widths[max(widths, key=lambda k: widths[k][0])][1]
    curve = {k: width for k, (width, _) in widths.items()}
    quality = replace(best.clusters.quality, silhouette_by_n_clusters=curve)
    return replace(best, clusters=replace(best.clusters, quality=quality))


def _described(task: Task, labels: Labels, tree: Tree | None = None) -> Clustered:
    chosen = _evenly(labels, task.config.seed)
    if len(chosen) == 0:
        chosen = np.arange(1)
    condensed = dtw_pairwise(part_of(task.pieces, chosen), **task.distance)
    return _described_by(task, labels, chosen, condensed, tree)


def _described_by(
    task: Task, labels: Labels, chosen: NDArray[np.int64], condensed: NDArray[np.float32], tree: Tree | None
) -> Clustered:
    """Describe labels of all windows by the distances of a few, which hold some of every cluster."""
    few = clustering.describe_labels(condensed, labels[chosen], checkpoint=task.checkpoint)
    quality = replace(few.quality, silhouettes=_spread(task, chosen, few.quality.silhouettes))
    note = (
        f"medoids and silhouettes are taken among {len(chosen):,} {task.windows.noun} drawn from all patterns"
    )
    clusters = Clustering(labels, chosen[few.medoids], quality)
    return Clustered(clusters, linkage=tree, notes=(note,) if len(chosen) < len(labels) else ())


def _evenly(labels: Labels, seed: int) -> NDArray[np.int64]:
    """Return some windows, ascending: of each cluster in proportion to its size, but a few at least."""
    members = np.flatnonzero(labels >= 0)
    mixed = np.random.default_rng(seed).permutation(members)
    mixed = mixed[np.argsort(labels[mixed], kind="stable")]
    counts = np.bincount(labels[members], minlength=int(labels.max(initial=-1)) + 1)
    quota = np.ceil(counts * min(1.0, _DESCRIBED / max(1, len(members)))).astype(np.int64)
    rank = np.arange(len(mixed)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(mixed[rank < np.maximum(quota, _DESCRIBED_OF_EACH)[labels[mixed]]])


def _spread(task: Task, sample: NDArray[np.int64], widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the silhouettes of all windows, NaN for those outside the sample."""
    spread = np.full(len(task.windows), np.nan)
    spread[sample] = widths
    return spread


def _sessions(task: Task) -> NDArray[np.int64]:
    codes, _ = pd.factorize(task.windows.table["session_id"])
    return codes.astype(np.int64)


def _refuse_dense_graph(task: Task, eps: float) -> None:
    """Raise if the pairs within eps, as counted among a few windows, would not fit in memory."""
    n = len(task.windows)
    few = np.random.default_rng(task.config.seed).permutation(n)[:_TO_COUNT_EDGES]
    quiet: dict[str, Any] = {**task.distance, "progress": False}
    distances = dtw_pairwise(part_of(task.pieces, few), **quiet)
    share = float((distances <= np.float32(eps)).mean()) if len(distances) else 0.0
    needed, limit = share * n * (n - 1) * _BYTES_AN_EDGE, memory_budget()
    if needed > limit:
        raise MemoryLimitError(
            f"eps {eps:.4g} joins about {share:.1%} of the pairs of {n:,} {task.windows.noun}, which takes "
            f"{needed / 1e9:.1f} GB and {limit / 1e9:.1f} GB may be used; choose a smaller eps, method 'hdbscan' or "
            "'ward', or a larger hop"
        )


def require_enough(task: Task, n_clustered: int) -> None:
    """Refuse more patterns than there are windows that are clustered.

    Raises
    ------
    InputError
        It says how many there are.
    """
    wanted = task.n_clusters
    if wanted is not None and wanted > n_clustered:
        noun = task.windows.noun
        which = f"{noun} in the sample" if n_clustered < len(task.windows) else f"{noun} to cluster"
        raise InputError(f"n_clusters is {wanted:,}, but there are only {n_clustered:,} {which}")
