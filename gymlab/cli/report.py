"""Measure the claims on a log and write a report."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gymlab.cli.options import Agent, Format, Session, Since, Sources, Where
from gymlab.errors import InputError


def report(
    source: Sources = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the runs [default: reports]")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter of the notebook")
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option(help="YAML file of parameters, as the tuning panel exports it; options override it"),
    ] = None,
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
    from gymlab.workbench.report.parameters import read_parameters

    filters = {"format": format_, "agent": agent, "session": session, "since": since, "where": where}
    parameters = {
        **({} if params is None else read_parameters(params)),
        **_assignments(setting or []),
        **{name: value for name, value in filters.items() if value},
    }
    finished = run(source or None, out=out, parameters=parameters, keep=keep, progress=sys.stderr.isatty())
    for claim in finished.results["claims"]:
        measured = "" if claim["measured"] is None else f"{claim['measured']:.4g} {claim['unit']}"
        typer.echo(f"{claim['verdict']:>12}  {claim['id']:<15} {measured} (expected {claim['expected']})")
    typer.echo(f"report: {finished.folder / 'report.html'}")
    if strict and finished.failed:
        raise SystemExit(1)


def _assignments(settings: list[str]) -> dict[str, Any]:
    """Return name=value pairs, each value as YAML reads it: numbers, lists, null, text."""
    import yaml

    parameters = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise InputError(f"--set {setting!r}: give name=value")
        try:
            parameters[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise InputError(f"--set {setting!r}: the value is no YAML; put text in quotes") from None
    return parameters
