"""What the tests of training share: scenarios, and agents that count how often they are asked."""

import random

from gymlab.gym.decisions import Actor, Choice, Decision, Scenario

GIVEN = [
    Scenario(
        f"{archetype}-{number}",
        archetype,
        "Bo asks for help.",
        (Actor("Bo", "ally", "friend", 0.9), Actor("Cy", "adversary")),
        (
            Choice("help", "help Bo", "Bo", {"Bo": 0.8, "self": -0.2}),
            Choice("refuse", "do nothing", "Bo", {"Bo": -0.5, "self": 0.3}),
            Choice("wait", "wait"),
        ),
        context,
        stress=0.5,
    )
    for archetype, context in (("loyalty", "trust_betrayal"), ("scarcity", "resource_allocation"))
    for number in range(5)
]


class Copier:
    """Does what the counterpart did last."""

    name = "copier"

    def __init__(self, name="copier"):
        self.name, self.asked = name, 0

    async def decide(self, scenario, history):  # noqa: ARG002 - the protocol
        self.asked += 1
        return Decision(scenario.other_last or scenario.choices[0].name, reasoning="as the other did")

    async def aclose(self):
        pass


class Drifter(Copier):
    """Chooses by its own history and the scenario; does not answer now and then."""

    async def decide(self, scenario, history):
        self.asked += 1
        # no secret
        draw = random.Random(f"{scenario.id}/{len(history)}/{history[-1].decision.choice if history else ''}")  # noqa: S311
        if draw.random() < 0.1:
            return Decision(missing="no answer in 5 s")
        return Decision(draw.choice(scenario.choices).name, confidence=0.75)
