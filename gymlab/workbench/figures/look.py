"""The common look of all figures: template, colours, hover texts, and changes on narrow pages.

Strings from a log are escaped and shortened before they enter a figure, since plotly renders some HTML.
"""

import html
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io
from numpy.typing import NDArray

from gymlab.arguments import instance, whole_number
from gymlab.errors import InputError
from gymlab.workbench.checked import a_table, whole_numbers
from gymlab.workbench.text import one_line, short_names

# The palette of Okabe and Ito: people with any colour vision can distinguish its colours. Here its yellow is darker and
# its black is lighter, so that both are easy to see on white.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#7A6C00", "#555555")
# Paul Tol's light scheme, for action types. The palette above is for patterns, which may be in the same figure.
STATES = ("#77AADD", "#EE8866", "#EEDD88", "#44BB99", "#FFAABB", "#99DDFF", "#BBCC33", "#AAAA00")
BASELINE, GYMLAB = PALETTE[4], PALETTE[0]
GOOD, BAD = PALETTE[2], PALETTE[4]
GREY, PALE = "#9aa3ad", "#d5dbe1"
INK = "#1f2933"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"

# A colour scale from white to dark blue, with perceptually equal steps.
SEQUENTIAL = ("#f7fbff", "#c8ddf0", "#8ab9dd", "#4a90c4", "#1b64a5", "#08306b")

TEMPLATE = "gymlab"

# The number of characters on a line of the narrowest figure, on a telephone, and the height of a line in pixels.
_LINE, _LINE_HEIGHT = 48, 16
_NOTE = {"size": 12, "color": "#5b6773"}

_AXIS = {
    "gridcolor": "#e9edf1",
    "zerolinecolor": "#e9edf1",
    "automargin": True,
    "ticks": "",
    "title": {"standoff": 10},
}

plotly.io.templates[TEMPLATE] = go.layout.Template(
    layout={
        "colorway": PALETTE,
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "margin": {"l": 64, "r": 24, "t": 48, "b": 56},
        "hoverlabel": {"align": "left", "font": {"family": FONT, "size": 13}},
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "annotationdefaults": {"font": _NOTE, "showarrow": False},
    }
)


def empty_figure(x: str = "", y: str = "", *, height: int = 400, **layout: Any) -> go.Figure:  # noqa: ANN401 - plotly checks them
    """Return an empty figure in the common look.

    Parameters
    ----------
    x, y
        The titles of the axes.
    height
        The height in pixels.
    **layout
        Further properties of plotly's layout.

    Examples
    --------
    >>> empty_figure("windows", "seconds").layout.xaxis.title.text
    'windows'
    """
    figure = go.Figure(layout={"template": TEMPLATE, "height": height})
    return figure.update_layout(xaxis_title=x or None, yaxis_title=y or None, **layout)


def nothing_to_show(why: str, *, height: int = 160) -> go.Figure:
    """Return a figure that says why there is no plot."""
    height = whole_number("height", height, least=10)
    figure = empty_figure(height=height, margin={"t": 8, "b": 8})
    figure.update_xaxes(visible=False).update_yaxes(visible=False)
    return figure.add_annotation(text="<br>".join(_lines(why)), x=0.5, y=0.5, xref="paper", yref="paper")


def say_left_out(figure: go.Figure, *sentences: str) -> go.Figure:
    """Write sentences above a figure about the things that it leaves out; the figure grows by the height of the lines.

    Parameters
    ----------
    figure
        The figure, which is changed in place and returned. A figure without data is not changed.
    *sentences
        Sentences such as those of :func:`gymlab.workbench.text.some_of`; empty ones are ignored.

    Examples
    --------
    >>> say_left_out(go.Figure([{"y": [1]}]), "", "6 of 7 patterns, the largest").layout.title.text
    '6 of 7 patterns, the largest'
    """
    instance("figure", figure, go.Figure, "a figure of plotly")
    lines = [line for sentence in sentences for line in _lines(sentence)]
    if not figure.data or not lines:
        return figure
    room = _LINE_HEIGHT * len(lines)
    own = figure.layout.margin.t
    top = figure.layout.template.layout.margin.t if own is None else own
    narrow = (figure.layout.meta or {}).get("narrow", {})
    if "height" in narrow:
        on_narrow_pages(figure, {**narrow, "height": narrow["height"] + room})
    return figure.update_layout(
        title={
            "text": "<br>".join(lines),
            "font": _NOTE,
            "x": 0,
            "xref": "paper",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            # plotly places a title of several lines higher than a title of one line.
            "pad": {"t": 6 if len(lines) == 1 else 14},
        },
        margin={"t": (top or 0) + room},
        height=(figure.layout.height or 0) + room,
    )


