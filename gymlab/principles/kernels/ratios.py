"""The compiled loops of the likelihood ratio over all places where a policy may change."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def likelihood_ratios(situation, choice, n_situations, n_action_types, xlogx, ratios):
    """Write the ratio of each place: action after action moves to the left side, and each move changes four terms."""
    right = np.zeros((n_situations, n_action_types), np.int64)
    left = np.zeros((n_situations, n_action_types), np.int64)
    right_all = np.zeros(n_situations, np.int64)
    left_all = np.zeros(n_situations, np.int64)
    for t in range(len(choice)):
        if situation[t] >= 0:
            right[situation[t], choice[t]] += 1
            right_all[situation[t]] += 1
    ratio = 0.0
    for t in range(len(choice)):
        s = situation[t]
        if s >= 0:
            a = choice[t]
            x, y = left[s, a], right[s, a]
            m, k = left_all[s], right_all[s]
            ratio += xlogx[x + 1] - xlogx[x] + xlogx[y - 1] - xlogx[y]
            ratio -= xlogx[m + 1] - xlogx[m] + xlogx[k - 1] - xlogx[k]
            left[s, a] = x + 1
            right[s, a] = y - 1
            left_all[s] = m + 1
            right_all[s] = k - 1
        ratios[t + 1] = max(0.0, 2 * ratio)


@njit(cache=True, nogil=True)
def permuted_maxima(
    situation, choice, order, n_situations, n_action_types, xlogx, places, n_permutations, seed
):
    """Return the largest ratio of each permutation of the choices within the situations.

    ``order`` sorts the actions by their situation.
    """
    np.random.seed(seed)
    n = len(choice)
    permuted = choice.copy()
    ratios = np.zeros(n + 1)
    maxima = np.zeros(n_permutations)
    for b in range(n_permutations):
        begin = 0
        while begin < n:
            end = begin
            while end < n and situation[order[end]] == situation[order[begin]]:
                end += 1
            for i in range(end - 1, begin, -1):
                j = begin + np.random.randint(0, i - begin + 1)
                held = permuted[order[i]]
                permuted[order[i]] = permuted[order[j]]
                permuted[order[j]] = held
            begin = end
        likelihood_ratios(situation, permuted, n_situations, n_action_types, xlogx, ratios)
        for k in places:
            maxima[b] = max(maxima[b], ratios[k])
    return maxima
