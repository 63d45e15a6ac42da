"""Runs of the report: parameters checked, notebook executed, page written, runs recorded and compared.

The names are imported at their first use, since the notebook needs only the earlier runs, and the import of papermill
is slow.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gymlab.workbench.report.execute import Report, run
    from gymlab.workbench.report.folders import NOTEBOOK

_HOMES = {"NOTEBOOK": "folders", "Report": "execute", "run": "execute"}

__all__ = ["NOTEBOOK", "Report", "run"]


def __getattr__(name: str) -> object:
    """Import a public name at its first use (PEP 562)."""
    if name in _HOMES:
        return getattr(import_module(f"gymlab.workbench.report.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gymlab.workbench.report' has no attribute {name!r}")
