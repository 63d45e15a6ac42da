"""The command line: each command is one call of a public function.

Exit codes: 0 done; 1 a claim or alert failed under --strict, or the report itself failed; 2 the input cannot be
used; 130 interrupted.
"""

import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gymlab.errors import GymlabError, InputError, ReportError

if TYPE_CHECKING:
    import pandas as pd

_INTERRUPTED = 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Temporal patterns in logs of what AI agents did, and a report that measures its own claims.",
)

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SOURCE]...", help="Log files, patterns or a database URL [default: the bundled sample]"
    ),
]
Format = Annotated[str | None, typer.Option("--format", help="Format of the log, if not detected")]
Agent = Annotated[list[str] | None, typer.Option(help="Only this agent; may be given several times")]
Session = Annotated[list[str] | None, typer.Option(help="Only this session; may be given several times")]
Since = Annotated[str | None, typer.Option(help="Only actions from this ISO time on")]
Where = Annotated[list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Only actions with this value")]


@app.command()
def report(
    source: Sources = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the runs [default: reports]")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter of the notebook")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 if a claim fails or an alert fires")
    ] = False,
    format_: Format = None,
    agent: Agent = None,
    session: Session = None,
    since: Since = None,
    where: Where = None,
) -> None:
    """Measure the claims on a log and write a report."""
    from gymlab.workbench.report import run

    filters = {"format": format_, "agent": agent, "session": session, "since": since, "where": where}
    parameters = {**_assignments(setting or []), **{name: value for name, value in filters.items() if value}}
    finished = run(source or None, out=out, parameters=parameters, progress=True)
    for claim in finished.results["claims"]:
        measured = "" if claim["measured"] is None else f"{claim['measured']:.4g} {claim['unit']}"
        typer.echo(f"{claim['verdict']:>12}  {claim['id']:<15} {measured} (expected {claim['expected']})")
    typer.echo(f"report: {finished.folder / 'report.html'}")
    if strict and finished.failed:
        raise SystemExit(1)


@app.command()
def extract(
    source: Sources = None,
    window: Annotated[int, typer.Option(help="Length of a window in actions")] = 20,
    hop: Annotated[int, typer.Option(help="Actions from one window to the next")] = 10,
    radius: Annotated[int | None, typer.Option(help="Sakoe-Chiba radius in cells [default: no band]")] = None,
    distance: Annotated[str, typer.Option(help="dtw, or soft-dtw for few windows")] = "dtw",
    method: Annotated[
        str,
        typer.Option(
            help="ward, average, complete, single or weighted linkage, kmedoids, or by density: dbscan, hdbscan"
        ),
    ] = "ward",
    clusters: Annotated[str, typer.Option(help="Number of patterns, or auto")] = "auto",
    strategy: Annotated[str, typer.Option(help="auto, exact, selective, sampled or baseline")] = "auto",
    eps: Annotated[
        float | None, typer.Option(help="dbscan: distance of neighbours [default: suggested by the log]")
    ] = None,
    min_samples: Annotated[int, typer.Option(help="dbscan, hdbscan: windows that make a dense place")] = 5,
    sample_size: Annotated[
        int | None, typer.Option(help="Windows of a sample [default: by memory and time]")
    ] = None,
    surrogates: Annotated[int, typer.Option(help="Surrogate logs of the null test, 0 for none")] = 199,
    resamples: Annotated[int, typer.Option(help="Resamples of the sessions for stability, 0 for none")] = 100,
    no_significance: Annotated[bool, typer.Option("--no-significance", help="Neither of the two")] = False,
    unit: Annotated[str, typer.Option(help="auto, window, or series for whole series")] = "auto",
    channels: Annotated[str, typer.Option(help="auto, or names of columns separated by commas")] = "auto",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result as JSON")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Write the actions with their pattern as Parquet")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Save the whole extraction in a new folder, for load_extraction")
    ] = None,
    format_: Format = None,
    agent: Agent = None,
    session: Session = None,
    since: Since = None,
    where: Where = None,
) -> None:
    """Find the temporal patterns of a log and print them."""
    from gymlab.patterns.config import ExtractionConfig
    from gymlab.patterns.extraction import extract_patterns
    from gymlab.patterns.saved import require_new_folder
    from gymlab.workbench.files import require_targets, write_whole
    from gymlab.workbench.listing import pattern_listing
    from gymlab.workbench.results import to_json

    options: dict[str, Any] = {
        "window": window,
        "hop": hop,
        "radius": radius,
        "distance": distance,
        "method": method,
        "n_clusters": clusters if clusters == "auto" else _number("--clusters", clusters),
        "strategy": strategy,
        "eps": eps,
        "min_samples": min_samples,
        "sample_size": sample_size,
        "n_surrogates": 0 if no_significance else surrogates,
        "n_resamples": 0 if no_significance else resamples,
        "unit": unit,
        "channels": channels if channels == "auto" else tuple(name.strip() for name in channels.split(",")),
    }
    config = ExtractionConfig(**options)
    targets = {"--json": json_file, "--labels": labels}
    require_targets({name: path for name, path in targets.items() if path is not None}, source or [])
    if save is not None:
        require_new_folder(save)
    log = _selected(source, format_, agent, session, since, where)
    extraction = extract_patterns(log, config, progress=sys.stderr.isatty())
    if json_file is not None:
        write_whole(json_file, to_json(extraction.as_dict()).encode())
    if labels is not None:
        write_whole(labels, extraction.labelled_actions().to_parquet(index=False))
    if save is not None:
        extraction.save(save)
    typer.echo(pattern_listing(extraction))


