"""The patterns of an extraction: their medoids, members and barycentres, and the windows of one of them."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from gymlab.arguments import boolean, instance, whole_number
from gymlab.errors import InputError
from gymlab.patterns.barycenters import describe_barycenter
from gymlab.patterns.result import Extraction
from gymlab.patterns.temporal import TemporalPattern
from gymlab.workbench import figures
from gymlab.workbench.checked import an_extraction
from gymlab.workbench.text import counted, singular, some_of

# Of a long series its beginning is shown beside others.
_MOST_STEPS = 60


def medoids(extraction: Extraction, *, most: int = 12) -> go.Figure:
    """Return the most typical window of each pattern, action by action; the largest patterns."""
    an_extraction(extraction)
    most = whole_number("most", most, least=1)
    choices, noun = extraction.actions["action_type"], extraction.windows.noun
    shown = extraction.patterns[:most]
    panels = [_state_panel(extraction, pattern, 0, None) for pattern in shown]
    figure = figures.medoids(panels, figures.legend_of(choices), noun=noun)
    drawn = np.array([pattern.medoid for pattern in shown], dtype=np.int64)
    return figures.say_left_out(figure, _some_patterns(extraction, shown), _cut_short(extraction, drawn))


def patterns(
    extraction: Extraction,
    *,
    channel: str = "action_type",
    barycenters: bool = False,
    most: int = 6,
    members: int = 25,
) -> go.Figure:
    """Return what the members of each pattern do, beside its medoid and its barycentre.

    Parameters
    ----------
    extraction
        Of any strategy.
    channel
        ``action_type``, as coloured cells; or a numeric column of the log, as lines.
    barycenters
        Whether to add the DBA barycentres, which take about a second a pattern.
    most
        Patterns at most, the largest.
    members
        Members at most of each, taken evenly from the log.

    Raises
    ------
    InputError
        If the log has no such column of numbers.
    """
    an_extraction(extraction)
    barycenters = boolean("barycenters", barycenters)
    most, members = whole_number("most", most, least=1), whole_number("members", members, least=1)
    instance("channel", channel, str, "action_type or a numeric column of the log")
    shown = extraction.patterns[:most]
    found = [extraction.barycenter(pattern.label) if barycenters else None for pattern in shown]
    centers = [None if one is None else describe_barycenter(one, extraction.encoding) for one in found]
    log, noun = extraction.actions, extraction.windows.noun
    left_out = [_some_patterns(extraction, shown), _some_members(extraction, shown, members)]
    left_out += [
        f"{figures.pattern_name(pattern.label)}: {note}"
        for pattern, one in zip(shown, found, strict=True)
        for note in (() if one is None else one.notes)
    ]
    if channel == "action_type":
        legend = figures.legend_of(log["action_type"])
        panels = [
            _state_panel(extraction, pattern, members, _shares(center, legend))
            for pattern, center in zip(shown, centers, strict=True)
        ]
        drawn = [index for pattern in shown for index in _evenly(pattern.members, members)]
        left_out.append(_cut_short(extraction, np.array(drawn, dtype=np.int64)))
        return figures.say_left_out(figures.patterns_of_states(panels, legend, noun=noun), *left_out)
    if channel not in log or not pd.api.types.is_float_dtype(log[channel]):
        numbers = [str(name) for name in log if pd.api.types.is_float_dtype(log[name])]
        raise InputError(f"channel is {channel!r}; give action_type or one of {', '.join(numbers)}")
    figure = figures.patterns_of_numbers(
        [
            _number_panel(extraction, pattern, members, channel, center)
            for pattern, center in zip(shown, centers, strict=True)
        ],
        y=channel,
        noun=noun,
    )
    return figures.say_left_out(figure, *left_out)


def windows_of_pattern(extraction: Extraction, label: int, *, most: int = 60) -> go.Figure:
    """Return windows of a pattern as rows of coloured cells, the most typical first; those of noise as in the log.

    Parameters
    ----------
    extraction, label
        The pattern, −1 for noise.
    most
        Windows at most, taken evenly.
    """
    some = shown_windows(extraction, label, most=most)
    table = extraction.windows.table
    choices = extraction.actions["action_type"]
    noun = extraction.windows.noun
    figure = figures.index_plot(
        [choices.iloc[extraction.windows.rows(int(index))].tolist() for index in some],
        [f"{row.agent_id}, {row.session_id}" for row in table.iloc[some].itertuples()],
        figures.whereabouts(table, some),
        figures.legend_of(choices),
        x=f"action of the {singular(noun)}",
        noun=noun,
    )
    n = int(np.count_nonzero(extraction.labels == label))
    which = "evenly from the log" if label < 0 else "evenly from the most to the least typical"
    return figures.say_left_out(figure, some_of(len(some), n, noun, which))


def shown_windows(extraction: Extraction, label: int, *, most: int = 60) -> NDArray[np.int64]:
    """Return which windows :func:`windows_of_pattern` shows, in its order."""
    an_extraction(extraction)
    most = whole_number("most", most, least=1)
    return _evenly(extraction.windows_of(label).index.to_numpy(dtype=np.int64), most)


def _some_patterns(extraction: Extraction, shown: tuple[TemporalPattern, ...]) -> str:
    return some_of(len(shown), len(extraction.patterns), "patterns", "the largest")


def _some_members(extraction: Extraction, shown: tuple[TemporalPattern, ...], members: int) -> str:
    drawn, n = sum(min(pattern.size, members) for pattern in shown), sum(pattern.size for pattern in shown)
    return some_of(drawn, n, extraction.windows.noun, "evenly from the log")


def _cut_short(extraction: Extraction, drawn: NDArray[np.int64]) -> str:
    longer = np.unique(drawn[extraction.windows.table["length"].to_numpy()[drawn] > _MOST_STEPS])
    if len(longer) == 0:
        return ""
    return f"{counted(len(longer), extraction.windows.noun)} cut after action {_MOST_STEPS}"


def _evenly(items: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    places = np.linspace(0, len(items) - 1, min(most, len(items))).astype(np.int64)
    return items[np.unique(places)] if len(items) else items


def _state_panel(
    extraction: Extraction, pattern: TemporalPattern, members: int, shares: NDArray[np.float64] | None
) -> figures.StatePanel:
    some = _evenly(pattern.members, members)
    choices = extraction.actions["action_type"]
    return figures.StatePanel(
        label=pattern.label,
        size=pattern.size,
        members=[choices.iloc[extraction.windows.rows(int(index))[:_MOST_STEPS]].tolist() for index in some],
        medoid=choices.iloc[extraction.windows.rows(pattern.medoid)[:_MOST_STEPS]].tolist(),
        medoid_hover=figures.whereabouts(extraction.windows.table, [pattern.medoid])[0],
        shares=None if shares is None else shares[:_MOST_STEPS],
        hover=figures.whereabouts(extraction.windows.table, some),
    )


def _number_panel(
    extraction: Extraction,
    pattern: TemporalPattern,
    members: int,
    channel: str,
    center: pd.DataFrame | None,
) -> figures.NumberPanel:
    some = _evenly(pattern.members, members)
    values = extraction.actions[channel].to_numpy(dtype=float)
    has_center = center is not None and channel in center
    return figures.NumberPanel(
        label=pattern.label,
        size=pattern.size,
        members=[values[extraction.windows.rows(int(index))] for index in some],
        hover=figures.whereabouts(extraction.windows.table, some),
        medoid=values[extraction.windows.rows(pattern.medoid)],
        medoid_hover=figures.whereabouts(extraction.windows.table, [pattern.medoid])[0],
        center=center[channel].to_numpy(dtype=float) if center is not None and has_center else None,
    )


def _shares(center: pd.DataFrame | None, legend: figures.Legend) -> NDArray[np.float64] | None:
    """Return the share of each state of the legend in a barycentre; None where the states were no channel."""
    prefix = "action_type="
    states = [] if center is None else [name for name in center if str(name).startswith(prefix)]
    if center is None or not states:
        return None
    shares = np.zeros((len(center), len(legend.labels)))
    places = legend.codes([str(name).removeprefix(prefix) for name in states])
    for name, place in zip(states, places, strict=True):
        shares[:, place] += center[name].to_numpy(dtype=float)
    return shares
