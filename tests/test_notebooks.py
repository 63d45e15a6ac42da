"""The notebooks: literals in one parameters cell, no algorithms, and each runs without anybody on every kind of log."""

import ast
import re

import nbformat
import papermill
import pytest
from logs import shared_log

import gymlab

NAMES = sorted(path.stem for path in gymlab.notebook_path("00_welcome").parent.glob("*.ipynb"))
LOGS = {
    "sample": None,
    "gym": "principles_gym/gym_principles.db",
    "tau-bench": "tau_bench/actions.jsonl.gz",
}
# Each notebook once, each log at least once. The report is 04, which tests/test_report.py runs.
RUNS = [
    ("00_welcome", "sample"),
    ("01_explore_clustering", "tau-bench"),
    ("02_dendrograms", "gym"),
    ("03_tune_parameters", "sample"),
    ("08_operations", "gym"),
    ("09_train_and_watch", "sample"),
]


def cells(name, kind):
    notebook = nbformat.read(gymlab.notebook_path(name), as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def parameters(name):
    (cell,) = (cell for cell in cells(name, "code") if "parameters" in cell.metadata.get("tags", []))
    return cell


def test_all_of_them_are_here():
    assert [name for name, _ in RUNS] == [name for name in NAMES if not name.startswith("04")]
    assert {log for _, log in RUNS} == set(LOGS)


@pytest.mark.parametrize("name", NAMES)
def test_the_parameters_are_literals_and_come_before_anything_else(name):
    assert cells(name, "code")[0] is not None
    assert cells(name, "code")[0].source == parameters(name).source
    for statement in ast.parse(parameters(name).source).body:
        assert isinstance(statement, ast.Assign)
        ast.literal_eval(statement.value)


@pytest.mark.parametrize("name", NAMES)
def test_code_is_a_line_of_plotting_and_tells_a_story_in_prose(name):
    code = cells(name, "code")
    assert not any(cell.outputs or cell.execution_count for cell in code)
    for cell in code:
        tree = ast.parse(cell.source)
        assert not [
            node
            for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.While, ast.Try))
        ]
    words = sum(len(cell.source.split()) for cell in cells(name, "markdown"))
    assert words > 150
    assert cells(name, "markdown")[0].source.startswith("# ")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_shown_where_to_put_ones_own_log(name):
    text = " ".join(cell.source for cell in cells(name, "markdown"))
    assert "source" in parameters(name).source
    assert "your own log" in text or name.startswith("04")


def test_links_between_notebooks_lead_somewhere():
    for name in NAMES:
        for cell in cells(name, "markdown"):
            for target in re.findall(r"\]\(([^)]+\.ipynb)\)", cell.source):
                assert target.removesuffix(".ipynb") in NAMES


@pytest.mark.slow
@pytest.mark.parametrize(("name", "log"), RUNS)
def test_it_runs_from_top_to_bottom(name, log, tmp_path, monkeypatch):
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home"))
    wanted = {"source": LOGS[log] and str(shared_log(LOGS[log]))}
    if name.startswith("03"):
        wanted["export_path"] = str(tmp_path / "tuned.yaml")
    done = papermill.execute_notebook(
        gymlab.notebook_path(name),
        tmp_path / "done.ipynb",
        parameters=wanted,
        progress_bar=False,
        cwd=tmp_path,
    )
    code = [cell for cell in done.cells if cell.cell_type == "code"]
    shown = [output for cell in code for output in cell.outputs]
    assert [output for output in shown if output.output_type == "error"] == []
    assert [output for output in shown if output.get("name") == "stderr"] == []
    plots = [output for output in shown if "application/vnd.plotly.v1+json" in output.get("data", {})]
    widgets = [
        output for output in shown if "application/vnd.jupyter.widget-view+json" in output.get("data", {})
    ]
    assert len(plots) + len(widgets) >= 2
    assert len(widgets) == {"01": 1, "02": 1, "03": 3, "08": 2, "09": 2}.get(name[:2], 0)
    # A figure that is empty says why; not all of them can.
    assert sum(bool(plot.data["application/vnd.plotly.v1+json"]["data"]) for plot in plots) >= len(plots) / 2
    if name.startswith("03"):
        from gymlab.workbench.report.parameters import read_parameters, require_usable

        tuned = read_parameters(tmp_path / "tuned.yaml")
        assert tuned["window"] == 20
        require_usable({"source": gymlab.sample_path(), **tuned})
