"""The files of a source and their lines, plain or compressed; every problem with a file is an `InputError`."""

import glob
import gzip
import io
import lzma
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from urllib.parse import unquote

from gymlab.arguments import shown
from gymlab.errors import InputError

Source = str | PathLike[str]

_SQLITE_URL = re.compile(
    r"sqlite(\+aiosqlite|\+pysqlite)?://(?P<host>[^/]*)(/(?P<path>[^?]*))?(\?.*)?", re.DOTALL
)
_SERVER_URL = re.compile(r"postgres(ql)?(\+asyncpg)?://")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def files_of(source: Source | Sequence[Source]) -> list[Path]:
    """Return the files that a source names; the URL of a server names no file.

    Raises
    ------
    InputError
        As :func:`places_of`.
    """
    return [place for place in places_of(source) if isinstance(place, Path)]


def places_of(source: Source | Sequence[Source]) -> list[Path | str]:
    """Return the files and the URLs of servers that a source names, in the order in which they are read.

    The name of an existing file or folder is never taken as a pattern.

    Parameters
    ----------
    source
        A source, as :func:`gymlab.read_actions` takes it.

    Raises
    ------
    InputError
        If it is no source, or a pattern that no file matches. The path of a file that does not exist is returned.

    Examples
    --------
    >>> [str(path) for path in places_of(["logs/a.jsonl", "sqlite:///lab%201.db", "postgresql://host/lab"])]
    ['logs/a.jsonl', 'lab 1.db', 'postgresql://host/lab']
    """
    if isinstance(source, (str, PathLike)):
        return _places_of_one(source)
    if not isinstance(source, Sequence) or not all(isinstance(one, (str, PathLike)) for one in source):
        raise InputError(f"a source is a path, a pattern, a URL or a list of these, not {shown(source)}")
    if not source:
        raise InputError("no source was given: the list is empty")
    return [place for one in source for place in _places_of_one(one)]


def expanded(path: Source) -> Path:
    """Return a path with the home of a user in place of ``~`` or ``~name``.

    Raises
    ------
    InputError
        If the argument is no path.

    Examples
    --------
    >>> str(expanded("~no such user/log.jsonl"))
    '~no such user/log.jsonl'
    """
    if not isinstance(path, (str, PathLike)):
        raise InputError(f"a path is a text or a Path, not {shown(path)}")
    # Path.expanduser takes ./~ for a home too, and raises an error if there is no such user.
    return Path(os.path.expanduser(os.fsdecode(path)))  # noqa: PTH111


def hide_password(url: str) -> str:
    """Return a database URL with stars in place of its passwords.

    Examples
    --------
    >>> hide_password("postgresql://ada:secret@host/db")
    'postgresql://ada:***@host/db'
    """
    hidden = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url)
    return re.sub(r"([?&][^=&]*(?:pass|pwd|secret|token)[^=&]*=)[^&]*", r"\1***", hidden, flags=re.IGNORECASE)


def _places_of_one(source: Source) -> list[Path | str]:
    text = os.fsdecode(source)
    if not text:
        raise InputError("no source was given: the path is empty")
    if isinstance(source, str) and _SERVER_URL.match(text):
        return [text]
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
            f"{hide_password(url)}: only URLs of SQLite and PostgreSQL can be read "
            "(sqlite:///path or postgresql://user@host/database); give the path of a file, or export the actions to "
            "JSONL, CSV or Parquet"
        )
    if match["host"] or match["path"] in (None, "", ":memory:"):
        raise InputError(
            f"{hide_password(url)}: names no file; write sqlite:///relative/path or sqlite:////absolute"
        )
    # SQLite does not unquote the path, so if there is a file with exactly this name, it is the right file.
    path = Path(match["path"])
    return path if path.exists() else Path(unquote(match["path"]))


_BOM = b"\xef\xbb\xbf"
_UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError)


