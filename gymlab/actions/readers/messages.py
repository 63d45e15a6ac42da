"""Messages of a chat in the shapes of several programs: texts and their parts, times, tool calls and their answers.

If a value is unusable, only this value is left out. It is counted under a sentence that becomes a note.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from gymlab.actions.json_text import strict_json
from gymlab.actions.moments import in_utc, moment_of

Json = dict[str, Any]
Odd = Counter[str]

ROLES = ("assistant", "user", "tool")
_PASSED_OVER = ("system", "developer")
# The keys under which an object in a content has its text or further parts, and the keys that mark an error.
_INNER = ("text", "content", "value")
_FLAGS = ("error", "is_error", "isError")

_NO_MESSAGE = "messages without a role that is known, left out"
_NO_TIME = "messages whose time is no ISO 8601 time, left out"
_MIXED_ZONES = "messages with a zone after one without or the reverse, so of unknown latency"
_STEPS_BACK = "messages before which the clock steps back, so of unknown latency"
_NO_CALLS = "tool calls that are no list, left out"
_NO_NAME = "tool calls without the name of a tool, left out"
_NO_ARGUMENTS = "tool calls whose arguments are no JSON object"
_NO_TOKENS = "numbers of tokens that are no usable numbers, left out"


@dataclass(frozen=True)
class Call:
    """A tool call.

    Attributes
    ----------
    id
        The id by which an answer refers to the call, or None.
    name
        The name of the tool.
    arguments
        The arguments; None if they cannot be read.
    text
        The name and the arguments as text. Two calls are equal if their texts are equal; this includes the type of each
        number. None if `arguments` is None.
    """

    id: object
    name: str
    arguments: Json | None
    text: str | None


def object_of(value: object) -> Json:
    """Return a value if it is a JSON object, else an empty object."""
    return value if isinstance(value, dict) else {}


def spoken(messages: Sequence[object], odd: Odd) -> list[Json]:
    """Return the messages of the agent, the user and the tools, without those of the system."""
    found = []
    for message in messages:
        role = object_of(message).get("role")
        if role in ROLES:
            found.append(object_of(message))
        elif role not in _PASSED_OVER:
            odd[_NO_MESSAGE] += 1
    return found


def text_of(content: object) -> str:
    """Return the text in all parts of the content of a message.

    Examples
    --------
    >>> text_of([{"type": "text", "text": "Error: "}, None, {"type": "image", "url": "x"}, "none"])
    'Error: none'
    """
    return "".join(part for part in _parts(content) if isinstance(part, str))


def says_something(content: object) -> bool:
    """Tell whether a message has a text or another content such as an image."""
    return any(
        not isinstance(part, dict) or part.keys().isdisjoint(_INNER) for part in _parts(content) if part
    )


def reports_error(content: object) -> bool:
    """Tell whether the answer of a tool reports an error, by a flag or by the first word of a text."""
    return any(
        any(part.get(flag) for flag in _FLAGS) or part.get("status") == "error"
        if isinstance(part, dict)
        else isinstance(part, str) and part.lstrip().lower().startswith("error")
        for part in _parts(content)
    )


def _parts(content: object) -> Iterator[object]:
    """Yield all objects and values in the content of a message, in order, from any depth."""
    waiting = [content]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += reversed(part)
            continue
        yield part
        if isinstance(part, dict):
            waiting += [part[name] for name in reversed(_INNER) if name in part]


def n_tokens(message: Json, odd: Odd) -> int | float | None:
    """Return the number of tokens of a message, or None if it is unknown."""
    usage = message.get("usage")
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else usage
    if tokens is None:
        return None
    if isinstance(tokens, bool) or not isinstance(tokens, (int, float)) or not 0 <= tokens < math.inf:
        odd[_NO_TOKENS] += 1
        return None
    return tokens


def time_of(message: Json, odd: Odd) -> datetime | None:
    """Return the time of a message; it has no zone if the message names no zone. None if the time is unknown."""
    stamp = message.get("timestamp")
    moment = moment_of(stamp)
    # The action table has no time outside of the calendar in UTC.
    usable = in_utc(moment) is not None
    if stamp is not None and not usable:
        odd[_NO_TIME] += 1
    return moment if usable else None


def milliseconds(before: datetime | None, now: datetime | None, odd: Odd) -> float | None:
    """Return the time between two messages, or None if it is unknown."""
    if before is None or now is None:
        return None
    if (before.tzinfo is None) != (now.tzinfo is None):
        odd[_MIXED_ZONES] += 1
        return None
    passed = (now - before).total_seconds() * 1000
    if passed < 0:
        odd[_STEPS_BACK] += 1
        return None
    return passed


def calls_of(message: Json, odd: Odd) -> list[Call]:
    """Return the tool calls of a message, in either of the two published shapes."""
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        odd[_NO_CALLS] += 1
        return []
    found = []
    for call in map(object_of, calls):
        asked = call["function"] if isinstance(call.get("function"), dict) else call
        name = asked.get("name")
        if not isinstance(name, str) or not name:
            odd[_NO_NAME] += 1
            continue
        found.append(Call(call.get("id"), name, *_arguments(name, asked.get("arguments"), odd)))
    return found


def call_text(name: str, arguments: object) -> str:
    """Return a call as text. Calls with equal texts are equal, including the type of each number."""
    return json.dumps([name, arguments], sort_keys=True)


def _arguments(name: str, given: object, odd: Odd) -> tuple[Json | None, str | None]:
    """Return the arguments of a call (an empty object for an empty text), and the call as text."""
    blank = given is None or (isinstance(given, str) and not given.strip())
    try:
        found = {} if blank else strict_json(given) if isinstance(given, str) else given
        text = call_text(name, found)
    except (ValueError, RecursionError):
        found = None
    if blank or not isinstance(found, dict):
        odd[_NO_ARGUMENTS] += 1
    return (found, text) if isinstance(found, dict) else (None, None)


def answers_to(calls: Sequence[Call], messages: Iterable[Json]) -> list[Json | None]:
    """Return the answer to each call. The answers are the tool messages right after the message with the calls.

    Parameters
    ----------
    calls
        The calls of one message.
    messages
        The messages after it. If the call or the answer has no id, they are matched by their order.
    """
    free = list(takewhile(lambda message: message["role"] == "tool", messages))
    found: list[Json | None] = [None] * len(calls)
    for by_id in (True, False):
        for number, call in enumerate(calls):
            fitting = (answer for answer in free if _answers(answer, call, by_id=by_id))
            if found[number] is None and (answer := next(fitting, None)) is not None:
                found[number] = answer
                free = [other for other in free if other is not answer]
    return found


def _answers(answer: Json, call: Call, *, by_id: bool) -> bool:
    ids = [one for one in (answer.get("tool_call_id"), answer.get("id")) if one is not None]
    return call.id in ids if by_id else not ids or call.id is None
