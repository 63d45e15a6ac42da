"""Explorers: a dendrogram with branches that open, and the choice of a pattern, its windows and their actions."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gymlab.arguments import finite_number, instance, whole_number
from gymlab.clustering import labels_of_nodes
from gymlab.patterns.result import Extraction
from gymlab.workbench import figures, tables
from gymlab.workbench.checked import an_extraction
from gymlab.workbench.figures import DrawnBranch, LogTree
from gymlab.workbench.figures.dendrograms import CUT, LEAVES, cut_line, join_traces, leaf_colours, leaf_texts
from gymlab.workbench.tables.html_cells import left_out
from gymlab.workbench.text import counted, short_names, some_of
from gymlab.workbench.widgets.drawing import Fit, figure_widget, redraw

_HINT = "Drag the dashed line to cut elsewhere; click a dot to open the branch below it."


class TreeExplorer(ipywidgets.VBox):  # type: ignore[misc]
    """The dendrogram of an extraction as a widget.

    Parameters
    ----------
    extraction
        The extraction; :meth:`show` can replace it.
    on_cut
        Called with the height to which the cut was dragged. Without it, the explorer cuts the extraction itself.
    n_leaves
        The largest number of leaves that are drawn at a time.

    Examples
    --------
    >>> import gymlab
    >>> log = gymlab.select_actions(gymlab.read_actions(gymlab.sample_path()), agent="GTFT")
    >>> extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(n_surrogates=0, n_resamples=0))
    >>> explorer = TreeExplorer(extraction)
    >>> explorer.cut_at(1e9)
    >>> len(explorer.extraction.patterns)
    1
    """

    def __init__(
        self,
        extraction: Extraction | None = None,
        *,
        on_cut: Callable[[float], None] | None = None,
        n_leaves: int = 40,
    ) -> None:
        if on_cut is not None:
            instance("on_cut", on_cut, Callable, "a function of a height, or None")  # type: ignore[arg-type]
        self._on_cut = on_cut or self.cut_at
        self._n_leaves = whole_number("n_leaves", n_leaves, least=1)
        # The drawn parts: a tree, the pattern of each of its windows, the height of the cut, and the last open branch.
        self._lock = threading.RLock()
        self._drawing: int | None = None
        self._tree: LogTree | None = None
        self._branch: DrawnBranch | None = None
        self._labels = np.empty(0, dtype=np.int64)
        self._cut: float | None = None
        self._roots: list[int] = []
        self.extraction: Extraction | None = None
        waiting = figures.nothing_to_show("nothing to show yet", height=520)
        self.figure = figure_widget(waiting, draggable=True)
        self._back = ipywidgets.Button(
            description="up",
            icon="arrow-up",
            disabled=True,
            layout={"width": "5rem"},
            tooltip="One branch up",
        )
        self._where = ipywidgets.HTML(_HINT)
        self._back.on_click(lambda _button: self.close_branch())
        super().__init__([Fit(), ipywidgets.HBox([self._back, self._where]), self.figure])
        if extraction is not None:
            self.show(extraction)

    def show(self, extraction: Extraction) -> None:
        """Show another extraction; the open branch stays open if the tree is the same."""
        an_extraction(extraction)
        with self._lock:
            self.extraction = extraction
            self.show_tree(
                LogTree.of(extraction),
                extraction.labels[extraction.clustered],
                figures.cut_height(extraction),
            )

    def show_tree(self, tree: LogTree, labels: NDArray[np.int64], cut: float | None) -> None:
        """Show a tree before its patterns are described.

        Parameters
        ----------
        tree
            The tree.
        labels
            int64: the pattern of each window of the tree; −1 if it is not known.
        cut
            The height of the cut; None for no line.
        """
        with self._lock:
            same = self._tree is not None and self._tree.linkage is tree.linkage
            if not same:
                self._roots = []
            self._tree, self._labels, self._cut = tree, labels, cut
            if same:
                self._recolour()
            else:
                self._draw()

    def recolour(self, labels: NDArray[np.int64], cut: float | None) -> None:
        """Show a new cut of the same tree, which takes milliseconds.

        Parameters
        ----------
        labels, cut
            As for :meth:`show_tree`.
        """
        with self._lock:
            if self._tree is not None:
                self.show_tree(self._tree, labels, cut)

    def cut_at(self, height: float) -> None:
        """Cut the extraction at a height and show it."""
        height = finite_number("height", height)
        if self.extraction is not None and self.extraction.linkage is not None:
            self.show(self.extraction.cut(height=max(0.0, height)))

    def open_branch(self, node: int) -> None:
        """Show the branch below a node of the tree; the nodes of the leaves are in ``customdata``."""
        node = whole_number("node", node, least=0)
        with self._lock:
            linkage = None if self._tree is None else self._tree.linkage
            if linkage is not None and node > len(linkage):  # the nodes of single windows come first
                self._roots.append(int(node))
                self._draw()

    def close_branch(self) -> None:
        """Close the open branch and show the branch that contains it."""
        with self._lock:
            if self._roots:
                self._roots.pop()
                self._draw()

    def _draw(self) -> None:
        if self._tree is None:
            return
        self._branch = figures.drawn_branch(
            self._tree, n_leaves=self._n_leaves, root=self._roots[-1] if self._roots else None
        )
        figure = figures.draw_branch(self._tree, self._branch, self._labels, cut=self._cut)
        with self._being_drawn():
            redraw(self.figure, figure)
        # New traces do not have the callbacks of the old ones.
        markers = self._markers()
        if markers is not None:
            markers.on_click(self._clicked, append=False)
        self.figure.layout.on_change(self._moved, "shapes", append=False)
        self._back.disabled = not self._roots
        depth = len(self._roots)
        self._where.value = f"{counted(depth, 'levels')} down. {_HINT}" if depth else _HINT

    def _recolour(self) -> None:
        tree, branch = self._tree, self._branch
        if tree is None or tree.linkage is None or branch is None:
            return
        nodes = labels_of_nodes(tree.linkage, self._labels)
        markers = self._markers()
        with self._being_drawn(), self.figure.batch_update():
            for old, new in zip(self.figure.data, join_traces(branch.outline, nodes), strict=False):
                old.x, old.y = new.x, new.y
            if markers is not None:
                markers.marker.color = leaf_colours(branch.outline, nodes)
                markers.text = leaf_texts(branch, nodes, tree.windows.noun)
            self.figure.layout.shapes = [] if self._cut is None else [cut_line(self._cut)]

    def _markers(self) -> Any:  # noqa: ANN401 - a trace of plotly's
        return next((trace for trace in self.figure.data if trace.name == LEAVES), None)

    def _clicked(self, _trace: object, points: Any, _state: object) -> None:  # noqa: ANN401 - plotly's
        markers = self._markers()
        if points.point_inds and markers is not None:
            self.open_branch(int(markers.customdata[points.point_inds[0]]))

    def _moved(self, _layout: object, shapes: tuple[go.layout.Shape, ...]) -> None:
        # A change is no drag if it is drawn by this thread.
        if self._drawing == threading.get_ident():
            return
        line = next((shape for shape in shapes if shape.name == CUT), None)
        if line is not None:
            self._on_cut((float(line.y0) + float(line.y1)) / 2)

    @contextmanager
    def _being_drawn(self) -> Iterator[None]:
        before, self._drawing = self._drawing, threading.get_ident()
        try:
            yield
        finally:
            self._drawing = before


_MOST_LISTED = 200


class PatternExplorer(ipywidgets.VBox):  # type: ignore[misc]
    """Choose a pattern, then one of its windows, and read its actions.

    Parameters
    ----------
    extraction
        The extraction.

    Attributes
    ----------
    pattern, window
        The two controls. Their values are the label of a pattern and the number of a window.

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
        redraw(self.figure, figures.windows_of_pattern(self.extraction, label))
        self.figure.data[0].on_click(self._clicked, append=False)
        members = self.extraction.windows_of(label)
        # The list has the same windows as the figure, where the reader can click them.
        kept = members.index.isin(figures.shown_windows(self.extraction, label))
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
        """Choose the window of the clicked row."""
        shown = figures.shown_windows(self.extraction, int(self.pattern.value))
        for row in points.ys:
            index = int(shown[int(str(row).partition(".")[0]) - 1])
            self.window.value = index
