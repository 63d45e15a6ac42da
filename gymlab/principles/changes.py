"""Whether, and where, the choices made in the same situations change: a likelihood ratio over all places.

The statistic at a place is twice the log likelihood ratio of two multinomials in each situation, one on each side,
against one. Its largest value over the places is compared with that of the same choices, permuted in time within
each situation.

References
----------
.. [1] L. Horváth, M. Serbinowska, "Testing for changes in multinomial observations: the Lindisfarne Scribes
   problem", Scandinavian J. of Statistics 22(3), 1995: the statistic.
.. [2] B. Phipson, G. K. Smyth, "Permutation p-values should never be zero", Statistical Applications in Genetics and
   Molecular Biology 9(1), 2010: (1 + #) / (1 + B).
.. [3] P. Bartlett, "On the theoretical specification and sampling properties of autocorrelated time-series",
   Supplement to J. of the Royal Statistical Society 8(1), 1946: a mean of a first-order chain varies
   (1 + r) / (1 − r) times as much as that of independent values.
.. [4] L. Kish, "Survey Sampling", Wiley 1965, section 5.4: the design effect of clusters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Codes = NDArray[np.int64]

_ENOUGH_SERIES = 10


@dataclass(frozen=True)
class Change:
    """The likeliest place of a change.

    Attributes
    ----------
    place
        How many actions lie before it.
    statistic
        The deflated likelihood ratio there.
    p_value
        Share of the permutations, the observed order counted as one, with a ratio at least as large.
    excess
        The statistic over the mean of the permutations': comparable where the numbers of situations differ.
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
    """Return where the choices given the situations change most, and how likely that is without a change.

    The ratio is divided by what the residuals' autocorrelation does to it, :func:`variance_inflation`, so that an
    agent that repeats itself is not taken for one that changes.

    Parameters
    ----------
    situation, choice
        int64 ``(n,)``, from 0; situations below 0 are left out.
    follows
        bool ``(n,)``: the action follows the one before it in the same series.
    places
        The first and the last place to consider, each a number of actions before the change.
    at
        Take the statistic at this place, where something else has changed, instead of at the largest; it is still
        compared with the largest of each permutation.
    n_permutations, seed
        Of the permutations.

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
    return _held_against(null, place, statistic)


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

    Choices are permuted within a stretch and situation, and each stretch is compared with the largest ratio that a
    permutation has in any of them, so that many stretches find no more by chance than one.

    Parameters
    ----------
    situation, choice, follows, n_permutations, seed
        As for :func:`find_change`.
    places, bounds
        For each stretch the places to consider, and where it begins and ends.
    """
    stretch = np.full(len(choice), -1)
    for number, (begin, end) in enumerate(bounds):
        stretch[begin:end] = number
    # Where a stretch lies on one side of a place as a whole, situations of its own add nothing to the ratio there.
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
    # Of all stretches together: what comes in many of them in a row is a memory that the agent has, not a change in one.
    inflation = _inflation(joint, choice, follows, side)
    return [_held_against(null, place, float(ratios[place]) / inflation) for place in best]


def _null(situation: Codes, choice: Codes, places: Codes, n: int, seed: int) -> NDArray[np.float64]:
    """Return the largest ratio at any of the places, of n permutations of the choices within situations."""
    shape = (int(situation.max(initial=0)) + 1, int(choice.max(initial=0)) + 1)
    order = np.argsort(situation, kind="stable")
    maxima: NDArray[np.float64] = _permuted_maxima(
        situation, choice, order, *shape, _xlogx(len(choice)), places, n, seed
    )
    return maxima


def _held_against(null: NDArray[np.float64], place: int, statistic: float) -> Change:
    # What rounding makes of equal ratios is no difference.
    as_large = int((null >= statistic - 1e-9 * max(1.0, statistic)).sum())
    excess = statistic / max(float(null.mean()), 1e-9)
    return Change(place, statistic, (1 + as_large) / (1 + len(null)), excess)


def likelihood_ratios(situation: Codes, choice: Codes) -> NDArray[np.float64]:
    """Return the statistic of each place, float64 ``(n + 1,)``: 0 before the first action and behind the last.

    Examples
    --------
    >>> likelihood_ratios(np.zeros(2, dtype=np.int64), np.array([0, 1])).round(3).tolist()
    [0.0, 2.773, 0.0]
    """
    n_situations, n_choices = int(situation.max(initial=0)) + 1, int(choice.max(initial=0)) + 1
    ratios = np.zeros(len(choice) + 1)
    _ratios(situation, choice, n_situations, n_choices, _xlogx(len(choice)), ratios)
    return ratios


