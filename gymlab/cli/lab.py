"""Open the notebooks."""

from typing import Annotated

import typer


def lab(
    more: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[OPTION]...", help="Further options of JupyterLab, handed on as they are: --allow-root"
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Where to listen [default: 8888, or the next free]")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the URL, open no browser")] = False,
) -> None:
    """Open the notebooks in JupyterLab, on this machine alone and with a token."""
    from gymlab.workbench.lab import start_lab

    start_lab(port=port, browser=not no_browser, more=more or [])
