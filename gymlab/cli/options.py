"""The options that several commands share, and the conversion of their values."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gymlab.arguments import shown
from gymlab.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from gymlab.patterns.comparison import Comparison
    from gymlab.patterns.result import Extraction
    from gymlab.principles.inference import Study

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
Window = Annotated[int, typer.Option(help="Length of a window in actions")]
Hop = Annotated[int, typer.Option(help="Actions from one window to the next")]
Clusters = Annotated[str, typer.Option(help="Number of patterns, or auto")]
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
    """Return the filtered log; without a source, the bundled sample is filtered."""
    from gymlab.actions import read_actions, select_actions
    from gymlab.settings import sample_path

    log = read_actions(source or sample_path(), format_)
    return select_actions(log, agent=agent, session=session, since=since, where=where or ())


def number_of_patterns(text: str) -> int | Literal["auto"]:
    """Return the value of ``--clusters``."""
    if text == "auto":
        return "auto"
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--clusters is {shown(text)}; give a whole number or auto") from None


def write_json(path: Path | None, result: "Extraction | Study | Comparison") -> None:
    """Write a result to the file that ``--json`` names; do nothing without a file."""
    from gymlab.workbench.files import write_whole
    from gymlab.workbench.results import to_json

    if path is not None:
        write_whole(path, to_json(result.as_dict()).encode())


def tell(text: str, *written: Path | None) -> None:
    """Print text for people on standard output, or on standard error if a result goes to standard output."""
    from gymlab.workbench.files import STANDARD_OUTPUT

    typer.echo(text, err=STANDARD_OUTPUT in written)


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
    """Return the parameters of a report; ``--set`` overrides the file of ``--params``, and the filters override both."""
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
    """Return the pairs of ``--set name=value``, with each value read as YAML."""
    from gymlab.workbench.report.written import setting as value_of

    parameters = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise InputError(f"--set {shown(setting)}: give name=value")
        parameters[name] = value_of(name, value)
    return parameters
