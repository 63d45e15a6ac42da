"""The strategies without a matrix of all pairs: distances streamed, pairs within eps, or a sample of the windows."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab import clustering
from gymlab.budget import memory_budget
from gymlab.clustering import LINKAGES, Clustering, Labels, Quality, Tree
from gymlab.clustering.clusters import best_number, numbers_to_try
from gymlab.clustering.linkage import by_size_with_medoids
from gymlab.clustering.sampled import draw_sample, nearest_representatives, series_at
from gymlab.distance import NeighborGraph, dtw_cross, dtw_neighbors, dtw_pairwise
from gymlab.errors import InputError, MemoryLimitError
from gymlab.patterns.full_matrix import (
    ClusteringJob,
    WindowClusters,
    clusters_around_medoids,
    eps_of,
    with_notes,
)

# Without a matrix, medoids and silhouettes are taken among this many windows, drawn from each pattern in proportion to
# its size; and at least this many of each pattern.
_DESCRIBED, _DESCRIBED_OF_EACH = 4_000, 3

# The share of the pairs that are within eps is estimated from this many windows. An edge takes this many bytes while
# the graph is made.
_TO_COUNT_EDGES = 1_000
_BYTES_AN_EDGE = 40


def streamed(job: ClusteringJob) -> WindowClusters:
    """Cluster by ``single`` or ``hdbscan``, and keep no distance after its use."""
    least = job.config.min_samples
    if job.config.method == "hdbscan":
        labels = clustering.hdbscan_series(
            job.series, min_cluster_size=least, min_samples=least, **job.distance
        )
        return with_notes(job, _described_by_a_sample(job, labels))
    return cut_of_streamed(job, clustering.single_linkage_tree(job.series, **job.distance))


def cut_of_streamed(job: ClusteringJob, tree: Tree) -> WindowClusters:
    """Cut a tree that was built without a matrix, as the configuration says."""
    if job.n_clusters is None and job.config.cut_height is None:
        return _best_cut(job, tree)
    labels = clustering.cut_tree(tree, n_clusters=job.n_clusters, height=job.config.cut_height)
    return with_notes(job, _described_by_a_sample(job, labels, tree))


def from_graph(job: ClusteringJob) -> tuple[WindowClusters, int]:
    """Cluster by ``dbscan`` from the pairs within ``eps`` only.

    Returns
    -------
    clusters, dtw_pairs
        The clusters, and the number of pairs for which DTW was begun, those of the query that suggests ``eps`` included.

    Raises
    ------
    MemoryLimitError
        If these pairs do not fit in memory.
    """
    least = job.config.min_samples
    graphs: list[NeighborGraph] = []

    def neighbours(**query: Any) -> NeighborGraph:  # noqa: ANN401 - options of dtw_neighbors
        graphs.append(dtw_neighbors(job.series, **query, **job.distance))
        return graphs[-1]

    eps, notes = eps_of(job, lambda: neighbours(k=least - 1))
    _refuse_dense_graph(job, eps)
    graph = neighbours(eps=eps, values=False)
    labels = clustering.dbscan(graph, min_samples=least, checkpoint=job.checkpoint)
    found = _described_by_a_sample(job, labels)
    # The statistics count ordered pairs.
    dtw_pairs = sum(one.stats.computed + one.stats.abandoned for one in graphs) // 2
    return with_notes(job, replace(found, notes=(*notes, *found.notes))), dtw_pairs


def sampled(job: ClusteringJob, sample_size: int) -> WindowClusters:
    """Cluster a sample exactly, and give each other window the pattern of its nearest representative.

    The sample takes the same share of the windows of each session.
    """
    # A log may have only one window, but a sample size is at least 2.
    size = max(2, sample_size)
    sessions = pd.factorize(job.windows.table["session_id"])[0].astype(np.int64)
    if job.config.method not in LINKAGES:
        return with_notes(job, _sampled_medoids(job, size, sessions))
    found = clustering.cluster_sample(
        job.series,
        sample_size=size,
        method=job.linkage,
        n_clusters=job.n_clusters,
        height=job.config.cut_height,
        seed=job.config.seed,
        groups=sessions,
        checkpoint=job.checkpoint,
        **job.distance,
    )
    quality = quality_of_all(len(job.windows), found.sample, found.quality)
    clusters = WindowClusters(
        Clustering(found.labels, found.medoids, quality),
        distances=found.distances,
        linkage=found.tree,
        sample=found.sample,
        finer=found.representatives,
        agreement=None if np.isnan(found.agreement) else found.agreement,
        notes=(found.explanation,),
    )
    return with_notes(job, clusters)


def _sampled_medoids(job: ClusteringJob, size: int, sessions: NDArray[np.int64]) -> WindowClusters:
    """Cluster a sample around medoids, and give each window the pattern of its nearest medoid.

    A second sample does the same, to measure the agreement.
    """
    n, seed = len(job.windows), job.config.seed

    def around_medoids(
        job: ClusteringJob, seed: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], Clustering, Labels]:
        sample = draw_sample(n, size, groups=sessions, seed=seed)
        condensed = dtw_pairwise(series_at(job.series, sample), **job.distance)
        clusters = clusters_around_medoids(job, condensed)
        medoids = sample[clusters.medoids]
        typical = series_at(job.series, medoids)
        distances = partial(dtw_cross, **job.distance)
        labels, _ = nearest_representatives(job.series, None, typical, distances)
        # A medoid belongs to its own cluster, even if it is equal to the medoid of another cluster.
        labels[medoids] = np.arange(len(medoids))
        return sample, condensed, clusters, labels

    sample, condensed, clusters, labels = around_medoids(job, seed)
    fixed = replace(job, config=replace(job.config, n_clusters=len(clusters.medoids)))
    agreement = clustering.adjusted_rand_index(labels, around_medoids(fixed, seed + 1)[-1])
    renumbered, medoids = by_size_with_medoids(labels, sample[clusters.medoids])
    quality = quality_of_all(n, sample, clusters.quality)
    note = (
        f"the medoids are taken from a random sample of {len(sample):,} {job.windows.noun}; the labels by the medoids "
        f"of a second sample agree with these labels at an adjusted Rand index of {agreement:.2f}"
    )
    found = Clustering(renumbered, medoids, quality)
    return WindowClusters(found, condensed, sample=sample, agreement=agreement, notes=(note,))


def _best_cut(job: ClusteringJob, tree: Tree) -> WindowClusters:
    """Cut a streamed tree at the number of clusters, from 2 to 20, with the largest average silhouette width."""
    n = len(job.windows)
    cuts = [clustering.cut_tree(tree, n_clusters=k) for k in numbers_to_try(n)]
    # Cuts of one tree are nested, so a sample with windows of every cluster of the finest cut serves all cuts.
    chosen = _evenly(cuts[-1], job.config.seed)
    condensed = dtw_pairwise(series_at(job.series, chosen), **job.distance)
    described = {
        int(cut.max()) + 1: _described_by_few(job, cut, chosen, condensed, tree) for cut in cuts if cut.any()
    }
    curve = {k: found.clusters.quality.silhouette for k, found in described.items()}
    if not curve:
        return _described_by_few(job, np.zeros(n, dtype=np.int64), chosen, condensed, tree)
    best = described[best_number(curve)]
    quality = replace(best.clusters.quality, silhouette_by_n_clusters=curve)
    return replace(best, clusters=replace(best.clusters, quality=quality))


def _described_by_a_sample(job: ClusteringJob, labels: Labels, tree: Tree | None = None) -> WindowClusters:
    chosen = _evenly(labels, job.config.seed)
    if len(chosen) == 0:
        chosen = np.arange(1)
    condensed = dtw_pairwise(series_at(job.series, chosen), **job.distance)
    return _described_by_few(job, labels, chosen, condensed, tree)


def _described_by_few(
    job: ClusteringJob,
    labels: Labels,
    chosen: NDArray[np.int64],
    condensed: NDArray[np.float32],
    tree: Tree | None,
) -> WindowClusters:
    """Return the clusters of all windows, with medoids and silhouettes from a few windows of every cluster."""
    few = clustering.describe_labels(condensed, labels[chosen], checkpoint=job.checkpoint)
    quality = quality_of_all(len(labels), chosen, few.quality)
    note = f"medoids and silhouettes are taken among {len(chosen):,} {job.windows.noun}, drawn from every pattern"
    clusters = Clustering(labels, chosen[few.medoids], quality)
    return WindowClusters(clusters, linkage=tree, notes=(note,) if len(chosen) < len(labels) else ())


def _evenly(labels: Labels, seed: int) -> NDArray[np.int64]:
    """Return some windows, ascending: from each cluster in proportion to its size, but at least a few."""
    members = np.flatnonzero(labels >= 0)
    mixed = np.random.default_rng(seed).permutation(members)
    mixed = mixed[np.argsort(labels[mixed], kind="stable")]
    counts = np.bincount(labels[members], minlength=int(labels.max(initial=-1)) + 1)
    quota = np.ceil(counts * min(1.0, _DESCRIBED / max(1, len(members)))).astype(np.int64)
    rank = np.arange(len(mixed)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(mixed[rank < np.maximum(quota, _DESCRIBED_OF_EACH)[labels[mixed]]])


def quality_of_all(n: int, sample: NDArray[np.int64], quality: Quality) -> Quality:
    """Return the quality of a sample, with silhouettes for all n windows: NaN outside the sample."""
    widths = np.full(n, np.nan)
    widths[sample] = quality.silhouettes
    return replace(quality, silhouettes=widths)


def _refuse_dense_graph(job: ClusteringJob, eps: float) -> None:
    """Raise if the pairs within eps, estimated from a few windows, do not fit in memory."""
    n = len(job.windows)
    few = np.random.default_rng(job.config.seed).permutation(n)[:_TO_COUNT_EDGES]
    quiet: dict[str, Any] = {**job.distance, "progress": False}
    distances = dtw_pairwise(series_at(job.series, few), **quiet)
    share = float((distances <= np.float32(eps)).mean()) if len(distances) else 0.0
    needed, limit = share * n * (n - 1) * _BYTES_AN_EDGE, memory_budget()
    if needed > limit:
        raise MemoryLimitError(
            f"about {share:.1%} of the pairs of {n:,} {job.windows.noun} are within eps {eps:.4g}; they need "
            f"{needed / 1e9:.1f} GB, and {limit / 1e9:.1f} GB may be used. Choose a smaller eps, method 'hdbscan' or "
            "'ward', or a larger hop"
        )


def require_enough(job: ClusteringJob, n_clustered: int) -> None:
    """Check that there are at least as many windows to cluster as patterns.

    Raises
    ------
    InputError
        If there are fewer.
    """
    wanted = job.n_clusters
    if wanted is not None and wanted > n_clustered:
        noun = job.windows.noun
        which = f"{noun} in the sample" if n_clustered < len(job.windows) else f"{noun} to cluster"
        raise InputError(f"n_clusters is {wanted:,}, but there are only {n_clustered:,} {which}")
