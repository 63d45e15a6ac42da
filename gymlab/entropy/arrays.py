"""Entropy of whole columns, and of a window that slides over a column."""

import functools
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from time import perf_counter
from typing import ParamSpec, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gymlab.arguments import shown
from gymlab.entropy.tally import (
    SCALE,
    Correction,
    c_log_c,
    checked_size,
    step,
    steps_of,
    total_of,
    uniform_step,
)
from gymlab.errors import InputError
from gymlab.events import ENTROPIES
from gymlab.renamed import renamed_argument

Codes = NDArray[np.int64]

P = ParamSpec("P")
F = TypeVar("F", float, NDArray[np.float64])

# Up to this number of possible pairs, counting all of them costs less than numbering the pairs that occur.
_MOST_SPARSE_CODES = 1 << 16


def _metered(function: Callable[P, F]) -> Callable[P, F]:
    """Count the entropies that a function returns, if somebody reads the count."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> F:
        start = perf_counter()
        found = function(*args, **kwargs)
        if ENTROPIES.on:
            ENTROPIES.add(int(np.isfinite(found).sum()), perf_counter() - start)
        return found

    return call


@_metered
def entropy_bits(values: ArrayLike, *, correction: Correction | None = None) -> float:
    """Return the Shannon entropy of the values, in bits.

    Parameters
    ----------
    values
        One-dimensional: a list, an array or a Series of anything hashable that is not missing.
    correction
        ``"miller-madow"`` adds (m − 1) / (2n) nats for m distinct values among n (Miller 1955).

    Returns
    -------
    float
        Equal, bit for bit, to :attr:`IncrementalEntropy.bits` of these values. 0 without values.

    Raises
    ------
    InputError
        If the values are not an ordered collection or not one-dimensional, a value is missing, or the correction is not
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


@_metered
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
        Equal, bit for bit, to :attr:`ConditionalEntropy.bits` of these pairs. 0 without pairs.

    Raises
    ------
    InputError
        If situations and choices differ in length or are not one-dimensional, a value is missing, or the correction is
        not known.

    Examples
    --------
    >>> conditional_entropy_bits(["ally", "foe", "ally", "foe"], ["share", "take", "share", "take"])
    0.0
    """
    groups, choice_codes, n_distinct = paired_codes("situations", situations, choices)
    return _conditional_bits(groups, groups * n_distinct + choice_codes, correction)


@_metered
def transition_entropy_bits(
    choices: ArrayLike, series: ArrayLike | None = None, *, correction: Correction | None = None
) -> float:
    """Return the entropy of the next choice given the last choice, in bits.

    Parameters
    ----------
    choices
        In the order of time, as for :func:`entropy_bits`.
    series
        The series of each choice; the choices of a series need not be adjacent. None for a single series. No
        transition leads from one series to another.
    correction
        As for :func:`conditional_entropy_bits`; the last choice is the situation.

    Returns
    -------
    float
        Equal, bit for bit, to :attr:`TransitionEntropy.bits` of these choices. 0 without a transition.

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
        codes, n_distinct = codes_of("choices", choices)
        last, following = codes[:-1], codes[1:]
    else:
        series_codes, codes, n_distinct = paired_codes("series", series, choices)
        order = np.argsort(series_codes, kind="stable")
        series_codes, codes = series_codes[order], codes[order]
        together = series_codes[1:] == series_codes[:-1]
        last, following = codes[:-1][together], codes[1:][together]
    return _conditional_bits(last, last * n_distinct + following, correction)


