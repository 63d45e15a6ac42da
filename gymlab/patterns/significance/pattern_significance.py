"""The significance of patterns as data: for each pattern, and for all patterns together."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

# A pattern with a larger q-value (a false discovery rate) may be chance.
MOST_Q = 0.05
# A cluster with a smaller mean Jaccard similarity "should not be trusted" (Hennig 2007, section 5).
LEAST_STABILITY = 0.6

Quantiles = tuple[float, float, float]


@dataclass(frozen=True)
class PatternSignificance:
    """The stability of one pattern, and its test against chance.

    Attributes
    ----------
    label
        The label of the pattern.
    n_tested
        Number of its windows that were tested: all, or those in the sample.
    stability
        Mean Jaccard similarity with the best matching cluster of each resample, 0 to 1; NaN if not asked for.
    dissolved
        Share of the resamples in which this similarity is at most 0.5; NaN if not asked for.
    compactness
        Mean distance of the other windows to the medoid; NaN for fewer than two windows.
    null_compactness
        5 %, 50 % and 95 % quantiles of the compactness of the clusters of this size in the surrogates.
    silhouette, null_silhouette
        Average silhouette width of its windows, and the quantiles of the surrogates.
    p_value
        ``(1 + count) / (1 + n_surrogates)``, with the number of surrogates that have a cluster of about this size that
        is as tight or as well separated; NaN if not asked for.
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
        """The result in words; empty if the pattern is significant and stable."""
        if self.n_tested < 2:
            return "too few windows to tell"
        chance, unstable = self.q_value > MOST_Q, self.stability < LEAST_STABILITY
        if chance and unstable:
            return "may be chance, and does not come again"
        if chance:
            return "may be chance"
        return "does not come again" if unstable else ""

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-serialisable values; None for unknown ones."""
        found = {
            "silhouette_tested" if name == "silhouette" else name: plain(value)
            for name, value in asdict(self).items()
            if name != "label"
        }
        return {**found, "verdict": self.verdict}


@dataclass(frozen=True)
class Significance:
    """The stability of the patterns of a log, and their test against chance.

    Attributes
    ----------
    patterns
        The significance of each pattern, in the order of the labels.
    silhouette
        Average silhouette width of all windows that were tested.
    null_silhouette
        5 %, 50 % and 95 % quantiles of this width in the surrogates.
    silhouette_p_value
        ``(1 + count) / (1 + n_surrogates)``, with the number of surrogates with at least this width; NaN without
        surrogates.
    n_surrogates, n_resamples
        Number of surrogates and of resamples; 0 if not asked for.
    n_windows, n_sessions
        Number of windows that were tested, and of their sessions.
    notes
        Sentences that say what was sampled, resampled and assumed.
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

    def __repr__(self) -> str:
        return (
            f"<significance of {len(self.patterns):,} patterns: silhouette {self.silhouette:.3f}, "
            f"p = {self.silhouette_p_value:.3g} with {self.n_surrogates:,} surrogates>"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the figures of all patterns together as JSON-serialisable values."""
        return {name: plain(value) for name, value in asdict(self).items() if name != "patterns"}


def plain(value: Any) -> Any:  # noqa: ANN401 - any value of JSON
    """Return a value with types of JSON: None for NaN and infinity, lists for tuples, Python's numbers for numpy's."""
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
