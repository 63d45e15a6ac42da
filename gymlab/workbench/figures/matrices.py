"""Matrices: distances in the order of the leaves, and the way that two series are warped onto each other."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from gymlab.arguments import instance, shown
from gymlab.errors import InputError
from gymlab.workbench.checked import each, numbers, of_one_length, texts, whole_numbers
from gymlab.workbench.figures.look import (
    INK,
    PALETTE,
    SEQUENTIAL,
    TEMPLATE,
    empty_figure,
    nothing_to_show,
    on_narrow_pages,
    pattern_colour,
)
from gymlab.workbench.figures.states import Legend, legend_entries, state_cells


def distance_heat_map(
    means: NDArray[np.floating], labels: NDArray[np.int64], hover: Sequence[str], *, noun: str = "windows"
) -> go.Figure:
    """Plot a matrix of distances whose rows are in the order of the leaves of a tree.

    Patterns are dark blocks on the diagonal, framed in their colours: the darker inside and the lighter outside, the
    better they are told apart.

    Parameters
    ----------
    means
        ``(n, n)``: distances between windows, or mean distances between blocks of neighbouring ones.
    labels
        int64 ``(n,)``: the pattern of each row.
    hover
        For each row, what it is.
    noun
        What is compared.
    """
    texts(noun=noun)
    means, labels = numbers("means", means, 2), whole_numbers("labels", labels)
    hover = each("hover", hover, str, "texts")
    of_one_length(means=means, labels=labels, hover=hover)
    n = len(labels)
    if n < 2:
        return nothing_to_show(f"one of the {noun} alone has no distances")
    figure = empty_figure(height=600, margin={"l": 24, "r": 24, "t": 16, "b": 90})
    # Numbered, so that two rows of one name stay two.
    names = [f"{number}. {name}" for number, name in enumerate(hover, start=1)]
    figure.add_heatmap(
        z=means,
        x=names,
        y=names,
        colorscale=[[k / (len(SEQUENTIAL) - 1), colour] for k, colour in enumerate(SEQUENTIAL[::-1])],
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
    for first, stop in zip([0, *changes], [*changes, n], strict=True):
        figure.add_shape(
            type="rect",
            x0=first - 0.5,
            x1=stop - 0.5,
            y0=first - 0.5,
            y1=stop - 0.5,
            line={"color": pattern_colour(int(labels[first])), "width": 2.5},
        )
    figure.update_xaxes(showticklabels=False, showgrid=False, constrain="domain")
    figure.update_yaxes(
        showticklabels=False, showgrid=False, autorange="reversed", scaleanchor="x", constrain="domain"
    )
    return on_narrow_pages(figure, {"height": 400})


def warping_path(
    costs: NDArray[np.floating],
    path: NDArray[np.int64],
    states: tuple[Sequence[object], Sequence[object]],
    legend: Legend,
    *,
    hover: tuple[str, str],
) -> go.Figure:
    """Plot how two series are warped onto each other: the path through their costs, and what is aligned with what.

    Parameters
    ----------
    costs
        ``(n, m)``: accumulated costs, infinite outside the band, of :func:`gymlab.distance.dtw_cost_matrix`.
    path
        int64 ``(n_steps, 2)``, of :func:`gymlab.distance.dtw_path`.
    states
        What was done at each time point of either series.
    legend
        The colours of the states.
    hover
        What the series are.
    """
    costs, path = numbers("costs", costs, 2), whole_numbers("path", path, 2)
    instance("legend", legend, Legend, "a legend, of legend_of")
    if path.shape[1] != 2:
        raise InputError(f"path has {path.shape[1]:,} columns; give 2")
    for name, pair, kind in (
        ("states", states, Sequence),
        ("hover", hover, str),
    ):
        if len(each(name, pair, kind, "one for either series")) != 2:
            raise InputError(f"{name} is {shown(pair)}; give one for either series")
    figure = make_subplots(
        rows=2,
        cols=1,
        row_heights=[0.68, 0.32],
        vertical_spacing=0.16,
        subplot_titles=(f"first: {hover[0]}<br>second: {hover[1]}", ""),
    )
    figure.update_layout(template=TEMPLATE, height=600, margin={"t": 56})
    figure.update_annotations(x=0, xanchor="left", align="left", font={"size": 12})
    figure.add_heatmap(
        z=np.where(np.isfinite(costs), np.sqrt(np.maximum(costs, 0)), np.nan),
        x0=1,
        dx=1,
        y0=1,
        dy=1,
        colorscale=[[k / (len(SEQUENTIAL) - 1), colour] for k, colour in enumerate(SEQUENTIAL)],
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
        line={"color": PALETTE[1], "width": 3},
        marker={"size": 5},
        showlegend=False,
        hovertemplate="action %{y} goes with action %{x}<extra></extra>",
        row=1,
        col=1,
    )
    figure.update_xaxes(title="action of the second", showgrid=False, row=1, col=1)
    figure.update_yaxes(title="action of the first", autorange="reversed", showgrid=False, row=1, col=1)
    _add_alignment(figure, path, states, legend, hover=hover)
    return figure


def _add_alignment(
    figure: go.Figure,
    path: NDArray[np.int64],
    states: tuple[Sequence[object], Sequence[object]],
    legend: Legend,
    *,
    hover: tuple[str, str],
) -> None:
    """Add the two series as rows of cells, the first on top, and a line between what is aligned."""
    for row, height in ((0, 1.0), (1, 0.0)):
        cells = state_cells([states[row]], legend, hover=[hover[row]], y=[height])
        figure.add_trace(cells.update(y=None, y0=height, dy=0.5), row=2, col=1)
    figure.add_scatter(
        x=[value for i, j in path.tolist() for value in (i + 1, j + 1, None)],
        y=[value for _ in path for value in (0.74, 0.26, None)],
        mode="lines",
        line={"color": INK, "width": 1},
        showlegend=False,
        hoverinfo="skip",
        row=2,
        col=1,
    )
    figure.add_traces(legend_entries(legend), rows=2, cols=1)
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
