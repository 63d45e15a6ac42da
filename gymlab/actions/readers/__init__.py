"""Readers: from every format to the action table; the format is detected from the content and the name of a file."""

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, overload

import pandas as pd

from gymlab.actions.columns import REQUIRED_COLUMNS
from gymlab.actions.raw_rows import RawRows, TypedRows, absent_columns, conform
from gymlab.actions.readers.databases import MAGIC as SQLITE_MAGIC
from gymlab.actions.readers.databases import detect as detect_database
from gymlab.actions.readers.databases import read_server
from gymlab.actions.readers.kinds import refuse_other_kinds, require_commas
from gymlab.actions.readers.neutral import folder_columns
from gymlab.actions.readers.source_files import (
    Source,
    codec_of,
    head,
    hide_password,
    lines,
    places_of,
    uncompressed_name,
)
from gymlab.actions.schema import assemble
from gymlab.arguments import boolean, shown
from gymlab.errors import InputError

__all__ = ["FORMATS", "hide_password", "read_actions"]

# For each format, the module of the reader and its function.
FORMATS: dict[str, tuple[str, str]] = {
    "gym": ("databases", "read_gym"),
    "gymlab": ("databases", "read_own"),
    "jsonl": ("neutral", "read_jsonl"),
    "csv": ("neutral", "read_csv"),
    "parquet": ("neutral", "read_parquet"),
    "axelrod": ("axelrod", "read"),
    "tau-bench": ("tau_bench", "read"),
}
# For each binary format: the first bytes, the name of this kind of file, and its possible formats.
_BINARY = (
    (SQLITE_MAGIC, "a SQLite database", ("gym", "gymlab")),
    (b"PAR1", "a Parquet file", ("parquet",)),
)
_HEAD_SIZE = 1 << 16


@overload
def read_actions(
    source: Source | Sequence[Source], format: str | None = None, *, strict: Literal[True] = True
) -> pd.DataFrame: ...
@overload
def read_actions(
    source: Source | Sequence[Source], format: str | None = None, *, strict: Literal[False]
) -> tuple[pd.DataFrame, pd.DataFrame]: ...
@overload
def read_actions(
    source: Source | Sequence[Source], format: str | None = None, *, strict: bool
) -> pd.DataFrame | tuple[pd.DataFrame, pd.DataFrame]: ...
def read_actions(
    source: Source | Sequence[Source],
    format: str | None = None,  # noqa: A002 - the name is fixed by the design
    *,
    strict: bool = True,
) -> pd.DataFrame | tuple[pd.DataFrame, pd.DataFrame]:
    """Read a log of actions into one action table.

    Parameters
    ----------
    source
        A file, plain or compressed (gzip, bzip2, xz, zstd, lz4); a pattern such as ``logs/*.jsonl.gz``; the URL of a
        SQLite or PostgreSQL database; or several of these. The name of an existing file is never taken as a pattern.
    format
        One of gym, gymlab, jsonl, csv, parquet, axelrod, tau-bench; None to detect it from content and name.
    strict
        True: a bad row is an error. False: bad rows go to a second frame, and the other rows are kept.

    Returns
    -------
    pandas.DataFrame or (pandas.DataFrame, pandas.DataFrame)
        The action table, series by series. Its ``attrs`` hold the assumptions of the reader (`notes`), the unit of
        decision_entropy (`entropy_unit`) and the `source`. With ``strict=False`` also the errors: source, line, field,
        value, problem.

    Raises
    ------
    InputError
        If a source cannot be read, or (strict) a row is bad; the message names the problem, its place and a solution.

    Examples
    --------
    >>> import gymlab
    >>> actions = gymlab.read_actions(gymlab.sample_path())
    >>> len(actions), actions["agent_id"].nunique()
    (83223, 14)
    """
    if format is not None and (not isinstance(format, str) or format not in FORMATS):
        raise InputError(f"there is no format {shown(format)}; the known ones are {', '.join(FORMATS)}")
    strict = boolean("strict", strict)
    parts = [_part(place, format) for place in places_of(source)]
    frame, errors = assemble(parts, strict=strict)
    return frame if strict else (frame, errors)


def _part(path: Path | str, name: str | None) -> TypedRows:
    """Read one file, in the given or the detected format, or a database of a server."""
    if isinstance(path, str):
        return conform(read_server(path, name))
    start = head(path, _HEAD_SIZE)
    name = _format_of(path, start, name)
    if name in ("csv", "axelrod"):
        require_commas(path, start)
    module, function = FORMATS[name]
    reader = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    rows: RawRows = reader(path)
    if len(rows.lines):
        folders = {name: values * len(rows.lines) for name, values in folder_columns(path).items()}
        rows.columns = {**folders, **rows.columns}
    # If a source has no rows and the wrong columns, `conform` has the better message.
    if not len(rows.lines) and not rows.problems and not (rows.columns and absent_columns(rows)):
        raise InputError(f"{path}: no actions in it")
    return conform(rows)


def _format_of(path: Path, start: bytes, given: str | None) -> str:
    """Return the format of a file: the given one, unless the first bytes belong to another format."""
    for magic, what, formats in _BINARY:
        if start.startswith(magic):
            if codec_of(path) is not None:
                raise InputError(f"{path}: is {what} that is compressed as a whole; unpack it")
            if given is not None and given not in formats:
                raise InputError(f"{path}: is {what}, although the format {given} was given; leave that out")
            return given or (detect_database(path) if magic == SQLITE_MAGIC else formats[0])
    refuse_other_kinds(path, start)
    return given or _text_format(path, start)


def _text_format(path: Path, start: bytes) -> str:
    """Return the format of a text file, by its name, then by its first lines."""
    suffix = Path(uncompressed_name(path)).suffix.lower()
    if suffix in (".db", ".sqlite", ".sqlite3"):
        raise InputError(f"{path}: is no SQLite database, although it is named like one")
    if suffix in (".parquet", ".pq"):
        raise InputError(f"{path}: is no Parquet file, although it is named like one")
    if suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise InputError(f"{path}: no columns in it, only blank lines")
    if text.startswith((b"{", b"[")):
        return "jsonl" if _has_an_action_a_line(path) else "tau-bench"
    names = {name.strip().strip(b'"') for name in text.partition(b"\n")[0].split(b",")}
    return "axelrod" if {b"strategy", b"opponent", b"moves", b"opponent_moves"} <= names else "csv"


def _has_an_action_a_line(path: Path) -> bool:
    """Tell whether the first line is an object, and either has fields of an action or is followed by an object."""
    filled = (line for _, line in lines(path) if line.strip())
    try:
        first: Any = json.loads(next(filled))
    except (ValueError, RecursionError):
        return False
    if not isinstance(first, dict):
        return False
    return next(filled, "").lstrip().startswith("{") or not first.keys().isdisjoint(REQUIRED_COLUMNS)
