"""When a job starts: `every` and `at` as a person says them, as cron's five fields, as a sentence, as the next time."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gymlab.arguments import shown
from gymlab.errors import InputError

# Cron counts from Sunday, Python from Monday.
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
EVERY = ("hour", "day", "weekday", *_WEEKDAYS[1:], _WEEKDAYS[0], "month")

_WORKING = frozenset(range(1, 6))
_ALL = frozenset(range(7))
_AT = re.compile(r"(?P<hour>[0-9]{1,2})?:(?P<minute>[0-9]{2})")


@dataclass(frozen=True)
class Times:
    """When a job starts, by the local clock; see :func:`times_of`.

    Attributes
    ----------
    every
        One of :data:`EVERY`.
    hour, minute
        Of the start; for every hour the hour is None.
    """

    every: str
    hour: int | None
    minute: int

    @property
    def at(self) -> str:
        """The time as it is written: ``02:30``, or ``:30`` for every hour."""
        return f"{'' if self.hour is None else f'{self.hour:02}'}:{self.minute:02}"

    @property
    def fields(self) -> str:
        """The five fields of a crontab line."""
        hour = "*" if self.hour is None else self.hour
        day = "1" if self.every == "month" else "*"
        weekday = {"weekday": "1-5"}.get(self.every, "*")
        if self.every in _WEEKDAYS:
            weekday = str(_WEEKDAYS.index(self.every))
        return f"{self.minute} {hour} {day} * {weekday}"

    @property
    def words(self) -> str:
        """The same as a person says it."""
        if self.every == "weekday":
            return f"Monday to Friday at {self.at}"
        if self.every == "month":
            return f"on the first of every month at {self.at}"
        return f"every {self.every.capitalize() if self.every in _WEEKDAYS else self.every} at {self.at}"

    def next_after(self, now: datetime) -> datetime:
        """Return the next start after a moment of the local clock.

        Examples
        --------
        >>> times_of("monday", "02:30").next_after(datetime(2026, 1, 1, 12, 0))
        datetime.datetime(2026, 1, 5, 2, 30)
        """
        if self.hour is None:
            this = now.replace(minute=self.minute, second=0, microsecond=0)
            return this if this > now else this + timedelta(hours=1)
        one = now.replace(hour=self.hour, minute=self.minute, second=0, microsecond=0)
        while one <= now or not self._is_on(one):
            one += timedelta(days=1)
        return one

    def meets(self, other: "Times") -> bool:
        """Return whether two jobs start in the same minute, every time or now and then."""
        same_hour = self.hour is None or other.hour is None or self.hour == other.hour
        return self.minute == other.minute and same_hour and bool(self.weekdays & other.weekdays)

    @property
    def weekdays(self) -> frozenset[int]:
        """The days of the week on which it starts, every week or now and then; Sunday is 0."""
        if self.every == "weekday":
            return _WORKING
        # The first of a month is any day of the week sooner or later.
        return frozenset({_WEEKDAYS.index(self.every)}) if self.every in _WEEKDAYS else _ALL

    def _is_on(self, day: datetime) -> bool:
        return day.isoweekday() % 7 in self.weekdays and (self.every != "month" or day.day == 1)


def local_now() -> datetime:
    """Return what the local clock shows, which is what cron goes by; without a time zone."""
    return datetime.now(UTC).astimezone().replace(tzinfo=None)


def times_of(every: str, at: str) -> Times:
    """Return when a job starts.

    Parameters
    ----------
    every
        hour, day, weekday (Monday to Friday), the name of a day, or month (its first day).
    at
        The time of the day, ``02:30``. For every hour only its minutes count, and ``:30`` will do.

    Raises
    ------
    InputError
        If either says something else.

    Examples
    --------
    >>> times = times_of("weekday", "2:30")
    >>> times.fields, times.words
    ('30 2 * * 1-5', 'Monday to Friday at 02:30')
    """
    if not isinstance(every, str) or every not in EVERY:
        raise InputError(f"every is {shown(every)}; choose one of {', '.join(EVERY)}")
    found = _AT.fullmatch(at) if isinstance(at, str) else None
    hour = int(found["hour"]) if found and found["hour"] else None
    if found is None or (hour or 0) > 23 or int(found["minute"]) > 59:
        raise InputError(f"at is {shown(at)}; give a time of the day such as 02:30")
    if every == "hour":
        return Times(every, None, int(found["minute"]))
    if hour is None:
        raise InputError(f"at is {at!r}, which says when in an hour; give a time of the day such as 02:30")
    return Times(every, hour, int(found["minute"]))
