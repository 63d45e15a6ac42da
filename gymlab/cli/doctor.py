"""Say what is installed and usable."""

from typing import Annotated

import typer


def doctor(
    json_: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Say what is installed and usable here; exit 1 if something would stop a report or the notebooks."""
    from gymlab.workbench import doctor as look
    from gymlab.workbench.results import to_json

    findings = look.examine()
    typer.echo(to_json(look.as_dict(findings)) if json_ else look.listing(findings))
    if any(finding.state == "problem" for finding in findings):
        raise SystemExit(1)
