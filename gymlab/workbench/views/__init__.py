"""Views: what an extraction or a log looks like. Each gathers the arrays that a figure takes, and returns it."""

from gymlab.workbench.views.logs import entropy_of_agents, series_of_log, state_distribution
from gymlab.workbench.views.pairs import warping_path
from gymlab.workbench.views.patterns import medoids, patterns, shown_windows, windows_of_pattern
from gymlab.workbench.views.quality import choice_of_k, cluster_sizes, significance, silhouettes
from gymlab.workbench.views.trees import (
    LogTree,
    Top,
    cut_height,
    dendrogram,
    dendrogram_of,
    distance_heat_map,
    top_of,
)

__all__ = [
    "LogTree",
    "Top",
    "choice_of_k",
    "cluster_sizes",
    "cut_height",
    "dendrogram",
    "dendrogram_of",
    "distance_heat_map",
    "entropy_of_agents",
    "medoids",
    "patterns",
    "series_of_log",
    "shown_windows",
    "significance",
    "silhouettes",
    "state_distribution",
    "top_of",
    "warping_path",
    "windows_of_pattern",
]
