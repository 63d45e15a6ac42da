"""Jobs added, renewed and removed: file and crontab line together, one change at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from gymlab.errors import BusyError, InputError, OutputError
from gymlab.workbench.files import write_whole
from gymlab.workbench.schedule import crontab
from gymlab.workbench.schedule.jobs import Job
from gymlab.workbench.schedule.line import line_of
from gymlab.workbench.schedule.log import log_file
from gymlab.workbench.schedule.stored import folder, job_file, known_jobs, stored_jobs, write_job

_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Removed:
    """What a job was removed from, and where its log stays."""

    name: str
    file: bool
    line: bool
    log: Path


def install(job: Job) -> bool:
    """Write the file of a job and its crontab line: both, or neither.

    Returns
    -------
    bool
        Whether a job of that name was replaced.

    Raises
    ------
    InputError
        If cron cannot start it, or another job would start at the same time in the same folder.
    OutputError
        If either cannot be written.
    BusyError
        If somebody else is changing jobs and does not come to an end.
    """
    text = _line_for(job)
    with _locked():
        _require_apart(job)
        path = job_file(job.name)
        before = path.read_bytes() if path.exists() else None
        write_job(job)
        try:
            crontab.put_line(job.name, text)
        except BaseException:
            if before is None:
                path.unlink()
            else:
                write_whole(path, before)
            raise
    return before is not None


def install_line(job: Job) -> None:
    """Write the crontab line of a job whose file is there.

    Raises
    ------
    InputError, OutputError, BusyError
        As :func:`install`.
    """
    text = _line_for(job)
    with _locked():
        _require_apart(job)
        crontab.put_line(job.name, text)


def remove(name: str) -> Removed:
    """Remove a job's crontab line and its file; its log stays.

    Raises
    ------
    InputError
        If there is neither.
    OutputError
        If either cannot be removed.
    BusyError
        If somebody else is changing jobs and does not come to an end.
    """
    path = job_file(name)
    if not path.exists() and name not in crontab.lines():
        raise InputError(f"there is no job {name!r}; {known_jobs()}")
    with _locked():
        line = crontab.available() and crontab.drop_line(name)
        there = path.exists()
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"cannot remove {path}: {error.strerror or error}") from error
    return Removed(name, there, line, log_file(name))


def _line_for(job: Job) -> str:
    """Return the line, if there is a cron to give it to; refused before anything is written."""
    crontab.require_program()
    return line_of(job)


def _require_apart(job: Job) -> None:
    """Refuse a job that the lock of the reports would turn away because another one has begun in that minute."""
    for other in stored_jobs():
        if not isinstance(other, Job) or other.name == job.name or not other.times.meets(job.times):
            continue
        if other.reports.resolve() == job.reports.resolve():
            raise InputError(
                f"job {other.name} ({other.times.words}) would start at the same time in {job.reports}, where one report "
                "is written at a time; choose another --at, or another folder with --out"
            )


@contextmanager
def _locked() -> Iterator[None]:
    lock = FileLock(folder() / ".lock")
    try:
        folder().mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=_PATIENCE_SECONDS)
    except Timeout:
        raise BusyError(
            f"another `gymlab schedule` is changing jobs in {folder()}; wait until it is done"
        ) from None
    except OSError as error:
        raise OutputError(f"cannot write to {folder()}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()
