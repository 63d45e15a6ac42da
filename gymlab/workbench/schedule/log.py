"""The log of a job: one file that its runs are appended to, of a bounded size, from which the last run is read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from gymlab.errors import OutputError
from gymlab.settings import Settings
from gymlab.workbench.schedule.jobs import checked_name

# A run takes about two kilobytes.
_LARGEST = 1_000_000
_TAIL = 100_000
_WHEN = "%Y-%m-%d %H:%M:%S"
_MARK = re.compile(
    r"^(?P<when>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC  (\S+ begins|\S+ ends with exit code (?P<code>\d+) after (?P<seconds>\d+) s)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class LastRun:
    """The last run of a job, by its log.

    Attributes
    ----------
    at
        When it ended (UTC), or when it began if it did not end.
    exit_code, seconds
        What it ended with and how long it took; None if it is at work, or was killed.
    """

    at: datetime
    exit_code: int | None
    seconds: int | None


def log_file(name: str) -> Path:
    """Return where the log of a job lies, or will."""
    return Settings().home / "logs" / f"{checked_name(name)}.log"


@contextmanager
def opened_log(name: str) -> Iterator[TextIO]:
    """Give the log to append to; what makes it too large is moved to ``<name>.log.1`` first.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = log_file(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LARGEST:
            path.replace(path.with_suffix(".log.1"))
        log = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    with log:
        yield log


def begin_line(name: str, now: datetime) -> str:
    """Return the line with which a run begins."""
    return f"{now.astimezone(UTC):{_WHEN}} UTC  {name} begins"


def end_line(name: str, now: datetime, exit_code: int, seconds: float) -> str:
    """Return the line with which a run ends.

    Examples
    --------
    >>> end_line("nightly", datetime(2026, 1, 31, 2, 33, 9, tzinfo=UTC), 0, 189.4)
    '2026-01-31 02:33:09 UTC  nightly ends with exit code 0 after 189 s'
    """
    return f"{now.astimezone(UTC):{_WHEN}} UTC  {name} ends with exit code {exit_code} after {seconds:.0f} s"


def last_run(name: str) -> LastRun | None:
    """Return the last run in the log of a job; None if there is none."""
    path = log_file(name)
    for one in (path, path.with_suffix(".log.1")):
        marks = list(_MARK.finditer(_tail(one)))
        if marks:
            last = marks[-1]
            at = datetime.strptime(last["when"], _WHEN).replace(tzinfo=UTC)
            code, seconds = last["code"], last["seconds"]
            return LastRun(at, None if code is None else int(code), None if seconds is None else int(seconds))
    return None


def _tail(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _TAIL))
        return file.read().decode(errors="replace")
