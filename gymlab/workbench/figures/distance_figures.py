"""Figures of distances: the whole matrix in the order of the tree's leaves, and the warping path of two windows."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from gymlab.arguments import whole_number
from gymlab.clustering import distance_sums
from gymlab.distance import dtw_cost_matrix, dtw_path
from gymlab.patterns.result import Extraction
from gymlab.workbench.checked import an_extraction
from gymlab.workbench.figures import look, sequences
from gymlab.workbench.figures.dendrograms import NO_TREE, some_compared
from gymlab.workbench.text import counted


def distance_heat_map(extraction: Extraction, *, most: int = 160) -> go.Figure:
    """Return the distances in the order of the leaves; if there are many windows, neighbouring windows share a row.

    Patterns are dark blocks on the diagonal, framed in their colours. A block that is dark inside and light outside is a
    pattern that is well separated.

    Parameters
    ----------
    extraction
        An extraction with distances and a tree; without them, the figure says so.
    most
        The largest number of rows. A row of several windows shows their mean distances.
    """
    an_extraction(extraction)
    most = whole_number("most", most, least=2)
    tree, distances, noun = extraction.linkage, extraction.distances, extraction.windows.noun
    if tree is None or distances is None or len(tree) == 0:
        return look.nothing_to_show(NO_TREE)
    order = hierarchy.leaves_list(tree).astype(np.int64)
    n = len(order)
    blocks = np.array_split(order, min(most, n))
    means: NDArray[np.floating] = (
        _mean_distances(np.asarray(distances), blocks)
        if n > most
        else squareform(distances)[np.ix_(order, order)]
    )
    clustered = extraction.clustered
    own = extraction.labels[clustered]
    labels = np.array([_most_frequent(own[items]) for items in blocks], dtype=np.int64)
    places = look.whereabouts(extraction.windows.table, clustered[[items[0] for items in blocks]])
    # The rows are numbered, so that two rows with the same name are not merged.
    names = sequences.row_names(
        [
            (f"{counted(len(items), noun)}, first " if len(items) > 1 else "") + where
            for items, where in zip(blocks, places, strict=True)
        ]
    )
    figure = look.empty_figure(height=600, margin={"l": 24, "r": 24, "t": 16, "b": 90})
    figure.add_heatmap(
        z=means,
        x=names,
        y=names,
        colorscale=_scale(look.SEQUENTIAL[::-1]),
        colorbar={
            "title": {"text": "distance", "side": "right"},
            "orientation": "h",
            "thickness": 10,
            "len": 0.5,
            "y": -0.06,
            "yanchor": "top",
            "outlinewidth": 0,
        },
        hovertemplate="%{y}<br>%{x}<br>distance %{z:.3g}<extra></extra>",
    )
    changes = np.flatnonzero(np.diff(labels)) + 1
    for first, stop in zip([0, *changes], [*changes, len(labels)], strict=True):
        figure.add_shape(
            type="rect",
            x0=first - 0.5,
            x1=stop - 0.5,
            y0=first - 0.5,
            y1=stop - 0.5,
            line={"color": look.pattern_colour(int(labels[first])), "width": 2.5},
        )
    hidden = {"showticklabels": False, "showgrid": False, "constrain": "domain"}
    figure.update_xaxes(hidden).update_yaxes(hidden, autorange="reversed", scaleanchor="x")
    look.on_narrow_pages(figure, {"height": 400})
    rows = f"{counted(n, noun)} in {len(blocks)} rows, of mean distances" if n > len(blocks) else ""
    return look.say_left_out(figure, some_compared(n, extraction.windows), rows)


def _mean_distances(
    distances: NDArray[np.float32], blocks: Sequence[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """Return the mean distance between the items of two blocks, ``(n_blocks, n_blocks)``."""
    counts = np.array([len(items) for items in blocks], dtype=float)
    block_of = np.empty(int(counts.sum()), dtype=np.int64)
    for number, items in enumerate(blocks):
        block_of[items] = number
    totals = np.zeros((len(counts), len(counts)))
    np.add.at(totals.T, block_of, distance_sums(distances, block_of).T)
    pairs = np.outer(counts, counts) - np.diag(counts)
    means: NDArray[np.float64] = np.divide(totals, pairs, out=np.zeros_like(totals), where=pairs > 0)
    return means


def _most_frequent(labels: NDArray[np.int64]) -> int:
    names, counts = np.unique(labels, return_counts=True)
    return int(names[counts.argmax()])


def _scale(colours: Sequence[str]) -> list[list[object]]:
    return [[k / (len(colours) - 1), colour] for k, colour in enumerate(colours)]


def warping_path(extraction: Extraction, first: int, second: int) -> go.Figure:
    """Return the warping path of two windows through the matrix of their costs, and the actions that are aligned.

    Parameters
    ----------
    extraction
        The extraction, which has the channels, weights and radius of the distance.
    first, second
        The numbers of the windows.

    Raises
    ------
    InputError
        If there is no such window.
    """
    an_extraction(extraction)
    windows = extraction.windows
    states = [extraction.actions_of_window(index)["action_type"].tolist() for index in (first, second)]
    x, y = windows.values[first], windows.values[second]
    radius, weights = extraction.config.radius, extraction.encoding.mismatch_weights
    path, _ = dtw_path(x, y, radius=radius, mismatch_weights=weights)
    costs = dtw_cost_matrix(x, y, radius=radius, mismatch_weights=weights)
    hover = look.whereabouts(windows.table, [first, second])
    figure = make_subplots(
        rows=2,
        cols=1,
        row_heights=[0.68, 0.32],
        vertical_spacing=0.16,
        subplot_titles=(f"first: {hover[0]}<br>second: {hover[1]}", ""),
    )
    figure.update_layout(template=look.TEMPLATE, height=600, margin={"t": 56})
    figure.update_annotations(x=0, xanchor="left", align="left", font={"size": 12})
    figure.add_heatmap(
        # The costs outside of the band are infinite.
        z=np.where(np.isfinite(costs), np.sqrt(np.maximum(costs, 0)), np.nan),
        x0=1,
        dx=1,
        y0=1,
        dy=1,
        colorscale=_scale(look.SEQUENTIAL),
        colorbar={
            "title": {"text": "distance so far", "side": "right"},
            "thickness": 10,
            "len": 0.6,
            "y": 0.7,
            "outlinewidth": 0,
        },
        hovertemplate="action %{y} and action %{x}: %{z:.3g}<extra></extra>",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=path[:, 1] + 1,
        y=path[:, 0] + 1,
        mode="lines+markers",
        line={"color": look.PALETTE[1], "width": 3},
        marker={"size": 5},
        showlegend=False,
        hovertemplate="action %{y} goes with action %{x}<extra></extra>",
        row=1,
        col=1,
    )
    figure.update_xaxes(title="action of the second", showgrid=False, row=1, col=1)
    figure.update_yaxes(title="action of the first", autorange="reversed", showgrid=False, row=1, col=1)
    _add_alignment(figure, states, sequences.legend_of(extraction.actions["action_type"]), path, hover)
    return figure


def _add_alignment(
    figure: go.Figure,
    states: Sequence[Sequence[object]],
    legend: sequences.Legend,
    path: NDArray[np.int64],
    hover: Sequence[str],
) -> None:
    """Add the two series as rows of cells, with the first row on top, and a line for each pair of aligned actions."""
    for row, height in ((0, 1.0), (1, 0.0)):
        cells = sequences.state_cells([states[row]], legend, hover=[hover[row]], y=[height])
        figure.add_trace(cells.update(y=None, y0=height, dy=0.5), row=2, col=1)
    figure.add_scatter(
        x=[value for i, j in path.tolist() for value in (i + 1, j + 1, None)],
        y=[value for _ in path for value in (0.74, 0.26, None)],
        mode="lines",
        line={"color": look.INK, "width": 1},
        showlegend=False,
        hoverinfo="skip",
        row=2,
        col=1,
    )
    figure.add_traces(sequences.legend_entries(legend), rows=2, cols=1)
    figure.update_layout(legend={"y": -0.1, "yanchor": "top"})
    longest = max(len(one) for one in states)
    figure.update_xaxes(title="action", range=[0.3, longest + 0.7], showgrid=False, row=2, col=1)
    figure.update_yaxes(
        tickvals=[1, 0],
        ticktext=["first ", "second "],
        range=[-0.4, 1.4],
        showgrid=False,
        zeroline=False,
        row=2,
        col=1,
    )
