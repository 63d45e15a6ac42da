"""Widgets for notebooks: a panel to tune parameters, explorers of trees and patterns, and live panels.

Work runs in threads, so that a front end stays responsive, and figures change in place.
"""

from gymlab.workbench.widgets.explorers import PatternExplorer, TreeExplorer
from gymlab.workbench.widgets.live import AlertStrip, CachePanel
from gymlab.workbench.widgets.tuning import TuningPanel

__all__ = ["AlertStrip", "CachePanel", "PatternExplorer", "TreeExplorer", "TuningPanel"]
