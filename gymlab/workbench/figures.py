"""Figures: pure functions from results to plotly figures, with one look for all.

Strings from a log are shortened and escaped before they enter a figure, since plotly renders some HTML.
"""

import html

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.cluster import hierarchy

from gymlab.patterns.entropy import entropy_over_time
from gymlab.patterns.result import Extraction

# Okabe and Ito's palette, which people with any colour vision can tell apart.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#7A6C00", "#555555")
BASELINE, GYMLAB = PALETTE[4], PALETTE[0]
_GREY = "#9aa3ad"

LAYOUT = go.Layout(
    template="plotly_white",
    colorway=PALETTE,
    font={"family": "system-ui, -apple-system, 'Segoe UI', sans-serif", "size": 13, "color": "#1f2933"},
    margin={"l": 64, "r": 24, "t": 48, "b": 56},
    height=400,
    hoverlabel={"align": "left"},
    legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
)


def plain(text: object, limit: int = 40) -> str:
    """Return a string from a log as it may be shown in a figure: one short line, without markup."""
    line = " ".join(str(text).split())
    short = line if len(line) <= limit else line[: limit - 1] + "…"
    return html.escape(short, quote=False)


def _figure(x: str, y: str, **layout: object) -> go.Figure:
    figure = go.Figure(layout=LAYOUT)
    return figure.update_layout(xaxis_title=x, yaxis_title=y, **layout)


def time_against_size(times: pd.DataFrame) -> go.Figure:
    """Plot seconds against the number of windows on log axes: median and range of the rounds.

    Parameters
    ----------
    times
        As :class:`gymlab.workbench.measure.speed.SpeedRun` has them.
    """
    figure = _figure("windows", "seconds", xaxis_type="log", yaxis_type="log")
    if times.empty:
        return figure.add_annotation(text="not measured: the log is too small", showarrow=False)
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
                hovertemplate="%{x} windows: %{y:.3g} s",
            )
    return figure


def dendrogram(extraction: Extraction, leaves: int = 40) -> go.Figure:
    """Plot the top of the tree of windows: the last ``leaves`` joins, coloured by pattern, and the cut.

    A leaf is labelled with the number of windows that it stands for; of a sample, where only that was clustered.
    """
    tree = extraction.linkage
    height = f"height of the join ({extraction.config.method} linkage)"
    figure = _figure(f"{extraction.windows.noun} at each leaf", height)
    if tree is None or len(tree) == 0:
        return figure.add_annotation(
            text="no tree: too few windows, or a method or strategy without one", showarrow=False
        )
    n = len(tree) + 1
    labels = extraction.labels if extraction.sample is None else extraction.labels[extraction.sample]
    colours = _join_colours(tree, labels)
    drawn = hierarchy.dendrogram(
        tree,
        truncate_mode="lastp",
        p=min(leaves, n),
        no_plot=True,
        link_color_func=lambda join: colours[join - n],
    )
    for colour in dict.fromkeys(drawn["color_list"]):
        # One trace for each colour; None lifts the pen between the joins.
        links = [k for k, one in enumerate(drawn["color_list"]) if one == colour]
        figure.add_scatter(
            x=[value for k in links for value in (*drawn["icoord"][k], None)],
            y=[value for k in links for value in (*drawn["dcoord"][k], None)],
            mode="lines",
            line={"color": colour, "width": 1.6},
            showlegend=False,
            hovertemplate="joined at %{y:.3g}<extra></extra>",
        )
    below = len(extraction.patterns)
    if 1 < below <= len(tree):
        cut = float(tree[-below, 2] + tree[-below + 1, 2]) / 2
        figure.add_hline(
            y=cut,
            line={"dash": "dash", "color": _GREY},
            annotation_text=f"cut: {below} patterns",
            annotation_position="top left",
        )
    # scipy writes "(12)" where a leaf stands for twelve, and the index of a single one.
    sizes = [leaf.strip("()") if leaf.startswith("(") else "1" for leaf in drawn["ivl"]]
    ticks = [5 + 10 * k for k in range(len(sizes))]
    return figure.update_xaxes(
        tickvals=ticks, ticktext=sizes, tickangle=-90, showgrid=False, range=[0, 10 * len(ticks)]
    )


def pattern_colour(label: int) -> str:
    """Return the colour of a pattern, the same in every figure."""
    return PALETTE[label % len(PALETTE)]


def _join_colours(tree: np.ndarray, labels: np.ndarray) -> list[str]:
    """Return the colour of each join: its pattern's if all below it are of one, grey above the cut."""
    n = len(tree) + 1
    below = [int(label) for label in labels] + [-1] * (n - 1)
    for k, (left, right) in enumerate(tree[:, :2].astype(int)):
        below[n + k] = below[left] if below[left] == below[right] else -1
    return [pattern_colour(label) if label >= 0 else _GREY for label in below[n:]]


