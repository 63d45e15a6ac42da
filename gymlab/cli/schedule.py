"""Let cron make reports."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gymlab.cli.options import (
    Agent,
    Format,
    Parameters,
    Session,
    Settings,
    Since,
    Sources,
    Where,
    report_parameters,
)

if TYPE_CHECKING:
    from gymlab.workbench.schedule.job import Job

Name = Annotated[str, typer.Argument(metavar="NAME", help="A job, as `gymlab schedule list` names it")]

schedule = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Reports that cron makes, for example every night: add, list and remove jobs, run one now.",
)


@schedule.command()
def add(
    source: Sources = None,
    every: Annotated[
        str,
        typer.Option(help="hour, day, weekday (Monday to Friday), monday … sunday, month (its first day)"),
    ] = "day",
    at: Annotated[str, typer.Option(help="Local time; for every hour only the minutes count")] = "02:30",
    name: Annotated[str | None, typer.Option(help="Name of the job [default: from the log's]")] = None,
    keep: Annotated[
        int, typer.Option(help="Keep so many runs on this log, and remove the oldest", show_default=True)
    ] = 30,
    strict: Annotated[
        bool, typer.Option("--strict/--no-strict", help="Exit 1 if a claim fails or an alert fires")
    ] = True,
    out: Annotated[Path | None, typer.Option(help="Folder of the runs [default: reports]")] = None,
    setting: Settings = None,
    params: Parameters = None,
    format_: Format = None,
    agent: Agent = None,
    session: Session = None,
    since: Since = None,
    where: Where = None,
) -> None:
    """Add a job, or replace the one of that name.

    The log is read and every parameter checked now, so that what could not run at night is refused.
    """
    from gymlab.workbench.schedule import scheduled

    parameters = report_parameters(source, params, setting, format_, agent, session, since, where)
    job, replaced = scheduled.add(
        source or [], every, at, name=name, parameters=parameters, keep=keep, strict=strict, out=out
    )
    _tell(job, "replaced" if replaced else "added")


@schedule.command("list")
def list_(
    json_: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """List the jobs.

    When, the next start, the log, the last run, and whether it is in the crontab.
    """
    from gymlab.workbench.schedule.scheduled import overview, overview_listing

    jobs = overview()
    if json_:
        from gymlab.workbench.results import to_json

        typer.echo(to_json({"schema": 1, "jobs": jobs}))
    else:
        typer.echo(overview_listing(jobs))


@schedule.command()
def renew(name: Name) -> None:
    """Write a job's crontab line anew.

    After its file was edited, its line was lost, or gymlab has moved; it is checked as a new one.
    """
    from gymlab.workbench.schedule import scheduled

    _tell(scheduled.renew(name), "renewed")


@schedule.command()
def remove(name: Name) -> None:
    """Remove a job; its log stays."""
    from gymlab.workbench.schedule import job_log, scheduled

    typer.echo(f"removed job {name}: {' and '.join(scheduled.remove(name))}")
    if (log := job_log.log_file(name)).exists():
        typer.echo(f"log: {log} (stays)")


@schedule.command("run-now")
def run_now(name: Name) -> None:
    """Run a job as cron does.

    A terminal shows what goes into the log; without one only a failure prints something, which cron mails.
    Exit codes: 0 done; 1 a claim or an alert failed, or the notebook did; 2 the input cannot be used; 3 another
    report is being written.
    """
    from gymlab.workbench.schedule import job_run

    if code := job_run.run_now(name, terminal=sys.stdout.isatty()):
        raise SystemExit(code)


def _tell(job: "Job", what: str) -> None:
    """Print the job, and the time at which cron starts it next."""
    from gymlab.workbench.schedule import crontab, job_log, scheduled
    from gymlab.workbench.schedule.job import job_file
    from gymlab.workbench.text import one_line

    kept = "all reports stay" if job.keep is None else f"{job.keep} reports stay"
    next_start = job.times.next_after(scheduled.local_now())
    typer.echo(f"{what} job {job.name}: {job.times.words}, next {next_start:%Y-%m-%d %H:%M}")
    typer.echo(f"log: {', '.join(one_line(one) for one in job.source) or 'the bundled sample'}")
    typer.echo(f"reports: {one_line(job.reports)} ({kept})")
    typer.echo(f"to edit: {one_line(job_file(job.name))}, then `gymlab schedule renew {job.name}`")
    typer.echo(f"runs are told in {one_line(job_log.log_file(job.name))}")
    if crontab.running_daemon() is None:
        typer.echo("gymlab: no cron runs here, so nothing will start; see gymlab doctor", err=True)
