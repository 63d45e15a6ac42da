"""Dendrograms: the top of a tree of any size, with its cut, and typical windows at its leaves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from gymlab.actions.windows import Windows
from gymlab.arguments import finite_number, instance, whole_number
from gymlab.clustering import Outline, distance_sums, labels_of_nodes, medoids_of, outline, part_of_matrix
from gymlab.patterns.result import Extraction
from gymlab.workbench.checked import an_extraction, numbers, whole_numbers
from gymlab.workbench.figures import look, sequences
from gymlab.workbench.text import counted, some_of

# Colours of the joins: grey above the cut, below it the colour of the pattern.
_JOIN_COLOURS = (look.GREY, *look.PALETTE)

# The names with which a widget finds the line of the cut and the markers of the leaves.
CUT, LEAVES = "cut", "leaves"

NO_TREE = "no tree: too few windows, or a method or strategy without one"


@dataclass(frozen=True, eq=False)
class LogTree:
    """A tree of windows, with their log. The patterns need not be known.

    Attributes
    ----------
    actions, windows
        The action table, and its windows.
    items
        int64 ``(n,)``: the windows in the tree.
    linkage
        The linkage matrix, float64 ``(n−1, 4)``; None without a tree.
    distances
        The condensed matrix of these windows; None without a matrix.
    method
        The method of the linkage.
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


@dataclass(frozen=True, eq=False)
class DrawnBranch:
    """The part of a tree that is drawn: the highest joins of a branch, and one window at each of its leaves.

    Attributes
    ----------
    outline
        The joins.
    windows
        int64: the window at each leaf.
    hover
        The place of each of these windows in the log.
    states
        The action types in each of these windows, step by step.
    legend
        The colours of the action types.
    role
        The role of the shown window among the windows below its leaf: the first or the most typical one.
    """

    outline: Outline
    windows: NDArray[np.int64]
    hover: Sequence[str]
    states: Sequence[Sequence[object]]
    legend: sequences.Legend
    role: str


def dendrogram(extraction: Extraction, *, n_leaves: int = 40, root: int | None = None) -> go.Figure:
    """Return the top of the tree, or of the branch below a node, with the cut and the medoids at its leaves.

    Parameters
    ----------
    extraction
        An extraction of any strategy. Without a tree, the figure says so.
    n_leaves
        The largest number of leaves. A leaf represents all windows below it.
    root
        The node at the top, as in the ``customdata`` of the leaves; by default the root of the tree.
    """
    tree = LogTree.of(extraction)
    branch = drawn_branch(tree, n_leaves=n_leaves, root=root)
    return draw_branch(tree, branch, extraction.labels[extraction.clustered], cut=cut_height(extraction))


