"""The choice of a strategy for a log: an estimate of memory and time, made before the work, and the reason."""

from dataclasses import dataclass

import numpy as np

from gymlab.actions.windows import Windows
from gymlab.budget import memory_budget
from gymlab.clustering import LINKAGES
from gymlab.distance.blocks import available_threads
from gymlab.errors import MemoryLimitError
from gymlab.patterns.config import ExtractionConfig

# Bytes for each pair of windows at the peak. The matrix takes 4. Most trees are built in a copy of the matrix;
# single linkage and the methods without a tree need O(n) more. The strategy "selective" copies the matrix to find
# the largest selected distance, and holds three int64 for each selected pair.
_BYTES_A_PAIR = dict.fromkeys(LINKAGES, 8) | dict.fromkeys(("single", "dbscan", "hdbscan", "kmedoids"), 4)
_SELECTING, _SELECTED = 9, 24

# Bytes for each pair of a sample: its matrix, and twice the matrix of four fifths of it, to measure the agreement.
_BYTES_A_SAMPLED_PAIR = 10

# Nanoseconds: for each cell and thread, for each channel of a cell, and for each pair while a tree is built. They are
# about twice what was measured, so that the estimate also holds on a slower machine.
_NS_A_CELL, _NS_A_CELL_AND_CHANNEL = 0.06, 0.06
_NS_A_PAIR = 120.0

# "auto" computes the matrix of all pairs if it is estimated to take at most this long.
_MOST_SECONDS = 60.0

# With a larger sample the labels hardly change, but the time grows with its square.
_MOST_SAMPLED = 10_000

# A smaller sample does not represent a log.
_LEAST_SAMPLED = 50

# Bytes for each window in addition to its values, with every method.
_BYTES_A_WINDOW = 400


@dataclass(frozen=True)
class Plan:
    """The strategy that an extraction will use.

    Attributes
    ----------
    strategy
        ``exact``, ``selective``, ``baseline``, ``sampled``, ``streamed`` or ``graph``.
    sample_size
        Number of windows that are clustered: all of them, except for ``sampled``.
    estimated_bytes
        The memory that the strategy is expected to hold, without the windows.
    reason
        Why this strategy was chosen, in one sentence.
    """

    strategy: str
    sample_size: int
    estimated_bytes: int
    reason: str


def plan_extraction(windows: Windows, config: ExtractionConfig) -> Plan:
    """Choose the strategy for the windows of a log.

    Parameters
    ----------
    windows
        The windows to cluster.
    config
        The parameters. A strategy other than ``auto`` is not changed.

    Returns
    -------
    Plan

    Raises
    ------
    MemoryLimitError
        If the strategy of the configuration needs more memory than may be used; the message names what would fit.
    """
    n, limit = len(windows), memory_budget()
    if config.strategy == "baseline":
        return Plan("baseline", n, _bytes(n, 100), "as asked")
    if config.strategy == "sampled":
        return _sampled(windows, config, limit, "as asked")
    needed = _bytes(n, _bytes_a_pair(config))
    if config.distance == "soft-dtw":
        return Plan("exact", n, needed, "soft-DTW is always computed for all pairs")
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
    """Return an upper estimate of the seconds to cluster n of the windows."""
    length = float(windows.table["length"].mean())
    reach = length if config.radius is None else min(length, 2 * config.radius + 1)
    cell = _NS_A_CELL + _NS_A_CELL_AND_CHANNEL * windows.values[0].shape[1]
    threads = config.n_threads or available_threads()
    pairs = n * (n - 1) / 2
    return float(pairs * (length * reach * cell / threads + _NS_A_PAIR) / 1e9)


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:.1f} MB"
