"""The condensed matrix: checks, slices, parts, and sums by cluster."""

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from gymlab.arguments import shown, whole_number
from gymlab.clustering.kernels import matrix_passes, tree_joins
from gymlab.distance.triangle import row_start
from gymlab.errors import InputError

Condensed = NDArray[np.float32] | NDArray[np.float64]
Labels = NDArray[np.int64]
Tree = NDArray[np.float64]
Checkpoint = Callable[[], None]

# Distances that differ by no more than this, relative to the larger, are equal apart from the rounding of float32.
ROUNDING = 4 * float(np.finfo(np.float32).eps)

# How many distances lie between two checkpoints: a pass over them takes a few hundredths of a second.
_DISTANCES_A_SLICE = 2**22


def no_checkpoint() -> None:
    """Do nothing: the checkpoint of work that is never cancelled."""


def number_of_items(distances: Condensed, *, checkpoint: Checkpoint = no_checkpoint) -> int:
    """Return n for a condensed matrix of n(n−1)/2 distances.

    Parameters
    ----------
    distances
        Numbers ``(n(n−1)/2,)`` in the order of :func:`scipy.spatial.distance.pdist`.
    checkpoint
        Called at least every 0.2 s; an exception that it raises stops the work. Every function of this package that
        may take longer has this parameter.

    Raises
    ------
    InputError
        If it is not an array of numbers, is not one-dimensional (a square matrix would be taken for observations),
        has a length that is not n(n−1)/2, or holds NaN, infinity or a negative number.

    Examples
    --------
    >>> number_of_items(np.array([1, 4, 3], dtype=np.float32))
    3
    """
    _require_numbers(distances)
    if distances.ndim != 1:
        raise InputError(
            f"distances have {distances.ndim} dimensions; give the condensed matrix, which has one"
        )
    n = (1 + math.isqrt(1 + 8 * len(distances))) // 2
    if n * (n - 1) // 2 != len(distances):
        raise InputError(f"{len(distances)} distances are no condensed matrix; n(n-1)/2 are needed")
    for part in slices(len(distances), checkpoint):
        # The minimum and the maximum are NaN if any distance is NaN, and they need no array of flags.
        least, most = distances[part].min(), distances[part].max()
        if not (np.isfinite(least) and np.isfinite(most)):
            raise InputError("distances hold NaN or infinity; clustering needs every pair")
        if least < 0:
            raise InputError(f"distances hold {least}; a distance is 0 or more")
    return n


