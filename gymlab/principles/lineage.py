"""Lineage: for each current principle, the principles of an earlier run that it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from gymlab.arguments import instance, shown
from gymlab.errors import InputError

DescentKind = Literal["root", "evolution", "fork", "merge"]
KINDS: tuple[DescentKind, ...] = ("root", "evolution", "fork", "merge")


class Rule(Protocol):
    """The part of a principle that the lineage needs."""

    @property
    def subject(self) -> str:
        """The subject that follows the rule."""

    @property
    def situation(self) -> Mapping[str, str]:
        """Columns and their values; empty for every situation."""

    @property
    def action(self) -> str:
        """The action type."""

    @property
    def probability(self) -> float:
        """P(action | situation)."""

    @property
    def low(self) -> float:
        """The lower end of the interval of the probability."""

    @property
    def high(self) -> float:
        """The upper end of the interval of the probability."""


@dataclass(frozen=True)
class Descent:
    """The descent of one current rule.

    Attributes
    ----------
    kind
        ``root``: the rule is new. ``evolution``: it comes from one earlier rule, in the same, a narrower or a wider
        situation. ``fork``: an earlier rule was specialised into this rule and others. ``merge``: several earlier rules
        were generalised into this rule.
    parents
        Indices of the earlier rules.
    changed
        Whether the rule differs from its parents: in situation, action, or probability (the intervals do not overlap).
    """

    kind: DescentKind
    parents: tuple[int, ...]
    changed: bool


@dataclass(frozen=True)
class Lineage:
    """The descent of each current rule, in the order of the rules; and the indices of earlier rules without successor."""

    descents: tuple[Descent, ...]
    vanished: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the lineage as values of JSON, with the number of rules of each kind."""
        kinds = [descent.kind for descent in self.descents]
        return {
            "rules": [vars(one) | {"parents": list(one.parents)} for one in self.descents],
            "vanished": list(self.vanished),
            "counts": {kind: kinds.count(kind) for kind in KINDS} | {"vanished": len(self.vanished)},
        }


# The attributes of a rule.
RULE = ("subject", "situation", "action", "probability", "low", "high")


def require_rules(name: str, rules: object, attributes: Sequence[str] = RULE) -> None:
    """Check that an argument is a sequence of rules.

    Raises
    ------
    InputError
        If it is no sequence, or an element lacks an attribute of a rule.
    """
    instance(name, rules, Sequence, "a sequence of rules")
    for rule in cast("Sequence[object]", rules):
        if not all(hasattr(rule, attribute) for attribute in attributes):
            raise InputError(f"{name} holds {shown(rule)}; give rules, such as infer_principles returns")


def trace_lineage(earlier: Sequence[Rule], current: Sequence[Rule]) -> Lineage:
    """Return the descent of each current rule.

    Only rules of the same subject are related. Two rules with the same situation and action are the same rule. A rule
    with the same situation and another action succeeds an earlier rule that is not among the current rules. A remaining
    rule is a special case of another rule if its situation has all values of the other situation, and more. Several
    current special cases of an earlier rule are its fork, if at least one of them has its action. Several earlier special
    cases of a current rule, with the same action, are merged into it. A single special case is an evolution.

    Parameters
    ----------
    earlier, current
        The rules of two runs: any objects with the attributes of :class:`Rule`.

    Returns
    -------
    Lineage

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> def rule(action, **situation):
    ...     return SimpleNamespace(subject="a", situation=situation, action=action, probability=0.9, low=0.8, high=1.0)
    >>> lineage = trace_lineage([rule("give")], [rule("give", other="give"), rule("take", other="take")])
    >>> [(descent.kind, descent.parents) for descent in lineage.descents]
    [('fork', (0,)), ('fork', (0,))]
    """
    require_rules("earlier", earlier)
    require_rules("current", current)
    found: dict[int, Descent] = {}
    free = dict.fromkeys(range(len(earlier)))
    for same in (_same_rule, _same_situation):
        for i, rule in enumerate(current):
            parent = next((j for j in free if i not in found and same(earlier[j], rule)), None)
            if parent is not None:
                found[i] = Descent("evolution", (parent,), _changed(earlier[parent], rule))
                del free[parent]
    merged = _merges(earlier, current, [i for i in range(len(current)) if i not in found], list(free))
    found |= merged
    free = {j: None for j in free if not any(j in descent.parents for descent in merged.values())}
    found |= _forks(earlier, current, [i for i in range(len(current)) if i not in found], list(free))
    used = {parent for descent in found.values() for parent in descent.parents}
    return Lineage(
        descents=tuple(found.get(i, Descent("root", (), changed=True)) for i in range(len(current))),
        vanished=tuple(j for j in range(len(earlier)) if j not in used),
    )


def _same_rule(a: Rule, b: Rule) -> bool:
    return _same_situation(a, b) and a.action == b.action


def _same_situation(a: Rule, b: Rule) -> bool:
    return a.subject == b.subject and dict(a.situation) == dict(b.situation)


def _changed(earlier: Rule, current: Rule) -> bool:
    apart = earlier.high < current.low or current.high < earlier.low
    return apart or not _same_rule(earlier, current)


def _narrows(narrow: Rule, wide: Rule) -> bool:
    """Return whether one rule is a special case of the other: its situation has all values of the other, and more."""
    inner, outer = narrow.situation.items(), wide.situation.items()
    return narrow.subject == wide.subject and len(inner) > len(outer) and set(outer) <= set(inner)


def _merges(
    earlier: Sequence[Rule], current: Sequence[Rule], new: Sequence[int], old: Sequence[int]
) -> dict[int, Descent]:
    """Return the current rules into which earlier, narrower rules with the same action were merged.

    An earlier rule is merged into the narrowest of the wider rules.
    """
    heirs: dict[int, list[int]] = {}
    for j in old:
        wider = [
            i for i in new if earlier[j].action == current[i].action and _narrows(earlier[j], current[i])
        ]
        if wider:
            heirs.setdefault(max(wider, key=lambda i: len(current[i].situation)), []).append(j)
    return {
        i: Descent("merge" if len(parents) > 1 else "evolution", tuple(parents), changed=True)
        for i, parents in heirs.items()
    }


def _forks(
    earlier: Sequence[Rule], current: Sequence[Rule], new: Sequence[int], old: Sequence[int]
) -> dict[int, Descent]:
    """Return the current rules that come from earlier, wider rules; each comes from the narrowest of them."""
    children: dict[int, list[int]] = {}
    for i in new:
        wider = [j for j in old if _narrows(current[i], earlier[j])]
        if wider:
            children.setdefault(max(wider, key=lambda j: len(earlier[j].situation)), []).append(i)
    return {
        i: Descent("fork" if len(heirs) > 1 else "evolution", (j,), changed=True)
        for j, heirs in children.items()
        if any(current[i].action == earlier[j].action for i in heirs)
        for i in heirs
    }
