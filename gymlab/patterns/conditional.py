"""Entropy of the choice given the situation, kept up to date action by action, exactly."""

import math
from collections import deque
from collections.abc import Hashable

from gymlab.errors import InputError
from gymlab.patterns.tally import (
    SCALE,
    Tally,
    checked_size,
    holds,
    remove_latest,
    require_room,
    require_value,
)


class ConditionalEntropy:
    """Entropy of the choice given the situation: how far an agent's situation leaves its choice open.

    An agent that always does the same in the same situation scores 0, however much its situations vary.

    Parameters
    ----------
    window
        How many of the latest actions count; None for all.
    n_choices
        How many choices there are to choose from; None to normalise by those observed.

    Raises
    ------
    InputError
        If a parameter is not positive.

    Examples
    --------
    >>> entropy = ConditionalEntropy()
    >>> for situation, choice in [("ally", "share"), ("foe", "take"), ("ally", "share"), ("foe", "take")]:
    ...     entropy.add(situation, choice)
    >>> entropy.bits, entropy.get_entropy()
    (0.0, 0.0)
    """

    def __init__(self, window: int | None = None, n_choices: int | None = None) -> None:
        self._window = checked_size("window", window)
        self._n_choices = checked_size("n_choices", n_choices)
        self._situations: Tally[Hashable] = Tally()
        self._choices: Tally[Hashable] = Tally()
        self._pairs: Tally[tuple[Hashable, Hashable]] = Tally()
        self._order: deque[tuple[Hashable, Hashable]] | None = None if window is None else deque()

    def add(self, situation: Hashable, choice: Hashable) -> None:
        """Add an action: what was chosen in which situation.

        Parameters
        ----------
        situation, choice
            Anything hashable that is not missing.

        Raises
        ------
        InputError
            If one is missing or not hashable, or one choice more than ``n_choices``; nothing has changed.

        Examples
        --------
        >>> entropy = ConditionalEntropy()
        >>> entropy.add("ally", "share")
        >>> entropy.n_actions
        1
        """
        if not holds(self._situations.counts, situation):
            require_value(situation)
        order = self._order
        leaving = order[0] if order is not None and len(order) == self._window else None
        if not holds(self._choices.counts, choice):
            require_room(choice, self._choices, self._n_choices, None if leaving is None else leaving[1])
        if order is not None:
            order.append((situation, choice))
            if leaving is not None:
                self._forget(order.popleft())
        self._situations.add(situation)
        self._choices.add(choice)
        self._pairs.add((situation, choice))

    def remove(self, situation: Hashable, choice: Hashable) -> None:
        """Remove an action, in a window its latest occurrence: the inverse of :meth:`add`.

        Parameters
        ----------
        situation, choice
            Of an action that was added and has not left.

        Raises
        ------
        InputError
            If there is no such action; nothing has changed.

        Examples
        --------
        >>> entropy = ConditionalEntropy()
        >>> entropy.add("ally", "share")
        >>> entropy.remove("ally", "share")
        >>> entropy.n_actions
        0
        """
        pair = situation, choice
        if not holds(self._pairs.counts, pair):
            raise InputError(f"{choice!r} in {situation!r} cannot be removed: it is not among the actions")
        self._forget(pair)
        if self._order is not None:
            remove_latest(self._order, pair)

    def get_entropy(self) -> float:
        """Return the normalised entropy, from 0 (the situation decides) to 1 (the choice is open in each).

        Examples
        --------
        >>> entropy = ConditionalEntropy()
        >>> entropy.add("ally", "share")
        >>> entropy.add("ally", "take")
        >>> entropy.get_entropy()
        1.0
        """
        n_choices = self._n_choices or len(self._choices.counts)
        return min(self.bits / math.log2(n_choices), 1.0) if n_choices > 1 else 0.0

    @property
    def bits(self) -> float:
        """The conditional entropy in bits."""
        n = self._pairs.n
        return (self._situations.total - self._pairs.total) / (n * SCALE) if n else 0.0

    @property
    def n_actions(self) -> int:
        """How many actions count now."""
        return self._pairs.n

    @property
    def counts(self) -> dict[tuple[Hashable, Hashable], int]:
        """How often each pair of situation and choice counts now: a copy."""
        return dict(self._pairs.counts)

    def _forget(self, pair: tuple[Hashable, Hashable]) -> None:
        self._situations.remove(pair[0])
        self._choices.remove(pair[1])
        self._pairs.remove(pair)
