"""Patterns, principles, and the changes between two logs as text for a terminal."""

from collections.abc import Sequence
from itertools import groupby

import pandas as pd

from gymlab.arguments import instance
from gymlab.patterns.comparison import Comparison
from gymlab.patterns.result import Extraction
from gymlab.principles.inference import Study
from gymlab.principles.lineage import Lineage
from gymlab.principles.principle import in_situation, percent, quoted
from gymlab.principles.shifts import PrincipleShift
from gymlab.workbench.text import SUBJECTS, counted, decimals, largest_shares, one_line, short_names

# The largest number of subjects and of names in a listing. A log of hundreds of sessions has thousands of rules; the
# JSON has all of them.
_MOST_UNITS = 40
_MOST_NAMES = 8


def principle_listing(study: Study) -> str:
    """Return the principles as sentences, then policies and groups; principles that follow from others are counted.

    Raises
    ------
    InputError
        If `study` is no study.
    """
    instance("study", study, Study, "a Study")
    lines: list[str] = []
    by_unit = [(unit, list(found)) for unit, found in groupby(study.principles, key=lambda one: one.subject)]
    for _, found in by_unit[:_MOST_UNITS]:
        lines += [
            one_line(f"{one.sentence}; q {_q(one.q_value)}", 400) for one in found if one.follows_from is None
        ]
        special = sum(one.follows_from is not None for one in found)
        if special:
            lines.append(
                f"    and {counted(special, 'more rules')} that {'says' if special == 1 else 'say'} no more than one of "
                "these"
            )
    hidden = by_unit[_MOST_UNITS:]
    if hidden:
        n_hidden = counted(sum(len(found) for _, found in hidden), "principles")
        lines.append(f"and {n_hidden} of {_more(len(hidden), study)}; --json FILE writes all")
    lines += _policy_lines(study) + _group_lines(study)
    if study.profiles.frame.columns.str.partition(" | ").get_level_values(0).nunique() < 2:
        lines.append("the log has one action type, so there was nothing to choose")
    lines += [one_line(note, 400) for note in study.notes]
    closing = (
        f"{counted(len(study.principles), 'principles')} of {len(by_unit):,} of "
        f"{counted(len(study.subjects), SUBJECTS[study.by])}, at a false discovery rate of 5 % in each"
    )
    return "\n".join([*lines, "", closing])


def _policy_lines(study: Study) -> list[str]:
    lines = []
    for unit, policies in list(study.policies.items())[:_MOST_UNITS]:
        lines += ["", one_line(f"{quoted(unit)} held {len(policies)} policies:", 400)]
        lines += [
            f"  {one_line(f'policy {policy.number + 1}, {policy.sentence}', 400)}" for policy in policies
        ]
    hidden = len(study.policies) - _MOST_UNITS
    if hidden > 0:
        lines += ["", f"and the policies of {_more(hidden, study)}; --json FILE writes all"]
    return lines


def _more(n: int, study: Study) -> str:
    return counted(n, f"more {SUBJECTS[study.by]}")


def _group_lines(study: Study) -> list[str]:
    if study.labels is None:
        return []
    lines = ["", "groups with similar responses:"]
    names = short_names(study.profiles.frame.index, 60)
    members = study.profiles.frame.index.astype(str)
    for label in range(int(study.labels.max()) + 1):
        group = [names[name] for name in members[study.labels == label]]
        lines.append(f"  {label}: {len(group):,} – {_some(group)}")
    return lines


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join([*names[:_MOST_NAMES], *([f"{more:,} more"] if more > 0 else [])])


def lineage_listing(lineage: Lineage) -> str:
    """Return one line about the changes of principles since the run before.

    Raises
    ------
    InputError
        If `lineage` is no lineage.
    """
    instance("lineage", lineage, Lineage, "a Lineage")
    if not lineage.vanished and not any(one.parents for one in lineage.descents):
        return "stored; there was no run of this log before to compare it with"
    kinds = [descent.kind for descent in lineage.descents]
    changed = sum(one.kind == "evolution" and one.changed for one in lineage.descents)
    return (
        f"stored; beside the run before: {kinds.count('evolution') - changed:,} the same, {changed:,} changed, "
        f"{kinds.count('root'):,} new, {kinds.count('fork'):,} of forks, {kinds.count('merge'):,} merged, "
        f"{len(lineage.vanished):,} vanished"
    )


