"""Figures: pure functions from arrays and small tables to plotly figures, with one look for all.

What an extraction, a log or a report has to be turned into first, :mod:`gymlab.workbench.views` does.
"""

from gymlab.workbench.figures.entropy import entropy_over_time
from gymlab.workbench.figures.look import (
    PALETTE,
    TEMPLATE,
    nothing_to_show,
    pattern_colour,
    pattern_name,
    plain,
    plain_names,
    say_left_out,
    whereabouts,
)
from gymlab.workbench.figures.matrices import distance_heat_map, warping_path
from gymlab.workbench.figures.measured import claims, memory_of_processes, stages, time_against_size
from gymlab.workbench.figures.patterns import (
    NumberPanel,
    StatePanel,
    medoids,
    patterns_of_numbers,
    patterns_of_states,
)
from gymlab.workbench.figures.quality import choice_of_k, cluster_sizes, significance, silhouette
from gymlab.workbench.figures.runs import alert_strip, trend
from gymlab.workbench.figures.sequences import index_plot, state_distribution
from gymlab.workbench.figures.states import Legend, legend_of
from gymlab.workbench.figures.trees import Leaves, dendrogram, height_of_cut

__all__ = [
    "PALETTE",
    "TEMPLATE",
    "Leaves",
    "Legend",
    "NumberPanel",
    "StatePanel",
    "alert_strip",
    "choice_of_k",
    "claims",
    "cluster_sizes",
    "dendrogram",
    "distance_heat_map",
    "entropy_over_time",
    "height_of_cut",
    "index_plot",
    "legend_of",
    "medoids",
    "memory_of_processes",
    "nothing_to_show",
    "pattern_colour",
    "pattern_name",
    "patterns_of_numbers",
    "patterns_of_states",
    "plain",
    "plain_names",
    "say_left_out",
    "significance",
    "silhouette",
    "stages",
    "state_distribution",
    "time_against_size",
    "trend",
    "warping_path",
    "whereabouts",
]
