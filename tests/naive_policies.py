"""P(action | situation), the ratio of a change and its permutations, in plain loops. Never imports gymlab."""

import math
import random


def shares(situations, choices):
    """Return {situation: {choice: share}}, unknown situations (None) left out."""
    counts = {}
    for situation, choice in zip(situations, choices, strict=True):
        if situation is not None:
            counts.setdefault(situation, {}).setdefault(choice, 0)
            counts[situation][choice] += 1
    return {s: {a: n / sum(made.values()) for a, n in made.items()} for s, made in counts.items()}


def log_likelihood(situations, choices):
    table = shares(situations, choices)
    return math.fsum(math.log(table[s][a]) for s, a in zip(situations, choices, strict=True) if s is not None)


def likelihood_ratio(situations, choices, place):
    apart = log_likelihood(situations[:place], choices[:place]) + log_likelihood(
        situations[place:], choices[place:]
    )
    return 2 * (apart - log_likelihood(situations, choices))


def permutation_p(situations, choices, places, n_permutations, seed):
    """Return the share of permutations within the situations that are as large at their largest place."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    observed = max(likelihood_ratio(situations, choices, place) for place in places)
    as_large = 0
    for _ in range(n_permutations):
        permuted = list(choices)
        for situation in sorted(set(situations)):
            where = [t for t, s in enumerate(situations) if s == situation]
            made = [choices[t] for t in where]
            rng.shuffle(made)
            for t, choice in zip(where, made, strict=True):
                permuted[t] = choice
        largest = max(likelihood_ratio(situations, permuted, place) for place in places)
        as_large += largest >= observed - 1e-9
    return (1 + as_large) / (1 + n_permutations)


def variance_inflation(situations, choices, follows, place):
    """Return the larger of (1 + r) / (1 - r), its bias corrected, and the design effect of ten series or more."""
    n = len(choices)
    kinds = sorted(set(choices))
    left, right = shares(situations[:place], choices[:place]), shares(situations[place:], choices[place:])
    residual = []
    for t in range(n):
        expected = (left if t < place else right)[situations[t]]
        residual.append([float(choices[t] == kind) - expected.get(kind, 0.0) for kind in kinds])
    total = math.fsum(value**2 for row in residual for value in row)
    if total < 1e-9:
        return 1.0
    pairs = [t for t in range(1, n) if follows[t] and t != place]
    together = math.fsum(x * y for t in pairs for x, y in zip(residual[t], residual[t - 1], strict=True))
    r = 0.0
    if pairs:
        r = together / total * n / len(pairs)
        r += (1 + 3 * max(r, 0.0)) / (n / 2)
    r = min(r, (n - 1) / (n + 1))
    inflation = max(1.0, (1 + r) / (1 - r))
    sums = []
    for t in range(n):
        if t == 0 or not follows[t] or t == place:
            sums.append([0.0] * len(kinds))
        sums[-1] = [a + b for a, b in zip(sums[-1], residual[t], strict=True)]
    if len(sums) >= 10:
        inflation = max(inflation, math.fsum(value**2 for row in sums for value in row) / total)
    return inflation


def total_variation(situations, choices, place):
    """Return the shares' distance in situations met on both sides, weighed by the lesser count."""
    left, right = shares(situations[:place], choices[:place]), shares(situations[place:], choices[place:])
    weights, parts = [], []
    for situation in set(left) & set(right):
        weight = min(situations[:place].count(situation), situations[place:].count(situation))
        kinds = set(left[situation]) | set(right[situation])
        apart = math.fsum(abs(left[situation].get(k, 0) - right[situation].get(k, 0)) for k in kinds) / 2
        weights.append(weight)
        parts.append(weight * apart)
    return math.fsum(parts) / sum(weights) if weights else 0.0


def profile_value(unit, situation, action, rows, prior):
    """Return (value, count) of a feature; rows are (unit, situation, action) of every action of the log."""
    everyone = [a for _, s, a in rows if s == situation]
    own = [a for u, s, a in rows if s == situation and u == unit]
    mean = everyone.count(action) / len(everyone)
    return (own.count(action) + prior * mean) / (len(own) + prior), len(own)
