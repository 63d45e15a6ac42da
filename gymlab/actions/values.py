"""Converters from a column of raw values to its exact dtype.

Each converter returns the typed values, and the problems as ``{position: sentence}``. A bad value is replaced by some
value of the dtype, since the caller drops its row.
"""

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from gymlab.actions.columns import Column
from gymlab.actions.json_text import HALF_PAIR, json_text, strict_json
from gymlab.actions.moments import in_utc, moment_of, moments_in, outside_calendar
from gymlab.errors import InputError

Problems = dict[int, str]
Converted = tuple[pd.Series, Problems]

_MISSING = "is missing"
_INT64 = np.iinfo(np.int64)
_NUMBERS = (int, float, np.integer, np.floating, Decimal)
_MOST_DIGITS = 4300
_NO_TIME = "is no ISO 8601 time such as 2026-01-31T12:00:00Z"
_FLOAT_TEXT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE_TEXT = re.compile(r"[+-]?\d{1,4000}", re.ASCII)


def to_text(raw: pd.Series, column: Column) -> Converted:
    """Keep strings, turn whole numbers into their digits, and report all other values."""
    problems: Problems = {}
    if isinstance(raw.dtype, pd.StringDtype) or pd.api.types.is_integer_dtype(raw.dtype):
        values = raw.astype("str")
    else:
        values = _text_of_objects(raw.astype(object), problems)
    missing = values.isna()
    if missing.any():
        values = values.fillna("")
    if column.required:
        _mark(problems, missing.to_numpy(), _MISSING)
        if not column.blank:
            _mark(problems, (values == "").to_numpy() & ~missing.to_numpy(), "is empty")
    return values, problems


def to_category(raw: pd.Series, column: Column) -> Converted:
    """Keep the categories of the column, and report all other values."""
    texts, problems = to_text(raw, column)
    allowed = pd.CategoricalDtype(list(column.allowed))
    values = texts.where(texts.isin(column.allowed), column.allowed[0]).astype(allowed)
    unknown = ~texts.isin(column.allowed).to_numpy()
    _mark(problems, unknown, f"is none of {', '.join(column.allowed)}")
    return values, problems


def to_number(raw: pd.Series, column: Column) -> Converted:
    """Keep finite numbers in the range of the column, and report all others; a missing number is NaN."""
    problems: Problems = {}
    numbers = _floats(raw, problems)
    values = numbers.to_numpy(copy=True)
    _mark(problems, np.isinf(values), "is not finite")
    low = -math.inf if column.low is None else column.low
    high = math.inf if column.high is None else column.high
    _mark(problems, (values < low) | (values > high), f"is outside {column.range}")
    return pd.Series(values), problems


def to_integer(raw: pd.Series, column: Column) -> Converted:
    """Keep whole numbers (int64 if the column is required, else Int64, which has <NA>), and report all other values."""
    problems: Problems = {}
    low = _INT64.min if column.low is None else int(column.low)
    if pd.api.types.is_integer_dtype(raw.dtype) and not pd.api.types.is_unsigned_integer_dtype(raw.dtype):
        values = raw.astype("Int64")
    else:
        integers = [_whole(value, position, problems) for position, value in enumerate(raw)]
        values = pd.Series(pd.array(integers, dtype="Int64"))
    _mark(problems, (values < low).fillna(value=False).to_numpy(dtype=bool), f"is outside {column.range}")
    if not column.required:
        return values, problems
    _mark(problems, values.isna().to_numpy(dtype=bool), _MISSING)
    return values.fillna(0).astype("int64"), problems


def to_time(raw: pd.Series, _column: Column) -> Converted:
    """Return moments, as `gymlab.actions.moments` defines them, in UTC; digits beyond the microsecond are cut off."""
    problems: Problems = {}
    moments = moments_in(raw)
    if moments.dtype != object:
        aware = moments.dt.tz_localize("UTC") if moments.dt.tz is None else moments.dt.tz_convert("UTC")
        outside = outside_calendar(aware)
        _mark(problems, outside.to_numpy(), _NO_TIME)
        return aware.where(~outside).astype("datetime64[us, UTC]"), problems
    converted = [None if is_missing(value) else in_utc(moment_of(value)) for value in moments]
    for position, (moment, value) in enumerate(zip(converted, moments, strict=True)):
        if moment is None and not is_missing(value):
            problems[position] = _NO_TIME
    return pd.Series(converted, dtype="datetime64[us, UTC]"), problems


def to_json(raw: pd.Series, _column: Column) -> Converted:
    """Write objects and lists as JSON text; keep JSON text unchanged; a missing value is the empty text."""
    is_text = isinstance(raw.dtype, pd.StringDtype)
    # Equal texts are read once.
    codes, values = pd.factorize(raw, use_na_sentinel=False) if is_text else (np.arange(len(raw)), raw)
    wrong: Problems = {}
    texts = [_json_text(value, code, wrong) for code, value in enumerate(values)]
    problems = {at: wrong[code] for at, code in enumerate(codes.tolist()) if code in wrong} if wrong else {}
    return pd.Series(texts, dtype="str").take(codes).reset_index(drop=True), problems


CONVERTERS: dict[str, Callable[[pd.Series, Column], Converted]] = {
    "text": to_text,
    "category": to_category,
    "number": to_number,
    "integer": to_integer,
    "time": to_time,
    "json": to_json,
}


