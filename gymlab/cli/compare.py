"""Compare two logs."""

import sys
from typing import Annotated, Any

import typer

from gymlab.cli.options import Agent, Format, JsonFile, Session, Since, Where, selected, tell, whole_number


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A log: a file, a pattern or a database URL")],
    second: Annotated[str, typer.Argument(metavar="B", help="The log to compare it with")],
    by: Annotated[str, typer.Option(help="Whose principles: those of each agent or session")] = "agent",
    window: Annotated[int, typer.Option(help="Length of a window in actions")] = 20,
    hop: Annotated[int, typer.Option(help="Actions from one window to the next")] = 10,
    clusters: Annotated[str, typer.Option(help="Number of patterns, or auto")] = "auto",
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
    from gymlab.workbench.files import require_targets, write_whole
    from gymlab.workbench.listings import comparison_listing
    from gymlab.workbench.results import to_json

    by = checked_by(by)
    require_targets({"--json": json_file}, [first, second])
    options: dict[str, Any] = {
        "window": window,
        "hop": hop,
        # Intervals say what a difference is worth; whether a pattern is more than chance is extract's to say.
        "n_surrogates": 0,
        "n_resamples": 0,
        "n_clusters": clusters if clusters == "auto" else whole_number("--clusters", clusters),
    }
    config = ExtractionConfig(**options)
    one, other = (selected([source], format_, agent, session, since, where) for source in (first, second))
    comparison = compare_logs(one, other, config, by=by, progress=sys.stderr.isatty())
    if json_file is not None:
        write_whole(json_file, to_json(comparison.as_dict()).encode())
    tell(comparison_listing(comparison), json_file)
