"""Moments: which texts, dates and datetimes name one.

A text names a moment if all of it has one of these forms of ISO 8601:

- extended, ``2026-01-31T12:30:05.25+01:00``, or basic, ``20260131T123005.25+0100``, with `T` or one space before
  the time;
- the time to the hour, the minute, the second or any fraction of it, after a point or a comma; what is beyond the
  microsecond is cut off;
- the zone as ``Z``, ``±hh``, ``±hhmm`` or ``±hh:mm``; without one it is UTC;
- the date alone, which is its midnight in UTC.

Years run from 0001 to 9999, hours from 00 to 23, seconds from 00 to 59. Week dates, dates by the day of the year,
months without a day, seconds since 1970 and all other texts are no moments.
"""

import re
from datetime import UTC, date, datetime, time

import numpy as np
import pandas as pd

_HOUR, _SIXTY = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
_ZONE = f"(?:Z|[+-]{_HOUR}(?::?{_SIXTY})?)?"
_FORMS = re.compile(
    f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[T ]{_HOUR}(?::{_SIXTY}(?::{_SIXTY}(?:[.,][0-9]+)?)?)?{_ZONE})?"
    f"|[0-9]{{8}}(?:[T ]{_HOUR}(?:{_SIXTY}(?:{_SIXTY}(?:[.,][0-9]+)?)?)?{_ZONE})?"
)
_FIRST = pd.Timestamp(datetime.min.replace(tzinfo=UTC))
_LAST = pd.Timestamp(datetime.max.replace(tzinfo=UTC))


def moment_of(value: object) -> datetime | None:
    """Return the moment that a raw value names, without a zone if it has none, or None if it names none.

    Parameters
    ----------
    value
        A text of one of the forms above, a datetime, a date, or a scalar of pandas or numpy.

    Returns
    -------
    datetime or None
        The moment, in the zone that it was written in.

    Examples
    --------
    >>> moment_of("2026-01-31 12:30Z")
    datetime.datetime(2026, 1, 31, 12, 30, tzinfo=datetime.timezone.utc)
    >>> moment_of("20260131123000Z") is None
    True
    """
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value) if _FORMS.fullmatch(value) else None
        if isinstance(value, np.datetime64):
            value = pd.Timestamp(value)
        # NaT says that it is a datetime.
        if value is pd.NaT:
            return None
        if isinstance(value, pd.Timestamp):
            value = value.to_pydatetime(warn=False)
    except (ValueError, OverflowError):
        return None
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, time()) if isinstance(value, date) else None


def in_utc(moment: datetime | None) -> datetime | None:
    """Return a moment in UTC, which it is taken to be in if it has no zone; None if UTC has no year for it.

    Examples
    --------
    >>> in_utc(moment_of("2026-01-31T12:00+02:00"))
    datetime.datetime(2026, 1, 31, 10, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        if moment is None or is_naive(moment):
            return moment and moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def is_naive(moment: datetime) -> bool:
    """Tell whether a moment has no zone.

    Examples
    --------
    >>> is_naive(datetime(2026, 1, 31))
    True
    """
    return moment.utcoffset() is None


def moments_in(raw: pd.Series) -> pd.Series:
    """Return raw values with those that name a moment as datetimes, the others as they are.

    Examples
    --------
    >>> moments_in(pd.Series(["2026-01-31", "soon"])).tolist()
    [datetime.datetime(2026, 1, 31, 0, 0), 'soon']
    """
    if pd.api.types.is_datetime64_any_dtype(raw.dtype):
        return raw
    return pd.Series(
        [value if (moment := moment_of(value)) is None else moment for value in raw], dtype=object
    )


def has_naive_moment(moments: pd.Series) -> bool:
    """Tell whether any of what `moments_in` returned is a moment without a zone.

    Examples
    --------
    >>> has_naive_moment(moments_in(pd.Series(["2026-01-31", "2026-01-31T00Z"])))
    True
    """
    if pd.api.types.is_datetime64_any_dtype(moments.dtype):
        return moments.dt.tz is None and bool(moments.notna().any())
    return any(isinstance(value, datetime) and is_naive(value) for value in moments if value is not pd.NaT)


def outside_calendar(moments: pd.Series) -> pd.Series:
    """Tell which datetimes of a column in UTC have a year that no calendar date of four digits has.

    Examples
    --------
    >>> outside_calendar(pd.Series(np.array(["12026-01-31"], dtype="datetime64[s]")).dt.tz_localize("UTC")).tolist()
    [True]
    """
    return (moments < _FIRST) | (moments > _LAST)
