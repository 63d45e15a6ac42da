"""The patterns of an extraction, their quality and their cost, beside the controls of a panel."""

import threading

import ipywidgets

from gymlab.patterns.result import Extraction
from gymlab.workbench import figures, tables
from gymlab.workbench.tables.html_cells import facts
from gymlab.workbench.text import counted, decimals, number
from gymlab.workbench.widgets.drawing import figure_widget, redraw

_HALF = {"flex": "1 1 330px", "min_width": "0"}


class OutcomePanel(ipywidgets.VBox):  # type: ignore[misc]
    """The patterns, the quality and the cost of the last extraction; they are changed in place."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        waiting = figures.nothing_to_show("nothing to show yet", height=280)
        self.patterns, self.choice, self.significance, self.stages = (
            figure_widget(waiting) for _ in range(4)
        )
        self.table, self.quality, self.cost, self.notes = (ipywidgets.HTML() for _ in range(4))
        super().__init__(
            [
                _row(_titled("patterns", self.patterns), _titled("number of patterns", self.choice)),
                _row(_titled("more than chance?", self.significance), _titled("quality", self.quality)),
                self.table,
                _row(_titled("cost", self.stages), ipywidgets.VBox([self.cost, self.notes], layout=_HALF)),
            ]
        )

    def show(self, extraction: Extraction, *, seconds: float) -> None:
        """Show an extraction.

        Parameters
        ----------
        extraction
            The extraction.
        seconds
            Seconds since the request.
        """
        with self._lock:
            redraw(self.patterns, figures.medoids(extraction))
            redraw(self.choice, figures.choice_of_k(extraction).update_layout(height=300))
            redraw(self.significance, figures.significance(extraction))
            redraw(self.stages, figures.stages(extraction.stats.stages))
            self.table.value = tables.patterns(extraction, most=8)
            self.quality.value = _quality(extraction)
            self.cost.value = _cost(extraction, seconds)
            self.notes.value = f"<details><summary>notes</summary>{tables.notes(extraction)}</details>"


def _quality(extraction: Extraction) -> str:
    quality = extraction.quality
    return facts(
        {
            "average silhouette width": decimals(quality.silhouette, 3),
            "cophenetic correlation": decimals(quality.cophenetic_correlation, 3),
        }
    )


def _cost(extraction: Extraction, seconds: float) -> str:
    stats = extraction.stats
    held = 0 if extraction.distances is None else extraction.distances.nbytes
    return facts(
        {
            "this change": f"{seconds:.2f} s",
            "distances": f"{counted(stats.pairs, 'pairs')} of {counted(stats.windows, extraction.windows.noun)}, strategy "
            f"{stats.strategy}",
            "matrix": f"{number(held / 1e6)} MB",
            "peak of the process": f"{number(stats.peak_bytes / 1e6)} MB",
        }
    )


def _titled(title: str, widget: ipywidgets.Widget) -> ipywidgets.VBox:
    return ipywidgets.VBox([ipywidgets.HTML(f"<b>{title}</b>"), widget], layout=_HALF)


def _row(*widgets: ipywidgets.Widget) -> ipywidgets.HBox:
    return ipywidgets.HBox(list(widgets), layout={"flex_flow": "row wrap", "width": "100%"})
