"""The top of a tree or of one of its branches: a few joins to be drawn, and the items below each leaf."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gymlab.arguments import shown, whole_number
from gymlab.clustering.condensed import Labels, Tree, checked_labels
from gymlab.clustering.linkage import n_leaves_of
from gymlab.errors import InputError


@dataclass(frozen=True, eq=False)
class Outline:
    """A shortened tree. Each of its leaves represents one item or many.

    Attributes
    ----------
    root
        The node at the top. A number below the number of items n is an item; another number is ``n +`` the row of a
        join in the linkage matrix.
    leaves
        int64 ``(p,)``: the node of each leaf, from left to right; leaf k is drawn at x = k.
    members
        For each leaf the items below it, int64, ascending.
    joins
        int64 ``(p−1,)``: the node of each join that is drawn.
    x, y
        float64 ``(p−1, 4)``: the points of the line of each join: left foot, left shoulder, right shoulder, right foot.
    """

    root: int
    leaves: NDArray[np.int64]
    members: tuple[NDArray[np.int64], ...]
    joins: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many items each leaf represents, int64 ``(p,)``."""
        return np.array([len(items) for items in self.members], dtype=np.int64)


def outline(tree: Tree, n_leaves: int = 40, *, root: int | None = None) -> Outline:
    """Return the highest joins of a tree, or of the branch below a node.

    Parameters
    ----------
    tree
        float64 ``(n−1, 4)``, a linkage matrix.
    n_leaves
        The largest number of leaves of the outline, 1 or more.
    root
        The node at the top; None for the whole tree.

    Returns
    -------
    Outline

    Raises
    ------
    InputError
        If the tree is not a linkage matrix, there is no such node, or ``n_leaves`` is below 1.

    Examples
    --------
    >>> from gymlab.clustering import build_tree
    >>> tree = build_tree(np.array([1, 8, 9, 8, 9, 3], dtype=np.float32), "single")
    >>> outline(tree, 2).sizes.tolist(), outline(tree, root=int(tree[-1, 0])).sizes.tolist()
    ([2, 2], [1, 1])
    """
    n = n_leaves_of(tree)
    top = 2 * n - 2 if root is None else root
    if isinstance(top, bool) or not isinstance(top, (int, np.integer)) or not 0 <= top <= 2 * n - 2:
        raise InputError(
            f"there is no node {shown(root)}; a tree of {n:,} items has nodes from 0 to {2 * n - 2:,}"
        )
    whole_number("n_leaves", n_leaves, least=1)
    rows, items = _branch(tree, top)
    branch = _renumbered(tree, rows, items)
    m = len(items)
    # Joins before the first one that is drawn become part of leaves.
    first = m - min(int(n_leaves), m)
    pairs, heights = branch[first:, :2].astype(np.int64), branch[first:, 2]
    below, waiting = [], [2 * m - 2]
    # scipy's dendrogram does the same by recursion, which fails at a depth of about a thousand.
    while waiting:
        node = waiting.pop()
        if node < m + first:
            below.append(node)
        else:
            waiting += pairs[node - m - first, ::-1].tolist()
    place, top_of = np.empty(2 * m - 1), np.zeros(2 * m - 1)
    place[below] = np.arange(len(below))
    top_of[m + first :] = heights
    for node, pair in enumerate(pairs, m + first):
        place[node] = place[pair].mean()
    x = place[pairs][:, [0, 0, 1, 1]]
    y = np.column_stack([top_of[pairs[:, 0]], heights, heights, top_of[pairs[:, 1]]])
    # The node of the tree for each node of the branch.
    nodes = np.concatenate([items, rows + n])
    leaves, joins = nodes[below], nodes[m + first :]
    members = tuple(_branch(tree, int(leaf))[1] for leaf in leaves)
    return Outline(top, leaves, members, joins, x, y)


def labels_of_nodes(tree: Tree, labels: Labels) -> Labels:
    """Return the label that all items below each node have in common; −1 if their labels differ.

    Parameters
    ----------
    tree
        float64 ``(n−1, 4)``, a linkage matrix.
    labels
        int64 ``(n,)``.

    Returns
    -------
    numpy.ndarray
        int64 ``(2n−1,)``: the labels of the items, then those of the joins.

    Examples
    --------
    >>> from gymlab.clustering import build_tree
    >>> tree = build_tree(np.array([1, 8, 9, 8, 9, 3], dtype=np.float32), "single")
    >>> labels_of_nodes(tree, np.array([0, 0, 1, 2])).tolist()
    [0, 0, 1, 2, 0, -1, -1]
    """
    common: list[int] = checked_labels(labels, n_leaves_of(tree)).tolist()
    for left, right in tree[:, :2].astype(np.int64).tolist():
        common.append(common[left] if common[left] == common[right] else -1)
    return np.array(common, dtype=np.int64)


def _branch(tree: Tree, top: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of the joins below a node, itself included, and the items below it, both ascending."""
    n = len(tree) + 1
    is_below = np.zeros(2 * n - 1, dtype=np.bool_)
    is_below[top] = True
    # The row of a join comes after the rows of its parts.
    for row in range(top - n, -1, -1):
        if is_below[n + row]:
            is_below[tree[row, :2].astype(np.int64)] = True
    return np.flatnonzero(is_below[n:]), np.flatnonzero(is_below[:n])


def _renumbered(tree: Tree, rows: NDArray[np.int64], items: NDArray[np.int64]) -> Tree:
    """Return a branch as a separate linkage matrix."""
    n = len(tree) + 1
    number = np.empty(2 * n - 1, dtype=np.int64)
    number[items] = np.arange(len(items))
    number[n + rows] = len(items) + np.arange(len(rows))
    branch = tree[rows].copy()
    branch[:, :2] = number[branch[:, :2].astype(np.int64)]
    return branch
