"""The p-value of a count over strata: a sum of independent hypergeometric counts.

In each stratum there are N actions; K of them have one action type, and m are in one situation. If action type and
situation are independent in the stratum, the number of actions with both is hypergeometric, given N, K and m
(N. Mantel and W. Haenszel, J. Natl. Cancer Inst. 22, 1959; for the exact test of the sum see C. R. Mehta et al.,
J. Am. Stat. Assoc. 80, 1985).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.optimize import brentq
from scipy.special import gammaln, ndtr

from gymlab.principles.kernels.tails import convolved_tail

# With at least this variance, the skewness of the sum is at most 1/3 and its excess kurtosis at most 1/9. Then an
# expansion about the normal distribution has a relative error of a few hundredths. It is used for tails of at least
# _NO_EVIDENCE; smaller tails are computed exactly.
_ENOUGH_VARIANCE = 9.0
_NO_EVIDENCE = 0.2
# The smallest p-value. A p-value is never 0, and smaller doubles lose digits.
LEAST_P = 1e-300
# The largest tilt. A larger one gives odds beyond those of the rarest table of 10¹² actions.
_MOST_TILT = 60.0
# In standard deviations; the probability that the sum is farther from its mean is below 10⁻¹².
_DEVIATIONS = 10
# Up to this number of values of the sum, the convolution without transforms is faster.
_MOST_DIRECT = 1000
# The largest number of values in one Fourier transform.
_NUMBERS_AT_ONCE = 1_000_000


@dataclass(frozen=True, eq=False)
class Strata:
    """Strata of one situation, for several action types at once.

    Attributes
    ----------
    n_rows
        int64 ``(n_strata,)``: the number of actions in each stratum.
    n_of_type
        int64 ``(n_strata, n_action_types)``: the number of actions of each action type in each stratum.
    n_situation
        int64 ``(n_strata,)``: the number of actions in the situation in each stratum.
    """

    n_rows: NDArray[np.int64]
    n_of_type: NDArray[np.int64]
    n_situation: NDArray[np.int64]


def upper_tails(strata: Strata, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each action type the probability that at least this many of its actions are in the situation.

    Parameters
    ----------
    strata
        The strata.
    counts
        int64 ``(n_strata, n_action_types)``: the number of actions of each type in the situation.

    Returns
    -------
    numpy.ndarray
        float64 ``(n_action_types,)``; 1 if no stratum is informative.

    Examples
    --------
    >>> margins = Strata(np.array([4]), np.array([[2]]), np.array([2]))
    >>> upper_tails(margins, np.array([[2]])).round(4).tolist()
    [0.1667]
    """
    some = (strata.n_situation > 0) & (strata.n_situation < strata.n_rows)
    rows, of_type, situation = strata.n_rows[some], strata.n_of_type[some], strata.n_situation[some]
    found = np.where((of_type > 0) & (of_type < rows[:, None]), counts[some], 0).sum(axis=0)
    mean, variance, third = _moments(rows, of_type, situation)
    tails = np.ones(of_type.shape[1])
    for one in np.flatnonzero(variance > 0):
        count = int(found[one])
        tail = _expanded(count, mean[one], variance[one], third[one])
        if variance[one] < _ENOUGH_VARIANCE or tail < _NO_EVIDENCE:
            own = (of_type[:, one] > 0) & (of_type[:, one] < rows)
            tail = _exact(rows[own], of_type[own, one], situation[own], count)
        tails[one] = tail
    return np.clip(tails, LEAST_P, 1.0)


