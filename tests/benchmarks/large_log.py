"""How long, and in how much memory, a log of a million actions becomes patterns: one strategy a process.

python tests/benchmarks/large_log.py [ACTIONS] [HOP] [METHOD]
"""

import sys
import time

import numpy as np
import pandas as pd

import gymlab
from gymlab.runtime.memory import peak_bytes


def large_log(n_actions: int, *, series: int = 500, n_rules: int = 8, seed: int = 0) -> pd.DataFrame:
    """Return a log of numbers and of two kinds of action, six channels, whose agents follow noisy rules."""
    rng = np.random.default_rng(seed)
    step = np.arange(n_actions) % max(1, n_actions // series)
    which = np.arange(n_actions) // max(1, n_actions // series)
    rule = which % n_rules
    phase = 2 * np.pi * step / (4 + 3 * rule)
    gives = np.sin(phase) + rng.normal(0, 0.4, n_actions) > 0
    contexts = np.array(["trust_betrayal", "cooperation_conflict", "risk_reward", "efficiency_max"])
    kinds = np.array(["give", "take"])
    session = pd.Categorical.from_codes(which, [f"session-{k:05d}" for k in range(int(which.max()) + 1)])
    frame = pd.DataFrame(
        {
            "session_id": session.astype(str),
            "agent_id": np.char.add("agent-", (rule).astype(str)),
            "step": step,
            "actor": "agent",
            "target": "other",
            "action_type": kinds[gives.astype(int)],
            "decision_context": contexts[(which // n_rules + step // 50) % len(contexts)],
            "relationship_type": np.where(rng.random(n_actions) < 0.3 + 0.4 * gives, "ally", "adversary"),
            "impact": np.clip(0.5 * np.cos(phase) + rng.normal(0, 0.2, n_actions), -1, 1),
            "outcome_valence": np.clip(0.4 * np.sin(phase / 2) + rng.normal(0, 0.2, n_actions), -1, 1),
            "decision_entropy": np.abs(rng.normal(0.5, 0.2, n_actions)),
        }
    )
    return gymlab.validate_actions(frame)


if __name__ == "__main__":
    given = sys.argv[1:]
    n_actions, hop = int(given[0]) if given else 1_000_000, int(given[1]) if len(given) > 1 else 10
    method = given[2] if len(given) > 2 else "ward"
    start = time.perf_counter()
    log = large_log(n_actions, series=500 if n_actions > 100_000 else 1)
    print(f"made {len(log):,} actions in {time.perf_counter() - start:.1f} s, {peak_bytes() / 1e6:.0f} MB")
    start = time.perf_counter()
    found = gymlab.extract_patterns(log, gymlab.ExtractionConfig(hop=hop, method=method))
    print(f"{time.perf_counter() - start:.1f} s, {peak_bytes() / 1e6:.0f} MB at most; {found.stats}")
    print(*found.notes, sep="\n")
