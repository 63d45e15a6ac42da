"""The tables of a Gym database beside its actions: profiles and principles, as rows of gymlab's own tables."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gymlab.actions.moments import in_utc, moment_of
from gymlab.actions.readers.databases import GYM_TABLE, MAGIC, columns_of_table, detect, open_read_only
from gymlab.actions.readers.source_files import Source, head, places_of
from gymlab.arguments import named
from gymlab.errors import InputError

if TYPE_CHECKING:
    from gymlab.db_models import GymPrinciple, GymProfile

_TABLES = ("agent_profiles", "principles")
_TIMES = ("created_at", "last_updated")


@dataclass
class GymRecords:
    """Profiles and principles, and sentences about what was not read."""

    profiles: "list[GymProfile]" = field(default_factory=list)
    principles: "list[GymPrinciple]" = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_gym_records(source: Source | Sequence[Source], format: str | None = None) -> GymRecords:  # noqa: A002 - as read_actions
    """Read the profiles and principles of the Gym databases among the sources.

    Parameters
    ----------
    source, format
        As for :func:`gymlab.read_actions`.

    Returns
    -------
    GymRecords
        Empty if no source is a database of the Gym.

    Raises
    ------
    InputError
        If a table lacks a column, or a time cannot be read.

    Examples
    --------
    >>> import gymlab
    >>> read_gym_records(gymlab.sample_path()).profiles
    []
    """
    # The import of sqlmodel is slow, and only writing needs it.
    from gymlab.db_models import GymPrinciple, GymProfile  # noqa: PLC0415

    records = GymRecords()
    for path in places_of(source):
        if (
            isinstance(path, str)
            or not head(path, len(MAGIC)).startswith(MAGIC)
            or (format or detect(path)) != "gym"
        ):
            continue
        with open_read_only(path) as connection:
            records.profiles += [
                GymProfile(**row) for row in _rows(connection, path, "agent_profiles", GymProfile, records)
            ]
            records.principles += [
                GymPrinciple(**row) for row in _rows(connection, path, "principles", GymPrinciple, records)
            ]
            others = [
                name
                for (name,) in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
                )
                if name not in (GYM_TABLE, *_TABLES) and not name.startswith("sqlite_")
            ]
        if others:
            records.notes.append(f"{path}: tables that are not stored: {named(others)}")
    return records


def _rows(
    connection: sqlite3.Connection,
    path: Path,
    table: str,
    kind: "type[GymProfile | GymPrinciple]",
    records: GymRecords,
) -> list[dict[str, Any]]:
    """Return the rows of a table as values of its model; an empty list without the table."""
    found, wanted = columns_of_table(connection, table), list(kind.model_fields)
    if not found:
        return []
    if absent := [name for name in wanted if name not in found]:
        raise InputError(f"{path}: table {table!r} lacks the columns {named(absent)}; it has {named(found)}")
    if more := [name for name in found if name not in wanted]:
        records.notes.append(f"{path}: columns of {table!r} that are not stored: {named(more)}")
    rows = []
    for number, values in enumerate(connection.execute(f"SELECT {', '.join(wanted)} FROM {table}"), start=1):  # noqa: S608
        row = dict(zip(wanted, values, strict=True))
        for name in set(_TIMES) & set(wanted):
            stored, row[name] = row[name], in_utc(moment_of(row[name]))
            if row[name] is None:
                raise InputError(f"{path}: row {number} of {table!r}: {name} is {stored!r}, which is no time")
        rows.append(row)
    return rows
