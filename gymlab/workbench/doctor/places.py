"""Where gymlab keeps things: its folders, its database, and whether a report is being written."""

from collections.abc import Iterator
from pathlib import Path

from gymlab.errors import GymlabError
from gymlab.settings import Settings
from gymlab.workbench.doctor.finding import Finding, State
from gymlab.workbench.files import unwritable
from gymlab.workbench.report.folders import being_written


def look_at_folders(settings: Settings) -> Iterator[Finding]:
    """Say whether gymlab's folders can be written."""
    for topic, folder in (("home", settings.home), ("reports", settings.reports)):
        if problem := unwritable(folder):
            yield Finding(topic, "problem", f"{folder}: {problem}; GYMLAB_HOME names another home")
        else:
            yield Finding(topic, "ok", f"{folder}{'' if folder.exists() else ' (will be made)'}")


def look_at_database(settings: Settings) -> Iterator[Finding]:
    """Say whether the embedded database answers."""
    from sqlalchemy import text  # noqa: PLC0415 - absent, it is a finding
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - as above
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - as above

    from gymlab.runtime import background  # noqa: PLC0415 - as above
    from gymlab.runtime.database import Database  # noqa: PLC0415 - as above

    url = make_url(settings.database_url)
    shown = url.render_as_string(hide_password=True)
    file = Path(url.database or "")
    if url.get_backend_name() == "sqlite" and not file.exists():
        problem = unwritable(file.parent)
        state: State = "problem" if problem else "ok"
        yield Finding(
            "database", state, f"{shown}: {problem or 'will be made by the first report or import'}"
        )
        return

    async def ask() -> None:
        async with (
            Database(url.render_as_string(hide_password=False)) as database,
            database.session() as session,
        ):
            await (await session.connection()).execute(text("select 1"))

    try:
        background.run(ask())
    except (GymlabError, SQLAlchemyError, OSError) as error:
        yield Finding("database", "problem", f"{shown} does not answer: {error}")
    else:
        yield Finding("database", "ok", f"{shown} answers")


def look_at_lock(settings: Settings) -> Iterator[Finding]:
    """Say whether a report is being written, so that another would be turned away."""
    if being_written(settings.reports):
        yield Finding("report", "ok", f"one is being written in {settings.reports}; another has to wait")
    else:
        yield Finding("report", "ok", "none is being written")
