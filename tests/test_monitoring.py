"""Alert rules and the dashboard: promtool takes them, each alert fires and resolves, no query names what is not exported."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from conftest import absent

from gymlab.errors import InputError
from gymlab.runtime.alerts import RULES
from gymlab.runtime.metrics import METRICS
from gymlab.runtime.monitoring import grafana_dashboard, prometheus_rules
from gymlab.workbench.recorded_metrics import RECORDED_METRICS

# For each alert: what is exported while all is well and while it is not (a minute's growth of a counter), and the value
# that is told.
SERIES = {
    "GymlabMemory": ({"gymlab_machine_memory_used_ratio": (0.5, 0.95)}, "95 %"),
    "GymlabDtwTime": ({"gymlab_dtw_seconds_total": (10, 500), "gymlab_dtw_pairs_total": (100, 50)}, "10 s"),
    "GymlabPool": (
        {
            'gymlab_database_connections_in_use{database="a"}': (3, 29),
            'gymlab_database_connections_max{database="a"}': (30, 30),
        },
        "96.7 %",
    ),
    "GymlabHitRate": (
        {
            'gymlab_cache_hits_total{cache="a"}': (90, 10),
            'gymlab_cache_misses_total{cache="a"}': (10, 90),
            'gymlab_cache_hits_total{cache="b"}': (0, 0),
            'gymlab_cache_misses_total{cache="b"}': (0, 0),
        },
        "10 %",
    ),
}
# Never an alert: a cold cache, a pool of one connection, and no work at all.
QUIET = {
    'gymlab_cache_hits_total{cache="a"}': (0, 0),
    'gymlab_cache_misses_total{cache="a"}': (19, 19),
    'gymlab_database_connections_in_use{database="a"}': (1, 1),
    'gymlab_database_connections_max{database="a"}': (1, 1),
    "gymlab_dtw_seconds_total": (0, 0),
    "gymlab_dtw_pairs_total": (0, 0),
}
# Minutes until the trouble, its duration, and the minutes after it.
PHASES = (15, 20, 20)


@pytest.fixture(scope="module")
def promtool():
    found = shutil.which("promtool")
    if found is None:
        absent("promtool")

    def run(*arguments):
        return subprocess.run([found, *arguments], capture_output=True, text=True, check=False)

    return run


def values_of(name, well, ill):
    """The values of a series minute by minute, in the notation of promtool."""
    steps = [well] * PHASES[0] + [ill] * PHASES[1] + [well] * PHASES[2]
    if "_total" not in name:
        return " ".join(map(str, steps))
    total, values = 0, []
    for step in steps:
        values.append(total)
        total += step
    return " ".join(map(str, values))


def test_promtool_sees_every_alert_fire_after_its_time_and_resolve(promtool, tmp_path):
    rules = prometheus_rules("4m")
    (tmp_path / "rules.yml").write_text(rules)
    told = {rule["alert"]: rule for rule in yaml.safe_load(rules)["groups"][0]["rules"]}
    tests = []
    for alert, (series, value) in SERIES.items():
        statement = told[alert]["annotations"]["summary"]
        firing = {"severity": "warning"} | ({"database": "a"} if alert == "GymlabPool" else {})
        expected = [
            {"exp_labels": firing, "exp_annotations": {"summary": statement, "description": f"now {value}"}}
        ]
        at = {"14m": [], "18m": [], "30m": expected, "54m": []}
        tests.append(
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": values_of(name, *pair)} for name, pair in series.items()
                ],
                "alert_rule_test": [
                    {"eval_time": time, "alertname": alert, "exp_alerts": alerts}
                    for time, alerts in at.items()
                ],
            }
        )
    quiet = [{"series": name, "values": values_of(name, *pair)} for name, pair in QUIET.items()]
    never = [{"eval_time": "30m", "alertname": alert, "exp_alerts": []} for alert in told]
    tests.append({"interval": "1m", "input_series": quiet, "alert_rule_test": never})
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(document))
    assert "SUCCESS" in (checked := promtool("check", "rules", str(tmp_path / "rules.yml"))).stdout, checked
    done = promtool("test", "rules", str(tmp_path / "tests.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_an_alert_for_each_rule_with_its_threshold():
    alerts = yaml.safe_load(prometheus_rules())["groups"][0]["rules"]
    assert len(alerts) == len(RULES) == len(SERIES)
    for alert, rule in zip(alerts, RULES, strict=True):
        assert alert["annotations"]["summary"] == rule.statement
        assert alert["for"] == "5m"
        side = ">" if rule.side == "above" else "<"
        assert f"{side} {rule.threshold:g}" in alert["expr"]
        assert (f">= {rule.min_samples}" in alert["expr"]) == (rule.min_samples > 1)


@pytest.mark.parametrize("pending", ["", "5", "m", "5 m", "-5m", "5m\nx: y", 5, None])
def test_what_is_no_duration_is_refused(pending):
    with pytest.raises(InputError, match="give a duration"):
        prometheus_rules(pending)


def queries(dashboard):
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_every_query_names_exported_metrics_and_every_metric_has_a_panel():
    exported = {one.name for one in (*METRICS, *RECORDED_METRICS)}
    alerts = [rule["expr"] for rule in yaml.safe_load(prometheus_rules())["groups"][0]["rules"]]
    named = [
        set(re.findall(r"\b(?:gymlab|process)_\w+", query)) for query in queries(grafana_dashboard()) + alerts
    ]
    assert all(named)
    assert set().union(*named) == {one.name for one in METRICS}
    whole = grafana_dashboard([*METRICS, *RECORDED_METRICS])
    assert {
        name for query in queries(whole) for name in re.findall(r"\bgymlab_\w+|process_\w+", query)
    } == exported


def test_prometheus_can_read_every_query_of_the_dashboard(promtool, tmp_path):
    found = queries(grafana_dashboard([*METRICS, *RECORDED_METRICS]))
    records = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(found)]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": records}]}))
    done = promtool("check", "rules", str(tmp_path / "panels.yml"))
    assert f"{len(found)} rules found" in done.stdout, done.stderr


def test_the_panels_do_not_overlap_and_show_the_thresholds():
    dashboard = json.loads(json.dumps(grafana_dashboard()))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
    assert all(place["x"] + place["w"] <= 24 for place in (panel["gridPos"] for panel in panels))
    drawn = [panel["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"] for panel in panels]
    assert drawn[: len(RULES)] == [rule.threshold for rule in RULES]
    assert set(drawn[len(RULES) :]) == {None}
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert dashboard["templating"]["list"][0]["name"] == "datasource"
