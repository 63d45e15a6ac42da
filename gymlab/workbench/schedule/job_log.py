"""The log of a job's runs: where it is, and what it says of the last run."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gymlab.settings import Settings

# The number of bytes at the end of a log. After a failed run cron mails at most this part, and runs are searched
# only in this part.
_TAIL = 64_000
WHEN = "%Y-%m-%d %H:%M:%S"
_BEGIN_OR_END = re.compile(
    r"^(?P<when>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC  (\S+ begins|\S+ ends with exit code (?P<code>\d+) after (?P<seconds>\d+) s)",
    re.MULTILINE,
)
_REPORT = re.compile(r"^report: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class LastRun:
    """The last run of a job, read from its log.

    Attributes
    ----------
    at
        The end of the run (UTC), or its beginning if it did not end.
    exit_code, seconds
        Exit code and duration; None if the run has not ended or was killed.
    report
        The page that the run made; None if it made none.
    """

    at: datetime
    exit_code: int | None
    seconds: int | None
    report: Path | None = None


def log_file(name: str) -> Path:
    """Return the path of a job's log, which need not exist."""
    return Settings().home / "logs" / f"{name}.log"


def last_run(name: str, *, ended: bool = False) -> LastRun | None:
    """Return the last run in a job's log, or None.

    Parameters
    ----------
    name
        Name of the job.
    ended
        Whether to look for the last run that has ended.
    """
    for path in (log_file(name), log_file(name).with_suffix(".log.1")):
        text = tail(path) if path.exists() else ""
        found = list(_BEGIN_OR_END.finditer(text))
        last = next(
            (place for place in reversed(range(len(found))) if found[place]["code"] or not ended), None
        )
        if last is not None:
            one = found[last]
            at = datetime.strptime(one["when"], WHEN).replace(tzinfo=UTC)
            code, seconds = (
                None if number is None else int(number) for number in one.group("code", "seconds")
            )
            pages = _REPORT.findall(text, found[last - 1].end() if last else 0, one.start())
            return LastRun(at, code, seconds, Path(pages[-1]) if pages else None)
    return None


def tail(path: Path, start: int = 0) -> str:
    """Return the end of a log from a byte position on, with at most 64,000 bytes."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(start, end - _TAIL))
        return file.read().decode(errors="replace")
