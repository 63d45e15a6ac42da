"""Memory: what the operating system counts for a process, and what a value keeps alive."""

import multiprocessing
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, ParamSpec, TypeVar

import psutil

from gymlab.arguments import instance
from gymlab.errors import InputError

P = ParamSpec("P")
T = TypeVar("T")

_STATUS = Path("/proc/self/status")


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
    # Not getrusage where there is a choice: its maximum is inherited from the parent over fork and exec.
    found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE) if _STATUS.exists() else None
    if found is not None:
        return int(found[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # noqa: PLC0415 - Windows has none

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def resident_bytes() -> int:
    """Return the memory that this process holds now, in bytes.

    Examples
    --------
    >>> resident_bytes() > 0
    True
    """
    return int(psutil.Process().memory_info().rss)


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
    InputError
        If it is no function, or a lambda, or defined inside another or in a notebook or script: the new process could
        not import it.
    Exception
        Whatever the function raises, with the child's traceback as its cause.

    Examples
    --------
    >>> measure_in_fresh_process(abs, -3).value
    3
    """
    instance("function", function, Callable, "a function of a module")  # type: ignore[arg-type] # an ABC
    name = getattr(function, "__qualname__", repr(function))
    if function.__module__ == "__main__" or "<lambda>" in name or "<locals>" in name:
        raise InputError(f"{name} must be a function of a module, so that another process can import it")
    # Spawned, never forked: a fork would start with all that this process holds.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn, initializer=_end_with_parent) as executor:
        return executor.submit(_measured, function, args, kwargs).result()


def _end_with_parent() -> None:
    """End this process when its parent process ends, for whatever reason.

    This process waits for its next call at a pipe, and holds both ends of the pipe itself. So it would wait for ever if
    the parent ended alone.
    """

    def wait() -> None:
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _measured(function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> Measured[T]:
    held = resident_bytes()
    start = time.perf_counter()
    value = function(*args, **kwargs)
    return Measured(value, time.perf_counter() - start, peak_bytes(), held)
