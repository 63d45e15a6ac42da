"""Figures of patterns: medoids, members and barycentres side by side, and the windows of one pattern."""

import html
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from gymlab.arguments import boolean, instance, whole_number
from gymlab.errors import InputError
from gymlab.patterns.barycenters import describe_barycenter
from gymlab.patterns.result import Extraction
from gymlab.patterns.temporal import TemporalPattern
from gymlab.principles.principle import percent
from gymlab.workbench.checked import an_extraction
from gymlab.workbench.figures import look, sequences
from gymlab.workbench.text import counted, singular, some_of

_COLUMNS = 3

# The pixels between the parts of a pattern, and between bands of patterns.
_GAP, _BETWEEN = 8, 56

_ONLY_NOISE = "there is no pattern: all is noise"

Patterns = Sequence[TemporalPattern]
# For each pattern: the members that are drawn, and the barycentre as a table of its channels.
Members = list[NDArray[np.int64]]
Centers = list[pd.DataFrame | None]


def medoids(extraction: Extraction, *, most: int = 12) -> go.Figure:
    """Return the most typical window of each of the largest patterns, action by action."""
    an_extraction(extraction)
    most = whole_number("most", most, least=1)
    shown, noun = extraction.patterns[:most], extraction.windows.noun
    if not shown:
        return look.nothing_to_show(_ONLY_NOISE)
    legend = sequences.legend_of(extraction.actions["action_type"])
    drawn = np.array([pattern.medoid for pattern in shown], dtype=np.int64)
    figure = look.empty_figure(f"action of the {singular(noun)}", height=120 + 34 * len(shown))
    cells = sequences.state_cells(
        _states(extraction, drawn),
        legend,
        hover=look.whereabouts(extraction.windows.table, drawn),
        y=[f"{look.pattern_name(pattern.label)} ({pattern.size:,})" for pattern in shown],
    )
    figure.add_trace(cells.update(xgap=1, ygap=6))
    figure.add_traces(sequences.legend_entries(legend))
    figure.update_xaxes(showgrid=False, zeroline=False)
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix=" ")
    return look.say_left_out(figure, _some_patterns(extraction, shown), _cut_short(extraction, drawn))


def patterns(
    extraction: Extraction,
    *,
    channel: str = "action_type",
    barycenters: bool = False,
    most: int = 6,
    members: int = 25,
) -> go.Figure:
    """Return the actions of the members of each pattern, with its medoid and its barycentre.

    Parameters
    ----------
    extraction
        An extraction of any strategy.
    channel
        ``action_type``, which is drawn as coloured cells; or a numeric column of the log, which is drawn as lines.
    barycenters
        Whether to add the DBA barycentres, which take about a second for each pattern.
    most
        The largest number of patterns; the largest patterns are drawn.
    members
        The largest number of members of each pattern, taken evenly from the log.

    Raises
    ------
    InputError
        If the log has no such column of numbers.
    """
    an_extraction(extraction)
    barycenters = boolean("barycenters", barycenters)
    most, members = whole_number("most", most, least=1), whole_number("members", members, least=1)
    instance("channel", channel, str, "action_type or a numeric column of the log")
    log, shown = extraction.actions, extraction.patterns[:most]
    if channel != "action_type" and (channel not in log or not pd.api.types.is_float_dtype(log[channel])):
        numbers = [str(name) for name in log if pd.api.types.is_float_dtype(log[name])]
        raise InputError(f"channel is {channel!r}; give action_type or one of {', '.join(numbers)}")
    if not shown:
        return look.nothing_to_show(_ONLY_NOISE)
    found = [extraction.barycenter(pattern.label) if barycenters else None for pattern in shown]
    centers = [None if one is None else describe_barycenter(one, extraction.encoding) for one in found]
    some = [pattern.members[look.evenly(pattern.size, members)] for pattern in shown]
    n = sum(pattern.size for pattern in shown)
    left_out = [
        _some_patterns(extraction, shown),
        some_of(sum(map(len, some)), n, extraction.windows.noun, "evenly from the log"),
        *(
            f"{look.pattern_name(pattern.label)}: {note}"
            for pattern, one in zip(shown, found, strict=True)
            for note in (() if one is None else one.notes)
        ),
    ]
    if channel == "action_type":
        left_out.append(_cut_short(extraction, np.concatenate(some)))
        return look.say_left_out(_patterns_of_states(extraction, shown, some, centers), *left_out)
    return look.say_left_out(_patterns_of_numbers(extraction, shown, some, centers, channel), *left_out)