@renamed_argument("n_intents", "n_action_types")
@_metered
def entropy_over_time(
    choices: ArrayLike,
    window: int,
    n_action_types: int | None = None,
    *,
    correction: Correction | None = None,
) -> NDArray[np.float64]:
    """Return the normalised entropy of the last ``window`` choices at every choice.

    Parameters
    ----------
    choices
        In the order of time, as for :func:`entropy_bits`.
    window
        The number of choices in each value: its own choice and those before it.
    n_action_types
        The number of action types there were to choose from. None for the number of distinct choices in all of
        ``choices``, so that the windows can be compared with one another. ``n_intents`` is the old name.
    correction
        ``"miller-madow"`` as in :class:`IncrementalEntropy`; an entropy that it lifts above 1 is returned as 1.

    Returns
    -------
    numpy.ndarray
        float64 ``(n,)``, each from 0 to 1; NaN until the window is full. The other values equal, bit for bit, those of
        :meth:`IncrementalEntropy.get_entropy` with the same ``n_action_types``.

    Raises
    ------
    InputError
        If the window is not positive, a choice is missing, there are more distinct choices than
        ``n_action_types``, or the correction is not known.

    Examples
    --------
    >>> entropy_over_time(["share", "take", "take", "take"], window=2)
    array([nan,  1.,  0.,  0.])
    """
    codes, distinct = codes_of("choices", choices)
    room = _checked_room(n_action_types, distinct)
    return _slide(np.zeros(1, dtype=np.int64), codes, window, room, correction)


@renamed_argument("n_choices", "n_action_types")
@_metered
def conditional_entropy_over_time(
    situations: ArrayLike,
    choices: ArrayLike,
    window: int,
    n_action_types: int | None = None,
    *,
    correction: Correction | None = None,
) -> NDArray[np.float64]:
    """Return the normalised entropy of the last ``window`` choices given their situations, at every choice.

    Parameters
    ----------
    situations, choices
        In the order of time and of equal length, as for :func:`conditional_entropy_bits`.
    window
        The number of choices in each value: its own choice and those before it.
    n_action_types
        As for :func:`entropy_over_time`. ``n_choices`` is the old name.
    correction
        ``"miller-madow"`` as in :class:`ConditionalEntropy`; an entropy that it lifts above 1 is returned as 1.

    Returns
    -------
    numpy.ndarray
        float64 ``(n,)``, each from 0 to 1; NaN until the window is full. The other values equal, bit for bit, those of
        :meth:`ConditionalEntropy.get_entropy` with the same ``n_action_types``.

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
    room = _checked_room(n_action_types, distinct)
    pairs = groups * distinct
    pairs += codes
    if len(pairs) and pairs.max() > _MOST_SPARSE_CODES:
        pairs = pd.factorize(pairs)[0].astype(np.int64, copy=False)
    return _slide(groups, pairs, window, room, correction)


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
    codes, n_distinct = codes_of("choices", choices)
    if len(groups) != len(codes):
        raise InputError(f"there are {len(groups)} {name} and {len(codes)} choices; give as many of both")
    return groups, codes, n_distinct


def _conditional_bits(groups: Codes, pairs: Codes, correction: Correction | None) -> float:
    steps = steps_of(correction)
    if not len(pairs):
        return 0.0
    _, in_group = np.unique(groups, return_counts=True)
    _, in_pair = np.unique(pairs, return_counts=True)
    return (total_of(in_group, steps) - total_of(in_pair, steps)) / (len(pairs) * SCALE)


def _checked_room(limit: int | None, distinct: int) -> int:
    """Return how many action types there were: ``limit``, or by default the number of distinct choices."""
    room = checked_size("n_action_types", limit)
    if room is not None and distinct > room:
        raise InputError(f"there are {distinct} distinct choices, and n_action_types allows only {room}")
    return room or max(distinct, 1)


def _slide(
    groups: Codes, parts: Codes, window: int, n_action_types: int, correction: Correction | None
) -> NDArray[np.float64]:
    # numba takes a third of a second to import, and the entropy of a stream does not need it.
    from gymlab.entropy.kernels.sliding import slide

    steps = steps_of(correction)
    size = checked_size("window", window)
    if size is None:
        raise InputError("window must be a positive integer, not None")
    if len(parts) < size:
        return np.full(len(parts), np.nan)
    n_groups, n_parts = int(groups.max()) + 1, int(parts.max()) + 1
    # A group occurs at least as often as each of its parts.
    highest = min(size, int(np.bincount(groups).max())) if n_groups > 1 else size
    split = [divmod(step(steps, count), 1 << 32) for count in range(highest + 1)]
    high, low = np.array(split, dtype=np.int64).T.copy()
    slid: NDArray[np.float64] = slide(
        groups, parts, n_groups, n_parts, size, high, low, size * uniform_step(n_action_types)
    )
    return slid
