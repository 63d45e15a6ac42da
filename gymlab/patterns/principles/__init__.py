"""Principles: in which situation an agent does what, with evidence."""

from gymlab.patterns.principles.inference import infer_principles
from gymlab.patterns.principles.principle import Context, Principle

__all__ = ["Context", "Principle", "infer_principles"]
