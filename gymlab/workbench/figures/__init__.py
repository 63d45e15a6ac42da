"""Figures: from a log, an extraction, plain arrays or measurements to plotly figures in a common look.

:func:`from_arrays` makes an extraction with a log from plain arrays, for all functions that take one of these.
"""

from gymlab.workbench.figures.dendrograms import (
    DrawnBranch,
    LogTree,
    cut_height,
    dendrogram,
    draw_branch,
    drawn_branch,
    height_of_cut,
)
from gymlab.workbench.figures.distance_figures import distance_heat_map, warping_path
from gymlab.workbench.figures.log_figures import (
    entropy_curves,
    entropy_of_agents,
    series_of_log,
    state_distribution,
)
from gymlab.workbench.figures.look import PALETTE, nothing_to_show, pattern_colour, pattern_name, whereabouts
from gymlab.workbench.figures.measurements import (
    alert_strip,
    claims,
    memory_of_processes,
    stages,
    time_against_size,
    trend,
)
from gymlab.workbench.figures.pattern_figures import medoids, patterns, shown_windows, windows_of_pattern
from gymlab.workbench.figures.plain_arrays import from_arrays
from gymlab.workbench.figures.quality_figures import (
    choice_of_k,
    cluster_sizes,
    significance,
    silhouette_bars,
    silhouette_curves,
    silhouettes,
)

__all__ = [
    "PALETTE",
    "DrawnBranch",
    "LogTree",
    "alert_strip",
    "choice_of_k",
    "claims",
    "cluster_sizes",
    "cut_height",
    "dendrogram",
    "distance_heat_map",
    "draw_branch",
    "drawn_branch",
    "entropy_curves",
    "entropy_of_agents",
    "from_arrays",
    "height_of_cut",
    "medoids",
    "memory_of_processes",
    "nothing_to_show",
    "pattern_colour",
    "pattern_name",
    "patterns",
    "series_of_log",
    "shown_windows",
    "significance",
    "silhouette_bars",
    "silhouette_curves",
    "silhouettes",
    "stages",
    "state_distribution",
    "time_against_size",
    "trend",
    "warping_path",
    "whereabouts",
    "windows_of_pattern",
]
