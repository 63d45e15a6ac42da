"""Principles: in which situation an agent does what, with evidence."""
