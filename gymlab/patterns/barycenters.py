"""The barycentre of a pattern: the series with the least sum of squared DTW distances to the members of the pattern.

The medoid is a member of the pattern. The barycentre is an average, and in general no member.
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

# At most this many members are averaged, which takes about a second. More members hardly change the average.
MOST_MEMBERS = 200


@dataclass(frozen=True, eq=False)
class CodeShares:
    """The barycentre of a code channel: the share of each code at each time point.

    Attributes
    ----------
    codes
        float64 ``(n_codes,)``: the codes that occur in the members, ascending.
    shares
        float64 ``(n_timepoints, n_codes)``. The sum of each row is 1.
    """

    codes: NDArray[np.float64]
    shares: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Barycenter:
    """The barycentre of some series.

    Attributes
    ----------
    series
        float64 ``(n_timepoints, n_channels)``. A code channel holds the code with the largest share at each time
        point, since codes have no average; ties go to the smallest code.
    shares
        One :class:`CodeShares` for each code channel.
    members
        int64: the indices of the series that were averaged, ascending.
    notes
        Sentences that say which series were left out.
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
    """Return the DBA barycentre [1]_ of some series, computed by tslearn.

    Parameters
    ----------
    series
        Array ``(n, n_timepoints, n_channels)``, or a list of arrays ``(n_timepoints, n_channels)`` of any lengths.
    radius, mismatch_weights
        As for :func:`gymlab.distance.dtw_pairwise`. Codes are averaged as one-hot columns of the same weight.
    initial
        The series to start from, ``(n_timepoints, n_channels)``; the barycentre gets its length. None for the medoid.
    max_iter
        Largest number of iterations. An iteration moves each time point to the mean of the points aligned with it.
    seed
        Seed of the sample. With more than 200 series a sample of 200 is averaged, and ``notes`` says so.

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
        raise InputError("a mismatch weight is 0, so its codes have no barycentre; leave this channel out")
    spread = _averaged([one_hot.spread(one) for one in averaged], one_hot.spread(start), band, max_iter)
    return _gathered(spread, one_hot, members, notes)


def describe_barycenter(center: Barycenter, encoding: Encoding) -> pd.DataFrame:
    """Return a barycentre in the units of the log, with a row for each time point.

    Parameters
    ----------
    center
        The barycentre of some encoded series.
    encoding
        The encoding of these series.

    Returns
    -------
    pandas.DataFrame
        A numeric channel has a column in its own unit; a logarithmic channel is averaged as logarithms. If the channel
        has unknown values, a column ``name (unknown)`` has their share. A categorical channel has a column
        ``name=level`` for each level: the share of this level, 0 to 1, among the actions aligned with the time point.

    Raises
    ------
    InputError
        If the number of channels differs between the barycentre and the encoding.

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
        # tslearn warns that h5py is missing. gymlab does not need it.
        warnings.filterwarnings("ignore", message="h5py not installed")
        from tslearn.barycenters import dtw_barycenter_averaging

    # tslearn's tolerance is absolute, so it is scaled to the variance of these series.
    spread = np.mean([((one - one.mean(axis=0)) ** 2).sum() for one in series])
    averaged: OneSeries = dtw_barycenter_averaging(
        series,
        init_barycenter=start,
        max_iter=max_iter,
        tol=1e-9 * float(spread),
        # Only the radius: with `global_constraint`, tslearn 0.10 ignores the band.
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
    """Return the columns of a frame for the channel that begins at the first column, and its number of columns."""
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
