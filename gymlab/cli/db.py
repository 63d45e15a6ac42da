"""`gymlab db`: the version of a database's tables, and their upgrade."""

from typing import Annotated

import typer

db = typer.Typer(no_args_is_help=True, help="The version of a database's tables, and their upgrade.")

Place = Annotated[
    str | None,
    typer.Argument(metavar="[URL_OR_PATH]", help="Database URL or SQLite file [default: gymlab's own]"),
]


@db.command()
def check(place: Place = None) -> None:
    """Print version, rows and integrity, and write nothing; exit 1 if the tables are not current."""
    from gymlab.workbench.upkeep import check_tables

    state = check_tables(place)
    typer.echo(state.listing())
    if not state.is_current:
        raise SystemExit(1)


@db.command()
def upgrade(place: Place = None) -> None:
    """Make the tables, or bring them to the newest version."""
    from gymlab.workbench.upkeep import upgrade_tables

    before, after = upgrade_tables(place)
    if not before.is_current:
        typer.echo(
            f"from {f'version {before.version}' if before.version else 'no tables'} to version {after.version}"
        )
    typer.echo(after.listing())
