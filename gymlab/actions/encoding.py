"""From the columns of a log to the numeric channels that distances are computed on.

The local cost of two actions is the sum over channels of ``weight · (difference / scale)²`` for a numeric
channel and of ``weight`` for a categorical one whose values differ. Scales are fixed per log and kept with the
result, so that two windows of one log are always compared alike.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.errors import InputError

# Up to this many levels a category becomes one 0/1 column a level; above, an integer code that the kernel tests
# for equality: 64 one-hot columns made the kernel 19 times slower than 6.
_MOST_ONE_HOT_LEVELS = 16

# An optional channel that is known for less than this share of the actions says more about the log than about
# the agents.
_LEAST_COVERAGE = 0.5

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
    kind: Literal["numeric", "categorical"]
    weight: float = 1.0
    log: bool = False
    missing: Literal["drop", "fill", "refuse"] = "drop"


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
_AUTO = (
    "action_type",
    "relationship_type",
    "impact",
    "outcome_valence",
    "decision_entropy",
    "context_weight",
)


@dataclass(frozen=True)
class FittedChannel:
    """A channel with what the log fixed for it: ``scale`` and ``fill`` of a numeric, ``levels`` of a category."""

    channel: Channel
    scale: float = 1.0
    fill: float | None = None
    levels: tuple[str, ...] = ()

    @property
    def is_code(self) -> bool:
        """Whether it is compared as an integer code."""
        return len(self.levels) > _MOST_ONE_HOT_LEVELS


@dataclass(frozen=True)
class Encoding:
    """The channels of one log and what was said about choosing them.

    Attributes
    ----------
    channels
        Those in use.
    notes
        Sentences: what was chosen, left out, filled, and why.
    """

    channels: tuple[FittedChannel, ...]
    notes: tuple[str, ...]

    @property
    def mismatch_weights(self) -> tuple[float, ...]:
        """Weights of the code columns, which stand last in :meth:`encode`."""
        return tuple(fitted.channel.weight for fitted in self.channels if fitted.is_code)

    @property
    def columns(self) -> list[str]:
        """Names of the columns that :meth:`encode` returns."""
        return [name for fitted in self._ordered() for name in _column_names(fitted)]

    def encode(self, actions: pd.DataFrame) -> NDArray[np.float32]:
        """Return float32 ``(n_actions, n_columns)``, without any NaN.

        Raises
        ------
        InputError
            If the actions hold a category that the log of the fit did not have.
        """
        return np.column_stack([_encoded(actions, fitted) for fitted in self._ordered()]).astype(np.float32)

    def as_dict(self) -> dict[str, Any]:
        """Return all that is needed to encode alike, JSON-able."""
        return asdict(self)

    def _ordered(self) -> list[FittedChannel]:
        return sorted(self.channels, key=lambda fitted: fitted.is_code)


def fit_encoding(actions: pd.DataFrame, channels: str | Sequence[str | Channel] = "auto") -> Encoding:
    """Choose and scale the channels of a log.

    Parameters
    ----------
    actions
        The action table.
    channels
        ``"auto"`` for what the log has of choice, relationship, impact, outcome, decision entropy and context
        weight; or names of columns, or :class:`Channel` objects.

    Returns
    -------
    Encoding

    Raises
    ------
    InputError
        If a channel is unknown, named twice or has no usable value.

    Examples
    --------
    >>> from gymlab.actions import frame_from_records
    >>> log = frame_from_records(
    ...     {"session_id": "s", "agent_id": "a", "step": i, "actor": "a", "action_type": kind, "target": "b",
    ...      "relationship_type": "neutral", "decision_context": ""}
    ...     for i, kind in enumerate(["give", "take", "give"])
    ... )
    >>> encoding = fit_encoding(log)
    >>> encoding.columns, encoding.encode(log).ravel().tolist()
    (['action_type=take'], [0.0, 1.0, 0.0])
    """
    if len(actions) == 0:
        raise InputError("the log holds no actions")
    if isinstance(channels, str):
        if channels != "auto":
            raise InputError(f"channels is {channels!r}; give 'auto' or a sequence of channels")
        return _fit_auto(actions)
    wanted = [_named_channel(channel) for channel in channels]
    names = [channel.column for channel in wanted]
    if not names or len(set(names)) < len(names):
        raise InputError(f"channels has to name each channel once, and at least one; it is {names}")
    notes: list[str] = []
    fitted = [_fit(actions, channel, notes) for channel in wanted]
    usable = tuple(one for one in fitted if one is not None)
    if not usable:
        raise InputError("no channel is left: " + "; ".join(notes))
    return Encoding(usable, (f"channels: {', '.join(names)} (as asked)", *notes))


def _fit_auto(actions: pd.DataFrame) -> Encoding:
    notes: list[str] = []
    chosen: list[FittedChannel] = []
    for name in _AUTO:
        values = _column(actions, name)
        known = (
            values.replace("", np.nan).dropna()
            if values.dtype == object or name != "context_weight"
            else values
        )
        if known.empty:
            notes.append(f"{name} is left out: the log does not have it")
        elif known.nunique() == 1:
            notes.append(f"{name} is left out: it is always {known.iloc[0]}")
        else:
            fitted = _fit(actions, DEFAULT_CHANNELS[name], notes)
            chosen += [fitted] if fitted else []
    if not chosen:
        chosen = [FittedChannel(DEFAULT_CHANNELS["action_type"], levels=_levels(actions["action_type"]))]
        notes.append("every action is alike, so all windows are at distance 0")
    names = ", ".join(fitted.channel.column for fitted in chosen)
    return Encoding(tuple(chosen), (f"channels: {names} (chosen from what the log has)", *notes))


def _named_channel(channel: str | Channel) -> Channel:
    name = channel if isinstance(channel, str) else channel.column
    if name not in DEFAULT_CHANNELS:
        raise InputError(f"there is no channel {name!r}; known are {', '.join(DEFAULT_CHANNELS)}")
    if isinstance(channel, str):
        return DEFAULT_CHANNELS[name]
    if not (np.isfinite(channel.weight) and channel.weight > 0):
        raise InputError(f"channel {name}: weight is {channel.weight!r}; give a number above 0")
    if channel.kind == "numeric" and DEFAULT_CHANNELS[name].kind == "categorical":
        raise InputError(f"channel {name} is text, so its kind has to be categorical")
    return channel


def _column(actions: pd.DataFrame, name: str) -> pd.Series:
    if name == "context_weight":
        return actions["decision_context"].map(CONTEXT_WEIGHTS).fillna(1.0).astype(np.float64)
    if name not in actions:
        return pd.Series(np.nan, index=actions.index, dtype=object)
    return actions[name]


def _levels(values: pd.Series) -> tuple[str, ...]:
    return tuple(sorted(values.astype(object).fillna("").astype(str).unique()))


def _fit(actions: pd.DataFrame, channel: Channel, notes: list[str]) -> FittedChannel | None:
    """Fix a channel's scale or levels; None if its policy for missing values drops it."""
    values = _column(actions, channel.column)
    known = values.notna()
    if not known.any():
        raise InputError(f"channel {channel.column} has no usable value in this log; choose other channels")
    if channel.kind == "categorical":
        return FittedChannel(channel, levels=_levels(values))
    coverage = float(known.mean())
    if coverage < 1 and channel.missing == "refuse":
        raise InputError(
            f"channel {channel.column} is unknown for {(~known).sum():,} of {len(values):,} actions"
        )
    if coverage < _LEAST_COVERAGE and channel.missing == "drop":
        notes.append(f"{channel.column} is left out: only {coverage:.0%} of the actions have it")
        return None
    numbers = _numbers(values[known], channel)
    scale = float(numbers.std()) or 1.0
    if coverage == 1:
        return FittedChannel(channel, scale=scale)
    fill = float(np.median(numbers))
    notes.append(
        f"{channel.column} is unknown for {1 - coverage:.0%} of the actions: these take the median and a mark"
    )
    return FittedChannel(channel, scale=scale, fill=fill)


