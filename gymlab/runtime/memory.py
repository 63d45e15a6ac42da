"""Memory as the operating system counts it, and work measured in a process of its own."""

import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, ParamSpec, TypeVar

import psutil

P = ParamSpec("P")
T = TypeVar("T")

_STATUS = Path("/proc/self/status")
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Measured(Generic[T]):
    """What a call in a fresh process returned and took.

    Attributes
    ----------
    value
        What it returned.
    seconds
        How long the call took, the start of the process left out.
    peak_bytes
        The most memory that the process held.
    start_bytes
        What it held after its imports, before the call.
    """

    value: T
    seconds: float
    peak_bytes: int
    start_bytes: int


def peak_bytes() -> int:
    """Return the most memory that this process has held so far, in bytes.

    Examples
    --------
    >>> peak_bytes() >= resident_bytes() // 2
    True
    """
    if _STATUS.exists():
        # Not getrusage: its maximum is inherited from the parent over fork and exec.
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # noqa: PLC0415 - Windows has none

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def resident_bytes() -> int:
    """Return the memory that this process holds now, in bytes."""
    return int(psutil.Process().memory_info().rss)


def available_bytes() -> int:
    """Return the memory that can still be had: the machine's, or what the control group leaves if that is less."""
    free = int(psutil.virtual_memory().available)
    limit, used = _CGROUP / "memory.max", _CGROUP / "memory.current"
    if limit.exists() and used.exists() and (most := limit.read_text().strip()).isdigit():
        free = min(free, max(0, int(most) - int(used.read_text())))
    return free


def measure_in_fresh_process(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Measured[T]:
    """Call a function in a spawned process and return what it took there.

    Parameters
    ----------
    function
        A function of a module, so that the new process can import it. What that module imports counts as start.
    *args, **kwargs
        Its arguments; they and the result travel between the processes.

    Returns
    -------
    Measured

    Raises
    ------
    Exception
        Whatever the function raises.

    Examples
    --------
    >>> measure_in_fresh_process(abs, -3).value
    3
    """
    # Spawned, never forked: a fork would start with all that this process holds.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as executor:
        return executor.submit(_measured, function, args, kwargs).result()


def _measured(function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> Measured[T]:
    held = resident_bytes()
    start = time.perf_counter()
    value = function(*args, **kwargs)
    return Measured(value, time.perf_counter() - start, peak_bytes(), held)
