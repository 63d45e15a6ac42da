"""Moments in time, and the texts, dates and datetimes that name a moment.

A text names a moment if it has one of these forms of ISO 8601:

- extended, ``2026-01-31T12:30:05.25+01:00``, or basic, ``20260131T123005.25+0100``, with `T` or one space before
  the time;
- the time to the hour, the minute, the second or a fraction of it, after a point or a comma; digits beyond the
  microsecond are cut off;
- the zone as ``Z``, ``±hh``, ``±hhmm`` or ``±hh:mm``; a time without a zone is in UTC;
- the date alone, which means midnight in UTC.

Years run from 0001 to 9999, hours from 00 to 23, seconds from 00 to 59. Week dates, dates by the day of the year,
months without a day, seconds since 1970 and all other texts name no moment.
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
    """Return the moment that a raw value names, or None; a value without a zone gives a moment without a zone.

    Parameters
    ----------
    value
        A text of one of the forms above, a datetime, a date, or a scalar of pandas or numpy.

    Returns
    -------
    datetime or None
        The moment, in the zone of the value.

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
        # NaT is an instance of datetime.
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
    """Return a moment in UTC; a moment without a zone is taken as UTC. None if its year in UTC is out of range.

    Examples
    --------
    >>> in_utc(moment_of("2026-01-31T12:00+02:00"))
    datetime.datetime(2026, 1, 31, 10, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        if moment is None or moment.utcoffset() is None:
            return moment and moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def moments_in(raw: pd.Series) -> pd.Series:
    """Return raw values, with a datetime in place of each value that names a moment.

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
    """Tell whether a moment among the values that `moments_in` returned has no zone.

    Examples
    --------
    >>> has_naive_moment(moments_in(pd.Series(["2026-01-31", "2026-01-31T00Z"])))
    True
    """
    if pd.api.types.is_datetime64_any_dtype(moments.dtype):
        return moments.dt.tz is None and bool(moments.notna().any())
    known = (value for value in moments if value is not pd.NaT)
    return any(isinstance(value, datetime) and value.utcoffset() is None for value in known)


def outside_calendar(moments: pd.Series) -> pd.Series:
    """Tell which datetimes of a column in UTC have a year outside 0001 to 9999.

    Examples
    --------
    >>> outside_calendar(pd.Series(np.array(["12026-01-31"], dtype="datetime64[s]")).dt.tz_localize("UTC")).tolist()
    [True]
    """
    return (moments < _FIRST) | (moments > _LAST)
