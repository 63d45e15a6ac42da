"""Lineage: which principle of an earlier run each current one comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from gymlab.arguments import instance, shown
from gymlab.errors import InputError

Kind = Literal["root", "evolution", "fork", "merge"]
KINDS: tuple[Kind, ...] = ("root", "evolution", "fork", "merge")


class Rule(Protocol):
    """What lineage needs to know of a principle: in this situation the unit does this, so often."""

    @property
    def unit(self) -> str:
        """Whose rule it is."""

    @property
    def situation(self) -> Mapping[str, str]:
        """Columns and their values; empty for always."""

    @property
    def action(self) -> str:
        """What is done."""

    @property
    def probability(self) -> float:
        """P(action | situation)."""

    @property
    def low(self) -> float:
        """The lower end of its interval."""

    @property
    def high(self) -> float:
        """The upper end of its interval."""


@dataclass(frozen=True)
class Descent:
    """Where one current rule comes from.

    Attributes
    ----------
    kind
        ``root``: from nowhere. ``evolution``: from one earlier rule, in the same situation, or in one that this
        situation narrows or widens. ``fork``: one of several into which an earlier rule was specialised.
        ``merge``: several earlier rules generalised into one.
    parents
        Indices of the earlier rules.
    changed
        Whether the situation, the action, or the probability beyond both intervals, is not that of the parents.
    """

    kind: Kind
    parents: tuple[int, ...]
    changed: bool


@dataclass(frozen=True)
class Lineage:
    """The descent of each current rule, in their order, and the indices of the earlier rules without heirs."""

    descents: tuple[Descent, ...]
    vanished: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the lineage JSON-able, with the number of rules of each kind."""
        kinds = [descent.kind for descent in self.descents]
        return {
            "rules": [
                {"kind": one.kind, "parents": list(one.parents), "changed": one.changed}
                for one in self.descents
            ],
            "vanished": list(self.vanished),
            "counts": {kind: kinds.count(kind) for kind in KINDS} | {"vanished": len(self.vanished)},
        }


# The attributes of a rule.
RULE = ("unit", "situation", "action", "probability", "low", "high")


def require_rules(name: str, rules: object, attributes: Sequence[str] = RULE) -> None:
    """Refuse what is no sequence of rules.

    Raises
    ------
    InputError
        If it is none, or one of them lacks an attribute.
    """
    instance(name, rules, Sequence, "a sequence of rules")
    for rule in cast("Sequence[object]", rules):
        if not all(hasattr(rule, attribute) for attribute in attributes):
            raise InputError(f"{name} holds {shown(rule)}; give rules, such as infer_principles returns")


def trace_lineage(earlier: Sequence[Rule], current: Sequence[Rule]) -> Lineage:
    """Return where each current rule comes from.

    Only rules of the same unit are related. The same situation and action is the same rule. A rule of the same
    situation whose action is another is its heir if no current rule continues it. Of the rules that are left,
    several current ones whose situations contain that of an earlier one, at least one of which keeps its action,
    are its fork; several earlier ones with the action of a current one, whose situations contain its, are merged
    into it. One to one, either is an evolution.

    Parameters
    ----------
    earlier, current
        The rules of two runs; anything with the attributes of :class:`Rule`.

    Returns
    -------
    Lineage

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> def rule(action, **situation):
    ...     return SimpleNamespace(unit="a", situation=situation, action=action, probability=0.9, low=0.8, high=1.0)
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
    return a.unit == b.unit and dict(a.situation) == dict(b.situation)


def _changed(earlier: Rule, current: Rule) -> bool:
    apart = earlier.high < current.low or current.high < earlier.low
    return apart or not _same_rule(earlier, current)


def _narrows(narrow: Rule, wide: Rule) -> bool:
    """Tell whether one rule's situation is the other's and more."""
    inner, outer = narrow.situation.items(), wide.situation.items()
    return narrow.unit == wide.unit and len(inner) > len(outer) and set(outer) <= set(inner)


def _merges(
    earlier: Sequence[Rule], current: Sequence[Rule], new: Sequence[int], old: Sequence[int]
) -> dict[int, Descent]:
    """Return the current rules into which earlier, narrower ones with the same action went: each into the nearest."""
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
    """Return the current rules that an earlier, wider one was specialised into: each from the nearest."""
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
