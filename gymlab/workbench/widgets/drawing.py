"""Plotly's figures as widgets, which are made once and then changed in place."""

from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import plotly.graph_objects as go

# Properties that the page sets, not the figure: the ids of traces, and the size.
_OF_THE_PAGE = {"uid", "autosize", "width"}

# The CSS class of results that no longer belong to the chosen parameters.
OLD = "gymlab-old"

# Buttons that are left out, since a small figure in a panel has no space for them.
_NOT_SHOWN = ["select2d", "lasso2d", "autoScale2d"]


class Fit(anywidget.AnyWidget):
    """An invisible widget that fits the width of the figures to the page. A panel needs one such widget."""

    _esm = Path(__file__).with_name("fit.js")
    _css = f".{OLD} {{ opacity: 0.35; }}"


def figure_widget(figure: go.Figure, *, draggable: bool = False) -> go.FigureWidget:
    """Return a figure as a widget.

    Parameters
    ----------
    figure
        The figure.
    draggable
        Whether the reader can drag its shapes.
    """
    widget = go.FigureWidget(_without_nan(figure))
    # FigureWidget has no public way to the options of plotly.js.
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
    """Show another figure in a widget, in one message if its traces are of the same kinds.

    Parameters
    ----------
    widget
        The widget on the page.
    figure
        The new figure.
    """
    figure = _without_nan(figure)
    if widget.layout.height != figure.layout.height:
        # If the height is set, plotly.js also fixes the width, unless autosize is set again in the same message.
        widget.layout.autosize = False
        figure = go.Figure(figure).update_layout(autosize=True)
    if [trace.type for trace in widget.data] != [trace.type for trace in figure.data]:
        widget.data = []
        widget.add_traces(list(figure.data))
    with widget.batch_update():
        for old, new in zip(widget.data, figure.data, strict=True):
            _replace(old, new)
        _replace(widget.layout, figure.layout)


def _replace(old: Any, new: Any) -> None:  # noqa: ANN401 - a trace or a layout of plotly's
    """Make an object equal to another: set the properties that the other object has, and unset the others."""
    wanted = new.to_plotly_json()
    gone = [name for name in old.to_plotly_json() if name not in wanted and name not in _OF_THE_PAGE]
    old.update({**dict.fromkeys(gone), **wanted}, overwrite=True)


def _without_nan(figure: go.Figure) -> go.Figure:
    """Return a figure with None for empty cells: arrays of two dimensions are sent as JSON, which has no NaN."""
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
