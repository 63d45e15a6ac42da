"""The tree of an extraction, and its distances in the order of the leaves."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from gymlab.patterns.clustering import (
    Outline,
    distance_sums,
    labels_of_nodes,
    medoids_of,
    outline,
    part_of_matrix,
)
from gymlab.patterns.result import Extraction
from gymlab.workbench import figures
from gymlab.workbench.text import counted

# Of a long series its beginning is shown.
_MOST_STEPS = 60

_NO_TREE = "no tree: too few windows, or a method or strategy without one"


def dendrogram(extraction: Extraction, *, n_leaves: int = 40, root: int | None = None) -> go.Figure:
    """Return the top of the tree, or of the branch below a node, with the cut and the medoids at its leaves.

    Parameters
    ----------
    extraction
        Of any strategy; without a tree, the figure says so.
    n_leaves
        At most so many leaves; each stands for the windows below it.
    root
        The node at the top, of those in ``customdata`` of the leaves; the whole tree when not given.
    """
    tree = extraction.linkage
    if tree is None or len(tree) == 0:
        return figures.nothing_to_show(_NO_TREE)
    top = outline(tree, n_leaves, root=root)
    return figures.dendrogram(
        top,
        labels_of_nodes(tree, extraction.labels[extraction.clustered]),
        cut=cut_height(extraction),
        leaves=tree_leaves(extraction, top),
        y_title=f"height of the join ({extraction.config.method} linkage)",
        noun=extraction.windows.noun,
    )


def cut_height(extraction: Extraction, n_patterns: int | None = None) -> float | None:
    """Return the height at which the tree of an extraction is cut; None without a tree.

    Parameters
    ----------
    extraction
        Whose configuration may name the height.
    n_patterns
        How many patterns the cut makes; those of the extraction when not given.
    """
    if extraction.linkage is None:
        return None
    if extraction.config.cut_height is not None:
        return extraction.config.cut_height
    n = len(extraction.patterns) if n_patterns is None else n_patterns
    return figures.height_of_cut(extraction.linkage, n)


def tree_leaves(extraction: Extraction, top: Outline) -> figures.Leaves:
    """Return what stands at the leaves of an outline of the tree: the most typical window of each.

    Parameters
    ----------
    extraction, top
        With a tree, and an outline of it.
    """
    typical = extraction.clustered[_typical_items(extraction, top)]
    choices = extraction.actions["action_type"]
    return figures.Leaves(
        hover=figures.whereabouts(extraction.windows.table, typical),
        states=[
            choices.iloc[extraction.windows.rows(int(index))[:_MOST_STEPS]].tolist() for index in typical
        ],
        first_steps=extraction.windows.table["start"].iloc[typical].tolist(),
        legend=figures.legend_of(choices),
    )


def _typical_items(extraction: Extraction, top: Outline) -> NDArray[np.int64]:
    """Return the medoid of the items below each leaf; the first of them where there are no distances."""
    if extraction.distances is None:
        return np.array([items[0] for items in top.members], dtype=np.int64)
    below = np.concatenate(top.members)
    leaf = np.repeat(np.arange(len(top.members)), top.sizes)
    order = np.argsort(below)
    items, labels = below[order], leaf[order]
    n, matrix = len(extraction.clustered), extraction.distances
    if len(items) < n:
        matrix = part_of_matrix(np.asarray(matrix), n, items)
    found: NDArray[np.int64] = items[medoids_of(distance_sums(matrix, labels), labels)]
    return found


def distance_heat_map(extraction: Extraction, *, most: int = 160) -> go.Figure:
    """Return the distances in the order of the leaves; of many windows the mean distances of neighbouring ones.

    Parameters
    ----------
    extraction
        With distances and a tree; without, the figure says so.
    most
        Rows at most.
    """
    tree, distances = extraction.linkage, extraction.distances
    if tree is None or distances is None or len(tree) == 0:
        return figures.nothing_to_show(_NO_TREE)
    order = hierarchy.leaves_list(tree).astype(np.int64)
    n = len(order)
    blocks = np.array_split(order, min(most, n))
    block_of = np.empty(n, dtype=np.int64)
    for number, items in enumerate(blocks):
        block_of[items] = number
    clustered = extraction.clustered
    labels = extraction.labels[clustered]
    return figures.distance_heat_map(
        _mean_distances(np.asarray(distances), block_of)
        if n > most
        else squareform(distances)[np.ix_(order, order)],
        np.array([_most_frequent(labels[items]) for items in blocks], dtype=np.int64),
        [
            (f"{counted(len(items), extraction.windows.noun)}, first " if len(items) > 1 else "") + where
            for items, where in zip(
                blocks,
                figures.whereabouts(extraction.windows.table, clustered[[items[0] for items in blocks]]),
                strict=True,
            )
        ],
        noun=extraction.windows.noun,
    )


def _mean_distances(distances: NDArray[np.float32], block_of: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean distance between the items of two blocks, ``(n_blocks, n_blocks)``."""
    sums = distance_sums(distances, block_of)
    counts = np.bincount(block_of).astype(float)
    totals = np.zeros((len(counts), len(counts)))
    np.add.at(totals.T, block_of, sums.T)
    pairs = np.outer(counts, counts) - np.diag(counts)
    means: NDArray[np.float64] = np.divide(totals, pairs, out=np.zeros_like(totals), where=pairs > 0)
    return means


def _most_frequent(labels: NDArray[np.int64]) -> int:
    names, counts = np.unique(labels, return_counts=True)
    return int(names[counts.argmax()])
