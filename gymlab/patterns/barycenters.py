"""The barycentre of a pattern: the series with the least sum of squared DTW distances to its members.

Beside the medoid, which is a member, it is what the members have in common and perhaps none of them is.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import squareform

from gymlab.actions.encoding import Encoding, FittedChannel
from gymlab.arguments import instance, whole_number
from gymlab.distance import dtw_pairwise
from gymlab.distance.series import checked_radius, finite_array
from gymlab.errors import InputError
from gymlab.patterns.one_hot import ManySeries, OneHot, OneSeries, checked_series, fit_one_hot

# So many members are averaged at most, which takes about a second: an average of some hundred says what one of
# thousands would.
MOST_MEMBERS = 200


@dataclass(frozen=True, eq=False)
class CodeShares:
    """What the barycentre of a code channel is: the share of each code at each time point.

    Attributes
    ----------
    codes
        float64 ``(n_codes,)``: those that occur in the members, ascending.
    shares
        float64 ``(n_timepoints, n_codes)``; every row adds up to 1.
    """

    codes: NDArray[np.float64]
    shares: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Barycenter:
    """The barycentre of some series.

    Attributes
    ----------
    series
        float64 ``(n_timepoints, n_channels)``. An average of codes means nothing, so a code channel holds the code
        with the largest share at each time point; ties go to the smallest code.
    shares
        One :class:`CodeShares` for each code channel.
    members
        int64: which of the series were averaged, ascending.
    notes
        Sentences: what was left out, and why.
    """

    series: NDArray[np.float64]
    shares: tuple[CodeShares, ...]
    members: NDArray[np.int64]
    notes: tuple[str, ...]


def barycenter(
    series: ManySeries,
    *,
    radius: int | None = None,
    mismatch_weights: Sequence[float] = (),
    initial: ArrayLike | None = None,
    max_iter: int = 30,
    seed: int = 0,
) -> Barycenter:
    """Return the DBA barycentre of the members of a pattern [1]_, as tslearn computes it.

    Parameters
    ----------
    series
        Array ``(n, n_timepoints, n_channels)``, or a list of arrays ``(n_timepoints, n_channels)`` of any lengths.
    radius, mismatch_weights
        As for :func:`gymlab.distance.dtw_pairwise`. Codes are averaged as one-hot columns, which are as far from
        one another as their weight says.
    initial
        Where to start, ``(n_timepoints, n_channels)``; the barycentre has this length. None for the medoid.
    max_iter
        At most so many iterations; each moves every time point to the mean of what is aligned with it.
    seed
        Of the sample that is drawn where there are more than 200 series; ``notes`` says so.

    Returns
    -------
    Barycenter

    Raises
    ------
    InputError
        If a series is empty or holds NaN or infinity, the channels differ, or a parameter is out of range.

    References
    ----------
    .. [1] F. Petitjean, A. Ketterlin and P. Gançarski, "A global averaging method for dynamic time warping, with
       applications to clustering", Pattern Recognition 44, 2011; in the majorize-minimize form of D. Schultz and
       B. Jain, "Nonsmooth analysis and subgradient methods for averaging in dynamic time warping spaces", Pattern
       Recognition 74, 2018.

    Examples
    --------
    >>> barycenter([[0, 0, 4], [0, 4, 4]], radius=0).series.ravel().tolist()
    [0.0, 2.0, 4.0]
    """
    band = checked_radius(radius)
    max_iter = whole_number("max_iter", max_iter, least=1)
    seed = whole_number("seed", seed, least=0)
    checked = checked_series(series)
    members, notes = _sample(len(checked), seed)
    averaged = [checked[index] for index in members]
    if initial is None:
        start = averaged[_medoid(averaged, radius, mismatch_weights)]
    else:
        start = checked_series([averaged[0], finite_array(initial, "initial")])[1]
    one_hot = fit_one_hot([*averaged, start], mismatch_weights)
    if 0.0 in one_hot.scales:
        raise InputError(
            "a mismatch weight of 0 leaves its codes free to be anything; leave that channel out"
        )
    spread = _averaged([one_hot.spread(one) for one in averaged], one_hot.spread(start), band, max_iter)
    return _gathered(spread, one_hot, members, notes)


def describe_barycenter(center: Barycenter, encoding: Encoding) -> pd.DataFrame:
    """Return a barycentre in the units of the log, one row for each time point.

    Parameters
    ----------
    center
        Of series that ``encoding`` made.
    encoding
        How their channels were encoded.

    Returns
    -------
    pandas.DataFrame
        A numeric channel is one column, in its own unit (of a logarithmic one, what the mean of the logarithms
        stands for), and where values were unknown the share of these; a category is a column ``name=level`` for
        each level, from 0 to 1: the share of what is aligned with the time point that is so.

    Raises
    ------
    InputError
        If the barycentre has other channels than the encoding.

    Examples
    --------
    >>> from gymlab.actions import frame_from_records
    >>> from gymlab.actions.encoding import fit_encoding
    >>> log = frame_from_records(
    ...     {"session_id": "s", "agent_id": "a", "step": i, "actor": "a", "action_type": kind, "target": "b",
    ...      "relationship_type": "neutral", "decision_context": ""}
    ...     for i, kind in enumerate(["give", "take", "give", "give"])
    ... )
    >>> encoding = fit_encoding(log)
    >>> encoded = encoding.encode(log)
    >>> describe_barycenter(barycenter([encoded[:2], encoded[2:]], radius=0), encoding).to_dict("list")
    {'action_type=give': [1.0, 0.5], 'action_type=take': [0.0, 0.5]}
    """
    instance("center", center, Barycenter, "a Barycenter")
    instance("encoding", encoding, Encoding, "the Encoding of an extraction")
    if center.series.shape[1] != len(encoding.columns):
        raise InputError(
            f"the barycentre has {center.series.shape[1]} channels, the encoding has {len(encoding.columns)}"
        )
    described: dict[str, NDArray[np.float64]] = {}
    column = 0
    for fitted in (one for one in encoding.channels if not one.is_code):
        columns, width = _decoded(center.series[:, column:], fitted)
        described |= columns
        column += width
    coded = (one for one in encoding.channels if one.is_code)
    for fitted, found in zip(coded, center.shares, strict=True):
        for code, share in zip(found.codes.astype(int), found.shares.T, strict=True):
            described[f"{fitted.channel.column}={fitted.levels[code]}"] = share
    return pd.DataFrame(described)


def _sample(n: int, seed: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if n <= MOST_MEMBERS:
        return np.arange(n), ()
    drawn = np.sort(np.random.default_rng(seed).choice(n, size=MOST_MEMBERS, replace=False))
    note = f"the barycentre is that of {MOST_MEMBERS} of {n:,} members, drawn with seed {seed}"
    return drawn.astype(np.int64), (note,)


def _medoid(series: Sequence[OneSeries], radius: int | None, mismatch_weights: Sequence[float]) -> int:
    if len(series) == 1:
        return 0
    distances = dtw_pairwise(series, radius=radius, mismatch_weights=mismatch_weights)
    return int(np.argmin(squareform(distances).sum(axis=0, dtype=np.float64)))


def _averaged(series: list[OneSeries], start: OneSeries, band: int, max_iter: int) -> OneSeries:
    with warnings.catch_warnings():
        # tslearn wants h5py for what is not used here.
        warnings.filterwarnings("ignore", message="h5py not installed")
        from tslearn.barycenters import dtw_barycenter_averaging

    # tslearn's tolerance is absolute, so it is told what would be little for these series.
    spread = np.mean([((one - one.mean(axis=0)) ** 2).sum() for one in series])
    averaged: OneSeries = dtw_barycenter_averaging(
        series,
        init_barycenter=start,
        max_iter=max_iter,
        tol=1e-9 * float(spread),
        # The radius alone: with a constraint by its name, tslearn 0.10 averages as if there were no band.
        metric_params=None if band < 0 else {"sakoe_chiba_radius": band},
    )
    return averaged


def _gathered(
    spread: OneSeries, one_hot: OneHot, members: NDArray[np.int64], notes: tuple[str, ...]
) -> Barycenter:
    column = one_hot.n_numeric
    values, shares = [spread[:, :column]], []
    for codes, scale in zip(one_hot.codes, one_hot.scales, strict=True):
        found = spread[:, column : column + len(codes)] / scale
        shares.append(CodeShares(codes, found))
        values.append(codes[found.argmax(axis=1)][:, None])
        column += len(codes)
    return Barycenter(np.hstack(values), tuple(shares), members, notes)


def _decoded(values: OneSeries, fitted: FittedChannel) -> tuple[dict[str, NDArray[np.float64]], int]:
    """Return what the first columns say about a channel, and how many columns it has."""
    name, root = fitted.channel.column, math.sqrt(fitted.channel.weight)
    if fitted.channel.kind == "numeric":
        numbers = values[:, 0] / root * fitted.scale + fitted.shift
        columns = {name: np.expm1(numbers) if fitted.channel.log else numbers}
        if fitted.fill is None:
            return columns, 1
        return columns | {f"{name} (unknown)": values[:, 1] / root}, 2
    if len(fitted.levels) == 2:
        second = values[:, 0] / root
        return {f"{name}={fitted.levels[0]}": 1 - second, f"{name}={fitted.levels[1]}": second}, 1
    shares = values[:, : len(fitted.levels)] / math.sqrt(fitted.channel.weight / 2)
    return {f"{name}={level}": shares[:, i] for i, level in enumerate(fitted.levels)}, len(fitted.levels)
