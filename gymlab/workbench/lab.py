"""JupyterLab at the notebooks: on this machine alone, with a token, and without asking the network for anything."""

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

# What gymlab sets so that neither a configuration nor an argument undoes it, by every name that JupyterLab has for it.
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
    """Return the arguments that JupyterLab is started with; they overrule its configuration files.

    Parameters
    ----------
    folder
        Where the notebooks are.
    token
        What a browser has to show.
    port
        Where to listen; JupyterLab takes the next free one if it is taken.
    browser
        Whether to open one.
    more
        Further arguments of JupyterLab.

    Raises
    ------
    InputError
        If one of these is gymlab's to set.

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
        # Both would have this server ask others on the network.
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        *([] if port is None else [f"--ServerApp.port={port}"]),
        *([] if browser else ["--ServerApp.open_browser=False"]),
        *more,
    ]


def notebooks() -> tuple[Path, list[str]]:
    """Return where the notebooks can be worked on, and the names of those there that differ from the bundled ones.

    A checkout has them. An installed gymlab has copies in its home; one that is there is never written again.

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

    The token is that of the environment (``JUPYTER_TOKEN``) or a new one, whatever the user's configuration says.
    JupyterLab runs in this process, so that no command line shows the token.

    Parameters
    ----------
    port, browser, more
        As for :func:`lab_arguments`.

    Raises
    ------
    InputError
        If an argument is gymlab's to set.
    """
    from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]  # noqa: PLC0415 - a refusal need not wait for it

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
    # JupyterLab shows the token in the URLs that it prints if nobody but itself has chosen it.
    server.identity_provider.token_generated = not given
    server.web_app.settings["page_config_hook"] = without_news
    server.start()
    _cancel_tasks(server.io_loop.asyncio_loop)


def _cancel_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what the server left unanswered: a thread that waits for work of such a task would never end."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def without_news(_handler: object, page_config: dict[str, Any]) -> dict[str, Any]:
    """Return what JupyterLab's page is configured with, without the part that offers news and looks for updates.

    It would ask whether to fetch news from its makers even where the server has none to give.
    """
    disabled = [one for one in page_config.get("disabledExtensions", []) if one != _NEWS]
    return {**page_config, "disabledExtensions": [*disabled, _NEWS]}


def _cells(path: Path) -> object:
    """Return what a notebook says, without what it showed when it was run."""
    content = path.read_bytes()
    try:
        cells = json.loads(content)["cells"]
        return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return content  # no notebook (any more): as it is
