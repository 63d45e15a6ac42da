"""The quality of patterns: silhouette widths, sizes, the choice of their number, and their significance."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from gymlab.arguments import instance, whole_number
from gymlab.errors import InputError
from gymlab.patterns.result import Extraction
from gymlab.patterns.significance.pattern_significance import LEAST_STABILITY, PatternSignificance
from gymlab.workbench.checked import a_table, an_extraction, each, numbers, whole_numbers
from gymlab.workbench.figures import look
from gymlab.workbench.text import counted, decimals, some_of

# The maximum number of bars of a pattern. More bars cannot be distinguished, and would make the page slow.
_MOST_BARS = 300

# A pattern with a smaller share of the windows is not named, since there is no space.
_LEAST_NAMED = 0.05

# The height of the row of a pattern, in pixels.
_ROW = 26


def silhouettes(extraction: Extraction) -> go.Figure:
    """Return the silhouette widths of the windows as bars, pattern by pattern, with the average."""
    an_extraction(extraction)
    return silhouette_bars(
        extraction.quality.silhouettes, extraction.labels, extraction.windows.table, extraction.windows.noun
    )


def silhouette_bars(
    widths: ArrayLike, labels: ArrayLike, table: pd.DataFrame | None = None, noun: str = "windows"
) -> go.Figure:
    """Plot silhouette widths as bars, pattern by pattern, the largest width of each pattern first.

    Of a large pattern only 300 windows are drawn, evenly spaced from the largest width to the smallest.

    Parameters
    ----------
    widths
        float64 ``(n,)``, −1 to 1; NaN for windows without a width.
    labels
        int64 ``(n,)``, the pattern of each window; −1 is noise.
    table
        The place of each window in the log, as ``Windows.table``. Without it the hover text has the window's number.
    noun
        The name of the windows, in the plural.

    Examples
    --------
    >>> figure = silhouette_bars([0.5, 0.25, 0.75, -0.5], [0, 0, 1, 1])
    >>> [bar.x.tolist() for bar in figure.data]
    [[0.5, 0.25], [0.75, -0.5]]
    """
    widths, labels = numbers("widths", widths), whole_numbers("labels", labels)
    instance("noun", noun, str, "a text")
    if table is not None:
        a_table("table", table, "agent_id", "session_id", "start", "end")
    if len(widths) != len(labels):
        raise InputError(
            f"there are {len(widths):,} widths and {len(labels):,} labels; give one of each per window"
        )
    if table is not None and len(table) != len(labels):
        raise InputError(f"table has {len(table):,} rows; give one for each of the {len(labels):,} labels")
    known = ~np.isnan(widths) & (labels >= 0)
    if not known.any():
        return look.nothing_to_show("silhouette widths compare patterns, and there are fewer than two")
    figure = look.empty_figure("silhouette width", noun, height=420)
    average, top = float(widths[known].mean()), 0
    centres, names, bars, unnamed = [], [], 0, 0
    for label in range(int(labels.max()) + 1):
        members = np.flatnonzero(known & (labels == label))
        if len(members) == 0:
            continue
        ordered = members[np.argsort(-widths[members], kind="stable")]
        places = look.evenly(len(ordered), _MOST_BARS)
        drawn = ordered[places]
        bars += len(drawn)
        height = len(ordered) / len(drawn)
        figure.add_bar(
            x=widths[drawn],
            y=top + places + height / 2,
            width=height,
            orientation="h",
            marker={"color": look.pattern_colour(label), "line": {"width": 0}},
            name=look.pattern_name(label),
            showlegend=False,
            text=[f"window {index}" for index in drawn] if table is None else look.whereabouts(table, drawn),
            textposition="none",
            hovertemplate=f"{look.pattern_name(label)}, %{{text}}<br>silhouette width %{{x:.2f}}<extra></extra>",
        )
        # The name of a very small pattern would cover the names beside it.
        if len(ordered) >= _LEAST_NAMED * known.sum():
            centres.append(top + len(ordered) / 2)
            names.append(
                f"{look.pattern_name(label)}: {look.plain(decimals(float(widths[members].mean())))} "
            )
        else:
            unnamed += 1
        top += len(ordered) + max(1, int(known.sum()) // 60)
    figure.add_vline(
        x=average,
        line={"dash": "dash", "color": look.GREY},
        annotation_text=f"average {look.plain(decimals(average))}",
        annotation_position="top",
    )
    figure.update_yaxes(tickvals=centres, ticktext=names, autorange="reversed", showgrid=False)
    figure.update_layout(bargap=0, barmode="overlay")
    without = int(np.count_nonzero(~known))
    return look.say_left_out(
        figure,
        some_of(bars, int(known.sum()), noun, "evenly over each pattern"),
        f"{counted(without, noun)} without a width: noise, or not compared" if without else "",
        f"too small for a name at the axis: {counted(unnamed, 'patterns')}" if unnamed else "",
    )


def cluster_sizes(extraction: Extraction) -> go.Figure:
    """Return the number of windows and of distinct actions of each pattern."""
    an_extraction(extraction)
    found, noun = extraction.patterns, extraction.windows.noun
    if not found:
        return look.nothing_to_show("there is no pattern: all is noise")
    names = [look.pattern_name(pattern.label) for pattern in found]
    titles = (noun, "distinct actions")
    figure = _side_by_side(len(found), titles)
    counts = ([pattern.size for pattern in found], [pattern.support for pattern in found])
    for column, (values, what) in enumerate(zip(counts, titles, strict=True), start=1):
        figure.add_bar(
            x=values,
            y=names,
            orientation="h",
            marker={"color": [look.pattern_colour(pattern.label) for pattern in found]},
            text=[f"{value:,}" for value in values],
            hovertemplate="%{y}: %{x:,} " + what + "<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
    return figure


def choice_of_k(extraction: Extraction, others: Mapping[str, Mapping[int, float]] | None = None) -> go.Figure:
    """Return the average silhouette width for every number of patterns that was tried; the chosen number is marked.

    Parameters
    ----------
    extraction
        If its number of patterns was given and no other was tried, the figure says so.
    others
        Further curves to compare with, by name.
    """
    an_extraction(extraction)
    if others is not None:
        instance("others", others, Mapping, "curves by name, or None")
    curve, chosen = dict(extraction.quality.silhouette_by_n_clusters), len(extraction.patterns)
    if curve:
        # The number of patterns in the config may be larger than the largest number that was tried.
        curve.setdefault(chosen, extraction.quality.silhouette)
    curves: dict[str, Mapping[int, float]] = {extraction.config.method: dict(sorted(curve.items()))}
    return silhouette_curves(curves | dict(others or {}), chosen)


def silhouette_curves(curves: Mapping[str, Mapping[int, float]], chosen: int | None = None) -> go.Figure:
    """Plot the average silhouette width against the number of patterns, one line for each way of clustering.

    Parameters
    ----------
    curves
        By name, the average width for every number of patterns that was tried.
    chosen
        The number of patterns that was chosen; None for no line.
    """
    instance("curves", curves, Mapping, "curves by name")
    for curve in curves.values():
        instance("a curve", curve, Mapping, "silhouette widths by number of patterns")
        numbers("a curve", list(curve.values()))
    if chosen is not None:
        chosen = whole_number("chosen", chosen, least=0, instead=", or None")
    shown = {name: curve for name, curve in curves.items() if curve}
    if not shown:
        return look.nothing_to_show("no other number of patterns was tried")
    figure = look.empty_figure("number of patterns", "average silhouette width", height=320)
    names = look.plain_names(shown, 40)
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
            line={"dash": "dash", "color": look.GREY},
            annotation_text=f"chosen: {chosen}",
            annotation_position="top right",
        )
    return figure.update_xaxes(dtick=2, rangemode="normal")


def significance(extraction: Extraction | Sequence[PatternSignificance]) -> go.Figure:
    """Plot the stability of the patterns, and their compactness and separation in comparison with surrogate logs.

    Left: the mean Jaccard similarity after sessions are resampled, with a line at the smallest value that can be
    trusted. Middle and right: the points are the distance to the medoid and the silhouette width of each pattern. The
    bars are the middle 90 % of the values in surrogate logs, with their median.

    Parameters
    ----------
    extraction
        An extraction, or the significance of each pattern; a number that was not measured is NaN.
    """
    if isinstance(extraction, Extraction):
        if extraction.significance is None:
            return look.nothing_to_show("significance was not assessed; the notes say why")
        extraction = extraction.significance.patterns
    found = each(
        "extraction", extraction, PatternSignificance, "an extraction, or the significance of patterns"
    )
    if not found:
        return look.nothing_to_show("there is no pattern to test")
    names = [look.pattern_name(one.label) for one in found]
    figure = _side_by_side(len(found), ("comes again", "distance", "silhouette"))
    figure.update_layout(height=170 + _ROW * len(names), legend={"y": -0.25, "yanchor": "top"})
    _add_points(figure, 1, [one.stability for one in found], found, "comes again: %{x:.2f}")
    figure.add_vline(x=LEAST_STABILITY, line={"dash": "dash", "color": look.GREY}, row=1, col=1)
    compactness = ([one.compactness for one in found], [one.null_compactness for one in found])
    silhouette = ([one.silhouette for one in found], [one.null_silhouette for one in found])
    for column, (values, quantiles) in enumerate((compactness, silhouette), start=2):
        low, middle, high = np.array(quantiles, dtype=float).T
        figure.add_bar(
            base=low,
            x=high - low,
            y=names,
            orientation="h",
            marker={"color": look.PALE},
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
            marker={"symbol": "line-ns-open", "color": look.GREY, "size": 12, "line": {"width": 2}},
            name="their median",
            showlegend=column == 2,
            hovertemplate="median of the surrogates: %{x:.3g}<extra></extra>",
            row=1,
            col=column,
        )
        _add_points(figure, column, values, found, "here: %{x:.3g}")
    figure.update_xaxes(range=[0, 1.04], row=1, col=1)
    return look.on_narrow_pages(figure, {"annotations[0].text": "again"})


def _side_by_side(n_patterns: int, titles: Sequence[str]) -> go.Figure:
    """Return a figure with plots side by side, each with one row for each pattern."""
    figure = make_subplots(
        cols=len(titles),
        shared_yaxes=True,
        horizontal_spacing=0.05,
        subplot_titles=titles,
        figure=look.empty_figure(height=110 + _ROW * n_patterns),
    )
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def _add_points(
    figure: go.Figure, column: int, values: Sequence[float], found: Sequence[PatternSignificance], hover: str
) -> None:
    remarks = [f"q {one.q_value:.3g}: {one.verdict or 'passes'}" for one in found]
    figure.add_scatter(
        x=values,
        y=[look.pattern_name(one.label) for one in found],
        mode="markers",
        marker={"color": [look.pattern_colour(one.label) for one in found], "size": 11},
        name="this log",
        showlegend=False,
        text=remarks,
        hovertemplate=f"{hover}<br>%{{text}}<extra></extra>",
        row=1,
        col=column,
    )
