"""Independent oracles of stability and the null test: plain loops straight from the definitions."""

import itertools
import math


def best_jaccard(labels, others):
    """For each cluster, the largest share of common members among those of either with any cluster of the other labels; −1 is no cluster."""
    found = {}
    for label in sorted(set(labels) - {-1}):
        members = {i for i, one in enumerate(labels) if one == label}
        found[label] = 0.0
        for other in set(others) - {-1}:
            theirs = {i for i, one in enumerate(others) if one == other}
            found[label] = max(found[label], len(members & theirs) / len(members | theirs))
    return found


def transition_probabilities(series_of_states, agents, n_states, weight_of_agent, weight_of_log):
    """{(series, state): [probability of each next state]}, each series shrunk to its agent, each agent to the log."""
    everything = [state for series in series_of_states for state in series]
    overall = [everything.count(t) / len(everything) for t in range(n_states)]

    def counts(chosen, state):
        moves = [0] * n_states
        for series in chosen:
            for now, then in itertools.pairwise(series):
                if now == state:
                    moves[then] += 1
        return moves

    def shrunk(moves, prior, weight):
        total = sum(moves)
        if total == 0:
            return prior
        return [(m + weight * p) / (total + weight) for m, p in zip(moves, prior, strict=True)]

    found = {}
    for k, series in enumerate(series_of_states):
        for state in range(n_states):
            log = shrunk(counts(series_of_states, state), overall, 0.0)
            same = [s for s, a in zip(series_of_states, agents, strict=True) if a == agents[k]]
            agent = shrunk(counts(same, state), log, weight_of_log)
            found[k, state] = shrunk(counts([series], state), agent, weight_of_agent)
    return found


def log_likelihood(groups, n_states, weight, prior):
    """Dirichlet-multinomial log likelihood of the moves of groups of series; prior(group, now)[then] is the mean."""
    total = 0.0
    for g, group in enumerate(groups):
        for now in range(n_states):
            moves = [0] * n_states
            for series in group:
                for a, b in itertools.pairwise(series):
                    if a == now:
                        moves[b] += 1
            if sum(moves) == 0:
                continue
            total += math.lgamma(weight) - math.lgamma(weight + sum(moves))
            for then, count in enumerate(moves):
                if count:
                    mean = weight * prior(g, now)[then]
                    total += math.lgamma(mean + count) - math.lgamma(mean)
    return total


def corrected_p_value(null, observed):
    """(1 + how many are as small) / (1 + how many there are)."""
    count = 0
    for value in null:
        if value <= observed:
            count += 1
    return (1 + count) / (1 + len(null))


def compactness(square, members):
    """Mean distance to the medoid of the other members."""
    sums = [sum(square[i][j] for j in members) for i in members]
    return min(sums) / (len(members) - 1)
