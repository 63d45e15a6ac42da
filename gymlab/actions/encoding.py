"""From the columns of a log to the numeric channels that distances are computed on.

The local cost of two actions is the sum over channels of ``weight · (difference / scale)²`` for a numeric
channel and of ``weight`` for a categorical one whose values differ. Scales are fixed per log and kept with the
result, so that two windows of one log are always compared alike.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.channels import AUTO_CHANNELS, CONTEXT_WEIGHTS, DEFAULT_CHANNELS, Channel, checked_channel
from gymlab.errors import InputError

# Up to this many levels a category becomes one 0/1 column a level; above, an integer code that the kernel tests
# for equality: 64 one-hot columns made the kernel 19 times slower than 6.
_MOST_ONE_HOT_LEVELS = 16

# An optional channel that is known for less than this share of the actions says more about the log than about
# the agents.
_LEAST_COVERAGE = 0.5


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
    wanted = [checked_channel(channel) for channel in channels]
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
    for name in AUTO_CHANNELS:
        values = _column(actions, name)
        known = values.dropna().drop_duplicates()
        if len(known) < 2:
            why = f"it is always {known.iloc[0]}" if len(known) else "the log does not have it"
            notes.append(f"{name} is left out: {why}")
        else:
            fitted = _fit(actions, DEFAULT_CHANNELS[name], notes)
            chosen += [fitted] if fitted else []
    if not chosen:
        chosen = [FittedChannel(DEFAULT_CHANNELS["action_type"], levels=_levels(actions["action_type"]))]
        notes.append("every action is alike, so all windows are at distance 0")
    names = ", ".join(fitted.channel.column for fitted in chosen)
    return Encoding(tuple(chosen), (f"channels: {names} (chosen from what the log has)", *notes))


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
    logarithms: NDArray[np.float64] = np.log1p(numbers)
    return logarithms


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
    values = _column(actions, fitted.channel.column)
    return (
        _encoded_numbers(values, fitted)
        if fitted.channel.kind == "numeric"
        else _encoded_levels(values, fitted)
    )


def _encoded_numbers(values: pd.Series, fitted: FittedChannel) -> NDArray[np.float64]:
    numbers = _numbers(values, fitted.channel)
    unknown = np.isnan(numbers)
    if fitted.fill is None and unknown.any():
        raise InputError(f"channel {fitted.channel.column} is unknown for {int(unknown.sum())} actions")
    columns = [np.where(unknown, fitted.fill or 0.0, numbers) / fitted.scale]
    columns += [unknown] * (fitted.fill is not None)
    weighted: NDArray[np.float64] = math.sqrt(fitted.channel.weight) * np.column_stack(columns)
    return weighted


def _encoded_levels(values: pd.Series, fitted: FittedChannel) -> NDArray[np.float64]:
    channel = fitted.channel
    codes = pd.Index(fitted.levels).get_indexer(pd.Index(values.astype(object).fillna("").astype(str)))
    if (codes < 0).any():
        unseen = values[codes < 0].iloc[0]
        raise InputError(
            f"channel {channel.column} holds {unseen!r}, which the log it was fitted on does not have"
        )
    columns: NDArray[np.float64] = codes[:, None].astype(np.float64)
    if fitted.is_code:
        return columns
    if len(fitted.levels) == 2:
        columns *= math.sqrt(channel.weight)
        return columns
    # Two one-hot columns differ where the levels do, so each carries half of the weight.
    one_hot: NDArray[np.float64] = np.eye(len(fitted.levels))[codes]
    one_hot *= math.sqrt(channel.weight / 2)
    return one_hot
