"""Independent oracles for principles: plain loops straight from the definitions. Nothing here imports gymlab."""

import math
from itertools import combinations


def with_own_last(records):
    """Add what the agent did before in the same series; the records are in order."""
    last = {}
    found = []
    for record in records:
        key = record["session_id"], record["agent_id"]
        found.append({**record, "own_last": last.get(key)})
        last[key] = record["action_type"]
    return found


def conditional_share(records, situation, action):
    """How many records are in a situation, and how many of these are the action."""
    inside = [r for r in records if all(r[column] == value for column, value in situation.items())]
    return len(inside), sum(r["action_type"] == action for r in inside)


def upper_tail(strata, count):
    """The chance of so many hits or more, by going through every way to pick the situation's actions in each stratum.

    A stratum is (n_rows, n_kind, n_situation): of n_rows actions the first n_kind are of the kind.
    """
    distribution = {0: 1.0}
    for n_rows, n_kind, n_situation in strata:
        ways = list(combinations(range(n_rows), n_situation))
        step = {}
        for way in ways:
            hits = sum(row < n_kind for row in way)
            step[hits] = step.get(hits, 0.0) + 1 / len(ways)
        joined = {}
        for before, p in distribution.items():
            for hits, share in step.items():
                joined[before + hits] = joined.get(before + hits, 0.0) + p * share
        distribution = joined
    return sum(p for hits, p in distribution.items() if hits >= count)


def wilson(hits, n, z=1.959963984540054):
    """The Wilson score interval."""
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def exact_upper_tails(strata):
    """The same for every count from 0 on, by counting the ways with whole numbers, for strata of thousands."""
    ways, total = [1], 1
    for n_rows, n_kind, n_situation in strata:
        step = [
            math.comb(n_kind, x) * math.comb(n_rows - n_kind, n_situation - x)
            for x in range(min(n_kind, n_situation) + 1)
        ]
        joined = [0] * (len(ways) + len(step) - 1)
        for before, number in enumerate(ways):
            for x, more in enumerate(step):
                joined[before + x] += number * more
        ways, total = joined, total * math.comb(n_rows, n_situation)
    tails, so_far = [], 0
    for number in reversed(ways):
        so_far += number
        tails.append(so_far / total)
    return tails[::-1]
