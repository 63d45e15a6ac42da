"""A condensed matrix in a file: an interrupted run continues, because checksums show which blocks are finished."""

import contextlib
import hashlib
import json
import os
import threading
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from gymlab import __version__
from gymlab.distance.kernels.sweeps import move_condensed
from gymlab.distance.row_distances import RowDistances, call
from gymlab.distance.series import Float32Array, SeriesBatch
from gymlab.errors import InputError, OutputError

_SCHEMA = 1


class MatrixFile:
    """A condensed matrix that grows in ``<path>.part`` and becomes ``<path>``, an ``.npy`` file, when it is complete.

    ``<path>.blocks`` is the journal of the matrix, and is kept when the matrix is complete. It has one line with the
    key of the matrix, and one line for each finished block of rows with the CRC-32 of its distances. A block whose
    distances do not match its line is computed again.

    Parameters
    ----------
    path
        The path of the matrix, which ends in ``.npy``.
    key
        The key of the matrix, see :func:`matrix_key`.
    n_pairs
        Length of the matrix.

    Raises
    ------
    InputError
        If the name does not end in ``.npy``, or the files belong to another matrix.
    OutputError
        If the files cannot be written.
    """

    def __init__(self, path: str | Path, key: str, n_pairs: int) -> None:
        self.path = Path(path)
        if self.path.suffix != ".npy":
            raise InputError(f"{self.path} must end in .npy, the format of the matrix")
        if n_pairs == 0:
            raise InputError("a single series has no distances to write to a file; give two or more")
        self._part = self.path.with_name(self.path.name + ".part")
        self._journal = self.path.with_name(self.path.name + ".blocks")
        self._lock = threading.Lock()
        try:
            self._finished = self._read_journal(key, n_pairs)
            # The journal is written first: a matrix without a journal could not be continued.
            if not self._journal.exists():
                self._append({"schema": _SCHEMA, "key": key, "pairs": n_pairs})
            self.distances = self._open(n_pairs)
            _reserve(self.path if self.path.exists() else self._part)
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error}") from error

    def is_finished(self, rows: RowDistances, first: int, stop: int) -> bool:
        """Return whether these rows were finished before and have not changed."""
        known = self._finished.get((first, stop))
        return known is not None and known == checksum(rows, first, stop, self.distances)

    def finish(self, rows: RowDistances, first: int, stop: int) -> None:
        """Write to the journal that these rows are finished."""
        line = {"first": first, "stop": stop, "crc32": checksum(rows, first, stop, self.distances)}
        with self._lock:
            self._append(line)

    def close(self) -> Float32Array:
        """Give the complete matrix its name, and return it as a read-only memory map."""
        self.distances.flush()
        if self._part.exists():
            self._part.replace(self.path)
        whole: Float32Array = np.load(self.path, mmap_mode="r")
        return whole

    def _read_journal(self, key: str, n_pairs: int) -> dict[tuple[int, int], int]:
        if not self._journal.exists():
            for taken in (self.path, self._part):
                if taken.exists():
                    raise InputError(
                        f"{taken} exists and is not a matrix with a journal; choose another path"
                    )
            return {}
        lines = []
        for text in self._journal.read_text(encoding="utf-8", errors="replace").splitlines():
            # An interruption may have cut off a line. The block of this line is computed again. More lines may follow.
            with contextlib.suppress(json.JSONDecodeError):
                lines.append(json.loads(text))
        if not lines or lines[0] != {"schema": _SCHEMA, "key": key, "pairs": n_pairs}:
            raise InputError(
                f"{self.path} was begun for other series or parameters; delete it, {self._part.name} and "
                f"{self._journal.name}, or choose another path"
            )
        return {(line["first"], line["stop"]): line["crc32"] for line in lines[1:]}

    def _open(self, n_pairs: int) -> "np.memmap[tuple[int], np.dtype[np.float32]]":
        existing = next((path for path in (self.path, self._part) if path.exists()), None)
        if existing is None:
            self._finished = {}
            return open_memmap(self._part, mode="w+", dtype=np.float32, shape=(n_pairs,))
        try:
            found = open_memmap(existing, mode="r+")
        except ValueError as error:
            raise InputError(f"{existing} is damaged ({error}); delete it and start again") from error
        if found.shape != (n_pairs,) or found.dtype != np.float32:
            raise InputError(f"{existing} holds {found.dtype} {found.shape}, not this matrix; delete it")
        return found

    def _append(self, line: Mapping[str, object]) -> None:
        with self._journal.open("a", encoding="utf-8") as journal:
            # After an interruption, the last line may have no newline.
            prefix = "\n" if journal.tell() and not _ends_with_newline(self._journal) else ""
            journal.write(prefix + json.dumps(line) + "\n")


def open_matrix_file(
    path: str | Path, batch: SeriesBatch, radius: int | None, weights: Sequence[float], scale: float
) -> MatrixFile:
    """Return the file for the distances of all pairs of a collection: the file of an earlier run, or a new one."""
    return MatrixFile(path, matrix_key(batch, radius, weights, scale), len(batch) * (len(batch) - 1) // 2)


def matrix_key(batch: SeriesBatch, radius: int | None, weights: Sequence[float], scale: float) -> str:
    """Return the key of a matrix: a hash of the series and of everything else that its distances depend on."""
    digest = hashlib.sha256()
    for array in (batch.values, batch.lengths, np.asarray(weights, dtype=np.float32)):
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    # Another version of gymlab may round differently.
    digest.update(f"{radius} {scale!r} {__version__}".encode())
    return digest.hexdigest()


def checksum(rows: RowDistances, first: int, stop: int, distances: Float32Array) -> int:
    """Return the CRC-32 of the distances of some rows, as they are in the condensed matrix."""
    begin, end = rows.condensed_range(first, stop)
    if rows.in_order:
        return zlib.crc32(np.ascontiguousarray(distances[begin:end]).data)
    part = np.empty(end - begin, dtype=np.float32)
    call(move_condensed, part, np.asarray(distances), rows.order, first, stop, ())
    return zlib.crc32(part.data)


def _reserve(path: Path) -> None:
    """Reserve the space of a file. Otherwise, a write to the memory map would end the process if the disk is full."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read() == b"\n"
