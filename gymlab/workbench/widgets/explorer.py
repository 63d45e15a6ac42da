"""From a pattern to its windows, and from a window to its actions as they stand in the log."""

from typing import Any

import ipywidgets
import numpy as np

from gymlab.patterns.result import Extraction
from gymlab.workbench import figures, tables, views
from gymlab.workbench.checked import an_extraction
from gymlab.workbench.tables.html_cells import left_out
from gymlab.workbench.text import counted, short_names, some_of
from gymlab.workbench.widgets.drawing import Fit, figure_widget, redraw

_MOST_LISTED = 200


class PatternExplorer(ipywidgets.VBox):  # type: ignore[misc]
    """Choose a pattern, then one of its windows, and read what was done in it.

    Parameters
    ----------
    extraction
        What to walk through.

    Attributes
    ----------
    pattern, window
        The controls: their values are a label and the number of a window.

    Examples
    --------
    >>> import gymlab
    >>> log = gymlab.select_actions(gymlab.read_actions(gymlab.sample_path()), agent="GTFT")
    >>> quick = gymlab.ExtractionConfig(n_clusters=2, n_surrogates=0, n_resamples=0)
    >>> explorer = PatternExplorer(gymlab.extract_patterns(log, quick))
    >>> explorer.pattern.value = 1
    >>> bool(explorer.extraction.labels[explorer.window.value] == 1)
    True
    """

    def __init__(self, extraction: Extraction) -> None:
        an_extraction(extraction)
        self.extraction = extraction
        names = [
            (f"pattern {one.label}: {counted(one.size, extraction.windows.noun)}", one.label)
            for one in extraction.patterns
        ]
        noise = int(np.count_nonzero(extraction.labels < 0))
        names += [(f"noise: {counted(noise, extraction.windows.noun)}", -1)] * (noise > 0)
        table = extraction.windows.table
        self._agents, self._sessions = (
            short_names(table[column].unique(), 40) for column in ("agent_id", "session_id")
        )
        self.pattern = ipywidgets.Dropdown(options=names, description="pattern")
        self.window = ipywidgets.Select(rows=14, layout={"width": "26rem"}, description="")
        self.listed = ipywidgets.HTML()
        self.figure = figure_widget(figures.nothing_to_show("choose a pattern"))
        self.actions = ipywidgets.HTML(
            layout={"max_height": "20rem", "overflow": "auto", "flex": "1 1 24rem"}
        )
        super().__init__(
            [
                Fit(),
                self.pattern,
                self.figure,
                self.listed,
                ipywidgets.HBox([self.window, self.actions], layout={"flex_flow": "row wrap"}),
            ]
        )
        self.pattern.observe(lambda _change: self._show_pattern(), "value")
        self.window.observe(lambda _change: self._show_window(), "value")
        if names:
            self._show_pattern()

    def _show_pattern(self) -> None:
        label = int(self.pattern.value)
        redraw(self.figure, views.windows_of_pattern(self.extraction, label))
        self.figure.data[0].on_click(self._clicked, append=False)
        members = self.extraction.windows_of(label)
        # What the figure shows can be clicked, so it is in the list.
        kept = members.index.isin(views.shown_windows(self.extraction, label))
        kept[:_MOST_LISTED] = True
        listed = members[kept]
        places = [
            f"window {row.Index}: {self._agents[str(row.agent_id)]} in {self._sessions[str(row.session_id)]}, from step "
            f"{row.start}"
            for row in listed.itertuples()
        ]
        which = f"the first {_MOST_LISTED} and those of the figure"
        said = some_of(len(listed), len(members), self.extraction.windows.noun, which)
        order = "in the order of the log" if label < 0 else "the most typical first"
        self.listed.value = left_out(f"{order}; {said}" if said else order)
        self.window.options = list(zip(places, listed.index.tolist(), strict=True))
        self.window.value = int(listed.index[0])

    def _show_window(self) -> None:
        if self.window.value is not None:
            self.actions.value = tables.actions(self.extraction, int(self.window.value))

    def _clicked(self, _trace: object, points: Any, _state: object) -> None:  # noqa: ANN401 - plotly's
        """Choose the window of a row that was clicked."""
        shown = views.shown_windows(self.extraction, int(self.pattern.value))
        for row in points.ys:
            index = int(shown[int(str(row).partition(".")[0]) - 1])
            self.window.value = index
