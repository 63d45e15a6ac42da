"""One run of a job, started by cron or by a person, which is told in the job's log."""

import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TextIO

from gymlab.errors import GymlabError, OutputError, exit_code_for
from gymlab.workbench import report
from gymlab.workbench.recorded_metrics import write_textfile
from gymlab.workbench.schedule.job import read_job, require_known
from gymlab.workbench.schedule.job_log import WHEN, log_file, tail
from gymlab.workbench.text import one_line

# The largest size of a log; a larger log is renamed. A run writes about two kilobytes.
_LARGEST = 1_000_000


def run_now(name: str, *, terminal: bool, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> int:
    """Run a job once and return the exit code of ``gymlab report``.

    Parameters
    ----------
    name
        Name of a stored job.
    terminal
        If true, the terminal shows the lines that are written to the log. If false, these lines are printed after the
        run, and only if the exit code is not 0, so that cron sends mail only about failures.
    now
        The clock.

    Raises
    ------
    InputError
        If there is no such job. Every other problem is in the log and in the exit code.
    OutputError
        If the log, or the metrics of the jobs in ``logs/gymlab.prom``, cannot be written.
    """
    require_known(name)
    try:
        return _logged_run(name, now, terminal=terminal)
    finally:
        write_textfile()


def _logged_run(name: str, now: Callable[[], datetime], *, terminal: bool) -> int:
    with _opened_log(name) as log:
        if terminal:
            with _messages_into(log):
                return _run(name, now, [log, sys.stdout])
        before = os.fstat(log.fileno()).st_size
        with _output_into(log):
            code = _run(name, now, [log])
    if code:
        sys.stdout.write(tail(log_file(name), before))
    return code


def _run(name: str, now: Callable[[], datetime], outputs: list[TextIO]) -> int:
    def say(text: str, outputs: list[TextIO] = outputs) -> None:
        for output in outputs:
            output.write(f"{text}\n")
            output.flush()

    say(f"{now().astimezone(UTC):{WHEN}} UTC  {name} begins")
    started, code = time.monotonic(), 1
    try:
        job = read_job(name)
        finished = report.run(
            list(job.source) or None,
            out=job.out,
            parameters=job.parameters,
            keep=job.keep,
            progress=sys.stdout in outputs and sys.stderr.isatty(),
        )
        say(finished.listing())
        code = 1 if job.strict and finished.failed else 0
    except GymlabError as error:
        code = exit_code_for(error)
        say(f"gymlab: {one_line(error, 1000)}")
    except BaseException as error:
        code = exit_code_for(error)
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            say("gymlab: stopped before its end")
        else:
            # On the terminal, Python prints the traceback.
            say("".join(traceback.format_exception(error)).rstrip(), outputs[:1])
        raise
    finally:
        seconds = time.monotonic() - started
        say(f"{now().astimezone(UTC):{WHEN}} UTC  {name} ends with exit code {code} after {seconds:.0f} s")
    return code


@contextmanager
def _opened_log(name: str) -> Iterator[TextIO]:
    path = log_file(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LARGEST:
            path.replace(path.with_suffix(".log.1"))
        log = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    with log:
        yield log


@contextmanager
def _messages_into(log: TextIO) -> Iterator[None]:
    """Write gymlab's messages to the log too; the command line shows them on the terminal."""
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter("gymlab: %(message)s"))
    logging.getLogger("gymlab").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("gymlab").removeHandler(handler)


@contextmanager
def _output_into(log: TextIO) -> Iterator[None]:
    """Write all output of this process and of its children to the log."""
    streams = {1: sys.stdout, 2: sys.stderr}
    saved = {number: os.dup(number) for number in streams}
    for number, stream in streams.items():
        stream.flush()
        os.dup2(log.fileno(), number)
    try:
        yield
    finally:
        for number, stream in streams.items():
            stream.flush()
            os.dup2(saved[number], number)
            os.close(saved[number])
