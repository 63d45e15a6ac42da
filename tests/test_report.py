"""The report: a whole run on a small log, its page in a browser, and what happens when something goes wrong."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from made import rules
from sqlmodel import select

import gymlab
from gymlab.db_models import ReportRun
from gymlab.errors import InputError, OutputError, ReportError
from gymlab.runtime.database import Database
from gymlab.workbench import report
from gymlab.workbench.claims import EXPECTATIONS
from gymlab.workbench.html_page import to_html
from gymlab.workbench.report import execute

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)> 🙂 "quoted" \'single\' & ' + "long" * 2500


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run on a log whose strings are hostile; everything lies under a folder of its own."""
    folder = tmp_path_factory.mktemp("report")
    log = rules(n_agents=3, sessions=3, length=70)
    for column in ("agent_id", "session_id", "action_type", "decision_context", "target"):
        log[column] = log[column] + HOSTILE
    log = log.drop(columns="action_id")
    source = folder / "hostile.parquet"
    log.to_parquet(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GYMLAB_HOME", str(folder / "home"))
        run = report.run(
            source, out=folder / "reports", parameters={"budget_seconds": 1, "window": 10, "hop": 5}
        )
    return folder, run


@pytest.mark.slow
def test_a_run_leaves_its_four_files_and_nothing_else(finished):
    folder, run = finished
    assert run.folder.parent == folder / "reports"
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "params.json",
        "report.html",
        "report.ipynb",
        "results.json",
    ]
    assert {path.name for path in (folder / "reports").iterdir()} == {run.run_id, "latest", ".lock"}
    assert (folder / "reports" / "latest").resolve() == run.folder
    parameters = json.loads((run.folder / "params.json").read_text(encoding="utf-8"))
    assert parameters["window"] == 10
    assert parameters["method"] == "ward"
    assert parameters["source"] == str(folder / "hostile.parquet")


@pytest.mark.slow
def test_the_results_are_schema_one_and_strict_json(finished):
    _, run = finished

    def refuse(constant):
        raise AssertionError(constant)

    found = json.loads((run.folder / "results.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert found == run.results
    assert found["schema"] == 1
    assert found["actions"] == 630
    assert [claim["id"] for claim in found["claims"]] == list(EXPECTATIONS)
    for claim in found["claims"]:
        assert claim["verdict"] in {"held", "failed", "not_measured"}
        assert (claim["measured"] is None) == (claim["verdict"] == "not_measured")
        if claim["measured"] is not None:
            assert claim["low"] <= claim["measured"] <= claim["high"]
            assert claim["repeats"] >= 1
        assert claim["details"]
    verdicts = {claim["id"]: claim["verdict"] for claim in found["claims"]}
    for claim_id in ("no_leaks", "accuracy"):
        assert verdicts[claim_id] == "held", claim_id
    assert len(found["alerts"]) == 4
    assert found["environment"]["gymlab"] == gymlab.__version__
    assert found["windows"] == found["stats"]["windows"]
    assert sum(pattern["size"] for pattern in found["patterns"]) == found["windows"]


@pytest.mark.slow
def test_the_run_is_recorded_for_later_comparison(finished):
    folder, run = finished

    async def recorded():
        async with (
            Database(f"sqlite:///{folder / 'home' / 'data' / 'gymlab.db'}") as db,
            db.session() as session,
        ):
            return (await session.exec(select(ReportRun))).all()

    rows = asyncio.run(recorded())
    assert [row.run_id for row in rows] == [run.run_id]
    assert rows[0].claims_total == 9
    assert json.loads(rows[0].results) == run.results


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_opens_offline_and_shows_every_plot(finished, browser, width):
    _, run = finished
    page_file = run.folder / "report.html"
    assert page_file.stat().st_size < 8_000_000
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    page = context.new_page()
    complaints, requests, dialogs = [], [], []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(page_file.as_uri())
    plots = page.locator(".plot")
    assert plots.count() >= 10
    page.wait_for_function(
        "[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('svg.main-svg'))"
    )
    for index in range(plots.count()):
        assert plots.nth(index).locator("svg.main-svg").count() > 0
        plots.nth(index).hover()
    assert complaints == []
    assert dialogs == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    # Nothing in the page but the figures' data and the page's own script; nothing from the log became one.
    assert page.locator("main script").count() == page.locator("main script[type='application/json']").count()
    assert page.locator("main script").count() == plots.count()
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".headline").is_visible()
    assert page.locator(".tile .chip").count() == 9
    # The verdicts are on the first screen; the last tile of a narrow page may be below it.
    assert page.locator(".tile").nth(8 if width > 1000 else 2).bounding_box()["y"] < 900
    assert page.locator("nav a").count() >= 10
    assert page.locator("nav a").first.is_visible() == (width > 1000)
    for link in page.locator("nav a").all():
        target = link.get_attribute("href")
        assert page.locator(f"[id='{target[1:]}']").count() == 1, target
    # No code unless unfolded.
    assert not page.locator("details.code pre").first.is_visible()
    page.locator("details.code summary").first.click()
    assert page.locator("details.code pre").first.is_visible()
    context.close()


@pytest.mark.slow
def test_a_failed_notebook_is_kept_and_named(tmp_path, monkeypatch):
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home"))
    broken = nbformat.read(gymlab.notebook_path(report.NOTEBOOK), as_version=4)
    broken.cells.insert(2, nbformat.v4.new_code_cell("1 / 0"))
    nbformat.write(broken, tmp_path / "broken.ipynb")
    monkeypatch.setattr(execute, "notebook_path", lambda _name: tmp_path / "broken.ipynb")
    with pytest.raises(ReportError, match="ZeroDivisionError") as caught:
        report.run(out=tmp_path / "reports")
    (kept,) = (path for path in (tmp_path / "reports").iterdir() if path.name != ".lock")
    assert kept.suffix == ".ipynb"
    assert str(kept) in str(caught.value)


def test_an_unknown_parameter_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="unknown parameter windw; known are agent, "):
        report.run(out=tmp_path / "reports", parameters={"windw": 3})
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("length", "parameters", "message"),
    [
        (5, {}, "5 actions, fewer than one window of 20"),
        (60, {"n_clusters": 9999}, "n_clusters is 9,999, but there are only 5 windows"),
    ],
)
def test_what_a_log_is_too_small_for_is_refused_before_anything_is_written(
    tmp_path, length, parameters, message
):
    rules(n_agents=1, sessions=1, length=length).to_parquet(tmp_path / "small.parquet")
    with pytest.raises(InputError, match=message):
        report.run(tmp_path / "small.parquet", out=tmp_path / "reports", parameters=parameters)
    assert not (tmp_path / "reports").exists()


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write to"):
        report.run(out=tmp_path / "file" / "reports")