def drawn_branch(tree: LogTree, *, n_leaves: int = 40, root: int | None = None) -> DrawnBranch | None:
    """Return the branch for :func:`draw_branch`; None without a tree.

    Parameters
    ----------
    tree
        The tree.
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
    windows = tree.items[_typical_items(tree, top)]
    return DrawnBranch(
        top,
        windows,
        hover=look.whereabouts(tree.windows.table, windows),
        states=sequences.first_states(tree.actions, tree.windows, windows),
        legend=sequences.legend_of(tree.actions["action_type"]),
        role="first" if tree.distances is None else "most typical",
    )


def draw_branch(
    tree: LogTree, branch: DrawnBranch | None, labels: NDArray[np.int64], *, cut: float | None
) -> go.Figure:
    """Return a dendrogram, as :func:`dendrogram` does, of a tree whose patterns may be unknown.

    Parameters
    ----------
    tree, branch
        The tree, and the branch of it that :func:`drawn_branch` returns.
    labels
        int64: the pattern of each window of the tree; −1 if it is not known.
    cut
        The height of the cut; None for no line.
    """
    instance("tree", tree, LogTree, "a LogTree")
    if branch is not None:
        instance("branch", branch, DrawnBranch, "what drawn_branch returns")
    labels = whole_numbers("labels", labels)
    if cut is not None:
        cut = finite_number("cut", cut, instead=", or None")
    if tree.linkage is None or branch is None:
        return look.nothing_to_show(NO_TREE)
    top, noun, n = branch.outline, tree.windows.noun, len(tree.items)
    below = int(top.sizes.sum())
    if len(top.joins) == 0:
        return look.nothing_to_show(f"there is nothing to join: {counted(below, noun)}")
    figure = _dendrogram(tree, branch, labels_of_nodes(tree.linkage, labels), cut)
    cut_short = int((tree.windows.table["length"].to_numpy()[branch.windows] > sequences.MOST_STEPS).sum())
    return look.say_left_out(
        figure,
        some_compared(n, tree.windows),
        some_of(below, n, noun, "those of this branch"),
        f"{cut_short:,} of the columns cut after action {sequences.MOST_STEPS}" if cut_short else "",
        f"columns: the first of the {noun} below each dot, as no distances are kept"
        if tree.distances is None
        else "",
    )


def _dendrogram(
    tree: LogTree, branch: DrawnBranch, node_labels: NDArray[np.int64], cut: float | None
) -> go.Figure:
    top, noun = branch.outline, tree.windows.noun
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.03, row_heights=[0.72, 0.28])
    figure.update_layout(template=look.TEMPLATE, height=520)
    figure.add_traces(join_traces(top, node_labels), rows=1, cols=1)
    figure.add_trace(_tops(top), row=1, col=1)
    figure.add_trace(_leaf_markers(branch, node_labels, noun), row=1, col=1)
    # The axis begins below 0, since the pointer cannot reach markers on the edge.
    tallest = float(top.y.max()) or 1.0
    figure.update_yaxes(
        title=f"height of the join ({tree.method} linkage)",
        range=[-0.05 * tallest, 1.12 * tallest],
        row=1,
        col=1,
    )
    figure.update_xaxes(
        showgrid=False, zeroline=False, showticklabels=False, range=[-0.6, len(top.leaves) - 0.4]
    )
    places = list(range(len(top.leaves)))
    cells = sequences.state_cells(branch.states, branch.legend, hover=branch.hover, y=places)
    # Each leaf has a column, in which the steps go from top to bottom.
    cells.update(z=cells.z.T, text=cells.text.T, x=places, y=None, y0=1)
    figure.add_trace(cells, row=2, col=1)
    figure.add_traces(sequences.legend_entries(branch.legend), rows=2, cols=1)
    figure.update_yaxes(
        title="action", autorange="reversed", showgrid=False, zeroline=False, nticks=4, row=2, col=1
    )
    if cut is not None:
        figure.add_shape(cut_line(cut))
    title = f"{counted(int(top.sizes.sum()), noun)} in {len(top.leaves)} leaves"
    figure.update_xaxes(title=title, row=2, col=1)
    return look.on_narrow_pages(figure, {"yaxis.title.text": "height"})


def some_compared(n: int, windows: Windows) -> str:
    """Return a sentence with the number of the windows that were compared; "" if all were compared."""
    return some_of(n, len(windows), windows.noun, "a sample")


def cut_height(extraction: Extraction) -> float | None:
    """Return the height at which the tree of an extraction is cut; None without a tree."""
    an_extraction(extraction)
    if extraction.linkage is None:
        return None
    if extraction.config.cut_height is not None:
        return extraction.config.cut_height
    return height_of_cut(extraction.linkage, len(extraction.patterns))


def height_of_cut(tree: NDArray[np.float64], n_clusters: int) -> float | None:
    """Return a height between two joins at which a tree has ``n_clusters`` branches; None if there is no such height.

    Parameters
    ----------
    tree
        float64 ``(n−1, 4)``, a linkage matrix.
    n_clusters
        The number of branches that the line crosses.

    Examples
    --------
    >>> height_of_cut(np.array([[0, 1, 1.0, 2], [2, 3, 4.0, 3]]), 2)
    2.5
    """
    tree = numbers("tree", tree, 2)
    n_clusters = whole_number("n_clusters", n_clusters, least=0)
    if not 1 <= n_clusters <= len(tree) or len(tree) == 0:
        return None
    below = float(tree[-n_clusters, 2])
    above = float(tree[-n_clusters + 1, 2]) if n_clusters > 1 else below * 1.08
    return (below + above) / 2


def _typical_items(tree: LogTree, top: Outline) -> NDArray[np.int64]:
    """Return the medoid of the items below each leaf, or the first of them if there are no distances."""
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


def join_traces(top: Outline, node_labels: NDArray[np.int64]) -> list[go.Scatter]:
    """Return the joins as one line trace for each colour (unused ones too), so that a new cut changes only points."""
    colours = [look.pattern_colour(int(label)) for label in node_labels[top.joins]]
    traces = []
    for colour in _JOIN_COLOURS:
        drawn = [k for k, one in enumerate(colours) if one == colour]
        # None separates the lines of two joins.
        traces.append(
            go.Scatter(
                x=[value for k in drawn for value in (*top.x[k], None)],
                y=[value for k in drawn for value in (*top.y[k], None)],
                mode="lines",
                line={"color": colour, "width": 1.6},
                showlegend=False,
                hoverinfo="skip",
            )
        )
    return traces


def _tops(top: Outline) -> go.Scatter:
    """Return invisible markers in the middle of the joins, for the hover texts."""
    return go.Scatter(
        x=top.x[:, 1:3].mean(axis=1),
        y=top.y[:, 1],
        mode="markers",
        marker={"size": 12, "opacity": 0, "color": look.INK},
        showlegend=False,
        hovertemplate="joined at %{y:.3g}<extra></extra>",
    )


def cut_line(height: float) -> dict[str, object]:
    """Return the line of the cut, over the whole width."""
    return {
        "type": "line",
        "name": CUT,
        "xref": "x domain",
        "x0": 0,
        "x1": 1,
        "yref": "y",
        "y0": height,
        "y1": height,
        "line": {"dash": "dash", "color": look.INK, "width": 2},
    }


def leaf_colours(top: Outline, node_labels: NDArray[np.int64]) -> list[str]:
    """Return the colour of each leaf's pattern."""
    return [look.pattern_colour(int(label)) for label in node_labels[top.leaves]]


