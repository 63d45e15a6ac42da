"""Entropy of what agents choose: of whole columns, over time, and incrementally."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gymlab.errors import InputError
from gymlab.patterns.conditional import ConditionalEntropy
from gymlab.patterns.incremental import IncrementalEntropy
from gymlab.patterns.tally import SCALE, c_log_c, total_of

__all__ = [
    "ConditionalEntropy",
    "IncrementalEntropy",
    "conditional_entropy_bits",
    "entropy_bits",
    "entropy_over_time",
]


def entropy_bits(values: ArrayLike) -> float:
    """Return the Shannon entropy of the values, in bits.

    Parameters
    ----------
    values
        One-dimensional: a list, an array or a Series of anything hashable that is not missing.

    Returns
    -------
    float
        The same, bit for bit, as :attr:`IncrementalEntropy.bits` of these values. 0 for none.

    Raises
    ------
    InputError
        If it is not one-dimensional, or a value is missing.

    Examples
    --------
    >>> entropy_bits(["share", "take", "share", "take"])
    1.0
    """
    codes, distinct = _codes("values", values)
    if not len(codes):
        return 0.0
    return (c_log_c(len(codes)) - total_of(np.bincount(codes, minlength=distinct))) / (len(codes) * SCALE)


def conditional_entropy_bits(situations: ArrayLike, choices: ArrayLike) -> float:
    """Return the entropy of the choices given the situations, in bits.

    Parameters
    ----------
    situations, choices
        One-dimensional and of equal length, as for :func:`entropy_bits`.

    Returns
    -------
    float
        The same, bit for bit, as :attr:`ConditionalEntropy.bits` of these pairs. 0 for none.

    Raises
    ------
    InputError
        If they differ in length, are not one-dimensional, or a value is missing.

    Examples
    --------
    >>> conditional_entropy_bits(["ally", "foe", "ally", "foe"], ["share", "take", "share", "take"])
    0.0
    """
    situation_codes, n_situations = _codes("situations", situations)
    choice_codes, n_choices = _codes("choices", choices)
    if len(situation_codes) != len(choice_codes):
        raise InputError(f"{len(situation_codes)} situations and {len(choice_codes)} choices do not pair up")
    if not len(choice_codes):
        return 0.0
    _, pairs = np.unique(situation_codes * n_choices + choice_codes, return_counts=True)
    numerator = total_of(np.bincount(situation_codes, minlength=n_situations)) - total_of(pairs)
    return numerator / (len(choice_codes) * SCALE)


def entropy_over_time(choices: ArrayLike, window: int, n_intents: int | None = None) -> NDArray[np.float64]:
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

    Returns
    -------
    numpy.ndarray
        float64 ``(n,)``, each from 0 to 1; NaN until the window is full.

    Raises
    ------
    InputError
        If the window is not positive, a choice is missing, or there are more distinct ones than ``n_intents``.

    Examples
    --------
    >>> entropy_over_time(["share", "take", "take", "take"], window=2)
    array([nan,  1.,  0.,  0.])
    """
    codes, distinct = _codes("choices", choices)
    if n_intents is not None and distinct > n_intents:
        raise InputError(f"{distinct} distinct choices are more than the n_intents={n_intents} there are")
    entropy = IncrementalEntropy(window, n_intents or max(distinct, 1))
    result = np.full(len(codes), np.nan)
    for index, code in enumerate(codes.tolist()):
        entropy.add(code)
        if index >= window - 1:
            result[index] = entropy.get_entropy()
    return result


def _codes(name: str, values: ArrayLike) -> tuple[NDArray[np.int64], int]:
    """Return the values as integers from 0, and how many are distinct."""
    array = (
        values if isinstance(values, (np.ndarray, pd.Series, pd.Index)) else pd.Series(values, dtype=object)
    )
    if array.ndim != 1:
        raise InputError(f"{name} must be one-dimensional, not of {array.ndim} dimensions")
    try:
        codes, distinct = pd.factorize(array)
    except TypeError:
        raise InputError(f"{name} must be hashable") from None
    if len(codes) and codes.min() < 0:
        raise InputError(f"{name}: the value at {int(codes.argmin())} is missing")
    return codes.astype(np.int64), len(distinct)
