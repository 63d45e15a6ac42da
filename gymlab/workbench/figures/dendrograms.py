"""Dendrograms: the top of a tree, however many leaves it has, with its cut and the typical windows at its leaves."""

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

# Names by which a widget finds the line of the cut and the dots of the leaves.
CUT, LEAVES = "cut", "leaves"

NO_TREE = "no tree: too few windows, or a method or strategy without one"


@dataclass(frozen=True, eq=False)
class LogTree:
    """A tree of windows, with what is shown of them; its patterns may not be known yet.

    Attributes
    ----------
    actions, windows
        The action table, and its windows.
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


@dataclass(frozen=True, eq=False)
class DrawnBranch:
    """What is drawn of a tree: the highest joins of a branch, and one window at each of its leaves.

    Attributes
    ----------
    outline
        The joins.
    windows
        int64: the window that is shown at each leaf.
    hover
        For each leaf, where its window is in the log.
    states
        For each leaf, what is done in its window, step by step.
    legend
        The colours of what is done.
    role
        What the window is of its leaf.
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
        Of any strategy; without a tree, the figure says so.
    n_leaves
        Leaves at most; each stands for the windows below it.
    root
        The node at the top, of those in ``customdata`` of the leaves; the whole tree when not given.
    """
    tree = LogTree.of(extraction)
    branch = drawn_branch(tree, n_leaves=n_leaves, root=root)
    return draw_branch(tree, branch, extraction.labels[extraction.clustered], cut=cut_height(extraction))


def drawn_branch(tree: LogTree, *, n_leaves: int = 40, root: int | None = None) -> DrawnBranch | None:
    """Return what :func:`draw_branch` draws; None without a tree.

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
    """Return a dendrogram as :func:`dendrogram` does; the patterns of the tree need not be described yet.

    Parameters
    ----------
    tree, branch
        The tree, and what is drawn of it.
    labels
        int64: the pattern of each window that the tree is of; −1 where it is not known.
    cut
        Its height; None for no line.
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
    # Below 0 there is room for the dots, which could not be pointed at on the edge.
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
    # A leaf is a column: time goes down from it.
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
    """Return how many of the windows were compared; nothing where all were."""
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
    """Return a height at which a tree has so many branches, halfway between two joins; None if there is none.

    Parameters
    ----------
    tree
        float64 ``(n−1, 4)``, a linkage matrix.
    n_clusters
        How many branches the line crosses.

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


def join_traces(top: Outline, node_labels: NDArray[np.int64]) -> list[go.Scatter]:
    """Return the joins as one line trace a colour, always as many, so that a new cut only changes their points."""
    colours = [look.pattern_colour(int(label)) for label in node_labels[top.joins]]
    traces = []
    for colour in _JOIN_COLOURS:
        drawn = [k for k, one in enumerate(colours) if one == colour]
        # None lifts the pen between the joins.
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
    """Return invisible markers in the middle of the joins, for the hover."""
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
    """Return the hover of each leaf as HTML: how many windows it has, their pattern, the window that is shown below."""
    # The nodes of single items come first; a tree is drawn before its patterns are known.
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
            # The area says how many, the symbol whether there is something to open.
            "size": np.where(sizes > 1, np.clip(4 + 14 * np.sqrt(sizes / sizes.max()), 7, 18), 6),
            "symbol": np.where(sizes > 1, "circle", "line-ns-open"),
            "line": {"color": "white", "width": 1},
        },
        showlegend=False,
        text=leaf_texts(branch, node_labels, noun),
        hovertemplate="%{text}<extra></extra>",
        customdata=branch.outline.leaves,
    )
