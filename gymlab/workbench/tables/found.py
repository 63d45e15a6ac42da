"""What was found in a log: the log itself, its patterns, what was assumed on the way."""

from collections.abc import Sequence

from gymlab.patterns.clustering import ComparedLinkage
from gymlab.patterns.result import Extraction
from gymlab.workbench.figures import whereabouts
from gymlab.workbench.tables.cells import chip, decimals, shares, table
from gymlab.workbench.text import as_html

# Of compiling; less is lost among the rest.
_NOTEWORTHY_SECONDS = 0.5


def log_sentence(extraction: Extraction) -> str:
    """Return what the log is and what was found in it, as one line of HTML."""
    stats, log = extraction.stats, extraction.actions
    source = str(log.attrs.get("source", ""))
    return (
        f"<p><b>{as_html(source.rpartition('/')[2], 60)}</b>: {stats.actions:,} actions of "
        f"{log['agent_id'].nunique():,} agents in {log['session_id'].nunique():,} sessions; "
        f"{len(extraction.patterns)} patterns in {stats.windows:,} "
        f"{extraction.windows.noun} ({stats.coverage:.0%} of the "
        f"actions), from {stats.pairs - stats.pruned:,} pairs in {stats.seconds:.1f} s"
        + (
            f", {stats.compiling:.1f} s of which were compiling, which is done once"
            if stats.compiling > _NOTEWORTHY_SECONDS
            else ""
        )
        + (f"; {stats.noise:,} {extraction.windows.noun} are noise" if stats.noise else "")
        + (
            ""
            if stats.agreement is None
            else f"; found in a sample, with an expected agreement (adjusted Rand index) of {stats.agreement:.2f}"
        )
        + ".</p>"
    )


def patterns(extraction: Extraction, most: int = 20) -> str:
    """Return the patterns, the largest first."""
    rows = [
        (
            str(pattern.label),
            f"{pattern.size:,}",
            f"{pattern.support:,}",
            str(pattern.agents),
            shares(pattern.actions),
            shares(pattern.contexts),
            f"{pattern.consistency:.2f}",
            decimals(pattern.silhouette),
            *_significance(extraction, pattern.label),
            f"{as_html(pattern.medoid_agent, 20)} in {as_html(pattern.medoid_session, 24)}, step {pattern.medoid_start}",
        )
        for pattern in extraction.patterns[:most]
    ]
    header = (
        "pattern",
        extraction.windows.noun,
        "actions",
        "agents",
        "what is done",
        "in what situation",
        "consistency",
        "silhouette",
        *(["stability", "q-value"] if extraction.significance else []),
        "most typical",
    )
    more = len(extraction.patterns) - most
    return table(header, rows, "patterns") + (f"<p>and {more} smaller ones</p>" if more > 0 else "")


def _significance(extraction: Extraction, label: int) -> tuple[str, ...]:
    if extraction.significance is None:
        return ()
    found = extraction.significance.patterns[label]
    kind = "not_measured" if found.verdict else "held"
    return (
        decimals(found.stability),
        f"{decimals(found.q_value, 3)}<br>{chip(found.verdict or 'passes', kind)}",
    )


def notes(extraction: Extraction) -> str:
    """Return what was chosen, left out or assumed on the way from the log to the patterns."""
    return "<ul>" + "".join(f"<li>{as_html(note, 300)}</li>" for note in extraction.notes) + "</ul>"


def windows(extraction: Extraction, label: int, most: int = 12) -> str:
    """Return windows of a pattern, the most typical first: where each is in the log.

    Parameters
    ----------
    extraction, label
        The pattern, −1 for noise.
    most
        Windows at most.
    """
    listed = extraction.windows_of(label)
    some = listed[:most]
    widths = [decimals(width) for width in some["silhouette"].tolist()]
    rows = zip(map(str, some.index), whereabouts(some), widths, strict=True)
    more = len(listed) - len(some)
    return table(("window", "where it is in the log", "silhouette"), rows, "frame") + (
        f"<p>and {more:,} more</p>" if more > 0 else ""
    )


_SHOWN = (
    "step",
    "action_type",
    "decision_context",
    "other_last",
    "relationship_type",
    "target",
    "impact",
    "outcome_valence",
)


def actions(extraction: Extraction, window: int) -> str:
    """Return the actions of a window as they stand in the log; columns that say nothing are left out.

    Parameters
    ----------
    extraction, window
        The window.
    """
    found = extraction.actions_of_window(window)
    columns = [
        name for name in _SHOWN if name in found and found[name].notna().any() and (found[name] != "").any()
    ]
    rows = [
        [as_html("" if value != value else value, 40) for value in row]  # noqa: PLR0124 - NaN
        for row in found[columns].astype(object).itertuples(index=False)
    ]
    return table([name.replace("_", " ") for name in columns], rows, "frame")


def linkages(compared: Sequence[ComparedLinkage]) -> str:
    """Return trees of the same distances: how many patterns each has, how good they are, how far they agree."""
    names = [one.method for one in compared]
    rows = [
        (
            as_html(one.method),
            str(one.n_clusters),
            decimals(one.clustering.quality.silhouette),
            decimals(one.clustering.quality.cophenetic_correlation),
            *(decimals(one.agreement[name]) for name in names),
        )
        for one in compared
    ]
    return table(
        ("linkage", "patterns", "silhouette", "cophenetic", *(f"as {name}" for name in names)), rows, "frame"
    )