def windows_of_pattern(extraction: Extraction, label: int, *, most: int = 60) -> go.Figure:
    """Return windows of a pattern as rows of coloured cells, the most typical first; noise in the order of the log.

    Parameters
    ----------
    extraction, label
        The extraction, and the label of a pattern; −1 for noise.
    most
        The largest number of windows, taken evenly.
    """
    some = shown_windows(extraction, label, most=most)
    table, choices = extraction.windows.table, extraction.actions["action_type"]
    noun = extraction.windows.noun
    figure = sequences.index_plot(
        [choices.iloc[extraction.windows.rows(int(index))].tolist() for index in some],
        [f"{row.agent_id}, {row.session_id}" for row in table.iloc[some].itertuples()],
        look.whereabouts(table, some),
        sequences.legend_of(choices),
        x=f"action of the {singular(noun)}",
        noun=noun,
    )
    n = int(np.count_nonzero(extraction.labels == label))
    which = "evenly from the log" if label < 0 else "evenly from the most to the least typical"
    return look.say_left_out(figure, some_of(len(some), n, noun, which))


def shown_windows(extraction: Extraction, label: int, *, most: int = 60) -> NDArray[np.int64]:
    """Return the windows that :func:`windows_of_pattern` shows, in the same order."""
    an_extraction(extraction)
    most = whole_number("most", most, least=1)
    windows = extraction.windows_of(label).index.to_numpy(dtype=np.int64)
    return windows[look.evenly(len(windows), most)]


def _some_patterns(extraction: Extraction, shown: Patterns) -> str:
    return some_of(len(shown), len(extraction.patterns), "patterns", "the largest")


def _cut_short(extraction: Extraction, drawn: NDArray[np.int64]) -> str:
    longer = np.unique(drawn[extraction.windows.table["length"].to_numpy()[drawn] > sequences.MOST_STEPS])
    if len(longer) == 0:
        return ""
    return f"{counted(len(longer), extraction.windows.noun)} cut after action {sequences.MOST_STEPS}"


def _states(extraction: Extraction, windows: NDArray[np.int64]) -> list[list[object]]:
    return sequences.first_states(extraction.actions, extraction.windows, windows)


