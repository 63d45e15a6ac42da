"""Options that several commands have, and the log that they choose."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gymlab.arguments import shown
from gymlab.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SOURCE]...", help="Log files, patterns or a database URL [default: the bundled sample]"
    ),
]
Format = Annotated[str | None, typer.Option("--format", help="Format of the log, if not detected")]
Agent = Annotated[list[str] | None, typer.Option(help="Only this agent; may be given several times")]
Session = Annotated[list[str] | None, typer.Option(help="Only this session; may be given several times")]
Since = Annotated[str | None, typer.Option(help="Only actions from this ISO time on")]
Where = Annotated[list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Only actions with this value")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Write the result as JSON; - for standard output")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter of the notebook")
]
Parameters = Annotated[
    Path | None,
    typer.Option(
        "--params", help="YAML file of parameters, as the tuning panel exports it; options override it"
    ),
]


def selected(
    source: list[str] | None,
    format_: str | None,
    agent: list[str] | None,
    session: list[str] | None,
    since: str | None,
    where: list[str] | None,
) -> "pd.DataFrame":
    """Return the log of a source, the bundled sample if none is given, with the filters applied."""
    from gymlab.actions import read_actions, select_actions
    from gymlab.settings import sample_path

    log = read_actions(source or sample_path(), format_)
    return select_actions(log, agent=agent, session=session, since=since, where=where or ())


def tell(text: str, *written: Path | None) -> None:
    """Print what a person reads; beside a result that goes to standard output, it goes to the error output."""
    from gymlab.workbench.files import STANDARD_OUTPUT

    typer.echo(text, err=STANDARD_OUTPUT in written)


def whole_number(option: str, text: str) -> int:
    """Return the number that an option was given, which may be "auto" instead."""
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{option} is {shown(text)}; give a whole number or auto") from None


def report_parameters(
    source: list[str] | None,
    params: Path | None,
    setting: list[str] | None,
    format_: str | None,
    agent: list[str] | None,
    session: list[str] | None,
    since: str | None,
    where: list[str] | None,
) -> dict[str, Any]:
    """Return the parameters of a report: those of a file, overridden by --set, overridden by the filters."""
    from gymlab.workbench.report.parameters import read_parameters

    chosen = _assignments(setting or [])
    if source and "source" in chosen:
        raise InputError("the log is given twice, as SOURCE and as --set source=…; leave one out")
    filters = {"format": format_, "agent": agent, "session": session, "since": since, "where": where}
    return {
        **({} if params is None else read_parameters(params)),
        **chosen,
        **{name: value for name, value in filters.items() if value},
    }


def _assignments(settings: list[str]) -> dict[str, Any]:
    """Return name=value pairs, each value as YAML reads it: numbers, lists, null, text."""
    from gymlab.workbench.report.written import setting as value_of

    parameters = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise InputError(f"--set {shown(setting)}: give name=value")
        parameters[name] = value_of(name, value)
    return parameters
