"""Entropy of a stream: counted anew after each action, and incrementally."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gymlab.entropy import IncrementalEntropy
from gymlab.patterns.baseline import entropies_from_scratch
from gymlab.patterns.result import Extraction
from gymlab.workbench.claims import Claim, judge, reduction
from gymlab.workbench.measure.sublog import require_measurable

_WINDOW = 1_000
_FROM_SCRATCH_UPDATES = 300
_UPDATES = 20_000
_REPEATS = 6


@dataclass(frozen=True)
class EntropyRun:
    """The claim ``entropy``."""

    claims: tuple[Claim, ...]


def measure_entropy(extraction: Extraction) -> EntropyRun:
    """Time both on the log's stream of choices: seconds an action, each followed by a read.

    Parameters
    ----------
    extraction
        Of the log; its action types are the stream.

    Returns
    -------
    EntropyRun
    """
    require_measurable(extraction)
    intents = extraction.actions["action_type"].tolist()
    window = min(_WINDOW, max(2, len(intents) // 2))
    stream = list(itertools.islice(itertools.cycle(intents), window + _UPDATES))
    before, after = [], []
    for _ in range(_REPEATS):
        before.append(_from_scratch(stream[: window + _FROM_SCRATCH_UPDATES], window))
        after.append(_incremental(stream, window))
    repeated = " (the log repeated)" if len(intents) < len(stream) else ""
    claim = judge(
        "entropy",
        [reduction(b, a) for b, a in zip(before, after, strict=True)],
        f"window of {window:,} actions{repeated}: {1 / np.median(before):,.0f} updates with a read a second when "
        f"counted anew, {1 / np.median(after):,.0f} incrementally",
    )
    return EntropyRun((claim,))


def _from_scratch(stream: list[str], window: int) -> float:
    """Return seconds an update once the window is full."""
    start = 0.0

    def watched() -> Iterator[str]:
        nonlocal start
        yield from stream[:window]
        start = time.perf_counter()
        yield from stream[window:]

    entropies_from_scratch(watched(), window)
    return (time.perf_counter() - start) / (len(stream) - window)


def _incremental(stream: list[str], window: int) -> float:
    entropy = IncrementalEntropy(window=window)
    for intent in stream[:window]:
        entropy.add(intent)
    start = time.perf_counter()
    for intent in stream[window:]:
        entropy.add(intent)
        entropy.get_entropy()
    return (time.perf_counter() - start) / (len(stream) - window)
