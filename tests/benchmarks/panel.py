"""How soon the tuning panel reacts in a real JupyterLab in a real browser, on the bundled sample.

Milliseconds from the key that moves a slider until the tree on the page looks otherwise: for a cut, and for a new
window, which computes every distance anew. Needs Chromium. Usage: python tests/benchmarks/panel.py
"""

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from in_chromium import chromium
from in_jupyterlab import LOOK, Notebook, Panel, jupyterlab

import gymlab

ROUNDS = 10
NAME = "03_tune_parameters.ipynb"

# From a key to the first change of the tree, measured in the page.
WATCH = f"""(plot) => {{
  const look = {LOOK};
  const before = look(plot), start = performance.now();
  window.reaction = new Promise((done) => {{
    const check = () => look(plot) === before ? setTimeout(check, 5) : done(performance.now() - start);
    check();
  }});
}}"""


def reactions(panel, label, key):
    """Return milliseconds of each round."""
    found = []
    for _ in range(ROUNDS):
        panel.handle(label).focus()
        panel.tree.evaluate(WATCH)
        panel.page.keyboard.press(key)
        found.append(panel.page.evaluate("window.reaction"))
        panel.settle()
    return found


def main():
    with tempfile.TemporaryDirectory(prefix="gymlab-") as name, chromium() as browser:
        folder = Path(name)
        shutil.copy(gymlab.notebook_path(NAME), folder / NAME)
        with jupyterlab(folder) as url:
            book = Notebook(browser, url, NAME, 1400)
            book.run_all()
            panel = Panel(book)
            for label, key in (
                ("number", "ArrowRight"),
                ("cut height", "ArrowLeft"),
                ("window", "ArrowRight"),
            ):
                found = reactions(panel, label, key)
                print(
                    f"{label:12} {statistics.median(found):6.0f} ms  [{min(found):.0f}, {max(found):.0f}] of {ROUNDS}"
                )
            book.stop()


if __name__ == "__main__":
    main()