def lower_tails(strata: Strata, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each action type the probability that at most this many of its actions are in the situation."""
    others = Strata(strata.n_rows, strata.n_rows[:, None] - strata.n_of_type, strata.n_situation)
    return upper_tails(others, strata.n_situation[:, None] - counts)


def _moments(
    rows: NDArray[np.int64], of_type: NDArray[np.int64], situation: NDArray[np.int64]
) -> tuple[NDArray[np.float64], ...]:
    """Return mean, variance and third central moment of the sum of each action type, over the strata that vary."""
    n, m = rows[:, None].astype(np.float64), situation[:, None].astype(np.float64)
    k = of_type.astype(np.float64)
    varies = (k > 0) & (k < n)
    mean = m * k / n
    variance = mean * (n - k) * (n - m) / (n * np.maximum(n - 1, 1))
    third = variance * (n - 2 * k) * (n - 2 * m) / (n * np.maximum(n - 2, 1))
    return tuple(np.where(varies, moment, 0.0).sum(axis=0) for moment in (mean, variance, third))


def _expanded(count: int, mean: float, variance: float, third: float) -> float:
    """Return the upper tail by an Edgeworth expansion of first order, with a correction for continuity."""
    deviation = np.sqrt(variance)
    z = (count - 0.5 - mean) / deviation
    skewness = third / deviation**3
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    return float(np.clip(ndtr(-z) + density * skewness * (z * z - 1) / 6, 0.0, 1.0))


def _exact(
    rows: NDArray[np.int64], of_type: NDArray[np.int64], situation: NDArray[np.int64], count: int
) -> float:
    """Return the upper tail by convolving the strata: directly if the sum has few values, else by Fourier transforms."""
    size = 1 + int((np.minimum(of_type, situation) - np.maximum(0, of_type + situation - rows)).sum())
    if size > _MOST_DIRECT:
        return _by_transform(rows, of_type, situation, count)
    return float(convolved_tail(rows, of_type, situation, count, size))


def _by_transform(
    rows: NDArray[np.int64], of_type: NDArray[np.int64], situation: NDArray[np.int64], count: int
) -> float:
    """Return the upper tail by Fourier transforms.

    Each probability is multiplied by ``exp(θ · x)``, so that the mean of the sum is near the count. Then the tilted
    distribution is large in the tail. The errors of an FFT are small compared with the largest probability, so small
    tails are exact as well. The factor is divided out at the end.
    """
    least, most = np.maximum(0, of_type + situation - rows), np.minimum(of_type, situation)
    if count > most.sum():
        return 0.0
    width = most - least + 1
    first = np.cumsum(width) - width
    x = np.arange(width.sum()) - np.repeat(first - least, width)
    n, k, m = (np.repeat(margin, width) for margin in (rows, of_type, situation))
    logarithm = _log_choose(k, x) + _log_choose(n - k, m - x) - _log_choose(n, m)

    def tilted(theta: float) -> tuple[NDArray[np.float64], float]:
        """Return the tilted probability of each x in its stratum, and the logarithm of their divisors."""
        weight = logarithm + theta * x
        largest = np.maximum.reduceat(weight, first)
        weight = np.exp(weight - np.repeat(largest, width))
        sums = np.add.reduceat(weight, first)
        return weight / np.repeat(sums, width), float((largest + np.log(sums)).sum())

    def beyond(theta: float) -> float:
        return float(tilted(theta)[0] @ x) - count

    theta = 0.0
    if beyond(theta) < 0:
        theta = brentq(beyond, 0.0, _MOST_TILT, xtol=1e-3) if beyond(_MOST_TILT) > 0 else _MOST_TILT
    probability, divided = tilted(theta)
    stratum = np.repeat(np.arange(len(rows)), width)
    mean = np.bincount(stratum, probability * x)
    deviation = float(np.sqrt(np.bincount(stratum, probability * (x - mean[stratum]) ** 2).sum()))
    bottom, top = int(least.sum()), int(most.sum())
    span = min(top - bottom, 2 * int(_DEVIATIONS * (deviation + 1)))
    low = min(max(bottom, int(mean.sum()) - span // 2), top - span)
    density = _convolved(probability, x, stratum, next_fast_len(span + 1, real=True))
    at = np.arange(max(count, low), low + span + 1)
    tail = float(density[at % len(density)] @ np.exp(-theta * (at - count)))
    return max(0.0, tail) * float(np.exp(divided - theta * count))


def _convolved(
    probability: NDArray[np.float64], x: NDArray[np.int64], stratum: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    """Return the distribution of the sum over strata, modulo a size."""
    transform = np.ones(size // 2 + 1, dtype=np.complex128)
    step = max(1, _NUMBERS_AT_ONCE // size)
    for start in range(0, int(stratum[-1]) + 1, step):
        part = slice(*np.searchsorted(stratum, (start, start + step)))
        flat = (stratum[part] - start) * size + x[part] % size
        each = np.bincount(flat, probability[part], minlength=-(-int(flat.max() + 1) // size) * size)
        transform *= rfft(each.reshape(-1, size), axis=1).prod(axis=0)
    density: NDArray[np.float64] = irfft(transform, n=size)
    return density


def _log_choose(n: NDArray[np.int64], k: NDArray[np.int64]) -> NDArray[np.float64]:
    logarithm: NDArray[np.float64] = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return logarithm