@app.command("import")
def import_(
    source: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Log files, patterns or a database URL")
    ],
    db: Annotated[str | None, typer.Option(help="Database URL [default: gymlab's own]")] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="Format of the log, if not detected")
    ] = None,
    agent: Agent = None,
    session: Session = None,
    since: Since = None,
    where: Where = None,
) -> None:
    """Store a log in a database; its URL is a source then."""
    from gymlab.actions.store import write_actions
    from gymlab.runtime import background
    from gymlab.runtime.database import Database

    log = _selected(source, format_, agent, session, since, where)

    async def store() -> int:
        async with Database(db) as database:
            return await write_actions(log, database)

    new = background.run(store())
    typer.echo(f"{new:,} actions stored, {len(log) - new:,} were there already")


@app.command()
def bench(
    source: Sources = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON")] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Write the plot there [default: below reports]")
    ] = None,
    aeon_python: Annotated[
        str | None,
        typer.Option(
            help="Python of an environment with aeon, to measure it too", envvar="GYMLAB_AEON_PYTHON"
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small part of it, in less than a minute")] = False,
) -> None:
    """Measure the distance engine beside other libraries, and neighbour queries on a log."""
    from gymlab.workbench.bench.listing import listing
    from gymlab.workbench.bench.measure import run_benchmark
    from gymlab.workbench.bench.page import page
    from gymlab.workbench.bench.plan import FULL, QUICK
    from gymlab.workbench.files import new_report_file, require_targets, write_whole
    from gymlab.workbench.results import to_json

    target = html_file or new_report_file("bench", ".html")
    targets = {"--json": json_file, "--html": target}
    require_targets({name: path for name, path in targets.items() if path is not None}, source or [])
    benchmark = run_benchmark(
        source or None,
        plan=QUICK if quick else FULL,
        aeon_python=aeon_python or None,
        progress=lambda what: typer.echo(f"gymlab: {what}", err=True),
    )
    if json_file is not None:
        write_whole(json_file, to_json(benchmark.as_dict()).encode())
    write_whole(target, page(benchmark).encode())
    typer.echo(listing(benchmark))
    typer.echo(f"plot: {target}")


@app.command()
def doctor(
    json_: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Say what is installed and usable here; exit 1 if something would stop a report."""
    from gymlab.workbench import doctor as look
    from gymlab.workbench.results import to_json

    findings = look.examine()
    typer.echo(to_json(look.as_dict(findings)) if json_ else look.listing(findings))
    if any(finding.state == "problem" for finding in findings):
        raise SystemExit(1)


def _selected(
    source: list[str] | None,
    format_: str | None,
    agent: list[str] | None,
    session: list[str] | None,
    since: str | None,
    where: list[str] | None,
) -> "pd.DataFrame":
    from gymlab.actions import read_actions, select_actions
    from gymlab.settings import sample_path

    log = read_actions(source or sample_path(), format_)
    return select_actions(log, agent=agent, session=session, since=since, where=where or ())


def _assignments(settings: list[str]) -> dict[str, Any]:
    """Return name=value pairs, each value as YAML reads it: numbers, lists, null, text."""
    import yaml

    parameters = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise InputError(f"--set {setting!r}: give name=value")
        try:
            parameters[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise InputError(f"--set {setting!r}: the value is no YAML; put text in quotes") from None
    return parameters


def _number(option: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{option} is {text!r}; give a whole number or auto") from None


def main() -> None:
    """Run the command line; every error that gymlab raises on purpose is one line on stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("gymlab: %(message)s"))
    logging.getLogger("gymlab").addHandler(handler)
    logging.getLogger("gymlab").setLevel(logging.INFO)
    # A request to end is an exception too, so that nothing half-written stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except GymlabError as error:
        _complain(str(error))
        raise SystemExit(1 if isinstance(error, ReportError) else 2) from None
    except BrokenPipeError:
        # Whoever read the output has seen enough; what is still buffered must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(128 + 13) from None
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            _complain("interrupted")
        raise


def _complain(message: str, limit: int = 1000) -> None:
    """Print one line, without what a terminal would obey."""
    line = "".join(character if character.isprintable() else " " for character in " ".join(message.split()))
    typer.echo(f"gymlab: {line if len(line) <= limit else line[: limit - 1] + '…'}", err=True)
