"""Training: many sessions side by side, whose decisions are stored as they are made, and which survive a kill."""

import asyncio
import gc
import hashlib
import json
import logging
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from time import perf_counter
from typing import Any

import pandas as pd
from sqlalchemy import case, collate, func
from sqlmodel import col, select

from gymlab.arguments import instance, named, shown, whole_number
from gymlab.db_models import ActionRow
from gymlab.entropy import IncrementalEntropy
from gymlab.errors import InputError
from gymlab.gym.decisions import Agent, Scenario, Turn
from gymlab.gym.recorded import action_of, decision_of
from gymlab.gym.scenarios import ScenarioTemplate, scenarios
from gymlab.runtime.database import Database
from gymlab.runtime.live_sessions import SESSION_STATES, SessionState

# The turns of a session that an agent is told at most.
_MOST_HISTORY = 1_000
# The decisions of a session whose entropy is shown.
_ENTROPY_WINDOW = 100
_BATCH = 1_000
# Agents wait while so many decisions are not yet being stored.
_MOST_WAITING = 4 * _BATCH
# The writer waits so long for a batch to fill.
_LINGER_S = 0.05
# Agents that answer at once let the event loop do other work after so many decisions.
_AT_A_TIME = 4

_log = logging.getLogger(__name__)


class Training:
    """Sessions in which agents decide; each decision is stored once, also if the process is killed and starts again.

    Each agent plays `sessions` sessions of `scenarios` scenarios, as :func:`gymlab.gym.scenarios.scenarios` draws them,
    with a counterpart that is a coin. They depend only on the seed, the name of the agent and the number of the session.
    The agent is told the last 1,000 turns of the session.

    The database is the checkpoint. The key of a decision is the session ``name/agent/number``, the agent, and the step.
    A training of the same name and the same parameters goes on where the stored decisions end: the scenarios are drawn
    again, the turns are read from the database, and no stored decision is asked for again.

    Parameters
    ----------
    agents
        The agents, each with a name of its own.
    database
        Where the decisions are stored, in ``gymlab_actions``.
    scenarios, sessions
        The number of scenarios in a session, and of sessions for each agent.
    seed
        The seed of scenarios and counterparts.
    name
        The name of the training; by default ``training-`` and the seed.
    templates
        What :func:`gymlab.gym.scenarios.read_scenarios` returned; None for the ten archetypes.
    at_once
        The most sessions that run side by side.

    Attributes
    ----------
    states
        The state of each session.
    stored
        The decisions that this process has stored.

    Raises
    ------
    InputError
        If an argument cannot be used.

    Examples
    --------
    >>> from gymlab.gym.agent_specs import agent_from_spec
    >>> async def trained():
    ...     async with Database("sqlite:///:memory:") as database:
    ...         training = Training([agent_from_spec("scripted:selfish", seed=0)], database, scenarios=5, sessions=2)
    ...         await training.run()
    ...         return training.stored
    >>> asyncio.run(trained())
    10
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        database: Database,
        *,
        scenarios: int = 100,
        sessions: int = 10,
        seed: int = 0,
        name: str | None = None,
        templates: Sequence[ScenarioTemplate] | None = None,
        at_once: int = 50,
    ) -> None:
        instance("database", database, Database, "a gymlab.Database")
        self._scenarios = whole_number("scenarios", scenarios, least=1, most=1_000_000)
        self._sessions = whole_number("sessions", sessions, least=1, most=1_000_000)
        self._seed = whole_number("seed", seed, least=0)
        self._at_once = whole_number("at_once", at_once, least=1, most=10_000)
        self.name = f"training-{seed}" if name is None else name
        if not isinstance(self.name, str) or not self.name or "/" in self.name:
            raise InputError(f"name is {shown(name)}; give a text without a slash")
        self._agents = {agent.name: agent for agent in agents}
        if not agents or len(self._agents) < len(agents):
            raise InputError(
                f"agents are {named(agent.name for agent in agents)}; give agents with different names"
            )
        self._database, self._templates = database, templates
        # They have to be equal for a training to go on, so they are stored with the first decision of each session.
        self.parameters: dict[str, Any] = {
            "agents": list(self._agents),
            "scenarios": self._scenarios,
            "sessions": self._sessions,
            "seed": self._seed,
            "templates": templates and hashlib.sha256(repr(list(templates)).encode()).hexdigest()[:16],
        }
        self.states = [
            SessionState(agent, f"{self.name}/{agent}/{number:04}")
            for number in range(sessions)
            for agent in self._agents
        ]
        self.stored = 0
        self._rows: list[ActionRow] = []
        self._wake, self._room, self._closing = asyncio.Event(), asyncio.Event(), False

    def __repr__(self) -> str:
        return f"Training({self.name!r}, agents={list(self._agents)}, sessions={self._sessions})"

    async def run(self) -> None:
        """Run the sessions to their end. If this is cancelled, the decisions made so far are stored first.

        A session whose agent raises an error is ``failed``, and the others go on; another run begins it again where it
        failed.

        Raises
        ------
        InputError
            If a training of this name with other parameters is in the database.
        OutputError
            If the database cannot be written.
        """
        stored = await self._find_stored()
        for state in self.states:
            state.decided, state.missing = stored.get((state.session, state.agent), (0, 0))
            state.state = "done" if sum((state.decided, state.missing)) >= self._scenarios else "waiting"
        self._closing = False
        self._room.set()
        todo = (state for state in self.states if state.state == "waiting")
        writer = asyncio.create_task(self._write())
        workers = asyncio.gather(*(self._work(todo) for _ in range(self._at_once)))
        both: list[asyncio.Future[Any]] = [workers, writer]
        with _short_collections():
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                workers.cancel()
                await asyncio.gather(workers, return_exceptions=True)
                self._closing = True
                self._wake.set()
                await writer
        workers.result()

    def frame(self) -> pd.DataFrame:
        """Return a row for each agent: its sessions by state, its decisions, and the mean entropy of its sessions."""
        rows = []
        for agent in self._agents:
            own = [state for state in self.states if state.agent == agent]
            begun = [state.entropy_bits for state in own if state.decided]
            rows.append(
                {
                    "agent": agent,
                    **{name: sum(state.state == name for state in own) for name in SESSION_STATES},
                    "decided": sum(state.decided for state in own),
                    "missing": sum(state.missing for state in own),
                    "entropy_bits": sum(begun) / len(begun) if begun else float("nan"),
                }
            )
        return pd.DataFrame(rows)

    async def _find_stored(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Return for each stored session the number of decisions, and of missing ones."""
        # PostgreSQL may compare texts by the rules of a language; SQLite looks the range up in its index.
        sqlite = self._database.engine.dialect.name == "sqlite"
        column = col(ActionRow.session_id) if sqlite else collate(col(ActionRow.session_id), "C")
        ours = (column >= f"{self.name}/", column < f"{self.name}0")  # 0 is the character after the slash
        async with self._database.session() as session:
            first = (
                await session.exec(select(ActionRow.meta).where(*ours, ActionRow.step == 0).limit(1))
            ).first()
            if first is not None and (there := json.loads(first).get("training")) != self.parameters:
                found = ", ".join(f"{name}={value}" for name, value in (there or {}).items())
                raise InputError(
                    f"the database has a training {self.name!r} with other parameters ({found}); choose another name"
                )
            missing = func.sum(case((col(ActionRow.action_type) == "", 1), else_=0))
            counted = await session.exec(
                select(ActionRow.session_id, ActionRow.agent_id, func.count(), missing)
                .where(*ours)
                .group_by(ActionRow.session_id, ActionRow.agent_id)
            )
            return {(one, agent): (n - absent, absent) for one, agent, n, absent in counted}

    async def _work(self, todo: Iterator[SessionState]) -> None:
        for state in todo:
            state.state = "running"
            try:
                await self._play(state)
            except Exception as error:  # noqa: BLE001 - the errors of an agent are of any kind
                state.state, state.cause = "failed", f"{type(error).__name__}: {error}"
                _log.warning("session %s failed: %s", state.session, shown(state.cause))
            except BaseException:
                state.state = "waiting"
                raise
            else:
                state.state = "done"

    async def _play(self, state: SessionState) -> None:
        """Play a session from its first step that is not stored."""
        agent = self._agents[state.agent]
        drawn = self._scenarios_of(state)
        entropy = IncrementalEntropy(window=_ENTROPY_WINDOW)
        first = state.decided + state.missing
        history = await self._history(state, list(islice(drawn, first))) if first else []
        for turn in history:
            if turn.decision.choice:
                entropy.add(turn.decision.choice)
        more = {"training": self.parameters}
        for step, scenario in enumerate(drawn, first):
            await self._room.wait()
            start = perf_counter()
            decision = await agent.decide(scenario, history)
            row = action_of(
                scenario,
                decision,
                session_id=state.session,
                agent_id=state.agent,
                step=step,
                timestamp=datetime.now(UTC),
                latency_ms=1e3 * (perf_counter() - start),
                more=None if step else more,
            )
            # Nothing is awaited from here on, so a decision that was made is stored.
            self._store(row)
            history.append(Turn(scenario, decision))
            if len(history) > _MOST_HISTORY:
                del history[0]
            if row.action_type:
                state.decided += 1
                entropy.add(row.action_type)
                state.entropy_bits = entropy.bits
            else:
                state.missing += 1
            if step % _AT_A_TIME == 0:
                await asyncio.sleep(0)

    def _scenarios_of(self, state: SessionState) -> Iterator[Scenario]:
        own = f"{self._seed}/{state.agent}/{state.session.rpartition('/')[2]}"
        # A generator that is seeded by a text gives the same numbers in every process and every version of Python.
        seed = random.Random(own).getrandbits(32)  # noqa: S311 - no secret
        return scenarios(self._scenarios, seed, templates=self._templates)

    async def _history(self, state: SessionState, scenarios: Sequence[Scenario]) -> list[Turn]:
        """Return the stored turns of a session that goes on."""
        query = (
            select(ActionRow)
            .where(ActionRow.session_id == state.session, ActionRow.agent_id == state.agent)
            .where(ActionRow.step >= len(scenarios) - _MOST_HISTORY)
            .order_by(col(ActionRow.step))
        )
        async with self._database.session() as session:
            rows = (await session.exec(query)).all()
        return [Turn(scenarios[row.step], decision_of(row)) for row in rows]

    def _store(self, row: ActionRow) -> None:
        self._rows.append(row)
        self._wake.set()
        if len(self._rows) >= _MOST_WAITING:
            self._room.clear()

    async def _write(self) -> None:
        """Store decisions in batches until the training ends; agents wait while too many are not being stored."""
        while self._rows or not self._closing:
            await self._wake.wait()
            if len(self._rows) < _BATCH and not self._closing:
                await asyncio.sleep(_LINGER_S)
            rows, self._rows = self._rows, []
            self._room.set()
            if not self._closing:
                self._wake.clear()
            self.stored += await self._database.bulk_insert(rows, _BATCH)


@contextmanager
def _short_collections() -> Iterator[None]:
    """Let the garbage collector leave alone what was there before, and run less often.

    It would look at all objects of the process time and again, each time for a tenth of a second, in which the event
    loop does nothing else.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
