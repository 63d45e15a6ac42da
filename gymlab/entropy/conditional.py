"""Exact entropy of the choice given the situation, and of the next choice given the last, action by action."""

from collections import deque
from collections.abc import Hashable
from time import perf_counter

from gymlab.entropy.tally import (
    SCALE,
    Correction,
    Tally,
    checked_size,
    is_known,
    remove_latest,
    require_room,
    require_value,
    steps_of,
    uniform_step,
)
from gymlab.errors import InputError
from gymlab.events import ENTROPIES
from gymlab.renamed import renamed_argument

Pair = tuple[Hashable, Hashable]


class ConditionalEntropy:
    """Entropy of the choice given the situation: how much the choice varies in the same situation.

    An agent that always makes the same choice in the same situation scores 0, even if its situations vary.

    Parameters
    ----------
    window
        How many of the latest actions count; None for all.
    n_action_types
        How many action types there are to choose from; None for the number of observed choices. ``n_choices`` is the
        old name.
    correction
        ``"miller-madow"`` adds (m − k) / (2N) nats for m observed pairs of situation and choice, k observed
        situations and N actions: the correction of each situation's entropy, weighted by how often it occurred
        (Miller 1955). The result is capped as in :class:`IncrementalEntropy`.

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

    @renamed_argument("n_choices", "n_action_types")
    def __init__(
        self,
        window: int | None = None,
        n_action_types: int | None = None,
        *,
        correction: Correction | None = None,
    ) -> None:
        self._window = checked_size("window", window)
        self._n_action_types = checked_size("n_action_types", n_action_types)
        steps = steps_of(correction)
        self._is_corrected = correction is not None
        self._situations: Tally[Hashable] = Tally(steps)
        self._choices: Tally[Hashable] = Tally(steps)
        self._pairs: Tally[Pair] = Tally(steps)
        self._order: deque[Pair] = deque(maxlen=0 if window is None else self._window)

    def add(self, situation: Hashable, choice: Hashable) -> None:
        """Add an action: a situation and the choice made in it.

        Parameters
        ----------
        situation, choice
            Anything hashable that is not missing.

        Raises
        ------
        InputError
            If one is missing or not hashable, or there would be more than ``n_action_types`` distinct choices.
            Then nothing changes.

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
        # A pair that already counts was checked when it was added.
        if not is_known(pair, self._pairs.counts):
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
        """Remove an action; from a window, the latest one. This is the inverse of :meth:`add`.

        Parameters
        ----------
        situation, choice
            The situation and the choice of an action that was added and still counts.

        Raises
        ------
        InputError
            If there is no such action. Then nothing changes.

        Examples
        --------
        >>> entropy = ConditionalEntropy()
        >>> entropy.add("ally", "share")
        >>> entropy.remove("ally", "share")
        >>> entropy.n_actions
        0
        """
        pair = situation, choice
        if not is_known(pair, self._pairs.counts):
            raise InputError(f"{choice!r} in {situation!r} cannot be removed: it is not among the actions")
        if self._window is not None:
            remove_latest(self._order, pair)
        self._situations.remove(situation)
        self._choices.remove(choice)
        self._pairs.remove(pair)

    def get_entropy(self) -> float:
        """Return the normalised entropy, from 0 to 1.

        It is 0 if the situation determines the choice, and 1 if the choice is uniformly random in each situation.

        Examples
        --------
        >>> entropy = ConditionalEntropy()
        >>> entropy.add("ally", "share")
        >>> entropy.add("ally", "take")
        >>> entropy.get_entropy()
        1.0
        """
        start = perf_counter() if ENTROPIES.on else None
        normalised = self._normalised()
        if start is not None:
            ENTROPIES.add(1, perf_counter() - start)
        return min(normalised, 1.0)

    @property
    def is_capped(self) -> bool:
        """Whether the correction would lift the normalised entropy above 1, so that it is capped at 1."""
        # The value of a uniform choice may exceed 1 because of rounding, without a correction that lifts it.
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
    def counts(self) -> dict[Pair, int]:
        """The current count of each pair of situation and choice, as a copy."""
        return dict(self._pairs.counts)

    def _normalised(self) -> float:
        divisor = (self._pairs.n or 1) * uniform_step(self._n_action_types or len(self._choices.counts))
        return (self._situations.total - self._pairs.total) / divisor

    def _require_room(self, situation: Hashable, choice: Hashable, leaving: Pair | None) -> None:
        """Refuse a pair that cannot be counted, before anything has changed."""
        require_value(situation)
        if choice not in self._choices.counts:
            left = None if leaving is None else leaving[1]
            require_room(choice, self._choices.counts, self._n_action_types, left)


