"""Exact Shannon entropy of a stream of action types, updated action by action.

With counts c of N actions the entropy is (N log2 N - sum of c log2 c) / N. The sums are integers, so after any number
of updates the result is equal, bit for bit, to the result of a new count of the same actions.
"""

from collections import deque
from collections.abc import Hashable, Mapping
from time import perf_counter
from typing import Any

from gymlab.entropy.tally import (
    SCALE,
    Correction,
    checked_size,
    is_known,
    remove_latest,
    require_room,
    step,
    steps_of,
    uniform_step,
)
from gymlab.errors import InputError
from gymlab.events import ENTROPIES
from gymlab.renamed import renamed_argument


class IncrementalEntropy:
    """Shannon entropy of a stream of action types, over all actions or over a sliding window.

    Parameters
    ----------
    window
        How many of the latest actions count; None for all. In a full window, each new action replaces the oldest one.
    n_action_types
        How many action types the agent could choose from. With it, an entropy of 0 means that the agent always chooses
        the same action type, and 1 means a uniform choice among all action types. If None, the entropy is divided by
        the logarithm of the number of observed action types instead. Then an even choice between two gives 1, even if
        there were more to choose from. ``n_intents`` is the old name.
    correction
        ``"miller-madow"`` adds (m − 1) / (2N) nats for m observed action types in N actions, because the entropy of few
        actions is underestimated (Miller 1955). The correction may lift the normalised entropy above 1. Then
        :meth:`get_entropy` returns 1 and :attr:`is_capped` is true.

    Raises
    ------
    InputError
        If a size is not positive, or the correction is not known.

    Examples
    --------
    >>> entropy = IncrementalEntropy(window=4, n_action_types=4)
    >>> for action_type in ["share", "share", "take", "take", "take"]:
    ...     entropy.add(action_type)
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
        "_n_action_types",
        "_order",
        "_steps",
        "_total",
        "_uniform",
        "_whole",
        "_window",
    )

    @renamed_argument("n_intents", "n_action_types")
    def __init__(
        self,
        window: int | None = None,
        n_action_types: int | None = None,
        *,
        correction: Correction | None = None,
    ) -> None:
        self._window = checked_size("window", window)
        self._n_action_types = checked_size("n_action_types", n_action_types)
        self._steps = steps_of(correction)
        self._counts: dict[Hashable, int] = {}
        # The order is needed only with a window, to know the oldest action.
        self._order: deque[Hashable] = deque(maxlen=0 if window is None else self._window)
        self._is_full = False
        self._n = 0
        self._total = 0
        self._whole = 0
        # The divisors of the sum for one action and for all actions. They are kept because a logarithm costs as much
        # as an update.
        self._uniform = self._divisor = uniform_step(self._n_action_types or 0)

    def add_action(self, action: object) -> None:
        """Add an action by its ``action_type``.

        Parameters
        ----------
        action
            A mapping, or an object with the attribute ``action_type`` (a table row, a namedtuple, a row of a frame).

        Raises
        ------
        InputError
            If it has no ``action_type``, or the action type cannot be added.

        Examples
        --------
        >>> entropy = IncrementalEntropy()
        >>> entropy.add_action({"action_type": "share", "agent_id": "ada"})
        >>> entropy.n_actions
        1
        """
        self.add(_action_type(action))

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
        self.remove(_action_type(action))

    def add(self, action_type: Hashable) -> None:
        """Add an action of this type.

        Parameters
        ----------
        action_type
            Anything hashable that is not missing.

        Raises
        ------
        InputError
            If it is missing or not hashable, or there would be more than ``n_action_types`` distinct action types. Then
            nothing changes.

        Examples
        --------
        >>> entropy = IncrementalEntropy()
        >>> entropy.add("share")
        >>> entropy.bits
        0.0
        """
        # The common case, kept short: a full window, and an action type that is in it.
        counts = self._counts
        try:
            won = counts[action_type] + 1
        except (KeyError, TypeError):
            self._add_other(action_type)
            return
        if not self._is_full:
            self._add_other(action_type)
            return
        order = self._order
        oldest = order[0]
        order.append(action_type)
        counts[action_type] = won
        lost = counts[oldest]  # after the line above: the oldest may be of the same type
        if lost > 1:
            counts[oldest] = lost - 1
        else:
            del counts[oldest]
            self._rescale()
        steps = self._steps
        try:
            self._total += steps[won] - steps[lost]
        except IndexError:
            self._total += step(steps, won) - step(steps, lost)

    def remove(self, action_type: Hashable) -> None:
        """Remove an action of this type; from a window, the latest one. This is the inverse of :meth:`add`.

        Parameters
        ----------
        action_type
            The type of an action that was added and still counts.

        Raises
        ------
        InputError
            If there is no such action. Then nothing changes.

        Examples
        --------
        >>> entropy = IncrementalEntropy()
        >>> entropy.add("share")
        >>> entropy.remove("share")
        >>> entropy.counts
        {}
        """
        counts = self._counts
        if not is_known(action_type, counts):
            raise InputError(f"{action_type!r} cannot be removed: it is not among the {self._n} actions")
        if self._window is not None:
            remove_latest(self._order, action_type)
            self._is_full = False
        count = counts[action_type]
        self._total -= step(self._steps, count)
        if count > 1:
            counts[action_type] = count - 1
        else:
            del counts[action_type]
            self._rescale()
        self._whole -= step(self._steps, self._n)
        self._n -= 1
        self._divisor = (self._n or 1) * self._uniform

    def get_entropy(self) -> float:
        """Return the normalised entropy, from 0 to 1; 0 for fewer than two distinct action types.

        Examples
        --------
        >>> entropy = IncrementalEntropy()
        >>> entropy.add("share")
        >>> entropy.add("take")
        >>> entropy.get_entropy()
        1.0
        """
        start = perf_counter() if ENTROPIES.on else None
        normalised = (self._whole - self._total) / self._divisor
        if start is not None:
            ENTROPIES.add(1, perf_counter() - start)
        # The value of a uniform choice may exceed 1 because of rounding.
        return normalised if normalised < 1.0 else 1.0  # noqa: FURB136 - calling min costs a tenth of an update

    @property
    def is_capped(self) -> bool:
        """Whether the correction would lift the normalised entropy above 1, so that it is capped at 1."""
        # The value of a uniform choice may exceed 1 because of rounding, without a correction that lifts it.
        return self._steps[1] != 0 and (self._whole - self._total) / self._divisor > 1.0 + 1e-12

    @property
    def bits(self) -> float:
        """The entropy in bits, with the correction if there is one; never capped."""
        return (self._whole - self._total) / (self._n * SCALE) if self._n else 0.0

    @property
    def n_actions(self) -> int:
        """How many actions count now."""
        return self._n

    @property
    def counts(self) -> dict[Hashable, int]:
        """The current count of each action type, as a copy."""
        return dict(self._counts)

    def _add_other(self, action_type: Hashable) -> None:
        """Add an action of a new type, or any action while the window is not full or if there is no window."""
        counts, order, steps = self._counts, self._order, self._steps
        if not is_known(action_type, counts):
            require_room(action_type, counts, self._n_action_types, order[0] if self._is_full else None)
        won = counts.get(action_type, 0) + 1
        counts[action_type] = won
        self._total += step(steps, won)
        if self._is_full:
            oldest = order[0]
            lost = counts[oldest]
            self._total -= step(steps, lost)
            if lost > 1:
                counts[oldest] = lost - 1
            else:
                del counts[oldest]
            order.append(action_type)
            self._rescale()
            return
        order.append(action_type)
        self._n += 1
        self._whole += step(steps, self._n)
        if won == 1:
            self._rescale()
        else:
            self._divisor = self._n * self._uniform
        self._is_full = self._n == self._window

    def _rescale(self) -> None:
        if self._n_action_types is None:
            self._uniform = uniform_step(len(self._counts))
        self._divisor = (self._n or 1) * self._uniform


def _action_type(action: Any) -> Hashable:  # noqa: ANN401 - rows of tables, frames and logs have no type in common
    try:
        is_mapping = type(action) is dict or isinstance(action, Mapping)
        found: Hashable = action["action_type"] if is_mapping else action.action_type
    except (KeyError, AttributeError):
        raise InputError(f"an action needs an action_type; this {type(action).__name__} has none") from None
    return found
