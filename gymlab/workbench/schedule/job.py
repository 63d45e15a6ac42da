"""A job: a report that cron starts, stored in a YAML file that a person can edit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gymlab.arguments import boolean, shown
from gymlab.errors import InputError
from gymlab.settings import Settings
from gymlab.workbench.report.folders import checked_keep
from gymlab.workbench.report.sources import absolute_source
from gymlab.workbench.report.written import dumped, parsed_file

# The number of reports that a job keeps by default: a month of nightly runs.
KEPT = 30

# The days of the week on which a job can start. Sunday is 0, as in cron.
_WEEKDAYS = {
    "hour": range(7),
    "day": range(7),
    "weekday": range(1, 6),
    "monday": range(1, 2),
    "tuesday": range(2, 3),
    "wednesday": range(3, 4),
    "thursday": range(4, 5),
    "friday": range(5, 6),
    "saturday": range(6, 7),
    "sunday": range(1),
    "month": range(7),
}
EVERY = tuple(_WEEKDAYS)
_AT = re.compile(r"(?P<hour>[0-9]{1,2})?:(?P<minute>[0-9]{2})")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,59}")
_HEADER = "# A job of `gymlab schedule`. After a change to this file: gymlab schedule renew {name}\n"


@dataclass(frozen=True)
class Times:
    """The times at which a job starts, by the local clock; :func:`times_of` makes one.

    Attributes
    ----------
    every
        One of :data:`EVERY`.
    hour, minute
        Time of day. The hour is None if the job starts every hour.
    """

    every: str
    hour: int | None
    minute: int

    @property
    def at(self) -> str:
        """The time of day: ``02:30``, or ``:30`` for every hour."""
        return f"{'' if self.hour is None else f'{self.hour:02}'}:{self.minute:02}"

    @property
    def fields(self) -> str:
        """The five fields of a crontab line."""
        days = _WEEKDAYS[self.every]
        weekday = {7: "*", 1: str(days[0])}.get(len(days), f"{days[0]}-{days[-1]}")
        return f"{self.minute} {'*' if self.hour is None else self.hour} {'1' if self.every == 'month' else '*'} * {weekday}"

    @property
    def words(self) -> str:
        """The times as a phrase: ``every Monday at 02:30``."""
        name = self.every.capitalize() if len(_WEEKDAYS[self.every]) == 1 else self.every
        special = {"weekday": "Monday to Friday", "month": "on the first of every month"}
        return f"{special.get(self.every, f'every {name}')} at {self.at}"

    def next_after(self, now: datetime) -> datetime:
        """Return the next start after a moment of the local clock.

        Examples
        --------
        >>> times_of("monday", "02:30").next_after(datetime(2026, 1, 1, 12, 0))
        datetime.datetime(2026, 1, 5, 2, 30)
        """
        hour = now.hour if self.hour is None else self.hour
        start = now.replace(hour=hour, minute=self.minute, second=0, microsecond=0)
        step = timedelta(hours=1) if self.hour is None else timedelta(days=1)
        while start <= now or not self._is_on(start):
            start += step
        return start

    def meets(self, other: "Times") -> bool:
        """Return whether there is a minute in which both jobs start."""
        same_hour = self.hour is None or other.hour is None or self.hour == other.hour
        # The first day of a month can be any day of the week.
        days = set(_WEEKDAYS[self.every]) & set(_WEEKDAYS[other.every])
        return self.minute == other.minute and same_hour and bool(days)

    def _is_on(self, day: datetime) -> bool:
        return day.isoweekday() % 7 in _WEEKDAYS[self.every] and (self.every != "month" or day.day == 1)


def times_of(every: object, at: object) -> Times:
    """Return the times at which a job starts.

    Parameters
    ----------
    every
        hour, day, weekday (Monday to Friday), the name of a day, or month (its first day).
    at
        Time of day, ``02:30``. For every hour only the minutes count, and ``:30`` is enough.

    Raises
    ------
    InputError
        If one of the two arguments has another form.

    Examples
    --------
    >>> times = times_of("weekday", "2:30")
    >>> times.fields, times.words
    ('30 2 * * 1-5', 'Monday to Friday at 02:30')
    """
    if not isinstance(every, str) or every not in EVERY:
        raise InputError(f"every is {shown(every)}; choose one of {', '.join(EVERY)}")
    found = _AT.fullmatch(at) if isinstance(at, str) else None
    if found is None or int(found["hour"] or 0) > 23 or int(found["minute"]) > 59:
        raise InputError(f"at is {shown(at)}; give a time of the day such as 02:30")
    if every == "hour":
        return Times(every, None, int(found["minute"]))
    if not found["hour"]:
        raise InputError(f"at is {at!r}, which says when in an hour; give a time of the day such as 02:30")
    return Times(every, int(found["hour"]), int(found["minute"]))


@dataclass(frozen=True)
class Job:
    """A report that cron starts.

    Attributes
    ----------
    name
        Name of the job, of its file and of its log.
    source
        The log, as :func:`gymlab.read_actions` takes it, with absolute paths; empty for the bundled sample.
    every, at
        Times of the starts; see :func:`times_of`.
    keep
        Number of runs on this log that are kept; None keeps all.
    strict
        Whether a failed claim or a firing alert makes the exit code 1.
    out
        Folder of the runs, absolute; None is ``reports`` in gymlab's home.
    parameters
        Parameters of the report.

    Raises
    ------
    InputError
        If a value has another form.
    """

    name: str
    source: tuple[str, ...] = ()
    every: str = "day"
    at: str = "02:30"
    keep: int | None = KEPT
    strict: bool = True
    out: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every value."""
        checked_name(self.name)
        times_of(self.every, self.at)
        checked_keep(self.keep)
        boolean("strict", self.strict)
        if self.out is not None and not (isinstance(self.out, str) and Path(self.out).is_absolute()):
            raise InputError(f"out is {shown(self.out)}; give the whole path of a folder, or null")
        if not isinstance(self.parameters, Mapping) or not all(
            isinstance(one, str) for one in self.parameters
        ):
            raise InputError("parameters holds no names with values; write one a line, as in 'window: 30'")
        for one in self.source:
            if not isinstance(one, str) or not (one.startswith("~") or absolute_source(one) == one):
                raise InputError(f"source is {shown(one)}; give the whole path of a log, or its URL")

    @property
    def times(self) -> Times:
        """The times of the starts."""
        return times_of(self.every, self.at)

    @property
    def reports(self) -> Path:
        """Folder of the runs."""
        return Path(self.out) if self.out else Settings().reports

    @property
    def text(self) -> str:
        """The content of the job's file."""
        values = {name: getattr(self, name) for name in _FIELDS}
        values |= {"source": list(self.source), "at": self.times.at, "parameters": dict(self.parameters)}
        return _HEADER.format(name=self.name) + dumped(values)


