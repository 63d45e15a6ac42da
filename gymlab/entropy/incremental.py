"""Entropy of what agents choose, kept up to date action by action, exactly.

With counts c of N actions the entropy is (N log2 N - sum of c log2 c) / N, from sums kept as integers: after any
number of updates the result is, bit for bit, that of the same counts counted afresh.
"""

from collections import deque
from collections.abc import Hashable, Mapping
from typing import Any

from gymlab.entropy.checks import checked_size, holds, remove_latest, require_room
from gymlab.entropy.tally import SCALE, Correction, step, steps_of, unit_of
from gymlab.errors import InputError


class IncrementalEntropy:
    """Shannon entropy of a stream of intents, over all of them or over a sliding window.

    Parameters
    ----------
    window
        How many of the latest intents count; None for all. The oldest leaves by itself.
    n_intents
        How many intents the agent could choose from. With it, 0 is always the same and 1 a uniform choice among
        all of them. None to divide by the logarithm of those observed instead: then an even choice between two
        is 1 as well, whatever else there was to choose.
    correction
        ``"miller-madow"`` adds (m − 1) / (2N) nats for m observed intents in N actions, which few actions lead one
        to underestimate (Miller 1955). It may lift the normalised entropy above 1: :meth:`get_entropy` then
        returns 1 and :attr:`is_capped` says so.

    Raises
    ------
    InputError
        If a size is not positive, or the correction is not known.

    Examples
    --------
    >>> entropy = IncrementalEntropy(window=4, n_intents=4)
    >>> for intent in ["share", "share", "take", "take", "take"]:
    ...     entropy.add(intent)
    >>> entropy.counts
    {'share': 1, 'take': 3}
    >>> round(entropy.get_entropy(), 3)
    0.406
    """

    __slots__ = (
        "_counts",
        "_divisor",
        "_is_full",
        "_n",
        "_n_intents",
        "_order",
        "_steps",
        "_total",
        "_unit",
        "_whole",
        "_window",
    )

    def __init__(
        self,
        window: int | None = None,
        n_intents: int | None = None,
        *,
        correction: Correction | None = None,
    ) -> None:
        self._window = checked_size("window", window)
        self._n_intents = checked_size("n_intents", n_intents)
        self._steps = steps_of(correction)
        self._counts: dict[Hashable, int] = {}
        # The order is only needed where the oldest has to leave, which it does when one more comes in.
        self._order: deque[Hashable] = deque(maxlen=0 if window is None else self._window)
        self._is_full = False
        self._n = 0
        self._total = 0
        self._whole = 0
        # What divides the sum of one action, and of all: kept, since a logarithm costs as much as an update.
        self._unit = self._divisor = unit_of(self._n_intents or 0)

    def add_action(self, action: object) -> None:
        """Add an action by its ``action_type``.

        Parameters
        ----------
        action
            A mapping, or an object with that attribute (a table row, a namedtuple, a row of a frame).

        Raises
        ------
        InputError
            If it has no ``action_type``, or its intent cannot be added.

        Examples
        --------
        >>> entropy = IncrementalEntropy()
        >>> entropy.add_action({"action_type": "share", "agent_id": "ada"})
        >>> entropy.n_actions
        1
        """
        self.add(_intent(action))

    def remove_action(self, action: object) -> None:
        """Remove an action by its ``action_type``: the inverse of :meth:`add_action`.

        Parameters
        ----------
        action
            As for :meth:`add_action`.

        Raises
        ------
        InputError
            If there is no such action to remove.

        Examples
        --------
        >>> entropy = IncrementalEntropy()
        >>> entropy.add_action({"action_type": "share"})
        >>> entropy.remove_action({"action_type": "share"})
        >>> entropy.n_actions
        0
        """
        self.remove(_intent(action))

    def add(self, intent: Hashable) -> None:
        """Add an intent.

        Parameters
        ----------
        intent
            Anything hashable that is not missing.

        Raises
        ------
        InputError
            If it is missing or not hashable, or one more than ``n_intents`` distinct ones; nothing has changed.

        Examples
        --------
        >>> entropy = IncrementalEntropy()
        >>> entropy.add("share")
        >>> entropy.bits
        0.0
        """
        # The common case, kept short: a full window, and an intent that is in it.
        counts = self._counts
        try:
            won = counts[intent] + 1
        except (KeyError, TypeError):
            self._add_other(intent)
            return
        if not self._is_full:
            self._add_other(intent)
            return
        order = self._order
        oldest = order[0]
        order.append(intent)
        counts[intent] = won
        lost = counts[oldest]  # after the line above: the oldest may be the same intent
        if lost > 1:
            counts[oldest] = lost - 1
        else:
            self._drop(oldest)
        steps = self._steps
        try:
            self._total += steps[won] - steps[lost]
        except IndexError:
            self._total += step(steps, won) - step(steps, lost)

    def remove(self, intent: Hashable) -> None:
        """Remove an intent, in a window its latest occurrence: the inverse of :meth:`add`.

        Parameters
        ----------
        intent
            One that was added and has not left.

        Raises
        ------
        InputError
            If it is not there; nothing has changed.

        Examples
        --------
        >>> entropy = IncrementalEntropy()
        >>> entropy.add("share")
        >>> entropy.remove("share")
        >>> entropy.counts
        {}
        """
        counts = self._counts
        if not holds(counts, intent):
            raise InputError(f"{intent!r} cannot be removed: it is not among the {self._n} intents")
        if self._window is not None:
            remove_latest(self._order, intent)
            self._is_full = False
        count = counts[intent]
        self._total -= step(self._steps, count)
        if count > 1:
            counts[intent] = count - 1
        else:
            del counts[intent]
            self._rescale()
        self._whole -= step(self._steps, self._n)
        self._n -= 1
        self._divisor = (self._n or 1) * self._unit

    def get_entropy(self) -> float:
        """Return the normalised entropy, from 0 to 1; 0 when fewer than two distinct intents were seen.

        Examples
        --------
        >>> entropy = IncrementalEntropy()
        >>> entropy.add("share")
        >>> entropy.add("take")
        >>> entropy.get_entropy()
        1.0
        """
        normalised = (self._whole - self._total) / self._divisor
        # A uniform choice may come out a rounding above 1, which nobody who validates the range would accept.
        return normalised if normalised < 1.0 else 1.0  # noqa: FURB136 - calling min costs a tenth of an update

    @property
    def is_capped(self) -> bool:
        """Whether the correction would lift the normalised entropy above 1, and it is cut there."""
        # What lies within the rounding of a uniform choice is none of the correction's.
        return self._steps[1] != 0 and (self._whole - self._total) / self._divisor > 1.0 + 1e-12

    @property
    def bits(self) -> float:
        """The entropy in bits, with the correction if there is one; never capped."""
        return (self._whole - self._total) / (self._n * SCALE) if self._n else 0.0

    @property
    def n_actions(self) -> int:
        """How many intents count now."""
        return self._n

    @property
    def counts(self) -> dict[Hashable, int]:
        """How often each intent counts now: a copy."""
        return dict(self._counts)

    def _add_other(self, intent: Hashable) -> None:
        """Add an intent that is new, or to a window that still grows, or to all."""
        counts, order, steps = self._counts, self._order, self._steps
        if not holds(counts, intent):
            require_room(intent, counts, self._n_intents, order[0] if self._is_full else None)
        won = counts.get(intent, 0) + 1
        counts[intent] = won
        self._total += step(steps, won)
        if self._is_full:
            oldest = order[0]
            lost = counts[oldest]
            self._total -= step(steps, lost)
            if lost > 1:
                counts[oldest] = lost - 1
            else:
                del counts[oldest]
            order.append(intent)
            self._rescale()
            return
        order.append(intent)
        self._n += 1
        self._whole += step(steps, self._n)
        if won == 1:
            self._rescale()
        else:
            self._divisor = self._n * self._unit
        self._is_full = self._n == self._window

    def _drop(self, intent: Hashable) -> None:
        del self._counts[intent]
        self._rescale()

    def _rescale(self) -> None:
        if self._n_intents is None:
            self._unit = unit_of(len(self._counts))
        self._divisor = (self._n or 1) * self._unit


def _intent(action: Any) -> Hashable:  # noqa: ANN401 - rows of tables, frames and logs have no type in common
    try:
        if type(action) is dict or isinstance(action, Mapping):
            intent: Hashable = action["action_type"]
        else:
            intent = action.action_type
    except (KeyError, AttributeError):
        raise InputError(
            f"an action needs its action_type, which this {type(action).__name__} has not"
        ) from None
    return intent
