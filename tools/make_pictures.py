"""Make the pictures of the README: the first screen of a report on the sample, and the tuning panel in JupyterLab.

Needs Chromium. Usage: python tools/make_pictures.py [FOLDER]
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from in_chromium import chromium
from in_jupyterlab import Notebook, Panel, jupyterlab

import gymlab
from gymlab.workbench import report

TUNING = "03_tune_parameters.ipynb"
HEIGHT = 910  # of the panel, in pixels: the tree, the patterns, the choice of their number


def picture_of_report(browser: Browser, target: Path) -> None:
    """Run the report on the sample and take its first screen."""
    with tempfile.TemporaryDirectory(prefix="gymlab-") as folder:
        finished = report.run(out=folder, progress=True)
        page = browser.new_page(viewport={"width": 1280, "height": 785})
        page.goto((finished.folder / "report.html").as_uri())
        page.wait_for_selector(".plot .main-svg")
        page.screenshot(path=target)


def picture_of_panel(browser: Browser, target: Path) -> None:
    """Run the notebook on tuning, cut the tree into six patterns, and take the panel."""
    with tempfile.TemporaryDirectory(prefix="gymlab-") as name:
        folder = Path(name)
        shutil.copy(gymlab.notebook_path(TUNING), folder / TUNING)
        with jupyterlab(folder) as url:
            book = Notebook(browser, url, TUNING, 1280)
            book.run_all()
            panel = Panel(book)
            panel.handle("number").focus()
            for _ in range(4):
                panel.page.keyboard.press("ArrowRight")
            panel.settle()
            panel.says("6 patterns")
            panel.page.set_viewport_size({"width": 1280, "height": 2200})
            book.show("panel = TuningPanel(")
            panel.page.wait_for_timeout(1000)  # figures that were resized are drawn once more
            box = panel.root.bounding_box() or {}
            panel.page.screenshot(path=target, clip={**box, "height": HEIGHT})
            book.stop()


def main() -> None:
    """Make both."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "data" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        picture_of_report(browser, folder / "report.png")
        picture_of_panel(browser, folder / "tuning.png")
    for file in sorted(folder.glob("*.png")):
        print(f"{file}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
