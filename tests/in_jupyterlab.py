"""A JupyterLab over a folder, a notebook that is open in a browser, and the tuning panel on its page."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

# The joins, the cut and the leaves of a tree, as they look.
LOOK = """(plot) => [...plot.querySelectorAll('.scatterlayer path, .shapelayer path')]
  .map((path) => path.getAttribute('d') + path.style.stroke + path.style.fill).join()"""

TOKEN = "only-for-the-test"  # noqa: S105 - of a server that lives as long as what uses it
PATIENCE = 120
# anywidget says so after two seconds, which a busy machine may take; whether the widget comes is looked at.
SLOW = "[anywidget] Failed to initialize model."


@contextmanager
def jupyterlab(folder):
    """Start a JupyterLab over a folder, with settings and a home of its own; gives its address."""
    (folder / "home").mkdir()
    # Nobody answers whether there shall be news.
    news = folder / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text(json.dumps({"fetchNews": "false"}), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ip=127.0.0.1",
        "--port=0",
        "--allow-root",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.news_url=None",
        "--LabApp.expose_app_in_browser=True",
    ]
    runtime = folder / "runtime"
    environment = {
        **os.environ,
        "JUPYTER_TOKEN": TOKEN,
        "GYMLAB_HOME": str(folder / "home"),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
    }
    with (folder / "server.log").open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said, start_new_session=True)
    try:
        yield address(runtime, process, folder)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def address(runtime, process, folder):
    """Wait until the server says where it listens."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            url = json.loads(file.read_text(encoding="utf-8"))["url"]
            try:
                urllib.request.urlopen(f"{url}api?token={TOKEN}", timeout=5).close()  # noqa: S310 - our own server
            except OSError:
                continue
            return url
        time.sleep(0.1)
    raise AssertionError((folder / "server.log").read_text(encoding="utf-8")[-2000:])


class Notebook:
    """A notebook that is open in a page."""

    def __init__(self, browser, url, name, width):
        self.page = browser.new_page(viewport={"width": width, "height": 1000})
        self.complaints = []
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        self.too_slow = False
        self.page.on("pageerror", lambda error: self._heard(str(error)))
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.goto(f"{url}lab/tree/{name}?token={TOKEN}&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
        self.when_idle()

    def _heard(self, error):
        if error == SLOW:
            self.too_slow = True
        else:
            self.complaints.append(error)

    def when_idle(self):
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(
            "() => jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )

    def run_all(self):
        self.page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
        self.when_idle()

    def outputs(self):
        """All outputs of all cells, also of those that are not on the screen."""
        return self.page.evaluate(
            "() => jupyterapp.shell.currentWidget.content.widgets.filter((cell) => cell.model.type === 'code')"
            ".flatMap((cell) => cell.model.outputs.toJSON())"
        )

    def show(self, text):
        """Bring the first cell with a text onto the screen."""
        self.page.evaluate(
            """(text) => {
              const book = jupyterapp.shell.currentWidget.content;
              const index = book.widgets.findIndex((cell) => cell.model.sharedModel.source.includes(text));
              book.activeCellIndex = index;
              return book.scrollToItem(index, 'start');
            }""",
            text,
        )

    def stop(self):
        self.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.page.close()


def ran(browser, url, name, width):
    """Open a notebook and run it; again if the machine was too busy for a widget to start in anywidget's two seconds."""
    for _ in range(3):
        book = Notebook(browser, url, name, width)
        book.run_all()
        if not book.too_slow:
            break
        book.stop()
    return book


class Panel:
    """The tuning panel on a page."""

    def __init__(self, book):
        self.book, self.page = book, book.page
        book.show("panel = TuningPanel(")
        self.root = self.page.locator(".jp-OutputArea-output", has=self.page.locator(".widget-slider")).first
        self.root.wait_for()
        self.tree = self.root.locator(".js-plotly-plot").first
        self.settle()

    def settle(self):
        """Wait until nothing is computed and nothing changes: what was done just now has to reach the kernel first."""
        self.page.evaluate("window.seen = undefined")
        self.page.wait_for_function(
            """([root, cancel]) => {
              const now = cancel.disabled + root.innerText;
              if (window.seen !== now) [window.seen, window.since] = [now, performance.now()];
              return cancel.disabled && performance.now() - window.since > 500;
            }""",
            arg=[
                self.root.element_handle(),
                self.root.get_by_role("button", name="cancel").element_handle(),
            ],
        )

    def slider(self, label):
        return self.root.locator(".widget-slider", has=self.page.locator(f".widget-label:text-is('{label}')"))

    def handle(self, label):
        return self.slider(label).locator(".noUi-handle").first

    def value(self, label):
        """The number beside a slider."""
        return self.slider(label).locator(".widget-readout").inner_text()

    def drawn(self):
        """What the tree looks like."""
        return self.tree.evaluate(LOOK)

    def says(self, text):
        """Wait until the panel says something."""
        self.page.wait_for_function(
            "([root, text]) => root.innerText.includes(text)", arg=[self.root.element_handle(), text]
        )

    def changed(self, before):
        """Wait until the tree looks otherwise, and nothing is computed."""
        self.page.wait_for_function(
            f"([plot, before]) => ({LOOK})(plot) !== before", arg=[self.tree.element_handle(), before]
        )
        self.settle()
