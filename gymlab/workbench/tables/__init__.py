"""Tables as HTML, every string escaped: for the notebooks and the report."""

from gymlab.workbench.tables.behaviour import entropy_of_agents, principles
from gymlab.workbench.tables.cells import facts, frame
from gymlab.workbench.tables.changes import changes, changes_sentence
from gymlab.workbench.tables.found import actions, linkages, log_sentence, notes, patterns, windows
from gymlab.workbench.tables.verdicts import alerts, evidence, headline, measured_on, tiles

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
