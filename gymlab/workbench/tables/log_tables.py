"""Tables of a log: its patterns, their windows and actions, the principles of its agents, and notes."""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

import pandas as pd

from gymlab.arguments import instance, whole_number
from gymlab.clustering import ComparedLinkage
from gymlab.entropy import conditional_entropy_bits, entropy_bits
from gymlab.patterns.result import Extraction
from gymlab.principles.inference import Study
from gymlab.principles.principle import Principle
from gymlab.workbench.checked import a_table, an_extraction, each
from gymlab.workbench.figures import whereabouts
from gymlab.workbench.tables.html_cells import chip, decimals, left_out, share, shares, table
from gymlab.workbench.text import SUBJECTS, as_html, counted, short_names, some_of

# The least seconds of compilation that are mentioned.
_NOTEWORTHY_SECONDS = 0.5


def log_sentence(extraction: Extraction) -> str:
    """Return the size of the log and the number of its patterns as one line of HTML."""
    an_extraction(extraction)
    stats, log, noun = extraction.stats, extraction.actions, extraction.windows.noun
    source = str(log.attrs.get("source", ""))
    sentence = (
        f"<p><b>{as_html(source.rpartition('/')[2], 60)}</b>: {counted(stats.actions, 'actions')} of "
        f"{counted(log['agent_id'].nunique(), 'agents')} in {counted(log['session_id'].nunique(), 'sessions')}; "
        f"{counted(len(extraction.patterns), 'patterns')} in {counted(stats.windows, noun)} ({share(stats.coverage)} of "
        f"the actions), from {counted(stats.pairs - stats.pruned, 'pairs')} in {stats.seconds:.1f} s"
    )
    if stats.compiling > _NOTEWORTHY_SECONDS:
        sentence += f", {stats.compiling:.1f} s of which were compiling, which is done once"
    if stats.noise:
        sentence += f"; {counted(stats.noise, noun)} of noise"
    if stats.agreement is not None:
        agreement = f"an expected agreement (adjusted Rand index) of {stats.agreement:.2f}"
        sentence += f"; found in a sample, with {agreement}"
    return sentence + ".</p>"