def leaf_texts(branch: DrawnBranch, node_labels: NDArray[np.int64], noun: str) -> list[str]:
    """Return the hover text of each leaf as HTML: the number of its windows, their pattern, and the shown window."""
    # The nodes of single items come first. If all their labels are −1, the patterns are not known yet.
    known = bool((node_labels[: len(node_labels) // 2 + 1] >= 0).any())
    texts = []
    for size, label, where in zip(
        branch.outline.sizes, node_labels[branch.outline.leaves], branch.hover, strict=True
    ):
        pattern = (
            f", {look.pattern_name(int(label)) if label >= 0 else 'of several patterns'}" if known else ""
        )
        texts.append(f"{counted(int(size), noun)}{pattern}<br>{branch.role}: {where}")
    return texts


def _leaf_markers(branch: DrawnBranch, node_labels: NDArray[np.int64], noun: str) -> go.Scatter:
    sizes = branch.outline.sizes
    return go.Scatter(
        x=np.arange(len(sizes)),
        y=np.zeros(len(sizes)),
        mode="markers",
        name=LEAVES,
        marker={
            "color": leaf_colours(branch.outline, node_labels),
            # The area grows with the number of windows. A leaf of one window has a bar, since it cannot be opened.
            "size": np.where(sizes > 1, np.clip(4 + 14 * np.sqrt(sizes / sizes.max()), 7, 18), 6),
            "symbol": np.where(sizes > 1, "circle", "line-ns-open"),
            "line": {"color": "white", "width": 1},
        },
        showlegend=False,
        text=leaf_texts(branch, node_labels, noun),
        hovertemplate="%{text}<extra></extra>",
        customdata=branch.outline.leaves,
    )
