"""The errors that gymlab raises on purpose, and the exit codes that they end a command with.

Each message says what is wrong, where, and what to do. The command line prints the message alone.
"""

INTERRUPTED = 130


class GymlabError(Exception):
    """Base of every error that gymlab raises on purpose."""

    exit_code = 2


class InputError(GymlabError, ValueError):
    """The data or a parameter cannot be used."""


class MemoryLimitError(InputError):
    """The work would need more memory than it may take; the message names the alternatives."""


class GpuUnavailableError(GymlabError, RuntimeError):
    """There is no usable GPU; the message says why, and what runs on the processor instead."""


class ClusterError(GymlabError, RuntimeError):
    """A Dask cluster cannot do the work; the message says why, and what would help."""


class OutputError(GymlabError, OSError):
    """A result could not be written; no file of that name is half-written."""


class ReportError(GymlabError, RuntimeError):
    """The notebook of a report failed; the message says where its copy is kept."""

    exit_code = 1


class BusyError(GymlabError, RuntimeError):
    """Only one run may work at a time, and another one does; the message says which, and what to do."""

    exit_code = 3


class BreakerOpenError(GymlabError, RuntimeError):
    """A circuit breaker refused a call.

    Attributes
    ----------
    name
        Name of the breaker.
    retry_after
        Seconds until the next probe; infinite if another call probes now, or the breaker was opened by hand.
    """

    def __init__(self, name: str, retry_after: float) -> None:
        after = f"in {retry_after:.3g} s" if retry_after < float("inf") else "later"
        super().__init__(f"breaker {name!r} is open, since the service behind it fails; try again {after}")
        self.name, self.retry_after = name, retry_after


def exit_code_for(error: BaseException) -> int:
    """Return the exit code that an error ends a command with.

    Examples
    --------
    >>> [exit_code_for(error) for error in (InputError(), BusyError(), ReportError(), OSError(), KeyError())]
    [2, 3, 1, 2, 1]
    """
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, GymlabError):
        return error.exit_code
    return 2 if isinstance(error, OSError) else 1
