"""Principles, and what changed between two logs, as text for a terminal."""

from itertools import groupby

import pandas as pd

from gymlab.arguments import instance
from gymlab.patterns.comparison import Comparison
from gymlab.patterns.principles.lineage import Lineage
from gymlab.patterns.principles.principle import in_situation, percent, quoted
from gymlab.patterns.principles.shifts import PrincipleShift
from gymlab.patterns.principles.study import Study
from gymlab.workbench.text import one_line

# A log of hundreds of sessions has thousands of rules; all of them are in the JSON.
_MOST_UNITS = 40
_NOUNS = {"agent": "agents", "session": "sessions", "cluster": "patterns"}


def principle_listing(study: Study) -> str:
    """Return the principles as sentences, those that follow from another one only counted, then policies and groups.

    Raises
    ------
    InputError
        If it is no study.
    """
    instance("study", study, Study, "a Study")
    lines: list[str] = []
    by_unit = [(unit, list(found)) for unit, found in groupby(study.principles, key=lambda one: one.unit)]
    for _, found in by_unit[:_MOST_UNITS]:
        lines += [
            one_line(f"{one.sentence}; q {_q(one.q_value)}", 400) for one in found if one.follows_from is None
        ]
        following = sum(one.follows_from is not None for one in found)
        if following:
            lines.append(f"    and {following} that follow{'s' * (following == 1)} from these")
    if len(by_unit) > _MOST_UNITS:
        lines.append(f"and those of {len(by_unit) - _MOST_UNITS:,} more; --json FILE writes all")
    lines += _policy_lines(study) + _group_lines(study)
    if study.profiles.frame.columns.str.partition(" | ").get_level_values(0).nunique() < 2:
        lines.append("the log has one action type, so there was nothing to choose")
    n = len(study.principles)
    closing = (
        f"{n:,} principle{'s' * (n != 1)} of {len(by_unit):,} of {len(study.units):,} {_NOUNS[study.by]}, at a false "
        "discovery rate of 5 % in each"
    )
    return "\n".join([*lines, "", closing])


def _policy_lines(study: Study) -> list[str]:
    lines = []
    for unit, policies in list(study.policies.items())[:_MOST_UNITS]:
        lines += ["", one_line(f"{quoted(unit)} held {len(policies)} policies:", 400)]
        lines += [
            f"  {one_line(f'policy {policy.number + 1}, {policy.sentence}', 400)}" for policy in policies
        ]
    return lines


def _group_lines(study: Study) -> list[str]:
    if study.labels is None:
        return []
    lines = ["", "groups that respond alike:"]
    names = study.profiles.frame.index
    for label in range(int(study.labels.max()) + 1):
        members = [one_line(name, 60) for name in names[study.labels == label]]
        some = ", ".join(members[:8]) + (", …" if len(members) > 8 else "")
        lines.append(f"  {label}: {len(members):,} – {some}")
    return lines


def lineage_listing(lineage: Lineage) -> str:
    """Return in a line what became of the principles of the run before.

    Raises
    ------
    InputError
        If it is no lineage.
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
    """Return what changed between two logs: a table of the patterns, and a line for each principle that changed.

    Raises
    ------
    InputError
        If it is no comparison.
    """
    instance("comparison", comparison, Comparison, "a Comparison")
    patterns = comparison.extraction.patterns
    rows = [
        {
            "pattern": shift.label,
            "change": shift.change,
            "first log": percent(shift.first),
            "second log": percent(shift.second),
            "difference": f"{shift.difference * 100:+.1f} [{shift.low * 100:+.1f}, {shift.high * 100:+.1f}]",
            "what is done": ", ".join(
                f"{one_line(name, 24)} {share:.0%}"
                for name, share in list(patterns[shift.label].actions.items())[:3]
            ),
        }
        for shift in comparison.patterns
    ]
    changed = [shift for shift in comparison.principles if shift.change != "holds"]
    steady = len(comparison.principles) - len(changed)
    lines = [pd.DataFrame(rows).to_string(index=False, max_colwidth=60), ""]
    lines += [one_line(_shift_sentence(shift), 400) for shift in changed]
    lines.append(f"{steady:,} principle{'s' * (steady != 1)} hold{'s' * (steady == 1)} in both logs")
    for which, names in (("first", comparison.only_first), ("second", comparison.only_second)):
        if names:
            some = ", ".join(one_line(name, 60) for name in names[:5]) + (", …" if len(names) > 5 else "")
            lines.append(f"only in the {which} log, so not compared: {some}")
    return "\n".join(lines)


def _shift_sentence(shift: PrincipleShift) -> str:
    rule = f"{quoted(shift.unit)} does {quoted(shift.action)} {in_situation(shift.situation)}"
    if shift.difference is None or shift.first.probability is None or shift.second.probability is None:
        return f"{shift.change}: {rule}: one of the logs does not have the situation"
    return (
        f"{shift.change}: {rule}: {percent(shift.first.probability)} of {shift.first.n:,} → "
        f"{percent(shift.second.probability)} of {shift.second.n:,} (difference {shift.difference * 100:+.1f} "
        f"[{shift.low * 100:+.1f}, {shift.high * 100:+.1f}] points, q {_q(shift.q_value)})"
    )


def _q(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"