def comparison_listing(comparison: Comparison) -> str:
    """Return the changes between two logs: a table of the patterns, and a line for each changed principle.

    Raises
    ------
    InputError
        If `comparison` is no comparison.
    """
    instance("comparison", comparison, Comparison, "a Comparison")
    patterns = comparison.extraction.patterns
    actions = short_names((name for pattern in patterns for name in pattern.actions), 24)
    rows: list[dict[str, object]] = [
        {
            "pattern": shift.label,
            "change": shift.change,
            "first log": percent(shift.first),
            "second log": percent(shift.second),
            "difference": f"{shift.difference * 100:+.1f} [{shift.low * 100:+.1f}, {shift.high * 100:+.1f}]",
            "what is done": largest_shares(patterns[shift.label].actions, actions),
        }
        for shift in comparison.patterns
    ]
    changed = [shift for shift in comparison.principles if shift.change != "holds"]
    steady = len(comparison.principles) - len(changed)
    lines = [_table(rows), ""]
    lines += [one_line(_shift_sentence(shift), 400) for shift in changed]
    lines.append(f"{counted(steady, 'principles')} {'holds' if steady == 1 else 'hold'} in both logs")
    for which, names in (("first", comparison.only_first), ("second", comparison.only_second)):
        if names:
            shown = short_names(names, 60)
            lines.append(
                f"only in the {which} log, so not compared: {_some([shown[name] for name in names])}"
            )
    return "\n".join(lines)


def _shift_sentence(shift: PrincipleShift) -> str:
    rule = f"{quoted(shift.subject)} does {quoted(shift.action)} {in_situation(shift.situation)}"
    if shift.difference is None or shift.first.probability is None or shift.second.probability is None:
        return f"{shift.change}: {rule}: one of the logs does not have the situation"
    return (
        f"{shift.change}: {rule}: {percent(shift.first.probability)} of {shift.first.n:,} → "
        f"{percent(shift.second.probability)} of {shift.second.n:,} (difference {shift.difference * 100:+.1f} "
        f"[{shift.low * 100:+.1f}, {shift.high * 100:+.1f}] points, q {_q(shift.q_value)})"
    )


def _q(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def pattern_listing(extraction: Extraction) -> str:
    """Return a table of the patterns, then the notes of the extraction.

    Parameters
    ----------
    extraction
        An extraction of any strategy.

    Raises
    ------
    InputError
        If `extraction` is no extraction.
    """
    instance("extraction", extraction, Extraction, "an Extraction")
    names, agents, sessions = (
        short_names(extraction.actions[column].unique(), 24)
        for column in ("action_type", "agent_id", "session_id")
    )
    noun = extraction.windows.noun
    rows: list[dict[str, object]] = [
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
    stats = extraction.stats
    closing = (
        f"{counted(len(extraction.patterns), 'patterns')} ({stats.strategy}), average silhouette "
        f"{decimals(extraction.quality.silhouette, 3)}"
        + (f", {counted(stats.noise, noun)} of noise" if stats.noise else "")
        + ("; " if stats.agreement is None else f", expected agreement with exact {stats.agreement:.2f}; ")
        + _passing(extraction)
        + f"{counted(stats.pairs, 'pairs')}, {stats.pruned:,} without DTW, in {stats.seconds:.1f} s, peak {stats.peak_bytes / 1e6:.0f} MB"
    )
    return "\n".join([_table(rows), "", *(one_line(note, 500) for note in extraction.notes), closing])


def _table(rows: list[dict[str, object]]) -> str:
    return (
        pd.DataFrame(rows).to_string(index=False, max_colwidth=None) if rows else "no pattern: all is noise"
    )


def _passing(extraction: Extraction) -> str:
    if extraction.significance is None:
        return ""
    passing = sum(not one.verdict for one in extraction.significance.patterns)
    return f"{passing} more than chance and stable; "


def _significance(extraction: Extraction, label: int) -> dict[str, str]:
    """Return the cells for stability and q-value of a pattern; no cells if significance was not assessed."""
    if extraction.significance is None:
        return {}
    found = extraction.significance.patterns[label]
    cells = {}
    if extraction.significance.n_resamples:
        cells["stability"] = decimals(found.stability)
    if extraction.significance.n_surrogates:
        cells["q-value"] = decimals(found.q_value, 3)
    return {**cells, "remark": found.verdict}
