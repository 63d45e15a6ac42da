"""Timings that can be compared: the programs take turns, and a ratio carries its spread."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ratio:
    """How many times as fast one program was as another.

    Attributes
    ----------
    median
        Ratio of the medians of all rounds.
    low, high
        Least and largest ratio of one round, in which the two ran one after the other.
    """

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return it with its spread."""
        return f"{_short(self.median)} × [{_short(self.low)}, {_short(self.high)}]"


def take_turns(jobs: Sequence[Callable[[], float]], rounds: int) -> list[tuple[float, ...]]:
    """Run every job once a round, and return what each returned, round by round.

    Each round begins with another job, so that none always runs in the wake of the same one.

    Parameters
    ----------
    jobs
        Each runs its work once and returns the seconds it took.
    rounds
        How often each runs.
    """
    seconds: list[list[float]] = [[] for _ in jobs]
    for number in range(rounds):
        for turn in range(len(jobs)):
            one = (turn + number) % len(jobs)
            seconds[one].append(jobs[one]())
    return [tuple(one) for one in seconds]


def ratio_of(rates: Sequence[float], others: Sequence[float]) -> Ratio:
    """Return how many times as large the rates are as the others, which were measured in the same rounds.

    Examples
    --------
    >>> ratio_of([10, 12, 11], [5, 4, 5])
    Ratio(median=2.2, low=2.0, high=3.0)
    """
    each = np.asarray(rates) / np.asarray(others)
    return Ratio(float(np.median(rates) / np.median(others)), float(each.min()), float(each.max()))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
