"""The compiled loop that draws surrogate series, action by action."""

import numpy as np
from numba import njit

_BELOW_ONE = 1.0 - 2.0**-53


@njit(cache=True, nogil=True)
def walk(first, length, agents, states, n_states, levels, needed, uniforms, drawn):
    """Draw the needed actions of a surrogate of every series.

    Parameters
    ----------
    first, length, agents
        int64 ``(n_series,)``.
    states
        int64 ``(n_actions,)``.
    n_states
        Number of states.
    levels
        The followers in each series, for each agent, and in the log. A level has the keys, starts and rows of Followers;
        float64 ``(n_transitions + 1,)``, the cumulative sum of the weights of the transitions; and float64
        ``(n_keys,)``, the weight of the next level.
    needed
        bool ``(n_actions,)``: the actions to draw. The first of consecutive needed actions stays that of the log.
    uniforms
        float64 ``(n_needed,)`` in [0, 1).
    drawn
        int64 ``(n_actions,)``, written where needed: the row in the log of the action that the surrogate has there.
    """
    used = 0
    for series in range(len(first)):
        at = first[series]
        for place in range(at, at + length[series]):
            if not needed[place]:
                continue
            left = uniforms[used]
            used += 1
            if place == at or not needed[place - 1]:
                drawn[place] = place
                continue
            state = states[drawn[place - 1]]
            found_one = False
            for level in range(3):
                keys, starts, rows, sums, next_level = levels[level]
                group = series if level == 0 else (agents[series] if level == 1 else 0)
                key = group * n_states + state
                found = np.searchsorted(keys, key)
                if found == len(keys) or keys[found] != key:
                    continue
                begin, end = starts[found], starts[found + 1]
                own = sums[end] - sums[begin]
                target = left * (own + next_level[found])
                if target < own:
                    chosen = np.searchsorted(sums[begin + 1 : end + 1], sums[begin] + target, side="right")
                    drawn[place] = rows[begin + min(chosen, end - begin - 1)]
                    found_one = True
                    break
                left = min((target - own) / next_level[found], _BELOW_ONE)
            if not found_one:
                # The state occurs only at the end of series, so any action may follow.
                drawn[place] = np.int64(left * len(states))
