"""Surrogate logs from Markov chains: a first-order chain for each series, shrunk toward those of its agent and the log.

A series is short, so its transition frequencies are uncertain. They are modelled as draws around the frequencies of the
agent, and these as draws around the frequencies of the whole log (a hierarchical Dirichlet model: MacKay and Peto, "A
hierarchical Dirichlet language model", Natural Language Engineering 1, 1995). The amount of shrinkage is estimated from
the log. If the series of an agent are similar, they share nearly one chain. If they differ, each has its own chain.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from gymlab.patterns.significance.kernels.surrogate_series import walk
from gymlab.patterns.significance.windowed_log import WindowedLog

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# The weights of the parent that are tried, in numbers of transitions.
_WEIGHTS = 2.0 ** np.arange(-4, 15)

# Distinct rows are states if there are at most 64 of them and ten actions for each, or at most 8 of them. Otherwise the
# numeric channels are cut into cells.
_MOST_STATES = 64
_ACTIONS_A_STATE = 10
_FEWEST_MOST = 8

# Largest number of actions in a cell. Actions of a cell are exchanged. Large cells make surrogates less smooth than the
# log, so that smooth noise looks like a pattern. Small cells only make surrogates more similar to the log.
_ACTIONS_A_CELL = 8
# In a long log, cells have more actions, so that there are about this many cells.
_CELLS = 2_048


@dataclass(frozen=True, eq=False)
class Followers:
    """The actions that follow each state, in each of several groups of series.

    Attributes
    ----------
    keys
        int64 ``(n_keys,)``: ``group · n_states + state`` for each state of a group that has followers, ascending.
    starts
        int64 ``(n_keys + 1,)``: where the followers of each key begin in ``rows``.
    rows
        int64 ``(n_transitions,)``: the rows of the followers in the log.
    """

    keys: Ints
    starts: Ints
    rows: Ints

    def weighted(self, parent: float, rng: np.random.Generator) -> tuple[Ints, Ints, Ints, Floats, Floats]:
        """Return the arrays, the cumulative sums of drawn weights, and a drawn weight of the parent for each key."""
        sums = np.zeros(len(self.rows) + 1)
        # The top level has no parent, and its transitions have equal weights.
        weights = rng.standard_exponential(len(self.rows)) if parent else np.ones(len(self.rows))
        np.cumsum(weights, out=sums[1:])
        return self.keys, self.starts, self.rows, sums, rng.standard_gamma(parent, len(self.keys))


@dataclass(frozen=True, eq=False)
class Chains:
    """The fitted chains of all series of a log.

    Attributes
    ----------
    log
        The log.
    states, n_states
        int64 ``(n_actions,)``: the state of each action; and the number of states.
    series, agents, pooled
        The followers of each state in each series, in the series of each agent, and in the log.
    weights
        Weight of the agent's chain in the chain of a series, and of the log's chain in that of an agent, in numbers of
        transitions.
    needed
        bool ``(n_actions,)``: the actions that surrogates are drawn for: those in windows, and those between windows
        that are near each other.
    """

    log: WindowedLog
    states: Ints
    n_states: int
    series: Followers
    agents: Followers
    pooled: Followers
    weights: tuple[float, float]
    needed: NDArray[np.bool_]

    def surrogate(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return surrogate rows: each series begins with its own first action, and continues by its chain.

        Actions that are not needed stay those of the log. If a gap between two windows is longer than a window, the
        series begins again with its own action: a first-order chain does not remember over such a gap.

        The next action is drawn from the actions that follow the state in the log, so its numbers fit its category.
        The true chains are unknown, so each surrogate draws chains: transitions get exponential weights (the Bayesian
        bootstrap: Rubin, Annals of Statistics 9, 1981) and the parent gets a gamma weight. Their means give the fitted
        probabilities. With the fitted probabilities alone, the series of a surrogate would differ less than those of
        the log, because of the shrinkage.
        """
        drawn = np.arange(len(self.states))
        weight_of_agent, weight_of_log = self.weights
        levels = (
            self.series.weighted(weight_of_agent, rng),
            self.agents.weighted(weight_of_log, rng),
            self.pooled.weighted(0.0, rng),
        )
        uniforms = rng.random(int(np.count_nonzero(self.needed)))
        series = (self.log.first, self.log.length, self.log.agents)
        walk(*series, self.states, self.n_states, levels, self.needed, uniforms, drawn)
        return self.log.rows[drawn]