def _patterns_of_states(
    extraction: Extraction, shown: Patterns, members: Members, centers: Centers
) -> go.Figure:
    """Plot each pattern as rows of coloured cells: the medoid on top, members below, the barycentre as shares."""
    legend = sequences.legend_of(extraction.actions["action_type"])
    shares = [_shares(center, legend) for center in centers]
    with_shares = any(one is not None for one in shares)
    columns = min(_COLUMNS, len(shown))
    bands = -(-len(shown) // columns)
    # The heights in pixels of the medoid, the members, the barycentre, and the titles of the band below.
    heights = [*([28, 130, 70] if with_shares else [28, 150]), _BETWEEN] * bands
    parts = len(heights) // bands
    inner = sum(heights) + _GAP * len(heights)
    figure = make_subplots(
        rows=len(heights),
        cols=columns,
        row_heights=heights,
        specs=[[None if row % parts == parts - 1 else {}] * columns for row in range(len(heights))],
        vertical_spacing=_GAP / inner,
        horizontal_spacing=0.06,
        subplot_titles=_titles_of(shown, columns, bands, parts - 1, extraction.windows.noun),
    )
    for number, (pattern, some, share) in enumerate(zip(shown, members, shares, strict=True)):
        row, column = number // columns * parts + 1, number % columns + 1
        _add_states(figure, extraction, pattern, some, legend, row, column, has_shares=share is not None)
        if share is not None:
            _add_shares(figure, share, legend, row + 2, column)
    figure.add_traces(sequences.legend_entries(legend), rows=1, cols=1)
    figure.update_layout(
        template=look.TEMPLATE,
        height=inner + 90,
        # The legend is below the last band.
        legend={"y": 0, "yanchor": "top"},
        margin={"t": 40, "b": 50, "l": 84},
    )
    longest = min(sequences.MOST_STEPS, _longest(extraction, shown, members))
    figure.update_xaxes(showgrid=False, zeroline=False, range=[0.5, longest + 0.5])
    figure.update_yaxes(showgrid=False, zeroline=False, title={"font": {"size": 11}})
    return look.on_narrow_pages(figure, _short_titles(shown))


def _shares(center: pd.DataFrame | None, legend: sequences.Legend) -> NDArray[np.float64] | None:
    """Return the share of each state of the legend in a barycentre; None if action types were not compared."""
    prefix = "action_type="
    states = [] if center is None else [name for name in center if str(name).startswith(prefix)]
    if center is None or not states:
        return None
    shares = np.zeros((len(center), len(legend.labels)))
    places = legend.codes([str(name).removeprefix(prefix) for name in states])
    for name, place in zip(states, places, strict=True):
        shares[:, place] += center[name].to_numpy(dtype=float)
    return shares[: sequences.MOST_STEPS]


def _add_states(
    figure: go.Figure,
    extraction: Extraction,
    pattern: TemporalPattern,
    some: NDArray[np.int64],
    legend: sequences.Legend,
    row: int,
    column: int,
    *,
    has_shares: bool,
) -> None:
    table, medoid = extraction.windows.table, np.array([pattern.medoid])
    hover = [f"medoid: {look.whereabouts(table, medoid)[0]}"]
    cells = sequences.state_cells(_states(extraction, medoid), legend, hover=hover, y=["medoid"])
    figure.add_trace(cells, row=row, col=column)
    rows = sequences.state_rows(_states(extraction, some), legend, look.whereabouts(table, some))
    figure.add_trace(rows, row=row + 1, col=column)
    figure.update_yaxes(
        showticklabels=False,
        autorange="reversed",
        title="members" if column == 1 else None,
        row=row + 1,
        col=column,
    )
    figure.update_yaxes(showticklabels=column == 1, row=row, col=column)
    figure.update_xaxes(showticklabels=not has_shares, row=row + 1, col=column)
    if not has_shares:
        figure.update_xaxes(title="action", row=row + 1, col=column)
    figure.update_xaxes(showticklabels=False, row=row, col=column)


def _add_shares(
    figure: go.Figure, shares: NDArray[np.float64], legend: sequences.Legend, row: int, column: int
) -> None:
    for label, colour, own in zip(legend.labels, legend.colours, shares.T, strict=True):
        figure.add_bar(
            x=np.arange(1, len(own) + 1),
            y=own,
            marker={"color": colour, "line": {"width": 0}},
            showlegend=False,
            name=label,
            text=[html.escape(percent(share)) for share in own],
            textposition="none",
            hovertemplate=f"barycentre, action %{{x}}: {label} %{{text}}<extra></extra>",
            row=row,
            col=column,
        )
    figure.update_layout(barmode="stack", bargap=0)
    figure.update_yaxes(
        range=[0, 1],
        tickformat=".0%",
        nticks=3,
        showticklabels=column == 1,
        title="barycentre" if column == 1 else None,
        row=row,
        col=column,
    )
    figure.update_xaxes(title="action", row=row, col=column)


def _patterns_of_numbers(
    extraction: Extraction, shown: Patterns, members: Members, centers: Centers, channel: str
) -> go.Figure:
    """Plot each pattern as lines: members pale, the medoid in the pattern's colour, the barycentre dashed."""
    values, windows = extraction.actions[channel].to_numpy(dtype=float), extraction.windows
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        shared_yaxes="all",
        horizontal_spacing=0.05,
        vertical_spacing=0.24 / rows,
        subplot_titles=_titles_of(shown, columns, rows, 1, windows.noun),
    )
    figure.update_layout(
        template=look.TEMPLATE, height=90 + 240 * rows, legend={"y": -0.3 / rows, "yanchor": "top"}
    )
    for number, (pattern, some, center) in enumerate(zip(shown, members, centers, strict=True)):
        where = {"row": number // columns + 1, "col": number % columns + 1}
        for index, hover in zip(some, look.whereabouts(windows.table, some), strict=True):
            figure.add_scatter(
                y=values[windows.rows(int(index))],
                x0=1,
                mode="lines",
                line={"color": "rgba(120,130,140,0.25)", "width": 1},
                showlegend=False,
                hovertemplate=f"{hover}<br>action %{{x}}: %{{y:.3g}}<extra></extra>",
                **where,
            )
        (medoid,) = look.whereabouts(windows.table, [pattern.medoid])
        style: dict[str, object] = {"color": look.pattern_colour(pattern.label), "width": 3}
        typical = [("medoid", values[windows.rows(pattern.medoid)], style, medoid)]
        if center is not None and channel in center:
            style = {"color": look.INK, "width": 2, "dash": "dash"}
            line = center[channel].to_numpy(dtype=float)
            typical.append(("barycentre", line, style, look.pattern_name(pattern.label)))
        for name, line, style, hover in typical:
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
    longest = _longest(extraction, shown, members)
    figure.update_xaxes(range=[0.5, longest + 0.5]).update_xaxes(title="action", row=rows)
    figure.update_yaxes(title=channel, col=1)
    return look.on_narrow_pages(figure, _short_titles(shown))


def _longest(extraction: Extraction, shown: Patterns, members: Members) -> int:
    """Return the length of the longest window that is drawn, for the common axis of all parts."""
    drawn = np.concatenate([[pattern.medoid for pattern in shown], *members]).astype(np.int64)
    return int(extraction.windows.table["length"].to_numpy()[drawn].max())


def _titles_of(shown: Patterns, columns: int, bands: int, parts: int, noun: str) -> list[str]:
    """Return the titles of all cells of a grid, band by band. The title of a pattern is above its first part."""
    titles = []
    for band in range(bands):
        names = [
            f"<b style='color:{look.pattern_colour(pattern.label)}'>{look.pattern_name(pattern.label)}</b>, "
            f"{counted(pattern.size, noun)}"
            for pattern in shown[band * columns : (band + 1) * columns]
        ]
        titles += names + [""] * (columns * parts - len(names))
    return titles


def _short_titles(shown: Patterns) -> dict[str, object]:
    """Return the titles for narrow pages, where patterns are close to each other."""
    return {
        f"annotations[{k}].text": f"<b style='color:{look.pattern_colour(pattern.label)}'>{pattern.label}</b>"
        for k, pattern in enumerate(shown)
    }
