"""A long run of storage, entropy, extraction and caches on a synthetic stream, which shows whether memory stays level."""

import math
import tempfile
import textwrap
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import psutil
from scipy.stats import theilslopes

from gymlab.actions.store import write_actions
from gymlab.arguments import boolean, finite_number, whole_number
from gymlab.entropy import AgentEntropies, IncrementalEntropy
from gymlab.errors import OutputError
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.pipeline import extract_patterns
from gymlab.runtime import background
from gymlab.runtime.cache_manager import cache_manager
from gymlab.runtime.database import Database
from gymlab.runtime.memory import resident_bytes
from gymlab.workbench.figures import look
from gymlab.workbench.files import unwritable, write_whole
from gymlab.workbench.probes.leaks import open_handles

# The promise, in megabytes of resident memory per million actions.
MOST_GROWTH = 1.0
_AGENTS, _SESSION, _BLOCK = 8, 200, 40
_ACTION_TYPES = np.array(["share", "take", "wait", "ask"])
_MOST_BATCH, _MOST_SAMPLES, _LEAST_SAMPLES = 1_000, 400, 10
# The share of the run in which libraries are loaded and caches fill.
_WARM_UP = 1 / 3
_EXTRACTED = 2_000
# So few that the caches are full, and evict, before the warm-up ends.
_CACHE_BYTES = 2**20
_COUNTS = ("connections", "threads", "handles")
# What allocators keep of freed memory, now more and now less, without a leak.
_NOISE_MB = 2.0


@dataclass(frozen=True, eq=False)
class SoakRun:
    """The memory of a run.

    Attributes
    ----------
    curve
        A row for each sample: simulated ``hours``, ``actions``, ``resident`` and ``cached`` (bytes), ``connections``,
        ``threads``, ``handles``, ``patterns`` of the latest extraction.
    growth, low, high
        Theil and Sen's slope after the warm-up and its 95 % interval, in MB per million actions; NaN with too few samples.
        The interval takes the samples as independent.
    """

    curve: pd.DataFrame
    growth: float
    low: float
    high: float

    @property
    def verdicts(self) -> list[tuple[bool, str]]:
        """For each criterion, whether it failed, and its sentence."""
        after = _after_warm_up(self.curve)
        span = int(after["actions"].max() - after["actions"].min()) if len(after) else 0
        if math.isnan(self.growth):
            grown = (
                False,
                f"resident memory: not measured, since there are fewer than {_LEAST_SAMPLES} samples",
            )
        else:
            found = (
                f"resident memory: {self.growth:+.2f} MB per million actions [{self.low:+.2f}, {self.high:+.2f}] over "
                f"{span:,} actions in {len(after)} samples after the warm-up, limit {MOST_GROWTH:g}"
            )
            # Less than the noise is no leak, however steep a short curve is.
            failed = self.low > MOST_GROWTH and self.low * span / 1e6 > _NOISE_MB
            undecided = self.high > MOST_GROWTH and not failed
            grown = (failed, f"{found}{'; only a longer run can decide' if undecided else ''}")
        counts = [
            (
                after[name].min() < after[name].max(),
                f"{name}: {after[name].min():.0f} to {after[name].max():.0f}",
            )
            for name in _COUNTS
            if len(after)
        ]
        return [grown, *counts]

    @property
    def failed(self) -> bool:
        """Whether a criterion failed."""
        return any(failed for failed, _ in self.verdicts)

    def listing(self) -> str:
        """Return the verdicts for a terminal."""
        return "\n".join(f"{'FAILED' if failed else 'ok':6} {sentence}" for failed, sentence in self.verdicts)


