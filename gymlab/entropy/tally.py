"""Counts in fixed point: adding and removing cancel without a trace.

Entropy needs the sum of c log2 c over the counts c. As a sum of integers it does not depend on the order, or the
number, of the updates that led to the counts.

With the correction of Miller and Madow the entropy of m observed values in N actions grows by (m − 1) / (2N) nats
(G. A. Miller, "Note on the bias of information estimates", in: Information Theory in Psychology, Free Press, 1955).
Times N that is a constant for each value observed, so it is one more integer in the same sum: the first occurrence
of a value takes it off. An entropy given the situation is a difference of two such sums, and m − 1 becomes the
number of observed pairs less the number of observed situations: each situation's own correction, weighted by how
often it occurred.
"""

import math
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from gymlab.arguments import shown
from gymlab.errors import InputError

V = TypeVar("V")

Correction = Literal["miller-madow"]

# 48 binary places: the error of an entropy stays near that of a float.
SCALE = 1 << 48

# Half a nat in bits: what Miller and Madow's correction adds for each value, times the number of actions.
_HALF_A_NAT = round(SCALE / (2 * math.log(2)))

# Steps are tabled up to this count. Bounded: for higher counts they are computed.
_N_STEPS = 8192


def c_log_c(count: int) -> int:
    """Return ``count * log2(count)``, times ``SCALE``."""
    return round(count * math.log2(count) * SCALE) if count else 0


# What one more of the same adds to the sum, by its new count.
_PLAIN = [0, *(c_log_c(count) - c_log_c(count - 1) for count in range(1, _N_STEPS))]
_STEPS: dict[str | None, list[int]] = {None: _PLAIN, "miller-madow": [0, -_HALF_A_NAT, *_PLAIN[2:]]}


def steps_of(correction: Correction | None) -> list[int]:
    """Return the table of steps, and refuse a correction that is not known."""
    if correction is not None and (not isinstance(correction, str) or correction != "miller-madow"):
        raise InputError(f"correction is {shown(correction)}; give 'miller-madow' or None")
    return _STEPS[correction]


def step(steps: list[int], count: int) -> int:
    """Return what one more of the same adds, in the table or beyond it."""
    return steps[count] if count < len(steps) else c_log_c(count) - c_log_c(count - 1)


def total_of(counts: NDArray[np.int64], steps: list[int]) -> int:
    """Return the sum over counts that adding one action after the other would have led to."""
    return sum(map(c_log_c, counts.tolist())) + int(np.count_nonzero(counts)) * steps[1]


def unit_of(n_choices: int) -> float:
    """Return what divides the sum of one action so that a uniform choice is 1; infinite where there is no choice."""
    return SCALE * math.log2(n_choices) if n_choices > 1 else math.inf


class Tally(Generic[V]):
    """Counts of values, their number ``n``, and ``total``, the sum of c log2 c over them."""

    __slots__ = ("_steps", "counts", "n", "total")

    def __init__(self, steps: list[int]) -> None:
        self._steps = steps
        self.counts: dict[V, int] = {}
        self.n = 0
        self.total = 0

    def add(self, value: V) -> None:
        """Count one more."""
        count = self.counts.get(value, 0) + 1
        self.counts[value] = count
        self.n += 1
        self.total += step(self._steps, count)

    def remove(self, value: V) -> None:
        """Count one less of a value that is there."""
        count = self.counts.pop(value)
        if count > 1:
            self.counts[value] = count - 1
        self.n -= 1
        self.total -= step(self._steps, count)

    def replace(self, old: V, new: V) -> None:
        """Remove one and add another: what a full window does at every action."""
        if old == new:
            return
        counts, steps = self.counts, self._steps
        lost, won = counts[old], counts.get(new, 0) + 1
        counts[new] = won
        if lost > 1:
            counts[old] = lost - 1
        else:
            del counts[old]
        try:
            self.total += steps[won] - steps[lost]
        except IndexError:
            self.total += step(steps, won) - step(steps, lost)
