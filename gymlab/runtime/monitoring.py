"""Files for a monitoring system: the alert rules of Prometheus and a dashboard of Grafana, from one list of metrics."""

import re
from collections.abc import Iterable
from typing import Any

import yaml

from gymlab.arguments import shown
from gymlab.errors import InputError
from gymlab.runtime.alerts import RULES, AlertRule
from gymlab.runtime.metrics import METRICS, Described

# Rates are those of the last minutes, so that an alert resolves when its cause is gone.
_WINDOW = "5m"
_DURATION = re.compile(r"0|(\d+(ms|[smhdwy]))+")


def _growth(counter: str) -> str:
    """Return the growth of a counter of all caches of a process."""
    return f"sum without (cache) (increase({counter}[{_WINDOW}]))"


_HITS, _MISSES = _growth("gymlab_cache_hits_total"), _growth("gymlab_cache_misses_total")
# The measurement of each rule in PromQL. A pool of one connection is either idle or in use, which tells nothing.
_MEASURED = {
    "memory_percent": "100 * gymlab_machine_memory_used_ratio",
    "dtw_seconds_per_pair": (
        f"rate(gymlab_dtw_seconds_total[{_WINDOW}]) / rate(gymlab_dtw_pairs_total[{_WINDOW}])"
    ),
    "pool_percent": "100 * gymlab_database_connections_in_use / (gymlab_database_connections_max > 1)",
    "cache_hit_percent": f"100 * {_HITS} / ({_HITS} + {_MISSES})",
}
_SAMPLES = {"cache_hit_percent": f"{_HITS} + {_MISSES}"}


def prometheus_rules(pending: str = "5m") -> str:
    """Return the rules of :data:`gymlab.runtime.alerts.RULES` as a rule file of Prometheus.

    Parameters
    ----------
    pending
        For how long the threshold has to be exceeded before an alert fires, as Prometheus writes it.

    Raises
    ------
    InputError
        If `pending` is no such duration.

    Examples
    --------
    >>> "alert: GymlabMemory" in prometheus_rules()
    True
    """
    if not isinstance(pending, str) or not _DURATION.fullmatch(pending):
        raise InputError(f"for is {shown(pending)}; give a duration such as 30s, 5m or 1h30m")
    rules = [
        {
            "alert": "Gymlab" + rule.id.title().replace("_", ""),
            "expr": _condition(rule),
            "for": pending,
            "labels": {"severity": "warning"},
            "annotations": {
                "summary": rule.statement,
                "description": f'now {{{{ printf "%.3g" $value }}}} {rule.unit}',
            },
        }
        for rule in RULES
    ]
    document = {"groups": [{"name": "gymlab", "rules": rules}]}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)


def _condition(rule: AlertRule) -> str:
    side = ">" if rule.side == "above" else "<"
    condition = f"{_MEASURED[rule.metric]} {side} {rule.threshold:g}"
    if rule.min_samples > 1:
        condition = f"({condition}) and ({_SAMPLES[rule.metric]} >= {rule.min_samples})"
    return condition


def grafana_dashboard(metrics: Iterable[Described] = METRICS) -> dict[str, Any]:
    """Return a dashboard of Grafana: a panel for each alert, with its threshold, and one for each metric.

    Parameters
    ----------
    metrics
        The metrics that get a panel.

    Examples
    --------
    >>> grafana_dashboard()["title"]
    'gymlab'
    """
    panels = [_panel(rule.statement, _MEASURED[rule.metric], rule.threshold) for rule in RULES]
    for one in metrics:
        query = f"rate({one.name}[{_WINDOW}])" if one.kind == "counter" else one.name
        panels.append(_panel(f"{one.statement}, a second" if one.kind == "counter" else one.statement, query))
    for number, panel in enumerate(panels):
        panel |= {
            "id": number + 1,
            "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
        }
    source = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    return {
        "title": "gymlab",
        "uid": "gymlab",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }


def _panel(title: str, query: str, threshold: float | None = None) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    steps = [{"color": "green", "value": None}, {"color": "red", "value": threshold}]
    look = {
        "thresholds": {"mode": "absolute", "steps": steps[: 1 if threshold is None else 2]},
        "custom": {"thresholdsStyle": {"mode": "off" if threshold is None else "line"}},
    }
    return {
        "type": "timeseries",
        "title": title,
        "datasource": source,
        "targets": [{"refId": "A", "expr": query, "datasource": source}],
        "fieldConfig": {"defaults": look, "overrides": []},
    }