def _lines(text: str) -> list[str]:
    return [plain(line, _LINE) for line in textwrap.wrap(one_line(text, 200), _LINE)]


def on_narrow_pages(figure: go.Figure, changes: Mapping[str, object]) -> go.Figure:
    """Store changes that the page makes to a figure that is less than 640 pixels wide.

    Parameters
    ----------
    figure
        The figure, which is changed in place and returned.
    changes
        Properties of the layout as ``Plotly.relayout`` takes them: ``{"annotations[0].text": "again"}``.
    """
    return figure.update_layout(meta={"narrow": dict(changes)})


def pattern_colour(label: int) -> str:
    """Return the colour of a pattern, which is the same in every figure; noise is grey.

    Examples
    --------
    >>> pattern_colour(0), pattern_colour(-1) == GREY
    ('#0072B2', True)
    """
    label = whole_number("label", label, least=-1)
    return GREY if label < 0 else PALETTE[label % len(PALETTE)]


def pattern_name(label: int) -> str:
    """Return the name of a pattern in figures."""
    label = whole_number("label", label, least=-1)
    return "noise" if label < 0 else f"pattern {label}"


def plain(text: object, limit: int | None = 40) -> str:
    """Return a string from a log as one short line for a figure, without markup.

    Quotes are not escaped, since plotly shows them unchanged. Dollar signs are escaped, since a page with MathJax shows
    the text between two dollar signs as a formula.

    Examples
    --------
    >>> plain("<i>tit</i>"), plain('$5 or "$10"')
    ('&lt;i&gt;tit&lt;/i&gt;', '&#36;5 or "&#36;10"')
    """
    return html.escape(one_line(text, limit), quote=False).replace("$", "&#36;")


def plain_names(names: Iterable[object], limit: int, *, taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a text for each name, as :func:`plain` does; no two texts are equal.

    Parameters
    ----------
    names, limit, taken
        As for :func:`gymlab.workbench.text.short_names`.

    Examples
    --------
    >>> plain_names(["a <b>", "other"], 30, taken=["other"])
    {'a <b>': 'a &lt;b&gt;', 'other': "'other'"}
    """
    return {name: plain(text, None) for name, text in short_names(names, limit, taken=taken).items()}


def whereabouts(table: pd.DataFrame, indices: Sequence[int] | NDArray[Any] | None = None) -> list[str]:
    """Return the place of each window in the log, for the hover texts: agent, session and steps.

    Parameters
    ----------
    table
        The columns ``session_id``, ``agent_id``, ``start``, ``end`` of ``Windows.table``.
    indices
        The numbers of the windows; by default all.

    Examples
    --------
    >>> table = pd.DataFrame({"session_id": ["s"], "agent_id": ["ada"], "start": [20], "end": [29]})
    >>> whereabouts(table)
    ['ada in s, steps 20–29']
    """
    a_table("table", table, "agent_id", "session_id", "start", "end")
    # Short names are made for the whole table, so that a name is the same in every figure.
    agents = plain_names(table["agent_id"].unique(), 30)
    sessions = plain_names(table["session_id"].unique(), 40)
    part = table if indices is None else table.iloc[_checked_rows(indices, len(table))]
    columns = (part["agent_id"], part["session_id"], part["start"], part["end"])
    return [
        f"{agents[str(agent)]} in {sessions[str(session)]}, {_steps(int(start), int(end))}"
        for agent, session, start, end in zip(*columns, strict=True)
    ]


def evenly(n: int, most: int) -> NDArray[np.int64]:
    """Return at most ``most`` of n positions, evenly spaced from the first to the last.

    Examples
    --------
    >>> evenly(9, 3).tolist(), evenly(2, 3).tolist()
    ([0, 4, 8], [0, 1])
    """
    return np.unique(np.linspace(0, n - 1, min(most, n)).astype(np.int64))


def _checked_rows(indices: object, n: int) -> NDArray[np.int64]:
    rows = whole_numbers("indices", indices).astype(np.int64)
    if len(rows) and not 0 <= rows.min() <= rows.max() < n:
        raise InputError(
            f"there is no window {rows.min() if rows.min() < 0 else rows.max()}; there are {n:,}"
        )
    return rows


def _steps(start: int, end: int) -> str:
    return f"step {start}" if start == end else f"steps {start}–{end}"
