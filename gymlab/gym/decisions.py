"""What an agent is asked and what it answers: scenarios, decisions, and the protocol of agents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Actor:
    """Somebody whom a decision may concern.

    Attributes
    ----------
    name
        The name, unique in a scenario.
    relationship
        A relationship type of the action table: ally, adversary, neutral, resource, self or environment.
    role
        The role in words.
    trust
        How far the agent may trust the actor, 0 to 1.
    """

    name: str
    relationship: str = "neutral"
    role: str = ""
    trust: float = 0.5


@dataclass(frozen=True)
class Choice:
    """An option of a scenario.

    Attributes
    ----------
    name
        The name, unique in a scenario; it becomes the action type.
    description
        The option in words.
    target
        Name of the actor whom the choice concerns most.
    impacts
        The effect on actors by name and on the agent as ``self``, each −1 to 1.
    """

    name: str
    description: str = ""
    target: str = ""
    impacts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """A situation in which an agent chooses.

    Attributes
    ----------
    id
        The identifier of this execution; the same for the same seed.
    archetype
        The archetype, such as ``loyalty``.
    description
        The situation in words.
    actors, choices
        Who takes part, and the options.
    context
        The decision context of the action table.
    resources
        Levels by name.
    constraints
        Rules in words.
    stress
        Stress level, 0 to 1.
    time_limit
        Seconds in which the agent should answer; None for no limit.
    other_last
        The last action type of the counterpart; empty at the beginning.
    """

    id: str
    archetype: str
    description: str
    actors: tuple[Actor, ...]
    choices: tuple[Choice, ...]
    context: str
    resources: Mapping[str, float] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    stress: float = 0.0
    time_limit: float | None = None
    other_last: str = ""


@dataclass(frozen=True)
class Decision:
    """The answer of an agent, or the reason why there is none.

    Attributes
    ----------
    choice
        Name of the choice; empty if the decision is missing.
    missing
        Why there is no decision, in words; empty if there is one.
    target
        The actor whom the agent named; empty if it named none.
    reasoning, expected
        The reasons and the expected consequences in the words of the agent.
    confidence
        The stated confidence, 0 to 1; None if it is not stated.
    probabilities
        The stated probability of each choice; empty if they are not stated.
    latency_ms
        Measured time of the answer, in milliseconds, with retries; None if it was not measured.
    tokens_in, tokens_out
        Tokens that were used; None if they are not known.
    """

    choice: str = ""
    missing: str = ""
    target: str = ""
    reasoning: str = ""
    expected: str = ""
    confidence: float | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)
    latency_ms: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(frozen=True)
class Turn:
    """A scenario of a session with its decision."""

    scenario: Scenario
    decision: Decision


class Agent(Protocol):
    """Somebody who decides.

    An agent answers with a choice of the scenario, or with a missing decision and its cause. It raises nothing for a
    service that fails.
    """

    name: str

    async def decide(self, scenario: Scenario, history: Sequence[Turn]) -> Decision:
        """Decide in a scenario, given the earlier turns of the session."""
        ...

    async def aclose(self) -> None:
        """Close connections; the agent is not used afterwards."""
        ...
