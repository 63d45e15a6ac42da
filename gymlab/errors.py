"""The errors that gymlab raises on purpose, and the exit codes of commands that end with them.

Each message names the problem, its place and a solution. The command line prints only the message.
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
    """There is no usable GPU; the message gives the reason, and names the function for the processor."""


class ClusterError(GymlabError, RuntimeError):
    """A Dask cluster cannot do the work; the message gives the reason and a solution."""


class OutputError(GymlabError, OSError):
    """A result could not be written; there is no incomplete file of that name."""


class ReportError(GymlabError, RuntimeError):
    """The notebook of a report failed; the message says where its copy is kept."""

    exit_code = 1


class BusyError(GymlabError, RuntimeError):
    """Another run is at work, and only one may work at a time; the message names the run and a solution."""

    exit_code = 3


class BreakerOpenError(GymlabError, RuntimeError):
    """A circuit breaker refused a call.

    Attributes
    ----------
    name
        Name of the breaker.
    retry_after
        Seconds until the next probe; infinite if another call is the probe now, or if the breaker was opened by hand.
    """

    def __init__(self, name: str, retry_after: float) -> None:
        after = f"in {retry_after:.3g} s" if retry_after < float("inf") else "later"
        super().__init__(f"breaker {name!r} is open, since the service behind it fails; try again {after}")
        self.name, self.retry_after = name, retry_after


def exit_code_for(error: BaseException) -> int:
    """Return the exit code of a command that ends with an error.

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
