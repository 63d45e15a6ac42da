"""From a request to an extraction, with as little new work as possible, in a thread that works on the last request."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions import read_actions, select_actions
from gymlab.actions.windows import Windows
from gymlab.clustering import LINKAGES, Checkpoint, Tree, cut_tree
from gymlab.patterns import revised
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.pipeline import run_extraction
from gymlab.patterns.result import Extraction
from gymlab.settings import sample_path
from gymlab.workbench import figures
from gymlab.workbench.figures import LogTree


@dataclass(frozen=True)
class LogSource:
    """A log, or a part of it, as the parameters of the report name it.

    Attributes
    ----------
    source
        The source, as for :func:`gymlab.read_actions`; None is the bundled sample.
    format, agent, session, since, where
        As for :func:`gymlab.read_actions` and :func:`gymlab.select_actions`.
    """

    source: str | tuple[str, ...] | None = None
    format: str | None = None
    agent: tuple[str, ...] = ()
    session: tuple[str, ...] = ()
    since: str | None = None
    where: tuple[str, ...] = ()

    def read(self) -> pd.DataFrame:
        """Return the action table.

        Raises
        ------
        InputError
            If the log cannot be read, or no action passes the filters.
        """
        return select_actions(
            read_actions(self.source or sample_path(), self.format),
            agent=self.agent or None,
            session=self.session or None,
            since=self.since,
            where=self.where,
        )

    @property
    def text(self) -> str:
        """The source of the log on one line; empty for the bundled sample."""
        return self.source if isinstance(self.source, str) else ", ".join(self.source or ())

    def parameters(self) -> dict[str, Any]:
        """Return the fields that are set, as parameters of the report."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items()
            if value
        }


@dataclass(frozen=True)
class PanelRequest:
    """A request to a panel: a log, and the parameters of the extraction."""

    source: LogSource
    config: ExtractionConfig


Show = Callable[[Extraction], None]
ShowTree = Callable[[LogTree], None]
Tell = Callable[[str, float], None]

_LOOKS_IN_A_PAUSE = 10


