"""Dendrograms: the top of a tree, however many leaves it has, with its cut and what stands at its leaves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from gymlab.arguments import finite_number, instance, whole_number
from gymlab.clustering import Outline
from gymlab.workbench.checked import numbers, texts, whole_numbers
from gymlab.workbench.figures.look import (
    GREY,
    INK,
    PALETTE,
    TEMPLATE,
    nothing_to_show,
    on_narrow_pages,
    pattern_colour,
    pattern_name,
)
from gymlab.workbench.figures.states import Legend, legend_entries, state_cells
from gymlab.workbench.text import counted

# Joins below the cut by the colour of their pattern, and those above it.
_JOIN_COLOURS = (GREY, *PALETTE)

# Names by which a widget finds the line and the dots.
CUT, LEAVES = "cut", "leaves"


@dataclass(frozen=True)
class Leaves:
    """What stands at the leaves of an outline.

    Attributes
    ----------
    hover
        For each leaf, what it is.
    states
        For each leaf the states of its most typical series, step by step.
    legend
        The colours of the states.
    role
        What that series is of the leaf.
    """

    hover: Sequence[str]
    states: Sequence[Sequence[object]]
    legend: Legend
    role: str = "most typical"


def dendrogram(
    outline: Outline,
    node_labels: NDArray[np.int64],
    *,
    cut: float | None = None,
    leaves: Leaves | None = None,
    y_title: str = "height of the join",
    noun: str = "windows",
) -> go.Figure:
    """Plot the top of a tree, coloured by pattern, with the cut and the typical series at its leaves.

    Parameters
    ----------
    outline
        The joins to draw, of :func:`gymlab.clustering.outline`.
    node_labels
        int64 ``(2n−1,)``: the pattern of each node, −1 above the cut, of
        :func:`gymlab.clustering.labels_of_nodes`.
    cut
        The height of the cut; a dashed line named ``cut``, which a widget can let people drag.
    leaves
        What stands at the leaves; nothing when not given.
    y_title, noun
        What heights are, and what leaves stand for.
    """
    texts(y_title=y_title, noun=noun)
    instance("outline", outline, Outline, "an outline of a tree")
    node_labels = whole_numbers("node_labels", node_labels)
    if cut is not None:
        cut = finite_number("cut", cut, instead=", or None")
    if leaves is not None:
        instance("leaves", leaves, Leaves, "Leaves, or None")
    if len(outline.joins) == 0:
        return nothing_to_show(f"there is nothing to join: {counted(int(outline.sizes.sum()), noun)}")
    figure = make_subplots(
        rows=2 if leaves else 1,
        shared_xaxes=True,
        vertical_spacing=0.03,
        row_heights=[0.72, 0.28] if leaves else None,
    )
    figure.update_layout(template=TEMPLATE, height=520 if leaves else 400)
    figure.add_traces(join_traces(outline, node_labels), rows=1, cols=1)
    figure.add_trace(_tops(outline), row=1, col=1)
    figure.add_trace(_leaf_markers(outline, node_labels, leaves, noun), row=1, col=1)
    # Below 0 there is room for the dots, which could not be pointed at on the edge.
    tallest = float(outline.y.max()) or 1.0
    figure.update_yaxes(title=y_title, range=[-0.05 * tallest, 1.12 * tallest], row=1, col=1)
    figure.update_xaxes(
        showgrid=False, zeroline=False, showticklabels=False, range=[-0.6, len(outline.leaves) - 0.4]
    )
    if leaves:
        places = list(range(len(outline.leaves)))
        cells = state_cells(leaves.states, leaves.legend, hover=leaves.hover, y=places)
        # A leaf is a column: time goes down from it.
        cells.update(z=cells.z.T, text=cells.text.T, x=places, y=None, y0=1)
        figure.add_trace(cells, row=2, col=1)
        figure.add_traces(legend_entries(leaves.legend), rows=2, cols=1)
        figure.update_yaxes(
            title="action", autorange="reversed", showgrid=False, zeroline=False, nticks=4, row=2, col=1
        )
    if cut is not None:
        figure.add_shape(cut_line(cut))
    title = f"{counted(int(outline.sizes.sum()), noun)} in {len(outline.leaves)} leaves"
    figure.update_xaxes(title=title, row=2 if leaves else 1, col=1)
    return on_narrow_pages(figure, {"yaxis.title.text": "height"})


def join_traces(outline: Outline, node_labels: NDArray[np.int64]) -> list[go.Scatter]:
    """Return the joins as one line trace a colour, always as many, so that a new cut only changes their points."""
    colours = [pattern_colour(int(label)) for label in node_labels[outline.joins]]
    traces = []
    for colour in _JOIN_COLOURS:
        drawn = [k for k, one in enumerate(colours) if one == colour]
        # None lifts the pen between the joins.
        traces.append(
            go.Scatter(
                x=[value for k in drawn for value in (*outline.x[k], None)],
                y=[value for k in drawn for value in (*outline.y[k], None)],
                mode="lines",
                line={"color": colour, "width": 1.6},
                showlegend=False,
                hoverinfo="skip",
            )
        )
    return traces


def _tops(outline: Outline) -> go.Scatter:
    """Return what can be pointed at of the joins: the middle of each, where nothing is seen."""
    return go.Scatter(
        x=outline.x[:, 1:3].mean(axis=1),
        y=outline.y[:, 1],
        mode="markers",
        marker={"size": 12, "opacity": 0, "color": INK},
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
        "line": {"dash": "dash", "color": INK, "width": 2},
    }


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


def leaf_colours(outline: Outline, node_labels: NDArray[np.int64]) -> list[str]:
    """Return the colour of each leaf: that of its pattern."""
    return [pattern_colour(int(label)) for label in node_labels[outline.leaves]]


def leaf_texts(
    outline: Outline, node_labels: NDArray[np.int64], leaves: Leaves | None, noun: str
) -> list[str]:
    """Return what each leaf is, as HTML: how many windows, of which pattern, the most typical one."""
    # The nodes of single items come first; a tree is drawn before its patterns are known.
    known = bool((node_labels[: len(node_labels) // 2 + 1] >= 0).any())
    texts = [
        counted(int(size), noun)
        + (f", {pattern_name(int(label)) if label >= 0 else 'of several patterns'}" if known else "")
        for size, label in zip(outline.sizes, node_labels[outline.leaves], strict=True)
    ]
    if leaves is None:
        return texts
    return [f"{text}<br>{leaves.role}: {where}" for text, where in zip(texts, leaves.hover, strict=True)]


def _leaf_markers(
    outline: Outline, node_labels: NDArray[np.int64], leaves: Leaves | None, noun: str
) -> go.Scatter:
    sizes = outline.sizes
    return go.Scatter(
        x=np.arange(len(sizes)),
        y=np.zeros(len(sizes)),
        mode="markers",
        name=LEAVES,
        marker={
            "color": leaf_colours(outline, node_labels),
            # The area says how many, the symbol whether there is something to open.
            "size": np.where(sizes > 1, np.clip(4 + 14 * np.sqrt(sizes / sizes.max()), 7, 18), 6),
            "symbol": np.where(sizes > 1, "circle", "line-ns-open"),
            "line": {"color": "white", "width": 1},
        },
        showlegend=False,
        text=leaf_texts(outline, node_labels, leaves, noun),
        hovertemplate="%{text}<extra></extra>",
        customdata=outline.leaves,
    )
