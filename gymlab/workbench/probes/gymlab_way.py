"""The pipeline of gymlab from actions to patterns and entropy."""

from pathlib import Path

import pandas as pd

from gymlab.actions import read_actions
from gymlab.entropy import IncrementalEntropy
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.pipeline import extract_patterns


def whole_way(actions: pd.DataFrame, config: ExtractionConfig) -> int:
    """Run the pipeline on actions; return the number of patterns."""
    entropy = IncrementalEntropy(window=100)
    for action_type in actions["action_type"].iloc[:500]:
        entropy.add(action_type)
        entropy.get_entropy()
    return len(extract_patterns(actions, config).patterns)


def extract_file(source: str | Path) -> tuple[int, int, dict[str, float]]:
    """Read and extract a log with the default parameters; return windows, pairs and seconds by stage."""
    stats = extract_patterns(read_actions(source)).stats
    return stats.windows, stats.pairs, dict(stats.stages)
