"""The command line: one module a command, each one call of a public function.

Exit codes: 0 done; 1 a claim or alert failed under --strict, or the report itself failed; 2 the input cannot be
used; 3 another run holds the lock; 130 interrupted.
"""

import logging
import os
import signal
import sys
from typing import Annotated

import typer

import gymlab
from gymlab.cli.bench import bench
from gymlab.cli.compare import compare
from gymlab.cli.doctor import doctor
from gymlab.cli.extract import extract
from gymlab.cli.import_ import import_
from gymlab.cli.lab import lab
from gymlab.cli.principles import principles
from gymlab.cli.report import report
from gymlab.cli.schedule import schedule
from gymlab.errors import GymlabError
from gymlab.workbench.report.outcome import INTERRUPTED, exit_code_for
from gymlab.workbench.text import one_line

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Temporal patterns in logs of what AI agents did, and a report that measures its own claims.",
    epilog="Exit codes: 0 done; 1 a claim or alert failed under --strict, or the report did; "
    "2 the input cannot be used; 3 another report is being written; 130 interrupted.",
)
for command in (report, extract, principles, compare, bench, doctor):
    app.command()(command)
app.command("import")(import_)
app.command(context_settings={"ignore_unknown_options": True})(lab)
app.add_typer(schedule, name="schedule")


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gymlab {gymlab.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version_: Annotated[
        bool,
        typer.Option("--version", help="Say which version this is", callback=_tell_version, is_eager=True),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; every error that gymlab raises on purpose is one line on stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("gymlab: %(message)s"))
    logging.getLogger("gymlab").addHandler(handler)
    logging.getLogger("gymlab").setLevel(logging.INFO)
    # A request to end is an exception too, so that nothing half-written stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except GymlabError as error:
        _complain(str(error))
        raise SystemExit(exit_code_for(error)) from None
    except BrokenPipeError:
        # Whoever read the output has seen enough; what is still buffered must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(128 + 13) from None
    except OSError as error:
        # Nowhere to write what was found, a full disk say; what reads and writes files on purpose says so itself.
        _complain(f"cannot go on: {error.strerror or error}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(exit_code_for(error)) from None
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            _complain("interrupted")
        raise


def _complain(message: str) -> None:
    """Print one line, without what a terminal would obey."""
    typer.echo(f"gymlab: {one_line(message, 1000)}", err=True)
