"""Find the rules that agents follow."""

import secrets
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from gymlab.cli.options import Agent, Format, JsonFile, Session, Since, Sources, Where, selected, tell

if TYPE_CHECKING:
    from gymlab.principles.inference import Study
    from gymlab.principles.lineage import Lineage


def principles(
    source: Sources = None,
    by: Annotated[
        str, typer.Option(help="Whose: those of each agent, session, or cluster of windows")
    ] = "agent",
    clusters: Annotated[
        int | None, typer.Option(help="Also group the units by how they respond, into this many groups")
    ] = None,
    store: Annotated[
        bool,
        typer.Option(
            "--store", help="Keep them in the database, and say what became of those of the last run"
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
    from gymlab.workbench.files import require_targets, write_whole
    from gymlab.workbench.listings import lineage_listing, principle_listing
    from gymlab.workbench.results import to_json

    by = checked_by(by)
    require_targets({"--json": json_file}, source)
    log = selected(source, format_, agent, session, since, where)
    # What is asked of clusters of windows needs the windows first.
    plain = ExtractionConfig(n_surrogates=0, n_resamples=0)
    extraction = extract_patterns(log, plain, progress=sys.stderr.isatty()) if by == "cluster" else None
    study = study_principles(log, by=by, extraction=extraction, n_clusters=clusters)
    if json_file is not None:
        write_whole(json_file, to_json(study.as_dict()).encode())
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
