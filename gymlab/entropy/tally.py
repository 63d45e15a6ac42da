"""Exact entropy from counts: sums in fixed point, and the checks of every stream of values.

Entropy needs the sum of c log2 c over the counts c. The sum is kept as an integer, so it does not depend on the order
or the number of the updates that led to the counts. If a value is added and removed, the sum is exactly as before.

The correction of Miller and Madow adds (m − 1) / (2N) nats to the entropy of m observed values in N actions
(G. A. Miller, "Note on the bias of information estimates", in: Information Theory in Psychology, Free Press, 1955).
Multiplied by N, the correction is the same constant for each observed value. So the first occurrence of a value
subtracts this constant from the sum, as an integer. An entropy given the situation is a difference of two such sums.
There, m − 1 becomes the number of observed pairs minus the number of observed situations: the correction of each
situation, weighted by how often it occurred.
"""

import math
import sys
from collections import deque
from collections.abc import Container, Hashable, Mapping
from typing import Generic, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.arguments import shown, whole_number
from gymlab.errors import InputError

V = TypeVar("V", bound=Hashable)

Correction = Literal["miller-madow"]

# With 48 binary places, the error of an entropy is near that of a float.
SCALE = 1 << 48

# Half a nat in bits: the correction of Miller and Madow for each value, times the number of actions.
_HALF_A_NAT = round(SCALE / (2 * math.log(2)))

# Steps up to this count are kept in a table; those of higher counts are computed.
_N_STEPS = 8192


def c_log_c(count: int) -> int:
    """Return ``count * log2(count)``, times ``SCALE``."""
    return round(count * math.log2(count) * SCALE) if count else 0


# The steps: by how much the sum grows when a value occurs once more, for each new count of this value.
_PLAIN = [0, *(c_log_c(count) - c_log_c(count - 1) for count in range(1, _N_STEPS))]
_STEPS: dict[str | None, list[int]] = {None: _PLAIN, "miller-madow": [0, -_HALF_A_NAT, *_PLAIN[2:]]}


def steps_of(correction: Correction | None) -> list[int]:
    """Return the table of steps of a correction.

    Raises
    ------
    InputError
        If the correction is not known.
    """
    if correction is not None and (not isinstance(correction, str) or correction != "miller-madow"):
        raise InputError(f"correction is {shown(correction)}; give 'miller-madow' or None")
    return _STEPS[correction]


def step(steps: list[int], count: int) -> int:
    """Return by how much the sum grows when a value reaches a count, from the table or computed."""
    return steps[count] if count < len(steps) else c_log_c(count) - c_log_c(count - 1)


def total_of(counts: NDArray[np.int64], steps: list[int]) -> int:
    """Return the sum over counts; it is equal to the sum of the steps of all actions."""
    return sum(map(c_log_c, counts.tolist())) + int(np.count_nonzero(counts)) * steps[1]


def uniform_step(n_action_types: int) -> float:
    """Return the entropy of a uniform choice, times ``SCALE``; infinity for fewer than two action types."""
    return SCALE * math.log2(n_action_types) if n_action_types > 1 else math.inf


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
        """Count one less of a value that has a count."""
        count = self.counts.pop(value)
        if count > 1:
            self.counts[value] = count - 1
        self.n -= 1
        self.total -= step(self._steps, count)

    def replace(self, old: V, new: V) -> None:
        """Remove one value and add another, as a full window does at every action."""
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


def checked_size(name: str, size: object) -> int | None:
    """Return a size that is None or positive."""
    if size is None:
        return None
    # No deque can be longer.
    return whole_number(name, size, least=1, most=sys.maxsize, instead=", or None")


def is_known(value: V, known: Container[V]) -> bool:
    """Return whether a value is among the known values.

    Raises
    ------
    InputError
        If the value is not hashable.
    """
    try:
        return value in known
    except (TypeError, ValueError):  # numpy raises ValueError for the hash of some durations
        raise InputError(f"{shown(value)} cannot be counted: it is not hashable") from None


def require_value(value: Hashable) -> None:
    """Refuse None, NaN, NaT and NA: NaN differs from itself, so a count of it could not be found again."""
    if pd.api.types.is_scalar(value) and pd.isna(value):  # type: ignore[call-overload]
        raise InputError(f"{shown(value)} is a missing value, not an action type")


def require_room(value: Hashable, counts: Mapping[V, int], limit: int | None, leaving: V | None) -> None:
    """Refuse a new value that is missing, or for which there is no room even after the oldest value has left."""
    require_value(value)
    if limit is None or len(counts) < limit or (leaving is not None and counts.get(leaving) == 1):
        return
    raise InputError(f"{shown(value)} is a new action type, and n_action_types allows only {limit}")


def remove_latest(order: deque[V], value: V) -> None:
    """Remove the latest occurrence of a value."""
    order.reverse()
    order.remove(value)
    order.reverse()
