"""Files that a command writes: refused before the work if they cannot be written, and there whole or not at all."""

import secrets
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gymlab.errors import InputError, OutputError
from gymlab.settings import Settings


def require_targets(targets: Mapping[str, Path], sources: Sequence[str]) -> None:
    """Refuse before the work what could not be written after it, or would overwrite what is read.

    Parameters
    ----------
    targets
        Files to write, by the option that names them.
    sources
        What is read.

    Raises
    ------
    InputError
        If a file is named twice, or is the log itself.
    OutputError
        If it is a folder, or in none.
    """
    seen = {Path(source).resolve(): "the log itself" for source in sources}
    for option, path in targets.items():
        resolved = path.resolve()
        if resolved in seen:
            raise InputError(f"{option} {path} is {seen[resolved]}; choose another file")
        if resolved.is_dir() or not resolved.parent.is_dir():
            raise OutputError(f"cannot write {path}: give a file in a folder that exists")
        seen[resolved] = f"the file of another option, {option}"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all; a device or pipe is written to as it is.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    target = path.resolve()
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
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not there.is_dir():
        return f"{there} is no folder"
    try:
        with tempfile.TemporaryFile(dir=there):
            return ""
    except OSError as error:
        return f"cannot write to {there} ({error.strerror})"


def new_report_file(kind: str, suffix: str) -> Path:
    """Return a name for a file in the folder of reports, which is made.

    Raises
    ------
    OutputError
        If the folder cannot be made.
    """
    folder = Settings().reports
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
    return folder / f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S}{suffix}"
