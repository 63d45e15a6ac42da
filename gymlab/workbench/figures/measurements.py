"""Figures of measurements: claims with their thresholds, time, memory, the trend over runs, and alerts."""

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gymlab.arguments import instance
from gymlab.runtime.alerts import Alert
from gymlab.workbench.checked import a_table, each, numbers
from gymlab.workbench.claims import EXPECTATIONS, Claim
from gymlab.workbench.figures import look
from gymlab.workbench.text import number

_VERDICT_COLOURS = {"held": look.GOOD, "failed": look.BAD, "not_measured": look.GREY}
_TOO_SMALL = "not measured: the log is too small"


def claims(found: Sequence[Claim]) -> go.Figure:
    """Plot each claim on a separate axis: the measured value, its range, and the part where the claim holds.

    Parameters
    ----------
    found
        The claims. A claim that was not measured has an empty axis.
    """
    found = each("found", found, Claim, "claims")
    if not found:
        return look.nothing_to_show("there is no claim")
    figure = make_subplots(
        rows=len(found),
        cols=1,
        vertical_spacing=0.6 / max(1, len(found)),
        subplot_titles=[f"<b>{claim.id}</b>, {claim.unit}" for claim in found],
    )
    figure.update_layout(
        template=look.TEMPLATE,
        height=40 + 84 * len(found),
        showlegend=False,
        margin={"l": 24, "r": 24, "t": 40, "b": 24},
    )
    figure.update_annotations(x=0, xanchor="left", font={"size": 13})
    for row, claim in enumerate(found, start=1):
        _add_claim(figure, claim, row)
    return figure.update_yaxes(visible=False, range=[-1, 1])


def _add_claim(figure: go.Figure, claim: Claim, row: int) -> None:
    expectation, threshold = EXPECTATIONS[claim.id], _threshold(claim.id)
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
        fillcolor=look.GOOD,
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


def _threshold(claim: str) -> float:
    expectation = EXPECTATIONS[claim]
    return expectation.at_least if expectation.at_least is not None else expectation.at_most or 0.0


