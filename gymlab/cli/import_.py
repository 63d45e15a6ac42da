"""Store a log in a database."""

from typing import Annotated

import typer

from gymlab.cli.options import Agent, Format, Session, Since, Where, selected


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

    log = selected(source, format_, agent, session, since, where)

    async def store() -> int:
        async with Database(db) as database:
            return await write_actions(log, database)

    new = background.run(store())
    typer.echo(f"{new:,} actions stored, {len(log) - new:,} were there already")
