"""Where a matrix goes that arrives piece by piece: a new array, the caller's own, or a file that is whole or absent."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from gymlab.distance.series import Float32Array, SeriesBatch
from gymlab.errors import InputError, OutputError

Out = Float32Array | str | os.PathLike[str] | None


@dataclass
class Destination:
    """An array to fill; ``result`` is what the caller gets in the end."""

    array: Float32Array
    result: Float32Array


@contextmanager
def destination(out: Out, shape: tuple[int, ...], *read: SeriesBatch) -> Iterator[Destination]:
    """Give the array to fill; a file gets its name when the block ends well, and is gone when it fails.

    Raises
    ------
    InputError
        If ``out`` is no writable float32 array of that shape, shares memory with what is read, or is a path that
        does not end in ``.npy``.
    OutputError
        If the file cannot be written.
    """
    if isinstance(out, (str, os.PathLike)):
        yield from _file(Path(out), shape)
    else:
        array = np.empty(shape, dtype=np.float32) if out is None else _checked(out, shape, *read)
        yield Destination(array, array)
        if isinstance(array, np.memmap):
            array.flush()


def _file(path: Path, shape: tuple[int, ...]) -> Iterator[Destination]:
    if path.suffix != ".npy":
        raise InputError(f"out is the path {path}; give one that ends in .npy")
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}.unfinished")
    try:
        try:
            target = Destination(_allocated(unfinished, shape), np.empty(0, dtype=np.float32))
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error}") from error
        yield target
        try:
            if isinstance(target.array, np.memmap):
                target.array.flush()
            # Some systems do not rename a file that is mapped.
            target.array = target.result
            unfinished.replace(path)
            target.result = np.load(path, mmap_mode=None if 0 in shape else "r+")
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _allocated(path: Path, shape: tuple[int, ...]) -> Float32Array:
    """Return a new file's array, its space on the disk taken: a full disk would kill the process later on."""
    if 0 in shape:  # no map is empty
        array: Float32Array = np.empty(shape, dtype=np.float32)
        with path.open("wb") as file:
            np.save(file, array)
        return array
    array = open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:
                if error.errno not in {errno.EOPNOTSUPP, errno.EINVAL}:  # not every file system can
                    raise
    return array


def _checked(out: Float32Array, shape: tuple[int, ...], *read: SeriesBatch) -> Float32Array:
    if (
        not isinstance(out, np.ndarray)
        or out.shape != shape
        or out.dtype != np.float32
        or not out.flags.writeable
    ):
        raise InputError(f"out has to be a writable float32 array of shape {shape}, or a path ending in .npy")
    if any(np.may_share_memory(out, batch.values) for batch in read):
        raise InputError("out shares memory with the series, which would be overwritten while they are read")
    return out
