"""Tables as HTML for the notebooks and the report; every string is escaped."""

from gymlab.workbench.tables.html_cells import facts, frame
from gymlab.workbench.tables.log_tables import (
    actions,
    entropy_of_agents,
    linkages,
    log_sentence,
    notes,
    patterns,
    principles,
    windows,
)
from gymlab.workbench.tables.run_tables import (
    alerts,
    changes,
    changes_sentence,
    evidence,
    headline,
    measured_on,
    tiles,
)

__all__ = [
    "actions",
    "alerts",
    "changes",
    "changes_sentence",
    "entropy_of_agents",
    "evidence",
    "facts",
    "frame",
    "headline",
    "linkages",
    "log_sentence",
    "measured_on",
    "notes",
    "patterns",
    "principles",
    "tiles",
    "windows",
]
