"""Figures of a log before clustering: its series, its action types at each step, and the entropy of its agents."""

import html
from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from gymlab.actions.windows import series_bounds
from gymlab.arguments import instance, whole_number
from gymlab.entropy import entropy_over_time
from gymlab.principles.principle import percent
from gymlab.workbench.checked import a_table, numbers
from gymlab.workbench.figures import look, sequences
from gymlab.workbench.text import counted, some_of

# The columns that identify a series, and the one that is drawn.
_SERIES = ("session_id", "agent_id", "step", "action_type")

# A step is left out if a smaller share of the series reaches it, since it does not represent all series.
_LEAST_SHARE = 0.02
_MOST_STEPS, _MOST_CELLS, _MOST_POINTS = 400, 250, 400

# The AI Principles Gym calls an agent consistent below the first, unpredictable above the second, and variable between.
CONSISTENT, UNPREDICTABLE = 0.3, 0.7


def state_distribution(actions: pd.DataFrame) -> go.Figure:
    """Return the share of each action type at each step, all series together.

    Parameters
    ----------
    actions
        The action table. The rows of a series have to be together.
    """
    a_table("actions", actions, *_SERIES)
    legend = sequences.legend_of(actions["action_type"])
    first, length = series_bounds(actions)
    longest = int(length.max(initial=0))
    position = np.arange(len(actions)) - np.repeat(first, length)
    reached = np.array([(length > step).mean() for step in range(min(_MOST_STEPS, longest))])
    n_steps = int((reached >= _LEAST_SHARE).sum())
    if n_steps == 0:
        return look.nothing_to_show("there are no actions")
    counts = np.zeros((n_steps, len(legend.labels)))
    inside = position < n_steps
    np.add.at(counts, (position[inside], legend.codes(actions["action_type"])[inside]), 1)
    totals = counts.sum(axis=1)
    figure = look.empty_figure("action of the series", "share of the actions", height=360)
    for label, colour, shares in zip(
        legend.labels, legend.colours, (counts / totals[:, None]).T, strict=True
    ):
        figure.add_bar(
            x=np.arange(1, n_steps + 1),
            y=shares,
            marker={"color": colour, "line": {"width": 0}},
            name=label,
            customdata=totals.astype(np.int64),
            text=[html.escape(percent(share)) for share in shares],
            textposition="none",
            hovertemplate="action %{x}: %{text} of %{customdata:,}",
        )
    figure.update_layout(barmode="stack", bargap=0)
    figure.update_yaxes(range=[0, 1], tickformat=".0%").update_xaxes(showgrid=False)
    reach = (
        f"those that {_LEAST_SHARE * 100:g} % of the series reach" if n_steps < _MOST_STEPS else "the first"
    )
    return look.say_left_out(figure, some_of(n_steps, longest, "steps", reach))


def series_of_log(actions: pd.DataFrame, *, most: int = 40) -> go.Figure:
    """Return series of a log as rows of coloured cells: the first series of each agent, then their second series, ….

    Parameters
    ----------
    actions
        The action table. The rows of a series have to be together.
    most
        The maximum number of series. Only the first 250 actions of each series are shown.
    """
    a_table("actions", actions, *_SERIES)
    most = whole_number("most", most, least=1)
    first, length = series_bounds(actions)
    agents = actions["agent_id"].iloc[first].to_numpy()
    # Choose the first series of each agent, then the second ones, and so on. Then sort the chosen series by agent.
    turn = pd.Series(agents).groupby(agents).cumcount().to_numpy()
    chosen = np.sort(np.argsort(turn, kind="stable")[:most])
    chosen = chosen[np.argsort(agents[chosen], kind="stable")]
    choices = actions["action_type"]
    table = pd.DataFrame(
        {
            "session_id": actions["session_id"].iloc[first[chosen]].to_numpy(),
            "agent_id": agents[chosen],
            "start": actions["step"].iloc[first[chosen]].to_numpy(),
            "end": actions["step"].iloc[first[chosen] + length[chosen] - 1].to_numpy(),
        }
    )
    figure = sequences.index_plot(
        [
            choices.iloc[start : start + min(count, _MOST_CELLS)].tolist()
            for start, count in zip(first[chosen], length[chosen], strict=True)
        ],
        agents[chosen].tolist(),
        look.whereabouts(table),
        sequences.legend_of(choices),
    )
    cut = int(np.count_nonzero(length[chosen] > _MOST_CELLS))
    return look.say_left_out(
        figure,
        some_of(len(chosen), len(first), "series"),
        some_of(len(set(agents[chosen])), len(set(agents)), "agents"),
        f"{counted(cut, 'series')} cut after action {_MOST_CELLS}" if cut else "",
    )


