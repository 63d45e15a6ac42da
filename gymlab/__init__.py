"""gymlab: a research workbench over logs of what AI agents did.

A name is imported when it is first used, so that ``import gymlab`` takes almost no time.
"""

from importlib import import_module

__version__ = "0.1.0"

TYPE_CHECKING = False  # type checkers treat it as true; the import of typing takes longer than all the rest
if TYPE_CHECKING:
    from gymlab import distance
    from gymlab.actions import read_actions, select_actions, validate_actions
    from gymlab.actions.channels import Channel
    from gymlab.entropy import (
        AgentEntropies,
        ConditionalEntropy,
        IncrementalEntropy,
        TimedConditionalEntropy,
        TimedEntropy,
        TransitionEntropy,
    )
    from gymlab.errors import (
        BreakerOpenError,
        GymlabError,
        InputError,
        MemoryLimitError,
        OutputError,
        ReportError,
    )
    from gymlab.patterns.assignment import Assignment
    from gymlab.patterns.asynchronous import extract_patterns_async
    from gymlab.patterns.comparison import Comparison, compare_logs
    from gymlab.patterns.config import ExtractionConfig
    from gymlab.patterns.pipeline import extract_patterns
    from gymlab.patterns.result import Extraction, load_extraction
    from gymlab.patterns.temporal import TemporalPattern
    from gymlab.principles import Principle, Study, infer_principles, study_principles
    from gymlab.runtime.breaker import CircuitBreaker
    from gymlab.runtime.cache import BoundedCache, CacheStats
    from gymlab.runtime.cache_manager import CacheManager
    from gymlab.runtime.database import Database
    from gymlab.settings import notebook_path, sample_path

_HOMES = {
    "AgentEntropies": "gymlab.entropy",
    "Assignment": "gymlab.patterns.assignment",
    "BoundedCache": "gymlab.runtime.cache",
    "BreakerOpenError": "gymlab.errors",
    "CacheManager": "gymlab.runtime.cache_manager",
    "CacheStats": "gymlab.runtime.cache",
    "CircuitBreaker": "gymlab.runtime.breaker",
    "Channel": "gymlab.actions.channels",
    "Comparison": "gymlab.patterns.comparison",
    "ConditionalEntropy": "gymlab.entropy",
    "Database": "gymlab.runtime.database",
    "Extraction": "gymlab.patterns.result",
    "ExtractionConfig": "gymlab.patterns.config",
    "GymlabError": "gymlab.errors",
    "IncrementalEntropy": "gymlab.entropy",
    "InputError": "gymlab.errors",
    "MemoryLimitError": "gymlab.errors",
    "OutputError": "gymlab.errors",
    "Principle": "gymlab.principles",
    "ReportError": "gymlab.errors",
    "Study": "gymlab.principles",
    "TemporalPattern": "gymlab.patterns.temporal",
    "TimedConditionalEntropy": "gymlab.entropy",
    "TimedEntropy": "gymlab.entropy",
    "TransitionEntropy": "gymlab.entropy",
    "compare_logs": "gymlab.patterns.comparison",
    "extract_patterns": "gymlab.patterns.pipeline",
    "extract_patterns_async": "gymlab.patterns.asynchronous",
    "infer_principles": "gymlab.principles",
    "load_extraction": "gymlab.patterns.result",
    "notebook_path": "gymlab.settings",
    "read_actions": "gymlab.actions",
    "sample_path": "gymlab.settings",
    "select_actions": "gymlab.actions",
    "study_principles": "gymlab.principles",
    "validate_actions": "gymlab.actions",
}

__all__ = [
    "AgentEntropies",
    "Assignment",
    "BoundedCache",
    "BreakerOpenError",
    "CacheManager",
    "CacheStats",
    "Channel",
    "CircuitBreaker",
    "Comparison",
    "ConditionalEntropy",
    "Database",
    "Extraction",
    "ExtractionConfig",
    "GymlabError",
    "IncrementalEntropy",
    "InputError",
    "MemoryLimitError",
    "OutputError",
    "Principle",
    "ReportError",
    "Study",
    "TemporalPattern",
    "TimedConditionalEntropy",
    "TimedEntropy",
    "TransitionEntropy",
    "compare_logs",
    "distance",
    "extract_patterns",
    "extract_patterns_async",
    "infer_principles",
    "load_extraction",
    "notebook_path",
    "read_actions",
    "sample_path",
    "select_actions",
    "study_principles",
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
