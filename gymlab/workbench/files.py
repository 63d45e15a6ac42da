"""The files that a command writes. They are checked before the work, and are complete or absent after it."""

import os
import secrets
import stat
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from gymlab.actions.readers.source_files import Source, expanded, files_of
from gymlab.arguments import instance, shown
from gymlab.errors import InputError, OutputError
from gymlab.settings import sample_path

# The name that means standard output instead of a file.
STANDARD_OUTPUT = Path("-")
# The endings of the files in which SQLite keeps further parts of a database.
_BESIDE = ("", "-wal", "-shm", "-journal")


def require_targets(targets: Mapping[str, Path | None], source: Source | Sequence[Source] | None) -> None:
    """Refuse targets that cannot be written, or that would overwrite the log.

    Parameters
    ----------
    targets
        Files and folders to write, by the option that names them; None for an option that is not given.
    source
        The log, as for :func:`gymlab.read_actions`; the bundled sample if there is none.

    Raises
    ------
    InputError
        If two options name the same file, or one names the log itself.
    OutputError
        If a target is a folder, or its folder does not exist or cannot be written.
    """
    require_apart(targets, source)
    for path in targets.values():
        if path is not None and path != STANDARD_OUTPUT:
            require_writable(path)


def require_apart(targets: Mapping[str, Path | None], source: Source | Sequence[Source] | None) -> None:
    """Refuse a target that is the log or the target of another option, even if the paths are written differently.

    Parameters
    ----------
    targets, source
        As for :func:`require_targets`.

    Raises
    ------
    InputError
        If two options name the same file, or one names the log itself.
    """
    instance("targets", targets, Mapping, "paths by the options that name them")
    # These paths are already expanded, so ~ in them is a plain character.
    read = [path.absolute() for path in files_of(source or sample_path())]
    seen = {_identity(f"{path}{ending}"): "the log itself" for path in read for ending in _BESIDE}
    for option, path in targets.items():
        if path is None or _is_device(path):
            continue
        identity = _identity(path)
        if identity in seen:
            raise InputError(f"{option} {path} is {seen[identity]}; choose another file")
        seen[identity] = f"the file of another option, {option}"


def _is_device(path: Source) -> bool:
    """Return whether a path is a device or a pipe; several results may go to one device."""
    try:
        mode = _real(path).stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _identity(path: Source) -> tuple[object, ...]:
    """Return the inode of a file; for a file that does not exist, the inode of its folder and the name."""
    real = _real(path)
    try:
        status = real.stat()
    except OSError:
        return (*_identity(real.parent), real.name)
    return status.st_dev, status.st_ino


def require_writable(path: Path, *, makes_folder: bool = False) -> None:
    """Refuse a file that cannot be written.

    Parameters
    ----------
    path
        Path of the file.
    makes_folder
        Whether the writer makes a missing folder.

    Raises
    ------
    OutputError
        If the path is a folder, or its folder does not exist or cannot be written.
    """
    real = _real(path)
    try:
        mode = real.stat().st_mode
    except FileNotFoundError:
        mode = 0
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    if stat.S_ISDIR(mode):
        raise OutputError(f"cannot write {path}: a folder of that name is there already")
    if _is_device(path):
        return
    if not makes_folder and not real.parent.is_dir():
        raise OutputError(f"cannot write {path}: give a file in a folder that exists")
    if problem := unwritable(real.parent):
        raise OutputError(f"cannot write {path}: {problem}")


def _real(path: Source) -> Path:
    """Return a path without ``~``, links and ``..``; ``Path.resolve`` fails if a link points to itself."""
    plain = expanded(path)
    try:
        return Path(os.path.realpath(plain))
    except ValueError as error:
        raise OutputError(f"cannot write {shown(str(path))}: {error}") from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is complete or absent; devices and pipes are written directly.

    Parameters
    ----------
    path
        Path of the file; ``-`` is standard output.
    content
        The whole content.

    Raises
    ------
    InputError
        If `path` is no path, or `content` is no bytes.
    OutputError
        If the file cannot be written.
    """
    instance("content", content, bytes, "bytes")
    if expanded(path) == STANDARD_OUTPUT:
        sys.stdout.flush()
        # The streams of the command line have another name for their binary stream.
        output = getattr(sys.stdout, "binary", None) or sys.stdout.buffer
        output.write(content)
        output.flush()
        return
    target = _real(path)
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(content)
            return
        partial = target.with_name(f".{secrets.token_hex(4)}.partial")
        try:
            partial.write_bytes(content)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def unwritable(folder: Path) -> str:
    """Return why a folder cannot be written or made; empty if it can.

    Examples
    --------
    >>> unwritable(Path(__file__) / "folder").endswith("is no folder")
    True
    """
    there = folder = expanded(folder)
    try:
        there = next(one for one in (folder, *folder.parents) if one.exists())
        if not there.is_dir():
            return f"{there} is no folder"
        with tempfile.TemporaryFile(dir=there):
            return ""
    except OSError as error:
        return f"cannot write to {there} ({error.strerror})"