def _mark(problems: Problems, bad: "np.ndarray[Any, np.dtype[np.bool_]]", problem: str) -> None:
    """Record `problem` at the positions of `bad` that have no problem yet."""
    for position in np.flatnonzero(bad):
        problems.setdefault(int(position), problem)


def is_missing(value: object) -> bool:
    """Tell whether a raw value means "no value"."""
    if isinstance(value, Decimal):
        return value.is_nan()
    # Only NaN and NaT differ from themselves.
    if isinstance(value, (float, np.floating, np.datetime64, np.timedelta64)):
        return bool(value != value)  # noqa: PLR0124
    return value is None or value is pd.NA or value is pd.NaT


def _text_of_objects(raw: pd.Series, problems: Problems) -> pd.Series:
    texts: list[str | None] = []
    for position, value in enumerate(raw):
        if isinstance(value, str):
            texts.append(value)
        elif is_missing(value):
            texts.append(None)
        else:
            texts.append(_digits(value, position, problems))
    try:
        return pd.Series(texts, dtype="str")
    except UnicodeEncodeError:
        # A JSON escape can name half of a surrogate pair, which no UTF-8 file, Parquet file or database can hold.
        for position, text in enumerate(texts):
            if text is not None and not _is_encodable(text):
                texts[position] = ""
                problems[position] = HALF_PAIR
        return pd.Series(texts, dtype="str")


def _digits(value: object, position: int, problems: Problems) -> str:
    """Return the digits of a whole number; a float is refused, since it may have lost digits."""
    try:
        whole = None if isinstance(value, (float, np.floating)) else _integer(value)
        if whole is not None:
            return str(whole)
        problems[position] = f"is {_kind(value)}, not text"
    # Python refuses longer numbers, since the time grows with the square of the length.
    except (OverflowError, ValueError):
        problems[position] = f"has more than {_MOST_DIGITS:,} digits"
    return ""


def _integer(value: object) -> int | None:
    """Return a whole number as an int, or None for other values; an OverflowError means too many digits."""
    if not _is_number(value) or not _is_finite(value):
        return None
    if isinstance(value, Decimal) and value.adjusted() >= _MOST_DIGITS:
        raise OverflowError
    whole = int(value)  # type: ignore[call-overload] # it is a number
    return whole if whole == value else None


def _is_number(value: object) -> bool:
    # To numpy a duration is a signed integer.
    return isinstance(value, _NUMBERS) and not isinstance(value, (bool, np.timedelta64))


def _is_finite(value: object) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    return not isinstance(value, (float, np.floating)) or bool(np.isfinite(value))


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: object) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, bytes):
        return "bytes"
    return "a number" if _is_number(value) else f"a {type(value).__name__}"


def _floats(raw: pd.Series, problems: Problems) -> pd.Series:
    # pandas would read True as 1 and "0.5" as 0.5, so it converts only columns of numbers.
    is_object = raw.dtype == object
    if pd.api.types.infer_dtype(raw, skipna=True) in (
        {"floating", "empty"} if is_object else {"floating", "integer"}
    ):
        return raw.astype("Float64" if pd.api.types.is_integer_dtype(raw.dtype) else "float64").astype(
            "float64"
        )
    return pd.Series(
        [_number(value, position, problems) for position, value in enumerate(raw)], dtype="float64"
    )


def _number(value: object, position: int, problems: Problems) -> float:
    if is_missing(value):
        return math.nan
    if not _is_number(value):
        problems[position] = f"is {_kind(value)}, not a number"
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type] # it is a number
    except OverflowError:
        problems[position] = "is not finite"
        return math.nan


def _whole(value: object, position: int, problems: Problems) -> int | None:
    if is_missing(value):
        return None
    try:
        whole = _integer(value)
    except OverflowError:
        whole = _INT64.max + 1
    if whole is None:
        kind = "" if _is_number(value) else f"{_kind(value)}, "
        problems[position] = f"is {kind}not a whole number"
    elif not _INT64.min <= whole <= _INT64.max:
        problems[position] = "is too large for a whole number of 64 bits"
    else:
        return whole
    return 0


def number_in(text: str) -> object:
    """Return the number that a text names, or the text itself ("nan" and "inf" are no numbers).

    Examples
    --------
    >>> number_in(" 0.50"), number_in("12"), number_in("1_000")
    (0.5, 12, '1_000')
    """
    stripped = text.strip()
    if _WHOLE_TEXT.fullmatch(stripped):
        return int(stripped)
    return float(stripped) if _FLOAT_TEXT.fullmatch(stripped) else text


def _json_text(value: object, position: int, problems: Problems) -> str:
    if is_missing(value) or (isinstance(value, str) and not value):
        return ""
    try:
        held = strict_json(value) if isinstance(value, str) else value
        if held is None:
            return ""
        is_array = isinstance(held, np.ndarray) and held.ndim > 0
        if not is_array and not isinstance(held, (Mapping, list, tuple, set, frozenset)):
            problems[position] = f"is {_kind(held)}, not a JSON object"
            return ""
        # The text itself is kept. It is written again only to find half of a surrogate pair in it.
        is_sure = isinstance(value, str) and "\\ud" not in value.lower() and _is_encodable(value)
        written = "" if is_sure else json_text(held)
    except InputError as error:
        problems[position] = str(error)
        return ""
    return value if isinstance(value, str) else written
