"""The line of a job in a crontab: all that cron's bare environment lacks, and nothing that sh or cron would obey."""

import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from gymlab.errors import InputError
from gymlab.settings import Settings
from gymlab.workbench.schedule.jobs import Job, checked_name

# What the longest command is in bytes: Debian's cron takes 998, others take more.
_LONGEST = 998
_OURS = re.compile(
    r"(?P<paused>\s*#[\s#]*)?(?P<fields>.*?)\s+GYMLAB_HOME=.* # gymlab schedule (?P<name>\S+)\s*"
)


@dataclass(frozen=True)
class Line:
    """A job's line as it stands in a crontab.

    Attributes
    ----------
    name
        Of the job.
    fields
        When cron starts it, as cron writes it.
    paused
        Whether somebody turned it into a comment.
    """

    name: str
    fields: str
    paused: bool


def line_of(job: Job) -> str:
    """Return the crontab line that starts a job.

    It names gymlab's home, what else is set in the environment, this interpreter, and the job; everything else is in
    the job's file.

    Raises
    ------
    InputError
        If something in it cannot be written in a crontab.
    """
    settings = {"GYMLAB_HOME": str(Settings().home)}
    if fraction := os.environ.get("GYMLAB_MEMORY_FRACTION"):
        settings["GYMLAB_MEMORY_FRACTION"] = fraction
    if cache := os.environ.get("NUMBA_CACHE_DIR"):
        settings["NUMBA_CACHE_DIR"] = str(Path(cache).absolute())
    for name, value in {**settings, "the Python interpreter": sys.executable}.items():
        # Crons differ in what a backslash before another or before % means.
        if not value.isprintable() or "\\" in value:
            raise InputError(f"{name} is {value!r}; a crontab holds no line breaks, control characters or \\")
    name = checked_name(job.name)
    # -P: the user's home, in which cron starts, is no place to look for modules.
    words = [f"{key}={shlex.quote(value)}" for key, value in settings.items()]
    words += [shlex.quote(sys.executable), "-P", "-m", "gymlab", "schedule", "run-now", name]
    command = f"{' '.join(words)} # gymlab schedule {name}".replace("%", "\\%")
    if len(command.encode()) > _LONGEST:
        raise InputError(
            f"the crontab line of {name} would be longer than cron takes ({len(command.encode())} bytes); "
            "choose a shorter path for GYMLAB_HOME"
        )
    return f"{job.times.fields} {command}"


def found_line(text: str) -> Line | None:
    """Return what a line of a crontab says if it starts a job of this home; None for any other.

    Examples
    --------
    >>> found_line("30 2 * * * backup") is None
    True
    """
    found = _OURS.fullmatch(text)
    home = f" GYMLAB_HOME={shlex.quote(str(Settings().home))} ".replace("%", "\\%")
    if found is None or home not in text:
        return None
    return Line(found["name"], found["fields"], paused=found["paused"] is not None)