def time_against_size(times: pd.DataFrame) -> go.Figure:
    """Plot seconds against the number of windows on log axes: the median and the range of the rounds.

    Parameters
    ----------
    times
        The times of :class:`gymlab.workbench.measure.speed.SpeedRun`.
    """
    a_table("times", times, "windows", "side", "stage", "seconds", may_be_empty=True)
    if times.empty:
        return look.nothing_to_show(_TOO_SMALL)
    figure = look.empty_figure("windows or series", "seconds", xaxis_type="log", yaxis_type="log")
    ticks = sorted(times["windows"].unique())
    figure.update_xaxes(tickvals=ticks, ticktext=[str(tick) for tick in ticks]).update_yaxes(dtick=1)
    for side, colour in (("baseline", look.BASELINE), ("gymlab", look.GYMLAB)):
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
    """Plot the peak memory of each process: the part before its work, and the part that the work added.

    Parameters
    ----------
    table
        The table of :class:`gymlab.workbench.measure.process_memory.MemoryRun`.
    """
    a_table("table", table, "what", "side", "start", "peak", may_be_empty=True)
    if table.empty:
        return look.nothing_to_show(_TOO_SMALL)
    figure = look.empty_figure("megabytes, median of the repeats", height=280, barmode="stack")
    median = table.groupby(["what", "side"], sort=False)[["start", "peak"]].median() / 1e6
    names = [f"{what}, {side}" for what, side in median.index]
    added = median["peak"] - median["start"]
    for values, name, colour in (
        (median["start"], "Python and libraries", look.GREY),
        (added, "the work", look.GYMLAB),
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
    """Plot the seconds of each stage of an extraction as one bar.

    Parameters
    ----------
    seconds
        The seconds by stage, in the order of the stages.
    """
    instance("seconds", seconds, Mapping, "seconds by stage")
    numbers("seconds", list(seconds.values()))
    # The height is enough for a legend of several lines, as in a panel.
    figure = look.empty_figure("seconds", height=190, barmode="stack", margin={"t": 80, "b": 44})
    for name, value in seconds.items():
        figure.add_bar(
            x=[value],
            y=[""],
            orientation="h",
            name=name,
            hovertemplate=f"{name}: %{{x:.2f}} s<extra></extra>",
        )
    return look.on_narrow_pages(figure, {"height": 210})


_STATE_COLOURS = {"ok": look.GOOD, "firing": look.BAD, "no_data": look.PALE}
_COLUMNS = 3
_COLUMNS_OF_RUNS = ("when", "run_id", "claim", "measured", "low", "high", "verdict")


def trend(runs: pd.DataFrame) -> go.Figure:
    """Plot the measured value of each claim over the runs, with its threshold.

    Parameters
    ----------
    runs
        One row for each run and claim: ``when`` (datetime), ``run_id``, ``claim``, ``measured``, ``low``, ``high``,
        ``verdict``. A value that was not measured is NaN.
    """
    a_table("runs", runs, *_COLUMNS_OF_RUNS, may_be_empty=True)
    if runs.empty or runs["run_id"].nunique() < 2:
        return look.nothing_to_show("this is the first run on this log; the trend begins with the second")
    names = [name for name in EXPECTATIONS if name in set(runs["claim"])]
    rows = -(-len(names) // _COLUMNS)
    figure = make_subplots(
        rows=rows,
        cols=_COLUMNS,
        subplot_titles=[f"{name}, {EXPECTATIONS[name].unit}" for name in names],
        vertical_spacing=0.3 / rows,
        horizontal_spacing=0.08,
    )
    figure.update_layout(template=look.TEMPLATE, height=60 + 190 * rows, showlegend=False)
    figure.update_annotations(font={"size": 12})
    for index, name in enumerate(names):
        where = {"row": index // _COLUMNS + 1, "col": index % _COLUMNS + 1}
        part = runs[runs["claim"] == name].sort_values("when")
        figure.add_scatter(
            x=part["when"],
            y=part["measured"],
            error_y={
                "type": "data",
                "array": part["high"] - part["measured"],
                "arrayminus": part["measured"] - part["low"],
                "thickness": 1,
            },
            mode="lines+markers",
            line={"color": look.GYMLAB, "width": 1},
            marker={"color": [_VERDICT_COLOURS[verdict] for verdict in part["verdict"]], "size": 8},
            text=part["run_id"],
            hovertemplate="%{text}: %{y:.4g}<extra></extra>",
            **where,
        )
        figure.add_hline(y=_threshold(name), line={"dash": "dot", "color": look.GREY}, **where)
    return figure.update_xaxes(nticks=4)


def alert_strip(alerts: Sequence[Alert]) -> go.Figure:
    """Plot the value of each alert as a share of its threshold: a green bar, red if it fires, no bar without data.

    Parameters
    ----------
    alerts
        The alerts that :func:`gymlab.runtime.alerts.evaluate` returns.
    """
    alerts = each("alerts", alerts, Alert, "alerts")
    figure = look.empty_figure(
        height=56 + 34 * len(alerts), showlegend=False, margin={"t": 16, "b": 32, "l": 16, "r": 16}
    )
    # Values are shares of the threshold of the alert, so that one line is the threshold of all alerts.
    shares = [0.0 if alert.value is None else alert.value / alert.threshold for alert in alerts]
    texts = [
        f"no data: {alert.note}" if alert.value is None else f"{alert.value:.3g} {alert.unit}"
        for alert in alerts
    ]
    figure.add_bar(
        x=shares,
        y=[look.plain(alert.statement, 60) for alert in alerts],
        orientation="h",
        marker={"color": [_STATE_COLOURS[alert.state] for alert in alerts]},
        width=0.5,
        text=texts,
        textposition="outside",
        cliponaxis=False,
        customdata=[alert.state.replace("_", " ") for alert in alerts],
        hovertemplate="%{y}: %{text}, %{customdata}<extra></extra>",
    )
    figure.add_vline(x=1, line={"dash": "dash", "color": look.GREY}, annotation_text="threshold")
    figure.update_xaxes(range=[0, max(1.3, *shares) * 1.15 if shares else 1.3], showticklabels=False)
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix=" ")
    # On narrow pages the text in brackets at the end, with the threshold, is left out.
    short = [look.plain(alert.statement.partition(" (")[0], 22) for alert in alerts]
    return look.on_narrow_pages(figure, {"yaxis.tickvals": list(range(len(alerts))), "yaxis.ticktext": short})
