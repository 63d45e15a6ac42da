"""The test for a change of the choices made in the same situations: a likelihood ratio over all places.

The statistic at a place is twice the log likelihood ratio of two hypotheses: in each situation, either two
multinomials, one on each side of the place, or a single one. Its largest value over the places is compared with that
of the same choices, permuted in time within each situation.

References
----------
.. [1] L. Horváth, M. Serbinowska, "Testing for changes in multinomial observations: the Lindisfarne Scribes
   problem", Scandinavian J. of Statistics 22(3), 1995: the statistic.
.. [2] B. Phipson, G. K. Smyth, "Permutation p-values should never be zero", Statistical Applications in Genetics and
   Molecular Biology 9(1), 2010: (1 + #) / (1 + B).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gymlab.principles.inflation import sides_inflation, variance_inflation
from gymlab.principles.kernels import ratios as kernels
from gymlab.principles.situations import Codes


@dataclass(frozen=True)
class Change:
    """The likeliest place of a change.

    Attributes
    ----------
    place
        The number of actions before it.
    statistic
        The likelihood ratio at the place, divided by its inflation.
    p_value
        Share of the permutations with a ratio at least as large; the observed order counts as one of them.
    excess
        The statistic divided by the mean of the permutations, so that columns with different numbers of situations can
        be compared.
    """

    place: int
    statistic: float
    p_value: float
    excess: float


def find_change(
    situation: Codes,
    choice: Codes,
    follows: NDArray[np.bool_],
    *,
    places: tuple[int, int],
    at: int | None = None,
    n_permutations: int = 199,
    seed: int = 0,
) -> Change:
    """Return the place where the choices given the situations change most, with the p-value of the change.

    The ratio is divided by its inflation through autocorrelation, see
    :func:`gymlab.principles.inflation.variance_inflation`, so that repetition alone is no change.

    Parameters
    ----------
    situation, choice
        int64 ``(n,)``, from 0. Actions in situations below 0 are left out.
    follows
        bool ``(n,)``: the action follows the one before it in the same series.
    places
        The first and the last place to consider, each a number of actions before the change.
    at
        The place of the statistic; None for the place of the largest ratio. In both cases it is compared with the
        largest ratio of each permutation.
    n_permutations, seed
        The number of permutations, and their seed.

    Returns
    -------
    Change

    Examples
    --------
    >>> choice = np.repeat([0, 1], 30)
    >>> change = find_change(np.zeros_like(choice), choice, np.full(60, True), places=(10, 50))
    >>> change.place, change.p_value
    (30, 0.005)
    """
    first, last = places
    ratios = likelihood_ratios(situation, choice)
    place = first + int(np.argmax(ratios[first : last + 1])) if at is None else at
    statistic = float(ratios[place]) / variance_inflation(situation, choice, follows, place)
    null = _null(situation, choice, np.arange(first, last + 1), n_permutations, seed)
    return _compared(null, place, statistic)


def find_change_in_each(
    situation: Codes,
    choice: Codes,
    follows: NDArray[np.bool_],
    places: Sequence[Codes],
    bounds: Sequence[tuple[int, int]],
    *,
    n_permutations: int = 199,
    seed: int = 0,
) -> list[Change]:
    """Return the likeliest change within each of several stretches whose order in time is not known.

    Choices are permuted within a stretch and situation. Each stretch is compared with the largest ratio that a
    permutation has in any stretch, which corrects for the number of stretches.

    Parameters
    ----------
    situation, choice, follows, n_permutations, seed
        As for :func:`find_change`.
    places, bounds
        For each stretch, the places to consider, and its begin and end.
    """
    stretch = np.full(len(choice), -1)
    for number, (begin, end) in enumerate(bounds):
        stretch[begin:end] = number
    # Each stretch gets separate situations, so a stretch that is on one side of a place adds nothing to the ratio.
    known = (situation >= 0) & (stretch >= 0)
    joint = np.full(len(choice), -1)
    joint[known] = np.unique(
        stretch[known] * (int(situation.max(initial=0)) + 1) + situation[known], return_inverse=True
    )[1]
    ratios = likelihood_ratios(joint, choice)
    null = _null(joint, choice, np.concatenate(places), n_permutations, seed)
    best = [int(own[np.argmax(ratios[own])]) for own in places]
    side = np.zeros(len(choice), dtype=np.int64)
    for number, ((begin, end), place) in enumerate(zip(bounds, best, strict=True)):
        side[begin:place], side[place:end] = 2 * number, 2 * number + 1
    # The inflation is that of all stretches: autocorrelation in many stretches is memory, not a change in one of them.
    inflation = sides_inflation(joint, choice, follows, side)
    return [_compared(null, place, float(ratios[place]) / inflation) for place in best]


def _null(situation: Codes, choice: Codes, places: Codes, n: int, seed: int) -> NDArray[np.float64]:
    """Return the largest ratio at any of the places, for each of n permutations of the choices within situations."""
    order = np.argsort(situation, kind="stable")
    maxima: NDArray[np.float64] = kernels.permuted_maxima(
        situation, choice, order, *_shape(situation, choice), _xlogx(len(choice)), places, n, seed
    )
    return maxima


def _compared(null: NDArray[np.float64], place: int, statistic: float) -> Change:
    # Equal ratios may differ by rounding.
    as_large = int((null >= statistic - 1e-9 * max(1.0, statistic)).sum())
    excess = statistic / max(float(null.mean()), 1e-9)
    return Change(place, statistic, (1 + as_large) / (1 + len(null)), excess)


def likelihood_ratios(situation: Codes, choice: Codes) -> NDArray[np.float64]:
    """Return the statistic of each place, float64 ``(n + 1,)``; it is 0 before the first and after the last action.

    Examples
    --------
    >>> likelihood_ratios(np.zeros(2, dtype=np.int64), np.array([0, 1])).round(3).tolist()
    [0.0, 2.773, 0.0]
    """
    ratios = np.zeros(len(choice) + 1)
    kernels.likelihood_ratios(situation, choice, *_shape(situation, choice), _xlogx(len(choice)), ratios)
    return ratios


def _xlogx(n: int) -> NDArray[np.float64]:
    x = np.arange(n + 1, dtype=np.float64)
    return x * np.log(np.maximum(x, 1))


def _shape(situation: Codes, choice: Codes) -> tuple[int, int]:
    return int(situation.max(initial=0)) + 1, int(choice.max(initial=0)) + 1
