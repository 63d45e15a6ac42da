"""Options that several commands have, and the log that they choose."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the result as JSON")]


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


def whole_number(option: str, text: str) -> int:
    """Return the number that an option was given, which may be "auto" instead."""
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{option} is {text!r}; give a whole number or auto") from None