class Analysis:
    """Work on requests, and reuse finished work.

    If a request changes only the cut, the same tree is used. If a request changes only the budget for significance, the
    same patterns are used. Distances of windows that were compared before come from the cache of matrices.

    Parameters
    ----------
    pause_seconds
        Seconds to wait before the patterns are tested. In this time the page can draw, and a newer request can arrive.

    Examples
    --------
    >>> analysis = Analysis()
    >>> shown = []
    >>> few = LogSource(agent=("Alternator", "Defector"))
    >>> quick = ExtractionConfig(hop=20, n_surrogates=0, n_resamples=0)
    >>> analysis.answer(PanelRequest(few, quick), show=shown.append)
    >>> analysis.answer(PanelRequest(few, replace(quick, n_clusters=4)), show=shown.append)
    >>> len(shown[-1].patterns), shown[-1].linkage is shown[0].linkage
    (4, True)
    """

    def __init__(self, *, pause_seconds: float = 0.3) -> None:
        self._pause_seconds = pause_seconds
        self._log: tuple[LogSource, pd.DataFrame] | None = None
        self._base: tuple[LogSource, ExtractionConfig, Extraction] | None = None

    def answer(
        self,
        request: PanelRequest,
        *,
        show: Show,
        show_tree: ShowTree = lambda _tree: None,
        tell: Tell = lambda _stage, _fraction: None,
        checkpoint: Checkpoint = lambda: None,
    ) -> None:
        """Carry out a request.

        Parameters
        ----------
        request
            The request.
        show
            Called with the extraction as soon as its patterns are known, and again when they are tested.
        show_tree
            Called with a new tree before its patterns are known.
        tell
            Called with the name of the stage, and the finished fraction of the stage.
        checkpoint
            Called often; an exception that it raises stops the work.

        Raises
        ------
        InputError
            If the log cannot be used with these parameters.
        """
        extraction = self._found(request, show_tree, tell, checkpoint)
        show(extraction)
        config = request.config
        if config.n_surrogates or config.n_resamples:
            tell("significance", 0.0)
            self._pause(checkpoint)
            show(
                revised.assess(
                    extraction,
                    n_surrogates=config.n_surrogates,
                    n_resamples=config.n_resamples,
                    checkpoint=checkpoint,
                )
            )

    def base_of(self, request: PanelRequest) -> Extraction | None:
        """Return the extraction if the request only cuts its tree at another place; None if more has to be computed."""
        if self._base is None:
            return None
        source, config, extraction = self._base
        same = (source, config) == (request.source, _without_cut(request.config))
        return extraction if same else None

    def _found(
        self, request: PanelRequest, show_tree: ShowTree, tell: Tell, checkpoint: Checkpoint
    ) -> Extraction:
        base, config = self.base_of(request), request.config
        if base is None:
            return self._extracted(request, show_tree, tell, checkpoint)
        if (config.n_clusters, config.cut_height) == (base.config.n_clusters, base.config.cut_height):
            return base
        number = None if config.n_clusters == "auto" else int(config.n_clusters)
        return revised.cut(base, n_clusters=number, height=config.cut_height, checkpoint=checkpoint)

    def _extracted(
        self, request: PanelRequest, show_tree: ShowTree, tell: Tell, checkpoint: Checkpoint
    ) -> Extraction:
        if self._log is None or self._log[0] != request.source:
            tell("read", 0.0)
            # The memory of the old log and its matrix is freed before the new log is read.
            self._log = self._base = None
            self._log = request.source, request.source.read()
        log = self._log[1]
        config = replace(request.config, n_surrogates=0, n_resamples=0)
        stage = ""

        def begin(name: str) -> None:
            nonlocal stage
            stage = name
            tell(name, 0.0)

        def cells(done: int, total: int) -> None:
            checkpoint()
            tell(stage, min(1.0, done / max(1, total)))

        def on_tree(windows: Windows, distances: NDArray[np.float32], tree: Tree) -> None:
            show_tree(LogTree(log, windows, np.arange(len(windows)), tree, distances, config.method))

        found = run_extraction(
            log, config, progress=cells, checkpoint=checkpoint, on_stage=begin, on_tree=on_tree
        )
        self._base = request.source, _without_cut(config), found
        return found

    def _pause(self, checkpoint: Checkpoint) -> None:
        """Wait before the longest part of the work, so that the page can draw and a slider can stop moving."""
        for _ in range(_LOOKS_IN_A_PAUSE):
            checkpoint()
            time.sleep(self._pause_seconds / _LOOKS_IN_A_PAUSE)


def _without_cut(config: ExtractionConfig) -> ExtractionConfig:
    """Return only the parameters of the tree, without those of its cut and of the test of its patterns."""
    plain = replace(config, n_surrogates=0, n_resamples=0)
    if config.method in LINKAGES and config.strategy != "baseline":
        return replace(plain, n_clusters="auto", cut_height=None)
    return plain


def cut_of(
    tree: NDArray[np.float64], config: ExtractionConfig, curve: Mapping[int, float]
) -> tuple[NDArray[np.int64], float | None]:
    """Return the pattern of each window after the cut of a tree (−1 while it is not known), and the height of the cut.

    Parameters
    ----------
    tree, config
        A linkage matrix, and the parameters that give the place of the cut.
    curve
        The average silhouette width for every number of patterns; empty while it is not known.

    Examples
    --------
    >>> labels, height = cut_of(np.array([[0, 1, 1.0, 2], [2, 3, 4.0, 3]]), ExtractionConfig(n_clusters=2), {})
    >>> labels.tolist(), height
    ([0, 0, 1], 2.5)
    """
    if config.cut_height is not None:
        return cut_tree(tree, height=config.cut_height), config.cut_height
    if config.n_clusters != "auto":
        number = int(config.n_clusters)
    elif curve:
        number = max(curve, key=lambda k: curve[k])
    else:
        return np.full(len(tree) + 1, -1, dtype=np.int64), None
    return cut_tree(tree, n_clusters=number), figures.height_of_cut(tree, number)