class TransitionEntropy:
    """Entropy of the next choice given the last: how much the next choice varies after the same last choice.

    An agent that repeats one cycle of choices scores 0, even if it makes all choices equally often.

    Parameters
    ----------
    window
        How many of the latest transitions of all series together count; None for all.
    n_action_types
        How many action types there are to choose from; None for the number of those observed as a next choice.
        ``n_choices`` is the old name.
    correction
        As for :class:`ConditionalEntropy`; the last choice is the situation.

    Raises
    ------
    InputError
        If a size is not positive, or the correction is not known.

    Examples
    --------
    >>> entropy = TransitionEntropy()
    >>> for choice in ["share", "take", "share", "take", "share"]:
    ...     entropy.add(choice)
    >>> entropy.n_transitions, entropy.bits
    (4, 0.0)
    """

    @renamed_argument("n_choices", "n_action_types")
    def __init__(
        self,
        window: int | None = None,
        n_action_types: int | None = None,
        *,
        correction: Correction | None = None,
    ) -> None:
        self._entropy = ConditionalEntropy(window, n_action_types, correction=correction)
        self._last: dict[Hashable, Hashable] = {}

    def add(self, choice: Hashable, series: Hashable = None) -> None:
        """Add a choice of a series. The first choice of a series is no transition yet.

        Parameters
        ----------
        choice
            Anything hashable that is not missing.
        series
            The series of the choice. The last choice of each series is kept until :meth:`end` is called.

        Raises
        ------
        InputError
            If the choice is missing, choice or series is not hashable, or there would be more than
            ``n_action_types`` distinct choices. Then nothing changes.

        Examples
        --------
        >>> entropy = TransitionEntropy()
        >>> entropy.add("share", series="ada")
        >>> entropy.add("take", series="bob")
        >>> entropy.n_transitions
        0
        """
        if is_known(series, self._last):
            self._entropy.add(self._last[series], choice)
        else:
            is_known(choice, self._last)
            require_value(choice)
        self._last[series] = choice

    def end(self, series: Hashable = None) -> None:
        """End a series: its last choice is forgotten, but its transitions still count. An unknown series is ignored.

        Examples
        --------
        >>> entropy = TransitionEntropy()
        >>> entropy.add("share")
        >>> entropy.end()
        >>> entropy.add("take")
        >>> entropy.n_transitions
        0
        """
        if is_known(series, self._last):
            del self._last[series]

    def get_entropy(self) -> float:
        """Return the normalised entropy, from 0 to 1.

        It is 0 if the last choice determines the next choice, and 1 if the next choice is uniformly random.

        Examples
        --------
        >>> entropy = TransitionEntropy()
        >>> for choice in ["share", "share", "take", "take", "share"]:
        ...     entropy.add(choice)
        >>> entropy.get_entropy()
        1.0
        """
        return self._entropy.get_entropy()

    @property
    def is_capped(self) -> bool:
        """As :attr:`ConditionalEntropy.is_capped`."""
        return self._entropy.is_capped

    @property
    def bits(self) -> float:
        """The entropy in bits, with the correction if there is one; never capped."""
        return self._entropy.bits

    @property
    def counts(self) -> dict[Pair, int]:
        """The current count of each pair of a choice and the next one, as a copy."""
        return self._entropy.counts

    @property
    def n_transitions(self) -> int:
        """How many transitions count now."""
        return self._entropy.n_actions

    @property
    def n_series(self) -> int:
        """How many series have not ended."""
        return len(self._last)
