"""Find the temporal patterns of a log."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gymlab.cli.options import (
    Agent,
    Format,
    JsonFile,
    Session,
    Since,
    Sources,
    Where,
    selected,
    tell,
    whole_number,
)


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
    json_file: JsonFile = None,
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
    from gymlab.actions.readers.source_files import expanded
    from gymlab.errors import InputError
    from gymlab.patterns.config import ExtractionConfig
    from gymlab.patterns.pipeline import extract_patterns
    from gymlab.patterns.saved import require_new_folder
    from gymlab.workbench.files import STANDARD_OUTPUT, require_targets, write_whole
    from gymlab.workbench.listings import pattern_listing
    from gymlab.workbench.results import to_json

    options: dict[str, Any] = {
        "window": window,
        "hop": hop,
        "radius": radius,
        "distance": distance,
        "method": method,
        "n_clusters": clusters if clusters == "auto" else whole_number("--clusters", clusters),
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
    require_targets({"--json": json_file, "--labels": labels, "--save": save}, source)
    if save == STANDARD_OUTPUT:
        raise InputError("--save -: what is saved is a folder; give a name for it")
    if save is not None:
        save = expanded(save)
        require_new_folder(save)
    log = selected(source, format_, agent, session, since, where)
    extraction = extract_patterns(log, config, progress=sys.stderr.isatty())
    if json_file is not None:
        write_whole(json_file, to_json(extraction.as_dict()).encode())
    if labels is not None:
        write_whole(labels, extraction.labelled_actions().to_parquet(index=False))
    if save is not None:
        extraction.save(save)
    tell(pattern_listing(extraction), json_file, labels)
