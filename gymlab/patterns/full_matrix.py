"""The strategies with a matrix of all pairs of windows: its distances, and the clusters found in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import squareform

from gymlab import clustering
from gymlab.actions.windows import Windows
from gymlab.clustering import LINKAGES, Checkpoint, Clustering, Condensed, Labels, Linkage, Tree
from gymlab.clustering.clusters import average_width, best_number, numbers_to_try
from gymlab.distance import NeighborGraph, dtw_pairs, dtw_pairwise
from gymlab.distance.blocks import Progress
from gymlab.distance.triangle import pairs_at
from gymlab.errors import InputError
from gymlab.patterns.baseline import N_CLUSTERS, BaselineEngine, refuse_if_slow
from gymlab.patterns.config import DENSITY_METHODS, ExtractionConfig
from gymlab.patterns.one_hot import one_hot_series
from gymlab.patterns.placement import WindowValues
from gymlab.patterns.soft_dtw import soft_dtw_pairwise

# New windows are compared with the representatives: at most one for this many windows.
_WINDOWS_A_REPRESENTATIVE = 20

# The beginning of the note on too few patterns, by which a later cut finds and removes the note.
FEWER = "fewer patterns than asked for:"

# The number of medoids is chosen on at most this many windows, since each number takes a search.
_MOST_TO_COUNT_MEDOIDS = 2_000


@dataclass(frozen=True, eq=False)
class ClusteringJob:
    """The windows to cluster, the parameters, and the functions that report to the caller.

    Attributes
    ----------
    windows, weights, config
        The windows, the mismatch weights of their code channels, and the parameters.
    progress
        As for :func:`gymlab.extract_patterns`, over the DTW cells. If `checkpoint` may stop the work, this has to be a
        function that calls `checkpoint`.
    checkpoint
        Called often. An exception that it raises stops the work.
    on_tree
        Called with the matrix of all pairs and its tree, before the tree is cut.
    """

    windows: Windows
    weights: Sequence[float]
    config: ExtractionConfig
    progress: Progress
    checkpoint: Checkpoint
    on_tree: Callable[[NDArray[np.float32], Tree], None] = lambda _distances, _tree: None

    @property
    def series(self) -> WindowValues:
        """The windows as time series."""
        return self.windows.values

    @property
    def n_clusters(self) -> int | None:
        """The number of patterns in the configuration, None for ``auto``."""
        return None if self.config.n_clusters == "auto" else int(self.config.n_clusters)

    @property
    def linkage(self) -> Linkage:
        """The method of the configuration, for callers that know it to be a linkage."""
        return cast("Linkage", self.config.method)

    @property
    def distance(self) -> dict[str, Any]:
        """The keyword arguments of every distance function."""
        return {
            "radius": self.config.radius,
            "n_threads": self.config.n_threads,
            "progress": self.progress,
            "mismatch_weights": self.weights,
        }


@dataclass(frozen=True, eq=False)
class WindowClusters:
    """Clusters of all windows, with the matrix and tree they come from; :class:`gymlab.Extraction` documents the fields.

    ``finer`` are the representatives; None if they are the medoids.
    """

    clusters: Clustering
    distances: NDArray[np.float32] | None = None
    linkage: Tree | None = None
    sample: NDArray[np.int64] | None = None
    finer: NDArray[np.int64] | None = None
    agreement: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def representatives(self) -> NDArray[np.int64]:
        """The windows with which new windows are compared."""
        return self.clusters.medoids if self.finer is None else self.finer


def distances_of(job: ClusteringJob, strategy: str) -> tuple[NDArray[np.float32], int]:
    """Return the condensed matrix of all pairs by strategy ``exact``, ``selective`` or ``baseline``.

    The matrix of ``exact`` is cached, so that another method or cut of the same windows does not compute it again.

    Returns
    -------
    numpy.ndarray
        The matrix.
    int
        Number of pairs for which DTW was computed.

    Raises
    ------
    InputError
        If the strategy cannot work on these windows.
    """
    if strategy == "selective":
        return _selective(job)
    if strategy == "baseline":
        condensed = _by_baseline(job)
    elif job.config.distance == "soft-dtw":
        condensed = soft_dtw_pairwise(job.series, mismatch_weights=job.weights)
    else:
        condensed = clustering.cached_pairwise(job.series, **job.distance, checkpoint=job.checkpoint)
    return condensed, len(condensed)


def clusters_of(job: ClusteringJob, condensed: NDArray[np.float32], strategy: str) -> WindowClusters:
    """Cluster a matrix by the method of the configuration; strategy ``baseline`` clusters by KMeans."""
    config, checkpoint = job.config, job.checkpoint
    if strategy != "baseline" and config.method in LINKAGES:
        tree = clustering.build_tree(condensed, job.linkage, checkpoint=checkpoint)
        job.on_tree(condensed, tree)
        return clusters_of_tree(job, condensed, tree)
    notes: tuple[str, ...] = ()
    if strategy == "baseline":
        square = squareform(condensed).astype(np.float64) if len(condensed) else np.zeros((1, 1))
        found = BaselineEngine.labels(square, job.n_clusters or N_CLUSTERS, config.seed)
        labels = clustering.by_size(found)
        clusters = clustering.describe_labels(condensed, labels)
    elif config.method == "kmedoids":
        clusters = clusters_around_medoids(job, condensed)
    else:
        labels, notes = _labels_by_density(job, condensed)
        clusters = clustering.describe_labels(condensed, labels, checkpoint=checkpoint)
    return with_notes(job, WindowClusters(clusters, condensed, notes=notes))


def labels_of(job: ClusteringJob, condensed: Condensed, n_clusters: int) -> Labels:
    """Return labels by the method of the configuration, for the matrix of a resample or surrogate."""
    if job.config.method in DENSITY_METHODS:
        return _labels_by_density(job, condensed)[0]
    k = min(n_clusters, clustering.number_of_items(condensed))
    if job.config.method == "kmedoids":
        return clustering.kmedoids(condensed, k, seed=job.config.seed, checkpoint=job.checkpoint).labels
    return clustering.cut_tree(
        clustering.build_tree(condensed, job.linkage, checkpoint=job.checkpoint), n_clusters=k
    )


def _labels_by_density(job: ClusteringJob, condensed: Condensed) -> tuple[Labels, tuple[str, ...]]:
    """Return the labels of ``dbscan`` or ``hdbscan``, and a note on a suggested eps."""
    least, checkpoint = job.config.min_samples, job.checkpoint
    n = clustering.number_of_items(condensed)
    if n < least:
        return np.full(n, -1, dtype=np.int64), ()
    if job.config.method == "hdbscan":
        return clustering.hdbscan(
            condensed, min_cluster_size=least, min_samples=least, checkpoint=checkpoint
        ), ()
    eps, notes = eps_of(job, lambda: condensed)
    return clustering.dbscan(condensed, eps=eps, min_samples=least, checkpoint=checkpoint), notes


def eps_of(
    job: ClusteringJob, distances: Callable[[], Condensed | NeighborGraph]
) -> tuple[float, tuple[str, ...]]:
    """Return the eps of the configuration, or the eps that the distances suggest, with a note."""
    if job.config.eps is not None:
        return float(job.config.eps), ()
    least = job.config.min_samples
    eps = clustering.suggested_eps(distances(), min_samples=least, checkpoint=job.checkpoint)
    note = f"eps {eps:.4g} is the knee of the distances to the {least}-th nearest window, itself counted"
    return eps, (note,)


def with_notes(job: ClusteringJob, found: WindowClusters) -> WindowClusters:
    """Return the clusters, with a note if there are fewer than the configuration asks for, or none."""
    n, wanted, least = len(found.clusters.medoids), job.n_clusters, job.config.min_samples
    method, noun = job.config.method, job.windows.noun
    if wanted is not None and n < wanted:
        note = (
            f"{FEWER} {n} of {wanted}, since more would separate {noun} that are equal or equally far apart"
        )
    elif n:
        return found
    elif len(job.windows) < least:
        note = f"{method} found no pattern: there are fewer {noun} than min_samples, which is {least}"
    elif method == "dbscan":
        note = (
            f"dbscan found no pattern: none of the {noun} has {least} {noun} within eps; choose a larger eps"
        )
    else:
        note = (
            f"{method} found no pattern: the {noun} do not separate into groups of {least} or more; choose a smaller "
            "min_samples, or a linkage"
        )
    return replace(found, notes=(*found.notes, note))


def clusters_of_tree(job: ClusteringJob, condensed: NDArray[np.float32], tree: Tree) -> WindowClusters:
    """Cut the tree of a matrix as the configuration says."""
    height, checkpoint = job.config.cut_height, job.checkpoint
    clusters = clustering.cluster_tree(
        condensed, tree, n_clusters=job.n_clusters, height=height, checkpoint=checkpoint
    )
    # The distance of a representative to itself is 0, so all other windows look far. So there are few representatives.
    most = len(job.windows) // _WINDOWS_A_REPRESENTATIVE
    finer = clustering.representatives(condensed, tree, clusters.labels, checkpoint, at_most=most)
    finer = np.union1d(finer, clusters.medoids)
    return with_notes(job, WindowClusters(clusters, condensed, tree, finer=finer))


def clusters_around_medoids(job: ClusteringJob, condensed: Condensed) -> Clustering:
    """Cluster a matrix by FasterPAM, and keep the medoids that it finds."""
    k = job.n_clusters
    curve: dict[int, float] = {}
    if k is None:
        curve = _widths_by_number_of_medoids(job, condensed)
        k = best_number(curve)
    found = clustering.kmedoids(condensed, k, seed=job.config.seed, checkpoint=job.checkpoint)
    clusters = clustering.describe_labels(condensed, found.labels, checkpoint=job.checkpoint)
    quality = replace(clusters.quality, silhouette_by_n_clusters=curve)
    return replace(clusters, medoids=found.medoids, quality=quality)


def _widths_by_number_of_medoids(job: ClusteringJob, condensed: Condensed) -> dict[int, float]:
    seed, checkpoint = job.config.seed, job.checkpoint
    n = clustering.number_of_items(condensed, checkpoint=checkpoint)
    if n > _MOST_TO_COUNT_MEDOIDS:
        chosen = np.sort(np.random.default_rng(seed).permutation(n)[:_MOST_TO_COUNT_MEDOIDS])
        condensed = clustering.part_of_matrix(condensed, n, chosen, checkpoint=checkpoint)
        n = len(chosen)
    curve: dict[int, float] = {}
    for k in numbers_to_try(n):
        found = clustering.kmedoids(condensed, k, seed=seed, checkpoint=checkpoint)
        if len(found.medoids) > 1:
            sums = clustering.distance_sums(condensed, found.labels, checkpoint=checkpoint)
            curve[len(found.medoids)] = average_width(clustering.silhouettes(sums, found.labels))
    return curve


def _selective(job: ClusteringJob) -> tuple[NDArray[np.float32], int]:
    """Return the matrix of ``selective``, and the number of pairs for which DTW was computed.

    The Euclidean distance is an upper bound of DTW, so a pair with a large Euclidean distance may have a small DTW
    distance. The result is an approximation. Its agreement with ``exact`` depends on the log.
    """
    series = job.series
    if isinstance(series, list):
        raise InputError(
            "strategy 'selective' needs windows of one length for the Euclidean distance, but the unit is whole series; "
            "choose strategy 'exact', or unit 'window'"
        )
    filled = dtw_pairwise(series, **{**job.distance, "radius": 0})
    if len(filled) == 0:
        return filled, 0
    count = int(np.ceil(job.config.top_fraction * len(filled)))
    # The smallest distances. Among pairs with the largest selected distance, the first ones are taken.
    border = np.partition(filled, count - 1)[count - 1]
    below = np.flatnonzero(filled < border)
    at = np.flatnonzero(filled == border)[: count - len(below)]
    chosen = np.sort(np.concatenate([below, at]))
    filled[chosen] = dtw_pairs(series, *pairs_at(chosen, len(series)), **job.distance)
    return filled, len(chosen)


def _by_baseline(job: ClusteringJob) -> NDArray[np.float32]:
    refuse_if_slow(len(job.windows))
    square = BaselineEngine().distances(one_hot_series(job.series, job.weights), job.checkpoint)
    condensed: NDArray[np.float32] = squareform(square, checks=False).astype(np.float32)
    return condensed
