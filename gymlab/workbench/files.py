"""Files that a command writes: refused before the work if they cannot be written, and there whole or not at all."""

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

# What a command is given in place of a file for its result.
STANDARD_OUTPUT = Path("-")
# SQLite keeps a part of a database in these files beside it.
_BESIDE = ("", "-wal", "-shm", "-journal")


def require_targets(targets: Mapping[str, Path | None], source: Source | Sequence[Source] | None) -> None:
    """Refuse before the work what could not be written after it, or would overwrite what is read.

    Parameters
    ----------
    targets
        Files and folders to write, by the option that names them; None is one that was not asked for.
    source
        What is read, as for :func:`gymlab.read_actions`; the bundled sample when there is none.

    Raises
    ------
    InputError
        If a file is named twice, or is the log itself.
    OutputError
        If it is a folder, in none, or in one that cannot be written.
    """
    require_apart(targets, source)
    for path in targets.values():
        if path is not None and path != STANDARD_OUTPUT:
            require_writable(path)


def require_apart(targets: Mapping[str, Path | None], source: Source | Sequence[Source] | None) -> None:
    """Refuse to write what is read, or one file twice, however the paths are spelled.

    Parameters
    ----------
    targets, source
        As for :func:`require_targets`.

    Raises
    ------
    InputError
        If a file is named twice, or is the log itself.
    """
    instance("targets", targets, Mapping, "paths by the options that name them")
    # What was found is not looked up again: a name may begin with ~ after all.
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
    """Tell whether a path is a device or a pipe; several results may go to the same one."""
    try:
        mode = _real(path).stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _identity(path: Source) -> tuple[object, ...]:
    """Return what all spellings of a path share: the file's inode, or, without a file, the folder's inode and the name."""
    real = _real(path)
    try:
        status = real.stat()
    except OSError:
        return (*_identity(real.parent), real.name)
    return status.st_dev, status.st_ino


def require_writable(path: Path, *, makes_folder: bool = False) -> None:
    """Refuse a file that could not be written.

    Parameters
    ----------
    path
        Of the file.
    makes_folder
        Whether its folder is made if there is none.

    Raises
    ------
    OutputError
        If it is a folder, in none, or in one that cannot be written.
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
    """Return a path without ``~``, links and ``..``; pathlib's own would raise where a link points to itself."""
    plain = expanded(path)
    try:
        return Path(os.path.realpath(plain))
    except ValueError as error:
        raise OutputError(f"cannot write {shown(str(path))}: {error}") from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all; a device or pipe is written to as it is.

    Parameters
    ----------
    path
        Of the file; ``-`` is standard output.
    content
        All of it.

    Raises
    ------
    InputError
        If it is no path, or no bytes.
    OutputError
        If it cannot be written.
    """
    instance("content", content, bytes, "bytes")
    if expanded(path) == STANDARD_OUTPUT:
        sys.stdout.flush()
        # A command's own stream has a name of its own for it.
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
    """Return why nothing can be written to a folder, or be made where it will be; empty if it can.

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
