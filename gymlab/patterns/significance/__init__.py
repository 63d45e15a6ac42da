"""Whether patterns would come again, and whether chance would do as well: stability and a test against surrogates."""

from gymlab.patterns.significance.assess import assess_significance
from gymlab.patterns.significance.of_log import significance_of
from gymlab.patterns.significance.result import PatternSignificance, Significance
from gymlab.patterns.significance.sample import WindowedLog, draw_sample

__all__ = [
    "PatternSignificance",
    "Significance",
    "WindowedLog",
    "assess_significance",
    "draw_sample",
    "significance_of",
]
