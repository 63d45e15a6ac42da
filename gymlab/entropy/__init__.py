"""Entropy of what agents choose: of whole columns, over time, and kept up to date action by action, exactly.

Every entropy here is made of the same integers (:mod:`gymlab.entropy.tally`), so an array, a stream and
a window that slid a million times give the same bits for the same counts.
"""

from gymlab.entropy.agents import AgentEntropies
from gymlab.entropy.arrays import conditional_entropy_bits, entropy_bits, transition_entropy_bits
from gymlab.entropy.conditional import ConditionalEntropy
from gymlab.entropy.event_time import TimedConditionalEntropy, TimedEntropy
from gymlab.entropy.incremental import IncrementalEntropy
from gymlab.entropy.sliding import conditional_entropy_over_time, entropy_over_time
from gymlab.entropy.tally import Correction
from gymlab.entropy.transitions import TransitionEntropy

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
