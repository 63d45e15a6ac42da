"""What the tools of tau-bench do, as data: which only look, which change something, and to whom they point."""

from collections.abc import Mapping
from typing import Any

from gymlab.actions.readers.messages import reports_error

_REASON = {"think", "calculate"}
_FINISH = {"done"}
_ESCALATE = {"transfer_to_human_agents"}
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

# A call may name several things, such as a customer and one of the customer's lines; the first here is the target.
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
    """Return what a tool is for: read, write, reason, escalate or finish."""
    for kind, names in (("reason", _REASON), ("finish", _FINISH), ("escalate", _ESCALATE)):
        if tool in names:
            return kind
    return "read" if tool.startswith(_READ) else "write"


def relationship_of(kind: str) -> str:
    """Return the relationship that goes with a kind of action."""
    return _RELATIONSHIP[kind]


def argument_target(kind: str, arguments: Mapping[str, Any]) -> str:
    """Return what a call points to: ``order_id:…``, or the database as a whole."""
    ids = ((name, arguments.get(name)) for name in _IDS)
    named = next((f"{name}:{value}" for name, value in ids if isinstance(value, (str, int))), "database")
    return _TARGET.get(kind, named)


def outcome_of(answer: Mapping[str, Any]) -> float:
    """Return -1 for an answer that reports an error, else 0.5."""
    return -1.0 if reports_error(answer) else 0.5
