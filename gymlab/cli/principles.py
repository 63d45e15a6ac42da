"""Find the rules that agents follow."""

import sys
from typing import Annotated

import typer

from gymlab.cli.options import Agent, Format, JsonFile, Session, Since, Sources, Where, selected


def principles(
    source: Sources = None,
    by: Annotated[
        str, typer.Option(help="Whose: those of each agent, session, or cluster of windows")
    ] = "agent",
    clusters: Annotated[
        int | None, typer.Option(help="Also group the units by how they respond, into this many groups")
    ] = None,
    json_file: JsonFile = None,
    format_: Format = None,
    agent: Agent = None,
    session: Session = None,
    since: Since = None,
    where: Where = None,
) -> None:
    """Find the rules that agents follow: in which situation they do what, with evidence."""
    from gymlab.patterns.extraction import extract_patterns
    from gymlab.patterns.principles.study import study_principles
    from gymlab.patterns.principles.units import checked_by
    from gymlab.workbench.files import require_targets, write_whole
    from gymlab.workbench.findings import principle_listing
    from gymlab.workbench.results import to_json

    require_targets({} if json_file is None else {"--json": json_file}, source or [])
    log = selected(source, format_, agent, session, since, where)
    # What is asked of clusters of windows needs the windows first.
    extraction = extract_patterns(log, progress=sys.stderr.isatty()) if by == "cluster" else None
    study = study_principles(log, by=checked_by(by), extraction=extraction, n_clusters=clusters)
    if json_file is not None:
        write_whole(json_file, to_json(study.as_dict()).encode())
    typer.echo(principle_listing(study))
