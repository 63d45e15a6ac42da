"""Exact entropy of the actions of the last T seconds, updated action by action.

The time of an action is when it happened, not when it arrived: at time t, the actions of ``(t − T, t]`` count.

- The clock shows the latest time given by an action or a reading, and never goes back. So a single timestamp from the
  far future empties the window. If that can happen in your stream, check timestamps before you add them.
- An action that arrives out of order counts by its timestamp, and is removed when it is too old.
- An action that is too old on arrival is not counted; ``n_late`` counts such actions.
- Only the actions in the window are kept in memory.
"""

import heapq
import math
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Generic, TypeGuard, TypeVar

import numpy as np

from gymlab.arguments import finite_number, shown
from gymlab.entropy.conditional import ConditionalEntropy
from gymlab.entropy.incremental import IncrementalEntropy
from gymlab.entropy.tally import Correction, is_known, require_value
from gymlab.errors import InputError
from gymlab.renamed import renamed_argument

E = TypeVar("E", bound=IncrementalEntropy | ConditionalEntropy)

Timestamp = float | datetime


class _Timed(Generic[E]):
    """An entropy of the actions of the interval ``(clock − seconds, clock]``."""

    def __init__(self, seconds: float, entropy: E) -> None:
        self._seconds = finite_number("seconds", seconds, above=0)
        self._entropy = entropy
        self._put: Callable[..., None] = entropy.add
        self._take: Callable[..., None] = entropy.remove
        self._clock = -math.inf
        # A heap of times, serial numbers and items. Adding an action that arrives late takes only logarithmic time. An
        # item is an action type, or a situation and a choice. The serial numbers prevent comparisons of items.
        self._items: list[tuple[float, int, tuple[Hashable, ...]]] = []
        self._n_pushed = 0
        self._n_late = 0

    def advance(self, now: Timestamp) -> None:
        """Move the clock to a time, and remove actions that are too old then. An earlier time changes nothing.

        Parameters
        ----------
        now
            Seconds, on the clock of the actions' timestamps, or a datetime with a time zone.

        Raises
        ------
        InputError
            If ``now`` is not such a time.
        """
        self._remove_old(_seconds_of(now))

    def get_entropy(self, now: Timestamp | None = None) -> float:
        """Return the normalised entropy, from 0 to 1, at the time ``now``, or at the time of the clock.

        Raises
        ------
        InputError
            If ``now`` is not a time, as in :meth:`advance`.
        """
        if now is not None:
            self.advance(now)
        return self._entropy.get_entropy()

    @property
    def is_capped(self) -> bool:
        """Whether the correction would lift the normalised entropy above 1, so that it is capped at 1."""
        return self._entropy.is_capped

    @property
    def bits(self) -> float:
        """The entropy in bits at the time of the clock, with the correction if there is one; never capped."""
        return self._entropy.bits

    @property
    def n_actions(self) -> int:
        """How many actions count at the time of the clock."""
        return self._entropy.n_actions

    @property
    def n_late(self) -> int:
        """How many actions arrived too late to be counted."""
        return self._n_late

    def _add(self, item: tuple[Hashable, ...], timestamp: Timestamp) -> None:
        time = _seconds_of(timestamp)
        if time <= self._clock - self._seconds:
            is_known(item, set())
            for value in item:
                require_value(value)
            self._n_late += 1
            return
        clock = self._clock
        removed = self._remove_old(time)
        try:
            self._put(*item)
        except InputError:
            # The sums are integers, so the entropy is restored exactly when the removed actions are added again.
            for at, old in removed:
                self._put(*old)
                self._push(at, old)
            self._clock = clock
            raise
        self._push(time, item)

    def _push(self, time: float, item: tuple[Hashable, ...]) -> None:
        heapq.heappush(self._items, (time, self._n_pushed, item))
        self._n_pushed += 1

    def _remove_old(self, time: float) -> list[tuple[float, tuple[Hashable, ...]]]:
        """Move the clock on, remove the actions that are too old then, and return their times and items."""
        self._clock = max(time, self._clock)
        horizon, items = self._clock - self._seconds, self._items
        removed = []
        while items and items[0][0] <= horizon:
            at, _, item = heapq.heappop(items)
            self._take(*item)
            removed.append((at, item))
        return removed


