"""Converts an array or a list of arrays to the layout that the kernels read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gymlab.arguments import shown, whole_number
from gymlab.distance.exact import Float64Array, far_from_zero, might_lose, moved_by, real_numbers
from gymlab.errors import InputError

Series = ArrayLike | Sequence[ArrayLike]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]

# Numbers outside this range are rescaled, since float32 holds their squares with fewer digits or not at all.
_SMALL, _LARGE = 1e-6, 1e6

# float32 cannot hold distances between numbers outside this range.
_LEAST, _MOST = 1e-30, 1e30

# float64 cannot hold sums of squares of numbers outside this range.
_LEAST_SQUARED, _MOST_SQUARED = 1e-150, 1e150

# If there are codes, numbers are not rescaled, so float32 has to hold their squares too.
_LEAST_WITH_CODES, _MOST_WITH_CODES = 1e-15, 1e15

# float32 cannot distinguish all codes above this.
_MOST_CODES = 2**24

_MOST_RADIUS = 2**30


@dataclass(frozen=True, eq=False)
class SeriesBatch:
    """Many series in one array.

    Attributes
    ----------
    values
        float32 ``(n, n_timepoints, n_channels)``, with zeros after the end of a shorter series.
    lengths
        int64 ``(n,)``.
    """

    values: Float32Array
    lengths: IntArray

    def __len__(self) -> int:
        """Return the number of series."""
        return len(self.values)

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self.values.shape[2])

    def part(self, index: IntArray) -> "SeriesBatch":
        """Return the series at ``index``, in that order."""
        return SeriesBatch(self.values[index], self.lengths[index])


def finite_array(values: ArrayLike, where: str) -> Float64Array:
    """Return one series as float64 ``(n_timepoints, n_channels)``.

    Raises
    ------
    InputError
        If it does not hold real numbers, has no time point, has more than two dimensions, or holds NaN, infinity, or
        a whole number that float64 does not hold.
    """
    series = _series(values, where)
    return moved_by(series, np.zeros(series.shape[1]), where)


def _series(values: ArrayLike, where: str) -> NDArray[Any]:
    """Return one series, ``(n_timepoints, n_channels)``: float64, or exact objects from :func:`real_numbers`."""
    array = real_numbers(values, where)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise InputError(
            f"{where} has {array.ndim} dimensions; a series is (n_timepoints,) or (n_timepoints, n_channels)"
        )
    if 0 in array.shape:
        raise InputError(f"{where} is empty, shape {array.shape}")
    if array.dtype == object:
        return array
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        timepoint = int(np.argmin(np.isfinite(array).all(axis=1)))
        raise InputError(
            f"{where} holds NaN or infinity at time point {timepoint}; fill or drop such values first"
        )
    return array


def checked_radius(radius: int | None) -> int:
    """Return the radius as the kernels expect it: −1 for no band.

    Raises
    ------
    InputError
        If it is neither None nor a whole number of at least 0.
    """
    if radius is None:
        return -1
    # A radius above every length has the same effect as no band. It is limited, so that adding a length to it cannot
    # overflow.
    reach = min(radius, _MOST_RADIUS) if isinstance(radius, int) else radius
    return min(whole_number("radius", reach, least=0, instead=", or None for no band"), _MOST_RADIUS)


def number_of_codes(weights: Sequence[float]) -> int:
    """Return how many of the last channels are codes of categories: one for each weight.

    Raises
    ------
    InputError
        If the weights are not a sequence of finite numbers of 0 or more.
    """
    wanted = f"mismatch_weights is {shown(weights)}; give a sequence of finite weights of 0 or more"
    try:
        array = real_numbers(weights, "mismatch_weights").astype(np.float64)
    except InputError:
        raise InputError(wanted) from None
    if array.ndim != 1 or not np.all(np.isfinite(array) & (array >= 0)):
        raise InputError(wanted)
    return len(array)


def checked_mismatch_weights(weights: Sequence[float], n_channels: int) -> NDArray[np.float64]:
    """Return the weights of the last channels, which are codes of categories.

    Raises
    ------
    InputError
        If they are not finite numbers of 0 or more, or more than there are channels.
    """
    if number_of_codes(weights) > n_channels:
        raise InputError(
            f"mismatch_weights is {shown(weights)}; give one for each of at most {n_channels} channels"
        )
    return np.asarray(weights, dtype=np.float64)


def weights_of_lanes(weights: Sequence[float], n_channels: int) -> Float32Array:
    """Return the weights of codes as the kernels of lanes expect them, float32 ``(1, n_codes)``.

    Raises
    ------
    InputError
        If they are unusable, or float32 cannot hold them.
    """
    array = checked_mismatch_weights(weights, n_channels)
    if np.any((array != 0) & ~((array >= _LEAST) & (array <= _MOST))):
        raise InputError(f"mismatch_weights is {shown(weights)}; float32 holds 0, or {_LEAST:g} to {_MOST:g}")
    return array.astype(np.float32)[None, :]


def checked_pair(
    x: ArrayLike, y: ArrayLike, mismatch_weights: Sequence[float], names: tuple[str, str] = ("x", "y")
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return two series as the kernels expect them, (n, n_channels) and (n_channels, m), and their weights.

    Raises
    ------
    InputError
        If a series is unusable, the channels differ, or float64 cannot hold the squares of the values.
    """
    a, b = (_series(one, name) for one, name in zip((x, y), names, strict=True))
    if a.shape[1] != b.shape[1]:
        raise InputError(f"{names[0]} has {a.shape[1]} channels, {names[1]} has {b.shape[1]}")
    weights = checked_mismatch_weights(mismatch_weights, a.shape[1])
    numeric = a.shape[1] - len(weights)
    if object in (a.dtype, b.dtype):
        both = np.concatenate([a, b])
        shift = far_from_zero(both.min(axis=0).astype(np.float64), both.max(axis=0).astype(np.float64))
        shift[numeric:] = 0.0
        a, b = (moved_by(one, shift, name) for one, name in zip((a, b), names, strict=True))
    reach = max(float(np.max(np.abs(one[:, :numeric]), initial=0.0)) for one in (a, b))
    if reach and not _LEAST_SQUARED <= reach <= _MOST_SQUARED:
        raise InputError(f"the values reach {reach:.3g}, and float64 cannot hold their squares; rescale them")
    return np.ascontiguousarray(a), np.ascontiguousarray(b.T), weights


