"""Alerts: the thresholds of the document, on the right side of them, and silent without enough data."""

import json
import math

import numpy as np
import pytest

from gymlab.errors import InputError
from gymlab.runtime.alerts import RULES, Alert, Measurement, evaluate

LIMITS = [
    ("memory", "memory_percent", 80, +1),
    ("dtw_time", "dtw_seconds_per_pair", 5, +1),
    ("pool", "pool_percent", 90, +1),
    ("hit_rate", "cache_hit_percent", 70, -1),
]


def states(measurements):
    return {alert.id: alert.state for alert in evaluate(measurements)}


def test_there_is_a_rule_for_each_threshold_and_no_other():
    assert [(rule.id, rule.metric, rule.threshold) for rule in RULES] == [limit[:3] for limit in LIMITS]


@pytest.mark.parametrize(("rule", "metric", "threshold", "bad"), LIMITS)
def test_a_rule_fires_beyond_its_threshold_and_not_at_it(rule, metric, threshold, bad):
    enough = 1000
    assert states({metric: Measurement(threshold + bad * 0.1, enough)})[rule] == "firing"
    assert states({metric: Measurement(threshold, enough)})[rule] == "ok"
    assert states({metric: Measurement(threshold - bad * 0.1, enough)})[rule] == "ok"


def test_without_measurements_nothing_is_said():
    assert set(states({}).values()) == {"no_data"}
    assert all(alert.value is None for alert in evaluate({}))


def test_a_cold_cache_alarms_nobody():
    least = next(rule.min_samples for rule in RULES if rule.id == "hit_rate")
    assert least > 1
    assert states({"cache_hit_percent": Measurement(0.0, least - 1)})["hit_rate"] == "no_data"
    assert states({"cache_hit_percent": Measurement(0.0, least)})["hit_rate"] == "firing"


@pytest.mark.parametrize(("rule", "metric"), [limit[:2] for limit in LIMITS])
def test_the_mean_of_nothing_is_no_data(rule, metric):
    assert states({metric: Measurement(math.nan, 1000)})[rule] == "no_data"


def test_an_alert_goes_through_json():
    alerts = evaluate({"memory_percent": Measurement(91.5)})
    back = [
        Alert(**values)
        for values in json.loads(json.dumps([alert.as_dict() for alert in alerts], allow_nan=False))
    ]
    assert back == alerts
    assert back[0] == Alert(
        "memory", "Memory of the machine in use (alert above 80 %)", 91.5, 80, "%", "firing"
    )


def test_a_measurement_of_something_else_is_left_alone():
    assert set(states({"temperature": Measurement(99.0)}).values()) == {"no_data"}


@pytest.mark.parametrize("measurements", [None, 5, "memory_percent", [Measurement(91.0)], Measurement(91.0)])
def test_what_is_no_mapping_is_refused(measurements):
    with pytest.raises(InputError, match=r"measurements is .*; give a mapping"):
        evaluate(measurements)


@pytest.mark.parametrize(
    "measured",
    [
        91.0,
        "91",
        (91.0, 1),
        Measurement("91"),
        Measurement(None),
        Measurement([91.0]),
        Measurement(1j),
        Measurement(91.0, samples=None),
        Measurement(91.0, samples="3"),
        Measurement(91.0, samples=-1),
        Measurement(91.0, samples=2.5),
        Measurement(91.0, samples=True),
    ],
)
def test_what_is_no_measurement_is_refused(measured):
    with pytest.raises(InputError, match="memory_percent"):
        evaluate({"memory_percent": measured})


def test_samples_of_every_number_type():
    assert states({"memory_percent": Measurement(np.float32(91), np.int64(3))})["memory"] == "firing"
    assert states({"memory_percent": Measurement(math.inf)})["memory"] == "firing"
