"""A job: a report that is to be made time and again, and what it is called."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gymlab.arguments import boolean, instance, shown
from gymlab.errors import InputError
from gymlab.settings import Settings
from gymlab.workbench.report.folders import checked_keep, run_folder
from gymlab.workbench.report.sources import absolute_source
from gymlab.workbench.schedule.times import Times

# How many reports stay where nothing else is said: those of a month of nights.
KEPT = 30

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,59}")


@dataclass(frozen=True)
class Job:
    """A report that is to be made time and again.

    Attributes
    ----------
    name
        Of the job, of its file and of its log.
    times
        When it starts.
    source
        What :func:`gymlab.read_actions` takes, paths absolute; empty is the bundled sample.
    parameters
        Values for the parameters of the report.
    keep
        How many runs on this log stay; None keeps all.
    strict
        Whether a claim that failed or an alert that fires makes the exit code 1.
    out
        Folder of the runs; None is ``reports`` in gymlab's home.
    """

    name: str
    times: Times
    source: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    keep: int | None = KEPT
    strict: bool = True
    out: str | None = None

    @property
    def reports(self) -> Path:
        """The folder that its runs go to."""
        return Path(self.out) if self.out else Settings().reports


def checked_name(name: str) -> str:
    """Return a name that may stand in a file's name and in a crontab.

    Raises
    ------
    InputError
        If it has other characters than that allows.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(
            f"{shown(name)} is no name for a job; give up to 60 letters, digits, - and _, no - at the start"
        )
    return name


def default_name(source: Sequence[str]) -> str:
    """Return a name for a job on a log, from the name of its first file.

    Examples
    --------
    >>> default_name(["/data/my log (1).jsonl.gz"]), default_name([]), default_name(["/data/логи.csv"])
    ('my-log-1', 'sample', 'report')
    """
    if not source:
        return "sample"
    stem = Path(source[0]).name.lstrip(".").split(".")[0]
    safe = re.sub(r"[^A-Za-z0-9_]+", "-", stem).strip("-")[:60]
    return safe or "report"


def new_job(
    source: Sequence[str],
    times: Times,
    *,
    name: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    keep: int | None = KEPT,
    strict: bool = True,
    out: Path | None = None,
) -> Job:
    """Return a job that means the same from any folder; nothing is written.

    Parameters
    ----------
    source
        Files, patterns or URLs; when empty, what the parameters say, else the bundled sample.
    times, name, parameters, keep, strict, out
        As in :class:`Job`; a name is made where none is given.

    Raises
    ------
    InputError
        If the name or a source is none.
    """
    instance("times", times, Times, "what times_of returns")
    instance(
        "parameters", {} if parameters is None else parameters, Mapping, "a mapping from names to values"
    )
    others = dict(parameters or {})
    given = source or others.pop("source", None) or []
    others.pop("source", None)
    absolute = tuple(absolute_source([given] if isinstance(given, (str, os.PathLike)) else given))
    return Job(
        name=default_name(absolute) if name is None else checked_name(name),
        times=times,
        source=absolute,
        parameters=others,
        keep=checked_keep(keep),
        strict=boolean("strict", strict),
        out=None if out is None else str(run_folder(out)),
    )
