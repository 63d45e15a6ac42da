"""A decision as a row of the action table, and the row as a decision again."""

import json
import math
from datetime import datetime
from typing import Any

from gymlab.actions.columns import BITS
from gymlab.db_models import ActionRow
from gymlab.gym.decisions import Decision, Scenario

SELF = "self"
_UNKNOWN = (None, None, None)
# The characters of an agent's words that are kept.
_MOST_WORDS = 4_000


def action_of(
    scenario: Scenario,
    decision: Decision,
    *,
    session_id: str,
    agent_id: str,
    step: int,
    timestamp: datetime | None = None,
    latency_ms: float | None = None,
    more: dict[str, Any] | None = None,
) -> ActionRow:
    r"""Return the row of a decision.

    The target is the actor whom the agent named, or else that of the choice. ``relationship_type`` is that of the target:
    ``self`` for the agent, ``environment`` if there is no target. ``impact`` is the effect of the choice on the target,
    ``outcome_valence`` that on the agent. ``decision_entropy`` is :func:`entropy_of`. ``metadata`` has the id and the archetype of the scenario, its stress, and what the agent said.

    A decision is missing if it says so, or if its choice is none of the scenario. Its ``action_type`` is empty, its
    numbers are unknown, and the cause is in the metadata as ``missing``. No reader takes such a row for an action:
    :func:`gymlab.read_actions` leaves it out, with a note.

    Parameters
    ----------
    scenario, decision
        The situation and the answer.
    session_id, agent_id, step
        The key of the row.
    timestamp
        When the decision was made.
    latency_ms
        The time that it took, in milliseconds, if the agent did not measure it.
    more
        Further entries of the metadata.

    Examples
    --------
    >>> from gymlab.gym.decisions import Actor, Choice
    >>> scenario = Scenario(
    ...     "s1", "loyalty", "A friend asks.", (Actor("Bo", "ally"),),
    ...     (Choice("help", target="Bo", impacts={"Bo": 0.5, "self": -0.1}), Choice("refuse")), "trust_betrayal",
    ... )
    >>> row = action_of(scenario, Decision("help", confidence=0.5), session_id="t/ada/0", agent_id="ada", step=0)
    >>> row.action_type, row.target, row.relationship_type, row.impact, row.outcome_valence, row.decision_entropy
    ('help', 'Bo', 'ally', 0.5, -0.1, 1.0)
    >>> action_of(scenario, Decision("dance"), session_id="t/ada/0", agent_id="ada", step=1).meta
    '{"scenario": "s1", "archetype": "loyalty", "missing": "\'dance\' is none of the choices"}'
    """
    choice = next((one for one in scenario.choices if one.name == decision.choice), None)
    missing = decision.missing
    if choice is None and not missing:
        missing = (
            f"{decision.choice[:80]!r} is none of the choices" if decision.choice else "there is no choice"
        )
    said: dict[str, Any] = {"scenario": scenario.id, "archetype": scenario.archetype}
    if scenario.stress:
        said["stress"] = scenario.stress
    if missing or decision.reasoning or decision.expected:
        words = {"missing": missing, "reasoning": decision.reasoning, "expected": decision.expected}
        # A half of a surrogate pair can be in no file.
        said |= {
            name: text[:_MOST_WORDS].encode("utf-8", "replace").decode()
            for name, text in words.items()
            if text
        }
    numbers = _confidence(decision), decision.tokens_in, decision.tokens_out
    if numbers != _UNKNOWN:
        names = ("confidence", "tokens_in", "tokens_out")
        said |= {name: number for name, number in zip(names, numbers, strict=True) if number is not None}
    if more:
        said |= more
    target = relationship = ""
    impacts: Any = {}
    if choice is not None and not missing:
        relationships = {actor.name: actor.relationship for actor in scenario.actors}
        relationships[SELF] = SELF
        target = decision.target if decision.target in relationships else choice.target
        relationship, impacts = relationships.get(target, ""), choice.impacts
    return ActionRow.of(
        {
            "session_id": session_id,
            "agent_id": agent_id,
            "step": step,
            "action_id": f"{session_id}/{step}",
            "timestamp": timestamp,
            "actor": agent_id,
            "target": target,
            "action_type": "" if missing or choice is None else choice.name,
            "decision_context": scenario.context,
            "relationship_type": relationship or "environment",
            "impact": impacts.get(target),
            "outcome_valence": impacts.get(SELF),
            "decision_entropy": None if missing else entropy_of(decision, len(scenario.choices)),
            "latency_ms": latency_ms if decision.latency_ms is None else decision.latency_ms,
            "other_last": scenario.other_last or None,
            "n_choices": len(scenario.choices),
            "meta": json.dumps(said),
            "entropy_unit": BITS,
        }
    )


def decision_of(row: ActionRow) -> Decision:
    """Return the decision of a row that :func:`action_of` made, for the history of a session that goes on."""
    said = json.loads(row.meta)
    return Decision(
        choice=row.action_type,
        target=row.target,
        latency_ms=row.latency_ms,
        **{
            name: said[name]
            for name in ("missing", "reasoning", "expected", "confidence", "tokens_in", "tokens_out")
            if name in said
        },
    )


def entropy_of(decision: Decision, n_choices: int) -> float | None:
    """Return the entropy of a decision in bits, as the agent stated it; None if it stated nothing.

    It is that of the stated probabilities, scaled so that their sum is 1. If only a confidence is stated, this is taken
    for the probability of the choice, and the other choices share the rest evenly.

    Examples
    --------
    >>> entropy_of(Decision("a", probabilities={"a": 2, "b": 2}), 2), entropy_of(Decision("a", confidence=1.0), 3)
    (1.0, 0.0)
    >>> entropy_of(Decision("a"), 2)
    """
    stated = [p for p in decision.probabilities.values() if 0 < p < math.inf]
    if not stated:
        sure = _confidence(decision)
        if sure is None:
            return None
        others = max(n_choices - 1, 1)
        stated = [p for p in (sure, *[(1 - sure) / others] * others) if p > 0]
    total = sum(stated)
    return max(0.0, -sum(p / total * math.log2(p / total) for p in stated))


def _confidence(decision: Decision) -> float | None:
    """Return the stated confidence; None if it is none."""
    sure = decision.confidence
    return sure if sure is not None and 0 <= sure <= 1 else None
