"""What an extraction did, and what it took."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ExtractionStats:
    """What an extraction did and took.

    Attributes
    ----------
    strategy
        The one that ran: ``exact``, ``selective``, ``sampled`` or ``baseline``; ``streamed`` and ``graph`` are
        the ways of ``single`` and ``hdbscan``, and of ``dbscan``, that need no matrix.
    reason
        Why this one, in a sentence.
    actions, windows
        How many there were.
    pairs
        Pairs of windows.
    pruned
        Pairs whose DTW was not computed.
    coverage
        Share of the actions that lie in a window.
    noise
        Windows of no pattern.
    agreement
        For ``sampled``: adjusted Rand index that is to be expected between these labels and those of ``exact``;
        None elsewhere.
    estimated_bytes
        What the chosen strategy was expected to hold, estimated before the work.
    stages
        Seconds of each stage, by name.
    seconds
        Seconds in all.
    peak_bytes
        The most memory that this process has held so far, as the operating system counts it.
    compiling
        Seconds of all that went into compiling kernels; later processes load these from the disk.
    """

    strategy: str
    reason: str
    actions: int
    windows: int
    pairs: int
    pruned: int
    coverage: float
    noise: int
    agreement: float | None
    estimated_bytes: int
    stages: Mapping[str, float] = field(hash=False)
    seconds: float
    peak_bytes: int
    compiling: float = 0.0
