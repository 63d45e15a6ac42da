"""A condensed matrix as a folder of Parquet files, one for each block. A file is either complete or absent."""

import hashlib
import json
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gymlab.distance.dask_tasks import BuiltOnce
from gymlab.distance.row_distances import RowDistances
from gymlab.errors import InputError, OutputError

# Readers of Parquet folders ignore names that begin with an underscore or a dot.
_PLAN = "_plan.json"


@dataclass(frozen=True)
class Parts:
    """A condensed matrix in a folder.

    Attributes
    ----------
    folder
        The folder, which :func:`pandas.read_parquet` and other readers read as one table.
    files
        The parts: columns ``i``, ``j`` (int32, ``i < j``) and ``distance`` (float32). Each pair is in exactly one part.
    n_computed
        How many files this run computed; the others were finished before.
    """

    folder: Path
    files: tuple[Path, ...]
    n_computed: int


def plan_in(folder: Path, key: str, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the ranges of rows of the folder's parts. A new folder gets the ranges that are given.

    Raises
    ------
    InputError
        If the folder holds another matrix, or other Parquet files.
    OutputError
        If the folder cannot be written to.
    """
    path = folder / _PLAN
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            return _known_plan(path, key)
        if any(folder.glob("*.parquet")):
            raise InputError(
                f"{folder} holds Parquet files that are no parts of a matrix; give another folder"
            )
        unfinished = _unfinished(path)
        unfinished.write_text(json.dumps({"key": key, "ranges": ranges}), encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise OutputError(f"parts cannot be written to {folder}: {error}") from error
    return ranges


def part_path(folder: Path, first: int, stop: int) -> Path:
    """Return the name of the part with these rows."""
    return folder / f"part-{first:09d}-{stop:09d}.parquet"


def ensure_part(shared: BuiltOnce[RowDistances], folder: str, key: str, first: int, stop: int) -> bool:
    """Compute and write a part unless it is finished; return whether it was computed. Runs on a worker.

    Raises
    ------
    OutputError
        If the worker does not see the folder, or cannot write to it.
    """
    path = part_path(Path(folder), first, stop)
    try:
        ranges = _known_plan(path.with_name(_PLAN), key)
    except (OSError, InputError) as error:
        raise OutputError(
            f"the worker on {socket.gethostname()} does not see the run's folder {folder} ({error}); "
            "give the absolute path of one that the client and all workers share"
        ) from None
    if (first, stop) not in ranges:
        raise OutputError(f"another run planned {folder} anew; let one run at a time write to a folder")
    about = {"gymlab.matrix": key, "gymlab.rows": f"{first}-{stop}"}
    if _is_finished(path, about):
        return False
    rows = shared.get()
    low, high = _pairs(rows.order, first, stop)
    arrays = {"i": low, "j": high, "distance": rows.compute(first, stop)}
    about["gymlab.checksum"] = _checksum(arrays)
    table = pa.table(arrays).replace_schema_metadata(about)
    unfinished = _unfinished(path)
    try:
        # A dictionary compresses indices that repeat, and differences compress indices that increase. Neither
        # compresses distances.
        pq.write_table(
            table,
            unfinished,
            compression="zstd",
            use_dictionary=["i"],
            column_encoding={"j": "DELTA_BINARY_PACKED", "distance": "BYTE_STREAM_SPLIT"},
        )
        unfinished.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return True


def remove_unfinished(folder: Path) -> None:
    """Remove files that killed workers left unfinished; called when all parts are finished."""
    for path in folder.glob(".*.unfinished"):
        path.unlink(missing_ok=True)


def _pairs(
    order: np.ndarray[Any, Any], first: int, stop: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the lower and the higher index of each pair in these rows."""
    places = order.astype(np.int32 if len(order) < 2**31 else np.int64)
    rows = np.repeat(places[first:stop], len(order) - 1 - np.arange(first, stop))
    columns = np.concatenate([places[row + 1 :] for row in range(first, stop)])
    return np.minimum(rows, columns), np.maximum(rows, columns)


def _is_finished(path: Path, about: dict[str, str]) -> bool:
    """Return whether a part exists, belongs to this matrix, and is not damaged."""
    try:
        table = pq.read_table(path, partitioning=None)
        arrays = {name: table.column(name).to_numpy() for name in ("i", "j", "distance")}
    except (OSError, pa.ArrowException, KeyError):
        return False  # absent or damaged, and computed again in either case
    found = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    return found.items() >= {**about, "gymlab.checksum": _checksum(arrays)}.items()


def _checksum(arrays: dict[str, np.ndarray[Any, Any]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays.values():
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _known_plan(path: Path, key: str) -> list[tuple[int, int]]:
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
        known, ranges = plan["key"], [(int(first), int(stop)) for first, stop in plan["ranges"]]
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is damaged ({error}); remove the folder, or give another one") from None
    if known != key:
        raise InputError(
            f"{path.parent} holds the parts of another matrix (other series, radius, weights or version of gymlab); "
            "give another folder"
        )
    return ranges


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.unfinished")
