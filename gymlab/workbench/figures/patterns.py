"""What patterns look like: members, medoid and barycentre of each, side by side."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from gymlab.arguments import instance
from gymlab.principles.principle import percent
from gymlab.workbench.checked import each, texts
from gymlab.workbench.figures.look import (
    INK,
    TEMPLATE,
    empty_figure,
    nothing_to_show,
    on_narrow_pages,
    pattern_colour,
    pattern_name,
)
from gymlab.workbench.figures.states import Legend, legend_entries, state_cells, state_rows
from gymlab.workbench.text import counted, singular

_COLUMNS = 3

# Pixels between the parts of a pattern, and between bands of patterns.
_GAP, _BETWEEN = 8, 56


@dataclass(frozen=True, eq=False)
class StatePanel:
    """One pattern of states.

    Attributes
    ----------
    label, size
        Its number, and how many windows it has.
    members
        The states of some of them.
    hover
        For each of these, what it is, as HTML.
    medoid, medoid_hover
        The states of its most typical window, and what it is.
    shares
        float64 ``(n_timepoints, n_states)``: the share of each state of the legend in its barycentre; None without
        one.
    """

    label: int
    size: int
    members: Sequence[Sequence[object]]
    hover: Sequence[str]
    medoid: Sequence[object]
    medoid_hover: str
    shares: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class NumberPanel:
    """One pattern of numbers.

    Attributes
    ----------
    label, size
        Its number, and how many windows it has.
    members
        The values of some of them.
    hover
        For each of these, what it is.
    medoid, medoid_hover
        The same of its most typical window.
    center
        float64 ``(n_timepoints,)``: its barycentre; None without one.
    """

    label: int
    size: int
    members: Sequence[NDArray[np.float64]]
    hover: Sequence[str]
    medoid: NDArray[np.float64]
    medoid_hover: str
    center: NDArray[np.float64] | None = None


def patterns_of_states(panels: Sequence[StatePanel], legend: Legend, *, noun: str = "windows") -> go.Figure:
    """Plot each pattern as rows of coloured cells: the medoid on top, members below, the barycentre as shares.

    Parameters
    ----------
    panels
        One for each pattern.
    legend
        The colours of the states, in all panels the same.
    noun
        What the members are.
    """
    texts(noun=noun)
    panels = each("panels", panels, StatePanel, "panels of patterns")
    instance("legend", legend, Legend, "a legend, of legend_of")
    if not panels:
        return nothing_to_show("there is no pattern: all is noise")
    with_shares = any(panel.shares is not None for panel in panels)
    columns = min(_COLUMNS, len(panels))
    bands = -(-len(panels) // columns)
    # In pixels: medoid, members, barycentre, and the room for the titles of the band below.
    heights = [*([28, 130, 70] if with_shares else [28, 150]), _BETWEEN] * bands
    parts = len(heights) // bands
    figure = make_subplots(
        rows=len(heights),
        cols=columns,
        row_heights=heights,
        specs=[[None if row % parts == parts - 1 else {}] * columns for row in range(len(heights))],
        vertical_spacing=_GAP / (sum(heights) + _GAP * len(heights)),
        horizontal_spacing=0.06,
        subplot_titles=_titles_of(panels, columns, bands, parts - 1, noun),
    )
    for number, panel in enumerate(panels):
        row, column = number // columns * parts + 1, number % columns + 1
        _add_states(figure, panel, legend, row, column)
    figure.add_traces(legend_entries(legend), rows=1, cols=1)
    inner = sum(heights) + _GAP * len(heights)
    figure.update_layout(
        template=TEMPLATE,
        height=inner + 90,
        # The room below the last band is the legend's.
        legend={"y": 0, "yanchor": "top"},
        margin={"t": 40, "b": 50, "l": 84},
    )
    figure.update_xaxes(showgrid=False, zeroline=False, range=_steps_of(panels))
    figure.update_yaxes(showgrid=False, zeroline=False, title={"font": {"size": 11}})
    return on_narrow_pages(figure, _short_titles(panels))


def _add_states(figure: go.Figure, panel: StatePanel, legend: Legend, row: int, column: int) -> None:
    figure.add_trace(
        state_cells(
            [panel.medoid],
            legend,
            hover=[f"medoid: {panel.medoid_hover}"],
            y=["medoid"],
        ),
        row=row,
        col=column,
    )
    figure.add_trace(state_rows(panel.members, legend, panel.hover), row=row + 1, col=column)
    figure.update_yaxes(
        showticklabels=False,
        autorange="reversed",
        title="members" if column == 1 else None,
        row=row + 1,
        col=column,
    )
    figure.update_yaxes(showticklabels=column == 1, row=row, col=column)
    figure.update_xaxes(showticklabels=panel.shares is None, row=row + 1, col=column)
    figure.update_xaxes(showticklabels=False, row=row, col=column)
    if panel.shares is None:
        figure.update_xaxes(title="action", row=row + 1, col=column)
        return
    for index, (label, colour) in enumerate(zip(legend.labels, legend.colours, strict=True)):
        figure.add_bar(
            x=np.arange(1, len(panel.shares) + 1),
            y=panel.shares[:, index],
            marker={"color": colour, "line": {"width": 0}},
            showlegend=False,
            name=label,
            text=[html.escape(percent(share)) for share in panel.shares[:, index]],
            textposition="none",
            hovertemplate=f"barycentre, action %{{x}}: {label} %{{text}}<extra></extra>",
            row=row + 2,
            col=column,
        )
    figure.update_layout(barmode="stack", bargap=0)
    figure.update_yaxes(
        range=[0, 1],
        tickformat=".0%",
        nticks=3,
        showticklabels=column == 1,
        title="barycentre" if column == 1 else None,
        row=row + 2,
        col=column,
    )
    figure.update_xaxes(title="action", row=row + 2, col=column)


def patterns_of_numbers(panels: Sequence[NumberPanel], *, y: str, noun: str = "windows") -> go.Figure:
    """Plot each pattern as lines: members pale, the medoid in its colour, the barycentre dashed.

    Parameters
    ----------
    panels
        One for each pattern.
    y
        What the numbers are.
    noun
        What the members are.
    """
    texts(y=y, noun=noun)
    panels = each("panels", panels, NumberPanel, "panels of patterns")
    if not panels:
        return nothing_to_show("there is no pattern: all is noise")
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        shared_yaxes="all",
        horizontal_spacing=0.05,
        vertical_spacing=0.24 / rows,
        subplot_titles=_titles_of(panels, columns, rows, 1, noun),
    )
    figure.update_layout(
        template=TEMPLATE, height=90 + 240 * rows, legend={"y": -0.3 / rows, "yanchor": "top"}
    )
    for number, panel in enumerate(panels):
        where = {"row": number // columns + 1, "col": number % columns + 1}
        for values, hover in zip(panel.members, panel.hover, strict=True):
            figure.add_scatter(
                y=values,
                x0=1,
                mode="lines",
                line={"color": "rgba(120,130,140,0.25)", "width": 1},
                showlegend=False,
                hovertemplate=f"{hover}<br>action %{{x}}: %{{y:.3g}}<extra></extra>",
                **where,
            )
        typical = (
            (panel.medoid, "medoid", {"color": pattern_colour(panel.label), "width": 3}, panel.medoid_hover),
            (
                panel.center,
                "barycentre",
                {"color": INK, "width": 2, "dash": "dash"},
                pattern_name(panel.label),
            ),
        )
        for line, name, style, hover in typical:
            if line is not None:
                figure.add_scatter(
                    y=line,
                    x0=1,
                    mode="lines",
                    name=name,
                    line=style,
                    showlegend=number == 0,
                    hovertemplate=f"{name} of {hover}<br>action %{{x}}: %{{y:.3g}}<extra></extra>",
                    **where,
                )
    figure.update_xaxes(range=_steps_of(panels)).update_xaxes(title="action", row=rows)
    figure.update_yaxes(title=y, col=1)
    return on_narrow_pages(figure, _short_titles(panels))


def medoids(panels: Sequence[StatePanel], legend: Legend, *, noun: str = "windows") -> go.Figure:
    """Plot the states of the most typical window of each pattern, step by step.

    Parameters
    ----------
    panels, legend, noun
        As for :func:`patterns_of_states`; members and shares are not looked at.
    """
    texts(noun=noun)
    panels = each("panels", panels, StatePanel, "panels of patterns")
    instance("legend", legend, Legend, "a legend, of legend_of")
    if not panels:
        return nothing_to_show("there is no pattern: all is noise")
    figure = empty_figure(f"action of the {singular(noun)}", height=120 + 34 * len(panels))
    names = [f"{pattern_name(panel.label)} ({panel.size:,})" for panel in panels]
    figure.add_trace(
        state_cells(
            [panel.medoid for panel in panels],
            legend,
            hover=[panel.medoid_hover for panel in panels],
            y=names,
        ).update(xgap=1, ygap=6)
    )
    figure.add_traces(legend_entries(legend))
    figure.update_xaxes(showgrid=False, zeroline=False)
    return figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix=" ")


def _steps_of(panels: Sequence[StatePanel | NumberPanel]) -> list[float]:
    """Return the range of the axis of actions, which all parts of all panels share: up to the longest."""
    lengths = [len(one) for panel in panels for one in (panel.medoid, *panel.members)]
    return [0.5, max(lengths, default=0) + 0.5]


def _titles_of(
    panels: Sequence[StatePanel | NumberPanel], columns: int, bands: int, parts: int, noun: str
) -> list[str]:
    """Return the titles of all cells of a grid, band by band: those of the patterns at the first of their parts."""
    titles = []
    for band in range(bands):
        here = panels[band * columns : (band + 1) * columns]
        names = [
            f"<b style='color:{pattern_colour(panel.label)}'>{pattern_name(panel.label)}</b>, "
            f"{counted(panel.size, noun)}"
            for panel in here
        ]
        titles += names + [""] * (columns * parts - len(names))
    return titles


def _short_titles(panels: Sequence[StatePanel | NumberPanel]) -> dict[str, object]:
    """Return what the titles are where panels stand close to one another."""
    return {
        f"annotations[{k}].text": f"<b style='color:{pattern_colour(panel.label)}'>{panel.label}</b>"
        for k, panel in enumerate(panels)
    }
