"""The patterns of an extraction as text for a terminal."""

import math
from collections.abc import Mapping

import pandas as pd

from gymlab.patterns.result import Extraction


def pattern_listing(extraction: Extraction) -> str:
    """Return a table of the patterns, and below it what was chosen on the way.

    Parameters
    ----------
    extraction
        Of any strategy.
    """
    rows = [
        {
            "pattern": pattern.label,
            extraction.windows.noun: pattern.size,
            "actions": pattern.support,
            "agents": pattern.agents,
            "consistency": f"{pattern.consistency:.2f}",
            "silhouette": _figure(pattern.silhouette),
            "what is done": _shares(pattern.actions),
            "most typical": _plain(
                f"{pattern.medoid_agent} in {pattern.medoid_session} from {pattern.medoid_start}"
            ),
        }
        for pattern in extraction.patterns
    ]
    table = pd.DataFrame(rows).to_string(index=False, max_colwidth=60) if rows else "no pattern: all is noise"
    stats = extraction.stats
    n = len(extraction.patterns)
    closing = (
        f"{n} pattern{'s' * (n != 1)} ({stats.strategy}), average silhouette {extraction.quality.silhouette:.3f}"
        + (f", {stats.noise:,} {extraction.windows.noun} of noise" if stats.noise else "")
        + ("; " if stats.agreement is None else f", expected agreement with exact {stats.agreement:.2f}; ")
        + f"{stats.pairs:,} pairs, {stats.pruned:,} without DTW, in {stats.seconds:.1f} s, peak {stats.peak_bytes / 1e6:.0f} MB"
    )
    return "\n".join([table, "", *(_plain(note, 500) for note in extraction.notes), closing])


def _shares(shares: Mapping[str, float], most: int = 3) -> str:
    return ", ".join(f"{_plain(name, 24)} {share:.0%}" for name, share in list(shares.items())[:most])


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _plain(text: str, limit: int = 60) -> str:
    """Return one line without control characters, which a terminal would obey."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= limit else line[: limit - 1] + "…"
