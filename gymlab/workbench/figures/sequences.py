"""Sequences of states, as researchers of sequences plot them: who does what when, and how that adds up."""

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gymlab.arguments import instance
from gymlab.errors import InputError
from gymlab.principles.principle import percent
from gymlab.workbench.checked import each, numbers, of_one_length, texts
from gymlab.workbench.figures.look import empty_figure, nothing_to_show, plain_names
from gymlab.workbench.figures.states import Legend, legend_entries, row_names, state_rows
from gymlab.workbench.text import counted

# Rows that have a name at the axis; more would be written over one another.
_MOST_NAMES = 40


def state_distribution(
    shares: NDArray[np.float64], counts: NDArray[np.int64], legend: Legend, *, x: str = "action of the series"
) -> go.Figure:
    """Plot the share of each state at each step, all sessions together, stacked.

    Parameters
    ----------
    shares
        float64 ``(n_steps, n_states)``, in the order of the legend; each row adds up to 1.
    counts
        int64 ``(n_steps,)``: how many actions there are at each step.
    legend
        The colours of the states.
    x
        What the steps are.
    """
    texts(x=x)
    shares, counts = numbers("shares", shares, 2), numbers("counts", counts)
    instance("legend", legend, Legend, "a legend, of legend_of")
    of_one_length(shares=shares, counts=counts)
    if len(shares) and shares.shape[1] != len(legend.labels):
        raise InputError(
            f"shares has {shares.shape[1]:,} columns; give one for each of the {len(legend.labels)} of the legend"
        )
    if len(shares) == 0:
        return nothing_to_show("there are no actions")
    figure = empty_figure(x, "share of the actions", height=360)
    for index, (label, colour) in enumerate(zip(legend.labels, legend.colours, strict=True)):
        figure.add_bar(
            x=np.arange(1, len(shares) + 1),
            y=shares[:, index],
            marker={"color": colour, "line": {"width": 0}},
            name=label,
            customdata=counts,
            text=[html.escape(percent(share)) for share in shares[:, index]],
            textposition="none",
            hovertemplate="action %{x}: %{text} of %{customdata:,}",
        )
    figure.update_layout(barmode="stack", bargap=0)
    return figure.update_yaxes(range=[0, 1], tickformat=".0%").update_xaxes(showgrid=False)


def index_plot(
    rows: Sequence[Sequence[object]],
    names: Sequence[str],
    hover: Sequence[str],
    legend: Legend,
    *,
    x: str = "action of the series",
    noun: str = "series",
) -> go.Figure:
    """Plot each series as a row of coloured cells, one cell an action.

    Parameters
    ----------
    rows
        The states of each series.
    names, hover
        What each series is called at the axis, and what it is, as HTML.
    legend
        The colours of the states.
    x, noun
        What the axis counts, and what the rows are.
    """
    texts(x=x, noun=noun)
    rows = each("rows", rows, Sequence, "sequences of states")
    names, hover = each("names", names, str, "texts"), each("hover", hover, str, "texts")
    instance("legend", legend, Legend, "a legend, of legend_of")
    of_one_length(rows=rows, names=names, hover=hover)
    if not len(rows):
        return nothing_to_show(f"there are no {noun}")
    figure = empty_figure(x, height=int(np.clip(110 + 15 * len(rows), 200, 720)))
    figure.add_trace(state_rows(rows, legend, hover).update(ygap=1))
    figure.add_traces(legend_entries(legend))
    named = len(rows) <= _MOST_NAMES
    shown = plain_names(names, 28)
    figure.update_yaxes(
        autorange="reversed",
        tickvals=row_names(hover) if named else [],
        ticktext=[shown[str(name)] for name in names] if named else [],
        tickfont={"size": 11},
        title=None if named else counted(len(rows), noun),
        showgrid=False,
        zeroline=False,
        ticksuffix=" ",
    )
    return figure.update_xaxes(showgrid=False, zeroline=False)
