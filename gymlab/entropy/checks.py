"""What every entropy of a stream refuses, before anything has changed."""

import sys
from collections import deque
from collections.abc import Container, Hashable, Mapping
from typing import TypeVar

import pandas as pd

from gymlab.arguments import shown, whole_number
from gymlab.errors import InputError

V = TypeVar("V", bound=Hashable)


def checked_size(name: str, size: object) -> int | None:
    """Return a size that is None or positive."""
    if size is None:
        return None
    # A deque counts no further.
    return whole_number(name, size, least=1, most=sys.maxsize, instead=", or None")


def holds(known: Container[V], value: V) -> bool:
    """Tell whether a value is among those known, and refuse one that cannot be."""
    try:
        return value in known
    except (TypeError, ValueError):  # numpy has durations that it says are no hash
        raise InputError(f"{shown(value)} cannot be counted: it is not hashable") from None


def require_value(value: Hashable) -> None:
    """Refuse None, NaN, NaT and NA: NaN differs from itself, and no count of it could be found again."""
    if pd.api.types.is_scalar(value) and pd.isna(value):  # type: ignore[call-overload]
        raise InputError(f"{shown(value)} is a missing value, no intent")


def require_room(value: Hashable, counts: Mapping[V, int], limit: int | None, leaving: V | None) -> None:
    """Refuse a new value that is missing, or one too many once the oldest of a full window has left."""
    require_value(value)
    if limit is None or len(counts) < limit or (leaving is not None and counts.get(leaving) == 1):
        return
    raise InputError(f"{shown(value)} is one more than the {limit} there are to choose from")


def remove_latest(order: deque[V], value: V) -> None:
    """Remove the latest occurrence of a value that is there."""
    order.reverse()
    order.remove(value)
    order.reverse()
