"""How distances and clusters come about where there is a matrix of all pairs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import squareform

from gymlab import clustering
from gymlab.actions.windows import Windows
from gymlab.clustering import LINKAGES, Checkpoint, Clustering, Condensed, Linkage, Tree
from gymlab.clustering.clusters import numbers_to_try
from gymlab.clustering.condensed import part_of_matrix
from gymlab.distance import dtw_pairs, dtw_pairwise
from gymlab.distance.blocks import Progress
from gymlab.errors import InputError
from gymlab.patterns import baseline
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.soft_dtw import soft_dtw_pairwise

Pieces = NDArray[np.float32] | list[NDArray[np.float32]]

# Windows that one of them stands for, at least, where others are placed.
_WINDOWS_A_REPRESENTATIVE = 20

# How the note on fewer patterns than asked for begins, so that a later cut can take it back.
FEWER = "fewer patterns than asked for:"

# The number of medoids is chosen on at most so many windows: it takes a search for each number.
_MOST_TO_COUNT_MEDOIDS = 2_000


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be clustered, how, and who is told of it.

    Attributes
    ----------
    windows, weights, config
        The windows, the weights of their code channels, the parameters.
    progress
        Of the DTW cells. Where the work may be stopped it is a function that calls the checkpoint too.
    checkpoint
        Called often; an exception that it raises stops the work.
    on_tree
        Called with the matrix of all pairs and the tree made from it as soon as they are there, before the tree is
        cut and its clusters described.
    """

    windows: Windows
    weights: Sequence[float]
    config: ExtractionConfig
    progress: Progress
    checkpoint: Checkpoint
    on_tree: Callable[[NDArray[np.float32], Tree], None] = lambda _distances, _tree: None

    @property
    def pieces(self) -> Pieces:
        """The windows' values."""
        windows = self.windows
        return windows.values

    @property
    def n_clusters(self) -> int | None:
        """The number of patterns that is asked for, None for ``auto``."""
        return None if self.config.n_clusters == "auto" else int(self.config.n_clusters)

    @property
    def linkage(self) -> Linkage:
        """The method, which has to be a linkage."""
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
class Clustered:
    """Clusters of all windows, and what they rest on; see :class:`gymlab.Extraction` for the fields' meaning."""

    clusters: Clustering
    distances: NDArray[np.float32] | None = None
    linkage: Tree | None = None
    sample: NDArray[np.int64] | None = None
    representatives: NDArray[np.int64] | None = None
    agreement: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Distances:
    """A condensed matrix, and how many of its pairs got DTW."""

    condensed: NDArray[np.float32]
    dtw_pairs: int


def distances_of(task: Task, strategy: str) -> Distances:
    """Compute the matrix of all pairs: ``exact``, ``selective`` or ``baseline``.

    Raises
    ------
    InputError
        If the strategy cannot work on these windows.
    """
    compute: dict[str, Callable[[Task], Distances]] = {
        "exact": _exact,
        "selective": _selective,
        "baseline": _as_the_baseline,
    }
    return compute[strategy](task)


def clusters_of(task: Task, condensed: NDArray[np.float32], strategy: str) -> Clustered:
    """Cluster a matrix by the method of the configuration; the baseline does it its own way."""
    config, checkpoint = task.config, task.checkpoint
    if strategy == "baseline":
        square = squareform(condensed).astype(np.float64) if len(condensed) else np.zeros((1, 1))
        k = task.n_clusters or baseline.N_CLUSTERS
        labels = clustering.by_size(baseline.BaselineEngine.labels(square, k, config.seed))
        return with_notes(task, Clustered(clustering.describe_labels(condensed, labels), condensed))
    if config.method in LINKAGES:
        tree = clustering.build_tree(condensed, task.linkage, checkpoint=checkpoint)
        task.on_tree(condensed, tree)
        return clusters_of_tree(task, condensed, tree)
    if config.method == "kmedoids":
        return with_notes(task, Clustered(clusters_around_medoids(task, condensed), condensed))
    n = len(task.windows)
    notes: tuple[str, ...] = ()
    fewest = min(config.min_samples, n)
    if n < config.min_samples:
        labels = np.full(n, -1, dtype=np.int64)
    elif config.method == "hdbscan":
        labels = clustering.hdbscan(
            condensed, min_cluster_size=fewest, min_samples=fewest, checkpoint=checkpoint
        )
    else:
        eps, notes = _eps(task, condensed)
        labels = clustering.dbscan(condensed, min_samples=fewest, eps=eps, checkpoint=checkpoint)
    described = clustering.describe_labels(condensed, labels, checkpoint=checkpoint)
    return with_notes(task, Clustered(described, condensed, notes=notes))


def with_notes(task: Task, found: Clustered) -> Clustered:
    """Return clusters with a note if they are fewer than was asked for, or none at all."""
    n, wanted, least = len(found.clusters.medoids), task.n_clusters, task.config.min_samples
    method, noun = task.config.method, task.windows.noun
    if wanted is not None and n < wanted:
        note = f"{FEWER} {n} of {wanted}, since more would part {noun} that are alike or equally far apart"
    elif n:
        return found
    elif len(task.windows) < least:
        note = f"{method} found no pattern: there are fewer {noun} than min_samples, which is {least}"
    elif method == "dbscan":
        note = (
            f"dbscan found no pattern: no {least} {noun} are within eps of one of them; choose a larger eps"
        )
    else:
        note = (
            f"{method} found no pattern: nowhere do two groups of {least} {noun} or more part; choose a smaller "
            "min_samples, or a linkage"
        )
    return replace(found, notes=(*found.notes, note))


