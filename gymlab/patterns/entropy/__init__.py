"""Entropy of what agents choose: of whole columns, over time, and kept up to date action by action, exactly.

Every entropy here is made of the same integers (:mod:`gymlab.patterns.entropy.tally`), so an array, a stream and
a window that slid a million times give the same bits for the same counts.
"""

from gymlab.patterns.entropy.agents import AgentEntropies
from gymlab.patterns.entropy.arrays import conditional_entropy_bits, entropy_bits, transition_entropy_bits
from gymlab.patterns.entropy.conditional import ConditionalEntropy
from gymlab.patterns.entropy.event_time import TimedConditionalEntropy, TimedEntropy
from gymlab.patterns.entropy.incremental import IncrementalEntropy
from gymlab.patterns.entropy.sliding import conditional_entropy_over_time, entropy_over_time
from gymlab.patterns.entropy.tally import Correction
from gymlab.patterns.entropy.transitions import TransitionEntropy

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
