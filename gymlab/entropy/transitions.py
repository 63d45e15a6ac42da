"""Entropy of the next choice given the last, kept up to date choice by choice, exactly."""

from collections.abc import Hashable

from gymlab.entropy.checks import holds, require_value
from gymlab.entropy.conditional import ConditionalEntropy
from gymlab.entropy.tally import Correction


class TransitionEntropy:
    """Entropy of the next choice given the last: how far what an agent just did leaves open what it does next.

    An agent that goes round in a circle scores 0, however evenly it spreads its choices.

    Parameters
    ----------
    window
        How many of the latest transitions count, those of all series together; None for all.
    n_choices
        How many choices there are to choose from; None to normalise by those that were a next one.
    correction
        As for :class:`ConditionalEntropy`, the last choice being the situation.

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

    def __init__(
        self,
        window: int | None = None,
        n_choices: int | None = None,
        *,
        correction: Correction | None = None,
    ) -> None:
        self._entropy = ConditionalEntropy(window, n_choices, correction=correction)
        self._last: dict[Hashable, Hashable] = {}

    def add(self, choice: Hashable, series: Hashable = None) -> None:
        """Add a choice: the next one of its series, or the first, which is no transition yet.

        Parameters
        ----------
        choice
            Anything hashable that is not missing.
        series
            To which series it belongs. One choice is kept for each until :meth:`end`.

        Raises
        ------
        InputError
            If the choice is missing, or one of the two is not hashable, or it is one choice more than
            ``n_choices``; nothing has changed.

        Examples
        --------
        >>> entropy = TransitionEntropy()
        >>> entropy.add("share", series="ada")
        >>> entropy.add("take", series="bob")
        >>> entropy.n_transitions
        0
        """
        if holds(self._last, series):
            self._entropy.add(self._last[series], choice)
        else:
            holds(self._last, choice)
            require_value(choice)
        self._last[series] = choice

    def end(self, series: Hashable = None) -> None:
        """End a series: its transitions go on counting, its last choice is forgotten. No such series is no error.

        Examples
        --------
        >>> entropy = TransitionEntropy()
        >>> entropy.add("share")
        >>> entropy.end()
        >>> entropy.add("take")
        >>> entropy.n_transitions
        0
        """
        if holds(self._last, series):
            del self._last[series]

    def get_entropy(self) -> float:
        """Return the normalised entropy, from 0 (the last choice decides) to 1 (the next one is open).

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
    def n_transitions(self) -> int:
        """How many transitions count now."""
        return self._entropy.n_actions

    @property
    def n_series(self) -> int:
        """How many series have not ended."""
        return len(self._last)

    @property
    def counts(self) -> dict[tuple[Hashable, Hashable], int]:
        """How often each pair of a choice and the next one counts now: a copy."""
        return self._entropy.counts