def _numbers(values: pd.Series, channel: Channel) -> NDArray[np.float64]:
    numbers = values.to_numpy(dtype=np.float64)
    if not channel.log:
        return numbers
    if numbers.size and np.nanmin(numbers) < 0:
        raise InputError(
            f"channel {channel.column} holds {np.nanmin(numbers)}, and log needs values of 0 or more"
        )
    return np.log1p(numbers)


def _column_names(fitted: FittedChannel) -> list[str]:
    name = fitted.channel.column
    if fitted.is_code:
        return [f"{name} (code)"]
    if fitted.channel.kind == "numeric":
        return [name] if fitted.fill is None else [name, f"{name} (unknown)"]
    # Two levels need one column: its difference is the mismatch.
    levels = fitted.levels[1:] if len(fitted.levels) == 2 else fitted.levels
    return [f"{name}={level}" for level in levels]


def _encoded(actions: pd.DataFrame, fitted: FittedChannel) -> NDArray[np.float64]:
    """Return the columns of one channel, such that squared differences add up to its local cost."""
    channel = fitted.channel
    values = _column(actions, channel.column)
    root = np.sqrt(channel.weight)
    if channel.kind == "numeric":
        numbers = _numbers(values, channel)
        unknown = np.isnan(numbers)
        if fitted.fill is None:
            if unknown.any():
                raise InputError(f"channel {channel.column} is unknown for {int(unknown.sum())} actions")
            return root * numbers[:, None] / fitted.scale
        numbers = np.where(unknown, fitted.fill, numbers)
        return root * np.column_stack([numbers / fitted.scale, unknown])
    codes = pd.Index(fitted.levels).get_indexer(values.astype(object).fillna("").astype(str))
    if (codes < 0).any():
        unseen = values[codes < 0].iloc[0]
        raise InputError(
            f"channel {channel.column} holds {unseen!r}, which the log it was fitted on does not have"
        )
    if fitted.is_code:
        return codes[:, None].astype(np.float64)
    if len(fitted.levels) == 2:
        return root * codes[:, None]
    # Two one-hot columns differ where the levels do, so each carries half of the weight.
    one_hot: NDArray[np.float64] = np.sqrt(channel.weight / 2) * np.eye(len(fitted.levels))[codes]
    return one_hot
