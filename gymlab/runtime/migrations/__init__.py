"""The versions of gymlab's tables: a database is upgraded to the newest version before its first session."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from gymlab.db_models import GymlabTable
from gymlab.errors import InputError

# The newest version; a test compares it with the files in versions/.
HEAD = "0003"
VERSION_TABLE = "gymlab_version"
# Columns that a version has renamed.
_FORMER_COLUMNS = {"unit": "subject"}
# The key of the lock that a process holds while it changes the tables of a PostgreSQL database.
_LOCK = 7_096_845_290_441


def stored_version(connection: Connection) -> str | None:
    """Return the version of a database's tables; None if there are no tables, and ``0001`` for those of gymlab 0.1.0.

    Raises
    ------
    InputError
        If a table of the same name was not made by gymlab.
    """
    tables = {*inspect(connection).get_table_names(), *inspect(connection).get_view_names()}
    if VERSION_TABLE in tables:
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
        if found is not None:
            return str(found)
    ours = tables & set(GymlabTable.metadata.tables)
    for name in sorted(ours):
        _require_gymlabs(connection, name)
    return "0001" if ours else None


def upgrade(connection: Connection) -> None:
    """Bring the tables to the newest version, within the connection's transaction.

    The first statement takes the lock, so a process that has waited for another one finds its tables.

    Raises
    ------
    InputError
        If a table of the same name was not made by gymlab, or the database was written by a newer gymlab.
    """
    # Alembic takes a while to import, and most databases are up to date.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    else:
        # The first statement is a write, so that SQLite's write lock is taken before the version is read.
        connection.execute(
            text(f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL)")
        )
    version = stored_version(connection)
    require_known(version)
    if version == HEAD:
        return
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    if version == "0001":
        command.stamp(config, "0001")
    command.upgrade(config, "head")


def require_known(version: str | None) -> None:
    """Refuse the tables of a newer gymlab.

    Raises
    ------
    InputError
        If this gymlab does not know the version.
    """
    if version is not None and version not in {f"{number:04}" for number in range(1, int(HEAD) + 1)}:
        raise InputError(
            f"the database has tables of version {version}, which this gymlab does not know; use a newer gymlab"
        )


def _require_gymlabs(connection: Connection, name: str) -> None:
    """Refuse a table that has the name of one of gymlab's tables, but other columns or another key."""
    inspector = inspect(connection)
    table = GymlabTable.metadata.tables[name]
    found = {_FORMER_COLUMNS.get(column["name"], column["name"]) for column in inspector.get_columns(name)}
    key = set(inspector.get_pk_constraint(name)["constrained_columns"])
    if {column.name for column in table.columns} - found or key != {one.name for one in table.primary_key}:
        raise InputError(
            f"the database {connection.engine.url.database}: its table {name!r} is not gymlab's; name another database"
        )
