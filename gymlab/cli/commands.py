"""The commands of the command line, and what they say together: help, the version, the one line of an error."""

import logging
import sys
from contextlib import suppress
from typing import Annotated

import typer

import gymlab
from gymlab.cli.compare import compare
from gymlab.cli.doctor import doctor
from gymlab.cli.extract import extract
from gymlab.cli.import_ import import_
from gymlab.cli.lab import lab
from gymlab.cli.principles import principles
from gymlab.cli.report import report
from gymlab.cli.schedule import schedule
from gymlab.errors import GymlabError
from gymlab.workbench.report.outcome import exit_code_for
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
for command in (report, extract, principles, compare, doctor):
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


def run() -> None:
    """Run the command that was given; every error that gymlab raises on purpose is one line on stderr.

    Raises
    ------
    SystemExit
        With the exit code, always.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("gymlab: %(message)s"))
    log = logging.getLogger("gymlab")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        try:
            app(prog_name="gymlab")
        finally:
            sys.stdout.flush()
    except (GymlabError, OSError) as error:
        # Nowhere to write what was found, a full disk say; what reads and writes files on purpose says so itself.
        what = error if isinstance(error, GymlabError) else f"cannot go on: {error.strerror or error}"
        _complain(str(what))
        raise SystemExit(exit_code_for(error)) from None
    finally:
        log.removeHandler(handler)


def _complain(message: str) -> None:
    """Print one line, without what a terminal would obey."""
    # Where complaints cannot be written either, the exit code has to say it.
    with suppress(OSError):
        sys.stderr.write(f"gymlab: {one_line(message, 1000)}\n")
