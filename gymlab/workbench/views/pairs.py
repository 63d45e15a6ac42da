"""Two windows of an extraction, as the distance aligned them."""

import numpy as np
import plotly.graph_objects as go

from gymlab.arguments import shown
from gymlab.distance import dtw_cost_matrix, dtw_path
from gymlab.errors import InputError
from gymlab.patterns.result import Extraction
from gymlab.workbench import figures
from gymlab.workbench.checked import an_extraction


def warping_path(extraction: Extraction, first: int, second: int) -> go.Figure:
    """Return how two windows are warped onto each other.

    Parameters
    ----------
    extraction
        Whose channels, weights and radius are those of the distance.
    first, second
        The windows.

    Raises
    ------
    InputError
        If there is no such window.
    """
    an_extraction(extraction)
    windows = extraction.windows
    for index in (first, second):
        if (
            isinstance(index, bool)
            or not isinstance(index, (int, np.integer))
            or not 0 <= index < len(windows)
        ):
            raise InputError(f"there is no window {shown(index)}; give one from 0 to {len(windows) - 1}")
    x, y = windows.values[first], windows.values[second]
    radius, weights = extraction.config.radius, extraction.encoding.mismatch_weights
    path, _ = dtw_path(x, y, radius=radius, mismatch_weights=weights)
    one, other = (extraction.actions_of_window(index)["action_type"].tolist() for index in (first, second))
    where = figures.whereabouts(windows.table, [first, second])
    return figures.warping_path(
        dtw_cost_matrix(x, y, radius=radius, mismatch_weights=weights),
        path,
        (one, other),
        figures.legend_of(extraction.actions["action_type"]),
        hover=(where[0], where[1]),
    )
