"""Metrics for Prometheus: an exporter, alert rules and a dashboard."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

Output = Annotated[Path | None, typer.Option(help="Write to this file [default: standard output]")]

metrics = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="Serve metrics to Prometheus until interrupted: the scheduled jobs, the reports, and this machine's memory. "
    "With GYMLAB_METRICS_PORT in the environment, extract, principles, compare, import and report serve metrics of "
    "their own work.",
)


@metrics.callback()
def exporter(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 for a free one")] = 9817,
) -> None:
    """Serve the metrics if there is no other command."""
    if context.invoked_subcommand is not None:
        return
    from gymlab.runtime.metrics import registry, serve
    from gymlab.workbench.recorded_metrics import RecordedMetrics

    registry().register(RecordedMetrics())
    stopped = threading.Event()
    # This is how the command is ended, so the exit code is 0.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with serve(port) as server:
        typer.echo(f"metrics are at {server.url}; an interrupt ends this")
        stopped.wait()


@metrics.command()
def rules(
    output: Output = None,
    pending: Annotated[
        str, typer.Option("--for", help="How long a threshold is exceeded before the alert fires")
    ] = "5m",
) -> None:
    """Write the alert rules of Prometheus, for `rule_files`."""
    from gymlab.runtime.monitoring import prometheus_rules

    _write(prometheus_rules(pending), output)


@metrics.command()
def dashboard(output: Output = None) -> None:
    """Write a dashboard of Grafana as JSON, to import."""
    from gymlab.runtime.metrics import METRICS
    from gymlab.runtime.monitoring import grafana_dashboard
    from gymlab.workbench.recorded_metrics import RECORDED_METRICS
    from gymlab.workbench.results import to_json

    _write(to_json(grafana_dashboard([*METRICS, *RECORDED_METRICS])) + "\n", output)


def _write(text: str, output: Path | None) -> None:
    from gymlab.workbench.files import STANDARD_OUTPUT, write_whole

    write_whole(STANDARD_OUTPUT if output is None else output, text.encode())
