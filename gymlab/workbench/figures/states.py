"""States: which of the actions of a log get a colour of their own, and rows of coloured cells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from gymlab.arguments import shown
from gymlab.errors import InputError
from gymlab.workbench.figures.look import PALE, STATES, plain, plain_names

# Of the colours one is for all that is rare.
_MOST = len(STATES) - 1

# A cell where a series has ended.
NONE = -1


@dataclass(frozen=True)
class Legend:
    """The states that have a colour of their own, the most frequent first; all others share one.

    Attributes
    ----------
    names
        The states.
    others
        Those that share one, the most frequent first.
    """

    names: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def has_others(self) -> bool:
        """Whether there are states without a colour of their own."""
        return bool(self.others)

    @cached_property
    def texts(self) -> dict[str, str]:
        """How each state is shown, by its name; no two alike, and none like the entry of those that share a colour."""
        return plain_names([*self.names, *self.others], 30, taken=self._shared)

    @property
    def labels(self) -> list[str]:
        """What stands beside the colours."""
        return [*(self.texts[name] for name in self.names), *self._shared]

    @property
    def colours(self) -> list[str]:
        """The colours, in the order of ``labels``."""
        return [*STATES[: len(self.names)], *([PALE] * self.has_others)]

    @property
    def _shared(self) -> list[str]:
        return [f"{len(self.others):,} others"] if self.others else []

    def codes(self, states: Iterable[object]) -> NDArray[np.int64]:
        """Return the place of each state in ``labels``; ``NONE`` for what is missing.

        Raises
        ------
        InputError
            If the legend does not have a state.
        """
        states = _listed("states", states)
        place = {name: index for index, name in enumerate(self.names)}
        place |= dict.fromkeys(self.others, len(self.names))
        found = np.empty(0, dtype=np.int64)
        try:
            found = np.array(
                [NONE if _is_missing(state) else place[str(state)] for state in states], np.int64
            )
        except KeyError as error:
            raise InputError(f"the legend has no state {plain(error)}; make it of all states") from None
        return found


def _listed(name: str, states: object) -> list[object]:
    if not isinstance(states, Iterable) or isinstance(states, (str, bytes)):
        raise InputError(f"{name} is {shown(states)}; give names of states")
    return list(states)


def _is_missing(state: object) -> bool:
    return (
        state is None or state is pd.NA or state is pd.NaT or (isinstance(state, float) and np.isnan(state))
    )


def legend_of(states: Iterable[object]) -> Legend:
    """Return the legend of all states that occur: seven colours for the most frequent, one for the others.

    Parameters
    ----------
    states
        Names; None is no state.

    Examples
    --------
    >>> legend_of(["give", "take", "give", None]).names
    ('give', 'take')
    """
    states = _listed("states", states)
    counts = pd.Series(states, dtype=object).dropna().astype(str).value_counts()
    names = tuple(counts.index)
    # What would be the only other one can have the last colour.
    return Legend(names) if len(names) <= _MOST + 1 else Legend(names[:_MOST], names[_MOST:])


def state_rows(rows: Sequence[Sequence[object]], legend: Legend, names: Sequence[str]) -> go.Heatmap:
    """Return rows of states as coloured cells, one row a series, from the first action, which is 1, on.

    Parameters
    ----------
    rows
        The states of each series; shorter ones end earlier.
    legend
        Which colour each has.
    names
        For each row, what it is, as HTML. They are numbered, so that two rows of one name stay two.
    """
    codes, states = _cells(rows, legend)
    return go.Heatmap(
        z=codes,
        x0=1,
        dx=1,
        y=row_names(names),
        text=states,
        hovertemplate="%{y}<br>action %{x}: %{text}<extra></extra>",
        hoverongaps=False,
        **colours_of(legend),
    )


def row_names(names: Sequence[str]) -> list[str]:
    """Return the names of rows as the axis of :func:`state_rows` has them.

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
        For each row, what it is, as HTML.
    y
        Where each row stands.
    """
    codes, states = _cells(rows, legend)
    texts = np.full(codes.shape, "", dtype=object)
    for index, row in enumerate(states):
        # Not the step: what was filtered leaves gaps.
        texts[index] = [f"{hover[index]}<br>action {k}: {state}" for k, state in enumerate(row, 1)]
    return go.Heatmap(
        z=codes,
        x0=1,
        dx=1,
        y=list(y),
        text=texts,
        hovertemplate="%{text}<extra></extra>",
        hoverongaps=False,
        **colours_of(legend),
    )


def _cells(
    rows: Sequence[Sequence[object]], legend: Legend
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Return the codes, NaN where a series has ended, and the states as they may be shown."""
    width = max((len(row) for row in rows), default=0)
    codes = np.full((len(rows), width), np.nan)
    states = np.full((len(rows), width), "", dtype=object)
    for index, row in enumerate(rows):
        found = legend.codes(row).astype(float)
        codes[index, : len(row)] = np.where(found == NONE, np.nan, found)
        states[index, : len(row)] = [legend.texts.get(str(state), "") for state in row]
    return codes, states


def colours_of(legend: Legend) -> dict[str, object]:
    """Return the properties that give a heat map of codes its colours, without blends between them."""
    n = max(1, len(legend.colours))
    scale = []
    for index, colour in enumerate(legend.colours or [PALE]):
        scale += [[index / n, colour], [(index + 1) / n, colour]]
    return {"colorscale": scale, "zmin": -0.5, "zmax": n - 0.5, "showscale": False}


def legend_entries(legend: Legend) -> list[go.Scatter]:
    """Return traces that draw nothing but the entries of the legend."""
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
