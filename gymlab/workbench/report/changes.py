"""What changed from one run of the report to the next: verdicts, figures, alerts, patterns, principles."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from gymlab.principles.lineage import trace_lineage

Kind = Literal["verdict", "apart", "same"]

# Patterns whose shares of actions differ by more (total variation distance) are no longer the same pattern.
_MOST_DIFFERENT = 0.25

# Ranges of three repeats are narrow, and a machine is as fast as it was to about a tenth.
_NOTEWORTHY = 0.1


@dataclass(frozen=True)
class ClaimChange:
    """One claim in two runs.

    Attributes
    ----------
    id, unit
        Of the claim.
    before, now
        What was measured: ``measured``, ``low``, ``high``, ``verdict``; ``before`` is None where the run before did
        not have the claim.
    kind
        ``verdict`` where that changed; ``apart`` where the ranges of the repeats do not overlap and the figures (what
        is left of 100 %, where less is promised) differ by more than a tenth; else ``same``.
    """

    id: str
    unit: str
    before: Mapping[str, Any] | None
    now: Mapping[str, Any]
    kind: Kind


@dataclass(frozen=True)
class PatternPair:
    """A pattern of the run before and the one that takes its place; None where there is none."""

    before: Mapping[str, Any] | None
    now: Mapping[str, Any] | None


@dataclass(frozen=True)
class Changes:
    """What is different now.

    Attributes
    ----------
    claims
        Every claim.
    alerts
        By id, the states before and now of the alerts whose state changed.
    settings
        By name, the values before and now of parameters, versions and facts of the machine that changed.
    actions, windows
        How many before and now.
    patterns
        Patterns that correspond, then those that are gone, then new ones.
    new, changed, vanished
        Sentences of principles.
    kept
        How many principles are as they were.
    """

    claims: tuple[ClaimChange, ...]
    alerts: Mapping[str, tuple[str, str]]
    settings: Mapping[str, tuple[Any, Any]]
    actions: tuple[int, int]
    windows: tuple[int, int]
    patterns: tuple[PatternPair, ...]
    new: tuple[str, ...]
    changed: tuple[str, ...]
    vanished: tuple[str, ...]
    kept: int


@dataclass(frozen=True)
class _Rule:
    subject: str
    situation: Mapping[str, str]
    action: str
    probability: float
    low: float
    high: float


def changes_between(before: Mapping[str, Any], now: Mapping[str, Any]) -> Changes:
    """Return what changed from one run to another.

    Parameters
    ----------
    before, now
        The contents of their ``results.json``.
    """
    earlier = {claim["id"]: claim for claim in before["claims"]}
    old, new = before.get("principles", []), now.get("principles", [])
    lineage = trace_lineage([_rule(one) for one in old], [_rule(one) for one in new])
    descents = list(zip(new, lineage.descents, strict=True))
    states = {alert["id"]: alert["state"] for alert in before["alerts"]}
    return Changes(
        claims=tuple(_claim_change(earlier.get(claim["id"]), claim) for claim in now["claims"]),
        alerts={
            alert["id"]: (states[alert["id"]], alert["state"])
            for alert in now["alerts"]
            if states.get(alert["id"], alert["state"]) != alert["state"]
        },
        settings=_differences(before["config"], now["config"])
        | _differences(before["environment"], now["environment"]),
        actions=(before["actions"], now["actions"]),
        windows=(before["windows"], now["windows"]),
        patterns=_pattern_pairs(before["patterns"], now["patterns"]),
        new=tuple(rule["sentence"] for rule, descent in descents if descent.kind == "root"),
        changed=tuple(
            rule["sentence"] for rule, descent in descents if descent.kind != "root" and descent.changed
        ),
        vanished=tuple(old[index]["sentence"] for index in lineage.vanished),
        kept=sum(not descent.changed for _, descent in descents),
    )


def _rule(stored: Mapping[str, Any]) -> _Rule:
    names = ("situation", "action", "probability", "low", "high")
    return _Rule(subject=stored["unit"], **{name: stored[name] for name in names})


def _claim_change(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> ClaimChange:
    kind: Kind = "same"
    if before is not None and before["verdict"] != now["verdict"]:
        kind = "verdict"
    elif before is not None and None not in (before["measured"], now["measured"]):
        overlap = before["low"] <= now["high"] and now["low"] <= before["high"]
        alike = math.isclose(_amount(before), _amount(now), rel_tol=_NOTEWORTHY)
        kind = "same" if overlap or alike else "apart"
    return ClaimChange(now["id"], now["unit"], before, now, kind)


def _amount(claim: Mapping[str, Any]) -> float:
    """Return what a claim measured; of time or memory what is left, since 99 % less is twice as much as 99.5 % less."""
    measured = float(claim["measured"])
    return 100.0 - measured if claim["unit"].startswith("% less") else measured


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs, but for when it was measured and how much memory happened to be free."""
    passing = {"measured at", "memory available"}
    names = [name for name in {**before, **now} if name not in passing]
    return {name: (before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)}


def _pattern_pairs(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> tuple[PatternPair, ...]:
    """Pair the patterns whose shares of actions are most alike, each once."""
    apart = np.array([[_distance(a["actions"], b["actions"]) for b in now] for a in before])
    apart = apart.reshape(len(before), len(now))
    rows, columns = linear_sum_assignment(apart)
    pairs = {int(j): int(i) for i, j in zip(rows, columns, strict=True) if apart[i, j] <= _MOST_DIFFERENT}
    gone = set(range(len(before))) - set(pairs.values())
    return (
        *(PatternPair(before[pairs[j]], now[j]) for j in sorted(pairs)),
        *(PatternPair(before[i], None) for i in sorted(gone)),
        *(PatternPair(None, now[j]) for j in range(len(now)) if j not in pairs),
    )


def _distance(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Return the total variation distance of two distributions."""
    return sum(abs(a.get(name, 0.0) - b.get(name, 0.0)) for name in {*a, *b}) / 2
