"""Which strategy a log of this size gets: an estimate of memory and time before the work, a choice, and its reason."""

from dataclasses import dataclass

import numpy as np

from gymlab.actions.windows import Windows
from gymlab.budget import memory_budget
from gymlab.clustering import LINKAGES
from gymlab.distance.blocks import available_threads
from gymlab.errors import MemoryLimitError
from gymlab.patterns.config import ExtractionConfig

# Bytes a pair of windows at the peak, matrix included. A tree is built in a copy of the matrix, single linkage and
# what is not a tree in O(n); selecting needs a copy to find its border, and three int64 for each chosen pair.
_MATRIX = 4
_WITH_COPY = 8
_BYTES_A_PAIR = dict.fromkeys(LINKAGES, _WITH_COPY) | {
    "single": _MATRIX,
    "dbscan": _MATRIX,
    "hdbscan": _MATRIX,
    "kmedoids": _MATRIX,
}
_SELECTING, _SELECTED = 9, 24

# A sample's matrix, and that of four fifths of it twice, for the agreement.
_BYTES_A_SAMPLED_PAIR = 10

# About half of what was measured, so that a slower machine keeps the promise: nanoseconds a cell and a thread by
# channels, and a pair in the passes of a tree.
_NS_A_CELL, _NS_A_CELL_AND_CHANNEL = 0.06, 0.06
_NS_A_PAIR = 120.0

# "auto" computes the matrix of all pairs up to this estimate.
_MOST_SECONDS = 60.0

# Beyond it the agreement of a sample with all windows hardly rises, while its time does, by the square.
_MOST_SAMPLED = 10_000

# Fewer say nothing of the log.
_LEAST_SAMPLED = 50

# A process with its libraries, and what a window takes whatever the method, beside its values.
_BYTES_A_WINDOW = 400


@dataclass(frozen=True)
class Plan:
    """What will be done.

    Attributes
    ----------
    strategy
        ``exact``, ``selective``, ``baseline``, ``sampled``, ``streamed`` or ``graph``.
    sample_size
        How many windows are clustered: all but for ``sampled``.
    estimated_bytes
        What that holds beside the windows.
    reason
        A sentence.
    """

    strategy: str
    sample_size: int
    estimated_bytes: int
    reason: str


def plan_of(windows: Windows, config: ExtractionConfig) -> Plan:
    """Choose the strategy for some windows.

    Parameters
    ----------
    windows
        What is clustered.
    config
        Its strategy is taken as it is unless it is ``auto``.

    Returns
    -------
    Plan

    Raises
    ------
    MemoryLimitError
        If the strategy that was asked for needs more memory than there is; it names what would fit.
    """
    n, limit = len(windows), memory_budget()
    if config.strategy == "baseline":
        return Plan("baseline", n, _bytes(n, 100), "as asked")
    if config.strategy == "sampled":
        return _sampled(windows, config, limit, "as asked")
    needed = _bytes(n, _bytes_a_pair(config))
    if config.distance == "soft-dtw":
        return Plan("exact", n, needed, "soft-DTW is computed for all pairs, or not at all")
    if config.strategy != "auto":
        if needed > limit:
            fits = _fitting(limit, _bytes_a_pair(config))
            raise MemoryLimitError(
                f"{n:,} {windows.noun} make {n * (n - 1) // 2:,} pairs; clustering them by strategy {config.strategy!r} "
                f"needs about {_size(needed)} of memory and {_size(limit)} may be used, enough for {fits:,}. Choose "
                f"strategy 'auto', which needs less, a hop at least {n / max(1, fits):.1f} times as large, or a part of "
                "the log (agents, sessions)"
            )
        return Plan(config.strategy, n, needed, "as asked")
    seconds = _seconds(windows, n, config)
    if needed <= limit and seconds <= _MOST_SECONDS:
        reason = f"the matrix of all pairs takes {_size(needed)} of {_size(limit)} that may be used"
        return Plan("exact", n, needed, reason)
    why = (
        f"clustering the matrix of all pairs would take {_size(needed)} of {_size(limit)} that may be used"
        if needed > limit
        else f"the matrix of all pairs would take about {seconds:,.0f} s, and {_MOST_SECONDS:.0f} s is the limit"
    )
    return _without_matrix(windows, config, limit, why)


def _without_matrix(windows: Windows, config: ExtractionConfig, limit: int, why: str) -> Plan:
    n = len(windows)
    if config.method in {"single", "hdbscan"}:
        held = n * (_BYTES_A_WINDOW + 12 * config.min_samples)
        return Plan("streamed", n, held, f"{why}; {config.method} streams the distances instead")
    if config.method == "dbscan":
        return Plan("graph", n, n * _BYTES_A_WINDOW, f"{why}; dbscan needs the pairs within eps alone")
    return _sampled(windows, config, limit, why)


def _sampled(windows: Windows, config: ExtractionConfig, limit: int, why: str) -> Plan:
    n = len(windows)
    fits = _fitting(limit, _BYTES_A_SAMPLED_PAIR)
    size = config.sample_size
    if size is None:
        size = min(_MOST_SAMPLED, fits)
        while size > 100 and 3 * _seconds(windows, size, config) > _MOST_SECONDS:
            size = size * 9 // 10
    size = min(n, size)
    least = min(n, config.sample_size or _LEAST_SAMPLED)
    if max(size, least) > fits:
        raise MemoryLimitError(
            f"{n:,} {windows.noun} make {n * (n - 1) // 2:,} pairs; clustering a sample of {max(size, least):,} of them "
            f"needs about {_size(_bytes(max(size, least), _BYTES_A_SAMPLED_PAIR))} and {_size(limit)} may be used, "
            f"enough for {fits:,}. Choose a smaller sample_size, or a part of the log (agents, sessions)"
        )
    return Plan("sampled", size, _bytes(size, _BYTES_A_SAMPLED_PAIR) + n * _BYTES_A_WINDOW, why)


def _bytes_a_pair(config: ExtractionConfig) -> float:
    selecting = _SELECTING + _SELECTED * config.top_fraction if config.strategy == "selective" else 0
    return max(float(_BYTES_A_PAIR[config.method]), selecting)


def _bytes(n: int, a_pair: float) -> int:
    return int(n * (n - 1) // 2 * a_pair)


def _fitting(limit: int, a_pair: float) -> int:
    return int(np.sqrt(2 * limit / a_pair))


def _seconds(windows: Windows, n: int, config: ExtractionConfig) -> float:
    """Return an estimate of the time to cluster n of the windows, on the safe side."""
    length = float(windows.table["length"].mean())
    reach = length if config.radius is None else min(length, 2 * config.radius + 1)
    first = windows.values[0]
    cell = _NS_A_CELL + _NS_A_CELL_AND_CHANNEL * first.shape[1]
    threads = config.n_threads or available_threads()
    pairs = n * (n - 1) / 2
    return float(pairs * (length * reach * cell / threads + _NS_A_PAIR) / 1e9)


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:.1f} MB"
