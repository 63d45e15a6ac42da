"""Entropy over time."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gymlab.arguments import instance, whole_number
from gymlab.workbench.checked import numbers
from gymlab.workbench.figures.look import GREY, empty_figure, nothing_to_show, plain_names, say_left_out
from gymlab.workbench.text import some_of

# Below the first the AI Principles Gym calls an agent consistent, above the second unpredictable, between them
# variable.
CONSISTENT, UNPREDICTABLE = 0.3, 0.7

_MOST_POINTS = 400


def entropy_over_time(curves: Mapping[str, NDArray[np.float64]], window: int) -> go.Figure:
    """Plot the entropy of each agent's choices over its actions, with the lines of the Gym at 0.3 and 0.7.

    Parameters
    ----------
    curves
        By agent, float64 ``(n_actions − window + 1,)``: the entropy of the last ``window`` choices from the first
        full window on, as a share of the largest that there can be.
    window
        In actions.
    """
    instance("curves", curves, Mapping, "curves by agent")
    curves = {str(agent): numbers("a curve", curve) for agent, curve in curves.items()}
    window = whole_number("window", window, least=1)
    if not curves:
        return nothing_to_show(f"no agent has {window:,} actions")
    figure = empty_figure(
        f"actions of the agent (window of {window:,})",
        "entropy, share of the largest",
    )
    names = plain_names(curves, 24)
    drawn = 0
    for agent, curve in curves.items():
        steps = np.unique(np.linspace(0, len(curve) - 1, _MOST_POINTS).astype(int))
        drawn += len(steps)
        name = names[str(agent)]
        figure.add_scatter(
            x=steps + window,
            y=curve[steps],
            name=name,
            mode="lines",
            hovertemplate=f"{name} after %{{x:,}} actions: %{{y:.2f}}<extra></extra>",
        )
    for height, text, side in (
        (CONSISTENT, "consistent below 0.3", "bottom right"),
        (UNPREDICTABLE, "unpredictable above 0.7", "top right"),
    ):
        figure.add_hline(
            y=height, line={"dash": "dot", "color": GREY}, annotation_text=text, annotation_position=side
        )
    every = sum(len(curve) for curve in curves.values())
    return say_left_out(
        figure.update_yaxes(range=[-0.03, 1.03]), some_of(drawn, every, "points", "evenly over each curve")
    )
