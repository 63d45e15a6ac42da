"""The scheduled jobs: add, renew, remove and list them."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from gymlab.errors import BusyError, InputError, OutputError
from gymlab.settings import Settings, notebook_path
from gymlab.workbench.files import require_apart, unwritable, write_whole
from gymlab.workbench.report.folders import NOTEBOOK, own_files, part_of_log, run_folder
from gymlab.workbench.report.sources import absolute_source
from gymlab.workbench.schedule import crontab
from gymlab.workbench.schedule.job import (
    KEPT,
    Job,
    default_name,
    job_file,
    job_names,
    read_job,
    require_known,
    times_of,
)
from gymlab.workbench.schedule.job_log import last_run, log_file
from gymlab.workbench.text import counted, one_line

NOTHING = "no report is scheduled; `gymlab schedule add LOG` makes one every night"
_PATIENCE_SECONDS = 30


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
) -> tuple[Job, bool]:
    """Let cron make a report at given times.

    Parameters
    ----------
    source
        Files, patterns or URLs. If it is empty: the ``source`` of the parameters, or else the bundled sample.
    every, at, name, parameters, keep, strict, out
        As in :class:`~gymlab.workbench.schedule.job.Job`. Without a name, the name of the log is used. A job of the same
        name is replaced. A relative `out` is made absolute.

    Returns
    -------
    job, replaced
        The job as it is stored, and whether it replaced one of the same name.

    Raises
    ------
    InputError
        If the job could not run, cron is not installed, or another job starts at the same time in the same folder.
    OutputError
        If the job's file or the crontab cannot be written. After each of these errors nothing has changed.
    BusyError
        If another process changes jobs and does not finish.
    """
    crontab.require_program()
    others = dict(parameters or {})
    given = source or others.pop("source", None) or []
    others.pop("source", None)
    paths = absolute_source([given] if isinstance(given, str) else given)
    job = _runnable(
        Job(
            name=default_name(tuple(paths)) if name is None else name,
            source=tuple(paths),
            every=every,
            at=at,
            keep=keep,
            strict=strict,
            out=None if out is None else str(run_folder(out)),
            parameters=others,
        )
    )
    if name is None:
        _require_free(job)
    return job, _install(job, job.text.encode())


def renew(name: str) -> Job:
    """Check a job's file again and write its crontab line again.

    This is useful after a change of the file, after the loss of the line, or after a move of gymlab.

    Raises
    ------
    InputError, OutputError, BusyError
        As :func:`add`.
    """
    crontab.require_program()
    job = _runnable(read_job(name))
    _install(job, job_file(name).read_bytes())
    return job


def remove(name: str) -> list[str]:
    """Remove a job's crontab line and its file; its log stays.

    Returns
    -------
    list of str
        The names of the removed parts.

    Raises
    ------
    InputError
        If there is neither a line nor a file.
    OutputError
        If one of them cannot be removed.
    BusyError
        As :func:`add`.
    """
    path = job_file(name)
    if name not in crontab.scheduled_fields():
        require_known(name)
    with _locked():
        line = crontab.available() and crontab.change_line(name, None)
        there = path.exists()
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"cannot remove {path}: {error.strerror or error}") from error
    return ["its file"] * there + ["its line in the crontab"] * line


def overview(now: datetime | None = None) -> list[dict[str, Any]]:
    """Return every scheduled job, sorted by name, as JSON values.

    Parameters
    ----------
    now
        A time of the local clock, without a time zone; by default the present time.

    Returns
    -------
    list of dict
        For each job ``name``, the fields of its file (None if the file is missing or cannot be used), ``reports`` (folder
        of the runs), ``log``, ``next_start`` (local time; None if cron will not start it), ``last_at`` (end of the last
        run, or its begin if it did not end), ``last_exit_code``, ``last_seconds``, and ``cron``: ``ok`` if cron starts
        the job as its file says, else the problem and its solution.
    """
    moment = local_now() if now is None else now
    lines = crontab.scheduled_fields()
    stored, found = job_names(), []
    for name in sorted({*stored, *lines}):
        job = None
        try:
            job = read_job(name)
            state = _state(job, lines.get(name))
        except InputError as error:
            gone = f"its file is gone: `gymlab schedule remove {name}` takes its line out of the crontab"
            state = str(error) if name in stored else gone
        next_start = job.times.next_after(moment) if job and state == "ok" else None
        last = last_run(name)
        found.append(
            {
                "name": name,
                "every": job and job.every,
                "at": job and job.times.at,
                "source": job and list(job.source),
                "parameters": job and dict(job.parameters),
                "keep": job and job.keep,
                "strict": job and job.strict,
                "reports": job and str(job.reports),
                "log": str(log_file(name)),
                "next_start": next_start and next_start.isoformat(timespec="minutes"),
                "last_at": last and last.at.isoformat(),
                "last_exit_code": last and last.exit_code,
                "last_seconds": last and last.seconds,
                "cron": state,
            }
        )
    return found


def overview_listing(jobs: Sequence[Mapping[str, Any]]) -> str:
    """Return a line for each job of an overview, for a terminal."""
    rows = [_cells(job) for job in jobs]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join(lines) or NOTHING


def _cells(job: Mapping[str, Any]) -> list[str]:
    words = times_of(job["every"], job["at"]).words if job["every"] else "–"
    source = "–" if job["source"] is None else "the bundled sample"
    if job["source"]:
        first, others = one_line(job["source"][0]), len(job["source"]) - 1
        # The end of a path is more informative than its beginning.
        first = first if len(first) <= 60 else f"…{first[-59:]}"
        source = f"{first} and {counted(others, 'others')}" if others else first
    last = "no run yet"
    if job["last_at"]:
        at = f"{datetime.fromisoformat(job['last_at']).astimezone():%Y-%m-%d %H:%M}"
        code = job["last_exit_code"]
        last = f"began {at}, has not ended" if code is None else f"last {at}, exit code {code}"
    next_start = (job["next_start"] or "–").replace("T", " ")
    state = "in the crontab" if job["cron"] == "ok" else one_line(job["cron"])
    return [job["name"], words, f"next {next_start}", source, last, state]


def local_now() -> datetime:
    """Return the time of the local clock, which cron uses, without a time zone."""
    return datetime.now(UTC).astimezone().replace(tzinfo=None)


def _state(job: Job, fields: str | None) -> str:
    renewal = f"`gymlab schedule renew {job.name}`"
    if not crontab.available():
        return "there is no program crontab here: install cron"
    if fields is None:
        return f"not in the crontab: {renewal}"
    if fields.startswith("#"):
        return f"paused by a # in the crontab: {renewal} sets it going again"
    if fields.split() != job.times.fields.split():
        return f"the crontab says {fields}, the file {job.times.words}: {renewal} makes them agree"
    return "ok"


def _runnable(job: Job) -> Job:
    """Return the job with its parameters as the report takes them; refuse a job that would fail at night."""
    # These import pandas and numba, which a list of the jobs does not need.
    from gymlab.workbench.report.parameters import (  # noqa: PLC0415
        all_parameters,
        checked_parameters,
        require_usable,
    )

    done = subprocess.run(
        [sys.executable, "-P", "-c", "import gymlab"], env={}, cwd="/", capture_output=True, check=False
    )
    if done.returncode:
        raise InputError(
            f"{sys.executable} does not find gymlab outside of this folder or without this environment; install gymlab for it"
        )
    notebook = notebook_path(NOTEBOOK)
    parameters = checked_parameters(job.parameters, notebook)
    everything = all_parameters(parameters, notebook)
    source = absolute_source(list(job.source) or everything.get("source"))
    written = {"the job's own log": log_file(job.name), "the job's own file": job_file(job.name)}
    require_apart(own_files(job.reports) | written, source)
    require_usable({**everything, "source": source})
    if problem := unwritable(job.reports):
        raise InputError(f"{job.reports}: {problem}; choose another folder for the reports with --out")
    return replace(job, parameters=parameters)


def _require_free(job: Job) -> None:
    """Refuse to replace a job on another log if gymlab chose the name."""
    if not job_file(job.name).exists():
        return
    try:
        other = read_job(job.name)
    except InputError:
        other = None
    if other is None or _part_of_log(other) != _part_of_log(job):
        raise InputError(
            f"there is a job {job.name} already, on another log or part of it; give this one another --name, "
            f"or replace that one with --name {job.name}"
        )


def _part_of_log(job: Job) -> tuple[str, ...] | None:
    return part_of_log({**job.parameters, "source": list(job.source)})


def _install(job: Job, content: bytes) -> bool:
    """Write both a job's file and its crontab line, or neither of them; return whether the file existed."""
    text = crontab.line_of(job)
    path = job_file(job.name)
    with _locked():
        _require_free_minute(job)
        before = path.read_bytes() if path.exists() else None
        write_whole(path, content)
        try:
            crontab.change_line(job.name, text)
        except BaseException:
            if before is None:
                path.unlink()
            else:
                write_whole(path, before)
            raise
    return before is not None


def _require_free_minute(job: Job) -> None:
    """Refuse a job that starts in the same minute and folder as another: only one report is written at a time."""
    for name in job_names():
        try:
            other = read_job(name)
        except InputError:
            continue  # cron does not make its reports
        if name == job.name or not other.times.meets(job.times):
            continue
        if other.reports.resolve() == job.reports.resolve():
            raise InputError(
                f"job {name} ({other.times.words}) would start at the same time in {job.reports}, where one report "
                "is written at a time; choose another --at, or another folder with --out"
            )


@contextmanager
def _locked() -> Iterator[None]:
    folder = Settings().home / "schedules"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=_PATIENCE_SECONDS)
    except Timeout:
        raise BusyError(
            f"another `gymlab schedule` is changing jobs in {folder}; wait until it is done"
        ) from None
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()
