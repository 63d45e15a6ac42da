"""Agreement between clusterings of the same items, and a comparison of linkages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gymlab.arguments import texts
from gymlab.clustering.clusters import Clustering, cluster_tree
from gymlab.clustering.condensed import Checkpoint, Condensed, Tree, no_checkpoint, whole_numbers
from gymlab.clustering.linkage import LINKAGES, Linkage, build_tree
from gymlab.errors import InputError


def adjusted_rand_index(first: NDArray[np.integer], second: NDArray[np.integer]) -> float:
    """Return the adjusted Rand index of two labellings: 1 if they are equal, about 0 by chance.

    Parameters
    ----------
    first, second
        Whole numbers ``(n,)``. Noise, −1, counts as a cluster.

    Raises
    ------
    InputError
        If ``first`` or ``second`` is not an array of whole numbers, or they differ in length.

    References
    ----------
    L. Hubert and P. Arabie, "Comparing partitions", Journal of Classification 2(1), 1985.

    Examples
    --------
    >>> adjusted_rand_index(np.array([0, 0, 1]), np.array([1, 1, 0]))
    1.0
    """
    for name, labels in (("first", first), ("second", second)):
        whole_numbers(name, labels)
    if len(first) != len(second):
        raise InputError(f"there are {len(first)} and {len(second)} labels; give two labels for each item")
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(first, second))


@dataclass(frozen=True, eq=False)
class ComparedLinkage:
    """The clusters of one linkage, and their agreement with those of the others.

    Attributes
    ----------
    method
        The linkage.
    tree
        float64 ``(n−1, 4)``.
    clustering
        The clusters. Their number is the one asked for, or the one with the largest average silhouette width.
    agreement
        For each linkage, the adjusted Rand index between its clusters and these clusters; 1 for this linkage.
    """

    method: Linkage
    tree: Tree = field(repr=False)
    clustering: Clustering
    agreement: Mapping[Linkage, float]

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return len(self.clustering.medoids)


def compare_linkages(
    distances: Condensed,
    methods: Sequence[Linkage] = LINKAGES,
    *,
    n_clusters: int | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> tuple[ComparedLinkage, ...]:
    """Cluster the same distances by several linkages.

    Parameters
    ----------
    distances
        The condensed matrix.
    methods
        The linkages to compare; by default all five.
    n_clusters
        The number of clusters for every linkage; None for the best number of each linkage.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.

    Returns
    -------
    tuple of ComparedLinkage
        In the order of ``methods``.

    Raises
    ------
    InputError
        If a linkage is unknown or named twice, or the distances are unusable.

    Examples
    --------
    >>> import numpy as np
    >>> distances = np.array([1, 9, 9, 9, 9, 1], dtype=np.float32)
    >>> found = compare_linkages(distances, ["ward", "single"], n_clusters=2)
    >>> found[0].agreement
    {'ward': 1.0, 'single': 1.0}
    """
    named = texts("methods", methods)
    if len(set(named)) != len(named):
        raise InputError(f"methods are {named}; name each linkage once")
    trees = {method: build_tree(distances, method, checkpoint=checkpoint) for method in methods}
    found = {
        method: cluster_tree(distances, tree, n_clusters=n_clusters, checkpoint=checkpoint)
        for method, tree in trees.items()
    }
    return tuple(
        ComparedLinkage(
            method,
            trees[method],
            mine,
            {name: adjusted_rand_index(mine.labels, other.labels) for name, other in found.items()},
        )
        for method, mine in found.items()
    )
