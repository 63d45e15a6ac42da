"""The tuning panel: parameters on the left, and on the right the patterns, which are computed in a thread."""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets
import yaml

from gymlab.actions.readers.source_files import expanded
from gymlab.arguments import instance, texts
from gymlab.clustering import Checkpoint
from gymlab.errors import GymlabError, InputError
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.result import Extraction
from gymlab.workbench.checked import each
from gymlab.workbench.figures import LogTree, cut_height
from gymlab.workbench.files import require_targets, write_whole
from gymlab.workbench.results import to_json
from gymlab.workbench.text import as_html, counted
from gymlab.workbench.widgets.analysis import (
    Analysis,
    LatestRequestWorker,
    LogSource,
    PanelRequest,
    cut_of,
    exported,
)
from gymlab.workbench.widgets.controls import Controls
from gymlab.workbench.widgets.drawing import OLD
from gymlab.workbench.widgets.explorers import TreeExplorer
from gymlab.workbench.widgets.outcome_panel import OutcomePanel

_log = logging.getLogger(__name__)

_SECONDS_BETWEEN_REPORTS = 0.1
_HEADER = "# Parameters of gymlab, for: gymlab report --params {name}\n"


class TuningPanel(ipywidgets.VBox):  # type: ignore[misc]
    """Choose the parameters of an extraction and see its patterns.

    The work runs in a thread, and only the last of several changes is used. Finished work is reused: a move of the cut
    computes no distance.

    Parameters
    ----------
    source
        A log, as :func:`gymlab.read_actions` takes it; by default the bundled sample.
    format, agent, session, since, where
        As for :func:`gymlab.read_actions` and :func:`gymlab.select_actions`.
    config
        The first parameters. The budget for significance is the available budget that is nearest to them.

    Attributes
    ----------
    extraction
        The last extraction; None before the first.
    error
        The exception of the last request; None if it did not fail.

    Examples
    --------
    >>> import gymlab
    >>> panel = TuningPanel(agent="GTFT", config=gymlab.ExtractionConfig(n_surrogates=0, n_clusters=3))
    >>> panel.wait()
    >>> len(panel.extraction.patterns), panel.parameters["agent"]
    (3, ['GTFT'])
    """

    def __init__(
        self,
        source: str | Path | list[str] | None = None,
        *,
        format: str | None = None,  # noqa: A002 - the name that readers have
        agent: str | list[str] | None = None,
        session: str | list[str] | None = None,
        since: str | None = None,
        where: str | list[str] = (),  # type: ignore[assignment]
        config: ExtractionConfig | None = None,
    ) -> None:
        part = LogSource(
            _source(source),
            _one("format", format),
            _several("agent", agent),
            _several("session", session),
            _one("since", since),
            _several("where", where),
        )
        if config is not None:
            instance("config", config, ExtractionConfig, "an ExtractionConfig, or None")
        self.extraction: Extraction | None = None
        self.error: Exception | None = None
        self._analysis = Analysis()
        self._latest: LatestRequestWorker[PanelRequest] = LatestRequestWorker(
            self._work, failed=self._failed, settled=self._settled
        )
        self._begun, self._cancelled = 0.0, False
        self.controls = Controls(
            part, config or ExtractionConfig(n_surrogates=49, n_resamples=25), self._changed
        )
        self.tree = TreeExplorer(on_cut=self._dragged)
        self.outcome = OutcomePanel()
        self._bar = ipywidgets.FloatProgress(min=0, max=1, layout={"width": "100%", "height": "10px"})
        self._status = ipywidgets.HTML()
        self.cancel_button = _button("cancel", "stop", "Stop the computation", self.cancel)
        self.file = ipywidgets.Text(value="tuned.yaml", layout={"width": "10rem"})
        self.export_button = _button("export", "save", "Write the parameters as YAML", self._export)
        # Separate from the status, which is overwritten at the end of a computation.
        self._exported = ipywidgets.HTML()
        self.cancel_button.disabled = True
        side = ipywidgets.VBox(
            [
                self.controls,
                ipywidgets.HBox([self.cancel_button, self._bar]),
                self._status,
                ipywidgets.HBox([self.export_button, self.file]),
                self._exported,
            ],
            layout={"width": "320px", "min_width": "320px", "padding": "0 12px 0 0"},
        )
        self._shown = ipywidgets.VBox(
            [self.tree, self.outcome], layout={"flex": "1 1 480px", "min_width": "0"}
        )
        super().__init__(
            [ipywidgets.HBox([side, self._shown], layout={"flex_flow": "row wrap", "width": "100%"})]
        )
        self._changed()

    @property
    def parameters(self) -> dict[str, Any]:
        """The chosen parameters, as the report takes them.

        Raises
        ------
        InputError
            If the choices contradict each other.
        """
        found: dict[str, Any] = json.loads(to_json(exported(*self.controls.read())))
        return found

    def export(self, path: str | Path) -> Path:
        """Write the parameters as YAML that ``gymlab report --params`` takes.

        Parameters
        ----------
        path
            The file, in a folder that exists. A file of this name is replaced.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        InputError
            If the choices contradict each other, or the file is the log itself.
        OutputError
            If the file cannot be written.
        """
        target = expanded(path).absolute()
        require_targets({"the file": target}, self.parameters.get("source"))
        text = _HEADER.format(name=target.name) + yaml.safe_dump(
            self.parameters, sort_keys=False, allow_unicode=True
        )
        write_whole(target, text.encode("utf-8"))
        return target

    def wait(self, timeout: float | None = 300.0) -> None:
        """Wait for the result of the last request, in notebooks that run unattended.

        Raises
        ------
        Exception
            The exception of the computation, if it failed.
        TimeoutError
            If the work takes more than ``timeout`` seconds.
        """
        self._latest.wait(timeout)
        if self.error is not None:
            raise self.error

    def cancel(self) -> None:
        """Stop the computation; the last extraction stays."""
        self._cancelled = True
        self._latest.cancel()

    def _changed(self) -> None:
        try:
            source, config = self.controls.read()
        except InputError as error:
            # The present computation is for parameters that are no longer chosen.
            self._latest.cancel()
            self._failed(error)
            return
        request = PanelRequest(source, config)
        self.error, self._cancelled = None, False
        self._begun = time.perf_counter()
        self._exported.value = ""
        self.cancel_button.disabled = False
        self._show_cut_at_once(request)
        self._latest.submit(request)

    def _show_cut_at_once(self, request: PanelRequest) -> None:
        """Colour the tree by the new cut at once; the other figures are drawn later."""
        base = self._analysis.base_of(request)
        if base is not None and base.linkage is not None:
            self.tree.recolour(*cut_of(base.linkage, request.config, base.quality.silhouette_by_n_clusters))

    def _dragged(self, height: float) -> None:
        self.controls.set_cut(max(0.0, height))

    def _work(self, request: PanelRequest, checkpoint: Checkpoint) -> None:
        # The end of the earlier request may just have disabled the button.
        self.cancel_button.disabled = False
        last = 0.0

        def tell(stage: str, fraction: float) -> None:
            nonlocal last
            checkpoint()
            now = time.perf_counter()
            if fraction == 0.0 or now - last >= _SECONDS_BETWEEN_REPORTS:
                last = now
                self._bar.value = fraction
                self._say(f"{stage} …")

        def show(extraction: Extraction) -> None:
            checkpoint()
            self._show(extraction)

        def show_tree(tree: LogTree) -> None:
            checkpoint()
            if tree.linkage is not None:
                self.tree.show_tree(tree, *cut_of(tree.linkage, request.config, {}))

        self._analysis.answer(request, show=show, show_tree=show_tree, tell=tell, checkpoint=checkpoint)

    def _show(self, extraction: Extraction) -> None:
        self._shown.remove_class(OLD)
        self.extraction = extraction
        self.tree.show(extraction)
        self.outcome.show(extraction, seconds=time.perf_counter() - self._begun)
        heights = [] if extraction.linkage is None else extraction.linkage[:, 2].tolist()
        self.controls.learn(
            extraction.actions,
            extraction.encoding,
            n_patterns=len(extraction.patterns),
            tallest=max(heights, default=0.0),
            height=cut_height(extraction),
        )

    def _failed(self, error: Exception) -> None:
        self.error = error
        self._shown.add_class(OLD)
        if not isinstance(error, GymlabError):
            _log.error("the panel failed", exc_info=error)
        self._complain(error)

    def _settled(self) -> None:
        self._bar.value = 0.0
        self.cancel_button.disabled = True
        if self.error is not None:
            # A stopped computation may have overwritten the message.
            self._complain(self.error)
        elif self._cancelled:
            self._say(
                "stopped" + ("; the results shown are from an earlier request" if self.extraction else "")
            )
        elif self.extraction is not None:
            found = counted(len(self.extraction.patterns), "patterns")
            self._say(f"{found}, {time.perf_counter() - self._begun:.1f} s")

    def _export(self) -> None:
        try:
            file = self.export(self.file.value)
        except GymlabError as error:
            self._exported.value = _complaint(error)
        else:
            refused = "" if self.error is None else ", once its problem is corrected"
            self._exported.value = _said(
                f"written: {file}; use it with gymlab report --params {file}{refused}"
            )

    def _complain(self, error: Exception) -> None:
        before = "" if self.extraction is None else "; the pale results are from an earlier request"
        self._status.value = _complaint(error, before)

    def _say(self, text: str) -> None:
        self._status.value = _said(text)


def _said(text: str) -> str:
    return f'<span style="color:#5b6773">{as_html(text, 400)}</span>'


def _complaint(error: Exception, more: str = "") -> str:
    kind = "" if isinstance(error, GymlabError) else f"{type(error).__name__}: "
    return f'<span style="color:#b3261e">{as_html(f"{kind}{error}", 600)}{more}</span>'


def _several(name: str, value: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return () if value is None else tuple(texts(name, value, instead=", or None"))


def _source(value: object) -> str | tuple[str, ...] | None:
    if value is None or isinstance(value, str):
        return value
    several = [value] if isinstance(value, Path) else value
    words = "a path, a pattern, a URL, several of these, or None"
    return tuple(str(one) for one in each("source", several, (str, Path), words))


def _one(name: str, value: str | None) -> str | None:
    if value is not None:
        instance(name, value, str, "a text, or None")
    return value


def _button(name: str, icon: str, hint: str, pressed: Callable[[], None]) -> ipywidgets.Button:
    button = ipywidgets.Button(description=name, icon=icon, tooltip=hint, layout={"width": "7rem"})
    button.on_click(lambda _button: pressed())
    return button