@pytest.mark.slow
def test_the_page_prints_without_what_only_a_screen_needs(finished, browser):
    _, run = finished
    page = browser.new_page()
    page.goto((run.folder / "report.html").as_uri())
    page.wait_for_function(
        "[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('svg.main-svg'))"
    )
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert not page.locator("details.code").first.is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function(
        "[...document.querySelectorAll('.plot svg.main-svg')].every((plot) => plot.clientWidth <= 690)"
    )
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.close()


def notebook_with(*outputs):
    cell = nbformat.v4.new_code_cell("show()", outputs=list(outputs))
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A\n\n## B & C"), cell])


def test_text_outputs_are_escaped_and_figures_cannot_end_their_script():
    figure = {"data": [{"x": [1], "text": "</script><script>alert(1)</script>"}], "layout": {}}
    page = to_html(
        notebook_with(
            nbformat.v4.new_output("stream", name="stdout", text="<b>plain</b>"),
            nbformat.v4.new_output("display_data", data={"application/vnd.plotly.v1+json": figure}),
            nbformat.v4.new_output("display_data", data={"text/plain": "<i>repr</i>"}),
        ),
        "<title>",
    )
    assert "&lt;b&gt;plain&lt;/b&gt;" in page
    assert "&lt;i&gt;repr&lt;/i&gt;" in page
    assert "<title>&lt;title&gt;</title>" in page
    assert "</script><script>alert(1)" not in page
    assert "\\u003c/script>" in page
    assert 'href="#B-&amp;-C"' in page


def test_the_page_embeds_plotly_once():
    page = to_html(notebook_with(), "empty")
    assert page.count("plotly.js v") == 1


def test_every_notebook_has_one_parameters_cell_of_literals_and_no_functions():
    notebooks = list(Path(gymlab.notebook_path(report.NOTEBOOK)).parent.glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
        assert not any(cell.outputs or cell.execution_count for cell in code)
        assert not any("def " in cell.source for cell in code)


def test_home_is_the_users_data_folder_when_installed(tmp_path, monkeypatch):
    from gymlab import settings

    monkeypatch.delenv("GYMLAB_HOME", raising=False)
    monkeypatch.setattr(settings, "_PACKAGE", tmp_path / "site-packages" / "gymlab")
    home = settings.Settings().home
    assert home.name == "gymlab"
    assert home.is_absolute()
    assert tmp_path not in home.parents


@pytest.mark.slow
def test_an_installed_gymlab_finds_its_sample_and_notebooks_from_any_folder(tmp_path):
    root = Path(gymlab.__file__).parent.parent
    if not (root / "pyproject.toml").exists():
        pytest.skip("gymlab is not run from a checkout")
    checkout = tmp_path / "checkout"
    shutil.copytree(
        root,
        checkout,
        ignore=shutil.ignore_patterns(".venv", ".git", "reports", "__pycache__", ".*_cache", "*.db*"),
    )
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    subprocess.run(build, cwd=checkout, check=True, capture_output=True)
    (wheel,) = (checkout / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
        names = {Path(name) for name in archive.namelist()}
    # Every notebook, and nothing that only lay beside them.
    notebooks = root / "notebooks"
    assert {name.name for name in names if name.parent == Path("gymlab/resources/notebooks")} == {
        path.name for path in notebooks.glob("*.ipynb")
    }
    assert not [name for name in names if "checkpoint" in name.name]
    assert Path("gymlab/workbench/widgets/fit.js") in names
    code = (
        "import gymlab, sys; assert 'installed' in gymlab.__file__; "
        "print(len(gymlab.read_actions(gymlab.sample_path())), gymlab.notebook_path('04_optimization_report').exists());"
        "from gymlab.workbench.html_page import to_html; import nbformat; to_html(nbformat.v4.new_notebook(), 'x')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "83223 True", done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("length", [20, 30])
def test_a_log_too_small_to_compare_on_is_reported_and_says_so(tmp_path, monkeypatch, length):
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home"))
    log = rules(n_agents=1, sessions=1, length=length)
    log.to_parquet(tmp_path / "small.parquet")
    run = report.run(tmp_path / "small.parquet", out=tmp_path / "reports", parameters={"budget_seconds": 1})
    verdicts = {claim["id"]: claim["verdict"] for claim in run.results["claims"]}
    for claim_id in ("dtw_time", "overall_speed", "scale", "memory", "overall_memory"):
        assert verdicts[claim_id] == "not_measured", claim_id
    assert "failed" not in verdicts.values()
