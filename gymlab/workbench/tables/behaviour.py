"""What agents do: their principles, the policies that changed, and their entropies."""

import math
from collections.abc import Mapping
from itertools import groupby

import pandas as pd

from gymlab.arguments import instance, whole_number
from gymlab.entropy import conditional_entropy_bits, entropy_bits
from gymlab.principles.principle import Principle
from gymlab.principles.study import Study
from gymlab.workbench.checked import a_table
from gymlab.workbench.tables.cells import decimals, left_out, share, table
from gymlab.workbench.text import as_html, counted, short_names, some_of

_NOUNS = {"agent": "agents", "session": "sessions", "cluster": "patterns"}

# Of each unit three rules at least, five at most; between them as many as make about so many rows.
_LEAST_RULES, _MOST_RULES, _ROWS = 3, 5, 100
_MOST_UNITS = 200


def principles(study: Study, *, rest: str = "study.principles") -> str:
    """Return the best rules of each unit with their figures, those with the least q-values of the most general.

    Parameters
    ----------
    study
        Of a log.
    rest
        Where all of them are, for the sentence that counts those left out.
    """
    instance("study", study, Study, "what gymlab.study_principles returns")
    instance("rest", rest, str, "a text")
    noun = _NOUNS[study.by]
    by_unit = [(unit, list(found)) for unit, found in groupby(study.principles, key=lambda one: one.unit)]
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
    # The figures behind the last colon have columns of their own; a name may have colons too.
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
    """Return how many rules are not shown, of how many units, and how many of them say no more than another one."""
    listed = {id(one) for _, found in shown for one in found}
    more = {unit: [one for one in found if id(one) not in listed] for unit, found in by_unit}
    n = sum(map(len, more.values()))
    if not n:
        return ""
    special = sum(one.follows_from is not None for found in more.values() for one in found)
    said = (
        f"{counted(n, 'more rules')} of {counted(sum(map(bool, more.values())), noun)} {'is' if n == 1 else 'are'} "
        f"in {place}"
    )
    return said + (
        f"; {special:,} of them {'says' if special == 1 else 'say'} no more than a more general one"
        if special
        else ""
    )


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
    """Return each agent's entropies: of its choices, normalised both ways, and given the situation.

    Parameters
    ----------
    actions
        The action table.
    most
        Agents at most: those with the most entropy given the situation.
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
