"""Conversion of numbers to float64. Whole numbers are converted exactly or refused; other objects are refused."""

from decimal import Decimal
from fractions import Fraction
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gymlab.arguments import shown
from gymlab.errors import InputError

Float64Array = NDArray[np.float64]

# Above this, float64 does not hold every whole number.
_MOST_WHOLE = 2**53

_NUMBERS = (int, float, Fraction, Decimal, np.integer, np.floating, np.bool_)
_TEXT = "is not a series of numbers: it holds text"
_DATES = "holds dates or durations; turn them into numbers first"
_NO_NUMBERS = {
    "U": _TEXT,
    "S": _TEXT,
    "T": _TEXT,
    "c": "holds complex numbers; a series is of real ones",
    "m": _DATES,
    "M": _DATES,
    "V": "is not a series of numbers: it holds records",
    "category": "holds categories; give their codes, and mismatch_weights",
}


def real_numbers(values: object, where: str) -> NDArray[Any]:
    """Return real numbers as an array that can be converted to float64.

    If a number is so large that float64 cannot hold every whole number of this size, the array holds exact objects:
    int for whole numbers, and Fraction for others.

    Raises
    ------
    InputError
        If a value is not a real number, or is masked.
    """
    parts = values if isinstance(values, (list, tuple)) else ()
    if any(np.ma.isMaskedArray(one) for one in (values, *parts)):
        raise InputError(f"{where} is a masked array; fill or drop what is masked first")
    if any(isinstance(one, bytearray) for one in (values, *parts)):
        raise InputError(f"{where} {_TEXT}")
    try:
        array = np.asarray(values)
        # numpy and pandas round integers beside floats to float64. The exact objects are read instead.
        if array.dtype == np.float64 and not isinstance(values, np.ndarray) and _is_large(array):
            exactly = getattr(values, "to_numpy", partial(np.asarray, values))
            array = exactly(dtype=object)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where} is not a series of numbers: {error}") from None
    kind = "category" if str(getattr(values, "dtype", "")) == "category" else array.dtype.kind
    if kind in _NO_NUMBERS:
        raise InputError(f"{where} {_NO_NUMBERS[kind]}")
    if kind == "O":
        return _of_objects(array, where)
    if not might_lose(array):
        return array
    return array.astype(object) if kind in "iu" else _of_objects(array.astype(object), where)


def might_lose(array: NDArray[Any]) -> bool:
    """Return whether an array has a wider type and a number so large that float64 might not hold it exactly."""
    as_float64 = array.dtype.kind in "bf" and array.dtype.itemsize <= 8
    return not as_float64 and array.dtype.itemsize >= 8 and _is_large(array)


def _is_large(array: NDArray[Any]) -> bool:
    return bool(array.size and (array.max() >= _MOST_WHOLE or array.min() <= -_MOST_WHOLE))


def _of_objects(array: NDArray[Any], where: str) -> NDArray[Any]:
    floats = np.empty(array.shape)
    for place, one in np.ndenumerate(array):
        if isinstance(one, np.timedelta64) or not isinstance(one, _NUMBERS):
            raise InputError(f"{where} is not a series of numbers: it holds {shown(one)}")
        try:
            floats[place] = float(one)
        except (OverflowError, ValueError):  # ValueError is raised for the signaling NaN of Decimal
            raise InputError(
                f"{where} is not a series of numbers: it holds {shown(one)}, which is beyond float64"
            ) from None
    if not np.isfinite(floats).all() or not _is_large(floats):
        return floats
    exact: NDArray[Any] = np.vectorize(_exact, otypes=[object])(array)
    return floats if (exact == floats).all() else exact


def _exact(number: Any) -> int | Fraction:  # noqa: ANN401 - one of _NUMBERS, which have no common type
    return int(number) if isinstance(number, (Integral, np.bool_)) else Fraction(*number.as_integer_ratio())


def moved_by(series: NDArray[Any], shift: Float64Array, where: str) -> Float64Array:
    """Subtract a shift from each channel of a series; return the result as float64, exact for whole numbers.

    Raises
    ------
    InputError
        If float64 cannot hold a whole number minus the shift; the message names the number.
    """
    if series.dtype != object:
        return np.asarray(series - shift, dtype=np.float64)
    exact = series - np.array([_exact(one) for one in shift.tolist()], dtype=object)
    moved: Float64Array = exact.astype(np.float64)
    for timepoint, channel in np.argwhere(np.abs(moved) >= _MOST_WHOLE):
        if abs(_exact(moved[timepoint, channel]) - exact[timepoint, channel]) >= 0.5:
            raise InputError(
                f"{where} holds {shown(series[timepoint, channel])} at time point {timepoint}, and float64 does not "
                "hold it beside values so far from it; scale or round the values first"
            )
    return moved


def far_from_zero(low: Float64Array, high: Float64Array) -> Float64Array:
    """Return a shift for each channel: the middle of the values if it is farther from zero than their spread, else 0.

    In float32, a channel far from zero would lose the digits in which its values differ. A channel near zero is not
    moved, so that small whole numbers stay whole.
    """
    middle = low + (high - low) / 2
    return np.where(np.abs(middle) > high - low, middle, 0.0)
