"""Series without codes, for libraries that know none: a code of a category becomes 0/1 columns."""

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
    """How the code columns were spread.

    Attributes
    ----------
    n_numeric
        How many channels come before the codes.
    codes
        For each code column its distinct codes, in ascending order: float64.
    scales
        For each code column the number that a 1 becomes. Two one-hot columns differ where codes do, so each carries half
        of the weight: ``sqrt(weight / 2)``.
    """

    n_numeric: int
    codes: tuple[NDArray[np.float64], ...]
    scales: tuple[float, ...]

    def spread(self, series: OneSeries) -> OneSeries:
        """Return a series whose codes are among those known, with a column for each: ``(n_timepoints, n_columns)``."""
        columns = [series[:, : self.n_numeric]]
        for index, (codes, scale) in enumerate(zip(self.codes, self.scales, strict=True)):
            columns.append(scale * (series[:, [self.n_numeric + index]] == codes))
        return np.hstack(columns)


def checked_series(series: ManySeries) -> list[OneSeries]:
    """Return the series as float64 ``(n_timepoints, n_channels)`` each, all of the same channels.

    Raises
    ------
    InputError
        If there is none, or one of them is empty, holds NaN or infinity, or has other channels than the first.
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
    """Return how to spread the last ``len(mismatch_weights)`` channels of these series.

    Raises
    ------
    InputError
        If the weights are not finite numbers of 0 or more, or more than there are channels.
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
    """Return series as float64 in which codes are one-hot columns, as far apart as two codes that differ."""
    checked = checked_series(series)
    one_hot = fit_one_hot(checked, mismatch_weights)
    return [one_hot.spread(one) for one in checked]
