"""How many actions are worth one independent one, since agents repeat themselves and series differ."""

import numpy as np
from numpy.typing import NDArray

# With fewer series their differences cannot be told from chance.
_LEAST_SERIES = 5


def inflation(series: NDArray[np.int64], hits: NDArray[np.bool_]) -> float:
    """Return by how much the variance of the share of hits exceeds that of independent actions.

    The larger of two: (1 + r) / (1 − r), r being the autocorrelation of a chain within series, with what so few
    actions underestimate it by added [1]_; and the design effect of series whose shares differ [2]_.

    Parameters
    ----------
    series
        int64 ``(n,)``: the series of each action, those of a series together and in the order of time.
    hits
        bool ``(n,)``.

    Returns
    -------
    float
        From 1 to n.

    References
    ----------
    .. [1] F. H. C. Marriott and J. A. Pope, "Bias in the estimation of autocorrelations", Biometrika 41, 1954.
    .. [2] L. Kish, "Survey Sampling", Wiley 1965, section 5.4.

    Examples
    --------
    >>> inflation(np.zeros(100, dtype=np.int64), np.arange(100) % 2 == 0) < 2
    True
    >>> inflation(np.zeros(100, dtype=np.int64), np.arange(100) < 50) > 10
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


def _smoothed_persistence(hits: NDArray[np.bool_], same: NDArray[np.bool_]) -> float:
    """Return by how much doing it makes doing it again likelier.

    Half an action of each kind is added, so that an agent that never did otherwise is not taken for certain.
    """
    before, after = hits[:-1][same], hits[1:][same]
    again = (np.sum(before & after) + 0.5) / (before.sum() + 1)
    anew = (np.sum(~before & after) + 0.5) / ((~before).sum() + 1)
    return float(np.clip(again - anew, 0.0, 0.98))


def _of_chain(r: float) -> float:
    return (1 + r) / (1 - r)
