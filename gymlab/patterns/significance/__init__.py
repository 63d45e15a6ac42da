"""The significance of patterns: their stability under resampling, and their test against surrogate logs."""

from gymlab.patterns.significance.assess import assess_significance, significance_of
from gymlab.patterns.significance.pattern_significance import PatternSignificance, Significance
from gymlab.patterns.significance.windowed_log import WindowedLog, sample_sessions

__all__ = [
    "PatternSignificance",
    "Significance",
    "WindowedLog",
    "assess_significance",
    "sample_sessions",
    "significance_of",
]
