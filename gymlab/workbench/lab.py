"""JupyterLab with the notebooks: on this machine only, with a token, and without requests to the network."""

import asyncio
import json
import logging
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gymlab.arguments import texts, whole_number
from gymlab.errors import InputError, OutputError
from gymlab.settings import Settings, checkout, resource
from gymlab.workbench.files import write_whole

WELCOME = "00_welcome.ipynb"

_NEWS = "@jupyterlab/apputils-extension:announcements"

_log = logging.getLogger(__name__)

# The options that gymlab sets itself, with all names that JupyterLab has for them.
_OWN = {
    "--ip",
    "--ServerApp.ip",
    "--notebook-dir",
    "--ServerApp.root_dir",
    "--IdentityProvider.token",
    "--PasswordIdentityProvider.token",
    "--ServerApp.token",
    "--LabApp.default_url",
    "--LabApp.news_url",
    "--LabApp.check_for_updates_class",
}


def lab_arguments(
    folder: Path,
    token: str,
    *,
    port: int | None = None,
    browser: bool = True,
    more: Sequence[str] = (),
) -> list[str]:
    """Return the arguments for JupyterLab; they override its configuration files.

    Parameters
    ----------
    folder
        Folder of the notebooks.
    token
        The token that a browser has to send.
    port
        Port to listen on; if it is taken, JupyterLab takes the next free one.
    browser
        Whether to open a browser.
    more
        Further arguments of JupyterLab.

    Raises
    ------
    InputError
        If gymlab sets one of these arguments itself.

    Examples
    --------
    >>> lab_arguments(Path("/notebooks"), "secret", port=8899)[:2]
    ['--ServerApp.ip=127.0.0.1', '--IdentityProvider.token=secret']
    """
    if port is not None:
        whole_number("port", port, least=1, most=65_535, instead=", or None")
    for argument in texts("more", more):
        if (option := argument.partition("=")[0]) in _OWN:
            raise InputError(
                f"{option} is not for gymlab lab, which shows the notebooks on 127.0.0.1 with a token "
                "(JUPYTER_TOKEN, or a new one); start `jupyter lab` for anything else"
            )
    page = f"/lab/tree/{WELCOME}" if (folder / WELCOME).is_file() else "/lab"
    return [
        "--ServerApp.ip=127.0.0.1",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url={page}",
        # Without these, the server sends requests to the network.
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        *([] if port is None else [f"--ServerApp.port={port}"]),
        *([] if browser else ["--ServerApp.open_browser=False"]),
        *more,
    ]


def notebooks() -> tuple[Path, list[str]]:
    """Return the folder of the notebooks, and the names of those that differ from the bundled notebooks.

    A checkout uses its own notebooks. An installed gymlab makes copies in its home, and never overwrites a copy.

    Raises
    ------
    OutputError
        If a copy cannot be written.
    """
    bundled = resource("notebooks")
    if checkout() is not None:
        return bundled, []
    folder = Settings().home / "notebooks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
    different = []
    for source in sorted(bundled.glob("*.ipynb")):
        copy = folder / source.name
        if not copy.exists():
            write_whole(copy, source.read_bytes())
        elif _cells(copy) != _cells(source):
            different.append(source.name)
    return folder, different


def start_lab(*, port: int | None = None, browser: bool = True, more: Sequence[str] = ()) -> None:
    """Start JupyterLab and wait until it ends.

    The token is ``JUPYTER_TOKEN`` of the environment or a new one; the user's configuration cannot change it. JupyterLab
    runs in this process, so that no command line shows the token.

    Parameters
    ----------
    port, browser, more
        As for :func:`lab_arguments`.

    Raises
    ------
    InputError
        If gymlab sets an argument itself.
    """
    from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]  # noqa: PLC0415 - imports slowly

    folder, different = notebooks()
    given = os.environ.get("JUPYTER_TOKEN", "")
    arguments = lab_arguments(folder, given or secrets.token_hex(24), port=port, browser=browser, more=more)
    if different:
        _log.warning(
            "%s: not as bundled (edited here, or newer there: %s)",
            ", ".join(different),
            resource("notebooks"),
        )
    server = LabApp.initialize_server(arguments)
    # JupyterLab prints URLs with the token only if the token was generated.
    server.identity_provider.token_generated = not given
    server.web_app.settings["page_config_hook"] = without_news
    server.start()
    _cancel_tasks(server.io_loop.asyncio_loop)


def _cancel_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel unfinished tasks of the server, since a thread that waits for such a task would never end."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def without_news(_handler: object, page_config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of JupyterLab's page, with the extension for news and updates disabled.

    The extension asks whether to fetch news even if the server has no source of news.
    """
    disabled = [one for one in page_config.get("disabledExtensions", []) if one != _NEWS]
    return {**page_config, "disabledExtensions": [*disabled, _NEWS]}


def _cells(path: Path) -> object:
    """Return the kind and the source of each cell, without the outputs."""
    content = path.read_bytes()
    try:
        cells = json.loads(content)["cells"]
        return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return content  # no notebook: compare the bytes
