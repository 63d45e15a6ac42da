"""Memory of a process, as the operating system counts it."""

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
    """Result, time and memory of a call in a new process.

    Attributes
    ----------
    value
        The result of the call.
    seconds
        Duration of the call, without the start of the process.
    peak_bytes
        The maximum memory of the process.
    start_bytes
        Memory of the process after its imports, before the call.
    """

    value: T
    seconds: float
    peak_bytes: int
    start_bytes: int


def peak_bytes() -> int:
    """Return the maximum memory of this process so far, in bytes.

    Examples
    --------
    >>> peak_bytes() >= resident_bytes() // 2
    True
    """
    # getrusage is used only if nothing else works: its maximum is inherited from the parent process by fork and exec.
    found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE) if _STATUS.exists() else None
    if found is not None:
        return int(found[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # noqa: PLC0415 - Windows has none

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def resident_bytes() -> int:
    """Return the memory of this process, in bytes.

    Examples
    --------
    >>> resident_bytes() > 0
    True
    """
    return int(psutil.Process().memory_info().rss)


def measure_in_fresh_process(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Measured[T]:
    """Call a function in a new process and measure it.

    Parameters
    ----------
    function
        A function of a module, so that the new process can import it. The imports of the module belong to the start.
    *args, **kwargs
        The arguments of the function. Arguments and result are pickled.

    Returns
    -------
    Measured

    Raises
    ------
    InputError
        If the new process cannot import the function, such as a lambda, or one in a function, a notebook or a script.
    Exception
        The error of the function, with the traceback of the new process as its cause.

    Examples
    --------
    >>> measure_in_fresh_process(abs, -3).value
    3
    """
    instance("function", function, Callable, "a function of a module")  # type: ignore[arg-type] # an ABC
    name = getattr(function, "__qualname__", repr(function))
    if function.__module__ == "__main__" or "<lambda>" in name or "<locals>" in name:
        raise InputError(f"{name} must be a function of a module, so that another process can import it")
    # A forked process would start with the memory of this process.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn, initializer=_end_with_parent) as executor:
        return executor.submit(_measured, function, args, kwargs).result()


def _end_with_parent() -> None:
    """End this process when its parent process ends.

    This process waits for its next call from a pipe, and has both ends of the pipe open. So without this function it
    would wait forever after the end of its parent.
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
