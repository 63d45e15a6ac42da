"""Make the bundled sample from a file of axelrod matches: the action table, and apart from it the answer key.

Usage: python tools/make_sample.py matches_canonical.csv.gz
"""

import math
import sys
from pathlib import Path

import pandas as pd

from gymlab.actions import read_actions
from gymlab.actions.readers.axelrod import session_id

DATA = Path(__file__).resolve().parent.parent / "data"
SOURCE = "axelrod 4.14.0, canonical rules"

# How the library classifies the rules: how many turns back they look (inf: all), and whether they throw dice.
MEMORY_DEPTH = {
    "Alternator": "1",
    "AntiTitForTat": "1",
    "Cooperator": "0",
    "CyclerCCD": "2",
    "Defector": "0",
    "FirstByJoss": "1",
    "GTFT": "1",
    "GoByMajority": "inf",
    "Grudger": "inf",
    "Random": "0",
    "SuspiciousTitForTat": "1",
    "TitFor2Tats": "2",
    "TitForTat": "1",
    "WinStayLoseShift": "1",
}
# The probability of one of the two moves, for the rules that throw dice, by what the opponent did last.
DICE = {
    "Random": {"": 1 / 2, "cooperate": 1 / 2, "defect": 1 / 2},
    "GTFT": {"defect": 1 / 3},
    "FirstByJoss": {"cooperate": 0.9},
}


def bits(probability: float) -> float:
    """Return the entropy of a choice between two."""
    return -sum(p * math.log2(p) for p in (probability, 1 - probability))


def answer_key(matches: pd.DataFrame, actions: pd.DataFrame) -> pd.DataFrame:
    """Return one line a match: which rule played, what it is, and what it did."""
    entropy = pd.Series(
        [
            bits(DICE[agent][last]) if last in DICE.get(agent, {}) else 0.0
            for agent, last in zip(actions["agent_id"], actions["other_last"], strict=True)
        ]
    )
    by_match = actions.assign(entropy=entropy, cooperates=actions["action_type"] == "cooperate").groupby(
        "session_id", sort=False
    )
    parts = (matches[name].astype(str) for name in ("strategy", "opponent", "seed", "rep"))
    key = pd.DataFrame({"session_id": [session_id(*match) for match in zip(*parts, strict=True)]})
    key[["strategy", "opponent", "seed", "turns"]] = matches[["strategy", "opponent", "seed", "turns"]]
    key["memory_depth"] = key["strategy"].map(MEMORY_DEPTH)
    key["stochastic"] = key["strategy"].isin(DICE).astype(int)
    key["cooperation_rate"] = key["session_id"].map(by_match["cooperates"].mean()).round(4)
    # Payoffs follow from the outcome as the outcome does from them.
    key["score_per_turn"] = (key["session_id"].map(by_match["outcome_valence"].mean()) * 2.5 + 2.5).round(4)
    key["mean_entropy_bits"] = key["session_id"].map(by_match["entropy"].mean()).round(4)
    return key


def main(path: str) -> None:
    """Write the sample and its key."""
    actions = read_actions(path, format="axelrod")
    actions.attrs["source"] = SOURCE
    actions.to_parquet(
        DATA / "axelrod_canonical.parquet", compression="zstd", compression_level=19, index=False
    )
    key = answer_key(pd.read_csv(path), actions)
    key.to_csv(DATA / "axelrod_canonical_key.csv", index=False, lineterminator="\n")
    print(f"{len(actions):,} actions, {len(key):,} matches")


if __name__ == "__main__":
    main(*sys.argv[1:])
