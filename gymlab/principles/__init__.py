"""Principles: in which situation an agent does what, with evidence."""

from gymlab.principles.inference import infer_principles
from gymlab.principles.principle import Context, Principle

__all__ = ["Context", "Principle", "infer_principles"]
