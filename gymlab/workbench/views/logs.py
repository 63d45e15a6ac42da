"""A log before anything is clustered: its series, what is done at which step, the entropy of its agents."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gymlab.actions.windows import series_bounds
from gymlab.arguments import whole_number
from gymlab.entropy import entropy_over_time
from gymlab.workbench import figures
from gymlab.workbench.checked import a_table
from gymlab.workbench.text import counted, some_of

# What tells series apart, and what is drawn of them.
_SERIES = ("session_id", "agent_id", "step", "action_type")

# A step that fewer of the series reach says nothing of all.
_LEAST_SHARE = 0.02
_MOST_STEPS = 400
_MOST_CELLS = 250


def state_distribution(actions: pd.DataFrame) -> go.Figure:
    """Return the share of each action type at each step of the series, all together.

    Parameters
    ----------
    actions
        The action table, the rows of a series together.
    """
    a_table("actions", actions, *_SERIES)
    legend = figures.legend_of(actions["action_type"])
    first, length = series_bounds(actions)
    position = np.arange(len(actions)) - np.repeat(first, length)
    reached = np.array(
        [(length > step).mean() for step in range(min(_MOST_STEPS, int(length.max(initial=0))))]
    )
    n_steps = int((reached >= _LEAST_SHARE).sum())
    counts = np.zeros((n_steps, len(legend.labels)))
    inside = position < n_steps
    codes = legend.codes(actions["action_type"])
    np.add.at(counts, (position[inside], codes[inside]), 1)
    totals = counts.sum(axis=1)
    figure = figures.state_distribution(counts / totals[:, None], totals.astype(np.int64), legend)
    longest = int(length.max(initial=0))
    reach = (
        f"those that {_LEAST_SHARE * 100:g} % of the series reach" if n_steps < _MOST_STEPS else "the first"
    )
    return figures.say_left_out(figure, some_of(n_steps, longest, "steps", reach))


def series_of_log(actions: pd.DataFrame, *, most: int = 40) -> go.Figure:
    """Return series of a log as rows of coloured cells: of each agent the first, of each the second, and so on.

    Parameters
    ----------
    actions
        The action table, the rows of a series together.
    most
        Series at most, and of each its first 250 actions.
    """
    a_table("actions", actions, *_SERIES)
    most = whole_number("most", most, least=1)
    first, length = series_bounds(actions)
    agents = actions["agent_id"].iloc[first].to_numpy()
    # Of each agent its first series, then of each its second …, and in the end the same agents side by side.
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
    figure = figures.index_plot(
        [
            choices.iloc[start : start + min(count, _MOST_CELLS)].tolist()
            for start, count in zip(first[chosen], length[chosen], strict=True)
        ],
        agents[chosen].tolist(),
        figures.whereabouts(table),
        figures.legend_of(choices),
    )
    cut = int(np.count_nonzero(length[chosen] > _MOST_CELLS))
    return figures.say_left_out(
        figure,
        some_of(len(chosen), len(first), "series"),
        some_of(len(set(agents[chosen])), len(set(agents)), "agents"),
        f"{counted(cut, 'series')} cut after action {_MOST_CELLS}" if cut else "",
    )


def entropy_of_agents(actions: pd.DataFrame, *, most: int = 8) -> go.Figure:
    """Return the entropy of each agent's choices over its actions, in a sliding window of a tenth of them.

    Normalised by the number of action types that occur in the log, so that agents and times compare. The agents
    shown are those whose entropy changes most.

    Parameters
    ----------
    actions
        The action table.
    most
        Agents at most.
    """
    a_table("actions", actions, *_SERIES)
    most = whole_number("most", most, least=1)
    window = max(20, int(actions["agent_id"].value_counts().median()) // 10)
    n_intents = max(2, int(actions["action_type"].nunique()))
    curves = {}
    for agent, own in actions.groupby("agent_id", sort=False):
        if len(own) >= window:
            curve = entropy_over_time(own["action_type"].to_numpy(dtype=object), window, n_intents)
            curves[str(agent)] = curve[window - 1 :]
    shown = sorted(curves, key=lambda agent: -float(np.std(curves[agent])))[:most]
    few = int(actions["agent_id"].nunique()) - len(curves)
    return figures.say_left_out(
        figures.entropy_over_time({agent: curves[agent] for agent in shown}, window),
        some_of(len(shown), len(curves), "agents", "those whose entropy changes most"),
        f"{counted(few, 'agents')} with fewer than {window:,} actions left out" if few else "",
    )
