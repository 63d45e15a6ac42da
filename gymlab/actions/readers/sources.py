"""Which files a source names: a path, a pattern, the URL of a SQLite database, or several of these."""

import glob
import os
import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from urllib.parse import unquote

from gymlab.arguments import shown
from gymlab.errors import InputError

Source = str | PathLike[str]

_SQLITE_URL = re.compile(
    r"sqlite(\+aiosqlite|\+pysqlite)?://(?P<host>[^/]*)(/(?P<path>[^?]*))?(\?.*)?", re.DOTALL
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def files_of(source: Source | Sequence[Source]) -> list[Path]:
    """Return the files that a source names, in the order in which they are read.

    What exists under its literal name is that: a file is never a pattern, nor is a folder on the way to one.

    Parameters
    ----------
    source
        What :func:`gymlab.read_actions` takes.

    Raises
    ------
    InputError
        If it is no source, or a pattern that no file matches. A file that does not exist is returned.

    Examples
    --------
    >>> [str(path) for path in files_of(["logs/a.jsonl", "sqlite:///lab%201.db"])]
    ['logs/a.jsonl', 'lab 1.db']
    """
    if isinstance(source, (str, PathLike)):
        return _files_of_one(source)
    if not isinstance(source, Sequence) or not all(isinstance(one, (str, PathLike)) for one in source):
        raise InputError(f"a source is a path, a pattern, a URL or a list of these, not {shown(source)}")
    if not source:
        raise InputError("no source was given: the list is empty")
    return [path for one in source for path in _files_of_one(one)]


def expanded(path: Source) -> Path:
    """Return a path with the home of a user in place of ``~`` or ``~name``.

    Raises
    ------
    InputError
        If it is no path.

    Examples
    --------
    >>> str(expanded("~no such user/log.jsonl"))
    '~no such user/log.jsonl'
    """
    if not isinstance(path, (str, PathLike)):
        raise InputError(f"a path is a text or a Path, not {shown(path)}")
    # pathlib's own takes ./~ for a home too, and raises where there is no such user.
    return Path(os.path.expanduser(os.fsdecode(path)))  # noqa: PTH111


def hide_password(url: str) -> str:
    """Return a database URL with its passwords starred out, fit to be shown.

    Examples
    --------
    >>> hide_password("postgresql://ada:secret@host/db")
    'postgresql://ada:***@host/db'
    """
    hidden = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url)
    return re.sub(r"([?&][^=&]*(?:pass|pwd|secret|token)[^=&]*=)[^&]*", r"\1***", hidden, flags=re.IGNORECASE)


def _files_of_one(source: Source) -> list[Path]:
    text = os.fsdecode(source)
    if not text:
        raise InputError("no source was given: the path is empty")
    if isinstance(source, str) and _URL.match(text):
        return [_database(text)]
    path = expanded(text)
    try:
        if path.exists():
            return [path]
        folder = next((one for one in path.parents if one.exists()), Path())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    pattern = str(path.relative_to(folder))
    if not glob.has_magic(pattern):
        return [path]
    found = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 - pathlib's takes no ** before a name
    if not found:
        raise InputError(f"{text}: no file matches this pattern")
    return [folder / name for name in sorted(found)]


def _database(url: str) -> Path:
    match = _SQLITE_URL.fullmatch(url)
    if match is None:
        raise InputError(
            f"{hide_password(url)}: of URLs, only SQLite ones can be read so far "
            "(sqlite:///path or sqlite+aiosqlite:///path); give the path of a file, or export the actions to "
            "JSONL, CSV or Parquet"
        )
    if match["host"] or match["path"] in (None, "", ":memory:"):
        raise InputError(
            f"{hide_password(url)}: names no file; write sqlite:///relative/path or sqlite:////absolute"
        )
    # Who writes a database by such a URL takes the path as it stands, so a file of that name is the one meant.
    path = Path(match["path"])
    return path if path.exists() else Path(unquote(match["path"]))
