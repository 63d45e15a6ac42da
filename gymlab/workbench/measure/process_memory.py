"""The claims about memory. It is measured in new processes, as the operating system counts it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from gymlab.clustering.condensed import part_of_matrix
from gymlab.patterns.pipeline import extract_patterns
from gymlab.patterns.result import Extraction
from gymlab.runtime.memory import measure_in_fresh_process
from gymlab.workbench.claims import Claim, ClaimRun, judge, reduction
from gymlab.workbench.measure.sublog import dense_config, first_windows, matrix_of, require_measurable
from gymlab.workbench.probes import baseline_way, caches, gymlab_way

# With fewer windows, the libraries take most of the memory. The figures of caches do not include the libraries.
_WINDOWS, _CACHED_WINDOWS = 2_000, 1_000
_REPEATS = 3
_LEAST_WINDOWS = 300
# The number of processes that run at the same time.
_AT_ONCE = 2


@dataclass(frozen=True, eq=False)
class MemoryRun(ClaimRun):
    """The memory of each process.

    Attributes
    ----------
    table
        One row for each process: ``what``, ``side``, ``start`` (bytes resident when the work began), ``peak``.
    claims
        ``memory`` and ``overall_memory``.
    """

    table: pd.DataFrame


def measure_memory(extraction: Extraction, *, seed: int = 0) -> MemoryRun:
    """Run the baseline and gymlab in separate processes, on the same windows.

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
    fresh = measure_in_fresh_process
    probes = [
        ("cache", "baseline", partial(fresh, caches.fill_dictionary, sizes, kept)),
        ("cache", "gymlab", partial(fresh, caches.fill_cache, sizes, kept)),
        ("whole way", "baseline", partial(fresh, baseline_way.whole_way, n, condensed, action_types)),
        ("whole way", "gymlab", partial(fresh, gymlab_way.whole_way, log, config)),
    ]
    # Other work on the processors does not change the memory of a process.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        measured = list(pool.map(lambda probe: probe[2](), probes * _REPEATS))
    table = pd.DataFrame(
        {"what": what, "side": side, "start": one.start_bytes, "peak": one.peak_bytes}
        for (what, side, _), one in zip(probes * _REPEATS, measured, strict=True)
    )
    return MemoryRun((_cache_claim(table, sizes), _process_claim(table, n, len(log))), table)


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
        "no entry was evicted, so the saving is that of the layout; the byte budget bounds larger caches",
    )


def _process_claim(table: pd.DataFrame, windows: int, actions: int) -> Claim:
    before, after = (_repeats(table, "whole way", side, growth=False) for side in ("baseline", "gymlab"))
    return judge(
        "overall_memory",
        [reduction(b, a) for b, a in zip(before, after, strict=True)],
        f"{windows:,} windows of {actions:,} actions: the process peaks at {np.median(before) / 1e6:.0f} MB in the "
        f"baseline and {np.median(after) / 1e6:.0f} MB in gymlab, Python and libraries included",
        "the baseline looks up its distances instead of computing them, which takes less time and the same memory",
    )
