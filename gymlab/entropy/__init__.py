"""Exact entropy of the choices of agents: of whole columns, over time, and updated action by action.

Every entropy here is computed from integers (:mod:`gymlab.entropy.tally`). So for the same counts, an array, a stream
and a window that was moved a million times give the same entropy, bit for bit.
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