def matrix_of(distances: Condensed, n: int) -> NDArray[np.float32]:
    """Return the matrix of n items as float32, which the kernels read; copied only if it is of another type.

    Raises
    ------
    InputError
        If it is not an array of numbers, or its length does not fit n items.
    """
    _require_numbers(distances)
    if distances.shape != (n * (n - 1) // 2,):
        raise InputError(
            f"distances have shape {distances.shape}; {n} items have {n * (n - 1) // 2} distances"
        )
    return np.ascontiguousarray(distances, dtype=np.float32)


def _require_numbers(distances: object) -> None:
    if not isinstance(distances, np.ndarray) or distances.dtype.kind not in "fiu":
        raise InputError(
            f"distances is {shown(distances)}; give a NumPy array of numbers, a condensed matrix"
        )


def slices(length: int, checkpoint: Checkpoint = no_checkpoint) -> Iterator[slice]:
    """Cut a long array into slices, with a checkpoint before each."""
    for start in range(0, length, _DISTANCES_A_SLICE):
        checkpoint()
        yield slice(start, min(length, start + _DISTANCES_A_SLICE))


def row_slices(n: int, checkpoint: Checkpoint = no_checkpoint) -> Iterator[tuple[int, int]]:
    """Cut the rows of a condensed matrix of n items into ranges, with a checkpoint before each."""
    first = 0
    while first < n - 1:
        checkpoint()
        # Later rows are shorter, so this number of rows holds at most as many distances as a slice.
        stop = min(n - 1, first + max(1, _DISTANCES_A_SLICE // (n - 1 - first)))
        yield first, stop
        first = stop


def whole_numbers(name: str, labels: object) -> None:
    """Check that an argument is a one-dimensional array of whole numbers.

    Raises
    ------
    InputError
        If it is anything else.
    """
    if not isinstance(labels, np.ndarray) or labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise InputError(f"{name} is {shown(labels)}; give a NumPy array of whole numbers (n,)")


def checked_labels(labels: NDArray[np.integer], n: int) -> Labels:
    """Return the labels of n items as int64.

    Raises
    ------
    InputError
        If they are not n whole numbers, one is below −1 (noise), or they do not count from 0 without a gap.
    """
    array = np.asarray(labels)
    if array.shape != (n,) or array.dtype.kind not in "iu":
        raise InputError(
            f"labels have shape {array.shape} and type {array.dtype}; give {n} whole numbers, one for each item"
        )
    found = np.unique(array)
    clusters = found[found >= 0]
    if found.min(initial=0) < -1 or not np.array_equal(clusters, np.arange(len(clusters))):
        raise InputError("labels have to count from 0 without a gap, −1 for noise; by_size renumbers them")
    return array.astype(np.int64)


def distance_sums(
    distances: Condensed, labels: Labels, *, checkpoint: Checkpoint = no_checkpoint
) -> NDArray[np.float64]:
    """Return the sum of each item's distances to the members of each cluster.

    Parameters
    ----------
    distances
        The condensed matrix of n items.
    labels
        int64 ``(n,)``, from 0; noise, −1, belongs to no cluster.
    checkpoint
        As for :func:`number_of_items`.

    Returns
    -------
    numpy.ndarray
        float64 ``(n_clusters, n)``.

    Raises
    ------
    InputError
        If the labels do not count from 0, or the number of distances does not fit the number of labels.

    Examples
    --------
    >>> distance_sums(np.array([1, 2, 4], dtype=np.float32), np.array([0, 0, 1])).tolist()
    [[1.0, 1.0, 6.0], [2.0, 4.0, 0.0]]
    """
    n = np.size(labels)
    checked = checked_labels(labels, n)
    sums = np.zeros((int(checked.max(initial=-1)) + 1, n))
    matrix = matrix_of(distances, n)
    for first, stop in row_slices(n, checkpoint):
        matrix_passes.add_sums(matrix, checked, first, stop, sums)
    return sums


def part_of_matrix(
    distances: Condensed, n: int, items: NDArray[np.int64], *, checkpoint: Checkpoint = no_checkpoint
) -> NDArray[np.float32]:
    """Return the condensed matrix of some of n items, ``items`` ascending.

    Raises
    ------
    InputError
        If the number of distances does not fit n items, or the items are not ascending numbers from 0 to n − 1.
    """
    matrix = matrix_of(distances, whole_number("n", n, least=1))
    whole_numbers("items", items)
    if len(items) and not (items[0] >= 0 and items[-1] < n and (np.diff(items) > 0).all()):
        raise InputError(f"items have to ascend, from 0 to {n - 1:,} at most")
    size = len(items)
    part = np.empty(size * (size - 1) // 2, dtype=np.float32)
    position = 0
    for first, stop in row_slices(size, checkpoint):
        position = tree_joins.pack_rows(matrix, part, items, n, first, stop, position)
    return part


def distances_between(
    matrix: NDArray[np.float32], n: int, items: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the distances of items to others, 0 for the same item, in the shape that both arrays broadcast to."""
    low, high = np.broadcast_arrays(np.minimum(items, others), np.maximum(items, others))
    apart = low != high
    low, high = low[apart], high[apart]
    found = np.zeros(apart.shape, dtype=np.float32)
    found[apart] = matrix[row_start(n, low) + high - low - 1]
    return found
