"""The linkages side by side: what each makes of the same distances, and how far they agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gymlab.arguments import texts
from gymlab.clustering.agreement import adjusted_rand_index
from gymlab.clustering.condensed import Checkpoint, Condensed, Tree, no_checkpoint
from gymlab.clustering.cut import Clustering, cluster_tree
from gymlab.clustering.tree import LINKAGES, Linkage, build_tree
from gymlab.errors import InputError


@dataclass(frozen=True, eq=False)
class ComparedLinkage:
    """One linkage among others.

    Attributes
    ----------
    method
        The linkage.
    tree
        float64 ``(n−1, 4)``.
    clustering
        At the number of clusters asked for, or at its own with the largest average silhouette width.
    agreement
        By linkage, the adjusted Rand index of its clusters and these; 1 with itself.
    """

    method: Linkage
    tree: Tree
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
        Which linkages; all five unless told.
    n_clusters
        For all alike; None for the number that is best for each.
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
