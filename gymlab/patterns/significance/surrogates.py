"""First-order Markov chains of the series of a log, each series' own, shrunk toward its agent's and the log's.

A series is short, so its own transition frequencies are uncertain. They are taken as draws around those of its
agent, and these around those of the whole log (a hierarchical Dirichlet model: MacKay and Peto, "A hierarchical
Dirichlet language model", Natural Language Engineering 1, 1995). How far to shrink is estimated from the log: where
the series of an agent are alike they share one chain, where they differ each keeps its own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from gymlab.patterns.significance.kernels.surrogate_series import walk
from gymlab.patterns.significance.windowed_log import WindowedLog

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Weights of the parent that are tried, in numbers of transitions.
_WEIGHTS = 2.0 ** np.arange(-4, 15)

# More distinct rows than this, or fewer than ten actions for each, and numbers are put into cells.
_MOST_STATES = 64
_ACTIONS_A_STATE = 10
_FEWEST_MOST = 8

# Actions in a cell at most. Within a cell numbers are exchanged, so large ones make surrogates less smooth than the
# log, and smooth noise looks like a pattern; small ones only make surrogates more like the log.
_ACTIONS_A_CELL = 8
# With so many cells those of a long log are as small as need be.
_CELLS = 2_048


@dataclass(frozen=True, eq=False)
class Followers:
    """Which actions follow a state, in each of several groups of series.

    Attributes
    ----------
    keys
        int64 ``(n_keys,)``: ``group · n_states + state`` of those that something follows, ascending.
    starts
        int64 ``(n_keys + 1,)``: where the followers of each begin in ``rows``.
    rows
        int64 ``(n_transitions,)``: positions of the following actions.
    """

    keys: Ints
    starts: Ints
    rows: Ints

    def weighted(self, parent: float, rng: np.random.Generator) -> tuple[Ints, Ints, Ints, Floats, Floats]:
        """Return the arrays with drawn weights, summed up, and a drawn weight of the parent for each key."""
        sums = np.zeros(len(self.rows) + 1)
        # A parent without weight is the end of the line; its own transitions then count alike.
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
        int64 ``(n_actions,)``: the state of each action; how many there are.
    series, agents, pooled
        What follows each state in each series, in the series of each agent, and in the log.
    weights
        Weight of the agent's chain in a series', and of the log's in an agent's, in numbers of transitions.
    needed
        bool ``(n_actions,)``: what surrogates are drawn for: windows, and the way between near ones.
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
        """Return rows in place of the log's: each series begins as it does, and goes on as its chain does.

        Behind a gap of more than a window between windows, it begins anew as the series does there: a first-order
        chain has forgotten by then, and what is in no window is not drawn but left as it is.

        The action after a state is drawn from those observed after it, so numbers come with their category. The
        chains are not known, so each surrogate draws its own: transitions get exponential weights (the Bayesian
        bootstrap: Rubin, Annals of Statistics 9, 1981) and the parent a gamma weight, whose means are the fitted
        probabilities. With these alone, series would differ less than they do, since all were shrunk.
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
        With at least one action. Its transitions in windows, and up to a window behind each, are what is fitted to.

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
    # Every action but the last of its series has one that follows it.
    is_last = np.zeros(len(states), dtype=bool)
    is_last[log.first + log.length - 1] = True
    # What surrogates are not drawn for would only make the tables longer, where a sample is far apart in its series.
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
    # Each window and as much behind it, so that windows less than a window apart are in one stretch.
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
    """Return the likeliest weight of the parents, the probabilities of each move of a group, and these moves.

    A move's number is ``(group · n_states + now) · n_states + then``; its likelihood is that of the Dirichlet-
    multinomial distribution with the parent's probabilities as the mean.
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

    States are the distinct rows. Where numeric channels make too many of these (above 64, or above a tenth of the
    actions, but 8 are always allowed), they are the categories, and within each the cells that its numbers are cut
    into: at the median of the channel with the largest range, and again, until a cell has 8 actions (or, in a
    long log, its 2,048th part). A chain then
    goes on as one of the nearest actions did, whose numbers come with it: the local bootstrap of Paparoditis and
    Politis (J. Statistical Planning and Inference 108, 2002) on a partition.

    Parameters
    ----------
    rows
        float32 ``(n_actions, n_channels)``.
    n_codes
        How many of the last channels are codes of categories. Other channels of one or two values are categories
        too.

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
    numeric = np.zeros(rows.shape[1], dtype=bool)
    for c in range(rows.shape[1] - n_codes):
        numeric[c] = len(np.unique(rows[:, c])) > 2
    categories, n_categories = _distinct(rows[:, ~numeric])
    order = np.argsort(categories, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(categories, minlength=n_categories))[:-1])
    return _cells(rows[:, numeric], groups) if numeric.any() else categories


def _cells(numbers: NDArray[np.float32], groups: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return a number for the cell of each action, cells being parts of the groups."""
    cells = np.empty(len(numbers), dtype=np.int64)
    most = max(_ACTIONS_A_CELL, len(numbers) // _CELLS)
    n_cells = 0
    while groups:
        group = groups.pop()
        values = numbers[group].astype(np.float64)
        # The range is 0 for equal numbers and above 0 for others; a standard deviation is neither for sure.
        spread = np.ptp(values, axis=0) if len(group) > most else np.zeros(1)
        if not spread.max() > 0:
            cells[group] = n_cells
            n_cells += 1
            continue
        widest = values[:, spread.argmax()]
        border = np.partition(widest, len(group) // 2)[len(group) // 2]
        below = widest < border
        # Where more than half have the least value it is the border. Either way the least number is on one side and
        # the largest on the other, so both are smaller than the group.
        below = below if below.any() else widest == border
        groups += [group[below], group[~below]]
    return cells


def _distinct(rows: NDArray[np.float32]) -> tuple[NDArray[np.int64], int]:
    """Return a number for each distinct row, and how many there are."""
    # Channel by channel on integers: several times as fast as numpy.unique over rows.
    states = np.zeros(len(rows), dtype=np.int64)
    n_states = 1
    for c in range(rows.shape[1]):
        values, codes = np.unique(rows[:, c], return_inverse=True)
        seen, states = np.unique(states * len(values) + codes, return_inverse=True)
        n_states = len(seen)
    return states, n_states
