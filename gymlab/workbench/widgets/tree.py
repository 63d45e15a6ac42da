"""A dendrogram to touch: its cut can be dragged, its leaves open, and one comes back."""

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
from gymlab.workbench import figures, views
from gymlab.workbench.checked import an_extraction
from gymlab.workbench.figures.trees import CUT, LEAVES, cut_line, join_traces, leaf_colours, leaf_texts
from gymlab.workbench.text import counted
from gymlab.workbench.views import LogTree, Top, top_of
from gymlab.workbench.widgets.drawing import Fit, figure_widget, redraw

_HINT = "Drag the dashed line to cut elsewhere; click a dot to open the branch below it."


class TreeExplorer(ipywidgets.VBox):  # type: ignore[misc]
    """The dendrogram of an extraction as a widget.

    Parameters
    ----------
    extraction
        What to show; it can be changed by :meth:`show`.
    on_cut
        Called with the height to which the cut was dragged. When not given, the explorer cuts the extraction itself.
    n_leaves
        At most so many leaves at a time.

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
        # What is drawn: a tree, the pattern of each of its windows, the height of the cut, the branches on the way.
        self._lock = threading.RLock()
        self._drawing: int | None = None
        self._tree: LogTree | None = None
        self._top: Top | None = None
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
                LogTree.of(extraction), extraction.labels[extraction.clustered], views.cut_height(extraction)
            )

    def show_tree(self, tree: LogTree, labels: NDArray[np.int64], cut: float | None) -> None:
        """Show a tree whose patterns are not described yet.

        Parameters
        ----------
        tree
            What to show.
        labels
            int64: the pattern of each window that it is of; −1 where it is not known.
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
        """Show where a new cut of the same tree falls; takes milliseconds.

        Parameters
        ----------
        labels, cut
            As for :meth:`show_tree`.
        """
        with self._lock:
            if self._tree is not None:
                self._labels, self._cut = labels, cut
                self._recolour()

    def cut_at(self, height: float) -> None:
        """Cut the extraction at a height and show it."""
        height = finite_number("height", height)
        if self.extraction is not None and self.extraction.linkage is not None:
            self.show(self.extraction.cut(height=max(0.0, height)))

    def open_branch(self, node: int) -> None:
        """Show the branch below a node of the tree, of those in ``customdata`` of the leaves."""
        node = whole_number("node", node, least=0)
        with self._lock:
            linkage = None if self._tree is None else self._tree.linkage
            if linkage is not None and node > len(linkage):  # a join, not a single window
                self._roots.append(int(node))
                self._draw()

    def close_branch(self) -> None:
        """Show the branch above."""
        with self._lock:
            if self._roots:
                self._roots.pop()
                self._draw()

    def _draw(self) -> None:
        if self._tree is None:
            return
        self._top = top_of(self._tree, n_leaves=self._n_leaves, root=self._roots[-1] if self._roots else None)
        figure = views.dendrogram_of(self._tree, self._top, self._labels, cut=self._cut)
        with self._being_drawn():
            redraw(self.figure, figure)
        # New traces come without the callbacks of the old.
        markers = self._markers()
        if markers is not None:
            markers.on_click(self._clicked, append=False)
        self.figure.layout.on_change(self._moved, "shapes", append=False)
        self._back.disabled = not self._roots
        depth = len(self._roots)
        self._where.value = f"{counted(depth, 'levels')} down. {_HINT}" if depth else _HINT

    def _recolour(self) -> None:
        tree, top = self._tree, self._top
        if tree is None or tree.linkage is None or top is None:
            return
        nodes = labels_of_nodes(tree.linkage, self._labels)
        markers = self._markers()
        with self._being_drawn(), self.figure.batch_update():
            for old, new in zip(self.figure.data, join_traces(top.outline, nodes), strict=False):
                old.x, old.y = new.x, new.y
            if markers is not None:
                markers.marker.color = leaf_colours(top.outline, nodes)
                markers.text = leaf_texts(top.outline, nodes, top.leaves, tree.windows.noun)
            self.figure.layout.shapes = [] if self._cut is None else [cut_line(self._cut)]

    def _markers(self) -> Any:  # noqa: ANN401 - a trace of plotly's
        return next((trace for trace in self.figure.data if trace.name == LEAVES), None)

    def _clicked(self, _trace: object, points: Any, _state: object) -> None:  # noqa: ANN401 - plotly's
        markers = self._markers()
        if points.point_inds and markers is not None:
            self.open_branch(int(markers.customdata[points.point_inds[0]]))

    def _moved(self, _layout: object, shapes: tuple[go.layout.Shape, ...]) -> None:
        # What this thread draws itself was not dragged.
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
