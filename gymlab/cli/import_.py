"""Store a log in a database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

import typer

from gymlab.cli.options import Agent, Format, Session, Since, Where, selected

if TYPE_CHECKING:
    from gymlab.runtime.database import Database


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
    """Store a log in a database; its URL is a source then."""
    from gymlab.actions.store import write_actions
    from gymlab.runtime import background
    from gymlab.runtime.database import Database
    from gymlab.workbench.files import require_apart, require_writable

    database = Database(db)
    file = _file_of(database)
    require_apart({"--db": file}, source)
    if file is not None:
        require_writable(file, makes_folder=True)
    log = selected(source, format_, agent, session, since, where)

    async def store() -> int:
        async with database:
            return await write_actions(log, database)

    new = background.run(store())
    typer.echo(f"{new:,} actions stored, {len(log) - new:,} were there already")


def _file_of(database: "Database") -> Path | None:
    """Return the file of a database as an absolute path, since ~ means nothing in a URL; None for one in memory."""
    name = database.engine.url.database or ":memory:"
    if name.startswith("file:"):
        name = unquote(urlsplit(name).path)
    return None if name == ":memory:" else Path(name).absolute()
