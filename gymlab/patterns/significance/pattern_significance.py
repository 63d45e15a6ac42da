"""What is said about the patterns of a log: per pattern and in all."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

# A pattern passes when its q-value is at most this (a false discovery rate) ...
MOST_Q = 0.05
# ... and a cluster whose mean Jaccard similarity is below this "should not be trusted" (Hennig 2007, section 5).
LEAST_STABILITY = 0.6

Quantiles = tuple[float, float, float]


@dataclass(frozen=True)
class PatternSignificance:
    """Whether one pattern comes again and is more than chance.

    Attributes
    ----------
    label
        The pattern.
    n_tested
        Its windows in what was tested (all, or a sample).
    stability
        Mean Jaccard similarity with the best matching cluster of each resample, 0 to 1; NaN if not asked for.
    dissolved
        Share of the resamples in which no cluster shares more than half (Jaccard similarity at most 0.5); NaN as above.
    compactness
        Mean distance of its windows to their medoid, the medoid left out; NaN for fewer than two windows.
    null_compactness
        5 %, 50 % and 95 % quantile of the same for clusters of the surrogates, matched by size.
    silhouette, null_silhouette
        The same for the average silhouette width of its windows.
    p_value
        How often a surrogate has a cluster of this size that is as tight or as well separated:
        ``(1 + count) / (1 + n_surrogates)``; NaN if not asked for.
    q_value
        The p-value adjusted for the number of patterns (Benjamini and Hochberg).
    """

    label: int
    n_tested: int
    stability: float
    dissolved: float
    compactness: float
    null_compactness: Quantiles
    silhouette: float
    null_silhouette: Quantiles
    p_value: float
    q_value: float

    @property
    def verdict(self) -> str:
        """What follows, in words; "" when the pattern passes."""
        if self.n_tested < 2:
            return "too few windows to tell"
        chance, unstable = self.q_value > MOST_Q, self.stability < LEAST_STABILITY
        if chance and unstable:
            return "may be chance, and does not come again"
        if chance:
            return "may be chance"
        return "does not come again" if unstable else ""

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-able; what is not known is None."""
        found = {
            "silhouette_tested" if name == "silhouette" else name: plain(value)
            for name, value in asdict(self).items()
            if name != "label"
        }
        return {**found, "verdict": self.verdict}


@dataclass(frozen=True)
class Significance:
    """Whether the patterns of a log come again and are more than chance.

    Attributes
    ----------
    patterns
        One for each pattern, in the order of their labels.
    silhouette
        Average silhouette width of all windows that were tested.
    null_silhouette
        5 %, 50 % and 95 % quantile of the same for the surrogates.
    silhouette_p_value
        ``(1 + surrogates whose average silhouette is as large) / (1 + n_surrogates)``; NaN without surrogates.
    n_surrogates, n_resamples
        How many there were; 0 for what was not asked for.
    n_windows, n_sessions
        What was tested.
    notes
        Sentences: what was sampled, resampled and assumed.
    """

    patterns: tuple[PatternSignificance, ...]
    silhouette: float
    null_silhouette: Quantiles
    silhouette_p_value: float
    n_surrogates: int
    n_resamples: int
    n_windows: int
    n_sessions: int
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what holds for all patterns together, JSON-able."""
        return {name: plain(value) for name, value in asdict(self).items() if name != "patterns"}


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return a value as JSON has it: NaN and infinity as null, tuples as lists, numpy's numbers as Python's."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value