def batches(*collections: Series, n_codes: int = 0) -> tuple[list[SeriesBatch], float]:
    """Convert several collections of series to the layout of the kernels, with the same shift and scale for all.

    Parameters
    ----------
    *collections
        Each an array ``(n, n_timepoints)`` or ``(n, n_timepoints, n_channels)``, or a sequence of series of
        unequal length, ``(n_timepoints,)`` or ``(n_timepoints, n_channels)`` each.
    n_codes
        How many of the last channels are codes of categories; these are not changed.

    Returns
    -------
    batches
        One for each collection.
    scale
        The factor that converts a distance between the converted series to a distance between the original series.

    Raises
    ------
    InputError
        If a series is unusable (its index is named) or the numbers of channels differ.
    """
    arrays = [_stacked_or_list(collection) for collection in collections]
    channels = {
        int(a.shape[-1]) for array in arrays for a in ([array] if isinstance(array, np.ndarray) else array)
    }
    if len(channels) > 1:
        raise InputError(f"the series have different numbers of channels: {sorted(channels)}")
    shift, factor = _scaling(arrays, channels.pop(), n_codes)
    return [_batch(array, shift, factor) for array in arrays], 1.0 / factor


def _stacked_or_list(series: Series) -> NDArray[Any] | list[NDArray[Any]]:
    """Check a list series by series. Keep a regular array whole: it is not copied, and float32 stays float32."""
    if np.ma.isMaskedArray(series):
        raise InputError("the series are a masked array; fill or drop what is masked first")
    if isinstance(series, (str, bytes)) or not isinstance(series, (Sequence, np.ndarray)):
        raise InputError(f"expected an array or a list of series, got {type(series).__name__}")
    if isinstance(series, np.ndarray) and series.ndim == 0:
        raise InputError("expected an array or a list of series, got a single number")
    if len(series) == 0:
        raise InputError("there are no series; at least one is needed")
    if isinstance(series, np.ndarray) and series.dtype.kind in "fiub" and series.ndim in {2, 3}:
        array = np.asarray(series)  # a numpy.matrix would stay two-dimensional
        if array.size and np.isfinite(array).all() and not might_lose(array):
            return array[:, :, None] if array.ndim == 2 else array
    return [_series(one, f"series {index}") for index, one in enumerate(series)]


def _scaling(arrays: list[Any], n_channels: int, n_codes: int) -> tuple[Float64Array, float]:
    """Return a shift of each channel and a common factor, so that float32 holds the differences of all series.

    A common shift does not change DTW; a common factor multiplies it. A factor that is a power of two loses no digit.
    """
    flat = [array if isinstance(array, np.ndarray) else np.concatenate(array) for array in arrays]
    axes = [tuple(range(array.ndim - 1)) for array in flat]
    low = np.min([np.min(a, axis=x) for a, x in zip(flat, axes, strict=True)], axis=0).astype(np.float64)
    high = np.max([np.max(a, axis=x) for a, x in zip(flat, axes, strict=True)], axis=0).astype(np.float64)
    shift = far_from_zero(low, high)
    numeric = slice(0, n_channels - n_codes)
    shift[n_channels - n_codes :] = 0.0
    reach = float(np.max(np.maximum(np.abs(low - shift), np.abs(high - shift))[numeric], initial=0.0))
    if reach and not _LEAST <= reach <= _MOST:
        raise InputError(
            f"the values reach {reach:.3g}, and float32 cannot hold their distances; rescale them"
        )
    if n_codes and (
        low[n_channels - n_codes :].min() < 0 or high[n_channels - n_codes :].max() >= _MOST_CODES
    ):
        raise InputError(f"codes of categories have to be from 0 to {_MOST_CODES - 1:,}")
    if n_codes and reach and not _LEAST_WITH_CODES <= reach <= _MOST_WITH_CODES:
        raise InputError(f"the values reach {reach:.3g} beside codes, too far for float32; rescale them")
    # With codes there is no factor, since their weights would have to change too.
    small_or_large = bool(reach) and not _SMALL <= reach <= _LARGE and n_codes == 0
    factor = 2.0 ** -int(np.frexp(reach)[1]) if small_or_large else 1.0
    return shift, factor


def _batch(array: NDArray[Any] | list[NDArray[Any]], shift: Float64Array, factor: float) -> SeriesBatch:
    if isinstance(array, np.ndarray):
        moved = factor != 1.0 or bool(shift.any())
        values = ((array - shift) * factor).astype(np.float32) if moved else array
        lengths = np.full(len(array), array.shape[1], dtype=np.int64)
        return SeriesBatch(np.ascontiguousarray(values, dtype=np.float32), lengths)
    lengths = np.array([len(one) for one in array], dtype=np.int64)
    values = np.zeros((len(array), int(lengths.max()), array[0].shape[1]), dtype=np.float32)
    for index, (row, one) in enumerate(zip(values, array, strict=True)):
        row[: len(one)] = moved_by(one, shift, f"series {index}") * factor
    return SeriesBatch(values, lengths)
