"""Series for libraries that do not support category codes: each code channel becomes one-hot columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gymlab.arguments import shown
from gymlab.distance.series import checked_mismatch_weights, finite_array
from gymlab.errors import InputError

ManySeries = NDArray[np.floating] | Sequence[ArrayLike]
OneSeries = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OneHot:
    """How code channels become one-hot columns.

    Attributes
    ----------
    n_numeric
        Number of numeric channels. The code channels come after them.
    codes
        For each code channel its distinct codes, float64, ascending.
    scales
        For each code channel the value that stands for 1. Two different codes differ in two columns, so each column
        has half of the weight: the value is ``sqrt(weight / 2)``.
    """

    n_numeric: int
    codes: tuple[NDArray[np.float64], ...]
    scales: tuple[float, ...]

    def spread(self, series: OneSeries) -> OneSeries:
        """Return a series with a column for each known code: ``(n_timepoints, n_columns)``."""
        columns = [series[:, : self.n_numeric]]
        for index, (codes, scale) in enumerate(zip(self.codes, self.scales, strict=True)):
            columns.append(scale * (series[:, [self.n_numeric + index]] == codes))
        return np.hstack(columns)


def checked_series(series: ManySeries) -> list[OneSeries]:
    """Return the series as float64 arrays ``(n_timepoints, n_channels)``.

    Raises
    ------
    InputError
        If there are no series, or if one is empty, holds NaN or infinity, or has another number of channels than the
        first.
    """
    is_array = isinstance(series, np.ndarray) and series.ndim > 0
    if not is_array and (not isinstance(series, Sequence) or isinstance(series, (str, bytes))):
        raise InputError(f"series is {shown(series)}; give an array or a list of arrays")
    checked = [finite_array(one, f"series {index}") for index, one in enumerate(series)]
    if not checked:
        raise InputError("there are no series; at least one is needed")
    for index, one in enumerate(checked):
        if one.shape[1] != checked[0].shape[1]:
            raise InputError(
                f"series {index} has {one.shape[1]} channels, series 0 has {checked[0].shape[1]}"
            )
    return checked


def fit_one_hot(series: Sequence[OneSeries], mismatch_weights: Sequence[float]) -> OneHot:
    """Return a description of the one-hot columns for the last ``len(mismatch_weights)`` channels of these series.

    Raises
    ------
    InputError
        If a weight is not a finite number of 0 or more, or there are more weights than channels.
    """
    n_channels = series[0].shape[1]
    weights = checked_mismatch_weights(mismatch_weights, n_channels)
    n_numeric = n_channels - len(weights)
    codes = tuple(
        np.unique(np.concatenate([one[:, column] for one in series]))
        for column in range(n_numeric, n_channels)
    )
    return OneHot(n_numeric, codes, tuple(float(scale) for scale in np.sqrt(weights / 2)))


def one_hot_series(series: ManySeries, mismatch_weights: Sequence[float]) -> list[OneSeries]:
    """Return series in float64 with one-hot columns for codes; local costs stay the same."""
    checked = checked_series(series)
    one_hot = fit_one_hot(checked, mismatch_weights)
    return [one_hot.spread(one) for one in checked]
