"""Which kernel this machine runs: explicit vectors, or plain loops where those do not compile. Chosen once."""

import functools
import logging
from dataclasses import dataclass

import numpy as np
from numba import njit
from numba.core import config

from gymlab.distance.simd.vectors import WIDTH, infinities, load, plus, smallest, store, target_features
from gymlab.errors import InputError

_log = logging.getLogger(__name__)
_FIRST = np.uint64(0)


@dataclass(frozen=True)
class KernelPath:
    """The kernel that runs.

    Attributes
    ----------
    name
        ``"vector"`` or ``"plain"``.
    lanes
        Pairs that the plain kernel, or the vector kernel with one channel, computes side by side.
    reason
        Why this one, in words.
    """

    name: str
    lanes: int
    reason: str


def vectors_in_flight(n_channels: int) -> int:
    """Return how many vectors of lanes the kernel works on at once.

    Enough to hide the latency of each other's chain, few enough that their state and two points of the query stay
    in registers (measured for 1, 2, 6 and 12 channels).
    """
    if not _has_many_registers():
        return 1
    if n_channels <= 3:
        return 4
    return 2 if n_channels <= 8 else 1


def vectors_looked_up(n_columns: int) -> int:
    """Return how many vectors of lanes the kernel works on at once when it looks local costs up."""
    if not _has_many_registers():
        return 1
    return 4 if n_columns <= 32 else 2


@functools.cache
def kernel_path() -> KernelPath:
    """Return the kernel that this machine runs.

    Raises
    ------
    InputError
        If numba was told to compile nothing.

    Examples
    --------
    >>> kernel_path().name in {"vector", "plain"}
    True
    """
    if config.DISABLE_JIT:  # type: ignore[attr-defined]  # numba puts it there when it is imported
        raise InputError(
            "NUMBA_DISABLE_JIT is set, so numba compiles no kernel, and loops of Python would take a hundred thousand "
            "times as long; unset it"
        )
    try:
        _try_vectors()
    except Exception as error:  # noqa: BLE001 - whatever numba or LLVM raises here has the same consequence
        _log.warning("explicit vectors do not compile here, plain loops run instead: %s", error)
        return KernelPath("plain", 4 * WIDTH, f"explicit vectors do not compile: {str(error)[:200]}")
    features = target_features()
    widest = next(
        (f for f in ("avx512f", "avx2", "avx", "sse4.1", "sve", "neon") if f in features), "none known"
    )
    return KernelPath(
        "vector", WIDTH * vectors_in_flight(1), f"explicit vectors compile; vector instructions: {widest}"
    )


def _has_many_registers() -> bool:
    return "avx512f" in target_features()


def _try_vectors() -> None:
    costs = np.arange(2 * WIDTH, dtype=np.float32).reshape(2, WIDTH)
    _add_lanes(costs)
    if not np.array_equal(costs[1], 2 * np.arange(WIDTH) + WIDTH):
        raise ArithmeticError(f"wrong sums: {costs[1]}")


@njit(nogil=True, cache=True, error_model="numpy")
def _add_lanes(costs):
    upper, lower = load(costs, _FIRST, _FIRST, (0,)), load(costs, np.uint64(1), _FIRST, (0,))
    store(costs, np.uint64(1), _FIRST, smallest(plus(upper, lower), infinities((0,))))


# Compiled in: d12c64b84c0cd255
