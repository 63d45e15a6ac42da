"""Which items stand for the clusters of a tree where others are placed."""

import numpy as np
from numpy.typing import NDArray

from gymlab.arguments import whole_number
from gymlab.clustering.condensed import (
    Checkpoint,
    Labels,
    Tree,
    checked_labels,
    distance_sums,
    no_checkpoint,
)
from gymlab.clustering.cut import medoids_of
from gymlab.clustering.tree import cut_tree, n_leaves_of

# Medoids that stand for the clusters when the rest is assigned: so many in all, and a cluster at least so many on
# average. One alone draws borders where the tree has none.
_REPRESENTATIVES = 500
_REPRESENTATIVES_A_CLUSTER = 20


def representatives(
    matrix: NDArray[np.float32],
    tree: Tree,
    labels: Labels,
    checkpoint: Checkpoint = no_checkpoint,
    *,
    at_most: int | None = None,
) -> NDArray[np.int64]:
    """Return the items that stand for the clusters of a tree where others are placed: medoids of a finer cut.

    Parameters
    ----------
    matrix, tree, labels
        The condensed matrix of n items, its linkage matrix, and a cut of it.
    checkpoint
        As for :func:`~gymlab.clustering.number_of_items`.
    at_most
        How many, if that is less, but one a cluster.

    Returns
    -------
    numpy.ndarray
        int64, ascending: 500, or 20 a cluster if that is more; fewer where there are fewer distinct items.

    Raises
    ------
    InputError
        If matrix, tree and labels are not of the same items.

    Examples
    --------
    >>> from gymlab.clustering.tree import build_tree
    >>> matrix = np.array([1, 9, 9], dtype=np.float32)
    >>> tree = build_tree(matrix)
    >>> representatives(matrix, tree, cut_tree(tree, n_clusters=2)).tolist()
    [0, 1, 2]
    """
    n_clusters = int(checked_labels(labels, n_leaves_of(tree)).max()) + 1
    wanted = max(_REPRESENTATIVES, _REPRESENTATIVES_A_CLUSTER * n_clusters)
    if at_most is not None:
        wanted = max(n_clusters, min(wanted, whole_number("at_most", at_most, least=0)))
    # At least as fine as the cut, so its clusters lie within those of the cut.
    fine = cut_tree(tree, n_clusters=min(len(labels), wanted))
    sums = distance_sums(matrix, fine, checkpoint=checkpoint)
    return np.sort(medoids_of(sums, fine))
