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
