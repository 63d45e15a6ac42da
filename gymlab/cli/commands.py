"""The app with all commands, the shorter commands themselves, and the output of errors as one line."""

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import gymlab
from gymlab.cli.analyses import compare, extract, principles
from gymlab.cli.db import db as database_commands
from gymlab.cli.metrics_commands import metrics
from gymlab.cli.options import (
    Agent,
    Format,
    Parameters,
    Session,
    Settings,
    Since,
    Sources,
    Where,
    report_parameters,
    selected,
)
from gymlab.cli.schedule import schedule
from gymlab.cli.training_commands import train, watch
from gymlab.errors import GymlabError, exit_code_for
from gymlab.workbench.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel import SQLModel

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Temporal patterns in logs of what AI agents did, and a report that measures its own claims.",
    epilog="Exit codes: 0 done; 1 a claim or alert failed under --strict, or the report did; "
    "2 the input cannot be used; 3 another report is being written; 130 interrupted.",
)


@app.command()
def report(
    source: Sources = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the runs [default: reports]")] = None,
    setting: Settings = None,
    params: Parameters = None,
    keep: Annotated[
        int | None, typer.Option(help="Keep so many runs on this log, and remove the oldest [default: all]")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 if a claim fails or an alert fires")
    ] = False,
    format_: Format = None,
    agent: Agent = None,
    session: Session = None,
    since: Since = None,
    where: Where = None,
) -> None:
    """Measure the claims on a log and write a report."""
    from gymlab.workbench.report import run

    parameters = report_parameters(source, params, setting, format_, agent, session, since, where)
    finished = run(source or None, out=out, parameters=parameters, keep=keep, progress=sys.stderr.isatty())
    typer.echo(finished.listing())
    if strict and finished.failed:
        raise SystemExit(1)


for command in (extract, principles, compare, train, watch):
    app.command()(command)


@app.command("import")
def import_(
    source: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Log files, patterns or a database URL")
    ],
    db: Annotated[str | None, typer.Option(help="Database URL [default: gymlab's own]")] = None,
    format_: Format = None,
    agent: Agent = None,
    session: Session = None,
    since: Since = None,
    where: Where = None,
) -> None:
    """Store a log in a database; the URL of the database is then a source. Of a Gym, also profiles and principles."""
    from gymlab.actions.gym_records import read_gym_records
    from gymlab.actions.store import rows_of
    from gymlab.runtime import background
    from gymlab.runtime.database import Database
    from gymlab.workbench.files import require_apart, require_writable

    database = Database(db)
    file = database.file
    require_apart({"--db": file}, source)
    if file is not None:
        require_writable(file, makes_folder=True)
    log = selected(source, format_, agent, session, since, where)
    gym = read_gym_records(source, format_)
    agents = set(log["agent_id"]) if agent or session or since or where else None
    tables: dict[str, Sequence[SQLModel]] = {
        "actions": rows_of(log),
        "profiles": [row for row in gym.profiles if agents is None or row.agent_id in agents],
        "principles": [row for row in gym.principles if agents is None or row.agent_id in agents],
    }

    async def store() -> list[int]:
        async with database:
            return await database.bulk_insert_tables(list(tables.values()))

    for (what, rows), new in zip(tables.items(), background.run(store()), strict=True):
        if rows:
            typer.echo(f"{new:,} {what} stored, {len(rows) - new:,} were there already")
    for note in gym.notes:
        typer.echo(note)


@app.command(context_settings={"ignore_unknown_options": True})
def lab(
    more: Annotated[
        list[str] | None,
        typer.Argument(metavar="[OPTION]...", help="Further options of JupyterLab, unchanged: --allow-root"),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Where to listen [default: 8888, or the next free]")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the URL, open no browser")] = False,
) -> None:
    """Open the notebooks in JupyterLab, on this machine alone and with a token."""
    from gymlab.workbench.lab import start_lab

    start_lab(port=port, browser=not no_browser, more=more or [])


@app.command()
def soak(
    hours: Annotated[float, typer.Option(help="Length of the stream in hours")] = 24,
    rate: Annotated[float, typer.Option(help="Actions per second of the stream")] = 10,
    out: Annotated[Path, typer.Option(help="Folder of the memory curve")] = Path("soak"),
    fast: Annotated[bool, typer.Option("--fast", help="Do not wait for the clock")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the stream")] = 0,
) -> None:
    """Store and analyse a synthetic stream for hours; exit 1 if memory, connections, threads or handles grow."""
    from gymlab.workbench.soak import soak as soaked

    show = (
        (lambda text: typer.echo(f"\r{text}", nl=False, err=True)) if sys.stderr.isatty() else lambda _: None
    )
    run = soaked(hours, rate, out, fast=fast, seed=seed, progress=show)
    typer.echo(f"{run.listing()}\nthe curve: {out / 'soak.csv'}, {out / 'soak.html'}")
    if run.failed:
        raise SystemExit(1)


@app.command()
def doctor(
    json_: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Say what is installed and usable here; exit 1 if something would stop a report or the notebooks."""
    from gymlab.workbench.doctor import as_dict, examine, listing

    findings = examine()
    if json_:
        from gymlab.workbench.results import to_json

        typer.echo(to_json(as_dict(findings)))
    else:
        typer.echo(listing(findings))
    if any(finding.state == "problem" for finding in findings):
        raise SystemExit(1)


app.add_typer(schedule, name="schedule")
app.add_typer(database_commands, name="db")
app.add_typer(metrics, name="metrics")

# The commands that work in this process; the work of a report is that of its kernel.
_WORKING = {"extract", "principles", "compare", "import", "train"}


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gymlab {gymlab.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version_: Annotated[  # noqa: ARG001 - its callback answers it
        bool,
        typer.Option("--version", help="Say which version this is", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    if context.invoked_subcommand in _WORKING and os.environ.get("GYMLAB_METRICS_PORT"):
        from gymlab.runtime.metrics import serve
        from gymlab.settings import Settings as Environment

        if (port := Environment().metrics_port) is not None:
            logging.getLogger("gymlab").info("metrics are at %s", serve(port).url)


def run() -> None:
    """Run the command of ``sys.argv``; print one line on stderr for an error that gymlab raises on purpose.

    Raises
    ------
    SystemExit
        Always, with the exit code.
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
        # An OSError that is not converted to an error of gymlab: for example, standard output on a full disk.
        what = error if isinstance(error, GymlabError) else f"cannot go on: {error.strerror or error}"
        # If standard error cannot be written either, the exit code still reports the error.
        with suppress(OSError):
            sys.stderr.write(f"gymlab: {one_line(str(what), 1000)}\n")
        raise SystemExit(exit_code_for(error)) from None
    finally:
        log.removeHandler(handler)
