"""The variance of shares relative to that of independent actions: agents repeat themselves, and series differ.

References
----------
.. [1] P. Bartlett, "On the theoretical specification and sampling properties of autocorrelated time-series",
   Supplement to J. of the Royal Statistical Society 8(1), 1946: a mean of a first-order chain varies
   (1 + r) / (1 − r) times as much as that of independent values.
.. [2] F. H. C. Marriott and J. A. Pope, "Bias in the estimation of autocorrelations", Biometrika 41, 1954.
.. [3] L. Kish, "Survey Sampling", Wiley 1965, section 5.4: the design effect of clusters.
"""

import numpy as np
from numpy.typing import NDArray

from gymlab.principles.situations import Codes

# With fewer series than these, differences between series are not measured: for one share, and for many shares.
_LEAST_SERIES, _ENOUGH_SERIES = 5, 10


def share_inflation(series: NDArray[np.int64], hits: NDArray[np.bool_]) -> float:
    """Return the variance of the share of hits, divided by that of independent actions.

    It is the larger of two factors. One is (1 + r) / (1 − r), with r the autocorrelation of a chain within series [1]_,
    corrected for the bias of few actions [2]_. The other is the design effect of series whose shares differ [3]_.

    Parameters
    ----------
    series
        int64 ``(n,)``: the series of each action. The actions of a series are adjacent and in the order of time.
    hits
        bool ``(n,)``.

    Returns
    -------
    float
        From 1 to n.

    Examples
    --------
    >>> share_inflation(np.zeros(100, dtype=np.int64), np.arange(100) % 2 == 0) < 2
    True
    >>> share_inflation(np.zeros(100, dtype=np.int64), np.arange(100) < 50) > 10
    True
    """
    n = len(hits)
    if n < 2:
        return 1.0
    same = series[1:] == series[:-1]
    largest = _of_chain(_smoothed_persistence(hits, same))
    residuals = hits - hits.mean()
    total = float(residuals @ residuals)
    if total == 0:
        return largest
    if same.any():
        lagged = residuals[1:] * residuals[:-1]
        r = float(lagged[same].mean()) / (total / n)
        largest = max(largest, _of_chain(min(max(r + (1 + 3 * max(r, 0.0)) / n, 0.0), (n - 1) / (n + 1))))
    starts = np.flatnonzero(np.concatenate([[True], ~same]))
    if len(starts) >= _LEAST_SERIES:
        between = np.square(np.add.reduceat(residuals, starts)).sum() / total
        largest = max(largest, float(between) * len(starts) / (len(starts) - 1))
    return min(largest, float(n))


def variance_inflation(situation: Codes, choice: Codes, follows: NDArray[np.bool_], place: int) -> float:
    """Return the variance of the shares of choices, divided by that of independent actions, at least 1.

    The residual of an action is 1 for its choice and 0 for the others, minus the shares of the choices in this
    situation on this side of the place. The shares are computed for each side, so that the change itself is not mistaken
    for memory. The inflation is the larger of two factors, each pooled over the choices. One is (1 + r) / (1 − r), with
    r the first autocorrelation [1]_, corrected for its bias: (1 + 3r) / n, with n the actions of a side, is added. The
    other needs at least ten series: the variance of their sums, divided by that of independent actions [3]_. It also
    measures dependence over a whole series, such as choices that depend on all earlier ones.

    Examples
    --------
    >>> variance_inflation(np.zeros(4, dtype=np.int64), np.array([0, 0, 1, 1]), np.full(4, True), 2)
    1.0
    """
    return sides_inflation(situation, choice, follows, (np.arange(len(choice)) >= place).astype(np.int64))


def sides_inflation(situation: Codes, choice: Codes, follows: NDArray[np.bool_], sides: Codes) -> float:
    """Return the inflation as :func:`variance_inflation` does, for any number of sides."""
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
    # The variance of a chain of n actions is at most n times that of independent actions.
    r = min(r, (len(known) - 1) / (len(known) + 1))
    by_chain = _of_chain(r)
    series = np.cumsum(~follows)[known] * n_sides + side
    starts = np.flatnonzero(np.append(True, np.diff(series) != 0))
    by_series = float((np.add.reduceat(residual, starts, axis=0) ** 2).sum()) / total
    return max(1.0, by_chain, by_series if len(starts) >= _ENOUGH_SERIES else 1.0)


def _smoothed_persistence(hits: NDArray[np.bool_], same: NDArray[np.bool_]) -> float:
    """Return P(hit after a hit) − P(hit after a miss).

    Half an action of each kind is added, so that the estimate is not extreme for an agent that never changed.
    """
    before, after = hits[:-1][same], hits[1:][same]
    after_hit = (np.sum(before & after) + 0.5) / (before.sum() + 1)
    after_miss = (np.sum(~before & after) + 0.5) / ((~before).sum() + 1)
    return float(np.clip(after_hit - after_miss, 0.0, 0.98))


def _of_chain(r: float) -> float:
    return (1 + r) / (1 - r)