def medoids(extraction: Extraction, most: int = 12) -> go.Figure:
    """Plot the action types of the most typical window of each pattern, step by step."""
    patterns = extraction.patterns[:most]
    typical = [extraction.actions_of_window(pattern.medoid)["action_type"].tolist() for pattern in patterns]
    names = pd.Series([name for one in typical for name in one]).value_counts().index.tolist()
    shown, others = names[: len(PALETTE) - 1], names[len(PALETTE) - 1 :]
    legend = [*shown, *(["other"] if others else [])]
    code = {name: legend.index(name) if name in shown else len(shown) for name in names}
    figure = _figure("action of the window", "", height=110 + 34 * len(patterns))
    rows = [f"pattern {pattern.label} ({pattern.size:,})" for pattern in patterns]
    for index, name in enumerate(legend):
        cells = [(row, k + 1, one) for row, acts in enumerate(typical) for k, one in enumerate(acts)]
        here = [(row, k, one) for row, k, one in cells if code[one] == index]
        figure.add_bar(
            x=[1] * len(here),
            base=[k - 1 for _, k, _ in here],
            y=[rows[row] for row, _, _ in here],
            orientation="h",
            name=plain(name),
            marker={"color": PALETTE[index], "line": {"color": "white", "width": 1}},
            customdata=[plain(one) for _, _, one in here],
            hovertemplate="%{y}: %{customdata}<extra></extra>",
        )
    longest = max(len(one) for one in typical)
    every = max(1, -(-longest // 20))
    numbers = range(1, longest + 1, every)
    figure.update_xaxes(tickvals=[k - 0.5 for k in numbers], ticktext=list(numbers), showgrid=False)
    return figure.update_layout(barmode="overlay", bargap=0.25).update_yaxes(
        categoryorder="array", categoryarray=rows[::-1]
    )


def silhouette_by_n_clusters(extraction: Extraction) -> go.Figure:
    """Plot the average silhouette width of every number of patterns that was tried, with the one chosen."""
    curve = extraction.quality.silhouette_by_n_clusters
    figure = _figure("number of patterns", "average silhouette width", height=320)
    if not curve:
        return figure.add_annotation(text="the number of patterns was given", showarrow=False)
    figure.add_scatter(x=list(curve), y=list(curve.values()), mode="lines+markers", showlegend=False)
    chosen = len(extraction.patterns)
    figure.add_vline(x=chosen, line={"dash": "dash", "color": _GREY}, annotation_text=f"chosen: {chosen}")
    return figure.update_xaxes(dtick=2)


def entropy_of_agents(extraction: Extraction, most: int = 8) -> go.Figure:
    """Plot the entropy of each agent's choices over its actions, in a sliding window of a tenth of them.

    Normalised by the number of action types that occur in the log, so that agents and times compare. The agents
    shown are those whose entropy changes most.
    """
    log = extraction.actions
    window = max(20, int(log["agent_id"].value_counts().median()) // 10)
    n_intents = int(log["action_type"].nunique())
    curves = {}
    for agent, actions in log.groupby("agent_id", sort=False):
        if len(actions) >= window:
            curve = entropy_over_time(
                actions["action_type"].to_numpy(dtype=object), window, max(n_intents, 2)
            )
            curves[str(agent)] = curve[window - 1 :]
    figure = _figure(
        f"actions of the agent, in the order of the log (window of {window})", "entropy, share of the largest"
    )
    figure.update_yaxes(range=[-0.03, 1.03])
    if not curves:
        return figure.add_annotation(text=f"no agent has {window} actions", showarrow=False)
    for agent in sorted(curves, key=lambda agent: -float(np.std(curves[agent])))[:most]:
        steps = np.unique(np.linspace(0, len(curves[agent]) - 1, 400).astype(int))
        figure.add_scatter(x=steps + window, y=curves[agent][steps], name=plain(agent, 24), mode="lines")
    return figure


def memory_of_processes(table: pd.DataFrame) -> go.Figure:
    """Plot what each process held at its peak: when its work began, and what the work added.

    Parameters
    ----------
    table
        As :func:`gymlab.workbench.measure.memory.measure_memory` returns it.
    """
    figure = _figure("megabytes, median of the repeats", "", height=280, barmode="stack")
    if table.empty:
        return figure.add_annotation(text="not measured: the log is too small", showarrow=False)
    median = table.groupby(["what", "side"], sort=False)[["start", "peak"]].median() / 1e6
    names = [f"{what}, {side}" for what, side in median.index]
    added = median["peak"] - median["start"]
    for values, name, colour in (
        (median["start"], "Python and libraries", _GREY),
        (added, "the work", GYMLAB),
    ):
        figure.add_bar(
            y=names,
            x=values,
            name=name,
            orientation="h",
            marker_color=colour,
            text=[f"{value:.0f}" for value in values],
            hovertemplate="%{y}: %{x:.1f} MB",
        )
    return figure.update_yaxes(autorange="reversed")
