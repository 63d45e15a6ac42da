"""Alerts as data: the document's thresholds, held against what was measured."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, Literal

from gymlab.arguments import instance, whole_number

AlertState = Literal["firing", "ok", "no_data"]


@dataclass(frozen=True)
class AlertRule:
    """When to alert.

    Attributes
    ----------
    id, statement
        Name and sentence.
    metric
        Which measurement it watches.
    threshold
        The value beyond which it fires.
    side
        Which side of the threshold is bad.
    unit
        Of the value.
    min_samples
        With fewer samples nothing is said, so that a cold cache alarms nobody.
    """

    id: str
    statement: str
    metric: str
    threshold: float
    side: Literal["above", "below"]
    unit: str
    min_samples: int = 1


RULES = (
    AlertRule(
        "memory", "Memory of the machine in use (alert above 80 %)", "memory_percent", 80, "above", "%"
    ),
    AlertRule("dtw_time", "DTW time a pair (alert above 5 s)", "dtw_seconds_per_pair", 5, "above", "s"),
    AlertRule("pool", "Database connections in use (alert above 90 %)", "pool_percent", 90, "above", "%"),
    AlertRule(
        "hit_rate",
        "Look-ups of the cache that hit (alert below 70 %)",
        "cache_hit_percent",
        70,
        "below",
        "%",
        min_samples=100,
    ),
)


@dataclass(frozen=True)
class Measurement:
    """A value and how many samples it summarises."""

    value: float
    samples: int = 1


@dataclass(frozen=True)
class Alert:
    """A rule held against a measurement: ``firing``, ``ok``, or ``no_data`` with too few samples.

    ``value`` is None without data.
    """

    id: str
    statement: str
    value: float | None
    threshold: float
    unit: str
    state: AlertState

    def as_dict(self) -> dict[str, Any]:
        """Return the alert JSON-able."""
        return asdict(self)


def evaluate(measurements: Mapping[str, Measurement]) -> list[Alert]:
    """Hold every rule against what was measured.

    Parameters
    ----------
    measurements
        By metric, as :data:`RULES` names them; one that is missing is no data.

    Returns
    -------
    list of Alert

    Raises
    ------
    InputError
        If that is no mapping to measurements, or the value or the samples of one that is watched is no number.

    Examples
    --------
    >>> [alert.state for alert in evaluate({"memory_percent": Measurement(91.0)})]
    ['firing', 'no_data', 'no_data', 'no_data']
    """
    instance("measurements", measurements, Mapping, "a mapping of metrics to Measurement")
    return [_held_against(rule, measurements.get(rule.metric)) for rule in RULES]


def _held_against(rule: AlertRule, measured: Measurement | None) -> Alert:
    if measured is not None:
        instance(rule.metric, measured, Measurement, "a Measurement")
        instance(f"the value of {rule.metric}", measured.value, Real, "a number")
        whole_number(f"the samples of {rule.metric}", measured.samples, least=0)
    # A mean of nothing is NaN, which is on neither side of a threshold.
    value: float | None = None
    state: AlertState = "no_data"
    if measured is not None and measured.samples >= rule.min_samples and not math.isnan(measured.value):
        value = measured.value
        beyond = value > rule.threshold if rule.side == "above" else value < rule.threshold
        state = "firing" if beyond else "ok"
    return Alert(rule.id, rule.statement, value, rule.threshold, rule.unit, state)
