"""What agents do: their principles, the policies that changed, and their entropies."""

import math

import pandas as pd

from gymlab.patterns.entropy import conditional_entropy_bits, entropy_bits
from gymlab.patterns.principles.study import Study
from gymlab.workbench.tables.cells import share, table
from gymlab.workbench.text import as_html


def principles(study: Study, most: int = 40) -> str:
    """Return the principles that do not follow from others, in the order of the log, with their figures."""
    general = [one for one in study.principles if one.follows_from is None]
    rows = [
        (
            as_html(one.sentence.partition(":")[0], 200),
            share(one.probability),
            f"{share(one.low)} to {share(one.high)}",
            f"{one.n:,}",
            share(one.base_rate),
            "&lt;&nbsp;0.0001" if one.q_value < 1e-4 else f"{one.q_value:.4f}",
            share(one.stability),
        )
        for one in general[:most]
    ]
    header = ("principle", "share", "95 % interval", "actions", "overall", "q-value", "shows again")
    changed = "".join(
        f"<p><b>{as_html(unit)}</b> changed its policy: {as_html('; '.join(one.sentence for one in policies), 400)}.</p>"
        for unit, policies in list(study.policies.items())[:most]
    )
    rest = len(study.principles) - len(rows)
    more = f"<p>and {rest:,} more, most of which follow from these</p>" if rest else ""
    return (table(header, rows, "principles") if rows else "<p>none</p>") + more + changed


def entropy_of_agents(actions: pd.DataFrame, most: int = 20) -> str:
    """Return each agent's entropies: of its choices, normalised both ways, and given the situation."""
    n_types = int(actions["action_type"].nunique())
    rows = []
    for agent, own in actions.groupby("agent_id", sort=False):
        bits = entropy_bits(own["action_type"])
        given = conditional_entropy_bits(own["decision_context"], own["action_type"])
        parts = [
            0.0 if count < 2 else min(1.0, bits / math.log2(count))
            for count in (n_types, own["action_type"].nunique())
        ]
        rows.append((given, str(agent), len(own), bits, parts))
    rows.sort(reverse=True)
    header = (
        "agent",
        "actions",
        "entropy, bits",
        f"of {n_types} possible",
        "of those observed",
        "given the situation, bits",
    )
    cells = [
        (
            as_html(agent, 40),
            f"{count:,}",
            f"{bits:.3f}",
            f"{parts[0]:.3f}",
            f"{parts[1]:.3f}",
            f"{given:.3f}",
        )
        for given, agent, count, bits, parts in rows[:most]
    ]
    more = len(rows) - most
    return table(header, cells, "frame") + (f"<p>and {more} agents with less</p>" if more > 0 else "")