def patterns(extraction: Extraction, most: int = 20) -> str:
    """Return the patterns, the largest first.

    Parameters
    ----------
    extraction
        An extraction of any strategy.
    most
        The largest number of patterns.
    """
    an_extraction(extraction)
    most = whole_number("most", most, least=1)
    log = extraction.actions
    limits = {"action_type": 24, "decision_context": 24, "agent_id": 20, "session_id": 24}
    actions, contexts, agents, sessions = (
        short_names(log[column].unique(), limit) for column, limit in limits.items()
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
    if not rows:
        return "<p>no pattern: all is noise</p>"
    rest = extraction.patterns[most:]
    size = counted(sum(pattern.size for pattern in rest), extraction.windows.noun)
    more = f"{counted(len(rest), 'more patterns')} with {size}, none larger than these"
    return table(header, rows, "patterns") + left_out(more if rest else "")


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
    """Return the notes of an extraction: its choices and assumptions, and the data that it left out."""
    an_extraction(extraction)
    return "<ul>" + "".join(f"<li>{as_html(note, 500)}</li>" for note in extraction.notes) + "</ul>"


def windows(extraction: Extraction, label: int, most: int = 12) -> str:
    """Return windows of a pattern, the most typical first: their places in the log, and distances to the medoid.

    Parameters
    ----------
    extraction, label
        The extraction, and the label of a pattern. The windows of noise (−1) are in the order of the log.
    most
        The largest number of windows.
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
    """Return the actions of a window, with the main columns of the log that are not empty.

    Parameters
    ----------
    extraction, window
        The extraction, and the number of a window.
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
    """Return the number of patterns, the quality and the agreement of several trees of the same distances."""
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


# Each subject has three to five rules, so that the table has about a hundred rows.
_LEAST_RULES, _MOST_RULES, _ROWS = 3, 5, 100
_MOST_UNITS = 200


def principles(study: Study, *, rest: str = "study.principles") -> str:
    """Return the rules of each subject with the smallest q-values, without rules that follow from more general rules.

    Parameters
    ----------
    study
        The study of a log.
    rest
        The place where all rules are, for the sentence with the number of the rules left out.
    """
    instance("study", study, Study, "what gymlab.study_principles returns")
    instance("rest", rest, str, "a text")
    noun = SUBJECTS[study.by]
    by_unit = [(unit, list(found)) for unit, found in groupby(study.principles, key=lambda one: one.subject)]
    each = min(_MOST_RULES, max(_LEAST_RULES, _ROWS // max(1, len(by_unit))))
    shown = [(unit, _best(found, each)) for unit, found in by_unit[:_MOST_UNITS]]
    names = short_names([*(unit for unit, _ in by_unit), *study.policies], 40)
    rows = [_row(names[unit], one) for unit, found in shown for one in found]
    header = (
        study.by.replace("cluster", "pattern"),
        "principle",
        "share",
        "95 % interval",
        "actions",
        "overall",
        "q-value",
        "shows again",
    )
    return (
        (table(header, rows, "principles") if rows else "<p>none</p>")
        + left_out(_rest(by_unit, shown, noun, rest))
        + _changed(study, names, noun, rest)
        + "".join(left_out(note[:1].upper() + note[1:]) for note in study.notes)
    )


def _best(found: list[Principle], most: int) -> list[Principle]:
    general = [one for one in found if one.follows_from is None]
    return sorted(general, key=lambda one: (one.q_value, -one.n))[:most]


def _row(unit: str, one: Principle) -> tuple[str, ...]:
    # The numbers after the last colon are in other columns. A name may also have colons.
    rule = one.sentence.rpartition(": ")[0]
    return (
        as_html(unit),
        as_html(rule, 300),
        share(one.probability),
        f"{share(one.low)} to {share(one.high)}",
        f"{one.n:,}",
        share(one.base_rate),
        decimals(one.q_value, 4),
        share(one.stability),
    )


def _rest(
    by_unit: list[tuple[str, list[Principle]]],
    shown: list[tuple[str, list[Principle]]],
    noun: str,
    place: str,
) -> str:
    """Return a sentence on the rules left out: their number, that of their subjects, and that of implied rules."""
    listed = {id(one) for _, found in shown for one in found}
    more = {unit: [one for one in found if id(one) not in listed] for unit, found in by_unit}
    n = sum(map(len, more.values()))
    if not n:
        return ""
    units, verb = counted(sum(map(bool, more.values())), noun), "is" if n == 1 else "are"
    sentence = f"{counted(n, 'more rules')} of {units} {verb} in {place}"
    special = sum(one.follows_from is not None for found in more.values() for one in found)
    if not special:
        return sentence
    verb = "says" if special == 1 else "say"
    return f"{sentence}; {special:,} of them {verb} no more than a more general one"


def _changed(study: Study, names: Mapping[str, str], noun: str, place: str) -> str:
    units = list(study.policies.items())
    lines = "".join(
        f"<p><b>{as_html(names[unit])}</b> changed its policy: {as_html('; '.join(one.sentence for one in held), 400)}.</p>"
        for unit, held in units[:_MOST_UNITS]
    )
    more = len(units) - _MOST_UNITS
    return lines + left_out(
        f"{more:,} more {noun} changed their policy; they are in {place.replace('principles', 'policies')}"
        if more > 0
        else ""
    )


def entropy_of_agents(actions: pd.DataFrame, most: int = 20) -> str:
    """Return the entropies of each agent: of its choices (in bits and normalised), and given the situation.

    Parameters
    ----------
    actions
        The action table.
    most
        The largest number of agents; those with the largest entropy given the situation are kept.
    """
    a_table("actions", actions, "agent_id", "action_type", "decision_context")
    most = whole_number("most", most, least=1)
    n_types = int(actions["action_type"].nunique())
    rows: list[tuple[str, int, list[float]]] = []
    for agent, own in actions.groupby("agent_id", sort=False, observed=True):
        bits = entropy_bits(own["action_type"])
        given = conditional_entropy_bits(own["decision_context"], own["action_type"])
        parts = [
            0.0 if count < 2 else min(1.0, bits / math.log2(count))
            for count in (n_types, own["action_type"].nunique())
        ]
        rows.append((str(agent), len(own), [bits, *parts, given]))
    rows.sort(key=lambda row: -row[-1][-1])
    names = short_names((row[0] for row in rows), 40)
    header = (
        "agent",
        "actions",
        "entropy, bits",
        f"of the {counted(n_types, 'choices')} in the log",
        "of those observed",
        "given the situation, bits",
    )
    cells = [
        (as_html(names[agent]), f"{count:,}", *(decimals(value, 3) for value in values))
        for agent, count, values in rows[:most]
    ]
    said = some_of(len(cells), len(rows), "agents", "in the order of the last column")
    return table(header, cells, "frame") + left_out(
        said and f"{said}; the others have no more than the last row"
    )
