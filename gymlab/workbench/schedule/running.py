"""One run of a job, with its log: cron and a person at a terminal get the same run."""

import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TextIO

from gymlab.errors import GymlabError, InputError
from gymlab.workbench import report
from gymlab.workbench.report.outcome import exit_code_for, exit_code_of, verdict_listing
from gymlab.workbench.schedule.log import begin_line, end_line, opened_log
from gymlab.workbench.schedule.stored import job_file, known_jobs, read_job
from gymlab.workbench.text import one_line

# What cron mails of a run that failed, at most: its end says why.
_MAILED = 64_000


def run_now(name: str, *, terminal: bool, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> int:
    """Run a job once and return the exit code, that of ``gymlab report``.

    Parameters
    ----------
    name
        Of a stored job.
    terminal
        Whether somebody watches. If so, what goes into the log is shown too; if not, it is printed afterwards, and only
        if the exit code is not 0, so that cron mails failures alone.
    now
        The clock.

    Raises
    ------
    InputError
        If there is no such job; whatever else cannot be used is in the log, and an exit code.
    OutputError
        If the log cannot be written.
    """
    if not job_file(name).exists():
        raise InputError(f"there is no job {name!r}; {known_jobs()}")
    with opened_log(name) as log:
        if terminal:
            with _told_to(log):
                return _run(name, log, now, shown=True)
        size = os.fstat(log.fileno()).st_size
        with _everything_into(log):
            code = _run(name, log, now, shown=False)
    if code:
        sys.stdout.write(_since(log.name, size))
    return code


def _run(name: str, log: TextIO, now: Callable[[], datetime], *, shown: bool) -> int:
    """Run between a line that says when it begins and one that says how it ended, however it ends."""

    def say(text: str) -> None:
        _write(log, text)
        if shown:
            _write(sys.stdout, text)

    say(begin_line(name, now()))
    started, code = time.monotonic(), 1
    try:
        job = read_job(name)
        finished = report.run(
            list(job.source) or None,
            out=job.out,
            parameters=job.parameters,
            keep=job.keep,
            progress=shown and sys.stderr.isatty(),
        )
        say(verdict_listing(finished))
        code = exit_code_of(finished, strict=job.strict)
    except GymlabError as error:
        code = exit_code_for(error)
        say(f"gymlab: {one_line(error, 1000)}")
    except (KeyboardInterrupt, SystemExit) as stop:
        code = exit_code_for(stop)
        say("gymlab: stopped before its end")
        raise
    except BaseException as error:
        # Whoever watches, and cron's mail, get it from Python itself.
        code = exit_code_for(error)
        _write(log, "".join(traceback.format_exception(error)).rstrip())
        raise
    finally:
        say(end_line(name, now(), code, time.monotonic() - started))
    return code


@contextmanager
def _told_to(log: TextIO) -> Iterator[None]:
    """Let the log have what gymlab says on the way, which the terminal gets anyway."""
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter("gymlab: %(message)s"))
    logging.getLogger("gymlab").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("gymlab").removeHandler(handler)


@contextmanager
def _everything_into(log: TextIO) -> Iterator[None]:
    """Let this process and those that it starts write to the log, whatever they write."""
    streams = {1: sys.stdout, 2: sys.stderr}
    for stream in streams.values():
        stream.flush()
    kept = {number: os.dup(number) for number in streams}
    for number in streams:
        os.dup2(log.fileno(), number)
    try:
        yield
    finally:
        for number, stream in streams.items():
            stream.flush()
            os.dup2(kept[number], number)
            os.close(kept[number])


def _write(to: TextIO, text: str) -> None:
    to.write(f"{text}\n")
    to.flush()


def _since(path: str, size: int) -> str:
    """Return what was appended to the log."""
    with open(path, "rb") as file:  # noqa: PTH123 - by the name that it was opened with
        file.seek(0, os.SEEK_END)
        file.seek(max(size, file.tell() - _MAILED))
        return file.read().decode(errors="replace")
