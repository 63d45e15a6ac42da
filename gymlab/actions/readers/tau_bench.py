"""Trajectories of tau-bench and tau2-bench: agents that call tools while they talk with a simulated user.

Both published shapes are read: a list of runs (`traj`), and `{info, tasks, simulations}`. Each tool call is an
action, and so is each message without a tool call. A message with neither text nor call is no action.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from gymlab.actions.columns import REQUIRED_COLUMNS
from gymlab.actions.json_text import unique_keys
from gymlab.actions.raw_rows import RawRows, columns_of, printable
from gymlab.actions.readers import messages as chat
from gymlab.actions.readers.messages import Json, Odd, object_of, reports_error
from gymlab.actions.readers.source_files import lines, uncompressed_name
from gymlab.arguments import named
from gymlab.errors import InputError

_SPEAKERS = {"assistant": "agent", "user": "user"}
_NO_NUMBER = "numbers that are not finite, taken for unknown"
_NO_GOLD = "tasks whose actions cannot be read, so that the impact of their writes is unknown"


@dataclass(frozen=True)
class Conversation:
    """One simulation in either of the two shapes, with the names of the second shape."""

    session_id: str
    agent_id: str
    messages: list[Json]
    gold: list[str] | None
    about: Json = field(default_factory=dict)


def read(path: Path) -> RawRows:
    """Read a file of trajectories; only unusable values are left out, and a note gives their number."""
    text = "".join(line for _, line in lines(path))
    odd: Odd = Counter()

    def finite(text: str) -> float | None:
        value = float(text)
        if math.isfinite(value):
            return value
        odd[_NO_NUMBER] += 1
        return None

    try:
        data = json.loads(text, parse_constant=finite, parse_float=finite, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no JSON: {error}; a JSONL log has one action a line") from error
    simulations, key, conversation = _shape(path, data)
    rows = RawRows({}, np.empty(0, dtype=np.int64), str(path), "simulation")
    records: list[Json] = []
    numbers: list[int] = []
    for number, simulation in enumerate(simulations):
        if not isinstance(object_of(simulation).get(key) or [], list):
            rows.problem(number, key, simulation[key], "is no list of messages")
            continue
        found = list(_actions(conversation(path, data, object_of(simulation), number, odd), odd))
        records += found
        numbers += [number] * len(found)
    rows.columns = columns_of(records)
    rows.lines = np.array(numbers, dtype=np.int64)
    rows.notes = [f"{what}: {times:,}" for what, times in odd.items()]
    without = len(simulations) - len(set(numbers)) - len(rows.problems)
    if without and records:
        has = "has" if without == 1 else "have"
        rows.notes.append(f"{without:,} of {len(simulations):,} simulations {has} no action")
    elif not records:
        # No action can be read, so the file has another shape.
        for number, simulation in enumerate(simulations):
            if key not in object_of(simulation):
                problem = f"does not have the published shape (KeyError: {key!r})"
                rows.problem(number, "", "", problem)
    return rows


def _shape(path: Path, data: object) -> tuple[list[Any], str, Callable[..., Conversation]]:
    """Return the simulations of a file, the key of their messages, and the function that reads one."""
    if isinstance(data, list) and (not data or any("traj" in object_of(run) for run in data)):
        return data, "traj", _from_run
    if isinstance(data, dict) and isinstance(data.get("simulations"), list):
        return data["simulations"], "messages", _from_simulation
    first = object_of(data[0] if isinstance(data, list) else data)
    if not first.keys().isdisjoint(REQUIRED_COLUMNS):
        how = "in one array" if isinstance(data, list) else "over several lines"
        raise InputError(f"{path}: holds actions as JSON {how}; write each action on one line: jq -c '.[]?'")
    if "nbformat" in first:
        raise InputError(f"{path}: is a Jupyter notebook; name the log that it reads")
    found = f"an object with {named(data)}" if isinstance(data, dict) else f"a {type(data).__name__}"
    raise InputError(
        f"{path}: is neither a list of tau-bench runs (with 'traj') nor an object with 'simulations', but {found}; "
        "neutral logs are JSONL, one action a line"
    )


def _from_run(path: Path, _data: object, run: Json, number: int, odd: Odd) -> Conversation:
    """Read the first shape; it does not name the model, so the name of the file becomes the name of the agent."""
    task = object_of(object_of(run.get("info")).get("task"))
    return Conversation(
        session_id=_session(path, run, number),
        agent_id=_stem(path),
        messages=chat.spoken(run.get("traj") or [], odd),
        gold=_gold(task.get("actions"), "kwargs", odd),
        about=_kept(run, "reward"),
    )


def _from_simulation(path: Path, data: Json, simulation: Json, number: int, odd: Odd) -> Conversation:
    info = object_of(data.get("info"))
    agent = object_of(info.get("agent_info"))
    domain = str(object_of(info.get("environment_info")).get("domain_name") or "unknown")
    solo = ":solo" if "solo" in str(agent.get("implementation", "")) else ""
    tasks = data.get("tasks")
    same = (
        task
        for task in map(object_of, tasks if isinstance(tasks, list) else [])
        if "id" in task and task["id"] == simulation.get("task_id")
    )
    criteria = object_of(next(same, {}).get("evaluation_criteria"))
    own_id = simulation.get("id")
    return Conversation(
        session_id=str(own_id)
        if own_id and isinstance(own_id, (str, int))
        else _session(path, simulation, number),
        agent_id=f"{agent.get('llm') or _stem(path)}:{domain}{solo}",
        messages=chat.spoken(simulation.get("messages") or [], odd),
        gold=_gold(criteria.get("actions"), "arguments", odd),
        about={
            "domain": domain,
            **_kept(object_of(simulation.get("reward_info")), "reward"),
            **_kept(simulation, "termination_reason"),
        },
    )


def _kept(found: Json, name: str) -> Json:
    """Return a field of a simulation for the metadata of its actions; an empty object if it is unknown."""
    return {name: found[name]} if found.get(name) is not None else {}


def _session(path: Path, simulation: Json, number: int) -> str:
    """Return the name of a simulation, made from its task and trial or from its number in the file if it has no id."""
    if simulation.get("task_id") is None:
        return f"{_stem(path)}:simulation {number}"
    trial = simulation.get("trial")
    return f"{_stem(path)}:task {simulation['task_id']}:trial {0 if trial is None else trial}"


def _stem(path: Path) -> str:
    return printable(uncompressed_name(path).removesuffix(".json"))


def _gold(actions: object, arguments: str, odd: Odd) -> list[str] | None:
    """Return the calls that a task asks for, as texts; None if they are unknown."""
    if actions is None:
        return None
    try:
        return [chat.call_text(action["name"], action[arguments]) for action in actions]  # type: ignore[attr-defined] # it may be anything
    except (KeyError, TypeError, RecursionError):
        odd[_NO_GOLD] += 1
        return None


def _actions(conversation: Conversation, odd: Odd) -> Iterator[Json]:
    """Yield the actions of one conversation; the steps of the agent and those of the user are counted apart."""
    situation, before = "start", None
    steps = dict.fromkeys(_SPEAKERS.values(), 0)
    for turn, message in enumerate(conversation.messages):
        now = chat.time_of(message, odd)
        previous, before = before, now
        if message["role"] == "tool":
            situation = "after_tool_error" if outcome_of(message) < 0 else "after_tool_ok"
            continue
        actor = _SPEAKERS[message["role"]]
        about = {**conversation.about, "turn": turn}
        tokens = chat.n_tokens(message, odd)
        if tokens is not None:
            about["completion_tokens"] = tokens
        shared = {
            "session_id": conversation.session_id,
            "agent_id": conversation.agent_id if actor == "agent" else f"user:{conversation.agent_id}",
            "actor": actor,
            "decision_context": situation,
            "timestamp": None if now is None else message["timestamp"],
            "latency_ms": chat.milliseconds(previous, now, odd),
        }
        for action in _of_message(conversation, turn, actor, about, odd):
            yield {**shared, **action, "step": steps[actor]}
            steps[actor] += 1
        situation = f"after_{actor}_message"


def _of_message(conversation: Conversation, turn: int, actor: str, about: Json, odd: Odd) -> Iterator[Json]:
    message = conversation.messages[turn]
    calls = chat.calls_of(message, odd)
    if not calls and chat.says_something(message.get("content")):
        yield {
            "action_type": "message",
            "target": "user" if actor == "agent" else "agent",
            "relationship_type": _RELATIONSHIP["message"],
            "metadata": {**about, "kind": "message", "chars": len(chat.text_of(message["content"]))},
        }
    answers = chat.answers_to(calls, islice(conversation.messages, turn + 1, None))
    for call, answer in zip(calls, answers, strict=True):
        kind = kind_of(call.name)
        n_args = {} if call.arguments is None else {"n_args": len(call.arguments)}
        yield {
            "action_type": call.name,
            "target": argument_target(kind, call.arguments or {}),
            "relationship_type": _RELATIONSHIP[kind],
            "impact": _impact(kind, actor, call.text, conversation.gold),
            "outcome_valence": None if answer is None else outcome_of(answer),
            "metadata": {**about, "kind": kind, **n_args},
        }


def _impact(kind: str, actor: str, call: str | None, gold: list[str] | None) -> float | None:
    """Return 0 for an action that changes nothing, 1 for a write of the task, -1 for another write of the agent.

    A write of the user that the task does not ask for is a step to find the fault, so its impact is unknown.
    """
    if kind != "write":
        return 0.0
    if gold is None or call is None:
        return None
    if call in gold:
        return 1.0
    return -1.0 if actor == "agent" else None


# The kinds of tools that neither read nor write.
_TOOLS = {"think": "reason", "calculate": "reason", "done": "finish", "transfer_to_human_agents": "escalate"}
_READ = ("can_send_", "check_", "find_", "get_", "list_", "run_speed_", "search_")

_RELATIONSHIP = {
    "read": "resource",
    "write": "environment",
    "reason": "self",
    "finish": "self",
    "escalate": "neutral",
    "message": "neutral",
}
_TARGET = {"reason": "self", "finish": "self", "escalate": "human_operator"}

# A call may have several ids, such as those of a customer and a line. The first one in this list is the target.
_IDS = (
    "reservation_id",
    "order_id",
    "product_id",
    "line_id",
    "bill_id",
    "user_id",
    "customer_id",
    "phone_number",
)


def kind_of(tool: str) -> str:
    """Return the kind of a tool: read, write, reason, escalate or finish."""
    return _TOOLS.get(tool, "read" if tool.startswith(_READ) else "write")


def argument_target(kind: str, arguments: Mapping[str, Any]) -> str:
    """Return the target of a call: ``order_id:…``, or the whole database."""
    ids = ((name, arguments.get(name)) for name in _IDS)
    named = next((f"{name}:{value}" for name, value in ids if isinstance(value, (str, int))), "database")
    return _TARGET.get(kind, named)


def outcome_of(answer: Mapping[str, Any]) -> float:
    """Return -1 for an answer that reports an error, else 0.5."""
    return -1.0 if reports_error(answer) else 0.5
