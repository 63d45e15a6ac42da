"""How surprising a count over strata is: the sum of independent hypergeometric counts.

In each stratum there are N actions, K of them are of one kind, m stand in one situation. If kind and situation have
nothing to do with one another there, the number of actions that are both is hypergeometric, whatever N, K and m came
from (N. Mantel and W. Haenszel, J. Natl. Cancer Inst. 22, 1959; the sum is tested exactly as by C. R. Mehta et al.,
J. Am. Stat. Assoc. 80, 1985).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr

# The expansion about the normal distribution is trusted where the sum varies this much, and where the tail is
# neither far out nor near to a decision.
_ENOUGH_VARIANCE = 9.0
_CLEARLY = 1e-9
_DECISIVE = 0.2
# A p-value is never nothing; below that, doubles have no digits left.
LEAST_P = 1e-300
# Beyond that many terms the exact distribution costs more than it adds.
_MOST_TERMS = 20_000_000


@dataclass(frozen=True)
class Strata:
    """Strata of one situation, for several kinds of action at once.

    Attributes
    ----------
    n_rows
        int64 ``(n_strata,)``: actions in each.
    n_kind
        int64 ``(n_strata, n_kinds)``: of these, how many are of each kind.
    n_situation
        int64 ``(n_strata,)``: how many stand in the situation.
    """

    n_rows: NDArray[np.int64]
    n_kind: NDArray[np.int64]
    n_situation: NDArray[np.int64]


def upper_tails(strata: Strata, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return, for each kind, the chance that at least so many of its actions stand in the situation.

    Parameters
    ----------
    strata
        The margins.
    counts
        int64 ``(n_strata, n_kinds)``: how many do.

    Returns
    -------
    numpy.ndarray
        float64 ``(n_kinds,)``; 1 where no stratum could tell.

    Examples
    --------
    >>> margins = Strata(np.array([4]), np.array([[2]]), np.array([2]))
    >>> upper_tails(margins, np.array([[2]])).round(4).tolist()
    [0.1667]
    """
    some = (strata.n_situation > 0) & (strata.n_situation < strata.n_rows)
    rows, kinds, situation = strata.n_rows[some], strata.n_kind[some], strata.n_situation[some]
    found = np.where((kinds > 0) & (kinds < rows[:, None]), counts[some], 0).sum(axis=0)
    mean, variance, third = _moments(rows, kinds, situation)
    tails = np.ones(kinds.shape[1])
    for kind in np.flatnonzero(variance > 0):
        tail = _expanded(float(found[kind]), mean[kind], variance[kind], third[kind])
        if not _is_decided(tail, variance[kind]):
            own = (kinds[:, kind] > 0) & (kinds[:, kind] < rows)
            exact = _exact(rows[own], kinds[own, kind], situation[own], int(found[kind]))
            tail = tail if exact is None else exact
        tails[kind] = tail
    return np.clip(tails, LEAST_P, 1.0)


def lower_tails(strata: Strata, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return, for each kind, the chance that at most so many of its actions stand in the situation."""
    others = Strata(strata.n_rows, strata.n_rows[:, None] - strata.n_kind, strata.n_situation)
    return upper_tails(others, strata.n_situation[:, None] - counts)


def _moments(
    rows: NDArray[np.int64], kinds: NDArray[np.int64], situation: NDArray[np.int64]
) -> tuple[NDArray[np.float64], ...]:
    """Return mean, variance and third central moment of each kind's sum, over the strata that vary."""
    n, m = rows[:, None].astype(np.float64), situation[:, None].astype(np.float64)
    k = kinds.astype(np.float64)
    varies = (k > 0) & (k < n)
    mean = m * k / n
    variance = mean * (n - k) * (n - m) / (n * np.maximum(n - 1, 1))
    third = variance * (n - 2 * k) * (n - 2 * m) / (n * np.maximum(n - 2, 1))
    return tuple(np.where(varies, moment, 0.0).sum(axis=0) for moment in (mean, variance, third))


def _expanded(count: float, mean: float, variance: float, third: float) -> float:
    """Return the upper tail by an Edgeworth expansion of first order, with a correction for continuity."""
    deviation = np.sqrt(variance)
    z = (count - 0.5 - mean) / deviation
    skewness = third / deviation**3
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    return float(np.clip(ndtr(-z) + density * skewness * (z * z - 1) / 6, 0.0, 1.0))


def _is_decided(tail: float, variance: float) -> bool:
    return variance >= _ENOUGH_VARIANCE and (tail < _CLEARLY or tail > _DECISIVE)


def _exact(
    rows: NDArray[np.int64], kinds: NDArray[np.int64], situation: NDArray[np.int64], count: int
) -> float | None:
    """Return the upper tail by convolving the strata; None where that would take too long."""
    widths = np.minimum(kinds, situation) + 1
    if float(widths.sum()) ** 2 / 2 > _MOST_TERMS:
        return None
    total = np.ones(1)
    for n, k, m, width in zip(rows, kinds, situation, widths, strict=True):
        total = np.convolve(total, _probabilities(n, k, m, np.arange(width)))
    return float(total[count:].sum()) if count < len(total) else 0.0


def _probabilities(n: int, k: int, m: int, x: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the hypergeometric probabilities of each x."""
    possible = x >= m + k - n
    safe = np.where(possible, x, max(0, m + k - n))
    logarithm = _log_choose(k, safe) + _log_choose(n - k, m - safe) - _log_choose(n, m)
    return np.where(possible, np.exp(logarithm), 0.0)


def _log_choose(n: int, k: NDArray[np.int64] | int) -> NDArray[np.float64]:
    logarithm: NDArray[np.float64] = gammaln(n + 1) - gammaln(np.add(k, 1)) - gammaln(n - np.asarray(k) + 1)
    return logarithm
