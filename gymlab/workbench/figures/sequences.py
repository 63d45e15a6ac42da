"""Sequences of states as rows of coloured cells, and the colours of the states."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from gymlab.actions.windows import Windows
from gymlab.errors import InputError
from gymlab.workbench.figures.look import PALE, STATES, empty_figure, nothing_to_show, plain, plain_names
from gymlab.workbench.text import counted

# The last colour is for all rare states.
_MOST = len(STATES) - 1

# With more rows than this, the names at the axis would overlap, so they are left out.
_MOST_NAMES = 40

# The number of actions of a long series that are shown if there are other series beside it.
MOST_STEPS = 60

# The code of a cell after the end of a series.
NONE = -1


@dataclass(frozen=True)
class Legend:
    """The colours of states: each of the most frequent states has its own colour, and all others share one colour.

    Attributes
    ----------
    names
        The states with their own colours, the most frequent first.
    others
        The states that share a colour, the most frequent first.
    """

    names: tuple[str, ...]
    others: tuple[str, ...] = ()

    @cached_property
    def texts(self) -> dict[str, str]:
        """The text for each state, by its name. All texts differ, also from the entry of the shared colour."""
        return plain_names([*self.names, *self.others], 30, taken=self._shared)

    @property
    def labels(self) -> list[str]:
        """The texts beside the colours."""
        return [*(self.texts[name] for name in self.names), *self._shared]

    @property
    def colours(self) -> list[str]:
        """The colours, in the order of ``labels``."""
        return [*STATES[: len(self.names)], *([PALE] * bool(self.others))]

    @property
    def _shared(self) -> list[str]:
        return [f"{len(self.others):,} others"] if self.others else []

    def codes(self, states: Iterable[Any]) -> NDArray[np.int64]:
        """Return the position of each state in ``labels``; ``NONE`` for a missing state.

        Raises
        ------
        InputError
            If a state is not in the legend.
        """
        place = {name: index for index, name in enumerate(self.names)}
        place |= dict.fromkeys(self.others, len(self.names))
        try:
            codes = [NONE if pd.isna(state) else place[str(state)] for state in states]
        except KeyError as error:
            raise InputError(f"the legend has no state {plain(error)}; make it of all states") from None
        return np.array(codes, dtype=np.int64)


def legend_of(states: Iterable[object]) -> Legend:
    """Return the legend of some states: seven colours for the most frequent ones, and one for the others.

    Parameters
    ----------
    states
        The names of the states; None is no state.

    Examples
    --------
    >>> legend_of(["give", "take", "give", None]).names
    ('give', 'take')
    """
    counts = pd.Series(list(states), dtype=object).dropna().astype(str).value_counts()
    names = tuple(counts.index)
    # If there is only one rare state, it gets the last colour.
    return Legend(names) if len(names) <= _MOST + 1 else Legend(names[:_MOST], names[_MOST:])


def first_states(actions: pd.DataFrame, windows: Windows, some: NDArray[np.int64]) -> list[list[object]]:
    """Return the action types in some windows; for a long series only the first ones."""
    choices = actions["action_type"]
    return [choices.iloc[windows.rows(int(index))[:MOST_STEPS]].tolist() for index in some]


def state_rows(rows: Sequence[Sequence[object]], legend: Legend, names: Sequence[str]) -> go.Heatmap:
    """Return rows of states as coloured cells, one row for each series; the first action has the number 1.

    Parameters
    ----------
    rows
        The states of each series; the series may have different lengths.
    legend
        The colours of the states.
    names
        The name of each row, as HTML. The names are numbered, so that rows with the same name are not merged.
    """
    codes, states = _cells(rows, legend)
    hover = "%{y}<br>action %{x}: %{text}<extra></extra>"
    return _heat_map(codes, legend, y=row_names(names), text=states, hovertemplate=hover)


def row_names(names: Sequence[str]) -> list[str]:
    """Return the names of rows with their numbers, as on the axis of :func:`state_rows`.

    Examples
    --------
    >>> row_names(["ada", "ada"])
    ['1. ada', '2. ada']
    """
    return [f"{number}. {name}" for number, name in enumerate(names, start=1)]


def state_cells(
    rows: Sequence[Sequence[object]],
    legend: Legend,
    *,
    hover: Sequence[str],
    y: Sequence[object],
) -> go.Heatmap:
    """Return a few rows of states as coloured cells, each cell with the number of its action.

    Parameters
    ----------
    rows, legend
        As for :func:`state_rows`.
    hover
        The name of each row for the hover texts, as HTML.
    y
        The position of each row.
    """
    codes, states = _cells(rows, legend)
    texts = np.full(codes.shape, "", dtype=object)
    for index, row in enumerate(states):
        # The number of an action is not its step, since filters leave gaps in the steps.
        texts[index] = [f"{hover[index]}<br>action {k}: {state}" for k, state in enumerate(row, 1)]
    return _heat_map(codes, legend, y=list(y), text=texts, hovertemplate="%{text}<extra></extra>")


def index_plot(
    rows: Sequence[Sequence[object]],
    names: Sequence[str],
    hover: Sequence[str],
    legend: Legend,
    *,
    x: str = "action of the series",
    noun: str = "series",
) -> go.Figure:
    """Plot each sequence as a row of coloured cells, one cell for each action.

    Parameters
    ----------
    rows
        The states of each sequence.
    names, hover
        The name of each sequence at the axis, and its name in the hover text, as HTML.
    legend
        The colours of the states.
    x, noun
        The title of the axis, and the word for the rows, in the plural.
    """
    if not rows:
        return nothing_to_show(f"there are no {noun}")
    figure = empty_figure(x, height=int(np.clip(110 + 15 * len(rows), 200, 720)))
    figure.add_trace(state_rows(rows, legend, hover).update(ygap=1))
    figure.add_traces(legend_entries(legend))
    named = len(rows) <= _MOST_NAMES
    shown = plain_names(names, 28)
    figure.update_yaxes(
        autorange="reversed",
        tickvals=row_names(hover) if named else [],
        ticktext=[shown[name] for name in names] if named else [],
        tickfont={"size": 11},
        title=None if named else counted(len(rows), noun),
        showgrid=False,
        zeroline=False,
        ticksuffix=" ",
    )
    return figure.update_xaxes(showgrid=False, zeroline=False)


def _cells(
    rows: Sequence[Sequence[object]], legend: Legend
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Return the codes, NaN after the end of a series, and the texts of the states."""
    width = max((len(row) for row in rows), default=0)
    codes = np.full((len(rows), width), np.nan)
    states = np.full((len(rows), width), "", dtype=object)
    for index, row in enumerate(rows):
        found = legend.codes(row).astype(float)
        codes[index, : len(row)] = np.where(found == NONE, np.nan, found)
        states[index, : len(row)] = [legend.texts.get(str(state), "") for state in row]
    return codes, states


def _heat_map(codes: NDArray[np.float64], legend: Legend, **properties: Any) -> go.Heatmap:  # noqa: ANN401 - plotly checks them
    """Return codes as cells in the colours of the legend, without mixed colours between them."""
    n = max(1, len(legend.colours))
    scale = []
    for index, colour in enumerate(legend.colours or [PALE]):
        scale += [[index / n, colour], [(index + 1) / n, colour]]
    return go.Heatmap(
        z=codes,
        x0=1,
        dx=1,
        colorscale=scale,
        zmin=-0.5,
        zmax=n - 0.5,
        showscale=False,
        hoverongaps=False,
        **properties,
    )


def legend_entries(legend: Legend) -> list[go.Scatter]:
    """Return traces that draw only the entries of the legend."""
    return [
        go.Scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=label,
            marker={"color": colour, "symbol": "square", "size": 11},
            hoverinfo="skip",
            legendgroup=f"state {label}",
        )
        for label, colour in zip(legend.labels, legend.colours, strict=True)
    ]
