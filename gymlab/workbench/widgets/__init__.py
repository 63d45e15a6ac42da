"""Widgets for notebooks: a panel to tune parameters, explorers of trees and patterns, and live panels.

The work runs in threads, so that the front end stays responsive. Figures are changed in place.
"""

from gymlab.workbench.widgets.explorers import PatternExplorer, TreeExplorer
from gymlab.workbench.widgets.live import AlertStrip, CachePanel, WatchPanel
from gymlab.workbench.widgets.tuning import TuningPanel

__all__ = ["AlertStrip", "CachePanel", "PatternExplorer", "TreeExplorer", "TuningPanel", "WatchPanel"]
