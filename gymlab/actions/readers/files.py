"""Text files line by line, plain or gzipped; whatever is wrong with a file becomes one clear `InputError`."""

import gzip
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path

from gymlab.errors import InputError

GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


def head(path: Path, size: int) -> bytes:
    """Return the first bytes of a file, unpacked if it is gzipped."""
    check_file(path)
    try:
        with path.open("rb") as file:
            first = file.read(size)
        if first.startswith(GZIP_MAGIC):
            with gzip.open(path, "rb") as file:
                return file.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: the gzip data is damaged or cut off; copy the file again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return first


def check_file(path: Path) -> None:
    """Raise an `InputError` unless `path` is a file that holds something."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
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
    check_file(path)
    number = 0
    try:
        with path.open("rb") as probe:
            zipped = probe.read(2) == GZIP_MAGIC
        if path.suffix == ".gz" and not zipped:
            raise InputError(f"{path}: is named .gz but is not gzipped; rename it")
        with gzip.open(path, "rb") if zipped else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield number, (line.removeprefix(_BOM) if number == 1 else line).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}, line {number}: is not UTF-8 text (byte {error.start + 1}); save the file as UTF-8"
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{path}: the gzip data is damaged or cut off after line {number}; copy the file again"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
