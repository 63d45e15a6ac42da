"""The files of the jobs: one each, which a person can read and edit."""

from dataclasses import dataclass
from pathlib import Path

from gymlab.arguments import shown
from gymlab.errors import InputError
from gymlab.settings import Settings
from gymlab.workbench.files import write_whole
from gymlab.workbench.report.folders import checked_keep
from gymlab.workbench.report.sources import absolute_source
from gymlab.workbench.report.written import dumped, parsed
from gymlab.workbench.schedule.jobs import KEPT, Job, checked_name, new_job
from gymlab.workbench.schedule.times import times_of

_FIELDS = ("source", "every", "at", "keep", "strict", "out", "parameters")
_HEADER = "# A job of `gymlab schedule`. After a change to this file: gymlab schedule renew {name}\n"


@dataclass(frozen=True)
class BrokenJob:
    """A job whose file says something that cannot be used, and what that is."""

    name: str
    problem: str


def folder() -> Path:
    """Return the folder of the jobs' files, which need not be there."""
    return Settings().home / "schedules"


def job_file(name: str) -> Path:
    """Return where the file of a job lies, or would.

    Raises
    ------
    InputError
        If the name is none for a job.
    """
    return folder() / f"{checked_name(name)}.yaml"


def write_job(job: Job) -> Path:
    """Write the file of a job, whole or not at all, and return where it is.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = job_file(job.name)
    fields = {
        "source": list(job.source),
        "every": job.times.every,
        "at": job.times.at,
        "keep": job.keep,
        "strict": job.strict,
        "out": job.out,
        "parameters": dict(job.parameters),
    }
    write_whole(path, (_HEADER.format(name=job.name) + dumped(fields)).encode())
    return path


def read_job(name: str) -> Job:
    """Return a stored job.

    Raises
    ------
    InputError
        If there is none of this name, the message lists those that there are; or if its file cannot be used.
    """
    path = job_file(name)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"there is no job {name!r}; {known_jobs()}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no YAML in UTF-8") from error
    found = parsed(text, str(path))
    try:
        return _job_of(name, found)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def stored_jobs() -> list[Job | BrokenJob]:
    """Return every job that has a file, by name; one whose file cannot be used is told apart."""
    found: list[Job | BrokenJob] = []
    for path in sorted(folder().glob("*.yaml")):
        try:
            found.append(read_job(path.stem))
        except InputError as error:
            found.append(BrokenJob(path.stem, str(error)))
    return found


def known_jobs() -> str:
    """Return the names of the jobs as the end of a sentence."""
    names = ", ".join(path.stem for path in sorted(folder().glob("*.yaml")))
    return f"known are {names}" if names else "none is scheduled; `gymlab schedule add` adds one"


def _job_of(name: str, fields: object) -> Job:
    if not isinstance(fields, dict):
        raise InputError(f"holds no fields; those of a job are {', '.join(_FIELDS)}")
    if unknown := sorted({str(one) for one in fields} - set(_FIELDS)):
        raise InputError(f"unknown field {', '.join(unknown)}; those of a job are {', '.join(_FIELDS)}")
    strict = fields.get("strict", True)
    if not isinstance(strict, bool):
        raise InputError(f"strict is {shown(strict)}; give true or false")
    out = fields.get("out")
    if out is not None and not (isinstance(out, str) and Path(out).is_absolute()):
        raise InputError(f"out is {shown(out)}; give the whole path of a folder, or null")
    parameters = fields.get("parameters") or {}
    if not isinstance(parameters, dict) or not all(isinstance(one, str) for one in parameters):
        raise InputError("parameters holds no names with values; write one a line, as in 'window: 30'")
    source = fields.get("source") or []
    sources = source if isinstance(source, list) else [source]
    for one in sources:
        if not isinstance(one, str) or not _is_whole(one):
            raise InputError(f"source is {shown(one)}; give the whole path of a log, or its URL")
    times = times_of(str(fields.get("every", "day")), str(fields.get("at", "02:30")))
    return new_job(
        sources,
        times,
        name=name,
        parameters=parameters,
        keep=checked_keep(fields.get("keep", KEPT)),
        strict=strict,
        out=None if out is None else Path(out),
    )


def _is_whole(source: str) -> bool:
    """Return whether a source means the same from any folder."""
    if "://" in source:
        return absolute_source(source) == source
    return source.startswith("~") or Path(source).is_absolute()
