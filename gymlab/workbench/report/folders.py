"""The folders of runs. There is one writer at a time, each folder is complete or absent, and the oldest are removed."""

import json
import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from gymlab.arguments import shown, whole_number
from gymlab.errors import BusyError, InputError, OutputError

# The notebook that a run executes, and the names of files that a run leaves.
NOTEBOOK = "04_optimization_report"
LATEST = "latest"
PARAMETERS = "params.json"

_LOCK = ".lock"
_RUN_ID = r"\d{8}-\d{6}-[0-9a-f]{4}"
# The names of the incomplete folders that killed runs leave: half written or half removed.
_LEFT_BEHIND = re.compile(rf"\.(?P<run_id>{_RUN_ID})\.(partial|removed)")
_FAILED = re.compile(rf"(?P<run_id>{_RUN_ID})-failed\.ipynb")

_log = logging.getLogger(__name__)


def new_run_id(started: datetime) -> str:
    """Return a new name for a run; names sort by time.

    Examples
    --------
    >>> new_run_id(datetime(2026, 1, 31, 2, 30))[:15]
    '20260131-023000'
    """
    return f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Lock the folder of the runs for one writer, and remove the leftovers of killed runs.

    Raises
    ------
    BusyError
        If another run is being written.
    OutputError
        If the folder cannot be made or written.
    """
    lock = FileLock(home / _LOCK)
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        names = [found["run_id"] for path in home.iterdir() if (found := _LEFT_BEHIND.fullmatch(path.name))]
        which = f" ({names[-1]})" if names else ""
        raise BusyError(
            f"another report{which} is being written in {home}; wait until it is done, or choose another folder with --out"
        ) from None
    except OSError as error:
        raise _cannot_write(home, error) from error
    try:
        for path in home.iterdir():
            if _LEFT_BEHIND.fullmatch(path.name):
                shutil.rmtree(path, ignore_errors=True)
        yield
    finally:
        lock.release()


@contextmanager
def finished(home: Path, run_id: str) -> Iterator[Path]:
    """Yield a temporary folder, and give it the name of the run when everything in it is written.

    Raises
    ------
    OutputError
        If the folder cannot be made.
    """
    partial = home / f".{run_id}.partial"
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise _cannot_write(home, error) from error
    try:
        yield partial
        try:
            partial.rename(home / run_id)
        except OSError as error:
            raise _cannot_write(home, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def own_files(home: Path) -> dict[str, Path]:
    """Return the paths that every run writes, with the names that error messages use for them."""
    return {"--out": home, "the link of --out": home / LATEST, "the lock of --out": home / _LOCK}


def being_written(home: Path) -> bool:
    """Return whether a run is being written to a folder, without a change to the folder.

    The lock is tried only if there is an incomplete run: the trial holds the lock for a moment, and a run that begins
    in that moment would be refused.
    """
    if not (home / _LOCK).exists() or not any(_LEFT_BEHIND.fullmatch(path.name) for path in home.iterdir()):
        return False
    lock = FileLock(home / _LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def checked_keep(keep: object) -> int | None:
    """Return the number of runs to keep; None keeps all.

    Raises
    ------
    InputError
        If `keep` is neither a whole number of 1 or more nor None.
    """
    return None if keep is None else whole_number("keep", keep, least=1, instead=", or None to keep all")


def run_folder(out: object) -> Path:
    """Return the absolute path of the folder for runs.

    Raises
    ------
    InputError
        If `out` is no path.
    """
    if not isinstance(out, (str, os.PathLike)) or not os.fspath(out) or "\0" in str(out):
        raise InputError(f"out is {shown(out)}; give the path of a folder, or None")
    return Path(out).absolute()


def failed_notebook(folder: Path) -> Path:
    """Return the path for the notebook of a failed run, given the temporary folder of the run."""
    run_id = folder.name.strip(".").removesuffix(".partial")
    return folder.parent / f"{run_id}-failed.ipynb"


def point_latest(home: Path, run_id: str) -> None:
    """Point the link ``latest`` to a run; the link is never missing, not even for a moment."""
    fresh = home / f".{LATEST}.{secrets.token_hex(4)}"
    try:
        fresh.symlink_to(run_id, target_is_directory=True)
        fresh.replace(home / LATEST)
    except OSError as error:
        # The report is complete without the link. Some file systems have no links, and a folder may have this name.
        _log.warning(
            "%s does not point to this run: %s", home / LATEST, error.strerror or type(error).__name__
        )
        fresh.unlink(missing_ok=True)


def remove_oldest(home: Path, keep: int, like: Mapping[str, Any]) -> list[str]:
    """Remove the oldest runs on the same part of the same log.

    Parameters
    ----------
    home
        Folder of the runs.
    keep
        Number of runs that stay.
    like
        Parameters of a run. Runs with the same source and filters count.

    Returns
    -------
    list of str
        The removed runs. Notebooks of failed runs that are older than every kept run are removed too.
    """
    same = sorted(
        path.name
        for path in home.iterdir()
        if re.fullmatch(_RUN_ID, path.name) and part_of_log(_parameters(path)) == part_of_log(like)
    )
    removed = same[: max(0, len(same) - keep)]
    for name in removed:
        # The folder is renamed first, so that a partly removed run does not keep its name.
        gone = home / f".{name}.removed"
        (home / name).rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    if removed:
        for path in home.iterdir():
            failed = _FAILED.fullmatch(path.name)
            if failed and failed["run_id"] < same[-keep]:
                path.unlink(missing_ok=True)
    return removed


def _parameters(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / PARAMETERS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Another program made or changed this folder, so it is not removed.
        return {}
    return found


def part_of_log(parameters: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the source and the filters of a run or a job; None if the parameters have no source."""
    if "source" not in parameters:
        return None
    names = ("source", "format", "agent", "session", "since", "where")
    return tuple(json.dumps(parameters.get(name) or None) for name in names)


def _cannot_write(home: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write to {home}: {error.strerror or error}; choose another folder with --out")
