"""Entropy of the last choices at every choice of a column, in one call."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gymlab.entropy.arrays import Codes, codes_of, paired_codes
from gymlab.entropy.checks import checked_size
from gymlab.entropy.tally import Correction, step, steps_of, unit_of
from gymlab.errors import InputError

# Up to here a count for every pair, those that never occur too, costs less than numbering those that do.
_MOST_SPARSE_CODES = 1 << 16


def entropy_over_time(
    choices: ArrayLike,
    window: int,
    n_intents: int | None = None,
    *,
    correction: Correction | None = None,
) -> NDArray[np.float64]:
    """Return the normalised entropy of the last ``window`` choices at every choice.

    Parameters
    ----------
    choices
        In the order of time, as for :func:`entropy_bits`.
    window
        How many choices each value looks back on, itself included.
    n_intents
        How many choices there were to choose from. None for the number of distinct ones in all of ``choices``,
        so that the windows can be compared with one another.
    correction
        ``"miller-madow"`` as in :class:`IncrementalEntropy`; what it lifts above 1 is returned as 1.

    Returns
    -------
    numpy.ndarray
        float64 ``(n,)``, each from 0 to 1; NaN until the window is full. The others are, bit for bit, those of
        :meth:`IncrementalEntropy.get_entropy` with the same ``n_intents``.

    Raises
    ------
    InputError
        If the window is not positive, a choice is missing, there are more distinct ones than ``n_intents``, or the
        correction is not known.

    Examples
    --------
    >>> entropy_over_time(["share", "take", "take", "take"], window=2)
    array([nan,  1.,  0.,  0.])
    """
    codes, distinct = codes_of("choices", choices)
    n_intents = _checked_room("n_intents", n_intents, distinct)
    return _slide(np.zeros(1, dtype=np.int64), codes, window, n_intents, correction)


def conditional_entropy_over_time(
    situations: ArrayLike,
    choices: ArrayLike,
    window: int,
    n_choices: int | None = None,
    *,
    correction: Correction | None = None,
) -> NDArray[np.float64]:
    """Return the normalised entropy of the last ``window`` choices given their situations, at every choice.

    Parameters
    ----------
    situations, choices
        In the order of time and of equal length, as for :func:`conditional_entropy_bits`.
    window
        How many choices each value looks back on, itself included.
    n_choices
        How many choices there were to choose from; None for the number of distinct ones in all of ``choices``.
    correction
        ``"miller-madow"`` as in :class:`ConditionalEntropy`; what it lifts above 1 is returned as 1.

    Returns
    -------
    numpy.ndarray
        float64 ``(n,)``, each from 0 to 1; NaN until the window is full. The others are, bit for bit, those of
        :meth:`ConditionalEntropy.get_entropy` with the same ``n_choices``.

    Raises
    ------
    InputError
        As :func:`entropy_over_time`, or if situations and choices differ in length.

    Examples
    --------
    >>> conditional_entropy_over_time(list("xyxx"), list("abab"), window=2)
    array([nan,  0.,  0.,  1.])
    """
    groups, codes, distinct = paired_codes("situations", situations, choices)
    n_choices = _checked_room("n_choices", n_choices, distinct)
    pairs = groups * distinct
    pairs += codes
    if len(pairs) and pairs.max() > _MOST_SPARSE_CODES:
        pairs = pd.factorize(pairs)[0].astype(np.int64, copy=False)
    return _slide(groups, pairs, window, n_choices, correction)


def _checked_room(name: str, limit: int | None, distinct: int) -> int:
    """Return how many choices there were to choose from."""
    room = checked_size(name, limit)
    if room is not None and distinct > room:
        raise InputError(f"{distinct} distinct choices are more than the {name}={room} there are")
    return room or max(distinct, 1)


def _slide(
    groups: Codes, parts: Codes, window: int, n_choices: int, correction: Correction | None
) -> NDArray[np.float64]:
    # numba takes a third of a second to import, and a stream's entropy needs none of it.
    from gymlab.entropy.kernel import slide

    steps = steps_of(correction)
    size = checked_size("window", window)
    if size is None:
        raise InputError("window must be a positive integer, not None")
    if len(parts) < size:
        return np.full(len(parts), np.nan)
    n_groups, n_parts = int(groups.max()) + 1, int(parts.max()) + 1
    # What is in one group is at least as often as any part of it.
    highest = min(size, int(np.bincount(groups).max())) if n_groups > 1 else size
    split = [divmod(step(steps, count), 1 << 32) for count in range(highest + 1)]
    high, low = np.array(split, dtype=np.int64).T.copy()
    slid: NDArray[np.float64] = slide(
        groups, parts, n_groups, n_parts, size, high, low, size * unit_of(n_choices)
    )
    return slid
