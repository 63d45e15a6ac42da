"""What was measured: time, memory, and how far each claim is from its threshold."""

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gymlab.arguments import instance
from gymlab.workbench.checked import a_table, each, numbers
from gymlab.workbench.claims import EXPECTATIONS, Claim
from gymlab.workbench.figures.look import (
    BAD,
    BASELINE,
    GOOD,
    GREY,
    GYMLAB,
    TEMPLATE,
    empty_figure,
    nothing_to_show,
    on_narrow_pages,
)
from gymlab.workbench.text import number

_VERDICT_COLOURS = {"held": GOOD, "failed": BAD, "not_measured": GREY}
_TOO_SMALL = "not measured: the log is too small"


def claims(found: Sequence[Claim]) -> go.Figure:
    """Plot each claim on an axis of its own: what was measured, its range, and the part that was promised.

    Parameters
    ----------
    found
        The claims; one that was not measured has an empty axis.
    """
    found = each("found", found, Claim, "claims")
    if not found:
        return nothing_to_show("there is no claim")
    figure = make_subplots(
        rows=len(found),
        cols=1,
        vertical_spacing=0.6 / max(1, len(found)),
        subplot_titles=[f"<b>{claim.id}</b>, {claim.unit}" for claim in found],
    )
    figure.update_layout(
        template=TEMPLATE,
        height=40 + 84 * len(found),
        showlegend=False,
        margin={"l": 24, "r": 24, "t": 40, "b": 24},
    )
    figure.update_annotations(x=0, xanchor="left", font={"size": 13})
    for row, claim in enumerate(found, start=1):
        _add_claim(figure, claim, row)
    return figure.update_yaxes(visible=False, range=[-1, 1])


def _add_claim(figure: go.Figure, claim: Claim, row: int) -> None:
    expectation = EXPECTATIONS[claim.id]
    threshold = expectation.at_least if expectation.at_least is not None else expectation.at_most or 0.0
    values = [value for value in (claim.low, claim.measured, claim.high) if value is not None]
    least, most = min([threshold, 0, *values]), max([threshold, *values])
    margin = 0.06 * ((most - least) or 1.0)
    limits = [least - margin, most + margin]
    promised = [threshold, limits[1]] if expectation.at_least is not None else [limits[0], threshold]
    if promised[0] == promised[1]:
        promised[1] += margin
    figure.add_shape(
        type="rect",
        x0=promised[0],
        x1=promised[1],
        y0=-0.5,
        y1=0.5,
        fillcolor=GOOD,
        opacity=0.13,
        line={"width": 0},
        row=row,
        col=1,
    )
    if claim.measured is not None and claim.low is not None and claim.high is not None:
        colour = _VERDICT_COLOURS[claim.verdict]
        figure.add_scatter(
            x=[claim.measured],
            y=[0],
            error_x={
                "type": "data",
                "array": [claim.high - claim.measured],
                "arrayminus": [claim.measured - claim.low],
                "thickness": 2,
                "color": colour,
            },
            mode="markers",
            marker={"size": 12, "color": colour},
            hovertemplate=f"{claim.id}: %{{x:.4g}} {claim.unit}, {claim.verdict}<extra></extra>",
            row=row,
            col=1,
        )
    figure.update_xaxes(range=limits, nticks=6, row=row, col=1)


def time_against_size(times: pd.DataFrame) -> go.Figure:
    """Plot seconds against the number of windows on log axes: median and range of the rounds.

    Parameters
    ----------
    times
        As :class:`gymlab.workbench.measure.speed.SpeedRun` has them.
    """
    a_table(
        "times", times, *([] if getattr(times, "empty", False) else ["windows", "side", "stage", "seconds"])
    )
    if times.empty:
        return nothing_to_show(_TOO_SMALL)
    figure = empty_figure("windows or series", "seconds", xaxis_type="log", yaxis_type="log")
    ticks = sorted(times["windows"].unique())
    figure.update_xaxes(tickvals=ticks, ticktext=[str(tick) for tick in ticks]).update_yaxes(dtick=1)
    for side, colour in (("baseline", BASELINE), ("gymlab", GYMLAB)):
        for stage, dash in (("whole way", "solid"), ("dtw", "dot")):
            part = times[(times["side"] == side) & (times["stage"] == stage)]
            seconds = part.groupby("windows")["seconds"]
            median = seconds.median()
            figure.add_scatter(
                x=median.index,
                y=median,
                error_y={
                    "type": "data",
                    "array": seconds.max() - median,
                    "arrayminus": median - seconds.min(),
                    "thickness": 1,
                },
                name=f"{side}, {stage}",
                line={"color": colour, "dash": dash},
                hovertemplate="%{x:,}: %{y:.3g} s",
            )
    return figure


def memory_of_processes(table: pd.DataFrame) -> go.Figure:
    """Plot what each process held at its peak: when its work began, and what the work added.

    Parameters
    ----------
    table
        As :class:`gymlab.workbench.measure.process_memory.MemoryRun` has it.
    """
    a_table("table", table, *([] if getattr(table, "empty", False) else ["what", "side", "start", "peak"]))
    if table.empty:
        return nothing_to_show(_TOO_SMALL)
    figure = empty_figure("megabytes, median of the repeats", height=280, barmode="stack")
    median = table.groupby(["what", "side"], sort=False)[["start", "peak"]].median() / 1e6
    names = [f"{what}, {side}" for what, side in median.index]
    added = median["peak"] - median["start"]
    for values, name, colour in (
        (median["start"], "Python and libraries", GREY),
        (added, "the work", GYMLAB),
    ):
        figure.add_bar(
            y=names,
            x=values,
            name=name,
            orientation="h",
            marker_color=colour,
            text=[number(value) for value in values],
            hovertemplate="%{y}: %{x:.1f} MB",
        )
    return figure.update_yaxes(autorange="reversed", ticksuffix=" ")


def stages(seconds: Mapping[str, float]) -> go.Figure:
    """Plot what each stage of an extraction took, one bar.

    Parameters
    ----------
    seconds
        By stage, in the order in which they were.
    """
    instance("seconds", seconds, Mapping, "seconds by stage")
    numbers("seconds", list(seconds.values()))
    # High enough for a legend of several lines, as it is in a panel.
    figure = empty_figure("seconds", height=190, barmode="stack", margin={"t": 80, "b": 44})
    for name, value in seconds.items():
        figure.add_bar(
            x=[value],
            y=[""],
            orientation="h",
            name=name,
            hovertemplate=f"{name}: %{{x:.2f}} s<extra></extra>",
        )
    return on_narrow_pages(figure, {"height": 210})
