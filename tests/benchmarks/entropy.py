"""Sliding entropy: updates a second, beside computing every window from scratch in the same run.

python tests/benchmarks/entropy.py

Each figure is the best of three rounds; a round of a stream is a plain loop that adds and reads, two calls a step.
"""

import time
from collections import Counter, deque
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import entropy as scipy_entropy

from gymlab.entropy import (
    AgentEntropies,
    ConditionalEntropy,
    IncrementalEntropy,
    TimedConditionalEntropy,
    TimedEntropy,
    TransitionEntropy,
    conditional_entropy_over_time,
    entropy_over_time,
)

WINDOW = 1000
N_ACTION_TYPES = 12
N = 500_000
N_ARRAY = 10_000_000
N_SCRATCH = 3_000
ROUNDS = 3
# What the algorithm that gymlab grew from did with a window of 1,000.
GYM = 1_950
GOAL, ARRAY_GOAL = 1_000_000, 20_000_000


def best(job, n, rounds=ROUNDS):
    """Return steps a second of the fastest round."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - start)
    return n / min(seconds)


def reached(found, goal):
    return "reached" if found >= goal else "missed"


def of_one(make, action_types):
    entropy = make()
    for action_type in action_types:
        entropy.add(action_type)
        entropy.get_entropy()


def of_actions(make, actions):
    entropy = make()
    for action in actions:
        entropy.add_action(action)
        entropy.get_entropy()


def of_two(make, situations, action_types):
    entropy = make()
    for situation, action_type in zip(situations, action_types, strict=True):
        entropy.add(situation, action_type)
        entropy.get_entropy()


def of_three(make, situations, action_types, seconds):
    entropy = make()
    for situation, action_type, second in zip(situations, action_types, seconds, strict=True):
        entropy.add(situation, action_type, second)
        entropy.get_entropy()


def of_agents(make, agents, action_types):
    entropies = make()
    for agent, action_type in zip(agents, action_types, strict=True):
        entropies.add(agent, action_type)
        entropies.get_entropy(agent)


def streams(codes):
    """Return a name and a job for each kind of stream, the one with a goal first."""
    action_types = [f"action type {code}" for code in codes.tolist()]
    situations = [f"situation {code % 4}" for code in codes.tolist()]
    actions = [{"action_type": action_type, "agent_id": "ada"} for action_type in action_types]
    agents = [f"agent {number}" for number in np.random.default_rng(1).integers(100, size=N).tolist()]
    seconds = [float(second) for second in range(N)]
    plain = partial(IncrementalEntropy, WINDOW, N_ACTION_TYPES)
    corrected = partial(plain, correction="miller-madow")
    conditional = partial(ConditionalEntropy, WINDOW, N_ACTION_TYPES)
    transitions = partial(TransitionEntropy, WINDOW, N_ACTION_TYPES)
    timed = partial(TimedEntropy, WINDOW, N_ACTION_TYPES)
    timed_conditional = partial(TimedConditionalEntropy, WINDOW, N_ACTION_TYPES)
    many = partial(AgentEntropies, 100, window=WINDOW, n_action_types=N_ACTION_TYPES)
    return {
        f"IncrementalEntropy.add, n_action_types={N_ACTION_TYPES}": partial(of_one, plain, action_types),
        "IncrementalEntropy.add, action types observed": partial(
            of_one, partial(IncrementalEntropy, WINDOW), action_types
        ),
        "the same, Miller and Madow's correction": partial(of_one, corrected, action_types),
        "IncrementalEntropy.add_action": partial(of_actions, plain, actions),
        "ConditionalEntropy.add, 4 situations": partial(of_two, conditional, situations, action_types),
        "TransitionEntropy.add": partial(of_one, transitions, action_types),
        f"TimedEntropy.add, {WINDOW} s, 1 a second": partial(of_two, timed, action_types, seconds),
        "TimedConditionalEntropy.add": partial(
            of_three, timed_conditional, situations, action_types, seconds
        ),
        "AgentEntropies.add, 100 agents": partial(of_agents, many, agents, action_types),
    }


def arrays():
    """Yield a name and a job for each kind of array."""
    codes = np.random.default_rng(2).integers(N_ACTION_TYPES, size=N_ARRAY)
    names = np.array([f"action type {code}" for code in range(N_ACTION_TYPES)], dtype=object)[codes]
    column = pd.Series(names, dtype="str")
    categories = pd.Series(names, dtype="category")
    yield "entropy_over_time, integers", lambda: entropy_over_time(codes, WINDOW)
    yield "entropy_over_time, categories", lambda: entropy_over_time(categories, WINDOW)
    yield "entropy_over_time, strings of pandas", lambda: entropy_over_time(column, WINDOW)
    yield "entropy_over_time, array of str objects", lambda: entropy_over_time(names, WINDOW)
    yield (
        "conditional_entropy_over_time, integers",
        lambda: conditional_entropy_over_time(codes % 4, codes, WINDOW),
    )


def main():
    codes = np.random.default_rng(0).integers(N_ACTION_TYPES, size=N)
    held = deque(codes[:WINDOW].tolist(), maxlen=WINDOW)

    def from_scratch():
        for code in codes[WINDOW : WINDOW + N_SCRATCH].tolist():
            held.append(code)
            scipy_entropy(list(Counter(held).values()), base=2)

    scratch = best(from_scratch, N_SCRATCH, 1)
    print(f"window {WINDOW}, {N_ACTION_TYPES} action types, one entropy after every action; one thread")
    print(f"{'scipy.stats.entropy from scratch':44}{scratch:14,.0f} updates/s (over {N_SCRATCH:,})")
    for name, job in streams(codes).items():
        found = best(job, N)
        print(
            f"{name:44}{found:14,.0f} updates/s (over {N:,}), {found / scratch:,.0f} times from scratch,",
            end=" ",
        )
        print(f"{found / GYM:,.0f} times {GYM:,}/s", end="")
        print(
            f", goal {GOAL:,}: {reached(found, GOAL)}" if name.startswith("IncrementalEntropy.add,") else ""
        )
    entropy_over_time(codes[:WINDOW], WINDOW)  # compiles
    for name, job in arrays():
        found = best(job, N_ARRAY)
        print(f"{name:44}{found:14,.0f} updates/s (over {N_ARRAY:,}),", end=" ")
        print(f"goal {ARRAY_GOAL:,}: {reached(found, ARRAY_GOAL)}")


if __name__ == "__main__":
    main()
