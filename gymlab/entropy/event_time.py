"""Entropy of what was done in the last T seconds, kept up to date action by action, exactly.

What counts is when an action happened, not when it arrived: at time t these are the actions of ``(t − T, t]``.

- The clock stands at the latest time heard of, in an action or in a reading, and never goes back. A single
  timestamp from the far future therefore empties the window; who cannot rule that out checks timestamps before.
- An action out of order takes its place by its timestamp, and leaves when it is due.
- One that arrives when its place has already left the window is not counted; ``n_late`` says how many were so.
- Memory holds what is in the window and nothing else.
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from gymlab.entropy.checks import holds, require_value
from gymlab.entropy.conditional import ConditionalEntropy
from gymlab.entropy.event_window import EventWindow, Timestamp, seconds_of
from gymlab.entropy.incremental import IncrementalEntropy
from gymlab.entropy.tally import Correction
from gymlab.errors import InputError

E = TypeVar("E", bound=IncrementalEntropy | ConditionalEntropy)


class _Timed(Generic[E]):
    """An entropy of all that it was given and not relieved of, and the window that says when that is."""

    def __init__(self, seconds: float, entropy: E) -> None:
        # What an entropy is given: an intent, or a situation and a choice.
        self._window: EventWindow[tuple[Hashable, ...]] = EventWindow(seconds)
        self._entropy = entropy
        self._put: Callable[..., None] = entropy.add
        self._take: Callable[..., None] = entropy.remove
        self._n_late = 0

    def advance(self, now: Timestamp) -> None:
        """Let the actions leave that are too old at a time; one before the clock changes nothing.

        Parameters
        ----------
        now
            Seconds, on the clock of the actions' timestamps, or a datetime with a time zone.

        Raises
        ------
        InputError
            If it is no such time.
        """
        for _, item in self._window.advance(seconds_of(now)):
            self._take(*item)

    def get_entropy(self, now: Timestamp | None = None) -> float:
        """Return the normalised entropy, from 0 to 1, at a time; None for the latest heard of.

        Raises
        ------
        InputError
            If ``now`` is no time, as in :meth:`advance`.
        """
        if now is not None:
            self.advance(now)
        return self._entropy.get_entropy()

    @property
    def is_capped(self) -> bool:
        """Whether the correction would lift the normalised entropy above 1, and it is cut there."""
        return self._entropy.is_capped

    @property
    def bits(self) -> float:
        """The entropy in bits at the latest time heard of, with the correction if there is one; never capped."""
        return self._entropy.bits

    @property
    def n_actions(self) -> int:
        """How many actions count at the latest time heard of."""
        return self._entropy.n_actions

    @property
    def n_late(self) -> int:
        """How many actions arrived too late to be counted."""
        return self._n_late

    def _add(self, item: tuple[Hashable, ...], timestamp: Timestamp) -> None:
        time = seconds_of(timestamp)
        if self._window.is_too_late(time):
            holds(set(), item)
            for value in item:
                require_value(value)
            self._n_late += 1
            return
        clock = self._window.clock
        left = self._window.advance(time)
        for _, old in left:
            self._take(*old)
        try:
            self._put(*item)
        except InputError:
            # Sums are of integers, so what left comes back without a trace.
            for at, old in left:
                self._window.push(at, old)
                self._put(*old)
            self._window.clock = clock
            raise
        self._window.push(time, item)


class TimedEntropy(_Timed[IncrementalEntropy]):
    """Shannon entropy of the intents of the last T seconds of a stream.

    Parameters
    ----------
    seconds
        T, how long an intent counts: at time t those of ``(t − T, t]``. The clock is the latest time heard of and
        never goes back; an intent out of order takes its place by its timestamp; one whose place has already left
        the window is only counted in :attr:`n_late`.
    n_intents, correction
        As for :class:`IncrementalEntropy`.

    Raises
    ------
    InputError
        If a parameter is not positive, or the correction is not known.

    Examples
    --------
    >>> entropy = TimedEntropy(seconds=10, n_intents=2)
    >>> entropy.add("share", 0.0)
    >>> entropy.add("take", 6.0)
    >>> entropy.get_entropy(), entropy.get_entropy(now=10.0)
    (1.0, 0.0)
    """

    def __init__(
        self, seconds: float, n_intents: int | None = None, *, correction: Correction | None = None
    ) -> None:
        super().__init__(seconds, IncrementalEntropy(n_intents=n_intents, correction=correction))

    def add(self, intent: Hashable, timestamp: Timestamp) -> None:
        """Add an intent that was acted on at a time, and let those leave that are too old then.

        Parameters
        ----------
        intent
            Anything hashable that is not missing.
        timestamp
            Seconds, from any start, or a datetime with a time zone.

        Raises
        ------
        InputError
            If the intent is missing or not hashable, or one more than ``n_intents`` distinct ones in the window, or
            the timestamp is no time; nothing has changed.

        Examples
        --------
        >>> entropy = TimedEntropy(seconds=10)
        >>> for intent, timestamp in [("share", 20.0), ("take", 15.0), ("take", 3.0)]:
        ...     entropy.add(intent, timestamp)
        >>> entropy.counts, entropy.n_late
        ({'share': 1, 'take': 1}, 1)
        """
        self._add((intent,), timestamp)

    @property
    def counts(self) -> dict[Hashable, int]:
        """How often each intent counts at the latest time heard of: a copy."""
        return self._entropy.counts


class TimedConditionalEntropy(_Timed[ConditionalEntropy]):
    """Entropy of the choice given the situation, of the actions of the last T seconds of a stream.

    Parameters
    ----------
    seconds
        T, as for :class:`TimedEntropy`.
    n_choices, correction
        As for :class:`ConditionalEntropy`.

    Raises
    ------
    InputError
        If a parameter is not positive, or the correction is not known.

    Examples
    --------
    >>> entropy = TimedConditionalEntropy(seconds=10, n_choices=2)
    >>> entropy.add("ally", "share", 0.0)
    >>> entropy.add("ally", "take", 6.0)
    >>> entropy.get_entropy(), entropy.get_entropy(now=10.0)
    (1.0, 0.0)
    """

    def __init__(
        self, seconds: float, n_choices: int | None = None, *, correction: Correction | None = None
    ) -> None:
        super().__init__(seconds, ConditionalEntropy(n_choices=n_choices, correction=correction))

    def add(self, situation: Hashable, choice: Hashable, timestamp: Timestamp) -> None:
        """Add what was chosen in which situation at a time, and let the actions leave that are too old then.

        Parameters
        ----------
        situation, choice
            Anything hashable that is not missing.
        timestamp
            As in :meth:`TimedEntropy.add`.

        Raises
        ------
        InputError
            As :meth:`TimedEntropy.add`; nothing has changed.

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
        """How often each pair of situation and choice counts at the latest time heard of: a copy."""
        return self._entropy.counts
