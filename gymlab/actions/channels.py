"""What can be compared about two actions, as data: the channels, their kinds and weights."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from gymlab.arguments import boolean, finite_number, one_of, shown
from gymlab.errors import InputError

# How much a decision weighs by its context, as the AI Principles Gym has it; any other context weighs 1.
CONTEXT_WEIGHTS = {
    "trust_betrayal": 2.0,
    "fairness_equity": 1.8,
    "power_dynamics": 1.7,
    "cooperation_conflict": 1.5,
    "resource_allocation": 1.3,
    "risk_reward": 1.2,
    "exploration_exploitation": 1.1,
    "efficiency_max": 1.0,
}

# What float32 holds.
_LEAST_WEIGHT, _MOST_WEIGHT = 1e-30, 1e30

Kind = Literal["numeric", "categorical"]
Missing = Literal["drop", "fill", "refuse"]


@dataclass(frozen=True)
class Channel:
    """What is compared, and how.

    Attributes
    ----------
    column
        A column of the action table, or ``context_weight`` (the weight of the decision's context).
    kind
        ``numeric`` or ``categorical``.
    weight
        Its weight in the local cost, above 0.
    log
        Compare ``log(1 + value)``, for amounts that differ by orders of magnitude; needs values of 0 or more.
    missing
        What an unknown number means: ``drop`` leaves the channel out when less than half of the actions have it
        and fills otherwise, ``fill`` always fills with the median and adds a 0/1 channel that marks it,
        ``refuse`` raises.
    """

    column: str
    kind: Kind
    weight: float = 1.0
    log: bool = False
    missing: Missing = "drop"


DEFAULT_CHANNELS = {
    channel.column: channel
    for channel in (
        Channel("action_type", "categorical"),
        Channel("relationship_type", "categorical"),
        Channel("impact", "numeric"),
        Channel("outcome_valence", "numeric"),
        Channel("decision_entropy", "numeric"),
        Channel("context_weight", "numeric"),
        Channel("latency_ms", "numeric", log=True),
        Channel("decision_context", "categorical"),
        Channel("target", "categorical"),
        Channel("actor", "categorical"),
        Channel("other_last", "categorical"),
    )
}
# Latency tells the machine's mood, targets and actors are names, contexts and the other's last move are the
# situation, not the behaviour: all of these only when asked for.
AUTO_CHANNELS = (
    "action_type",
    "relationship_type",
    "impact",
    "outcome_valence",
    "decision_entropy",
    "context_weight",
)


def checked_channel(channel: str | Channel | Mapping[str, Any]) -> Channel:
    """Return the channel that a name means, or that a mapping describes, or the channel itself if it can be.

    Parameters
    ----------
    channel
        A name; a :class:`Channel`; or a mapping of its fields, as YAML and JSON have it: ``column``, and what
        differs from the channel of that name.

    Raises
    ------
    InputError
        If the name or a field is unknown, or a value is not possible.

    Examples
    --------
    >>> checked_channel({"column": "impact", "weight": 2}).weight
    2.0
    """
    if isinstance(channel, Mapping):
        return checked_channel(_described(channel))
    if not isinstance(channel, (str, Channel)):
        raise InputError(
            f"a channel is {shown(channel)}; give its name, a Channel, or a mapping of its fields"
        )
    name = channel if isinstance(channel, str) else channel.column
    if not isinstance(name, str) or name not in DEFAULT_CHANNELS:
        raise InputError(f"there is no channel {shown(name)}; known are {', '.join(DEFAULT_CHANNELS)}")
    if isinstance(channel, str):
        return DEFAULT_CHANNELS[name]
    one_of(f"channel {name}: kind", channel.kind, get_args(Kind))
    one_of(f"channel {name}: missing", channel.missing, get_args(Missing))
    log = boolean(f"channel {name}: log", channel.log)
    weight = finite_number(
        f"channel {name}: weight",
        channel.weight,
        least=_LEAST_WEIGHT,
        most=_MOST_WEIGHT,
        noun="a number above 0,",
    )
    if channel.kind == "numeric" and DEFAULT_CHANNELS[name].kind == "categorical":
        raise InputError(f"channel {name} is text, so its kind has to be categorical")
    return replace(channel, weight=weight, log=log)


def _described(description: Mapping[str, Any]) -> Channel:
    """Return the channel that a mapping describes: the one of its name, with some fields changed."""
    known = [field.name for field in fields(Channel)]
    if unknown := [str(name) for name in description if name not in known]:
        raise InputError(f"a channel has no {', '.join(unknown)}; give {', '.join(known)}")
    if "column" not in description:
        raise InputError(f"{shown(dict(description))} names no channel; give its column")
    channel = checked_channel(description["column"])
    changes = {name: value for name, value in description.items() if name != "column"}
    weight = finite_number(f"channel {channel.column}: weight", changes.get("weight", channel.weight))
    return replace(channel, **{**changes, "weight": weight})
