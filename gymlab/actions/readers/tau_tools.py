"""What the tools of tau-bench do, as data: which only look, which change something, and to whom they point."""

from collections.abc import Mapping
from typing import Any

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
    named = next((f"{name}:{arguments[name]}" for name in _IDS if name in arguments), "database")
    return _TARGET.get(kind, named)


def outcome_of(answer: Mapping[str, Any]) -> float:
    """Return -1 for an answer that reports an error, else 0.5."""
    failed = bool(answer.get("error")) or str(answer.get("content") or "").lower().startswith("error")
    return -1.0 if failed else 0.5
