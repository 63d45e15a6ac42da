"""The commands that analyse logs: extract, principles, compare."""

import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gymlab.cli.options import (
    Agent,
    Clusters,
    Format,
    Hop,
    JsonFile,
    Session,
    Since,
    Sources,
    Where,
    Window,
    number_of_patterns,
    selected,
    tell,
    write_json,
)

if TYPE_CHECKING:
    from gymlab.actions.windows import Unit
    from gymlab.patterns.config import ClusteringMethod, Distance, Strategy
    from gymlab.principles.inference import Study
    from gymlab.principles.lineage import Lineage


def extract(
    source: Sources = None,
    window: Window = 20,
    hop: Hop = 10,
    radius: Annotated[int | None, typer.Option(help="Sakoe-Chiba radius in cells [default: no band]")] = None,
    distance: Annotated[str, typer.Option(help="dtw, or soft-dtw for few windows")] = "dtw",
    method: Annotated[
        str,
        typer.Option(
            help="ward, average, complete, single or weighted linkage, kmedoids, or by density: dbscan, hdbscan"
        ),
    ] = "ward",
    clusters: Clusters = "auto",
    strategy: Annotated[str, typer.Option(help="auto, exact, selective, sampled or baseline")] = "auto",
    eps: Annotated[
        float | None, typer.Option(help="dbscan: distance of neighbours [default: suggested by the log]")
    ] = None,
    min_samples: Annotated[
        int, typer.Option(help="dbscan, hdbscan: windows that make a neighbourhood dense")
    ] = 5,
    sample_size: Annotated[
        int | None, typer.Option(help="Windows of a sample [default: by memory and time]")
    ] = None,
    surrogates: Annotated[int, typer.Option(help="Surrogate logs of the null test, 0 for none")] = 199,
    resamples: Annotated[int, typer.Option(help="Resamples of the sessions for stability, 0 for none")] = 100,
    no_significance: Annotated[
        bool, typer.Option("--no-significance", help="No surrogate logs and no resamples")
    ] = False,
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

    # ExtractionConfig refuses texts that are no method, strategy, distance or unit.
    config = ExtractionConfig(
        window=window,
        hop=hop,
        radius=radius,
        distance=cast("Distance", distance),
        method=cast("ClusteringMethod", method),
        n_clusters=number_of_patterns(clusters),
        strategy=cast("Strategy", strategy),
        eps=eps,
        min_samples=min_samples,
        sample_size=sample_size,
        n_surrogates=0 if no_significance else surrogates,
        n_resamples=0 if no_significance else resamples,
        unit=cast("Unit", unit),
        channels=channels if channels == "auto" else tuple(name.strip() for name in channels.split(",")),
    )
    require_targets({"--json": json_file, "--labels": labels, "--save": save}, source)
    if save == STANDARD_OUTPUT:
        raise InputError("--save -: an extraction is saved as a folder; give a name for it")
    if save is not None:
        save = expanded(save)
        require_new_folder(save)
    log = selected(source, format_, agent, session, since, where)
    extraction = extract_patterns(log, config, progress=sys.stderr.isatty())
    write_json(json_file, extraction)
    if labels is not None:
        write_whole(labels, extraction.labelled_actions().to_parquet(index=False))
    if save is not None:
        extraction.save(save)
    tell(pattern_listing(extraction), json_file, labels)


def principles(
    source: Sources = None,
    by: Annotated[
        str, typer.Option(help="Whose: those of each agent, session, or cluster of windows")
    ] = "agent",
    clusters: Annotated[
        int | None, typer.Option(help="Also group the subjects by how they respond, into this many groups")
    ] = None,
    store: Annotated[
        bool,
        typer.Option(
            "--store", help="Keep them in the database, and say what changed since the last run on this log"
        ),
    ] = False,
    json_file: JsonFile = None,
    format_: Format = None,
    agent: Agent = None,
    session: Session = None,
    since: Since = None,
    where: Where = None,
) -> None:
    """Find the rules that agents follow: in which situation they do what, with evidence."""
    from gymlab.patterns.config import ExtractionConfig
    from gymlab.patterns.pipeline import extract_patterns
    from gymlab.principles.inference import study_principles
    from gymlab.principles.subjects import checked_by
    from gymlab.runtime import background
    from gymlab.workbench.files import require_targets
    from gymlab.workbench.listings import lineage_listing, principle_listing

    by = checked_by(by)
    require_targets({"--json": json_file}, source)
    log = selected(source, format_, agent, session, since, where)
    untested = ExtractionConfig(n_surrogates=0, n_resamples=0)
    extraction = extract_patterns(log, untested, progress=sys.stderr.isatty()) if by == "cluster" else None
    study = study_principles(log, by=by, extraction=extraction, n_clusters=clusters)
    write_json(json_file, study)
    tell(principle_listing(study), json_file)
    if store:
        lineage = background.run(_stored(study, str(log.attrs["source"])))
        tell(lineage_listing(lineage), json_file)


async def _stored(study: "Study", source: str) -> "Lineage":
    from gymlab.principles.lineage_store import store_principles
    from gymlab.runtime.database import Database

    now = datetime.now(UTC)
    run_id = f"principles-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    async with Database() as database:
        return await store_principles(
            database, study.principles, run_id=run_id, source=f"{source} by {study.by}", created_at=now
        )


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A log: a file, a pattern or a database URL")],
    second: Annotated[str, typer.Argument(metavar="B", help="The log to compare it with")],
    by: Annotated[str, typer.Option(help="Whose principles: those of each agent or session")] = "agent",
    window: Window = 20,
    hop: Hop = 10,
    clusters: Clusters = "auto",
    json_file: JsonFile = None,
    format_: Format = None,
    agent: Agent = None,
    session: Session = None,
    since: Since = None,
    where: Where = None,
) -> None:
    """Compare two logs: patterns and principles that appear, vanish or shift."""
    from gymlab.patterns.comparison import compare_logs
    from gymlab.patterns.config import ExtractionConfig
    from gymlab.principles.subjects import checked_by
    from gymlab.workbench.files import require_targets
    from gymlab.workbench.listings import comparison_listing

    by = checked_by(by)
    require_targets({"--json": json_file}, [first, second])
    # The comparison has an interval for each difference; `gymlab extract` tests the patterns themselves.
    config = ExtractionConfig(
        window=window, hop=hop, n_clusters=number_of_patterns(clusters), n_surrogates=0, n_resamples=0
    )
    one, other = (selected([source], format_, agent, session, since, where) for source in (first, second))
    comparison = compare_logs(one, other, config, by=by, progress=sys.stderr.isatty())
    write_json(json_file, comparison)
    tell(comparison_listing(comparison), json_file)