def variance_inflation(situation: Codes, choice: Codes, follows: NDArray[np.bool_], place: int) -> float:
    """Return how much more the shares of choices vary than those of independent actions, at least 1.

    Residuals are 1 for the choice made and 0 for the others, less their shares in this situation on this side of
    the place: taken after the split, so that the change itself is not mistaken for memory. The inflation is the
    larger of two, each pooled over the choices. One is (1 + r) / (1 − r) [3]_, r the first autocorrelation; its
    known downward bias, (1 + 3r) / n with n the actions of a side, is added. The other, where there are ten series
    or more, is the variance of their sums over that of as many independent actions [4]_: it knows of what lasts as
    long as a series, such as an agent whose choices hang on all that went before.

    Examples
    --------
    >>> variance_inflation(np.zeros(4, dtype=np.int64), np.array([0, 0, 1, 1]), np.full(4, True), 2)
    1.0
    """
    return _inflation(situation, choice, follows, (np.arange(len(choice)) >= place).astype(np.int64))


def _inflation(situation: Codes, choice: Codes, follows: NDArray[np.bool_], sides: Codes) -> float:
    """Return the inflation about the shares of each situation on each of several sides."""
    known = np.flatnonzero(situation >= 0)
    side = sides[known]
    n_sides = int(side.max(initial=1)) + 1
    group = np.unique(situation[known] * n_sides + side, return_inverse=True)[1]
    chosen = np.zeros((len(known), int(choice.max(initial=0)) + 1))
    chosen[np.arange(len(known)), choice[known]] = 1
    share = np.zeros((int(group.max(initial=0)) + 1, chosen.shape[1]))
    np.add.at(share, group, chosen)
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1)
    residual = chosen - share[group]
    total = float((residual**2).sum())
    if total < 1e-9:
        return 1.0
    adjacent = (np.diff(known) == 1) & follows[known[1:]] & (side[1:] == side[:-1])
    products = (residual[1:] * residual[:-1]).sum(axis=1)[adjacent]
    r = 0.0
    if len(products):
        r = float(products.sum()) / total * len(known) / len(products)
        r += (1 + 3 * max(r, 0.0)) / (len(known) / n_sides)
    # A chain of n actions cannot vary more than n times as much as independent ones.
    r = min(r, (len(known) - 1) / (len(known) + 1))
    by_chain = (1 + r) / (1 - r)
    series = np.cumsum(~follows)[known] * n_sides + side
    starts = np.flatnonzero(np.append(True, np.diff(series) != 0))
    by_series = float((np.add.reduceat(residual, starts, axis=0) ** 2).sum()) / total
    return max(1.0, by_chain, by_series if len(starts) >= _ENOUGH_SERIES else 1.0)


def _xlogx(n: int) -> NDArray[np.float64]:
    x = np.arange(n + 1, dtype=np.float64)
    return x * np.log(np.maximum(x, 1))


@njit(cache=True, nogil=True)
def _ratios(situation, choice, n_situations, n_choices, xlogx, ratios):
    """Move one action after the other from the right of the place to its left: four terms change."""
    right = np.zeros((n_situations, n_choices), np.int64)
    left = np.zeros((n_situations, n_choices), np.int64)
    right_all = np.zeros(n_situations, np.int64)
    left_all = np.zeros(n_situations, np.int64)
    for t in range(len(choice)):
        if situation[t] >= 0:
            right[situation[t], choice[t]] += 1
            right_all[situation[t]] += 1
    ratio = 0.0
    for t in range(len(choice)):
        s = situation[t]
        if s >= 0:
            a = choice[t]
            x, y = left[s, a], right[s, a]
            m, k = left_all[s], right_all[s]
            ratio += xlogx[x + 1] - xlogx[x] + xlogx[y - 1] - xlogx[y]
            ratio -= xlogx[m + 1] - xlogx[m] + xlogx[k - 1] - xlogx[k]
            left[s, a] = x + 1
            right[s, a] = y - 1
            left_all[s] = m + 1
            right_all[s] = k - 1
        ratios[t + 1] = max(0.0, 2 * ratio)


@njit(cache=True, nogil=True)
def _permuted_maxima(situation, choice, order, n_situations, n_choices, xlogx, places, n_permutations, seed):
    """Return the largest ratio of each permutation of the choices within the situations, which order groups."""
    np.random.seed(seed)
    n = len(choice)
    permuted = choice.copy()
    ratios = np.zeros(n + 1)
    maxima = np.zeros(n_permutations)
    for b in range(n_permutations):
        begin = 0
        while begin < n:
            end = begin
            while end < n and situation[order[end]] == situation[order[begin]]:
                end += 1
            for i in range(end - 1, begin, -1):
                j = begin + np.random.randint(0, i - begin + 1)
                held = permuted[order[i]]
                permuted[order[i]] = permuted[order[j]]
                permuted[order[j]] = held
            begin = end
        _ratios(situation, permuted, n_situations, n_choices, xlogx, ratios)
        for k in places:
            maxima[b] = max(maxima[b], ratios[k])
    return maxima
