"""The user's crontab: one line for each job; all other lines stay byte for byte."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from gymlab.errors import InputError, OutputError
from gymlab.settings import Settings
from gymlab.workbench.schedule.job import Job

# Debian's cron accepts commands of up to 998 bytes; other crons accept longer ones.
_LONGEST = 998
_OURS = re.compile(
    r"(?P<paused>\s*#[\s#]*)?(?P<fields>.*?)\s+GYMLAB_HOME=.* # gymlab schedule (?P<name>\S+)\s*"
)
# The messages of different crons for a user without a crontab.
_NO_CRONTAB = ("no crontab", "no such file")
_SECONDS = 60


def available() -> bool:
    """Return whether the program `crontab` is installed."""
    return shutil.which("crontab") is not None


def running_daemon() -> int | None:
    """Return the process id of a running cron daemon, or None."""
    for process in psutil.process_iter(["name", "status"]):
        if process.info["name"] in {"cron", "crond"} and process.info["status"] != psutil.STATUS_ZOMBIE:
            return process.pid
    return None


def line_of(job: Job) -> str:
    """Return the crontab line that starts a job.

    It holds gymlab's home, other settings of the environment, the interpreter and the job's name. Everything else is in
    the job's file.

    Raises
    ------
    InputError
        If a value cannot be written in a crontab.
    """
    settings = {"GYMLAB_HOME": str(Settings().home)}
    if fraction := os.environ.get("GYMLAB_MEMORY_FRACTION"):
        settings["GYMLAB_MEMORY_FRACTION"] = fraction
    if cache := os.environ.get("NUMBA_CACHE_DIR"):
        settings["NUMBA_CACHE_DIR"] = str(Path(cache).absolute())
    for name, value in {**settings, "the Python interpreter": sys.executable}.items():
        # Crons differ in how they read a backslash before another backslash or before %.
        if not value.isprintable() or "\\" in value:
            raise InputError(f"{name} is {value!r}; a crontab holds no line breaks, control characters or \\")
    # -P: Python must not import modules from the folder in which cron starts.
    words = [f"{key}={shlex.quote(value)}" for key, value in settings.items()]
    words += [shlex.quote(sys.executable), "-P", "-m", "gymlab", "schedule", "run-now", job.name]
    command = f"{' '.join(words)} # gymlab schedule {job.name}".replace("%", "\\%")
    if len(command.encode()) > _LONGEST:
        raise InputError(
            f"the crontab line of {job.name} would be longer than cron takes ({len(command.encode())} bytes); "
            "choose a shorter path for GYMLAB_HOME"
        )
    return f"{job.times.fields} {command}"


def scheduled_fields() -> dict[str, str]:
    """Return the time fields of each job's line in the crontab, with a ``#`` before them if the line is commented out.

    Raises
    ------
    InputError
        If the crontab cannot be read.
    """
    found = map(_job_in, _read().split("\n") if available() else [])
    return {name: fields for name, fields in found if name}


def change_line(name: str, text: str | None) -> bool:
    """Replace the line of a job, or append it, or remove it if the text is None.

    Returns
    -------
    bool
        Whether the crontab had a line of this job.

    Raises
    ------
    InputError
        If there is no program `crontab`, or the crontab cannot be read.
    OutputError
        If the crontab cannot be written.
    """
    lines = _read().split("\n")
    old = [place for place, line in enumerate(lines) if _job_in(line)[0] == name]
    if text is None and not old:
        return False
    lines = [line for place, line in enumerate(lines) if place not in old]
    if lines and not lines[-1]:
        lines.pop()
    if text is not None:
        lines.insert(old[0] if old else len(lines), text)
    _write("".join(f"{line}\n" for line in lines))
    return bool(old)


def require_program() -> str:
    """Return the path of the program `crontab`.

    Raises
    ------
    InputError
        If it is not installed.
    """
    program = shutil.which("crontab")
    if program is None:
        raise InputError(
            "there is no program crontab here; install cron, or let a systemd timer start `gymlab report` (see README.md)"
        )
    return program


def _job_in(line: str) -> tuple[str, str]:
    """Return the name of the job and the time fields of a line that starts a job of this home, else two empty texts."""
    found = _OURS.fullmatch(line)
    home = f" GYMLAB_HOME={shlex.quote(str(Settings().home))} ".replace("%", "\\%")
    if found is None or home not in line:
        return "", ""
    return found["name"], ("# " if found["paused"] else "") + found["fields"]


def _read() -> str:
    done = _run("-l")
    complaint = _text(done.stderr).strip()
    if done.returncode and not any(none in complaint.lower() for none in _NO_CRONTAB):
        raise InputError(f"the crontab cannot be read: {complaint or 'crontab -l failed'}")
    return "" if done.returncode else _text(done.stdout)


def _write(content: str) -> None:
    # An empty crontab is removed, since the user had no crontab before the first job.
    done = _run("-", content) if content else _run("-r")
    if done.returncode:
        raise OutputError(f"the crontab cannot be written: {_text(done.stderr).strip() or 'crontab failed'}")


def _run(argument: str, content: str = "") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - the user's own program, without a shell
            [require_program(), argument],
            input=content.encode(errors="surrogateescape"),
            capture_output=True,
            # The messages have to be English, see _NO_CRONTAB.
            env={**os.environ, "LC_ALL": "C"},
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OutputError(f"the program crontab cannot be used: {error}") from error


def _text(content: bytes) -> str:
    return content.decode(errors="surrogateescape")
