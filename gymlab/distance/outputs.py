"""Where the distances go: a new array, or one of the caller's that is fit to be written to."""

import numpy as np

from gymlab.distance.series import Float32Array, SeriesBatch
from gymlab.errors import InputError


def checked_out(out: Float32Array | None, shape: tuple[int, ...], *read: SeriesBatch) -> Float32Array:
    """Return the array to write to, a new one unless the caller gives one.

    Parameters
    ----------
    out
        The caller's, or None.
    shape
        What it has to be.
    *read
        What is read meanwhile.

    Raises
    ------
    InputError
        If the caller's is not writable, not float32, of another shape, or shares memory with what is read.
    """
    if out is None:
        return np.empty(shape, dtype=np.float32)
    if (
        not isinstance(out, np.ndarray)
        or out.shape != shape
        or out.dtype != np.float32
        or not out.flags.writeable
    ):
        raise InputError(f"out has to be a writable float32 array of shape {shape}")
    if any(np.may_share_memory(out, batch.values) for batch in read):
        raise InputError("out shares memory with the series, which would be overwritten while they are read")
    return out
