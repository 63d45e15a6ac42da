"""Readers: from every format to the action table, found by content and name."""

import glob
import importlib
import json
import re
from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Literal, overload
from urllib.parse import unquote

import pandas as pd

from gymlab.actions.assemble import assemble
from gymlab.actions.readers.files import GZIP_MAGIC, check_file, head
from gymlab.actions.readers.sqlite import MAGIC as SQLITE_MAGIC
from gymlab.actions.readers.sqlite import detect as detect_database
from gymlab.actions.rows import Part, RawRows, absent_columns, conform
from gymlab.arguments import shown
from gymlab.errors import InputError

__all__ = ["FORMATS", "read_actions"]

Source = str | PathLike[str]

# Format: module of its reader, and the function there.
FORMATS: dict[str, tuple[str, str]] = {
    "gym": ("gym", "read"),
    "gymlab": ("own", "read"),
    "jsonl": ("jsonl", "read"),
    "csv": ("table", "read_csv"),
    "parquet": ("table", "read_parquet"),
    "axelrod": ("axelrod", "read"),
    "tau-bench": ("tau_bench", "read"),
}
_DATABASES = ("gym", "gymlab")
_HEAD_SIZE = 1 << 16
_SQLITE_URL = re.compile(
    r"sqlite(\+aiosqlite|\+pysqlite)?://(?P<host>[^/]*)(/(?P<path>[^?]*))?(\?.*)?", re.DOTALL
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


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
        A file, a pattern such as ``logs/*.jsonl.gz``, the URL of a SQLite database, or several of these.
    format
        One of gym, gymlab, jsonl, csv, parquet, axelrod, tau-bench; None finds it by content and name.
    strict
        True: a bad row is an error. False: it goes to a second frame, the rest is kept.

    Returns
    -------
    pandas.DataFrame or (pandas.DataFrame, pandas.DataFrame)
        The action table, series by series; ``attrs`` says what was assumed (`notes`), the unit of
        decision_entropy (`entropy_unit`) and the `source`. With ``strict=False`` also the errors: source, line,
        field, value, problem.

    Raises
    ------
    InputError
        If a source cannot be read, or (strict) a row is bad; the message says what, where and what to do.

    Examples
    --------
    >>> import gymlab
    >>> actions = gymlab.read_actions(gymlab.sample_path())
    >>> len(actions), actions["agent_id"].nunique()
    (83223, 14)
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"there is no format {shown(format)}; the known ones are {', '.join(FORMATS)}")
    paths = [path for one in _listed(source) for path in _paths(one)]
    parts = [_part(path, format) for path in paths]
    frame, errors = assemble(parts, strict=strict)
    return frame if strict else (frame, errors)


def hide_password(url: str) -> str:
    """Return a database URL with its passwords starred out, fit to be shown.

    Examples
    --------
    >>> hide_password("postgresql://ada:secret@host/db")
    'postgresql://ada:***@host/db'
    """
    hidden = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url)
    return re.sub(r"([?&][^=&]*(?:pass|pwd|secret|token)[^=&]*=)[^&]*", r"\1***", hidden, flags=re.IGNORECASE)


def _listed(source: Source | Sequence[Source]) -> list[Source]:
    if isinstance(source, (str, PathLike)):
        return [source]
    if not isinstance(source, Sequence) or not all(isinstance(one, (str, PathLike)) for one in source):
        raise InputError(f"a source is a path, a pattern, a URL or a list of these, not {shown(source)}")
    if not source:
        raise InputError("no source was given: the list is empty")
    return list(source)


def _paths(source: Source) -> list[Path]:
    """Return the files that one source names."""
    text = fspath(source)
    if not text:
        raise InputError("no source was given: the path is empty")
    if isinstance(source, str) and _URL.match(text):
        return [_database(text)]
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # no such user, so the name begins with ~ and means nothing by it
        path = Path(text)
    try:
        exists = path.exists()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if exists or not glob.has_magic(text):
        return [path]
    found = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - pathlib has no absolute patterns
    if not found:
        raise InputError(f"{text}: no file matches this pattern")
    return [Path(name) for name in found]


def _database(url: str) -> Path:
    match = _SQLITE_URL.fullmatch(url)
    if match is None:
        raise InputError(
            f"{hide_password(url)}: of databases, only SQLite ones can be read so far "
            "(sqlite:///path or sqlite+aiosqlite:///path); export the actions to JSONL, CSV or Parquet"
        )
    if match["host"] or match["path"] in (None, "", ":memory:"):
        raise InputError(
            f"{hide_password(url)}: names no file; write sqlite:///relative/path or sqlite:////absolute"
        )
    return Path(unquote(match["path"]))


def _part(path: Path, name: str | None) -> Part:
    """Read one file; a format that was given is taken at its word."""
    check_file(path)
    module, function = FORMATS[name or _detected(path)]
    reader = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    rows: RawRows = reader(path)
    # Without rows, a source that has other columns was no log in the first place: `conform` says which.
    if not len(rows.lines) and not rows.problems and not (rows.columns and absent_columns(rows)):
        raise InputError(f"{path}: no actions in it")
    return conform(rows)


def _detected(path: Path) -> str:
    """Return the format of a file, by its first bytes, then by its name, then by its first line."""
    start = head(path, _HEAD_SIZE)
    if start.startswith(SQLITE_MAGIC):
        return detect_database(path)
    if start.startswith(b"PAR1"):
        return "parquet"
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix in (".db", ".sqlite", ".sqlite3"):
        raise InputError(f"{path}: is no SQLite database, although it is named like one")
    if suffix in (".parquet", ".pq"):
        raise InputError(f"{path}: is no Parquet file, although it is named like one")
    if path.suffix == ".gz" and not _is_gzipped(path):
        raise InputError(f"{path}: is named .gz but is not gzipped; rename it")
    first, _, rest = start.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    if suffix in (".jsonl", ".ndjson") or (first.startswith(b"{") and _is_object(first) and b"{" in rest[:1]):
        return "jsonl"
    if first.startswith((b"{", b"[")):
        return "jsonl" if _is_action(first) else "tau-bench"
    names = {name.strip().strip(b'"') for name in first.split(b",")}
    return "axelrod" if {b"strategy", b"opponent", b"moves", b"opponent_moves"} <= names else "csv"


def _is_gzipped(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP_MAGIC


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_action(line: bytes) -> bool:
    return _is_object(line) and b'"session_id"' in line
