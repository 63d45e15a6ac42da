"""From a column of raw values to its exact dtype, with every value that does not fit known by its position.

Each converter takes the raw values as a reader found them and returns the typed values together with what is
wrong, as ``{position: sentence}``. A bad value leaves a harmless stand-in behind; the caller drops its row.
"""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from gymlab.actions.columns import Column

Problems = dict[int, str]
Converted = tuple[pd.Series, Problems]

_MISSING = "is missing"
_INT64 = np.iinfo(np.int64)
_NUMBERS = (int, float, np.integer, np.floating, Decimal)


def to_text(raw: pd.Series, column: "Column") -> Converted:
    """Strings stay, whole numbers become their digits, anything else is a problem."""
    problems: Problems = {}
    if isinstance(raw.dtype, pd.StringDtype):
        values = raw.astype("str")
    elif pd.api.types.is_integer_dtype(raw.dtype):
        values = raw.astype("Int64").astype("str")
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


def to_category(raw: pd.Series, column: "Column") -> Converted:
    """Only the column's own categories are known; a missing one is a problem."""
    texts, problems = to_text(raw, column)
    allowed = pd.CategoricalDtype(list(column.allowed))
    values = texts.where(texts.isin(column.allowed), column.allowed[0]).astype(allowed)
    unknown = ~texts.isin(column.allowed).to_numpy()
    _mark(problems, unknown, f"is none of {', '.join(column.allowed)}")
    return values, problems


def to_number(raw: pd.Series, column: "Column") -> Converted:
    """Finite numbers inside the column's range; a missing one is NaN, and stays so."""
    problems: Problems = {}
    numbers = _floats(raw, problems)
    values = numbers.to_numpy(copy=True)
    _mark(problems, np.isinf(values), "is not finite")
    low = -math.inf if column.low is None else column.low
    high = math.inf if column.high is None else column.high
    _mark(problems, (values < low) | (values > high), f"is outside {column.range}")
    return pd.Series(values), problems


def to_integer(raw: pd.Series, column: "Column") -> Converted:
    """Whole numbers; the dtype is int64 where the column is required, else the Int64 that knows <NA>."""
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


def to_time(raw: pd.Series, _column: "Column") -> Converted:
    """ISO 8601 texts and datetimes, in UTC to the microsecond; one without a zone is taken as UTC."""
    problems: Problems = {}
    if isinstance(raw.dtype, pd.DatetimeTZDtype):
        return raw.astype("datetime64[us, UTC]"), problems
    if pd.api.types.is_datetime64_dtype(raw.dtype):
        return raw.dt.tz_localize("UTC").astype("datetime64[us, UTC]"), problems
    moments = [_moment(value, position, problems) for position, value in enumerate(raw)]
    return pd.Series(moments, dtype="datetime64[us, UTC]"), problems


def has_naive_time(raw: pd.Series) -> bool:
    """Tell whether any of these raw times carries no zone."""
    if isinstance(raw.dtype, pd.DatetimeTZDtype):
        return False
    if pd.api.types.is_datetime64_dtype(raw.dtype):
        return bool(raw.notna().any())
    moments = (moment_of(value) for value in raw.dropna())
    return any(moment is not None and moment.tzinfo is None for moment in moments)


def to_json(raw: pd.Series, _column: "Column") -> Converted:
    """Objects become JSON text, JSON text stays as it stands, none is the empty text."""
    problems: Problems = {}
    if isinstance(raw.dtype, pd.StringDtype) and bool(((raw == "") | raw.isna()).all()):
        return raw.fillna("").astype("str"), problems
    texts = [_json_text(value, position, problems) for position, value in enumerate(raw.astype(object))]
    return pd.Series(texts, dtype="str"), problems


CONVERTERS: dict[str, Callable[[pd.Series, "Column"], Converted]] = {
    "text": to_text,
    "category": to_category,
    "number": to_number,
    "integer": to_integer,
    "time": to_time,
    "json": to_json,
}


def _mark(problems: Problems, bad: "np.ndarray[Any, np.dtype[np.bool_]]", problem: str) -> None:
    """Record `problem` where `bad`, unless something is known to be wrong there already."""
    for position in np.flatnonzero(bad):
        problems.setdefault(int(position), problem)


def _is_missing(value: object) -> bool:
    return (
        value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))
    )


def _text_of_objects(raw: pd.Series, problems: Problems) -> pd.Series:
    texts: list[str | None] = []
    for position, value in enumerate(raw):
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            texts.append(str(value))
        else:
            texts.append(None if _is_missing(value) else "")
            if texts[-1] is not None:
                problems[position] = f"is {_kind(value)}, not text"
    try:
        return pd.Series(texts, dtype="str")
    except UnicodeEncodeError:
        # A JSON escape can name half a surrogate pair, which no UTF-8 file, Parquet or database could hold.
        for position, text in enumerate(texts):
            if text is not None and not _is_encodable(text):
                texts[position] = ""
                problems[position] = "holds half a surrogate pair, which is no text"
        return pd.Series(texts, dtype="str")


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
    return "a number" if isinstance(value, _NUMBERS) else f"a {type(value).__name__}"


def _floats(raw: pd.Series, problems: Problems) -> pd.Series:
    # pandas would read True as 1 and "0.5" as 0.5, so only columns that hold nothing but numbers take its way.
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
    if _is_missing(value):
        return math.nan
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, _NUMBERS):
        problems[position] = f"is {_kind(value)}, not a number"
        return math.nan
    try:
        return float(value)
    except OverflowError:
        problems[position] = "is not finite"
        return math.nan


def _whole(value: object, position: int, problems: Problems) -> int | None:
    if _is_missing(value):
        return None
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, _NUMBERS):
        problems[position] = f"is {_kind(value)}, not a whole number"
    elif not math.isfinite(value) or value != int(value):
        problems[position] = "is not a whole number"
    elif not _INT64.min <= value <= _INT64.max:
        problems[position] = "is too large for a whole number of 64 bits"
    else:
        return int(value)
    return 0


def moment_of(value: object) -> datetime | None:
    """Return the moment that a raw value names, naive if it is, or None if it names none."""
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _moment(value: object, position: int, problems: Problems) -> datetime | None:
    if _is_missing(value):
        return None
    moment = moment_of(value)
    try:
        if moment is not None:
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        moment = None
    problems[position] = "is no ISO 8601 time such as 2026-01-31T12:00:00Z"
    return None


def _plain(value: object) -> object:
    """Return numpy's lists and numbers, which Parquet's cells hold, as JSON knows them."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"{_kind(value)} is nothing that JSON knows")


def _json_text(value: object, position: int, problems: Problems) -> str:
    if _is_missing(value) or (isinstance(value, str) and not value):
        return ""
    if not isinstance(value, (str, dict, list, np.ndarray)):
        problems[position] = f"is {_kind(value)}, not a JSON object"
        return ""
    try:
        if isinstance(value, str):
            json.loads(value)
            text = value
        else:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except (ValueError, TypeError, RecursionError):
        problems[position] = "is no valid JSON"
        return ""
    if not _is_encodable(text):
        problems[position] = "holds half a surrogate pair, which is no text"
        return ""
    return text
