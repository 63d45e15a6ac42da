"""Entropy of whole columns."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gymlab.arguments import shown
from gymlab.entropy.tally import SCALE, Correction, c_log_c, steps_of, total_of
from gymlab.errors import InputError

Codes = NDArray[np.int64]


def entropy_bits(values: ArrayLike, *, correction: Correction | None = None) -> float:
    """Return the Shannon entropy of the values, in bits.

    Parameters
    ----------
    values
        One-dimensional: a list, an array or a Series of anything hashable that is not missing.
    correction
        ``"miller-madow"`` adds (m − 1) / (2n) nats for m distinct ones of n values (Miller 1955).

    Returns
    -------
    float
        The same, bit for bit, as :attr:`IncrementalEntropy.bits` of these values. 0 for none.

    Raises
    ------
    InputError
        If it is no collection in an order or not one-dimensional, a value is missing, or the correction is not
        known.

    Examples
    --------
    >>> entropy_bits(["share", "take", "share", "take"])
    1.0
    """
    steps = steps_of(correction)
    codes, distinct = codes_of("values", values)
    if not len(codes):
        return 0.0
    whole = c_log_c(len(codes)) + steps[1]
    return (whole - total_of(np.bincount(codes, minlength=distinct), steps)) / (len(codes) * SCALE)


def conditional_entropy_bits(
    situations: ArrayLike, choices: ArrayLike, *, correction: Correction | None = None
) -> float:
    """Return the entropy of the choices given the situations, in bits.

    Parameters
    ----------
    situations, choices
        One-dimensional and of equal length, as for :func:`entropy_bits`.
    correction
        ``"miller-madow"`` adds (m − k) / (2n) nats for m distinct pairs, k distinct situations and n choices.

    Returns
    -------
    float
        The same, bit for bit, as :attr:`ConditionalEntropy.bits` of these pairs. 0 for none.

    Raises
    ------
    InputError
        If they differ in length, are not one-dimensional, a value is missing, or the correction is not known.

    Examples
    --------
    >>> conditional_entropy_bits(["ally", "foe", "ally", "foe"], ["share", "take", "share", "take"])
    0.0
    """
    groups, choice_codes, n_choices = paired_codes("situations", situations, choices)
    return _conditional_bits(groups, groups * n_choices + choice_codes, correction)


def transition_entropy_bits(
    choices: ArrayLike, series: ArrayLike | None = None, *, correction: Correction | None = None
) -> float:
    """Return the entropy of the next choice given the last, in bits: what is left open by what was just done.

    Parameters
    ----------
    choices
        In the order of time, as for :func:`entropy_bits`.
    series
        To which series each choice belongs; those of one need not stand together. None for a single series.
        A choice is never taken for the next one of another series.
    correction
        As for :func:`conditional_entropy_bits`, the last choice being the situation.

    Returns
    -------
    float
        The same, bit for bit, as :attr:`TransitionEntropy.bits` of these choices. 0 without a transition.

    Raises
    ------
    InputError
        As :func:`conditional_entropy_bits`.

    Examples
    --------
    >>> transition_entropy_bits(["share", "take", "share", "take", "share"])
    0.0
    >>> transition_entropy_bits(["share", "take", "share", "share"], series=["a", "a", "b", "b"])
    1.0
    """
    if series is None:
        codes, n_choices = codes_of("choices", choices)
        last, following = codes[:-1], codes[1:]
    else:
        series_codes, codes, n_choices = paired_codes("series", series, choices)
        order = np.argsort(series_codes, kind="stable")
        series_codes, codes = series_codes[order], codes[order]
        together = series_codes[1:] == series_codes[:-1]
        last, following = codes[:-1][together], codes[1:][together]
    return _conditional_bits(last, last * n_choices + following, correction)


def codes_of(name: str, values: ArrayLike) -> tuple[Codes, int]:
    """Return the values as integers from 0, and how many are distinct."""
    if not isinstance(values, Iterable) or isinstance(
        values, (str, bytes, Mapping, AbstractSet, pd.DataFrame)
    ):
        raise InputError(f"{name} is {shown(values)}; give a list, an array or a Series")
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
    return codes.astype(np.int64, copy=False), len(distinct)


def paired_codes(name: str, situations: ArrayLike, choices: ArrayLike) -> tuple[Codes, Codes, int]:
    """Return situations and choices as integers from 0, and how many of the choices are distinct."""
    groups, _ = codes_of(name, situations)
    codes, n_choices = codes_of("choices", choices)
    if len(groups) != len(codes):
        raise InputError(f"{len(groups)} {name} and {len(codes)} choices do not pair up")
    return groups, codes, n_choices


def _conditional_bits(groups: Codes, pairs: Codes, correction: Correction | None) -> float:
    steps = steps_of(correction)
    if not len(pairs):
        return 0.0
    _, in_group = np.unique(groups, return_counts=True)
    _, in_pair = np.unique(pairs, return_counts=True)
    return (total_of(in_group, steps) - total_of(in_pair, steps)) / (len(pairs) * SCALE)
