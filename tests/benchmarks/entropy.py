"""Sliding entropy: updates a second, beside computing every window from scratch in the same run.

python tests/benchmarks/entropy.py
"""

import time
from collections import Counter, deque

import numpy as np
from scipy.stats import entropy as scipy_entropy

from gymlab.patterns.entropy import ConditionalEntropy, IncrementalEntropy

WINDOW = 1000
N = 1_000_000
N_SCRATCH = 3_000


def rate(step, values):
    start = time.perf_counter()
    for value in values:
        step(value)
    return len(values) / (time.perf_counter() - start)


def main():
    intents = [f"intent {code}" for code in np.random.default_rng(0).integers(12, size=N).tolist()]
    actions = [{"action_type": intent, "agent_id": "ada"} for intent in intents]

    raw, of_actions, conditional = (
        IncrementalEntropy(WINDOW),
        IncrementalEntropy(WINDOW),
        ConditionalEntropy(WINDOW),
    )
    held = deque(intents[:WINDOW], maxlen=WINDOW)

    def add(intent):
        raw.add(intent)
        raw.get_entropy()

    def add_action(action):
        of_actions.add_action(action)
        of_actions.get_entropy()

    def add_pair(intent):
        conditional.add(intent[-1], intent)
        conditional.get_entropy()

    def from_scratch(intent):
        held.append(intent)
        scipy_entropy(list(Counter(held).values()), base=2)

    scratch = rate(from_scratch, intents[WINDOW : WINDOW + N_SCRATCH])
    print(f"window {WINDOW}, one entropy after every action")
    print(f"{'scipy.stats.entropy from scratch':40}{scratch:12,.0f} updates/s (over {N_SCRATCH:,})")
    for name, step, values in (
        ("IncrementalEntropy.add", add, intents),
        ("IncrementalEntropy.add_action", add_action, actions),
        ("ConditionalEntropy.add", add_pair, intents),
    ):
        found = rate(step, values)
        print(f"{name:40}{found:12,.0f} updates/s (over {N:,}), {found / scratch:,.0f} times")


if __name__ == "__main__":
    main()
