"""Trajectories of tau-bench and tau2-bench: agents that call tools while they talk with a simulated user.

Both published shapes are read: a list of runs (`traj`), and `{info, tasks, simulations}`. One action is a tool
call, or a message without one; what has neither text nor call is no action.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from gymlab.actions.readers.files import lines
from gymlab.actions.readers.tau_tools import argument_target, kind_of, outcome_of, relationship_of
from gymlab.actions.rows import RawRows, columns_of
from gymlab.arguments import named, shortened
from gymlab.errors import InputError

Json = dict[str, Any]
_SPEAKERS = {"assistant": "agent", "user": "user"}


@dataclass(frozen=True)
class Conversation:
    """One simulation of either shape, in the words of the second."""

    session_id: str
    agent_id: str
    messages: list[Json]
    gold: list[str] | None
    about: Json = field(default_factory=dict)


def read(path: Path) -> RawRows:
    """Read a file of trajectories; a simulation that does not have the published shape is a bad row."""
    text = "".join(line for _, line in lines(path))
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no JSON: {error}") from error
    simulations, conversation = _shape(path, data)
    rows = RawRows({}, np.empty(0, dtype=np.int64), str(path), "simulation")
    records: list[Json] = []
    numbers: list[int] = []
    for number, simulation in enumerate(simulations):
        try:
            actions = list(_actions(conversation(path, data, simulation)))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            # The shapes are nested deeply and may be broken anywhere; the error names the part that is.
            rows.problem(
                number,
                "",
                "",
                f"does not have the published shape ({type(error).__name__}: {shortened(str(error))})",
            )
            continue
        records += actions
        numbers += [number] * len(actions)
    rows.columns = columns_of(records)
    rows.lines = np.array(numbers, dtype=np.int64)
    return rows


def _shape(path: Path, data: object) -> tuple[list[Json], Any]:
    if isinstance(data, list) and all(isinstance(run, dict) and "traj" in run for run in data):
        return data, _from_run
    if isinstance(data, dict) and isinstance(data.get("simulations"), list):
        return data["simulations"], _from_simulation
    found = f"an object with {named(data)}" if isinstance(data, dict) else f"a {type(data).__name__}"
    raise InputError(
        f"{path}: is neither a list of tau-bench runs (with 'traj') nor an object with 'simulations', but {found}; "
        "neutral logs are JSONL, one action a line"
    )


def _from_run(path: Path, _data: object, run: Json) -> Conversation:
    """Read the first shape; it does not say which model it is, so the agent has the file's name."""
    stem = _stem(path)
    return Conversation(
        session_id=f"{stem}:task {run['task_id']}:trial {run.get('trial', 0)}",
        agent_id=stem,
        messages=[message for message in run["traj"] if message["role"] != "system"],
        gold=_gold(run.get("info", {}).get("task", {}).get("actions"), "kwargs"),
    )


def _from_simulation(path: Path, data: Json, simulation: Json) -> Conversation:
    info = data.get("info") or {}
    agent = info.get("agent_info") or {}
    domain = (info.get("environment_info") or {}).get("domain_name", "unknown")
    solo = ":solo" if "solo" in str(agent.get("implementation", "")) else ""
    task: Json = next((t for t in data.get("tasks") or [] if t["id"] == simulation["task_id"]), {})
    named = f"{_stem(path)}:task {simulation['task_id']}:trial {simulation.get('trial', 0)}"
    return Conversation(
        session_id=str(simulation.get("id") or named),
        agent_id=f"{agent.get('llm', _stem(path))}:{domain}{solo}",
        messages=[message for message in simulation["messages"] if message["role"] != "system"],
        gold=_gold((task.get("evaluation_criteria") or {}).get("actions"), "arguments"),
        about={"domain": domain},
    )


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".json")


def _gold(actions: list[Json] | None, arguments: str) -> list[str] | None:
    return None if actions is None else [_call(action["name"], action[arguments]) for action in actions]


def _call(name: str, arguments: Mapping[str, Any]) -> str:
    """Return a call as text: equal texts are equal calls, to the type of each number."""
    return json.dumps([name, arguments], sort_keys=True)


def _actions(conversation: Conversation) -> Iterator[Json]:
    """Yield the actions of one conversation, the agent's and the user's, each counted by itself."""
    situation, before = "start", None
    steps = dict.fromkeys(_SPEAKERS.values(), 0)
    for turn, message in enumerate(conversation.messages):
        now = _time(message)
        if message["role"] == "tool":
            situation = "after_tool_error" if outcome_of(message) < 0 else "after_tool_ok"
            before = now
            continue
        actor = _SPEAKERS[message["role"]]
        about = {**conversation.about, "turn": turn}
        tokens = (message.get("usage") or {}).get("completion_tokens")
        if tokens is not None:
            about["completion_tokens"] = tokens
        shared = {
            "session_id": conversation.session_id,
            "agent_id": conversation.agent_id if actor == "agent" else f"user:{conversation.agent_id}",
            "actor": actor,
            "decision_context": situation,
            "timestamp": message.get("timestamp"),
            "latency_ms": None if now is None or before is None else (now - before).total_seconds() * 1000,
        }
        for action in _of_message(conversation, turn, actor, about):
            yield {**shared, **action, "step": steps[actor]}
            steps[actor] += 1
        situation, before = f"after_{actor}_message", now


def _of_message(conversation: Conversation, turn: int, actor: str, about: Json) -> Iterator[Json]:
    message = conversation.messages[turn]
    calls = message.get("tool_calls") or []
    if not calls and message.get("content"):
        yield {
            "action_type": "message",
            "target": "user" if actor == "agent" else "agent",
            "relationship_type": relationship_of("message"),
            "metadata": {**about, "kind": "message", "chars": len(message["content"])},
        }
    for call in calls:
        asked = call.get("function", call)
        arguments = asked["arguments"]
        arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
        kind = kind_of(asked["name"])
        answer = _answer(conversation.messages, turn, call.get("id"))
        yield {
            "action_type": asked["name"],
            "target": argument_target(kind, arguments),
            "relationship_type": relationship_of(kind),
            "impact": _impact(kind, actor, _call(asked["name"], arguments), conversation.gold),
            "outcome_valence": None if answer is None else outcome_of(answer),
            "metadata": {**about, "kind": kind, "n_args": len(arguments)},
        }


def _impact(kind: str, actor: str, call: str, gold: list[str] | None) -> float | None:
    """Return 0 for what changes nothing, 1 for a write that the task asks for, -1 for an agent's other writes.

    What a user does beside the task is a part of finding the fault, neither good nor bad.
    """
    if kind != "write":
        return 0.0
    if gold is None:
        return None
    if call in gold:
        return 1.0
    return -1.0 if actor == "agent" else None


def _answer(messages: list[Json], turn: int, call_id: str | None) -> Json | None:
    """Return the tool's answer: it stands between this message and the next one that is no answer."""
    for message in messages[turn + 1 :]:
        if message["role"] != "tool":
            return None
        if call_id is None or call_id in (message.get("tool_call_id"), message.get("id")):
            return message
    return None


def _time(message: Json) -> datetime | None:
    stamp = message.get("timestamp")
    return None if stamp is None else datetime.fromisoformat(stamp)
