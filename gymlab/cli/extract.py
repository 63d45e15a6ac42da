"""Find the temporal patterns of a log."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gymlab.cli.options import Agent, Format, JsonFile, Session, Since, Sources, Where, selected, whole_number


def extract(
    source: Sources = None,
    window: Annotated[int, typer.Option(help="Length of a window in actions")] = 20,
    hop: Annotated[int, typer.Option(help="Actions from one window to the next")] = 10,
    radius: Annotated[int | None, typer.Option(help="Sakoe-Chiba radius in cells [default: no band]")] = None,
    method: Annotated[
        str, typer.Option(help="Linkage: ward, average, complete, single or weighted")
    ] = "ward",
    clusters: Annotated[str, typer.Option(help="Number of patterns, or auto")] = "auto",
    strategy: Annotated[str, typer.Option(help="auto, exact, selective or baseline")] = "auto",
    unit: Annotated[str, typer.Option(help="auto, window, or series for whole series")] = "auto",
    channels: Annotated[str, typer.Option(help="auto, or names of columns separated by commas")] = "auto",
    json_file: JsonFile = None,
    labels: Annotated[
        Path | None, typer.Option(help="Write the actions with their pattern as Parquet")
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
    from gymlab.workbench.files import require_targets, write_whole
    from gymlab.workbench.listing import pattern_listing
    from gymlab.workbench.results import to_json

    options: dict[str, Any] = {
        "window": window,
        "hop": hop,
        "radius": radius,
        "method": method,
        "n_clusters": clusters if clusters == "auto" else whole_number("--clusters", clusters),
        "strategy": strategy,
        "unit": unit,
        "channels": channels if channels == "auto" else tuple(name.strip() for name in channels.split(",")),
    }
    config = ExtractionConfig(**options)
    targets = {"--json": json_file, "--labels": labels}
    require_targets({name: path for name, path in targets.items() if path is not None}, source or [])
    log = selected(source, format_, agent, session, since, where)
    extraction = extract_patterns(log, config, progress=sys.stderr.isatty())
    if json_file is not None:
        write_whole(json_file, to_json(extraction.as_dict()).encode())
    if labels is not None:
        write_whole(labels, extraction.labelled_actions().to_parquet(index=False))
    typer.echo(pattern_listing(extraction))
