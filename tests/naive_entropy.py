"""Entropy as the textbook writes it, in plain loops: what gymlab's entropy is judged by. Never imports gymlab."""

import math


def counted(values):
    counts = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def entropy_bits(values):
    values = list(values)
    terms = []
    for count in counted(values).values():
        p = count / len(values)
        terms.append(-p * math.log2(p))
    return math.fsum(terms)


def normalised_entropy(values, n_action_types=None):
    values = list(values)
    n = len(counted(values)) if n_action_types is None else n_action_types
    return entropy_bits(values) / math.log2(n) if n > 1 and values else 0.0


def conditional_entropy_bits(situations, choices):
    """Sum over situations of P(situation) times the entropy of the choices made in it."""
    situations, choices = list(situations), list(choices)
    terms = []
    for situation in counted(situations):
        made = [choice for where, choice in zip(situations, choices, strict=True) if where == situation]
        terms.append(len(made) / len(choices) * entropy_bits(made))
    return math.fsum(terms)


def entropy_over_time(choices, window, n_action_types):
    ends = range(1, len(choices) + 1)
    return [
        normalised_entropy(choices[end - window : end], n_action_types) if end >= window else math.nan
        for end in ends
    ]


def miller_madow_bits(values):
    """Entropy plus (m - 1) / (2N) nats."""
    values = list(values)
    if not values:
        return 0.0
    return entropy_bits(values) + (len(counted(values)) - 1) / (2 * len(values)) / math.log(2)


def conditional_miller_madow_bits(situations, choices):
    """The corrected entropy of each situation, weighted by how often it occurred."""
    situations, choices = list(situations), list(choices)
    terms = []
    for situation in counted(situations):
        made = [choice for where, choice in zip(situations, choices, strict=True) if where == situation]
        terms.append(len(made) / len(choices) * miller_madow_bits(made))
    return math.fsum(terms)


def transitions(choices, series):
    """Pairs of a choice and the next one of the same series."""
    pairs, last = [], {}
    for choice, one in zip(choices, series, strict=True):
        if one in last:
            pairs.append((last[one], choice))
        last[one] = choice
    return pairs


def in_event_window(events, seconds):
    """What counts after events of (timestamp, item) arrived in this order, and how many came too late."""
    held, clock, late = [], -math.inf, 0
    for timestamp, item in events:
        if timestamp <= clock - seconds:
            late += 1
            continue
        clock = max(clock, timestamp)
        held = [(at, what) for at, what in [*held, (timestamp, item)] if at > clock - seconds]
    return [what for _, what in held], late
