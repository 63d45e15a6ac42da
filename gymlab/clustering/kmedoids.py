"""k-medoids by FasterPAM."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gymlab.arguments import whole_number
from gymlab.clustering.condensed import (
    Checkpoint,
    Condensed,
    Labels,
    distance_sums,
    distances_between,
    matrix_of,
    no_checkpoint,
    number_of_items,
)
from gymlab.clustering.kernels import matrix_passes
from gymlab.clustering.linkage import by_size_with_medoids

# How many distances are read between two checkpoints. These distances lie far apart in memory.
_DISTANCES_A_SLICE = 2**20


@dataclass(frozen=True, eq=False)
class KMedoids:
    """Clusters around medoids.

    Attributes
    ----------
    labels
        int64 ``(n,)``: the cluster of each item's nearest medoid, 0 for the largest.
    medoids
        int64 ``(n_clusters,)``: the item at the centre of each cluster.
    loss
        Sum of the distances of all items to their medoids.
    start_loss
        The loss of the medoids with which the search began.
    n_swaps
        How often a medoid was replaced.
    """

    labels: Labels = field(repr=False)
    medoids: Labels = field(repr=False)
    loss: float
    start_loss: float
    n_swaps: int


def kmedoids(
    distances: Condensed, n_clusters: int, *, seed: int = 0, checkpoint: Checkpoint = no_checkpoint
) -> KMedoids:
    """Return the clusters around the medoids that FasterPAM finds: no swap of one medoid lowers the loss.

    Parameters
    ----------
    distances
        The condensed matrix of n items.
    n_clusters
        1 to n. There are fewer clusters if there are fewer distinct items, because no two medoids have distance 0.
    seed
        Seed of the samples from which the first medoids are chosen. The same seed gives the same result.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.

    Returns
    -------
    KMedoids

    Raises
    ------
    InputError
        If the distances, ``n_clusters`` or ``seed`` are unusable.

    References
    ----------
    E. Schubert and P. J. Rousseeuw, "Fast and eager k-medoids clustering: O(k) runtime improvement of the PAM,
    CLARA, and CLARANS algorithms", Information Systems 101, 2021: section 4 for FasterPAM, and for its start LAB,
    which chooses one medoid after the other, each from a sample of 10 + ⌈√n⌉ items.

    Examples
    --------
    >>> found = kmedoids(np.array([1, 2, 9, 1, 9, 9], dtype=np.float32), 2)
    >>> found.labels.tolist(), found.medoids.tolist(), found.loss
    ([0, 0, 0, 1], [1, 3], 2.0)
    """
    n = number_of_items(distances, checkpoint=checkpoint)
    k = whole_number("n_clusters", n_clusters, least=1, most=n)
    rng = np.random.default_rng(whole_number("seed", seed, least=0))
    matrix = matrix_of(distances, n)
    if k == 1:
        from_each = distance_sums(matrix, np.zeros(n, dtype=np.int64), checkpoint=checkpoint)[0]
        medoid = int(from_each.argmin())
        loss = float(from_each[medoid])
        return KMedoids(np.zeros(n, dtype=np.int64), np.array([medoid]), loss, loss, 0)
    medoids = _start(matrix, n, k, rng, checkpoint)
    nearest, second = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    d_nearest, d_second = np.empty(n, dtype=np.float32), np.empty(n, dtype=np.float32)
    assigned = (nearest, second, d_nearest, d_second)
    _assign(matrix, n, medoids, assigned, checkpoint)
    start_loss = float(d_nearest.sum(dtype=np.float64))
    state = np.zeros(3, dtype=np.int64)
    while state[matrix_passes.IDLE] < n:
        checkpoint()
        matrix_passes.improve(matrix, n, medoids, *assigned, state, max(1, _DISTANCES_A_SLICE // n))
    distinct = _distinct(matrix, n, medoids, checkpoint)
    if len(distinct) < k:
        medoids = distinct
        _assign(matrix, n, medoids, assigned, checkpoint)
    loss = float(d_nearest.sum(dtype=np.float64))
    return KMedoids(
        *by_size_with_medoids(nearest, medoids), loss, start_loss, int(state[matrix_passes.SWAPS])
    )


def _assign(
    matrix: NDArray[np.float32],
    n: int,
    medoids: Labels,
    assigned: tuple[Labels, Labels, NDArray[np.float32], NDArray[np.float32]],
    checkpoint: Checkpoint,
) -> None:
    step = max(1, _DISTANCES_A_SLICE // (2 * len(medoids)))
    for first in range(0, n, step):
        checkpoint()
        matrix_passes.assign(matrix, n, medoids, first, min(n, first + step), *assigned)


def _distinct(matrix: NDArray[np.float32], n: int, medoids: Labels, checkpoint: Checkpoint) -> Labels:
    """Return the medoids without those that have distance 0 to an earlier medoid."""
    row = np.empty(n, dtype=np.float32)
    is_new = np.ones(len(medoids), dtype=np.bool_)
    for m, medoid in enumerate(medoids):
        checkpoint()
        if is_new[m]:
            matrix_passes.load_row(matrix, n, medoid, row)
            is_new[m + 1 :] &= row[medoids[m + 1 :]] > 0
    return medoids[is_new]


def _start(
    matrix: NDArray[np.float32], n: int, k: int, rng: np.random.Generator, checkpoint: Checkpoint
) -> NDArray[np.int64]:
    """Choose medoids one after the other, each the member of a sample that lowers the sample's loss most (LAB)."""
    medoids: list[int] = []
    row = np.empty(n, dtype=np.float32)
    nearest = np.full(n, np.inf)
    for _ in range(k):
        checkpoint()
        others = np.setdiff1d(np.arange(n), medoids)
        sample = rng.choice(others, min(len(others), 10 + int(np.ceil(np.sqrt(n)))), replace=False)
        losses = np.minimum(distances_between(matrix, n, sample[:, None], sample), nearest[sample]).sum(
            axis=1
        )
        medoids.append(int(sample[losses.argmin()]))
        matrix_passes.load_row(matrix, n, medoids[-1], row)
        np.minimum(nearest, row, out=nearest)
    return np.array(medoids, dtype=np.int64)
