"""The channels that compare two actions, as data, and the fit of one channel to a log."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.arguments import boolean, finite_number, instance, one_of, shown
from gymlab.errors import InputError

# The weight of a decision by its context, from the AI Principles Gym. Every other context has the weight 1.
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

# The range of weights: the squares of differences with these weights are within float32.
_LEAST_WEIGHT, _MOST_WEIGHT = 1e-30, 1e30

Kind = Literal["numeric", "categorical"]
Missing = Literal["drop", "fill", "refuse"]


@dataclass(frozen=True)
class Channel:
    """A column that is compared, and the way to compare it.

    Attributes
    ----------
    column
        A column of the action table, or ``context_weight`` (the weight of the decision's context).
    kind
        ``numeric`` or ``categorical``.
    weight
        The weight in the local cost, above 0.
    log
        Whether to compare ``log(1 + value)``, for amounts that differ by orders of magnitude. Values must be 0 or more.
    missing
        The treatment of unknown numbers. ``fill`` replaces them by the median, and adds a 0/1 channel that
        marks them. ``drop`` leaves the channel out if less than half of the actions have a value, and otherwise fills.
        ``refuse`` raises an error.
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
# These channels describe behaviour. The others are used only on request: latency depends on the machine, targets and
# actors are names, and the context and the other's last move describe the situation.
AUTO_CHANNELS = (
    "action_type",
    "relationship_type",
    "impact",
    "outcome_valence",
    "decision_entropy",
    "context_weight",
)


def checked_channel(channel: str | Channel | Mapping[str, Any]) -> Channel:
    """Return the channel that a name or a mapping describes; a ``Channel`` is checked and returned.

    Parameters
    ----------
    channel
        A name; a :class:`Channel`; or a mapping of its fields, as YAML and JSON write it: ``column``, and the fields that
        differ from the default channel of that name.

    Raises
    ------
    InputError
        If the name or a field is unknown, or a value is out of range.

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
    """Return the default channel of the name in a mapping, with the other fields of the mapping."""
    known = [field.name for field in fields(Channel)]
    if unknown := [str(name) for name in description if name not in known]:
        raise InputError(f"a channel has no {', '.join(unknown)}; give {', '.join(known)}")
    if "column" not in description:
        raise InputError(f"{shown(dict(description))} names no channel; give its column")
    channel = checked_channel(description["column"])
    changes = {name: value for name, value in description.items() if name != "column"}
    return replace(channel, **changes)


# A category with at most this many levels becomes one 0/1 column for each level. A category with more becomes an integer
# code, which the kernel tests for equality: 64 one-hot columns made the kernel 19 times slower than 6.
_MOST_ONE_HOT_LEVELS = 16

# The largest difference that a few operations can make between equal numbers, relative to the larger of their magnitude
# and 1 (the magnitude of the table's units). The second is for numbers that float32 holds and that are not all whole.
_ROUNDING = 32 * float(np.finfo(np.float64).eps)
_ROUNDING_OF_FLOAT32 = 4 * float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class FittedChannel:
    """A channel that is fitted to a log: with a scale, levels and a fill value.

    Attributes
    ----------
    channel
        The channel.
    scale
        For numbers: the divisor of differences, the standard deviation in the log.
    fill
        For numbers: the median, in place of unknown values; None if all actions have a value.
    levels
        For categories: the names.
    shift
        For numbers: this is subtracted from the values, so that float32 holds their differences.
    rounding
        For numbers that do not vary in the log: values that differ from ``shift`` by at most this count as equal to
        it. 0 for other channels.
    """

    channel: Channel
    scale: float = 1.0
    fill: float | None = None
    levels: tuple[str, ...] = ()
    shift: float = 0.0
    rounding: float = 0.0

    @property
    def is_constant(self) -> bool:
        """Whether the values are numbers that are equal in the log or differ by rounding alone."""
        return self.rounding > 0

    @property
    def is_code(self) -> bool:
        """Whether the values are compared as integer codes."""
        return len(self.levels) > _MOST_ONE_HOT_LEVELS

    @property
    def is_category(self) -> bool:
        """Whether the values are names."""
        return self.channel.kind == "categorical"

    @property
    def columns(self) -> list[str]:
        """The names of the encoded columns."""
        name = self.channel.column
        if self.is_code:
            return [f"{name} (code)"]
        if not self.is_category:
            return [name] if self.fill is None else [name, f"{name} (unknown)"]
        # Two levels need only one column.
        levels = self.levels[1:] if len(self.levels) == 2 else self.levels
        return [f"{name}={level}" for level in levels]

    def encode(self, actions: pd.DataFrame, *, others: bool = False) -> NDArray[np.float32]:
        """Return the columns, scaled so that their squared differences add up to the local cost of the channel.

        Parameters
        ----------
        actions
            The action table.
        others
            Whether names that are not among the levels are allowed. Such a name is a mismatch to every level. A category
            in 0/1 columns then has one more column, which is 0 for every level, see :meth:`widened`.

        Raises
        ------
        InputError
            If a name is not among the levels and ``others`` is false, if a number is unknown and there is no fill
            value, or if a number is too far from the numbers of the log.
        """
        if not self.is_category:
            return self._encoded_numbers(actions)
        codes = self.codes(actions)
        unseen = codes < 0
        if unseen.any() and not others:
            name = column_of(actions, self.channel.column)[unseen].iloc[0]
            raise InputError(
                f"channel {self.channel.column} holds {name!r}, which the log it was fitted on does not have"
            )
        if self.is_code:
            return np.where(unseen, len(self.levels), codes)[:, None].astype(np.float32)
        table = self._one_hot()
        if others:
            # The code of an unseen name is −1, which takes the last row.
            table = np.vstack([self.widened(table), self._mismatch_to_all()])
        return table[codes].astype(np.float32)

    def widened(self, columns: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return columns of known levels, ``(..., n_columns)``, with the column that :meth:`encode` adds for others."""
        if self.is_code or not self.is_category:
            return columns
        return np.concatenate([columns, np.zeros((*columns.shape[:-1], 1), dtype=columns.dtype)], axis=-1)

    def codes(self, actions: pd.DataFrame) -> NDArray[np.int64]:
        """Return the level of each action, −1 for a name that is not among the levels."""
        codes, distinct = names_of(column_of(actions, self.channel.column))
        levels = pd.Index(self.levels, dtype=object).get_indexer(pd.Index(distinct, dtype=object))
        found: NDArray[np.int64] = levels.astype(np.int64)[codes]
        return found

    def _one_hot(self) -> NDArray[np.float64]:
        """Return the columns of each level, ``(n_levels, n_columns)``."""
        weight = self.channel.weight
        if len(self.levels) == 2:
            return math.sqrt(weight) * np.array([[0.0], [1.0]])
        # Two one-hot rows differ in two columns, so each column has half of the weight.
        return math.sqrt(weight / 2) * np.eye(len(self.levels))

    def _mismatch_to_all(self) -> NDArray[np.float64]:
        """Return a row at the squared distance ``weight`` from every level."""
        weight = self.channel.weight
        if len(self.levels) == 2:
            return np.array([math.sqrt(weight) / 2, math.sqrt(weight * 3 / 4)])
        return np.append(np.zeros(len(self.levels)), math.sqrt(weight / 2))

    def _encoded_numbers(self, actions: pd.DataFrame) -> NDArray[np.float32]:
        numbers = numbers_of(column_of(actions, self.channel.column), self.channel)
        unknown = np.isnan(numbers)
        if self.fill is None and unknown.any():
            raise InputError(f"channel {self.channel.column} is unknown for {int(unknown.sum())} actions")
        with np.errstate(over="ignore"):
            # The shift is subtracted first, since float32 loses the last digits of values far from zero.
            moved = np.where(unknown, self.fill or 0.0, numbers) - self.shift
            moved[np.abs(moved) <= self.rounding] = 0.0
            columns = [moved / self.scale, *([unknown] * (self.fill is not None))]
            weighted = (math.sqrt(self.channel.weight) * np.column_stack(columns)).astype(np.float32)
        if not np.isfinite(weighted).all():
            farthest = numbers[np.argmin(np.isfinite(weighted).all(axis=1))]
            raise InputError(
                f"channel {self.channel.column} reaches {farthest:.3g}, too far from the log that it was fitted on"
            )
        return weighted


def fit_numbers(channel: Channel, values: pd.Series) -> FittedChannel:
    """Return a numeric channel with its scale and shift; values that differ by rounding alone have the scale 1.

    Parameters
    ----------
    channel
        The channel.
    values
        The known values, at least one. ``fill`` is their median.
    """
    numbers = numbers_of(values, channel)
    low, high = float(numbers.min()), float(numbers.max())
    # The halves are added or subtracted, since the sum or difference of two huge numbers can be infinite.
    middle, reach = low / 2 + high / 2, high / 2 - low / 2
    rounding = _rounding_of(values, max(abs(low), abs(high)))
    if 2 * reach <= rounding:
        return FittedChannel(channel, fill=middle, shift=middle, rounding=rounding)
    # Values near zero are not shifted, as in the distance engine, so that small whole numbers stay whole.
    shift = middle if abs(middle) / 2 > reach else 0.0
    # A power of two loses no digit, and keeps the squares within float64.
    factor = 2.0 ** -int(np.frexp(reach)[1])
    moved = (numbers - shift) * factor
    return FittedChannel(
        channel,
        scale=float(moved.std()) / factor,
        fill=float(np.median(moved)) / factor + shift,
        shift=shift,
    )


def _rounding_of(values: pd.Series, magnitude: float) -> float:
    """Return the largest difference that rounding makes between equal numbers of at most this magnitude."""
    raw = values.to_numpy(dtype=np.float64)
    with np.errstate(over="ignore"):
        is_single = bool((raw.astype(np.float32) == raw).all() and (raw % 1 != 0).any())
    if not is_single:
        return _ROUNDING * max(1.0, magnitude)
    # Far from zero only the last digit counts: whole and half milliseconds are exact in float32, too.
    return max(_ROUNDING_OF_FLOAT32, float(np.spacing(np.float32(magnitude))))


def column_of(actions: pd.DataFrame, name: str) -> pd.Series:
    """Return the values of a channel: a column, the weights of the contexts, or NaN if there is no such column."""
    instance("actions", actions, pd.DataFrame, "an action table")
    if name == "context_weight":
        codes, contexts = pd.factorize(column_of(actions, "decision_context"))
        # An unknown context has the code −1, which takes the last weight.
        weights = np.array([*(CONTEXT_WEIGHTS.get(context, 1.0) for context in contexts), 1.0])
        return pd.Series(weights[codes], index=actions.index)
    if name not in actions:
        return pd.Series(np.nan, index=actions.index, dtype=object)
    return actions[name]


def names_of(values: pd.Series) -> tuple[NDArray[np.int64], list[str]]:
    """Return the position of each value among the distinct names, and these names; an unknown value has the name ""."""
    codes, distinct = pd.factorize(values)
    names = [str(name) for name in distinct]
    # Unknown values have the code −1, which takes the last name.
    return codes.astype(np.int64), [*names, ""]


def levels_of(values: pd.Series) -> tuple[str, ...]:
    """Return the distinct names, sorted."""
    codes, names = names_of(values)
    return tuple(sorted({*names[:-1], *([""] if (codes < 0).any() else [])}))


def numbers_of(values: pd.Series, channel: Channel) -> NDArray[np.float64]:
    """Return the values as numbers, or their logarithms if the channel has ``log``.

    Raises
    ------
    InputError
        If a value is no finite number, or has no logarithm.
    """
    try:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"channel {channel.column} holds a value that is no number: {shown(str(error))}"
        ) from None
    if np.isinf(numbers).any():
        raise InputError(f"channel {channel.column} holds infinity")
    if not channel.log:
        return numbers
    if numbers.size and np.nanmin(numbers) < 0:
        raise InputError(
            f"channel {channel.column} holds {np.nanmin(numbers)}, and log needs values of 0 or more"
        )
    logarithms: NDArray[np.float64] = np.log1p(numbers)
    return logarithms
