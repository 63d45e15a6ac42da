"""The patterns of an extraction as text for a terminal."""

import pandas as pd

from gymlab.arguments import instance
from gymlab.patterns.result import Extraction
from gymlab.workbench.text import counted, decimals, largest_shares, one_line, short_names


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
    names, agents, sessions = (
        short_names(extraction.actions[column].unique(), 24)
        for column in ("action_type", "agent_id", "session_id")
    )
    noun = extraction.windows.noun
    rows = [
        {
            "pattern": pattern.label,
            noun: pattern.size,
            "actions": pattern.support,
            "agents": pattern.agents,
            "consistency": decimals(pattern.consistency),
            "silhouette": decimals(pattern.silhouette),
            **_significance(extraction, pattern.label),
            "what is done": largest_shares(pattern.actions, names),
            "most typical": f"{agents[pattern.medoid_agent]} in {sessions[pattern.medoid_session]} from {pattern.medoid_start}",
        }
        for pattern in extraction.patterns
    ]
    table = (
        pd.DataFrame(rows).to_string(index=False, max_colwidth=None) if rows else "no pattern: all is noise"
    )
    stats = extraction.stats
    closing = (
        f"{counted(len(extraction.patterns), 'patterns')} ({stats.strategy}), average silhouette "
        f"{decimals(extraction.quality.silhouette, 3)}"
        + (f", {counted(stats.noise, noun)} of noise" if stats.noise else "")
        + ("; " if stats.agreement is None else f", expected agreement with exact {stats.agreement:.2f}; ")
        + _passing(extraction)
        + f"{counted(stats.pairs, 'pairs')}, {stats.pruned:,} without DTW, in {stats.seconds:.1f} s, peak {stats.peak_bytes / 1e6:.0f} MB"
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
        cells["stability"] = decimals(found.stability)
    if extraction.significance.n_surrogates:
        cells["q-value"] = decimals(found.q_value, 3)
    return {**cells, "remark": found.verdict}
