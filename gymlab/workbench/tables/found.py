"""What was found in a log: the log itself, its patterns, what was assumed on the way."""

from collections.abc import Sequence

from gymlab.arguments import whole_number
from gymlab.clustering import ComparedLinkage
from gymlab.patterns.result import Extraction
from gymlab.workbench.checked import an_extraction, each
from gymlab.workbench.figures import whereabouts
from gymlab.workbench.tables.cells import chip, decimals, left_out, share, shares, table
from gymlab.workbench.text import as_html, counted, short_names

# Of compiling; less is lost among the rest.
_NOTEWORTHY_SECONDS = 0.5


def log_sentence(extraction: Extraction) -> str:
    """Return what the log is and what was found in it, as one line of HTML."""
    an_extraction(extraction)
    stats, log, noun = extraction.stats, extraction.actions, extraction.windows.noun
    source = str(log.attrs.get("source", ""))
    return (
        f"<p><b>{as_html(source.rpartition('/')[2], 60)}</b>: {counted(stats.actions, 'actions')} of "
        f"{counted(log['agent_id'].nunique(), 'agents')} in {counted(log['session_id'].nunique(), 'sessions')}; "
        f"{counted(len(extraction.patterns), 'patterns')} in {counted(stats.windows, noun)} ({share(stats.coverage)} of "
        f"the actions), from {counted(stats.pairs - stats.pruned, 'pairs')} in {stats.seconds:.1f} s"
        + (
            f", {stats.compiling:.1f} s of which were compiling, which is done once"
            if stats.compiling > _NOTEWORTHY_SECONDS
            else ""
        )
        + (f"; {counted(stats.noise, noun)} of noise" if stats.noise else "")
        + (
            ""
            if stats.agreement is None
            else f"; found in a sample, with an expected agreement (adjusted Rand index) of {stats.agreement:.2f}"
        )
        + ".</p>"
    )


def patterns(extraction: Extraction, most: int = 20) -> str:
    """Return the patterns, the largest first.

    Parameters
    ----------
    extraction
        Of any strategy.
    most
        Patterns at most.
    """
    an_extraction(extraction)
    most = whole_number("most", most, least=1)
    log = extraction.actions
    actions, contexts, agents, sessions = (
        short_names(log[column].unique(), limit)
        for column, limit in (
            ("action_type", 24),
            ("decision_context", 24),
            ("agent_id", 20),
            ("session_id", 24),
        )
    )
    rows = [
        (
            str(pattern.label),
            f"{pattern.size:,}",
            f"{pattern.support:,}",
            str(pattern.agents),
            shares(pattern.actions, actions),
            shares(pattern.contexts, contexts),
            decimals(pattern.consistency),
            decimals(pattern.silhouette),
            *_significance(extraction, pattern.label),
            as_html(
                f"{agents[pattern.medoid_agent]} in {sessions[pattern.medoid_session]}, step {pattern.medoid_start}",
                80,
            ),
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
    rest = extraction.patterns[most:]
    size, noun = sum(pattern.size for pattern in rest), extraction.windows.noun
    said = (
        f"{counted(len(rest), 'more patterns')} with {counted(size, noun)}, none larger than these"
        if rest
        else ""
    )
    return (table(header, rows, "patterns") if rows else "<p>no pattern: all is noise</p>") + left_out(said)


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
    an_extraction(extraction)
    return "<ul>" + "".join(f"<li>{as_html(note, 500)}</li>" for note in extraction.notes) + "</ul>"


def windows(extraction: Extraction, label: int, most: int = 12) -> str:
    """Return windows of a pattern, the most typical first: where each is in the log, and how far from the medoid.

    Parameters
    ----------
    extraction, label
        The pattern, −1 for noise, whose windows come in the order of the log.
    most
        Windows at most.
    """
    an_extraction(extraction)
    most = whole_number("most", most, least=1)
    listed = extraction.windows_of(label)
    some = listed[:most]
    figures = [[decimals(value) for value in some[name].tolist()] for name in ("distance", "silhouette")]
    where = whereabouts(extraction.windows.table, some.index.to_numpy())
    header = ("window", "where it is in the log", "distance to the medoid", "silhouette")
    more, noun = len(listed) - len(some), extraction.windows.noun
    order = "later in the log" if label < 0 else "none nearer to the medoid than the last of these"
    return table(header, zip(map(str, some.index), where, *figures, strict=True), "frame") + left_out(
        f"{counted(more, f'more {noun}')}, {order}" if more else ""
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
    """Return the actions of a window as they stand in the log, in those of the most telling columns that say something.

    Parameters
    ----------
    extraction, window
        The window.
    """
    an_extraction(extraction)
    found = extraction.actions_of_window(whole_number("window", window, least=0))
    columns = [
        name for name in _SHOWN if name in found and found[name].notna().any() and (found[name] != "").any()
    ]
    rows = [
        [as_html("" if value != value else value, 40) for value in row]  # noqa: PLR0124 - NaN
        for row in found[columns].astype(object).itertuples(index=False)
    ]
    hidden = len(found.columns) - len(columns)
    return table([name.replace("_", " ") for name in columns], rows, "frame") + left_out(
        f"{counted(hidden, 'more columns')} in extraction.actions_of_window({window})" if hidden else ""
    )


def linkages(compared: Sequence[ComparedLinkage]) -> str:
    """Return trees of the same distances: how many patterns each has, how good they are, how far they agree."""
    compared = each("compared", compared, ComparedLinkage, "what compare_linkages returns")
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
