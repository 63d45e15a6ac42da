"""The errors of gymlab: few, typed, and written for the person who reads them.

Each message says what is wrong, where, and what to do. The command line prints the message alone.
"""


class GymlabError(Exception):
    """Base of every error that gymlab raises on purpose."""


class InputError(GymlabError, ValueError):
    """The data or a parameter cannot be used as it is."""


class MemoryLimitError(InputError):
    """The work would need more memory than it may take; the message names the alternatives."""


class GpuUnavailableError(GymlabError, RuntimeError):
    """There is no GPU that can be used; the message says why, and what runs on the processor instead."""


class ClusterError(GymlabError, RuntimeError):
    """A Dask cluster cannot do the work; the message says why, and what would help."""


class OutputError(GymlabError, OSError):
    """A result could not be written; nothing half-written bears its name."""


class ReportError(GymlabError, RuntimeError):
    """A report's notebook failed; the message says where its copy was kept."""


class BusyError(GymlabError, RuntimeError):
    """Another run is at work where only one may be; the message says which, and what to do."""


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