def soak(
    hours: float,
    rate: float,
    out: Path,
    *,
    fast: bool = False,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> SoakRun:
    """Store a synthetic stream of actions, follow its entropy, extract its patterns, and sample the memory of this process.

    The actions go to an SQLite file, which is removed at the end. The caches of the process are held at 1 MiB.

    Parameters
    ----------
    hours
        Length of the stream.
    rate
        Actions per second of the stream.
    out
        Folder for ``soak.csv`` (the curve) and ``soak.html`` (its figure). An interrupted run writes them, too.
    fast
        Do not wait for the clock: run as fast as possible.
    seed
        Seed of the stream.
    progress
        Is told a sentence at each sample.

    Returns
    -------
    SoakRun

    Raises
    ------
    InputError
        If an argument cannot be used.
    OutputError
        If the folder cannot be written.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     int(soak(0.01, 10, Path(folder), fast=True).curve["actions"].iloc[-1])
    360
    """
    hours = finite_number("hours", hours, above=0, noun="hours")
    rate = finite_number("rate", rate, above=0, noun="actions per second")
    fast, seed = boolean("fast", fast), whole_number("seed", seed, least=0)
    if problem := unwritable(out):
        raise OutputError(f"{out}: {problem}; choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    samples: list[dict[str, float]] = []
    try:
        with tempfile.TemporaryDirectory(prefix="soak-", dir=out) as folder:
            _drive(hours, rate, Path(folder) / "soak.db", samples, fast, seed, progress)
    finally:
        finished = judged(
            pd.DataFrame(samples, columns=["hours", "actions", "resident", "cached", *_COUNTS, "patterns"])
        )
        write_whole(out / "soak.csv", finished.curve.to_csv(index=False).encode())
        page = _figure(finished).to_html(include_plotlyjs=True)
        write_whole(out / "soak.html", page.encode())
    return finished


def stream(first: int, n: int, rate: float, seed: int) -> pd.DataFrame:
    """Return the actions ``first`` to ``first + n - 1`` of the stream: agents in turn, each with habits that last 40 actions.

    Examples
    --------
    >>> stream(0, 3, 1.0, 0)["agent_id"].tolist()
    ['agent-0', 'agent-1', 'agent-2']
    """
    rng = np.random.default_rng([seed, first])
    numbers = np.arange(first, first + n)
    agent, turn = numbers % _AGENTS, numbers // _AGENTS
    # Habits: share, take, or one after the other.
    habit = (agent + turn // _BLOCK) % 3
    choice = np.where(habit == 2, turn % 2, habit)
    choice = np.where(rng.random(n) < 0.1, rng.integers(len(_ACTION_TYPES), size=n), choice)
    return pd.DataFrame(
        {
            "session_id": [f"session-{one}" for one in turn // _SESSION],
            "agent_id": [f"agent-{one}" for one in agent],
            "step": turn % _SESSION,
            "timestamp": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(numbers / rate, unit="s"),
            "actor": [f"agent-{one}" for one in agent],
            "target": "the others",
            "action_type": _ACTION_TYPES[choice],
            "decision_context": "resource_allocation",
            "relationship_type": "neutral",
            "outcome_valence": rng.uniform(-1, 1, n),
        }
    )


def _drive(
    hours: float,
    rate: float,
    file: Path,
    samples: list[dict[str, float]],
    fast: bool,
    seed: int,
    progress: Callable[[str], None],
) -> None:
    total = max(1, round(hours * 3600 * rate))
    batch = _MOST_BATCH if fast else min(_MOST_BATCH, max(1, round(60 * rate)))
    between = max(1, math.ceil(total / batch / _MOST_SAMPLES))
    entropy, entropies = IncrementalEntropy(window=1_000), AgentEntropies(max_agents=100, window=1_000)
    config = ExtractionConfig(n_clusters=3, n_surrogates=0, n_resamples=0)
    latest: deque[pd.DataFrame] = deque(maxlen=math.ceil(_EXTRACTED / batch))
    manager, process, clock = cache_manager(), psutil.Process(), threading.Event()
    entropy_cache = manager.cache("soak", max_bytes=_CACHE_BYTES // 2)
    patterns = 0
    database = Database(f"sqlite:///{file}")
    start = time.monotonic()
    try:
        for number, first in enumerate(range(0, total, batch), start=1):
            actions = stream(first, min(batch, total - first), rate, seed)
            background.run(write_actions(actions, database))
            for agent, action_type in zip(actions["agent_id"], actions["action_type"], strict=True):
                entropy.add(action_type)
                entropies.add(agent, action_type)
            entropy_cache.get_or_compute(
                first, lambda: {**entropies.get_entropies(), "all": entropy.get_entropy()}
            )
            latest.append(actions)
            if number % (_EXTRACTED // batch) == 0:
                patterns = len(extract_patterns(pd.concat(latest, ignore_index=True), config).patterns)
            if manager.bytes > _CACHE_BYTES:
                manager.evict_to(_CACHE_BYTES / manager.max_bytes)
            done = first + len(actions)
            if number % between == 0 or done == total:
                samples.append(
                    {
                        "hours": done / rate / 3600,
                        "actions": done,
                        "resident": resident_bytes(),
                        "cached": manager.bytes,
                        "connections": database.engine.pool.checkedin() + database.pool_in_use(),  # type: ignore[attr-defined] # a queue
                        "threads": process.num_threads(),
                        "handles": open_handles(process),
                        "patterns": patterns,
                    }
                )
                progress(f"{done:,} of {total:,} actions, {samples[-1]['resident'] / 1e6:.0f} MB")
            if not fast:
                clock.wait(max(0.0, start + done / rate - time.monotonic()))
    finally:
        background.run(database.aclose())


def _after_warm_up(curve: pd.DataFrame) -> pd.DataFrame:
    after: pd.DataFrame = curve[curve["actions"] > _WARM_UP * curve["actions"].max()]
    return after


def judged(curve: pd.DataFrame) -> SoakRun:
    """Return the run of a curve, with its slope; the curve has the columns of :attr:`SoakRun.curve`."""
    after = _after_warm_up(curve)
    if len(after) < _LEAST_SAMPLES:
        return SoakRun(curve, math.nan, math.nan, math.nan)
    # Bytes per action are megabytes per million actions.
    fit = theilslopes(after["resident"], after["actions"], alpha=0.95)
    return SoakRun(curve, float(fit[0]), float(fit[2]), float(fit[3]))


def _figure(run: SoakRun) -> go.Figure:
    lines = [line for _, sentence in run.verdicts for line in textwrap.wrap(sentence, 100)]
    figure = look.empty_figure("actions", "MB", height=560, margin={"t": 70 + 17 * len(lines)})
    title = {"text": "<br>".join(lines), "x": 0.02, "xanchor": "left", "y": 0.98, "yanchor": "top"}
    figure.update_layout(title={**title, "font": {"size": 13}}, yaxis_rangemode="tozero")
    for name in ("resident", "cached"):
        figure.add_scatter(x=run.curve["actions"], y=run.curve[name] / 1e6, name=name, mode="lines")
    return figure
