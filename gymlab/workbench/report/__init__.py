"""Runs of the report: a notebook executed by papermill, its page, its figures, all or nothing.

The names are imported when they are first used: the notebook itself looks up earlier runs, and has no use for
papermill.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gymlab.workbench.report.execute import NOTEBOOK, Report, run

__all__ = ["NOTEBOOK", "Report", "run"]


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for (PEP 562)."""
    if name in __all__:
        return getattr(import_module("gymlab.workbench.report.execute"), name)
    raise AttributeError(f"module 'gymlab.workbench.report' has no attribute {name!r}")
