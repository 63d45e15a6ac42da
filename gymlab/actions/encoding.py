"""The encoding of a log: from its columns to the numeric channels of the distances.

The local cost of two actions is a sum over channels: ``weight · (difference / scale)²`` for a numeric channel, and
``weight`` for a categorical channel if the two values differ. The scales of a log are kept with the result, so that all
its windows are compared in the same way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.channels import (
    AUTO_CHANNELS,
    DEFAULT_CHANNELS,
    Channel,
    FittedChannel,
    checked_channel,
    column_of,
    fit_numbers,
    levels_of,
)
from gymlab.arguments import instance, named, shown
from gymlab.errors import InputError

__all__ = ["Encoding", "FittedChannel", "fit_encoding"]

# If a smaller share of the actions has a value, a channel describes the log rather than the agents.
_LEAST_COVERAGE = 0.5


@dataclass(frozen=True)
class Encoding:
    """The channels of one log, and notes on their choice.

    Attributes
    ----------
    channels
        The channels in use.
    notes
        Sentences about the channels that were chosen, left out or filled, with the reasons.
    """

    channels: tuple[FittedChannel, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<encoding: {named(one.channel.column for one in self.channels)}>"

    @property
    def mismatch_weights(self) -> tuple[float, ...]:
        """The weights of the code columns, which are the last columns of :meth:`encode`."""
        return tuple(fitted.channel.weight for fitted in self.channels if fitted.is_code)

    @property
    def columns(self) -> list[str]:
        """The names of the columns that :meth:`encode` returns."""
        return [name for fitted in self._ordered() for name in fitted.columns]

    def encode(self, actions: pd.DataFrame) -> NDArray[np.float32]:
        """Return float32 ``(n_actions, n_columns)``, without any NaN.

        Raises
        ------
        InputError
            If the actions hold a category that the fitted log does not have.
        """
        return np.concatenate([fitted.encode(actions) for fitted in self._ordered()], axis=1)

    def encode_others(self, actions: pd.DataFrame) -> NDArray[np.float32]:
        """Return float32 ``(n_actions, n_columns)`` of the actions of another log, which may have new categories.

        A category that the fitted log does not have is a mismatch to all of its categories. Use :meth:`widened` for the
        columns of the fitted log before they are compared with these.
        """
        return np.concatenate([fitted.encode(actions, others=True) for fitted in self._ordered()], axis=1)

    def widened(self, encoded: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the result of :meth:`encode`, ``(..., n_columns)``, with the columns of :meth:`encode_others`."""
        ends = np.cumsum([len(fitted.columns) for fitted in self._ordered()])
        parts = np.split(encoded, ends[:-1], axis=-1)
        wide = [fitted.widened(part) for fitted, part in zip(self._ordered(), parts, strict=True)]
        return np.concatenate(wide, axis=-1).astype(np.float32, copy=False)

    def unseen(self, actions: pd.DataFrame) -> tuple[NDArray[np.bool_], dict[str, dict[str, int]]]:
        """Return which actions hold a category that the fitted log does not have, and count these categories.

        Returns
        -------
        (numpy.ndarray, dict)
            bool ``(n_actions,)``; by channel, the number of actions with each new name.
        """
        instance("actions", actions, pd.DataFrame, "an action table")
        where = np.zeros(len(actions), dtype=bool)
        counts: dict[str, dict[str, int]] = {}
        for fitted in self._ordered():
            if fitted.is_category and (new := fitted.codes(actions) < 0).any():
                where |= new
                names = column_of(actions, fitted.channel.column)[new].astype(str).value_counts()
                counts[fitted.channel.column] = {str(name): int(count) for name, count in names.items()}
        return where, counts

    def as_dict(self) -> dict[str, Any]:
        """Return the channels, scales and levels as values of JSON."""
        return asdict(self)

    def _ordered(self) -> list[FittedChannel]:
        return sorted(self.channels, key=lambda fitted: fitted.is_code)


def fit_encoding(
    actions: pd.DataFrame, channels: str | Sequence[str | Channel | Mapping[str, Any]] = "auto"
) -> Encoding:
    """Choose and scale the channels of a log.

    Parameters
    ----------
    actions
        The action table.
    channels
        ``"auto"`` takes those of choice, relationship, impact, outcome, decision entropy and context weight that differ
        between actions of the log. Or names of columns, :class:`Channel` objects, or mappings of their fields.

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
    instance("actions", actions, pd.DataFrame, "an action table")
    if len(actions) == 0:
        raise InputError("the log holds no actions")
    if isinstance(channels, str) and channels == "auto":
        return _fit_auto(actions)
    if isinstance(channels, str) or not isinstance(channels, Sequence):
        raise InputError(f"channels is {shown(channels)}; give 'auto' or a sequence of channels")
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
        if why := _why_useless(column_of(actions, name), DEFAULT_CHANNELS[name]):
            notes.append(f"{name} is left out: {why}")
        else:
            fitted = _fit(actions, DEFAULT_CHANNELS[name], notes)
            chosen += [fitted] if fitted else []
    if not chosen:
        levels = levels_of(column_of(actions, "action_type"))
        chosen = [FittedChannel(DEFAULT_CHANNELS["action_type"], levels=levels)]
        notes.append("all actions are equal, so all windows are at distance 0")
    names = ", ".join(fitted.channel.column for fitted in chosen)
    return Encoding(tuple(chosen), (f"channels: {names} (chosen from what the log has)", *notes))


def _why_useless(values: pd.Series, channel: Channel) -> str:
    """Return the reason why a channel does not distinguish any two actions; "" if it does distinguish some."""
    known = values.dropna().drop_duplicates()
    if len(known) < 2:
        return f"it is always {known.iloc[0]}" if len(known) else "the log does not have it"
    if channel.kind == "numeric" and fit_numbers(channel, known).is_constant:
        return "its values differ by rounding alone"
    return ""


def _fit(actions: pd.DataFrame, channel: Channel, notes: list[str]) -> FittedChannel | None:
    """Return a channel with its scale or levels; None if it is dropped because of missing values."""
    values = column_of(actions, channel.column)
    known = values.notna()
    if not known.any():
        raise InputError(f"channel {channel.column} has no usable value in this log; choose other channels")
    if channel.kind == "categorical":
        return FittedChannel(channel, levels=levels_of(values))
    coverage = float(known.mean())
    if coverage < 1 and channel.missing == "refuse":
        raise InputError(
            f"channel {channel.column} is unknown for {(~known).sum():,} of {len(values):,} actions"
        )
    if coverage < _LEAST_COVERAGE and channel.missing == "drop":
        notes.append(f"{channel.column} is left out: only {coverage:.0%} of the actions have it")
        return None
    fitted = fit_numbers(channel, values[known])
    if fitted.is_constant:
        notes.append(f"{channel.column} does not vary in this log, so its scale is 1")
    if coverage == 1:
        return replace(fitted, fill=None)
    notes.append(
        f"{channel.column} is unknown for {1 - coverage:.0%} of the actions: these take the median and a mark"
    )
    return fitted