def exported(source: LogSource, config: ExtractionConfig) -> dict[str, Any]:
    """Return a log and the parameters of an extraction as parameters of the report.

    Examples
    --------
    >>> exported(LogSource("log.jsonl"), ExtractionConfig(window=30))["window"]
    30
    """
    fields = config.as_dict()
    # The report has no parameters for these two.
    del fields["distance"], fields["n_threads"]
    if isinstance(fields["channels"], tuple):
        fields["channels"] = list(fields["channels"])
    return {**source.parameters(), **fields}


Wanted = TypeVar("Wanted")


class _SupersededError(BaseException):
    """A newer request has arrived, so the result is not needed; this is no failure."""


class LatestRequestWorker(Generic[Wanted]):
    """Work on requests one at a time in a thread; of the waiting requests only the last one is used.

    A new request stops the work on the earlier request at the next checkpoint. The thread exists only during work.

    Parameters
    ----------
    work
        Called in the thread with a request and a checkpoint. It has to call the checkpoint often, and must not
        catch its exception.
    failed
        Called in the thread with the exception of ``work``, unless the work was stopped.
    settled
        Called in the thread when no request is left, also after a failure or a stop.

    Examples
    --------
    >>> done = []
    >>> worker = LatestRequestWorker(lambda request, checkpoint: done.append(request), failed=print)
    >>> worker.submit("a slider's last value")
    >>> worker.wait(timeout=10)
    >>> done
    ["a slider's last value"]
    """

    def __init__(
        self,
        work: Callable[[Wanted, Checkpoint], None],
        *,
        failed: Callable[[Exception], None],
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        self._work, self._failed, self._settled = work, failed, settled
        self._changed = threading.Condition()
        self._waiting: list[Wanted] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def submit(self, request: Wanted) -> None:
        """Add a request; earlier requests are dropped."""
        with self._changed:
            self._waiting[:] = [request]
            self._stop.set()
            if self._thread is None:
                self._begin()

    def cancel(self) -> None:
        """Stop the work on the present request, and drop the waiting request."""
        with self._changed:
            self._waiting.clear()
            self._stop.set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until no request is left.

        Raises
        ------
        TimeoutError
            If there is still work after ``timeout`` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._thread is None, timeout):
                raise TimeoutError(f"still at work after {timeout:g} s")

    def _run(self) -> None:
        try:
            while self._one_more():
                pass
        finally:
            # A callback that fails ends this thread; a waiting request gets a new thread.
            with self._changed:
                if self._thread is threading.current_thread():
                    self._thread = None
                    if self._waiting:
                        self._begin()
                    self._changed.notify_all()

    def _begin(self) -> None:
        # The thread is a daemon, so that the end of a notebook does not wait for the computation.
        self._thread = threading.Thread(target=self._run, name="gymlab-latest", daemon=True)
        self._thread.start()

    def _one_more(self) -> bool:
        """Work on the waiting request; return False if there is no request, and none arrived while `settled` ran."""
        with self._changed:
            stop = self._stop = threading.Event()
            request = self._waiting.pop() if self._waiting else None
        if request is not None:
            self._carry_out(request, stop)
            return True
        self._settled()
        with self._changed:
            if self._waiting:
                return True
            # This is under the lock, so that no request is given to a thread that is about to end.
            self._thread = None
            self._changed.notify_all()
            return False

    def _carry_out(self, request: Wanted, stop: threading.Event) -> None:
        def checkpoint() -> None:
            if stop.is_set():
                raise _SupersededError

        try:
            self._work(request, checkpoint)
        except _SupersededError:
            pass
        except Exception as error:  # noqa: BLE001 - the caller is told by `failed`
            self._failed(error)
