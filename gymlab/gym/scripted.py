"""Agents in this process: scripted ones with a known rule, strategies of Axelrod, and the replay of a log.

Their decisions depend only on the seed, the scenario and the earlier turns, so a session that was interrupted goes on as
if it had not been.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import pandas as pd

from gymlab.actions.schema import series_codes
from gymlab.arguments import finite_number, instance, one_of, shown, whole_number
from gymlab.gym.answers import AnswerError, decision_from
from gymlab.gym.decisions import Decision, Scenario, Turn
from gymlab.gym.scenarios import cooperative, impact_on_others, selfish

# The contexts in which by_context cooperates.
COOPERATIVE_CONTEXTS = frozenset(
    {"trust_betrayal", "fairness_equity", "cooperation_conflict", "resource_allocation"}
)
RULES = ("cooperate", "selfish", "tit_for_tat", "random", "switch", "by_context")


class ScriptedAgent:
    """An agent with a known rule, for tests and demonstrations. It states the probabilities of its rule.

    The cooperative choice is the one with the largest sum of impacts on others, the selfish one that with the largest
    impact on the agent.

    Parameters
    ----------
    rule
        ``cooperate`` and ``selfish`` always do so. ``tit_for_tat`` does what the counterpart did last, and first
        cooperates. ``random`` cooperates with probability `p` and is selfish otherwise. ``switch`` cooperates before
        turn `step` and is selfish from then on. ``by_context`` cooperates in the contexts of trust, fairness, conflict
        and shared resources, and is selfish in others.
    seed
        The seed of ``random``.
    p
        The probability of ``random``.
    step
        The number of turns before ``switch`` changes.

    Raises
    ------
    InputError
        If an argument cannot be used.

    Examples
    --------
    >>> import asyncio
    >>> from gymlab.gym.scenarios import scenarios
    >>> scenario = next(scenarios(1, seed=0, archetypes="betrayal"))
    >>> asyncio.run(ScriptedAgent("selfish").decide(scenario, [])).choice
    'sell_secret'
    """

    def __init__(self, rule: str, *, seed: int = 0, p: float = 0.5, step: int = 100) -> None:
        self._rule = one_of("rule", rule, RULES)
        self._seed = whole_number("seed", seed, least=0)
        self._p = finite_number("p", p, least=0, most=1, noun="a probability")
        self._step = whole_number("step", step, least=0)
        more = {"random": f"?p={p:g}", "switch": f"?step={step}"}.get(rule, "")
        self.name = f"scripted:{rule}{more}"

    async def decide(self, scenario: Scenario, history: Sequence[Turn]) -> Decision:
        """Decide by the rule."""
        kind, own = cooperative(scenario.choices).name, selfish(scenario.choices).name
        if self._rule == "random":
            share = self._share(scenario, len(history))
            odds = {kind: self._p, own: 1 - self._p} if kind != own else {kind: 1.0}
            return Decision(choice=kind if share < self._p else own, probabilities=odds)
        if self._rule == "tit_for_tat":
            names = {choice.name for choice in scenario.choices}
            chosen = scenario.other_last if scenario.other_last in names else kind
        else:
            is_kind = {
                "cooperate": True,
                "selfish": False,
                "switch": len(history) < self._step,
                "by_context": scenario.context in COOPERATIVE_CONTEXTS,
            }[self._rule]
            chosen = kind if is_kind else own
        return Decision(choice=chosen, probabilities={chosen: 1.0})

    async def aclose(self) -> None:
        """Do nothing."""

    def _share(self, scenario: Scenario, turn: int) -> float:
        """Return a number from 0 to 1 that depends only on the seed, the scenario and the turn."""
        digest = hashlib.blake2b(f"{self._seed}/{scenario.id}/{turn}".encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big") / 2**56


class AxelrodPlayer:
    """A strategy of the Axelrod library, as a function for :class:`~gymlab.gym.services.FunctionService`.

    The strategy sees a match of two moves: a choice counts as C if its impact on others is at least the middle between
    the most cooperative and the most selfish choice, and otherwise as D. It plays the cooperative choice for C and the
    selfish one for D. All earlier turns are played again for each decision.

    Parameters
    ----------
    strategy
        A class of ``axelrod``.
    seed
        Seed of the strategy.
    """

    def __init__(self, strategy: Any, seed: int) -> None:  # noqa: ANN401 - axelrod is an extra
        self._strategy, self._seed = strategy, seed

    def __call__(self, scenario: Scenario, history: Sequence[Turn]) -> str:
        """Return the name of the choice."""
        import axelrod  # noqa: PLC0415 - an extra that takes seconds to import

        player, other = self._strategy(), axelrod.MockPlayer()
        player.set_seed(self._seed)
        others = [*(turn.scenario for turn in history[1:]), scenario][: len(history)]
        for turn, answered in zip(history, others, strict=True):
            planned = player.strategy(other)
            own = _move(turn.scenario, turn.decision.choice)
            theirs = _move(answered, answered.other_last)
            player.update_history(
                axelrod.Action.from_char(own) if own else planned, axelrod.Action.from_char(theirs or "C")
            )
            other.update_history(axelrod.Action.from_char(theirs or "C"), player.history[-1])
        is_kind = player.strategy(other) == axelrod.Action.C
        return (cooperative if is_kind else selfish)(scenario.choices).name


def _move(scenario: Scenario, name: str) -> str:
    """Return C or D for a choice, or an empty text if the scenario has no such choice."""
    chosen = [choice for choice in scenario.choices if choice.name == name]
    if not chosen:
        return ""
    ends = [impact_on_others(pick(scenario.choices)) for pick in (cooperative, selfish)]
    return "C" if impact_on_others(chosen[0]) >= sum(ends) / 2 else "D"


class ReplayAgent:
    """Repeats the choices of a log: turn k is action k of one series. What is no choice of the scenario is missing.

    Parameters
    ----------
    name
        Name of the agent.
    actions
        The action table.
    seed
        Number of the series, counted from 0 and round: with two series, 2 is the first one again.

    Raises
    ------
    InputError
        If `actions` is no frame or the seed cannot be used.

    Examples
    --------
    >>> import asyncio, gymlab
    >>> from gymlab.gym.decisions import Choice
    >>> agent = ReplayAgent("log", gymlab.read_actions(gymlab.sample_path()), seed=0)
    >>> scenario = Scenario("s", "", "", (), (Choice("cooperate"), Choice("defect")), "")
    >>> asyncio.run(agent.decide(scenario, [])).choice
    'cooperate'
    """

    def __init__(self, name: str, actions: pd.DataFrame, *, seed: int = 0) -> None:
        instance("actions", actions, pd.DataFrame, "an action table")
        codes = series_codes(actions)
        at = whole_number("seed", seed, least=0) % (int(codes.max()) + 1)
        self.name = name
        self._choices: list[str] = actions["action_type"][codes == at].tolist()

    async def decide(self, scenario: Scenario, history: Sequence[Turn]) -> Decision:
        """Return the recorded choice of this turn."""
        turn = len(history)
        if turn >= len(self._choices):
            return Decision(missing=f"the log ends after {len(self._choices):,} actions")
        try:
            return decision_from(scenario, {"choice": self._choices[turn]})
        except AnswerError:
            recorded = shown(self._choices[turn])
            return Decision(
                missing=f"the log has {recorded} in turn {turn}, which is no choice of the scenario"
            )

    async def aclose(self) -> None:
        """Do nothing."""
