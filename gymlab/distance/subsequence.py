"""Where in a long series a short one occurs: subsequence DTW, with free ends in the long series."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gymlab.arguments import whole_number
from gymlab.distance.loops import scan
from gymlab.distance.scalar import checked_cutoff
from gymlab.distance.series import checked_pair


@dataclass(frozen=True)
class Match:
    """One place where a query occurs.

    Attributes
    ----------
    start, stop
        The half-open interval of time points: ``series[start:stop]``.
    distance
        The DTW distance of the query to it, in the unit of the series.
    """

    start: int
    stop: int
    distance: float


def dtw_subsequence(
    query: ArrayLike,
    series: ArrayLike,
    *,
    k: int = 1,
    cutoff: float | None = None,
    mismatch_weights: Sequence[float] = (),
) -> list[Match]:
    """Return where a query occurs best in a long series, under DTW with free start and free end [1]_.

    The first match is the interval of the series with the least DTW distance to the query, whatever its length;
    each further one is the best interval that shares no time point with those before. Of equally distant
    intervals the one that ends first is taken, and of these the shortest.

    Parameters
    ----------
    query
        ``(n_timepoints,)`` or ``(n_timepoints, n_channels)``.
    series
        The same with any number of time points, fewer than the query's too. Memory grows with its length alone.
    k
        How many matches to return at most; fewer are found where the series is used up.
    cutoff
        When given, matches at a greater distance are left out.
    mismatch_weights
        As in :func:`gymlab.distance.dtw_pairwise`.

    Returns
    -------
    list of Match
        The best first.

    Raises
    ------
    InputError
        If a series is empty or holds NaN or infinity, the channels differ, or a parameter is out of range.

    References
    ----------
    .. [1] M. Müller, "Information Retrieval for Music and Motion", Springer, 2007, section 4.4.

    Examples
    --------
    >>> dtw_subsequence([1, 4, 1], [0, 0, 1, 4, 4, 1, 0, 0, 1, 3, 1], k=2)
    [Match(start=2, stop=6, distance=0.0), Match(start=8, stop=11, distance=1.0)]
    """
    points, pattern, weights = checked_pair(series, query, mismatch_weights, ("series", "query"))
    most = whole_number("k", k, least=1)
    limit = checked_cutoff(cutoff)
    n_timepoints = len(points)
    costs = np.full(n_timepoints, np.inf)
    # Of the best match that ends at a time point; -1 where that is not known yet.
    starts = np.full(n_timepoints, -1, dtype=np.int64)
    scan(points, pattern, weights, 0, costs, starts)
    matches: list[Match] = []
    while len(matches) < most:
        end = int(np.argmin(costs))
        distance = float(np.sqrt(costs[end]))
        if not np.isfinite(distance) or distance > limit:
            break
        start, stop = int(starts[end]), end + 1
        matches.append(Match(start, stop, distance))
        costs[start:stop] = np.inf
        # Behind every start that is asked for, so that a scan of what lies before a match ends at it.
        starts[start:stop] = n_timepoints
        scan(points, pattern, weights, stop, costs, starts)
    return matches