def entropy_of_agents(actions: pd.DataFrame, *, most: int = 8) -> go.Figure:
    """Return the entropy of each agent's choices over its actions, in a sliding window of a tenth of them.

    The entropy is given as a share of the largest possible entropy for the action types of the log, so that agents and
    times can be compared. The agents whose entropy changes most are shown.

    Parameters
    ----------
    actions
        The action table.
    most
        The maximum number of agents.
    """
    a_table("actions", actions, *_SERIES)
    most = whole_number("most", most, least=1)
    window = max(20, int(actions["agent_id"].value_counts().median()) // 10)
    n_action_types = max(2, int(actions["action_type"].nunique()))
    curves = {}
    for agent, own in actions.groupby("agent_id", sort=False):
        if len(own) >= window:
            curve = entropy_over_time(own["action_type"].to_numpy(dtype=object), window, n_action_types)
            curves[str(agent)] = curve[window - 1 :]
    shown = sorted(curves, key=lambda agent: -float(np.std(curves[agent])))[:most]
    few = int(actions["agent_id"].nunique()) - len(curves)
    return entropy_curves(
        {agent: curves[agent] for agent in shown},
        window,
        some_of(len(shown), len(curves), "agents", "those whose entropy changes most"),
        f"{counted(few, 'agents')} with fewer than {window:,} actions left out" if few else "",
    )


def entropy_curves(curves: Mapping[str, ArrayLike], window: int, *left_out: str) -> go.Figure:
    """Plot the entropy of agents over their actions, with the lines of the AI Principles Gym at 0.3 and 0.7.

    Parameters
    ----------
    curves
        For each agent, float64 ``(n_actions − window + 1,)``, 0 to 1: the entropy in each full window, as a share of
        the largest possible entropy.
    window
        The length of the window, in actions.
    *left_out
        Sentences for the lines above the figure, about the things that are left out.

    Examples
    --------
    >>> entropy_curves({"ada": [0.5, 0.25]}, 20).data[0].x.tolist()
    [20, 21]
    """
    instance("curves", curves, Mapping, "curves by agent")
    arrays = {str(agent): numbers("a curve", curve) for agent, curve in curves.items()}
    arrays = {agent: curve for agent, curve in arrays.items() if len(curve)}
    window = whole_number("window", window, least=1)
    if not arrays:
        return look.nothing_to_show(f"no agent has {window:,} actions")
    figure = look.empty_figure(
        f"actions of the agent (window of {window:,})", "entropy, share of the largest"
    )
    names = look.plain_names(arrays, 24)
    drawn = 0
    for agent, curve in arrays.items():
        steps = look.evenly(len(curve), _MOST_POINTS)
        drawn += len(steps)
        figure.add_scatter(
            x=steps + window,
            y=curve[steps],
            name=names[agent],
            mode="lines",
            hovertemplate=f"{names[agent]} after %{{x:,}} actions: %{{y:.2f}}<extra></extra>",
        )
    for height, text, side in (
        (CONSISTENT, "consistent below 0.3", "bottom right"),
        (UNPREDICTABLE, "unpredictable above 0.7", "top right"),
    ):
        figure.add_hline(
            y=height, line={"dash": "dot", "color": look.GREY}, annotation_text=text, annotation_position=side
        )
    every = sum(len(curve) for curve in arrays.values())
    points = some_of(drawn, every, "points", "evenly over each curve")
    return look.say_left_out(figure.update_yaxes(range=[-0.03, 1.03]), points, *left_out)
