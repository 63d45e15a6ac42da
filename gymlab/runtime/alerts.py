"""Alerts as data: the comparison of measurements with the thresholds of the document."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from numbers import Real
from typing import Any, Literal

from gymlab.arguments import instance, whole_number

AlertState = Literal["firing", "ok", "no_data"]


@dataclass(frozen=True)
class AlertRule:
    """A threshold for a measurement.

    Attributes
    ----------
    id, statement
        The name of the rule, and its sentence.
    metric
        Name of the measurement.
    threshold
        The alert fires if the value is beyond the threshold.
    side
        The side of the threshold on which the alert fires.
    unit
        Unit of the value.
    min_samples
        With fewer samples the state is ``no_data``, so that a new cache fires no alert.
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
    """A value and the number of its samples."""

    value: float
    samples: int = 1


@dataclass(frozen=True)
class Alert:
    """The state of a rule for a measurement: ``firing``, ``ok``, or ``no_data`` with too few samples.

    ``value`` is None without data; ``note`` says then why.
    """

    id: str
    statement: str
    value: float | None
    threshold: float
    unit: str
    state: AlertState
    note: str = field(default="", compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Return the alert as values of JSON."""
        return asdict(self)


def evaluate(measurements: Mapping[str, Measurement]) -> list[Alert]:
    """Compare the measurements with every rule.

    Parameters
    ----------
    measurements
        The measurements by the metrics of :data:`RULES`; a missing metric gives ``no_data``.

    Returns
    -------
    list of Alert

    Raises
    ------
    InputError
        If `measurements` is no mapping to measurements, or a value or a number of samples is no number.

    Examples
    --------
    >>> [alert.state for alert in evaluate({"memory_percent": Measurement(91.0)})]
    ['firing', 'no_data', 'no_data', 'no_data']
    """
    instance("measurements", measurements, Mapping, "a mapping of metrics to Measurement")
    return [_alert_of(rule, measurements.get(rule.metric)) for rule in RULES]


def _alert_of(rule: AlertRule, measured: Measurement | None) -> Alert:
    if measured is not None:
        instance(rule.metric, measured, Measurement, "a Measurement")
        instance(f"the value of {rule.metric}", measured.value, Real, "a number")
        whole_number(f"the samples of {rule.metric}", measured.samples, least=0)
    # Without samples the mean is NaN, which is on neither side of a threshold.
    value: float | None = None
    state: AlertState = "no_data"
    samples = 0 if measured is None else measured.samples
    few = f"{samples:,} of at least {rule.min_samples:,} samples"
    note = few if rule.min_samples > 1 else "not measured"
    if measured is not None and measured.samples >= rule.min_samples and not math.isnan(measured.value):
        value = measured.value
        beyond = value > rule.threshold if rule.side == "above" else value < rule.threshold
        state, note = "firing" if beyond else "ok", ""
    return Alert(rule.id, rule.statement, value, rule.threshold, rule.unit, state, note)
