"""gymlab: a research workbench over logs of what AI agents did.

Names are imported when they are first used, so that ``import gymlab`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gymlab import distance
    from gymlab.actions import read_actions, select_actions, validate_actions
    from gymlab.actions.channels import Channel
    from gymlab.errors import GymlabError, InputError, MemoryLimitError, OutputError, ReportError
    from gymlab.patterns.assignment import Assignment
    from gymlab.patterns.asynchronous import extract_patterns_async
    from gymlab.patterns.config import ExtractionConfig
    from gymlab.patterns.entropy import ConditionalEntropy, IncrementalEntropy
    from gymlab.patterns.extraction import extract_patterns
    from gymlab.patterns.loading import load_extraction
    from gymlab.patterns.result import Extraction
    from gymlab.patterns.temporal import TemporalPattern
    from gymlab.runtime.cache import BoundedCache, CacheStats
    from gymlab.runtime.database import Database
    from gymlab.settings import notebook_path, sample_path

_HOMES = {
    "Assignment": "gymlab.patterns.assignment",
    "BoundedCache": "gymlab.runtime.cache",
    "CacheStats": "gymlab.runtime.cache",
    "Channel": "gymlab.actions.channels",
    "ConditionalEntropy": "gymlab.patterns.entropy",
    "Database": "gymlab.runtime.database",
    "Extraction": "gymlab.patterns.result",
    "ExtractionConfig": "gymlab.patterns.config",
    "GymlabError": "gymlab.errors",
    "IncrementalEntropy": "gymlab.patterns.entropy",
    "InputError": "gymlab.errors",
    "MemoryLimitError": "gymlab.errors",
    "OutputError": "gymlab.errors",
    "ReportError": "gymlab.errors",
    "TemporalPattern": "gymlab.patterns.temporal",
    "extract_patterns": "gymlab.patterns.extraction",
    "extract_patterns_async": "gymlab.patterns.asynchronous",
    "load_extraction": "gymlab.patterns.loading",
    "notebook_path": "gymlab.settings",
    "read_actions": "gymlab.actions",
    "sample_path": "gymlab.settings",
    "select_actions": "gymlab.actions",
    "validate_actions": "gymlab.actions",
}

__all__ = [
    "Assignment",
    "BoundedCache",
    "CacheStats",
    "Channel",
    "ConditionalEntropy",
    "Database",
    "Extraction",
    "ExtractionConfig",
    "GymlabError",
    "IncrementalEntropy",
    "InputError",
    "MemoryLimitError",
    "OutputError",
    "ReportError",
    "TemporalPattern",
    "distance",
    "extract_patterns",
    "extract_patterns_async",
    "load_extraction",
    "notebook_path",
    "read_actions",
    "sample_path",
    "select_actions",
    "validate_actions",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for (PEP 562)."""
    if name == "distance":
        return import_module("gymlab.distance")
    if name in _HOMES:
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value
    raise AttributeError(f"module 'gymlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
