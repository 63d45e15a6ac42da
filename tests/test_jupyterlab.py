"""The notebooks as people use them: in a real JupyterLab, in a real browser, every slider moved, the page's console read."""

import re

import nbformat
import pytest
from in_jupyterlab import Notebook, Panel, jupyterlab, ran
from made import rules
from playwright.sync_api import expect

import gymlab
from gymlab.workbench.report.parameters import read_parameters, require_usable

NOTEBOOKS = sorted(path.name for path in gymlab.notebook_path("00_welcome").parent.glob("*.ipynb"))

# One server, and one open panel, for all of them.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A JupyterLab over copies of the notebooks, whose source is a small log; gives its address."""
    folder = tmp_path_factory.mktemp("lab")
    rules(n_agents=3, sessions=4, length=120).to_parquet(folder / "rules.parquet")
    # Too small for the report to measure memory on, which would take most of its time.
    rules(n_agents=2, sessions=2, length=20).to_parquet(folder / "few.parquet")
    for name in NOTEBOOKS:
        log = folder / ("few.parquet" if name.startswith("04") else "rules.parquet")
        notebook = nbformat.read(gymlab.notebook_path(name), as_version=4)
        cell = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
        cell.source = cell.source.replace("source = None", f"source = {str(log)!r}").replace(
            "budget_seconds = 8", "budget_seconds = 1"
        )
        nbformat.write(notebook, folder / name)
    with jupyterlab(folder) as url:
        yield url


@pytest.fixture
def opened(server, browser):
    """Open a notebook; its kernel ends with the test."""
    books = []

    def open_(name):
        books.append(Notebook(browser, server, name, 1400))
        return books[-1]

    yield open_
    for book in books:
        book.stop()


def require_fitting(book):
    """Wait until every figure on the page is as wide as its place, which is within the page.

    JupyterLab lets the browser leave out cells that are far from the screen; these have the size that they last had,
    so each is brought there.
    """
    plots = book.page.locator(".js-plotly-plot:visible").all()
    assert plots
    for plot in plots:
        plot.scroll_into_view_if_needed()
        book.page.wait_for_function(
            """(plot) => plot.getBoundingClientRect().right <= innerWidth
              && plot.querySelector('.main-svg').clientWidth <= plot.clientWidth""",
            arg=plot.element_handle(),
        )


def require_whole(book):
    """Nothing failed, every figure is there and within the page, and the console is quiet."""
    outputs = book.outputs()
    assert [output["evalue"] for output in outputs if output["output_type"] == "error"] == []
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    shown = [kinds.count(f"application/vnd.{kind}+json") for kind in ("plotly.v1", "jupyter.widget-view")]
    assert sum(shown) >= 2
    book.page.wait_for_selector(".js-plotly-plot .main-svg")
    require_fitting(book)
    assert book.complaints == []


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if name[:2] in {"02", "04"}])
def test_a_notebook_runs_and_the_console_is_quiet(opened, name):
    book = opened(name)
    book.run_all()
    require_whole(book)


@pytest.fixture(scope="module")
def panel(server, browser):
    """The notebook on tuning, run to its end, with the panel on the screen."""
    book = ran(browser, server, "03_tune_parameters.ipynb", 1400)
    require_whole(book)
    found = Panel(book)
    require_fitting(book)
    yield found
    assert book.complaints == []
    book.stop()


def press(panel, label, *keys):
    panel.handle(label).focus()
    for key in keys:
        panel.page.keyboard.press(key)


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("number", "ArrowRight"),
        ("cut height", "ArrowLeft"),
        ("window", "ArrowRight"),
        ("hop", "ArrowLeft"),
        ("radius", "ArrowRight"),
    ],
)
def test_a_slider_that_moves_changes_the_tree(panel, label, key):
    before = panel.drawn()
    press(panel, label, key)
    panel.changed(before)
    assert panel.book.complaints == []


def test_the_mouse_drags_the_cut(panel):
    before = panel.drawn()
    line = panel.tree.locator(".shapelayer path").first
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 2
    panel.page.mouse.move(x, y)
    panel.page.mouse.down()
    panel.page.mouse.move(x, y + 60, steps=6)
    panel.page.mouse.up()
    # The line moves with the mouse; the kernel knows of it when it says that the height counts.
    panel.root.locator(".widget-toggle-buttons .mod-active", has_text="height").wait_for()
    panel.changed(before)


def test_a_click_on_a_dot_opens_its_branch_and_up_comes_back(panel):
    before = panel.drawn()
    up = panel.root.get_by_role("button", name="up")
    assert up.is_disabled()
    # The dots come last; before them are those of the joins, which are not seen.
    points = panel.tree.locator(".scatterlayer .points path").all()
    dots = points[len(points) // 2 :]
    widest = max(dots, key=lambda dot: dot.bounding_box()["width"])
    box = widest.bounding_box()
    panel.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    panel.changed(before)
    assert up.is_enabled()
    before = panel.drawn()
    up.click()
    panel.changed(before)
    assert up.is_disabled()


def test_what_is_chosen_leaves_as_yaml_that_the_report_takes(panel, tmp_path):
    press(panel, "number", "ArrowLeft")
    press(panel, "window", "ArrowRight")
    panel.settle()
    file = tmp_path / "tuned.yaml"
    name = panel.root.locator("input[type=text]").last
    name.fill(str(file))
    name.press("Enter")
    panel.root.get_by_role("button", name="export").click()
    panel.says("written: ")
    chosen = read_parameters(file)
    require_usable(chosen)
    shown = [int(panel.value(label)) for label in ("window", "hop", "number")]
    assert [chosen[label] for label in ("window", "hop", "n_clusters")] == shown
    assert chosen["cut_height"] is None


def test_what_takes_long_can_be_cancelled_and_the_panel_goes_on(panel):
    press(panel, "significance", *["ArrowRight"] * 3)
    panel.says("significance …")
    panel.root.get_by_role("button", name="cancel").click()
    panel.says("stopped")
    panel.settle()
    before = panel.drawn()
    press(panel, "number", "ArrowLeft")
    panel.changed(before)


def test_on_a_narrow_page_the_figures_are_as_narrow(panel):
    panel.page.set_viewport_size({"width": 800, "height": 1000})
    panel.book.show("panel = TuningPanel(")
    require_fitting(panel.book)


def test_from_a_pattern_one_gets_to_the_actions_behind_it(opened):
    book = opened("01_explore_clustering.ipynb")
    book.run_all()
    require_whole(book)
    book.show("PatternExplorer(extraction)")
    root = book.page.locator(
        ".jp-OutputArea-output", has=book.page.locator("select[multiple], select[size]")
    ).first
    root.wait_for()
    actions = root.locator("table.frame")
    first = actions.inner_text()
    choices = root.locator("select").first
    choices.select_option(index=1)
    expect(actions).not_to_have_text(first, use_inner_text=True)
    second = actions.inner_text()
    windows = root.locator("select").last
    windows.select_option(index=3)
    expect(actions).not_to_have_text(second, use_inner_text=True)
    assert re.search(r"\b(give|take)\b", actions.inner_text())
    assert book.complaints == []
