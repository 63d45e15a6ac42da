"""The tree of an extraction, and its distances in the order of the leaves."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from gymlab.actions.windows import Windows
from gymlab.arguments import instance, whole_number
from gymlab.clustering import (
    Outline,
    distance_sums,
    labels_of_nodes,
    medoids_of,
    outline,
    part_of_matrix,
)
from gymlab.patterns.result import Extraction
from gymlab.workbench import figures
from gymlab.workbench.checked import an_extraction, whole_numbers
from gymlab.workbench.text import counted, some_of

# Of a long series its beginning is shown.
_MOST_STEPS = 60

# What a window is of its leaf where distances say which is nearest to the others.
MEDOID = "most typical"

_NO_TREE = "no tree: too few windows, or a method or strategy without one"


@dataclass(frozen=True, eq=False)
class LogTree:
    """A tree of windows, with what is shown of them; its patterns may not be known yet.

    Attributes
    ----------
    actions, windows
        The action table, and the windows of it.
    items
        int64 ``(n,)``: the windows that the tree is of.
    linkage
        float64 ``(n−1, 4)``; None without a tree.
    distances
        Condensed, of these windows; None where there is no matrix.
    method
        The linkage.
    """

    actions: pd.DataFrame
    windows: Windows
    items: NDArray[np.int64]
    linkage: NDArray[np.float64] | None
    distances: NDArray[np.float32] | None
    method: str

    @classmethod
    def of(cls, extraction: Extraction) -> "LogTree":
        """Return the tree of an extraction."""
        an_extraction(extraction)
        return cls(
            extraction.actions,
            extraction.windows,
            extraction.clustered,
            extraction.linkage,
            extraction.distances,
            extraction.config.method,
        )


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
    an_extraction(extraction)
    tree = LogTree.of(extraction)
    labels = extraction.labels[extraction.clustered]
    return dendrogram_of(tree, top_of(tree, n_leaves=n_leaves, root=root), labels, cut=cut_height(extraction))


@dataclass(frozen=True, eq=False)
class Top:
    """What is drawn of a tree: its highest joins, and what stands at their leaves: windows, and their lengths."""

    outline: Outline
    leaves: figures.Leaves
    lengths: NDArray[np.int64]


def top_of(tree: LogTree, *, n_leaves: int = 40, root: int | None = None) -> Top | None:
    """Return what :func:`dendrogram_of` draws; None without a tree.

    Parameters
    ----------
    tree
        What to show.
    n_leaves, root
        As for :func:`dendrogram`.
    """
    instance("tree", tree, LogTree, "a LogTree")
    n_leaves = whole_number("n_leaves", n_leaves, least=1)
    if root is not None:
        root = whole_number("root", root, least=0, instead=", or None")
    if tree.linkage is None or len(tree.linkage) == 0:
        return None
    top = outline(tree.linkage, n_leaves, root=root)
    shown = tree.items[_typical_items(tree, top)]
    return Top(top, _leaves(tree, shown), tree.windows.table["length"].to_numpy()[shown])


def dendrogram_of(
    tree: LogTree, top: Top | None, labels: NDArray[np.int64], *, cut: float | None
) -> go.Figure:
    """Return a dendrogram as :func:`dendrogram` does, of a tree whose patterns need not be described.

    Parameters
    ----------
    tree, top
        What to show of what.
    labels
        int64: the pattern of each window that the tree is of; −1 where it is not known.
    cut
        Its height; None for no line.
    """
    instance("tree", tree, LogTree, "a LogTree")
    if top is not None:
        instance("top", top, Top, "what top_of returns")
    labels = whole_numbers("labels", labels)
    if tree.linkage is None or top is None:
        return figures.nothing_to_show(_NO_TREE)
    noun = tree.windows.noun
    figure = figures.dendrogram(
        top.outline,
        labels_of_nodes(tree.linkage, labels),
        cut=cut,
        leaves=top.leaves,
        y_title=f"height of the join ({tree.method} linkage)",
        noun=noun,
    )
    below, n = int(top.outline.sizes.sum()), len(tree.items)
    cut_short = sum(length > _MOST_STEPS for length in top.lengths)
    return figures.say_left_out(
        figure,
        _some_compared(n, tree.windows),
        some_of(below, n, noun, "those of this branch"),
        f"{cut_short:,} of the columns cut after action {_MOST_STEPS}" if cut_short else "",
        ""
        if top.leaves.role == MEDOID
        else f"columns: the first of the {noun} below each dot, as no distances are kept",
    )


def cut_height(extraction: Extraction) -> float | None:
    """Return the height at which the tree of an extraction is cut; None without a tree."""
    an_extraction(extraction)
    if extraction.linkage is None:
        return None
    if extraction.config.cut_height is not None:
        return extraction.config.cut_height
    return figures.height_of_cut(extraction.linkage, len(extraction.patterns))


def _leaves(tree: LogTree, typical: NDArray[np.int64]) -> figures.Leaves:
    """Return what stands at the leaves of an outline: a window of each."""
    choices, table = tree.actions["action_type"], tree.windows.table
    return figures.Leaves(
        hover=figures.whereabouts(table, typical),
        states=[choices.iloc[tree.windows.rows(int(index))[:_MOST_STEPS]].tolist() for index in typical],
        legend=figures.legend_of(choices),
        role="first" if tree.distances is None else MEDOID,
    )


def _typical_items(tree: LogTree, top: Outline) -> NDArray[np.int64]:
    """Return the medoid of the items below each leaf; the first of them where there are no distances."""
    if tree.distances is None:
        return np.array([items[0] for items in top.members], dtype=np.int64)
    below = np.concatenate(top.members)
    leaf = np.repeat(np.arange(len(top.members)), top.sizes)
    order = np.argsort(below)
    items, labels = below[order], leaf[order]
    n, matrix = len(tree.items), tree.distances
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
    an_extraction(extraction)
    most = whole_number("most", most, least=2)
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
    figure = figures.distance_heat_map(
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
    return figures.say_left_out(
        figure,
        _some_compared(n, extraction.windows),
        f"{counted(n, extraction.windows.noun)} in {len(blocks)} rows, of mean distances"
        if n > len(blocks)
        else "",
    )


def _some_compared(n: int, windows: Windows) -> str:
    return some_of(n, len(windows), windows.noun, "a sample")


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
