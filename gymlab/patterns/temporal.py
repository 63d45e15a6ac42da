"""Temporal patterns: a cluster of windows described by its size, its agents and its actions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.windows import Windows
from gymlab.arguments import shown
from gymlab.clustering import Clustering
from gymlab.clustering.clusters import average_width
from gymlab.entropy import conditional_entropy_bits


@dataclass(frozen=True, eq=False)
class TemporalPattern:
    """A cluster of windows: behaviour that occurs repeatedly.

    Attributes
    ----------
    label
        The label of the pattern; 0 is the largest pattern.
    size
        Number of windows.
    support
        Number of **distinct** actions in the windows, since overlapping windows are not independent evidence.
    members
        int64 ``(size,)``: indices of the windows.
    medoid
        Index of the medoid: the window with the least sum of distances to the other windows.
    medoid_session, medoid_agent, medoid_start
        The session and agent of the medoid, and the step of its first action.
    agents
        Number of agents with a window in the pattern.
    actions
        Share of each action type among the distinct actions, the most frequent first.
    contexts
        Share of each decision context among the distinct actions, the most frequent first.
    consistency
        1 − H(action type | decision context) / log2(number of action types) over the distinct actions: 1 if the
        context determines the action type, 0 if the action type is random given the context. The number of action types
        is the largest ``n_choices`` of the log, or, without this column, the number of action types in the log.
    silhouette
        Mean silhouette width of the windows, or of those that were compared; NaN if there is only one pattern.
    """

    label: int
    size: int
    support: int
    members: NDArray[np.int64]
    medoid: int
    medoid_session: str
    medoid_agent: str
    medoid_start: int
    agents: int
    actions: Mapping[str, float]
    contexts: Mapping[str, float]
    consistency: float
    silhouette: float

    def __repr__(self) -> str:
        shares = ", ".join(f"{shown(name)} {share:.0%}" for name, share in list(self.actions.items())[:3])
        return (
            f"<pattern {self.label}: {self.size:,} windows of {self.agents:,} agents; {shares}; "
            f"silhouette {self.silhouette:.2f}>"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the pattern as JSON-serialisable values, without its members, which the labels of the windows give."""
        return {
            "label": self.label,
            "size": self.size,
            "support": self.support,
            "medoid": {
                "session_id": self.medoid_session,
                "agent_id": self.medoid_agent,
                "start": self.medoid_start,
            },
            "consistency": self.consistency,
            "agents": self.agents,
            "actions": dict(self.actions),
            "contexts": dict(self.contexts),
            "silhouette": None if np.isnan(self.silhouette) else self.silhouette,
        }


def describe_patterns(
    log: pd.DataFrame, windows: Windows, clusters: Clustering
) -> tuple[TemporalPattern, ...]:
    """Return a pattern for each cluster of the windows of a log."""
    action_types = log["action_type"].astype("category")
    contexts = log["decision_context"].astype("category")
    agents = pd.factorize(windows.table["agent_id"])[0]
    n_action_types = len(action_types.cat.categories)
    if "n_choices" in log and log["n_choices"].notna().any():
        n_action_types = int(log["n_choices"].max())
    patterns = []
    for label, medoid in enumerate(clusters.medoids.tolist()):
        members = np.flatnonzero(clusters.labels == label)
        rows = windows.rows_of(members)
        where = windows.table.iloc[medoid]
        done, seen = action_types.iloc[rows], contexts.iloc[rows]
        bits = conditional_entropy_bits(seen.cat.codes.to_numpy(), done.cat.codes.to_numpy())
        consistency = 1.0 - bits / float(np.log2(n_action_types)) if n_action_types > 1 else 1.0
        pattern = TemporalPattern(
            label=label,
            size=len(members),
            support=len(rows),
            members=members,
            medoid=medoid,
            medoid_session=str(where["session_id"]),
            medoid_agent=str(where["agent_id"]),
            medoid_start=int(where["start"]),
            agents=len(np.unique(agents[members])),
            actions=_shares(done),
            contexts=_shares(seen),
            consistency=min(1.0, max(0.0, consistency)),
            silhouette=average_width(clusters.quality.silhouettes[members]),
        )
        patterns.append(pattern)
    return tuple(patterns)


def _shares(values: pd.Series) -> dict[str, float]:
    shares = values.value_counts(normalize=True)
    return {str(name): float(share) for name, share in shares.items() if share > 0}


def pattern_of_actions(
    windows: Windows, labels: NDArray[np.int64], n_actions: int
) -> pd.api.extensions.ExtensionArray:
    """Return for each action the pattern of most of its windows; ties go to the larger pattern.

    Parameters
    ----------
    windows, labels
        The windows of a log, and the pattern of each. Windows of noise, −1, are not counted.
    n_actions
        Number of actions in the log.

    Returns
    -------
    pandas.arrays.IntegerArray
        Int64 ``(n_actions,)``; ``<NA>`` for an action without a window in a pattern.
    """
    most, label = np.zeros(n_actions, dtype=np.int32), np.full(n_actions, -1, dtype=np.int64)
    first, length = (windows.table[name].to_numpy() for name in ("row", "length"))
    for pattern in range(int(labels.max(initial=-1)) + 1):
        members = np.flatnonzero(labels == pattern)
        edges = np.zeros(n_actions + 1, dtype=np.int32)
        np.add.at(edges, first[members], 1)
        np.add.at(edges, (first + length)[members], -1)
        count = np.cumsum(edges[:-1], dtype=np.int32)
        more = count > most
        most[more], label[more] = count[more], pattern
    return pd.arrays.IntegerArray(label, mask=label < 0)