def clusters_of_tree(task: Task, condensed: NDArray[np.float32], tree: Tree) -> Clustered:
    """Cut the tree of a matrix where the configuration says."""
    config, checkpoint = task.config, task.checkpoint
    clusters = clustering.cluster_tree(
        condensed, tree, n_clusters=task.n_clusters, height=config.cut_height, checkpoint=checkpoint
    )
    # Few of the windows, since one that stands for itself would make the others look far.
    standing = clustering.representatives(
        condensed,
        tree,
        clusters.labels,
        checkpoint,
        at_most=len(task.windows) // _WINDOWS_A_REPRESENTATIVE,
    )
    standing = np.union1d(standing, clusters.medoids)
    return with_notes(task, Clustered(clusters, condensed, tree, representatives=standing))


def clusters_around_medoids(task: Task, condensed: Condensed) -> Clustering:
    """Cluster a matrix by FasterPAM; the medoids are those that it found."""
    k = task.n_clusters
    curve: dict[int, float] = {}
    if k is None:
        k, curve = _number_of_medoids(task, condensed)
    found = clustering.kmedoids(condensed, k, seed=task.config.seed, checkpoint=task.checkpoint)
    described = clustering.describe_labels(condensed, found.labels, checkpoint=task.checkpoint)
    return replace(
        described,
        medoids=found.medoids,
        quality=replace(described.quality, silhouette_by_n_clusters=curve),
    )


def _number_of_medoids(task: Task, condensed: Condensed) -> tuple[int, dict[int, float]]:
    """Return the number from 2 to 20 with the largest average silhouette width, and all these widths."""
    n = clustering.number_of_items(condensed, checkpoint=task.checkpoint)
    if n > _MOST_TO_COUNT_MEDOIDS:
        chosen = np.sort(np.random.default_rng(task.config.seed).permutation(n)[:_MOST_TO_COUNT_MEDOIDS])
        matrix = np.asarray(condensed, dtype=np.float32)
        condensed = part_of_matrix(matrix, n, chosen, checkpoint=task.checkpoint)
        n = len(chosen)
    curve: dict[int, float] = {}
    for k in numbers_to_try(n):
        found = clustering.kmedoids(condensed, k, seed=task.config.seed, checkpoint=task.checkpoint)
        if len(found.medoids) > 1:
            sums = clustering.distance_sums(condensed, found.labels, checkpoint=task.checkpoint)
            curve[len(found.medoids)] = float(clustering.silhouettes(sums, found.labels).mean())
    return (max(curve, key=lambda k: curve[k]) if curve else 1), curve


def _eps(task: Task, condensed: NDArray[np.float32]) -> tuple[float, tuple[str, ...]]:
    if task.config.eps is not None:
        return float(task.config.eps), ()
    eps = clustering.suggested_eps(condensed, min_samples=task.config.min_samples, checkpoint=task.checkpoint)
    return eps, (note_on_eps(eps, task.config.min_samples),)


def note_on_eps(eps: float, min_samples: int) -> str:
    """Return the sentence that says where an eps comes from."""
    return (
        f"eps {eps:.4g} is the knee of the distances to the {min_samples}-th nearest window, itself counted"
    )


def _exact(task: Task) -> Distances:
    """DTW, or the soft-DTW divergence, of every pair.

    The matrix is kept, so that another method or cut of the same windows does not compute it again.
    """
    if task.config.distance == "soft-dtw":
        divergences = soft_dtw_pairwise(task.pieces, mismatch_weights=task.weights)
        return Distances(divergences, len(divergences))
    condensed = clustering.cached_pairwise(task.pieces, **task.distance, checkpoint=task.checkpoint)
    return Distances(condensed, len(condensed))


def _selective(task: Task) -> Distances:
    """DTW for the closest pairs by Euclidean distance, that distance for the others.

    The Euclidean distance is an upper bound of DTW, so a pair that is far by it may be close by DTW: this is an
    approximation, and its agreement with ``exact`` depends on the log.

    Raises
    ------
    InputError
        If the pieces differ in length, where there is no Euclidean distance.
    """
    pieces = task.pieces
    if isinstance(pieces, list):
        raise InputError(
            "strategy 'selective' compares by Euclidean distance, which needs windows of one length; this log is "
            "taken as whole series. Choose strategy 'exact', or unit 'window'"
        )
    filled = dtw_pairwise(pieces, **{**task.distance, "radius": 0})
    if len(filled) == 0:
        return Distances(filled, 0)
    chosen = _closest(filled, int(np.ceil(task.config.top_fraction * len(filled))))
    first, second = _pairs_at(chosen, len(pieces))
    filled[chosen] = dtw_pairs(pieces, first, second, **task.distance)
    return Distances(filled, len(chosen))


def _closest(distances: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the positions of the ``count`` smallest, in order; of equals at the border the first."""
    border = np.partition(distances, count - 1)[count - 1]
    below = np.flatnonzero(distances < border)
    at = np.flatnonzero(distances == border)[: count - len(below)]
    return np.sort(np.concatenate([below, at]))


def _pairs_at(positions: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pair (i, j), i < j, at each position of a condensed matrix of n items."""
    row_starts = np.arange(n) * (2 * n - 1 - np.arange(n)) // 2
    first = np.searchsorted(row_starts, positions, side="right") - 1
    return first, positions - row_starts[first] + first + 1


def _as_the_baseline(task: Task) -> Distances:
    pieces = task.pieces
    baseline.refuse_if_slow(len(pieces))
    square = baseline.BaselineEngine(baseline.checked_dtw(task.checkpoint)).distances(
        baseline.one_hot_codes(pieces, task.weights)
    )
    condensed = squareform(square, checks=False).astype(np.float32)
    return Distances(condensed, len(condensed))
