"""The extraction of temporal patterns from a log: encode, cut into windows, compute distances, cluster, describe."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
from numba.core import event
from numpy.typing import NDArray

from gymlab.actions.encoding import Encoding, fit_encoding
from gymlab.actions.schema import validate_actions
from gymlab.actions.windows import Windows, cut_windows
from gymlab.arguments import boolean
from gymlab.clustering import Checkpoint, Tree, no_checkpoint
from gymlab.distance.blocks import Progress
from gymlab.events import ExtractionEnded, emit
from gymlab.patterns import full_matrix, without_matrix
from gymlab.patterns.config import ExtractionConfig, checked_config
from gymlab.patterns.extraction_data import ExtractionStats
from gymlab.patterns.full_matrix import ClusteringJob, WindowClusters
from gymlab.patterns.planning import Plan, plan_extraction
from gymlab.patterns.result import Extraction
from gymlab.patterns.significance import significance_of
from gymlab.patterns.temporal import describe_patterns
from gymlab.runtime.memory import peak_bytes

OnTree = Callable[[Windows, NDArray[np.float32], Tree], None]


def extract_patterns(
    actions: pd.DataFrame, config: ExtractionConfig | None = None, *, progress: Progress = False
) -> Extraction:
    """Find the temporal patterns of a log.

    Parameters
    ----------
    actions
        The action table, as :func:`gymlab.read_actions` returns it.
    config
        The parameters; None for the defaults.
    progress
        True for a progress bar over the DTW cells, or a function that is called with the number of cells done and
        the number of all cells.

    Returns
    -------
    Extraction

    Raises
    ------
    InputError
        If the log cannot be used with these parameters. The message says why, and what to change.
    MemoryLimitError
        If the strategy of the configuration needs more memory than may be used. The message says what would fit.

    Examples
    --------
    >>> import gymlab
    >>> log = gymlab.read_actions(gymlab.sample_path())
    >>> few = gymlab.select_actions(log, agent=["Alternator", "Defector"])
    >>> extraction = gymlab.extract_patterns(few, gymlab.ExtractionConfig(hop=20, n_clusters=2))
    >>> len(extraction.patterns)
    2
    """
    if not callable(progress):
        boolean("progress", progress)
    return run_extraction(actions, checked_config(config), progress=progress)


@contextmanager
def _telling_the_end() -> Iterator[None]:
    """Emit an event when the work has succeeded or failed. Neither is true of work that was cancelled."""
    start = time.perf_counter()
    try:
        yield
    except Exception:
        emit(ExtractionEnded(succeeded=False, seconds=time.perf_counter() - start))
        raise
    emit(ExtractionEnded(succeeded=True, seconds=time.perf_counter() - start))


@_telling_the_end()
def run_extraction(
    actions: pd.DataFrame,
    config: ExtractionConfig,
    *,
    progress: Progress = False,
    checkpoint: Checkpoint = no_checkpoint,
    on_stage: Callable[[str], None] = lambda _stage: None,
    on_tree: OnTree = lambda _windows, _distances, _tree: None,
) -> Extraction:
    """Find the temporal patterns of a log, and report each step to the caller.

    Parameters
    ----------
    actions, config, progress
        As for :func:`extract_patterns`. If `checkpoint` may stop the work, `progress` has to call it too.
    checkpoint
        Called often. An exception that it raises stops the work.
    on_stage
        Called with the name of each stage when the stage begins: ``encode``, ``distances``, ``cluster``,
        ``significance``, ``describe``.
    on_tree
        Called with the windows, the matrix of all pairs and its tree, before the tree is cut. It is not called if
        there is no such matrix or no tree.
    """
    clock = _Stages(on_stage, checkpoint)
    with clock("encode"):
        log, encoding, encoded, job, plan = _prepared(actions, config, progress, checkpoint)
        windows = job.windows
        job = replace(job, on_tree=lambda distances, tree: on_tree(windows, distances, tree))
    found, dtw_pairs = _clusters_by_plan(job, plan, clock)
    clusters = found.clusters
    with clock("significance"):
        significance, said = significance_of(job, plan.strategy, log, encoded, clusters.labels)
    with clock("describe"):
        patterns = describe_patterns(log, windows, clusters)
    pairs = len(windows) * (len(windows) - 1) // 2
    stats = ExtractionStats(
        strategy=plan.strategy,
        reason=plan.reason,
        actions=len(log),
        windows=len(windows),
        pairs=pairs,
        pruned=max(0, pairs - dtw_pairs),
        coverage=windows.coverage,
        noise=clusters.n_noise,
        agreement=found.agreement,
        estimated_bytes=plan.estimated_bytes,
        stages=clock.seconds,
        seconds=sum(clock.seconds.values()),
        peak_bytes=peak_bytes(),
        compiling=clock.compiling,
    )
    notes = [*log.attrs.get("notes", ()), *encoding.notes, *windows.notes]
    if config.strategy == "auto":
        notes.append(f"strategy {plan.strategy} for {config.method}: {plan.reason}")
    notes += found.notes
    if clusters.n_noise:
        notes.append(f"{clusters.n_noise:,} of {len(windows):,} {windows.noun} belong to no pattern (noise)")
    notes += said
    return Extraction(
        actions=log,
        config=config,
        encoding=encoding,
        windows=windows,
        distances=found.distances,
        linkage=found.linkage,
        sample=found.sample,
        representatives=found.representatives,
        representative_labels=clusters.labels[found.representatives],
        labels=clusters.labels,
        patterns=patterns,
        quality=clusters.quality,
        stats=stats,
        notes=tuple(notes),
        significance=significance,
    )


def require_extractable(actions: pd.DataFrame, config: ExtractionConfig) -> None:
    """Check that an extraction accepts a log and its parameters, without computing distances.

    Parameters
    ----------
    actions, config
        As for :func:`extract_patterns`.

    Raises
    ------
    InputError
        If the log has no windows with these parameters, or too few.
    MemoryLimitError
        If the strategy of the configuration needs more memory than may be used.
    """
    _prepared(actions, config, False, no_checkpoint)  # noqa: FBT003 - no progress


def _prepared(
    actions: pd.DataFrame, config: ExtractionConfig, progress: Progress, checkpoint: Checkpoint
) -> tuple[pd.DataFrame, Encoding, NDArray[np.float32], ClusteringJob, Plan]:
    """Return the checked log, its encoding, its encoded rows, the clustering job, and its plan."""
    log = validate_actions(actions)
    checkpoint()
    encoding = fit_encoding(log, config.channels)
    encoded = encoding.encode(log)
    windows = cut_windows(log, encoded, window=config.window, hop=config.hop, unit=config.unit)
    job = ClusteringJob(windows, encoding.mismatch_weights, config, progress, checkpoint)
    plan = plan_extraction(windows, config)
    without_matrix.require_enough(job, plan.sample_size)
    return log, encoding, encoded, job, plan


def _clusters_by_plan(job: ClusteringJob, plan: Plan, clock: "_Stages") -> tuple[WindowClusters, int]:
    """Return the clusters, and the number of pairs of windows for which DTW was computed."""
    n, m = len(job.windows), plan.sample_size
    with clock("distances"):
        if plan.strategy == "sampled":
            found = without_matrix.sampled(job, m)
            return found, m * (m - 1) // 2 + (n - m) * len(found.representatives)
        if plan.strategy == "streamed":
            return without_matrix.streamed(job), n * (n - 1) // 2
        if plan.strategy == "graph":
            return without_matrix.from_graph(job)
        condensed, dtw_pairs = full_matrix.distances_of(job, plan.strategy)
    with clock("cluster"):
        return full_matrix.clusters_of(job, condensed, plan.strategy), dtw_pairs


class _Stages:
    """A clock of the stages. It reports each stage to the caller, who may stop the work there."""

    def __init__(self, on_stage: Callable[[str], None], checkpoint: Checkpoint) -> None:
        self.seconds: dict[str, float] = {}
        self._on_stage, self._checkpoint = on_stage, checkpoint
        self._compiling = event.TimingListener()  # type: ignore[no-untyped-call]

    @property
    def compiling(self) -> float:
        """Seconds that any thread spent compiling kernels during the stages."""
        return float(self._compiling.duration) if self._compiling.done else 0.0

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._checkpoint()
        self._on_stage(name)
        start = time.perf_counter()
        with event.install_listener("numba:compile", self._compiling):
            yield
        self.seconds[name] = time.perf_counter() - start
