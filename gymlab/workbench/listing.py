"""The patterns of an extraction as text for a terminal."""

from collections.abc import Mapping

import pandas as pd

from gymlab.patterns.result import Extraction


def pattern_listing(extraction: Extraction) -> str:
    """Return a table of the patterns, and below it what was chosen on the way.

    Parameters
    ----------
    extraction
        With at least one pattern.
    """
    rows = [
        {
            "pattern": pattern.label,
            extraction.windows.noun: pattern.size,
            "actions": pattern.support,
            "agents": pattern.agents,
            "consistency": f"{pattern.consistency:.2f}",
            "silhouette": f"{pattern.silhouette:.2f}",
            **_significance(extraction, pattern.label),
            "what is done": _shares(pattern.actions),
            "most typical": _plain(
                f"{pattern.medoid_agent} in {pattern.medoid_session} from {pattern.medoid_start}"
            ),
        }
        for pattern in extraction.patterns
    ]
    table = pd.DataFrame(rows).to_string(index=False, max_colwidth=60)
    stats = extraction.stats
    n = len(extraction.patterns)
    closing = (
        f"{n} pattern{'s' * (n != 1)} ({stats.strategy}), average silhouette {extraction.quality.silhouette:.3f}; "
        f"{stats.pairs:,} pairs, {stats.pruned:,} without DTW, in {stats.seconds:.1f} s, peak {stats.peak_bytes / 1e6:.0f} MB"
    )
    return "\n".join([table, "", *(_plain(note, 300) for note in extraction.notes), closing])


def _significance(extraction: Extraction, label: int) -> dict[str, str]:
    """Return the cells that say whether a pattern comes again and is more than chance; none where it is not said."""
    if extraction.significance is None:
        return {}
    found = extraction.significance.patterns[label]
    cells = {}
    if extraction.significance.n_resamples:
        cells["stability"] = f"{found.stability:.2f}"
    if extraction.significance.n_surrogates:
        cells["q-value"] = f"{found.q_value:.3f}"
    return {**cells, "but": found.verdict}


def _shares(shares: Mapping[str, float], most: int = 3) -> str:
    return ", ".join(f"{_plain(name, 24)} {share:.0%}" for name, share in list(shares.items())[:most])


def _plain(text: str, limit: int = 60) -> str:
    """Return one line without control characters, which a terminal would obey."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= limit else line[: limit - 1] + "…"
