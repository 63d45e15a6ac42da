"""Measure the claims on a log and write a report."""

import sys
from pathlib import Path
from typing import Annotated

import typer

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
)


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
    from gymlab.workbench.report.outcome import exit_code_of, verdict_listing

    parameters = report_parameters(source, params, setting, format_, agent, session, since, where)
    finished = run(source or None, out=out, parameters=parameters, keep=keep, progress=sys.stderr.isatty())
    typer.echo(verdict_listing(finished))
    if code := exit_code_of(finished, strict=strict):
        raise SystemExit(code)
