"""Principles: the actions of agents in each situation, with the evidence."""

from gymlab.principles.inference import Study, infer_principles, study_principles
from gymlab.principles.principle import Context, Principle

__all__ = ["Context", "Principle", "Study", "infer_principles", "study_principles"]
