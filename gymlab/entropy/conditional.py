"""Entropy of the choice given the situation, kept up to date action by action, exactly."""

from collections import deque
from collections.abc import Hashable

from gymlab.entropy.checks import (
    checked_size,
    holds,
    remove_latest,
    require_room,
    require_value,
)
from gymlab.entropy.tally import SCALE, Correction, Tally, steps_of, unit_of
from gymlab.errors import InputError


class ConditionalEntropy:
    """Entropy of the choice given the situation: how far an agent's situation leaves its choice open.

    An agent that always does the same in the same situation scores 0, however much its situations vary.

    Parameters
    ----------
    window
        How many of the latest actions count; None for all.
    n_choices
        How many choices there are to choose from; None to normalise by those observed.
    correction
        ``"miller-madow"`` adds (m − k) / (2N) nats for m observed pairs of situation and choice, k observed
        situations and N actions: the correction of each situation's entropy, weighted by how often it occurred
        (Miller 1955). Capped as in :class:`IncrementalEntropy`.

    Raises
    ------
    InputError
        If a size is not positive, or the correction is not known.

    Examples
    --------
    >>> entropy = ConditionalEntropy()
    >>> for situation, choice in [("ally", "share"), ("foe", "take"), ("ally", "share"), ("foe", "take")]:
    ...     entropy.add(situation, choice)
    >>> entropy.bits, entropy.get_entropy()
    (0.0, 0.0)
    """

    def __init__(
        self,
        window: int | None = None,
        n_choices: int | None = None,
        *,
        correction: Correction | None = None,
    ) -> None:
        self._window = checked_size("window", window)
        self._n_choices = checked_size("n_choices", n_choices)
        steps = steps_of(correction)
        self._is_corrected = correction is not None
        self._situations: Tally[Hashable] = Tally(steps)
        self._choices: Tally[Hashable] = Tally(steps)
        self._pairs: Tally[tuple[Hashable, Hashable]] = Tally(steps)
        self._order: deque[tuple[Hashable, Hashable]] = deque(maxlen=0 if window is None else self._window)

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
        pair = situation, choice
        order = self._order
        is_full = len(order) == self._window
        # A pair that is there has nothing that could be refused.
        if not holds(self._pairs.counts, pair):
            self._require_room(situation, choice, order[0] if is_full else None)
        if is_full:
            oldest = order[0]
            order.append(pair)
            if oldest != pair:
                self._pairs.replace(oldest, pair)
                self._situations.replace(oldest[0], situation)
                self._choices.replace(oldest[1], choice)
            return
        order.append(pair)
        self._situations.add(situation)
        self._choices.add(choice)
        self._pairs.add(pair)

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
        if self._window is not None:
            remove_latest(self._order, pair)
        self._situations.remove(situation)
        self._choices.remove(choice)
        self._pairs.remove(pair)

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
        return min(self._normalised(), 1.0)

    @property
    def is_capped(self) -> bool:
        """Whether the correction would lift the normalised entropy above 1, and it is cut there."""
        # What lies within the rounding of a uniform choice is none of the correction's.
        return self._is_corrected and self._normalised() > 1.0 + 1e-12

    @property
    def bits(self) -> float:
        """The conditional entropy in bits, with the correction if there is one; never capped."""
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

    def _normalised(self) -> float:
        divisor = (self._pairs.n or 1) * unit_of(self._n_choices or len(self._choices.counts))
        return (self._situations.total - self._pairs.total) / divisor

    def _require_room(
        self, situation: Hashable, choice: Hashable, leaving: tuple[Hashable, Hashable] | None
    ) -> None:
        """Refuse a pair that cannot be counted, before anything has changed."""
        require_value(situation)
        if choice not in self._choices.counts:
            left = None if leaving is None else leaving[1]
            require_room(choice, self._choices.counts, self._n_choices, left)