def fit_chains(log: WindowedLog) -> Chains:
    """Fit a first-order Markov chain to each series of a log.

    Parameters
    ----------
    log
        A log with at least one action. The chains are fitted to the transitions in windows, and up to a window's length
        after each.

    Returns
    -------
    Chains

    Examples
    --------
    >>> one = np.zeros(1, dtype=np.int64)
    >>> rows = np.array([0, 1, 0, 1, 0, 1], dtype=np.float32)[:, None]
    >>> log = WindowedLog(rows, 0, one, one + 6, one, one, one, one + 6, one, one)
    >>> fit_chains(log).surrogate(np.random.default_rng(0)).ravel().tolist()
    [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    """
    states = states_of(log.rows, log.n_codes)
    n_states = int(states.max()) + 1
    series = np.repeat(np.arange(len(log.first)), log.length)
    agents = log.agents[series]
    is_last = np.zeros(len(states), dtype=bool)
    is_last[log.first + log.length - 1] = True
    needed = _needed(log)
    at = np.flatnonzero(~is_last[:-1] & needed[:-1] & needed[1:])
    now, then = states[at], states[at + 1]
    groups = (series[at], agents[at], np.zeros(len(at), dtype=np.int64))
    of_series, of_agents, of_all = (_followers(group, now, at + 1, n_states) for group in groups)

    n_now = np.bincount(now, minlength=n_states)
    moves, n_moves = np.unique(now * n_states + then, return_counts=True)
    log_shares = n_moves / n_now[moves // n_states] if len(moves) else n_moves.astype(np.float64)
    weight_of_log, of_agent, agent_moves = _shrunk(groups[1], now, then, n_states, moves, log_shares)
    weight_of_agent, _, _ = _shrunk(groups[0], now, then, n_states, agent_moves, of_agent, parents=groups[1])
    return Chains(
        log, states, n_states, of_series, of_agents, of_all, (weight_of_agent, weight_of_log), needed
    )


def _needed(log: WindowedLog) -> NDArray[np.bool_]:
    """Return which actions are in a window, or follow one by at most its length and so connect it with near windows."""
    end = (log.first + log.length)[log.window_series]
    edges = np.zeros(len(log.rows) + 1, dtype=np.int64)
    np.add.at(edges, log.window_row, 1)
    np.add.at(edges, np.minimum(end, log.window_row + 2 * log.window_length), -1)
    return np.cumsum(edges[:-1]) > 0


def _followers(group: Ints, now: Ints, following: Ints, n_states: int) -> Followers:
    keys = group * n_states + now
    order = np.argsort(keys, kind="stable")
    distinct, starts = np.unique(keys[order], return_index=True)
    return Followers(distinct, np.append(starts, len(keys)).astype(np.int64), following[order])


def _shrunk(
    group: Ints,
    now: Ints,
    then: Ints,
    n_states: int,
    parent_moves: Ints,
    parent_probabilities: Floats,
    parents: Ints | None = None,
) -> tuple[float, Floats, Ints]:
    """Return the likeliest weight of the parents, the probability of each move of a group, and the moves.

    A move has the number ``(group · n_states + now) · n_states + then``. Its likelihood comes from the Dirichlet-
    multinomial distribution, with the probabilities of the parent as the mean.
    """
    moves, where, counts = np.unique(
        (group * n_states + now) * n_states + then, return_index=True, return_counts=True
    )
    of_parent = now if parents is None else parents * n_states + now
    prior = parent_probabilities[np.searchsorted(parent_moves, of_parent[where] * n_states + then[where])]
    _, row, totals = np.unique(group * n_states + now, return_inverse=True, return_counts=True)
    likelihoods = [
        float(
            (gammaln(weight) - gammaln(weight + totals)).sum()
            + (gammaln(weight * prior + counts) - gammaln(weight * prior)).sum()
        )
        for weight in _WEIGHTS
    ]
    best = float(_WEIGHTS[int(np.argmax(likelihoods))])
    return best, (counts + best * prior) / (totals[row][where] + best), moves


def states_of(rows: NDArray[np.float32], n_codes: int = 0) -> NDArray[np.int64]:
    """Return the state of each action.

    The states are the distinct rows, if these are at most 64 and at most a tenth of the actions, or at most 8.
    Otherwise the actions of each combination of categories are cut into cells, and the states are the cells. A group of
    actions is cut at the median of the numeric channel with the largest range, and its parts again, until a cell has at
    most 8 actions, or 1/2,048 of a long log. Then a chain continues like one of the nearest actions did: this is the
    local bootstrap of Paparoditis and Politis (J. Statistical Planning and Inference 108, 2002) on a partition.

    Parameters
    ----------
    rows
        float32 ``(n_actions, n_channels)``.
    n_codes
        Number of code channels, which come last. Other channels with one or two values are categories too.

    Returns
    -------
    numpy.ndarray
        int64 ``(n_actions,)``, from 0.

    Examples
    --------
    >>> states_of(np.array([[0, 1], [1, 0], [0, 1]], dtype=np.float32)).tolist()
    [0, 1, 0]
    """
    exact, n_states = _distinct(rows)
    if n_states <= min(_MOST_STATES, max(_FEWEST_MOST, len(rows) // _ACTIONS_A_STATE)):
        return exact
    numeric = [c for c in range(rows.shape[1] - n_codes) if len(np.unique(rows[:, c])) > 2]
    categories, n_categories = _distinct(np.delete(rows, numeric, axis=1))
    order = np.argsort(categories, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(categories, minlength=n_categories))[:-1])
    return _cells(rows[:, numeric], groups) if numeric else categories


def _cells(numbers: NDArray[np.float32], groups: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the cell of each action. The cells are parts of the groups."""
    cells = np.empty(len(numbers), dtype=np.int64)
    most = max(_ACTIONS_A_CELL, len(numbers) // _CELLS)
    n_cells = 0
    while groups:
        group = groups.pop()
        values = numbers[group].astype(np.float64)
        # The range is exactly 0 for equal numbers, but a standard deviation may not be.
        spread = np.ptp(values, axis=0) if len(group) > most else np.zeros(1)
        if not spread.max() > 0:
            cells[group] = n_cells
            n_cells += 1
            continue
        widest = values[:, spread.argmax()]
        border = np.partition(widest, len(group) // 2)[len(group) // 2]
        below = widest < border
        # If more than half of the group have the smallest value, this value is the border, and none is below it. Then
        # these actions are one part. So both parts are smaller than the group.
        below = below if below.any() else widest == border
        groups += [group[below], group[~below]]
    return cells


def _distinct(rows: NDArray[np.float32]) -> tuple[NDArray[np.int64], int]:
    """Return the index of each row among the distinct rows, and the number of distinct rows."""
    # This works channel by channel, which is several times faster than numpy.unique over rows.
    states = np.zeros(len(rows), dtype=np.int64)
    n_states = 1
    for c in range(rows.shape[1]):
        values, codes = np.unique(rows[:, c], return_inverse=True)
        seen, states = np.unique(states * len(values) + codes, return_inverse=True)
        n_states = len(seen)
    return states, n_states