_FIELDS = tuple(one.name for one in fields(Job) if one.name != "name")


def checked_name(name: object) -> str:
    """Return the name if it is safe as a part of file names and of crontab lines.

    Raises
    ------
    InputError
        If the name contains other characters.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(
            f"{shown(name)} is no name for a job; give up to 60 letters, digits, - and _, no - at the start"
        )
    return name


def default_name(source: tuple[str, ...]) -> str:
    """Return a name for a job, made from the name of its first log.

    Examples
    --------
    >>> default_name(("/data/my log (1).jsonl.gz",)), default_name(()), default_name(("/data/логи.csv",))
    ('my-log-1', 'sample', 'report')
    """
    if not source:
        return "sample"
    stem = Path(source[0]).name.lstrip(".").split(".")[0]
    return re.sub(r"[^A-Za-z0-9_]+", "-", stem).strip("-")[:60] or "report"


def job_file(name: str) -> Path:
    """Return the path of a job's file, which need not exist.

    Raises
    ------
    InputError
        If the name is not allowed for a job.
    """
    return Settings().home / "schedules" / f"{checked_name(name)}.yaml"


def job_names() -> list[str]:
    """Return the names of the jobs that have a file, sorted."""
    return sorted(path.stem for path in (Settings().home / "schedules").glob("*.yaml"))


def require_known(name: str) -> Path:
    """Return the path of an existing job's file.

    Raises
    ------
    InputError
        If there is no such job; the message lists the known ones.
    """
    path = job_file(name)
    if not path.exists():
        names = ", ".join(job_names())
        known = f"known are {names}" if names else "none is scheduled; `gymlab schedule add` adds one"
        raise InputError(f"there is no job {name!r}; {known}")
    return path


def read_job(name: str) -> Job:
    """Return a stored job.

    Raises
    ------
    InputError
        If there is no such job, or its file cannot be used.
    """
    path = require_known(name)
    values = parsed_file(path)
    known = f"those of a job are {', '.join(_FIELDS)}"
    if not isinstance(values, dict):
        raise InputError(f"{path}: holds no fields; {known}")
    if unknown := sorted({str(one) for one in values} - set(_FIELDS)):
        raise InputError(f"{path}: unknown field {', '.join(unknown)}; {known}")
    source = values.get("source") or []
    values["source"] = tuple(source) if isinstance(source, list) else (source,)
    values["parameters"] = values.get("parameters") or {}
    try:
        return Job(name, **values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
