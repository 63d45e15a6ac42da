"""The state of a database's tables: their version, their rows and their integrity; and their upgrade."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection, StaticPool, create_engine, inspect, text
from sqlalchemy.engine import URL

from gymlab.actions.readers.databases import open_read_only
from gymlab.db_models import GymlabTable
from gymlab.errors import InputError
from gymlab.runtime import background
from gymlab.runtime.database import Database
from gymlab.runtime.migrations import HEAD, require_known, stored_version


@dataclass(frozen=True)
class TablesState:
    """The version of the tables, None without tables; the number of rows of each table; and what else was checked."""

    place: str
    version: str | None
    rows: dict[str, int]
    checked: str = ""

    @property
    def is_current(self) -> bool:
        """Whether the tables have the newest version."""
        return self.version == HEAD

    def listing(self) -> str:
        """Return the state for a terminal."""
        if self.version is None:
            return f"{self.place}: has no tables of gymlab; the newest version is {HEAD}"
        verdict = "current" if self.is_current else f"not current: the newest version is {HEAD}"
        rows = [f"  {name}: {count:,} rows" for name, count in self.rows.items()]
        return "\n".join([f"{self.place}: tables of version {self.version}, {verdict}{self.checked}", *rows])


def check_tables(source: str | None = None) -> TablesState:
    """Return the state of a database; nothing is written.

    The pages, the indices and the references of an SQLite database are checked, too.

    Parameters
    ----------
    source
        A URL, or the path of an SQLite file; None for the embedded database.

    Raises
    ------
    InputError
        If there is no database, it is damaged, or a newer gymlab made its tables.

    Examples
    --------
    >>> import gymlab, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     before, after = upgrade_tables(f"{folder}/lab.db")
    ...     before.version, check_tables(f"{folder}/lab.db").is_current
    (None, True)
    """
    database = _database(source)
    file = database.file
    if file is None:

        async def state() -> TablesState:
            async with database:
                return await _state(database)

        return background.run(state())
    # Database would make a file that is not there, and write the journal mode into one that is.
    with open_read_only(file) as opened:
        damage = [row[0] for row in opened.execute("PRAGMA quick_check(1)") if row[0] != "ok"]
        damage += [
            f"a row of {row[0]} refers to no row of {row[2]}"
            for row in opened.execute("PRAGMA foreign_key_check")
        ]
        if damage:
            raise InputError(f"the database {file} is damaged: {damage[0]}")
        engine = create_engine(f"sqlite:///{file}", creator=lambda: opened, poolclass=StaticPool)
        with engine.connect() as connection:
            return replace(_read(connection, str(file)), checked="; no page is damaged, and references hold")


def upgrade_tables(source: str | None = None) -> tuple[TablesState, TablesState]:
    """Bring the tables of a database to the newest version, and return the states before and after.

    Raises
    ------
    InputError
        As :func:`check_tables`, except that a new SQLite file is made.
    """
    database = _database(source)

    async def upgraded() -> tuple[TablesState, TablesState]:
        async with database:
            before = await _state(database)
            await database.upgrade()
            return before, await _state(database)

    return background.run(upgraded())


def _database(source: str | None) -> Database:
    if source is not None and "://" not in source and source != ":memory:":
        source = URL.create("sqlite", database=source).render_as_string(hide_password=False)
    database = Database(source)
    if database.engine.dialect.name == "sqlite" and database.file is None:
        raise InputError("a database in memory ends with this command; name a file or a server")
    return database


async def _state(database: Database) -> TablesState:
    url = database.engine.url.set(drivername=database.engine.dialect.name)
    place = str(database.file or url.render_as_string(hide_password=True))
    async with database.engine.connect() as connection:
        return await connection.run_sync(_read, place)


def _read(connection: Connection, place: str) -> TablesState:
    version = stored_version(connection)
    require_known(version)
    ours = [name for name in inspect(connection).get_table_names() if name in GymlabTable.metadata.tables]
    rows = {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in ours}  # noqa: S608
    return TablesState(place, version, rows)
