"""gymlab lab: what JupyterLab is started with, which notebooks it shows, and what a browser may see of it."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from gymlab import cli
from gymlab.errors import InputError, OutputError
from gymlab.settings import notebook_path
from gymlab.workbench import lab


def notebook(*cells, outputs=()):
    """A notebook's text."""
    return json.dumps(
        {
            "cells": [
                {"cell_type": "code", "source": cell, "outputs": list(outputs), "metadata": {}}
                for cell in cells
            ],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


def test_what_jupyterlab_is_told(tmp_path):
    assert lab.lab_arguments(tmp_path, "secret") == [
        "--ServerApp.ip=127.0.0.1",
        "--IdentityProvider.token=secret",
        f"--ServerApp.root_dir={tmp_path}",
        "--LabApp.default_url=/lab",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    (tmp_path / "00_welcome.ipynb").touch()
    told = lab.lab_arguments(tmp_path, "secret", port=9999, browser=False, more=["--allow-root", "-y"])
    assert told[3] == "--LabApp.default_url=/lab/tree/00_welcome.ipynb"
    assert told[6:] == ["--ServerApp.port=9999", "--ServerApp.open_browser=False", "--allow-root", "-y"]


@pytest.mark.parametrize(
    "argument",
    [
        "--ip=0.0.0.0",
        "--ServerApp.ip=0.0.0.0",
        "--IdentityProvider.token=",
        "--ServerApp.token=",
        "--notebook-dir",
        "--LabApp.news_url=https://example.com",
    ],
)
def test_an_argument_that_would_open_it_to_others_is_refused_before_anything_starts(
    argument, monkeypatch, capsys
):
    from jupyterlab.labapp import LabApp

    with pytest.raises(InputError, match="is not for gymlab lab"):
        lab.lab_arguments(Path(), "secret", more=["--allow-root", argument])
    monkeypatch.setattr(LabApp, "initialize_server", lambda _: pytest.fail("it was started"))
    monkeypatch.setattr(sys, "argv", ["gymlab", "lab", "--allow-root", argument, "--no-browser"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_checkout_shows_its_own_notebooks():
    assert lab.notebooks() == (notebook_path("04_optimization_report").parent, [])


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    """An installed gymlab with two notebooks."""
    folder = tmp_path / "resources" / "notebooks"
    folder.mkdir(parents=True)
    (folder / "00_welcome.ipynb").write_text(notebook("hello"))
    (folder / "01_explore.ipynb").write_text(notebook("explore"))
    (folder / "notes.txt").touch()
    monkeypatch.setattr(lab, "checkout", lambda: None)
    monkeypatch.setattr(lab, "resource", lambda *parts: tmp_path.joinpath("resources", *parts))
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home"))
    return folder


def test_an_installed_gymlab_shows_copies_that_it_never_writes_again(bundled, tmp_path):
    copies = tmp_path / "home" / "notebooks"
    assert lab.notebooks() == (copies, [])
    assert sorted(path.name for path in copies.iterdir()) == ["00_welcome.ipynb", "01_explore.ipynb"]
    # Whoever runs a notebook changes its file, not what it says.
    ran = notebook("hello", outputs=[{"output_type": "stream", "name": "stdout", "text": "hello"}])
    (copies / "00_welcome.ipynb").write_text(ran)
    assert lab.notebooks() == (copies, [])
    (copies / "00_welcome.ipynb").write_text(notebook("hello, I"))
    (bundled / "01_explore.ipynb").write_text(notebook("explore more"))
    (bundled / "02_new.ipynb").write_text(notebook("new"))
    assert lab.notebooks() == (copies, ["00_welcome.ipynb", "01_explore.ipynb"])
    assert (copies / "00_welcome.ipynb").read_text() == notebook("hello, I")
    assert (copies / "01_explore.ipynb").read_text() == notebook("explore")
    assert (copies / "02_new.ipynb").read_text() == notebook("new")
    (copies / "00_welcome.ipynb").write_text("no notebook any more")
    assert lab.notebooks()[1] == ["00_welcome.ipynb", "01_explore.ipynb"]


def test_copies_that_differ_are_one_line_that_says_where_the_bundled_ones_are(bundled, monkeypatch, capsys):
    from jupyterlab.labapp import LabApp

    started = []

    class Server:
        def __init__(self):
            self.identity_provider = SimpleNamespace(token_generated=False)
            self.web_app = SimpleNamespace(settings={})
            self.io_loop = SimpleNamespace(asyncio_loop=runner.get_loop())

        def start(self):
            started.append(self.identity_provider.token_generated)

    arguments = []
    monkeypatch.setattr(LabApp, "initialize_server", lambda given: arguments.append(given) or Server())
    monkeypatch.delenv("JUPYTER_TOKEN", raising=False)
    lab.notebooks()
    (bundled / "01_explore.ipynb").write_text(notebook("explore more"))
    for command in (["--port", "9999", "--allow-root"], ["--no-browser"]):
        monkeypatch.setattr(sys, "argv", ["gymlab", "lab", *command])
        with asyncio.Runner() as runner, pytest.raises(SystemExit) as stop:
            cli.main()
        assert not stop.value.code
    line = f"gymlab: 01_explore.ipynb: not as bundled (edited here, or newer there: {bundled})"
    assert line in capsys.readouterr().err.splitlines()
    assert arguments[0][-2:] == ["--ServerApp.port=9999", "--allow-root"]
    assert arguments[1][-1] == "--ServerApp.open_browser=False"
    one, two = (given[1].removeprefix("--IdentityProvider.token=") for given in arguments)
    assert re.fullmatch(r"[0-9a-f]{48}", one)
    assert one != two
    assert started == [True, True]


def test_a_home_that_cannot_be_written_is_said(bundled, tmp_path):
    assert bundled.is_dir()
    (tmp_path / "home").write_text("a file")
    with pytest.raises(OutputError, match="cannot write to"):
        lab.notebooks()


@contextmanager
def gymlab_lab(folder, **environment):
    """Start `gymlab lab` at a port that the system chooses; end it as the system does, and wait until it has ended."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "JUPYTER_TOKEN"},
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        **environment,
    }
    log = folder / "log.txt"
    command = [sys.executable, "-m", "gymlab", "lab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
    with (
        log.open("w") as output,
        subprocess.Popen(command, env=environment, cwd=folder, stdout=output, stderr=output) as process,
    ):
        try:
            yield process, url_of(process, log)
            process.terminate()
            assert process.wait(timeout=60) == 0, log.read_text()
        finally:
            process.kill()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A JupyterLab that `gymlab lab` started for a user whose configuration opens it to everybody."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "config").mkdir()
    (folder / "config" / "jupyter_server_config.py").write_text(
        "c.IdentityProvider.token = ''\n"
        "c.ServerApp.token = ''\n"
        "c.ServerApp.ip = '0.0.0.0'\n"
        "c.ServerApp.root_dir = '/'\n"
        "c.ServerApp.default_url = '/tree'\n"
    )
    with gymlab_lab(folder) as served:
        yield served


def url_of(process, log):
    """Return the URL that JupyterLab prints, once it listens there, which is a moment later."""
    for _ in range(600):
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\S*\?token=[\w.]+", log.read_text())
        with socket.socket() as probe:
            if found and probe.connect_ex(("127.0.0.1", int(found[1]))) == 0:
                return found[0]
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(log.read_text())


def answer(url):
    try:
        with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 - a server of this test
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
def test_it_listens_on_this_machine_alone_and_no_command_line_shows_the_token(served):
    process, url = served
    token = url.partition("token=")[2]
    own = psutil.Process(process.pid)
    addresses = {one.laddr.ip for one in own.net_connections("tcp") if one.status == psutil.CONN_LISTEN}
    assert addresses == {"127.0.0.1"}
    lines = [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
    assert any("gymlab lab --no-browser" in line for line in lines)
    assert not any(token in line for line in lines)
    assert token not in json.dumps(own.environ())


@pytest.mark.slow
def test_without_the_token_nothing_is_answered(served):
    _, url = served
    page, _, token = url.partition("?token=")
    contents = re.sub(r"/lab.*", "/api/contents", page)
    assert answer(contents) == 403
    assert answer(f"{contents}?token={token[::-1]}") == 403
    assert answer(f"{contents}?token={token}") == 200


@pytest.mark.slow
def test_the_page_opens_at_the_notebooks_and_asks_nobody_else(served, browser):
    _, url = served
    context = browser.new_context()
    page = context.new_page()
    errors, asked = [], []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    page.wait_for_selector(".jp-DirListing-item", timeout=60_000)
    names = page.locator(".jp-DirListing-itemText").all_inner_texts()
    assert "04_optimization_report.ipynb" in names
    if notebook_path("04_optimization_report").with_name(lab.WELCOME).exists():
        page.wait_for_selector(".jp-Notebook", timeout=60_000)
        assert page.locator(".lm-TabBar-tab.lm-mod-current", has_text=lab.WELCOME).count() == 1
    # Whether to fetch Jupyter's news is asked once the page is restored, when the kernel's state is shown too.
    page.wait_for_function("document.querySelector('.jp-Notebook, .jp-Launcher') !== null")
    page.wait_for_load_state("networkidle")
    assert "news" not in page.inner_text("body").lower()
    assert errors == []
    assert all(one.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "blob:", "data:")) for one in asked)
    context.close()

    context = browser.new_context()
    page = context.new_page()
    page.goto(url.partition("?")[0])
    assert "/login" in page.url
    assert page.locator(".jp-DirListing-item").count() == 0
    context.close()


@pytest.mark.slow
def test_a_token_of_the_environment_is_used(tmp_path):
    with gymlab_lab(tmp_path, JUPYTER_TOKEN="chosen-by-me") as (process, url):  # noqa: S106 - of a server that ends with the test
        assert process.poll() is None
        # JupyterLab does not print a token that somebody else has chosen.
        contents = re.sub(r"/lab.*", "/api/contents", url)
        assert answer(f"{contents}?token=chosen-by-me") == 200
        assert answer(contents) == 403
        assert "chosen-by-me" not in (tmp_path / "log.txt").read_text()


SLOW_ANSWER = """
import asyncio

import anyio
from jupyter_server.base.handlers import JupyterHandler


class Slow(JupyterHandler):
    async def get(self):
        await anyio.to_thread.run_sync(int)
        self.write("a thread waits for more")
        await self.flush()
        await asyncio.sleep(3600)


def _jupyter_server_extension_points():
    return [{"module": "slow_answer"}]


def _load_jupyter_server_extension(server):
    server.web_app.add_handlers(".*", [(server.base_url + "slow", Slow)])
"""


@pytest.mark.slow
def test_it_ends_while_an_answer_is_on_its_way(tmp_path):
    (tmp_path / "slow_answer.py").write_text(SLOW_ANSWER)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.py").write_text(
        "c.ServerApp.jpserver_extensions = {'slow_answer': True}\n"
    )
    with gymlab_lab(tmp_path, PYTHONPATH=str(tmp_path)) as (_, url):
        slow = re.sub(r"/lab[^?]*", "/slow", url)
        assert urllib.request.urlopen(slow, timeout=30).read(8) == b"a thread"  # noqa: S310 - a server of this test
