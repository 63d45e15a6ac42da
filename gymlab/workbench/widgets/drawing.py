"""Plotly's figures as widgets: made once, then changed in place."""

from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import plotly.graph_objects as go

# What the page says of a figure, not the figure: how it names a trace, and that it fits itself to its place.
_OF_THE_PAGE = {"uid", "autosize", "width"}

# The class of what is on the page but no longer what is asked for.
OLD = "gymlab-old"

# Buttons that would only be in the way of a small figure in a panel.
_NOT_SHOWN = ["select2d", "lasso2d", "autoScale2d"]


class Fit(anywidget.AnyWidget):
    """Nothing to see: keeps the figures on the page as wide as their places. One in a panel is enough."""

    _esm = Path(__file__).with_name("fit.js")
    _css = f".{OLD} {{ opacity: 0.35; }}"


def figure_widget(figure: go.Figure, *, draggable: bool = False) -> go.FigureWidget:
    """Return a figure as a widget.

    Parameters
    ----------
    figure
        What it shows at first.
    draggable
        Whether its shapes can be dragged.
    """
    widget = go.FigureWidget(_without_nan(figure))
    # The way to plotly.js's options that FigureWidget has.
    widget._config = {  # noqa: SLF001
        **widget._config,  # noqa: SLF001
        "displaylogo": False,
        "displayModeBar": "hover",
        "responsive": True,
        "modeBarButtonsToRemove": _NOT_SHOWN,
        "edits": {"shapePosition": draggable},
    }
    return widget


def redraw(widget: go.FigureWidget, figure: go.Figure) -> None:
    """Let a widget show another figure, in one message where the traces are of the same kinds.

    Parameters
    ----------
    widget
        What is on the page.
    figure
        What it shall show.
    """
    figure = _without_nan(figure)
    if widget.layout.height != figure.layout.height:
        # plotly.js takes a new height for the wish to keep the width, too, unless it is told otherwise with it.
        widget.layout.autosize = False
        figure = go.Figure(figure).update_layout(autosize=True)
    kinds = [trace.type for trace in figure.data]
    if [trace.type for trace in widget.data] == kinds:
        with widget.batch_update():
            for old, new in zip(widget.data, figure.data, strict=True):
                _replace(old, new)
            _replace(widget.layout, figure.layout)
        return
    widget.data = []
    widget.add_traces(list(figure.data))
    with widget.batch_update():
        _replace(widget.layout, figure.layout)


def _replace(old: Any, new: Any) -> None:  # noqa: ANN401 - a trace or a layout of plotly's
    """Make one object equal to another: set what differs, and unset what the other does not have."""
    wanted = new.to_plotly_json()
    gone = [name for name in old.to_plotly_json() if name not in wanted and name not in _OF_THE_PAGE]
    old.update({**dict.fromkeys(gone), **wanted}, overwrite=True)


def _without_nan(figure: go.Figure) -> go.Figure:
    """Return a figure with None for empty cells: arrays of two dimensions travel as JSON, which has no NaN."""
    holed = [trace.type == "heatmap" and _has_nan(trace.z) for trace in figure.data]
    if not any(holed):
        return figure
    copied = go.Figure(figure)
    for trace, has_holes in zip(copied.data, holed, strict=True):
        if has_holes:
            trace.z = np.where(np.isnan(trace.z), None, trace.z)
    return copied


def _has_nan(values: object) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind == "f" and bool(np.isnan(values).any())
