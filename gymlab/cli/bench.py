"""Measure the distance engine."""

from pathlib import Path
from typing import Annotated

import typer

from gymlab.cli.options import JsonFile, Sources, tell


def bench(
    source: Sources = None,
    json_file: JsonFile = None,
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

    require_targets({"--json": json_file, "--html": html_file}, source)
    target = html_file or new_report_file("bench", ".html")
    benchmark = run_benchmark(
        source or None,
        plan=QUICK if quick else FULL,
        aeon_python=aeon_python or None,
        progress=lambda what: typer.echo(f"gymlab: {what}", err=True),
    )
    if json_file is not None:
        write_whole(json_file, to_json(benchmark.as_dict()).encode())
    write_whole(target, page(benchmark).encode())
    tell(f"{listing(benchmark)}\nplot: {target}", json_file, html_file)
