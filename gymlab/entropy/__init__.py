"""Entropy of what agents choose: of whole columns, over time, and kept up to date action by action, exactly.

Every entropy here is computed from integers (:mod:`gymlab.entropy.tally`). Therefore an array, a stream and a window
that slid a million times give the same entropy, to the last bit, for the same counts.
"""

from gymlab.entropy.agents import AgentEntropies
from gymlab.entropy.arrays import (
    conditional_entropy_bits,
    conditional_entropy_over_time,
    entropy_bits,
    entropy_over_time,
    transition_entropy_bits,
)
from gymlab.entropy.conditional import ConditionalEntropy, TransitionEntropy
from gymlab.entropy.event_time import TimedConditionalEntropy, TimedEntropy
from gymlab.entropy.incremental import IncrementalEntropy
from gymlab.entropy.tally import Correction

__all__ = [
    "AgentEntropies",
    "ConditionalEntropy",
    "Correction",
    "IncrementalEntropy",
    "TimedConditionalEntropy",
    "TimedEntropy",
    "TransitionEntropy",
    "conditional_entropy_bits",
    "conditional_entropy_over_time",
    "entropy_bits",
    "entropy_over_time",
    "transition_entropy_bits",
]
