"""Runs of the report over time, and alerts as they stand."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gymlab.runtime.alerts import Alert
from gymlab.workbench.checked import a_table, each
from gymlab.workbench.claims import EXPECTATIONS
from gymlab.workbench.figures.look import (
    BAD,
    GOOD,
    GREY,
    GYMLAB,
    PALE,
    TEMPLATE,
    empty_figure,
    nothing_to_show,
    on_narrow_pages,
    plain,
)

_VERDICT_COLOURS = {"held": GOOD, "failed": BAD, "not_measured": GREY}
_STATE_COLOURS = {"ok": GOOD, "firing": BAD, "no_data": PALE}
_COLUMNS = 3
_COLUMNS_OF_RUNS = ("when", "run_id", "claim", "measured", "low", "high", "verdict")


def trend(runs: pd.DataFrame) -> go.Figure:
    """Plot what each claim measured, run by run, with its threshold.

    Parameters
    ----------
    runs
        One row a run and claim: ``when`` (datetime), ``run_id``, ``claim``, ``measured``, ``low``, ``high``,
        ``verdict``; what was not measured is NaN.
    """
    a_table("runs", runs, *([] if getattr(runs, "empty", False) else _COLUMNS_OF_RUNS))
    if runs.empty or runs["run_id"].nunique() < 2:
        return nothing_to_show("this is the first run on this log; the trend begins with the second")
    names = [name for name in EXPECTATIONS if name in set(runs["claim"])]
    rows = -(-len(names) // _COLUMNS)
    figure = make_subplots(
        rows=rows,
        cols=_COLUMNS,
        subplot_titles=[f"{name}, {EXPECTATIONS[name].unit}" for name in names],
        vertical_spacing=0.3 / rows,
        horizontal_spacing=0.08,
    )
    figure.update_layout(template=TEMPLATE, height=60 + 190 * rows, showlegend=False)
    figure.update_annotations(font={"size": 12})
    for number, name in enumerate(names):
        where = {"row": number // _COLUMNS + 1, "col": number % _COLUMNS + 1}
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
            line={"color": GYMLAB, "width": 1},
            marker={"color": [_VERDICT_COLOURS[verdict] for verdict in part["verdict"]], "size": 8},
            text=part["run_id"],
            hovertemplate="%{text}: %{y:.4g}<extra></extra>",
            **where,
        )
        expectation = EXPECTATIONS[name]
        threshold = expectation.at_least if expectation.at_least is not None else expectation.at_most
        figure.add_hline(y=threshold, line={"dash": "dot", "color": GREY}, **where)
    return figure.update_xaxes(nticks=4)


def alert_strip(alerts: Sequence[Alert]) -> go.Figure:
    """Plot each alert as a bar on the way to its threshold: green, red where it fires, empty without data.

    Parameters
    ----------
    alerts
        As :func:`gymlab.runtime.alerts.evaluate` returns them.
    """
    alerts = each("alerts", alerts, Alert, "alerts")
    figure = empty_figure(
        height=56 + 34 * len(alerts), showlegend=False, margin={"t": 16, "b": 32, "l": 16, "r": 16}
    )
    # Each in units of its own threshold, so that one line is the threshold of all.
    shares = [0.0 if alert.value is None else alert.value / alert.threshold for alert in alerts]
    texts = ["no data" if alert.value is None else f"{alert.value:.3g} {alert.unit}" for alert in alerts]
    figure.add_bar(
        x=shares,
        y=[plain(alert.statement, 60) for alert in alerts],
        orientation="h",
        marker={"color": [_STATE_COLOURS[alert.state] for alert in alerts]},
        width=0.5,
        text=texts,
        textposition="outside",
        cliponaxis=False,
        customdata=[alert.state.replace("_", " ") for alert in alerts],
        hovertemplate="%{y}: %{text}, %{customdata}<extra></extra>",
    )
    figure.add_vline(x=1, line={"dash": "dash", "color": GREY}, annotation_text="threshold")
    figure.update_xaxes(range=[0, max(1.3, *shares) * 1.15 if shares else 1.3], showticklabels=False)
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix=" ")
    # The sentence before the bracket, which names the threshold, is enough to know it by.
    short = [plain(alert.statement.partition(" (")[0], 22) for alert in alerts]
    return on_narrow_pages(figure, {"yaxis.tickvals": list(range(len(alerts))), "yaxis.ticktext": short})
