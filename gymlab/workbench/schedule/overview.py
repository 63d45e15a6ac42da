"""What is scheduled: each job with its next start, its last run, and whether cron knows of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gymlab.workbench.schedule import crontab
from gymlab.workbench.schedule.jobs import Job
from gymlab.workbench.schedule.line import Line
from gymlab.workbench.schedule.log import LastRun, last_run, log_file
from gymlab.workbench.schedule.stored import BrokenJob, stored_jobs
from gymlab.workbench.schedule.times import local_now
from gymlab.workbench.text import counted, one_line

NOTHING = "no report is scheduled; `gymlab schedule add LOG` makes one every night"


@dataclass(frozen=True)
class Scheduled:
    """A job as the files, the crontab and its log tell of it.

    Attributes
    ----------
    name
        Of the job.
    job
        None if its file is gone or cannot be used.
    next_start
        By the local clock; None if cron will not start it.
    last
        Its last run; None if there was none.
    cron
        ``ok`` if cron starts it as its file says; else what is wrong and what to do.
    """

    name: str
    job: Job | None
    next_start: datetime | None
    last: LastRun | None
    cron: str

    def as_dict(self) -> dict[str, Any]:
        """Return the same JSON-able."""
        job, last = self.job, self.last
        return {
            "name": self.name,
            "every": job and job.times.every,
            "at": job and job.times.at,
            "source": job and list(job.source),
            "parameters": job and dict(job.parameters),
            "keep": job and job.keep,
            "strict": job and job.strict,
            "reports": job and str(job.reports),
            "log": str(log_file(self.name)),
            "next_start": self.next_start and self.next_start.isoformat(timespec="minutes"),
            "last_at": last and last.at.isoformat(),
            "last_exit_code": last and last.exit_code,
            "last_seconds": last and last.seconds,
            "cron": self.cron,
        }


def overview(now: datetime | None = None) -> list[Scheduled]:
    """Return everything that is scheduled, by name.

    Parameters
    ----------
    now
        By the local clock, without a time zone; the present when not given.
    """
    moment = local_now() if now is None else now
    lines = crontab.lines()
    found = []
    for stored in stored_jobs():
        job = stored if isinstance(stored, Job) else None
        state = _state(stored, lines.get(stored.name))
        following = job.times.next_after(moment) if job and state == "ok" else None
        found.append(Scheduled(stored.name, job, following, last_run(stored.name), state))
    strays = [name for name in lines if name not in {one.name for one in found}]
    gone = "its file is gone: `gymlab schedule remove {name}` takes its line out of the crontab"
    found += [Scheduled(name, None, None, last_run(name), gone.format(name=name)) for name in strays]
    return sorted(found, key=lambda one: one.name)


def overview_listing(scheduled: Sequence[Scheduled]) -> str:
    """Return a line for each job, for a terminal."""
    if not scheduled:
        return NOTHING
    rows = [_cells(one) for one in scheduled]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )


def _cells(one: Scheduled) -> list[str]:
    following = "–" if one.next_start is None else f"{one.next_start:%Y-%m-%d %H:%M}"
    return [
        one.name,
        one.job.times.words if one.job else "–",
        f"next {following}",
        _source(one.job),
        _last(one.last),
        "in the crontab" if one.cron == "ok" else one_line(one.cron),
    ]


def _source(job: Job | None) -> str:
    if job is None:
        return "–"
    if not job.source:
        return "the bundled sample"
    first, others = one_line(job.source[0]), len(job.source) - 1
    # The end of a path tells more than its beginning.
    shown = first if len(first) <= 60 else f"…{first[-59:]}"
    return f"{shown} and {counted(others, 'others')}" if others else shown


def _last(last: LastRun | None) -> str:
    if last is None:
        return "no run yet"
    at = f"{last.at.astimezone():%Y-%m-%d %H:%M}"
    if last.exit_code is None:
        return f"began {at}, has not ended"
    return f"last {at}, exit code {last.exit_code}"


def _state(stored: Job | BrokenJob, line: Line | None) -> str:
    if isinstance(stored, BrokenJob):
        return stored.problem
    renew = f"`gymlab schedule renew {stored.name}`"
    if not crontab.available():
        return "there is no program crontab here: install cron"
    if line is None:
        return f"not in the crontab: {renew}"
    if line.paused:
        return f"paused by a # in the crontab: {renew} sets it going again"
    if line.fields.split() != stored.times.fields.split():
        return f"the crontab says {line.fields}, the file {stored.times.words}: {renew} makes them agree"
    return "ok"