def _by_arrow(codec: str) -> Callable[[Path], io.BufferedReader]:
    def opened(path: Path) -> io.BufferedReader:
        # The import of pyarrow is slow, and few logs have these compressions.
        import pyarrow as pa  # noqa: PLC0415

        return io.BufferedReader(pa.input_stream(path.open("rb"), compression=codec))

    return opened


@dataclass(frozen=True)
class Codec:
    """A way to compress a file: the ending of names, the bytes at an offset that identify it, and how to open it."""

    name: str
    suffix: str
    offset: int
    magic: bytes
    open: Callable[[Path], gzip.GzipFile | lzma.LZMAFile | io.BufferedReader]


_CODECS = (
    Codec("gzip", ".gz", 0, b"\x1f\x8b", gzip.open),
    Codec("xz", ".xz", 0, b"\xfd7zXZ\x00", lzma.open),
    Codec("bzip2", ".bz2", 4, b"1AY&SY", _by_arrow("bz2")),
    Codec("zstd", ".zst", 0, b"\x28\xb5\x2f\xfd", _by_arrow("zstd")),
    Codec("lz4", ".lz4", 0, b"\x04\x22\x4d\x18", _by_arrow("lz4")),
)


def codec_of(path: Path) -> Codec | None:
    """Return the compression of a file, from its first bytes; None for a plain file.

    Raises
    ------
    InputError
        If the file cannot be read, or its name has the ending of another compression.
    """
    check_file(path)
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise _unreadable(path, error) from error
    codec = next((one for one in _CODECS if start.startswith(one.magic, one.offset)), None)
    named = next((one for one in _CODECS if one.suffix == path.suffix.lower()), None)
    if named is not None and codec is not named:
        kind = "gzipped" if named.name == "gzip" else f"compressed by {named.name}"
        raise InputError(f"{path}: is named {path.suffix} but is not {kind}; rename it")
    return codec


def uncompressed_name(path: Path) -> str:
    """Return the name of a file without the ending of its compression.

    Examples
    --------
    >>> uncompressed_name(Path("logs/a.jsonl.gz"))
    'a.jsonl'
    """
    suffixes = {codec.suffix for codec in _CODECS}
    return path.stem if path.suffix.lower() in suffixes else path.name


def head(path: Path, size: int) -> bytes:
    """Return the first bytes of a file, unpacked if it is compressed."""
    codec = codec_of(path)
    try:
        with path.open("rb") if codec is None else codec.open(path) as file:
            return file.read(size)
    except _UNREADABLE as error:
        raise _unreadable(path, error, codec) from error


def check_file(path: Path) -> None:
    """Raise an `InputError` unless `path` is a file that is not empty."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        # Many programs take "-" for standard input.
        more = "; standard input cannot be a source, so write the log to a file first" * (path.name == "-")
        raise InputError(f"{path}: there is no such file{more}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{path}: is a folder; name a file in it, or a pattern such as {path}/*.jsonl")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: is no regular file but a pipe or a device; write the log to a file first")
    if status.st_size == 0:
        raise InputError(f"{path}: the file is empty")


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, counted from 1, and with its line end."""
    codec = codec_of(path)
    number = 0
    try:
        with path.open("rb") if codec is None else codec.open(path) as file:
            for number, line in enumerate(file, start=1):
                yield number, (line.removeprefix(_BOM) if number == 1 else line).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}, line {number}: is not UTF-8 text (byte {error.start + 1}); save the file as UTF-8"
        ) from error
    except _UNREADABLE as error:
        raise _unreadable(path, error, codec, number) from error


def _unreadable(path: Path, error: Exception, codec: Codec | None = None, number: int = 0) -> InputError:
    """Return the error for a file that cannot be read; an error without an ``errno`` means damaged compressed data."""
    if codec is not None and getattr(error, "errno", None) is None:
        after = f" after line {number}" if number else ""
        return InputError(f"{path}: the {codec.name} data is damaged or cut off{after}; copy the file again")
    return InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}")
