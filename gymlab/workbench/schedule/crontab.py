"""The user's crontab, read and written through the program `crontab`; lines of others stay byte for byte."""

import os
import shutil
import subprocess

import psutil

from gymlab.errors import InputError, OutputError
from gymlab.workbench.schedule.line import Line, found_line

# What the programs of the several crons say of a user who has no crontab.
_NONE = ("no crontab", "no such file")
_SECONDS = 60
_DAEMONS = {"cron", "crond"}


def available() -> bool:
    """Return whether there is a program `crontab`."""
    return shutil.which("crontab") is not None


def running_daemon() -> int | None:
    """Return the process id of a cron that runs; None if there is none."""
    for process in psutil.process_iter(["name", "status"]):
        if process.info["name"] in _DAEMONS and process.info["status"] != psutil.STATUS_ZOMBIE:
            return process.pid
    return None


def lines() -> dict[str, Line]:
    """Return the lines that start jobs of this home, by the name of the job; none where there is no crontab program.

    Raises
    ------
    InputError
        If the crontab cannot be read.
    """
    if not available():
        return {}
    found = (found_line(text) for text in _read().split("\n"))
    return {line.name: line for line in found if line is not None}


def put_line(name: str, text: str) -> None:
    """Write the line of a job in place of the one that it has, or at the end.

    Raises
    ------
    InputError
        If there is no program `crontab`, or the crontab cannot be read.
    OutputError
        If the crontab cannot be written.
    """
    kept, place = _others(name)
    if place is None:
        # After the last line break nothing follows; some crontabs lack it.
        place = len(kept) if kept[-1] else len(kept) - 1
    kept.insert(place, text)
    _write("\n".join([*kept, ""] if kept[-1] else kept))


def drop_line(name: str) -> bool:
    """Take the line of a job out; return whether there was one.

    Raises
    ------
    InputError
        If there is no program `crontab`, or the crontab cannot be read.
    OutputError
        If the crontab cannot be written.
    """
    kept, place = _others(name)
    if place is None:
        return False
    _write("\n".join(kept))
    return True


def require_program() -> str:
    """Return the path of the program `crontab`.

    Raises
    ------
    InputError
        If there is none.
    """
    program = shutil.which("crontab")
    if program is None:
        raise InputError(
            "there is no program crontab here; install cron, or let a systemd timer start `gymlab report` (see README.md)"
        )
    return program


def _others(name: str) -> tuple[list[str], int | None]:
    """Return the crontab's lines without those of a job, and where the first of these stood."""
    kept: list[str] = []
    place = None
    for text in _read().split("\n"):
        found = found_line(text)
        if found is not None and found.name == name:
            place = len(kept) if place is None else place
        else:
            kept.append(text)
    return kept, place


def _read() -> str:
    done = _run("-l")
    if done.returncode == 0:
        return _text(done.stdout)
    complaint = _text(done.stderr).strip()
    if any(none in complaint.lower() for none in _NONE):
        return ""
    raise InputError(f"the crontab cannot be read: {complaint or 'crontab -l failed'}")


def _write(content: str) -> None:
    # Without a line there is no crontab, as before the first.
    done = _run("-", content=content) if content else _run("-r")
    if done.returncode:
        complaint = _text(done.stderr).strip()
        raise OutputError(f"the crontab cannot be written: {complaint or 'crontab failed'}")


def _run(argument: str, content: str = "") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - the user's own program, without a shell
            [require_program(), argument],
            input=content.encode(errors="surrogateescape"),
            capture_output=True,
            # Its complaints are compared with English ones.
            env={**os.environ, "LC_ALL": "C"},
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OutputError(f"the program crontab cannot be used: {error}") from error


def _text(content: bytes) -> str:
    return content.decode(errors="surrogateescape")
