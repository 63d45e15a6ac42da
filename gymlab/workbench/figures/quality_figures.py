"""How good clusters are: silhouettes, sizes, the choice of their number, stability and the test against chance."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from gymlab.arguments import instance, whole_number
from gymlab.patterns.result import Extraction
from gymlab.patterns.significance.pattern_significance import LEAST_STABILITY, PatternSignificance
from gymlab.workbench.checked import an_extraction, numbers
from gymlab.workbench.figures.look import (
    GREY,
    PALE,
    TEMPLATE,
    empty_figure,
    evenly,
    nothing_to_show,
    on_narrow_pages,
    pattern_colour,
    pattern_name,
    plain,
    plain_names,
    say_left_out,
    whereabouts,
)
from gymlab.workbench.text import counted, decimals, some_of

# Bars of a pattern at most: more would not be seen, and slow the page.
_MOST_BARS = 300

# Share of the windows from which on a pattern has room for its name.
_LEAST_NAMED = 0.05

# Height of a row of one pattern, in pixels.
_ROW = 26


def silhouettes(extraction: Extraction) -> go.Figure:
    """Return the silhouette width of every window that has one, pattern by pattern, with the average."""
    an_extraction(extraction)
    return silhouette_bars(
        extraction.quality.silhouettes, extraction.labels, extraction.windows.table, extraction.windows.noun
    )


def silhouette_bars(
    widths: NDArray[np.float64], labels: NDArray[np.int64], table: pd.DataFrame, noun: str
) -> go.Figure:
    """Plot silhouette widths as bars, the widest of each pattern first.

    Only some windows of a large pattern are drawn, evenly from the widest to the least.

    Parameters
    ----------
    widths
        float64 ``(n,)``, −1 to 1; NaN for those that have none.
    labels
        int64 ``(n,)``; −1 is noise.
    table
        Where each window is, as ``Windows.table``.
    noun
        What is clustered.
    """
    known = ~np.isnan(widths) & (labels >= 0)
    if not known.any():
        return nothing_to_show("silhouette widths compare patterns, and there are fewer than two")
    figure = empty_figure("silhouette width", noun, height=420)
    average, top = float(widths[known].mean()), 0
    centres, names, bars, unnamed = [], [], 0, 0
    for label in range(int(labels.max()) + 1):
        members = np.flatnonzero(known & (labels == label))
        if len(members) == 0:
            continue
        ordered = members[np.argsort(-widths[members], kind="stable")]
        places = evenly(len(ordered), _MOST_BARS)
        drawn = ordered[places]
        bars += len(drawn)
        height = len(ordered) / len(drawn)
        figure.add_bar(
            x=widths[drawn],
            y=top + places + height / 2,
            width=height,
            orientation="h",
            marker={"color": pattern_colour(label), "line": {"width": 0}},
            name=pattern_name(label),
            showlegend=False,
            text=whereabouts(table, drawn),
            textposition="none",
            hovertemplate=f"{pattern_name(label)}, %{{text}}<br>silhouette width %{{x:.2f}}<extra></extra>",
        )
        # A name that is higher than its bars would be written over its neighbour's.
        if len(ordered) >= _LEAST_NAMED * known.sum():
            centres.append(top + len(ordered) / 2)
            names.append(f"{pattern_name(label)}: {plain(decimals(float(widths[members].mean())))} ")
        else:
            unnamed += 1
        top += len(ordered) + max(1, int(known.sum()) // 60)
    figure.add_vline(
        x=average,
        line={"dash": "dash", "color": GREY},
        annotation_text=f"average {plain(decimals(average))}",
        annotation_position="top",
    )
    figure.update_yaxes(tickvals=centres, ticktext=names, autorange="reversed", showgrid=False)
    figure.update_layout(bargap=0, barmode="overlay")
    without = int(np.count_nonzero(~known))
    return say_left_out(
        figure,
        some_of(bars, int(known.sum()), noun, "evenly over each pattern"),
        f"{counted(without, noun)} without a width: noise, or not compared" if without else "",
        f"too small for a name at the axis: {counted(unnamed, 'patterns')}" if unnamed else "",
    )


def cluster_sizes(extraction: Extraction) -> go.Figure:
    """Return how many windows and how many distinct actions each pattern has."""
    an_extraction(extraction)
    found, noun = extraction.patterns, extraction.windows.noun
    if not found:
        return nothing_to_show("there is no pattern: all is noise")
    names = [pattern_name(pattern.label) for pattern in found]
    figure = make_subplots(
        cols=2, shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=(noun, "distinct actions")
    )
    columns = (
        ([pattern.size for pattern in found], noun),
        ([pattern.support for pattern in found], "distinct actions"),
    )
    for column, (values, what) in enumerate(columns, start=1):
        figure.add_bar(
            x=values,
            y=names,
            orientation="h",
            marker={"color": [pattern_colour(pattern.label) for pattern in found]},
            text=[f"{value:,}" for value in values],
            hovertemplate="%{y}: %{x:,} " + what + "<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
    figure.update_layout(template=TEMPLATE, height=110 + _ROW * len(names))
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def choice_of_k(extraction: Extraction, others: Mapping[str, Mapping[int, float]] | None = None) -> go.Figure:
    """Return the average silhouette width for every number of patterns that was tried, and mark the number chosen.

    Parameters
    ----------
    extraction
        Whose number was chosen; where it was given, the figure says so.
    others
        Curves of other ways to compare with, by name.
    """
    an_extraction(extraction)
    if others is not None:
        instance("others", others, Mapping, "curves by name, or None")
    curve, chosen = dict(extraction.quality.silhouette_by_n_clusters), len(extraction.patterns)
    if curve:
        # A number of patterns that was asked for may be more than the largest that is tried.
        curve.setdefault(chosen, extraction.quality.silhouette)
    curves: dict[str, Mapping[int, float]] = {extraction.config.method: dict(sorted(curve.items()))}
    return silhouette_curves(curves | dict(others or {}), chosen)


def silhouette_curves(curves: Mapping[str, Mapping[int, float]], chosen: int | None = None) -> go.Figure:
    """Plot the average silhouette width against the number of patterns, one line for each way of clustering.

    Parameters
    ----------
    curves
        By name, the width at every number that was tried.
    chosen
        The number that was taken; None for no line.
    """
    instance("curves", curves, Mapping, "curves by name")
    for curve in curves.values():
        instance("a curve", curve, Mapping, "silhouette widths by number of patterns")
        numbers("a curve", list(curve.values()))
    if chosen is not None:
        chosen = whole_number("chosen", chosen, least=0, instead=", or None")
    shown = {name: curve for name, curve in curves.items() if curve}
    if not shown:
        return nothing_to_show("no other number of patterns was tried")
    figure = empty_figure("number of patterns", "average silhouette width", height=320)
    names = plain_names(shown, 40)
    for name, curve in shown.items():
        figure.add_scatter(
            x=list(curve),
            y=list(curve.values()),
            mode="lines+markers",
            name=names[str(name)],
            showlegend=len(shown) > 1,
            hovertemplate="%{x} patterns: %{y:.3f}",
        )
    if chosen is not None:
        figure.add_vline(
            x=chosen,
            line={"dash": "dash", "color": GREY},
            annotation_text=f"chosen: {chosen}",
            annotation_position="top right",
        )
    return figure.update_xaxes(dtick=2, rangemode="normal")


def significance(extraction: Extraction) -> go.Figure:
    """Return whether patterns come again, and whether they are tighter and better separated than chance.

    Left: the mean Jaccard similarity when sessions are drawn anew, with the least that can be trusted. Middle and right:
    distance to the medoid and silhouette (points) beside 90 % of what surrogate logs show (bars, with their median).
    """
    an_extraction(extraction)
    if extraction.significance is None:
        return nothing_to_show("significance was not assessed; the notes say why")
    found = extraction.significance.patterns
    if not found:
        return nothing_to_show("there is no pattern to test")
    names = [pattern_name(one.label) for one in found]
    titles = ("comes again", "distance", "silhouette")
    figure = make_subplots(cols=3, shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=titles)
    figure.update_layout(
        template=TEMPLATE, height=170 + _ROW * len(names), legend={"y": -0.25, "yanchor": "top"}
    )
    _add_points(figure, 1, [one.stability for one in found], found, "comes again: %{x:.2f}")
    figure.add_vline(x=LEAST_STABILITY, line={"dash": "dash", "color": GREY}, row=1, col=1)
    for column, (values, quantiles) in enumerate(
        (
            ([one.compactness for one in found], [one.null_compactness for one in found]),
            ([one.silhouette for one in found], [one.null_silhouette for one in found]),
        ),
        start=2,
    ):
        low, middle, high = np.array(quantiles, dtype=float).T
        figure.add_bar(
            base=low,
            x=high - low,
            y=names,
            orientation="h",
            marker={"color": PALE},
            width=0.5,
            name="90 % of surrogates",
            showlegend=column == 2,
            hovertemplate="surrogates: %{base:.3g} to %{x:.3g}<extra></extra>",
            row=1,
            col=column,
        )
        figure.add_scatter(
            x=middle,
            y=names,
            mode="markers",
            marker={"symbol": "line-ns-open", "color": GREY, "size": 12, "line": {"width": 2}},
            name="their median",
            showlegend=column == 2,
            hovertemplate="median of the surrogates: %{x:.3g}<extra></extra>",
            row=1,
            col=column,
        )
        _add_points(figure, column, values, found, "here: %{x:.3g}")
    figure.update_xaxes(range=[0, 1.04], row=1, col=1)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return on_narrow_pages(figure, {"annotations[0].text": "again"})


def _add_points(
    figure: go.Figure, column: int, values: Sequence[float], found: Sequence[PatternSignificance], hover: str
) -> None:
    remarks = [f"q {one.q_value:.3g}: {one.verdict or 'passes'}" for one in found]
    figure.add_scatter(
        x=values,
        y=[pattern_name(one.label) for one in found],
        mode="markers",
        marker={"color": [pattern_colour(one.label) for one in found], "size": 11},
        name="this log",
        showlegend=False,
        text=remarks,
        hovertemplate=f"{hover}<br>%{{text}}<extra></extra>",
        row=1,
        col=column,
    )
