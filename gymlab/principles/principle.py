"""A principle: the action that a subject does in a situation, with the evidence for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gymlab.principles.candidates import RuleKind
from gymlab.renamed import renamed_attribute

_PHRASES = {
    "other_last": "after the other did {}",
    "relationship_type": "towards {}",
    "decision_context": "in the context {}",
    "own_last": "after doing {} itself",
}


@dataclass(frozen=True)
class Context:
    """The evidence from one decision context: its actions for and against the rule, and its weight."""

    name: str
    weight: float
    evidence: int
    contradictions: int


@dataclass(frozen=True)
class Principle:
    """A rule with evidence: in situation S, the subject does A.

    Attributes
    ----------
    subject
        The subject of the rule: an agent, a session or a pattern. ``unit`` is the old name.
    situation
        The value of each column that makes up the situation; empty for a rule that holds in every situation.
    action
        The action type.
    probability, low, high
        P(A | S) over **distinct** actions, and its 95 % Wilson interval.
    boot_low, boot_high
        The 95 % interval of P(A | S) by resampled sessions.
    n
        Number of actions in the situation.
    base_rate
        Share of the action type in all situations. For the empty situation, and for a situation that is a whole menu,
        it is the chance of a uniform choice.
    lift
        ``probability / base_rate``.
    consistency
        1 − H(action | situation) / log2(available action types), from 0 to 1.
    weighted_probability
        P(A | S) with each action weighted by its decision context.
    volatility
        The standard deviation of P(A | S) over time, minus the part that chance explains; 0 for a steady rule. It is
        taken over fifths of the situation's actions, in the order of time. If the order of the sessions is not known,
        the order within the sessions is used.
    stability
        Share of the resamples of sessions that show the rule: A is the most frequent action type in S, and more frequent
        in S than in all situations.
    p_value
        The p-value under the null hypothesis that the subject does not follow the rule, corrected for the choice of A.
    q_value
        The p-value adjusted for all situations that were tested for the subject, and for the number of subjects: the
        false discovery rate at which the rule is reported.
    kind
        The kind of the test, see :mod:`gymlab.principles.candidates`.
    follows_from
        The situation of a more general principle of the same subject that implies this one, or None.
    policy
        The policy that the principle belongs to, if the subject changed its policy: 1 for the first. Otherwise 0.
    contexts
        Evidence and contradictions by decision context, the most frequent first.
    action_ids
        The ids of the actions that are evidence for the rule.
    contradiction_ids
        The ids of the actions in the situation that are evidence against the rule.
    """

    subject: str
    situation: Mapping[str, str] = field(hash=False)
    action: str
    probability: float
    low: float
    high: float
    boot_low: float
    boot_high: float
    n: int
    base_rate: float
    lift: float
    consistency: float
    weighted_probability: float
    volatility: float
    stability: float
    p_value: float
    q_value: float
    kind: RuleKind
    follows_from: Mapping[str, str] | None = field(hash=False)
    policy: int
    contexts: tuple[Context, ...]
    action_ids: tuple[str, ...]
    contradiction_ids: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The rule and its figures in words."""
        who = quoted(self.subject) + (f" (policy {self.policy})" if self.policy else "")
        if self.situation:
            does = f"does {quoted(self.action)} {in_situation(self.situation)}"
        elif self.probability == 1:
            does = f"always does {quoted(self.action)}"
        else:
            does = f"does {quoted(self.action)} in every situation"
        compared = "by a uniform choice" if self.kind in {"always", "menu"} else "overall"
        return (
            f"{who} {does}: {percent(self.probability)} of {self.n:,} times (95 % interval {percent(self.low)} to "
            f"{percent(self.high)}; {percent(self.base_rate)} {compared})"
        )

    def __repr__(self) -> str:
        # Names may have line breaks.
        return f"<principle: {' '.join(self.sentence.split())}>"

    unit = renamed_attribute("unit", "subject")

    def as_dict(self) -> dict[str, Any]:
        """Return the principle as values of JSON."""
        known = vars(self).copy()
        return (
            {"unit": known.pop("subject")}
            | known
            | {
                "situation": dict(self.situation),
                "sentence": self.sentence,
                "follows_from": None if self.follows_from is None else dict(self.follows_from),
                "contexts": [vars(context).copy() for context in self.contexts],
                "contradictions": len(self.contradiction_ids),
                "action_ids": list(self.action_ids),
                "contradiction_ids": list(self.contradiction_ids),
            }
        )


def in_situation(situation: Mapping[str, str]) -> str:
    """Return a situation in words; the empty one is every situation."""
    phrases = [_PHRASES[column].format(quoted(value)) for column, value in situation.items()]
    return " and ".join(phrases) or "in every situation"


def quoted(name: str, limit: int = 60) -> str:
    """Return a name in quotes. A long name is cut in the middle, since similar names often differ at the end."""
    end = limit // 3
    return f"“{name if len(name) <= limit else f'{name[: limit - end - 1]}…{name[-end:]}'}”"


def percent(share: float) -> str:
    """Return a share in percent. Only the exact shares 1 and 0 are shown as 100 % and 0 %.

    Examples
    --------
    >>> percent(0.5), percent(0.034), percent(1.0), percent(0.0004), percent(0.9997)
    ('50 %', '3.4 %', '100 %', '< 0.1 %', '> 99.9 %')
    """
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    digits = 1 if min(share, 1 - share) < 0.1 and share not in {0.0, 1.0} else 0
    return f"{share * 100:.{digits}f} %"
