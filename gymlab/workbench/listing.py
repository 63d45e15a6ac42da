"""The patterns of an extraction as text for a terminal."""

import math
from collections.abc import Mapping

import pandas as pd

from gymlab.arguments import instance
from gymlab.patterns.result import Extraction
from gymlab.workbench.text import one_line


def pattern_listing(extraction: Extraction) -> str:
    """Return a table of the patterns, and below it what was chosen on the way.

    Parameters
    ----------
    extraction
        Of any strategy.

    Raises
    ------
    InputError
        If it is no extraction.
    """
    instance("extraction", extraction, Extraction, "an Extraction")
    rows = [
        {
            "pattern": pattern.label,
            extraction.windows.noun: pattern.size,
            "actions": pattern.support,
            "agents": pattern.agents,
            "consistency": f"{pattern.consistency:.2f}",
            "silhouette": _figure(pattern.silhouette),
            **_significance(extraction, pattern.label),
            "what is done": _shares(pattern.actions),
            "most typical": one_line(
                f"{pattern.medoid_agent} in {pattern.medoid_session} from {pattern.medoid_start}", 60
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
        + _passing(extraction)
        + f"{stats.pairs:,} pairs, {stats.pruned:,} without DTW, in {stats.seconds:.1f} s, peak {stats.peak_bytes / 1e6:.0f} MB"
    )
    return "\n".join([table, "", *(one_line(note, 500) for note in extraction.notes), closing])


def _passing(extraction: Extraction) -> str:
    if extraction.significance is None:
        return ""
    passing = sum(not one.verdict for one in extraction.significance.patterns)
    return f"{passing} more than chance and stable; "


def _significance(extraction: Extraction, label: int) -> dict[str, str]:
    """Return the cells that say whether a pattern comes again and is more than chance; none where it is not said."""
    if extraction.significance is None:
        return {}
    found = extraction.significance.patterns[label]
    cells = {}
    if extraction.significance.n_resamples:
        cells["stability"] = _figure(found.stability)
    if extraction.significance.n_surrogates:
        cells["q-value"] = f"{found.q_value:.3f}"
    return {**cells, "remark": found.verdict}


def _shares(shares: Mapping[str, float], most: int = 3) -> str:
    return ", ".join(f"{one_line(name, 24)} {share:.0%}" for name, share in list(shares.items())[:most])


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"