class TimedEntropy(_Timed[IncrementalEntropy]):
    """Shannon entropy of the action types of the last T seconds of a stream.

    Parameters
    ----------
    seconds
        T, how long an action counts: at time t, the actions of ``(t − T, t]``. The clock shows the latest time
        given and never goes back. An action out of order counts by its timestamp. An action that is too old on
        arrival counts only in :attr:`n_late`.
    n_action_types, correction
        As for :class:`IncrementalEntropy`. ``n_intents`` is the old name.

    Raises
    ------
    InputError
        If a parameter is not positive, or the correction is not known.

    Examples
    --------
    >>> entropy = TimedEntropy(seconds=10, n_action_types=2)
    >>> entropy.add("share", 0.0)
    >>> entropy.add("take", 6.0)
    >>> entropy.get_entropy(), entropy.get_entropy(now=10.0)
    (1.0, 0.0)
    """

    @renamed_argument("n_intents", "n_action_types")
    def __init__(
        self, seconds: float, n_action_types: int | None = None, *, correction: Correction | None = None
    ) -> None:
        super().__init__(seconds, IncrementalEntropy(n_action_types=n_action_types, correction=correction))

    def add(self, action_type: Hashable, timestamp: Timestamp) -> None:
        """Add an action that happened at a time, and remove the actions that are too old then.

        Parameters
        ----------
        action_type
            Anything hashable that is not missing.
        timestamp
            Seconds, from any start, or a datetime with a time zone.

        Raises
        ------
        InputError
            If the action type is missing or not hashable, there would be more than ``n_action_types`` distinct
            ones in the window, or the timestamp is not a time. Then nothing changes.

        Examples
        --------
        >>> entropy = TimedEntropy(seconds=10)
        >>> for action_type, timestamp in [("share", 20.0), ("take", 15.0), ("take", 3.0)]:
        ...     entropy.add(action_type, timestamp)
        >>> entropy.counts, entropy.n_late
        ({'share': 1, 'take': 1}, 1)
        """
        self._add((action_type,), timestamp)

    @property
    def counts(self) -> dict[Hashable, int]:
        """The count of each action type at the time of the clock, as a copy."""
        return self._entropy.counts


class TimedConditionalEntropy(_Timed[ConditionalEntropy]):
    """Entropy of the choice given the situation, over the actions of the last T seconds of a stream.

    Parameters
    ----------
    seconds
        T, as for :class:`TimedEntropy`.
    n_action_types, correction
        As for :class:`ConditionalEntropy`. ``n_choices`` is the old name.

    Raises
    ------
    InputError
        If a parameter is not positive, or the correction is not known.

    Examples
    --------
    >>> entropy = TimedConditionalEntropy(seconds=10, n_action_types=2)
    >>> entropy.add("ally", "share", 0.0)
    >>> entropy.add("ally", "take", 6.0)
    >>> entropy.get_entropy(), entropy.get_entropy(now=10.0)
    (1.0, 0.0)
    """

    @renamed_argument("n_choices", "n_action_types")
    def __init__(
        self, seconds: float, n_action_types: int | None = None, *, correction: Correction | None = None
    ) -> None:
        super().__init__(seconds, ConditionalEntropy(n_action_types=n_action_types, correction=correction))

    def add(self, situation: Hashable, choice: Hashable, timestamp: Timestamp) -> None:
        """Add a choice made in a situation at a time, and remove the actions that are too old then.

        Parameters
        ----------
        situation, choice
            Anything hashable that is not missing.
        timestamp
            As in :meth:`TimedEntropy.add`.

        Raises
        ------
        InputError
            As :meth:`TimedEntropy.add`.

        Examples
        --------
        >>> entropy = TimedConditionalEntropy(seconds=10)
        >>> entropy.add("ally", "share", 0.0)
        >>> entropy.n_actions
        1
        """
        self._add((situation, choice), timestamp)

    @property
    def counts(self) -> dict[tuple[Hashable, Hashable], int]:
        """The count of each pair of situation and choice at the time of the clock, as a copy."""
        return self._entropy.counts


def _seconds_of(timestamp: object) -> float:
    """Return a timestamp in seconds: a finite number unchanged, a datetime with a time zone as seconds since 1970."""
    if _is_number(timestamp):
        seconds = finite_number("timestamp", timestamp, noun="a finite number of seconds")
    elif isinstance(timestamp, datetime) and timestamp.tzinfo is not None:
        seconds = timestamp.timestamp()
    else:
        raise InputError(
            f"a timestamp is a number of seconds or a datetime with a time zone, not {shown(timestamp)}"
        )
    if not math.isfinite(seconds):
        raise InputError(f"a timestamp must be finite, not {shown(timestamp)}")
    return seconds


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(
        value, bool | np.timedelta64
    )
