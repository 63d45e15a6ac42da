"""Memory, as the operating system counts it, each measurement in a process of its own."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gymlab.clustering.condensed import part_of_matrix
from gymlab.patterns.pipeline import extract_patterns
from gymlab.patterns.result import Extraction
from gymlab.runtime.memory import Measured, measure_in_fresh_process
from gymlab.workbench.claims import Claim, ClaimRun, judge, reduction
from gymlab.workbench.measure.sublog import dense_config, first_windows, matrix_of, require_measurable
from gymlab.workbench.probes import baseline_way, caches, gymlab_way

if TYPE_CHECKING:
    from collections.abc import Callable

# The libraries are most of a process that holds fewer; what a cache holds is told without them.
_WINDOWS, _CACHED_WINDOWS = 2_000, 1_000
_REPEATS = 3
_LEAST_WINDOWS = 300
# Processes side by side.
_AT_ONCE = 2


@dataclass(frozen=True, eq=False)
class MemoryRun(ClaimRun):
    """What each process held.

    Attributes
    ----------
    table
        One row for each process: ``what``, ``side``, ``start`` (bytes resident when the work began), ``peak``.
    claims
        ``memory`` and ``overall_memory``.
    """

    table: pd.DataFrame


def measure_memory(extraction: Extraction, *, seed: int = 0) -> MemoryRun:
    """Run both sides in processes of their own, on the same windows.

    Parameters
    ----------
    extraction, seed
        As for :func:`gymlab.workbench.measure.speed.measure_speed`.

    Returns
    -------
    MemoryRun
    """
    require_measurable(extraction, seed)
    log = first_windows(extraction, _WINDOWS, seed)
    config = dense_config(extraction)
    part = extract_patterns(log, config)
    n = len(part.windows)
    if n < _LEAST_WINDOWS:
        why = f"the log makes only {n} windows at hop 1; below {_LEAST_WINDOWS} the noise is as large as the effect"
        return MemoryRun((judge("memory", [], why), judge("overall_memory", [], why)), pd.DataFrame())
    condensed = matrix_of(part)
    grown = min(n, _CACHED_WINDOWS)
    sizes = sorted({grown // 4, grown // 2, 3 * grown // 4, grown})
    kept = part_of_matrix(condensed, n, np.arange(grown))
    action_types = log["action_type"].tolist()[:500]
    probes: list[tuple[str, str, Callable[[], Measured[int]]]] = [
        ("cache", "baseline", lambda: measure_in_fresh_process(caches.fill_dictionary, sizes, kept)),
        ("cache", "gymlab", lambda: measure_in_fresh_process(caches.fill_cache, sizes, kept)),
        (
            "whole way",
            "baseline",
            lambda: measure_in_fresh_process(baseline_way.whole_way, n, condensed, action_types),
        ),
        ("whole way", "gymlab", lambda: measure_in_fresh_process(gymlab_way.whole_way, log, config)),
    ]
    # What a process holds does not depend on how busy the processors are.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        measured = list(pool.map(lambda probe: probe[2](), probes * _REPEATS))
    table = pd.DataFrame(
        [_row(what, side, one) for (what, side, _), one in zip(probes * _REPEATS, measured, strict=True)]
    )
    return MemoryRun((_cache_claim(table, sizes), _process_claim(table, n, len(log))), table)


def _row(what: str, side: str, measured: Measured[int]) -> dict[str, object]:
    return {"what": what, "side": side, "start": measured.start_bytes, "peak": measured.peak_bytes}


def _repeats(table: pd.DataFrame, what: str, side: str, *, growth: bool) -> np.ndarray:
    rows = table[(table["what"] == what) & (table["side"] == side)]
    values: np.ndarray = (rows["peak"] - rows["start"] if growth else rows["peak"]).to_numpy(dtype=float)
    return values


def _cache_claim(table: pd.DataFrame, sizes: list[int]) -> Claim:
    before, after = (_repeats(table, "cache", side, growth=True) for side in ("baseline", "gymlab"))
    return judge(
        "memory",
        [reduction(b, a) for b, a in zip(before, after, strict=True)],
        f"distances of a log growing over {', '.join(map(str, sizes))} windows: {np.median(before) / 1e6:.1f} MB in "
        f"a dictionary by position with the matrix made from it, {np.median(after) / 1e6:.1f} MB as matrices keyed by content",
        "nothing was evicted for this: the saving is that of the layout; the byte budget is what bounds it beyond",
    )


def _process_claim(table: pd.DataFrame, windows: int, actions: int) -> Claim:
    before, after = (_repeats(table, "whole way", side, growth=False) for side in ("baseline", "gymlab"))
    return judge(
        "overall_memory",
        [reduction(b, a) for b, a in zip(before, after, strict=True)],
        f"{windows:,} windows of {actions:,} actions: the process peaks at {np.median(before) / 1e6:.0f} MB in the "
        f"baseline and {np.median(after) / 1e6:.0f} MB in gymlab, Python and libraries included",
        "the baseline looks its distances up instead of computing them, which holds the same memory in less time",
    )
