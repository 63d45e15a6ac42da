"""Metrics of what earlier runs have left: the last run of each scheduled job, and the reports."""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from gymlab.runtime.metrics import Described, Sample, families
from gymlab.settings import Settings
from gymlab.workbench.files import write_whole
from gymlab.workbench.schedule.job import job_names
from gymlab.workbench.schedule.job_log import last_run

RECORDED_METRICS = (
    Described("gymlab_job_succeeded", "gauge", "Whether the last run of a job had exit code 0", ("name",)),
    Described("gymlab_job_seconds", "gauge", "Duration of the last run of a job", ("name",)),
    Described("gymlab_job_end_timestamp_seconds", "gauge", "End of the last run of a job", ("name",)),
    Described("gymlab_report_claims", "gauge", "Claims with a verdict", ("report", "verdict")),
    Described("gymlab_report_alerts", "gauge", "Alerts in a state", ("report", "state")),
    Described("gymlab_report_claim", "gauge", "Measured value of a claim, in its unit", ("report", "claim")),
    Described("gymlab_report_stage_seconds", "gauge", "Duration of a stage", ("report", "stage")),
)
# The label of the latest report, which no job can have as its name.
LATEST = "reports/latest"

_log = logging.getLogger(__name__)


class RecordedMetrics(Collector):
    """The last run of each scheduled job that has ended, its report, and the latest report in gymlab's home."""

    def collect(self) -> list[Metric]:
        """Return the metrics, read from the logs of the jobs and the results of the reports."""
        return families(RECORDED_METRICS, _samples())


def write_textfile() -> Path:
    """Write the metrics to ``logs/gymlab.prom`` in gymlab's home, for the textfile collector of node exporter.

    Returns
    -------
    pathlib.Path
        The path of the file, which is complete at every moment.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = Settings().home / "logs" / "gymlab.prom"
    registry = CollectorRegistry()
    registry.register(RecordedMetrics())
    write_whole(path, generate_latest(registry))
    return path


def _samples() -> Iterator[Sample]:
    for name in job_names():
        if (last := last_run(name, ended=True)) is not None:
            yield "gymlab_job_succeeded", (name,), last.exit_code == 0
            yield "gymlab_job_seconds", (name,), last.seconds or 0
            yield "gymlab_job_end_timestamp_seconds", (name,), last.at.timestamp()
            if last.report is not None:
                yield from _of_report(name, last.report.parent)
    yield from _of_report(LATEST, Settings().reports / "latest")


def _of_report(label: str, folder: Path) -> Iterator[Sample]:
    results = _results_in(folder)
    if results is None:
        return
    verdicts = Counter(claim["verdict"] for claim in results["claims"])
    for verdict in ("held", "failed", "not_measured"):
        yield "gymlab_report_claims", (label, verdict), verdicts[verdict]
    states = Counter(alert["state"] for alert in results["alerts"])
    for state in ("firing", "ok", "no_data"):
        yield "gymlab_report_alerts", (label, state), states[state]
    for claim in results["claims"]:
        if claim["measured"] is not None:
            yield "gymlab_report_claim", (label, claim["id"]), claim["measured"]
    for stage, seconds in results.get("stats", {}).get("stages", {}).items():
        yield "gymlab_report_stage_seconds", (label, stage), seconds


def _results_in(folder: Path) -> Mapping[str, Any] | None:
    path = folder / "results.json"
    try:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None  # there is no report yet, or the report was removed
    except (OSError, ValueError) as error:
        _log.warning("%s cannot be read, so there are no metrics of it: %s", path, error)
        return None
    return found
