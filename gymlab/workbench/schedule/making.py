"""Jobs made, and made to count again after a change: checked as the report will check, then handed to cron."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gymlab.errors import InputError
from gymlab.workbench.schedule import crontab
from gymlab.workbench.schedule.crontab import running_daemon
from gymlab.workbench.schedule.editing import install, install_line
from gymlab.workbench.schedule.jobs import KEPT, Job, new_job
from gymlab.workbench.schedule.log import log_file
from gymlab.workbench.schedule.runnable import require_runnable
from gymlab.workbench.schedule.stored import job_file, read_job, stored_jobs
from gymlab.workbench.schedule.times import local_now, times_of

_FILTERS = ("format", "agent", "session", "since", "where")


@dataclass(frozen=True)
class Added:
    """A job that cron starts from now on.

    Attributes
    ----------
    job
        As it is stored.
    replaced
        Whether there was one of that name.
    cron_runs
        Whether there is a cron at work.
    """

    job: Job
    replaced: bool
    cron_runs: bool

    @property
    def next_start(self) -> datetime:
        """When it starts next, by the local clock."""
        return self.job.times.next_after(local_now())

    @property
    def file(self) -> Path:
        """Where the job is stored."""
        return job_file(self.job.name)

    @property
    def log(self) -> Path:
        """Where its runs will be told."""
        return log_file(self.job.name)


def add(
    source: Sequence[str] = (),
    every: str = "day",
    at: str = "02:30",
    *,
    name: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    keep: int | None = KEPT,
    strict: bool = True,
    out: Path | None = None,
) -> Added:
    """Let cron make a report time and again.

    Parameters
    ----------
    source
        What :func:`gymlab.read_actions` takes, as a list; when empty what the parameters say, else the bundled sample.
    every, at
        When; see :func:`~gymlab.workbench.schedule.times.times_of`.
    name
        Of the job; made from the name of the log when not given. A job of that name is replaced.
    parameters
        Values for the parameters of the report.
    keep
        How many runs on this log stay; None keeps all.
    strict
        Whether a claim that failed or an alert that fires makes the exit code 1, which cron mails.
    out
        Folder of the runs; ``reports`` in gymlab's home when not given.

    Returns
    -------
    Added

    Raises
    ------
    InputError
        If the job could not run, cron is not there, or another job starts at that time in that folder.
    OutputError
        If its file or the crontab cannot be written. In either case everything is as it was before.
    """
    crontab.require_program()
    job = new_job(
        source, times_of(every, at), name=name, parameters=parameters, keep=keep, strict=strict, out=out
    )
    if name is None:
        _require_free(job)
    job = require_runnable(job)
    return Added(job, replaced=install(job), cron_runs=running_daemon() is not None)


def renew(name: str) -> Added:
    """Check a job as it now stands in its file, and write its crontab line anew.

    After a change to the file, a line that got lost, another interpreter.

    Raises
    ------
    InputError, OutputError
        As :func:`add`.
    """
    crontab.require_program()
    job = require_runnable(read_job(name))
    install_line(job)
    return Added(job, replaced=True, cron_runs=running_daemon() is not None)


def _require_free(job: Job) -> None:
    """Refuse a name that gymlab chose and that another log has: nobody asked for that job to be replaced."""
    for other in stored_jobs():
        if other.name == job.name and not (
            isinstance(other, Job) and _part_of_log(other) == _part_of_log(job)
        ):
            raise InputError(
                f"there is a job {job.name} already, on another log or part of it; give this one another --name, "
                f"or replace that one with --name {job.name}"
            )


def _part_of_log(job: Job) -> tuple[object, ...]:
    return (job.source, *(job.parameters.get(name) or None for name in _FILTERS))
