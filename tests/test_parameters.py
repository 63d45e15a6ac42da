"""Parameters of a report: the cell of its notebook read as Python reads it, files and options as they are written."""

import dataclasses
import datetime as dt
import inspect
import json
import os

import nbformat
import numpy as np
import pandas as pd
import pytest
from made import rules

from gymlab.actions.readers.source_files import files_of
from gymlab.cli.analyses import compare, extract
from gymlab.errors import InputError
from gymlab.patterns.config import ExtractionConfig
from gymlab.settings import Settings, notebook_path
from gymlab.workbench import report
from gymlab.workbench.doctor import version_of
from gymlab.workbench.lab import lab_arguments
from gymlab.workbench.measure import (
    measure_accuracy,
    measure_entropy,
    measure_memory,
    measure_speed,
    measure_storage,
)
from gymlab.workbench.report.folders import checked_keep
from gymlab.workbench.report.parameters import (
    absolute_source,
    all_parameters,
    checked_parameters,
    read_parameters,
)
from gymlab.workbench.report.parameters_cell import parameters_cell
from gymlab.workbench.report.written import dumped, parsed, setting
from gymlab.workbench.schedule.job import Job, checked_name, read_job, times_of

TAGGED = {"tags": ["parameters"]}


def notebook(path, *sources, kind="code"):
    """Write a notebook whose cells are all tagged as its parameters."""
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    cells = [make(source, metadata=TAGGED) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.mark.parametrize(
    "source",
    [
        'where = ["action_type=defect"]',
        'source = "log#1.jsonl"',
        "x = 10 + 10",
        "a = b = 3",
        "a, *b = 1, 2, 3",
        "x = -5  # below 0",
        "x = None",
        'x = """two\nlines"""',
        'x = ("a"\n     "b")',
        "x = \\\n    5",
        'folder = "/logs"\nsource = f"{folder}/log#{1 + 1}.jsonl"',
        "x = 1\nx = 2",
        "x = 1; x += 1",
        "window = 20\nhop = window // 2",
        "where = []\nprint(where)",
        'from pathlib import Path\nx = {"a": [1, 2.5, True]}',
        '"""What these are."""\nx = not True',
    ],
)
def test_the_cell_is_read_as_python_reads_it(tmp_path, source):
    expected = {}
    exec(source, expected)  # noqa: S102 - these lines
    names = set(expected) - {"__builtins__", "__doc__", "Path"}
    assert parameters_cell(notebook(tmp_path / "copy.ipynb", source)).read == {
        name: expected[name] for name in names
    }


def test_an_annotation_is_no_value(tmp_path):
    assert parameters_cell(notebook(tmp_path / "copy.ipynb", "x: int = 5\ny: 'list[str]' = []")).read == {
        "x": 5,
        "y": [],
    }


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("y = 1\nx = max(1, 2)", "line 2: x = max(1, 2) is no constant, so x cannot be read"),
        ("x = 10**10**10", "line 1: x = "),
        ("x: int", "line 1: x: int is no constant"),
        ("x = 1 / 0", "line 1: x = 1 / 0"),
        ("x = 1\ndel x", "line 2: del x"),
        ("if True:\n    x = 5", "line 1: if True: x = 5"),
        ("for x in [1]:\n    pass", "line 1: for x in"),
        ("x = [i for i in (1, 2)]", "line 1: x = [i for"),
        ("x = unknown", "line 1: x = unknown"),
        ("x = []\nx.append(1)", "line 2: x.append(1) is no constant"),
        ("x = [1]\nx[0] = 2", "line 2: x[0] = 2"),
        ("x = {}\nx['a'] += 1", "line 2: x['a'] += 1"),
        ("x = 1\ndef f():\n    global x\n    x = 2\nf()", "line 2: def f()"),
        ("x = {1, 2}", "x is {1, 2}; give a finite number, text"),
        ("x = b'1'", "x is b'1'; give"),
        ("x = 1e999", "x is inf; give"),
    ],
)
def test_what_is_no_constant_is_one_line_unless_it_is_set(tmp_path, source, line):
    copy = notebook(tmp_path / "copy.ipynb", source)
    with pytest.raises(InputError) as caught:
        all_parameters({}, copy)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert all_parameters(checked_parameters({"x": 7}, copy), copy)["x"] == 7


DEFAULTS = {field.name: field.default for field in dataclasses.fields(ExtractionConfig)}


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("01_explore_clustering", None),
        ("02_dendrograms", None),
        ("03_tune_parameters", None),
        ("04_optimization_report", {"distance", "n_threads"}),
    ],
)
def test_a_notebook_has_the_defaults_of_the_configuration(name, missing):
    cell = parameters_cell(notebook_path(name))
    shared = DEFAULTS.keys() & cell.names
    assert len(shared) >= 7
    assert {one: cell.read[one] for one in shared} == {one: DEFAULTS[one] for one in shared}
    assert missing is None or DEFAULTS.keys() - cell.names == missing


@pytest.mark.parametrize("command", [extract, compare])
def test_a_command_has_the_defaults_of_the_configuration(command):
    options = inspect.signature(command).parameters.values()
    fields = {f"n_{one.name}" if f"n_{one.name}" in DEFAULTS else one.name: one.default for one in options}
    shared = DEFAULTS.keys() & fields.keys()
    assert shared >= {"window", "hop", "n_clusters"}
    assert {one: fields[one] for one in shared} == {one: DEFAULTS[one] for one in shared}
    if command is extract:
        assert DEFAULTS.keys() - shared == {"top_fraction", "cut_height", "seed", "n_threads"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (notebook, "no cell is tagged; give the tag 'parameters'"),
        (lambda path: notebook(path, "x = 1", "y = 2"), "2 cells are tagged 'parameters'"),
        (lambda path: notebook(path, "x = 1", kind="markdown"), "1 cells are tagged 'parameters' (markdown)"),
        (lambda path: notebook(path, "x = ["), "parameters cell, line 1: is no Python"),
        (lambda path: notebook(path, "x = 1\n%matplotlib inline"), "parameters cell, line 2: is no Python"),
        (lambda path: path.write_text("no JSON"), "is no notebook that can be read"),
        (lambda path: path.write_text("[]"), "is no notebook that can be read"),
        (lambda path: path.write_text('{"nbformat": 99, "cells": []}'), "is no notebook that can be read"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "is no notebook that can be read"),
        (lambda path: path.mkdir(), "cannot be read"),
    ],
)
def test_a_notebook_without_its_one_cell_is_one_line(tmp_path, content, message):
    content(tmp_path / "copy.ipynb")
    with pytest.raises(InputError) as caught:
        checked_parameters({}, tmp_path / "copy.ipynb")
    assert message in str(caught.value)
    assert str(tmp_path / "copy.ipynb") in str(caught.value)


def test_a_notebook_of_an_older_format_and_an_empty_cell_are_read(tmp_path):
    old = {
        "metadata": {"name": ""},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [
            {"cells": [{"cell_type": "code", "input": ["x = 1"], "outputs": [], "metadata": TAGGED}]}
        ],
    }
    (tmp_path / "old.ipynb").write_text(json.dumps(old), encoding="utf-8")
    assert parameters_cell(tmp_path / "old.ipynb").read == {"x": 1}
    assert parameters_cell(notebook(tmp_path / "empty.ipynb", "")).names == set()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x: 010", 10),
        ("x: 1e-05", 1e-05),
        ("x: 1e3", 1000.0),
        ("x: .5", 0.5),
        ("x: 1:30", "1:30"),
        ("x: 2026-01-31", "2026-01-31"),
        ("x: 2026-01-31 12:00:00", "2026-01-31 12:00:00"),
        ("x: 0x1F", "0x1F"),
        ("x: 1_000", "1_000"),
        ("x: [yes, null, '007', -3]", [True, None, "007", -3]),
        ("session: '007'", "007"),
        ("session: [a, '1']", ["a", "1"]),
        ("agent: null", None),
        ("\ufeffx: 1", 1),
    ],
)
def test_each_value_in_a_file_is_what_it_looks_like(tmp_path, text, value):
    file = tmp_path / "tuned.yaml"
    file.write_text(text, encoding="utf-8")
    (found,) = read_parameters(file).values()
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("window: 1\nwindow: 2", "line 2: window is there twice"),
        ("channels: [{column: a, column: b}]", "line 1: column is there twice"),
        ("a: &x [1]\nb: *x", "line 2: the alias *x is not read"),
        ("x: !!python/object/apply:os.system [ls]", "line 1: the tag tag:yaml.org,2002:python"),
        ("x: !!set {a}", "line 1: the tag"),
        ("x: !!timestamp nonsense", "line 1: the tag"),
        ("x: !!int ''", "line 1: the tag"),
        ("hop: 1\nsession: 007", "line 2: session is 007; give text, in quotes"),
        ("agent: [a, on]", "line 1: agent is on; give text"),
        ("source: 1e3", "line 1: source is 1e3; give text"),
        ("[" * 1500, "is no YAML"),
        ("{[1]: 2}", "is no YAML"),
        ("a: 1\n---\nb: 2", "is no YAML"),
        ("<<: {a: 1}\n1: 2", "holds no parameters"),
    ],
)
def test_what_a_file_cannot_say_is_one_line(tmp_path, text, message):
    file = tmp_path / "tuned.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_parameters(file)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_of_bytes_is_one_line(tmp_path):
    (tmp_path / "tuned.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is no YAML in UTF-8"):
        read_parameters(tmp_path / "tuned.yaml")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("agent", "bot #1", "bot #1"),
        ("agent", "'007'", "007"),
        ("agent", "&a b", "&a b"),
        ("session", "2026-01-31 12:00:00", "2026-01-31 12:00:00"),
        ("agent", "null", None),
        ("agent", "['1', b]", ["1", "b"]),
        ("window", "20.0", 20.0),
        ("eps", "1e-3", 0.001),
        ("where", "impact=0.1 # not less", "impact=0.1 # not less"),
        ("where", "{a: 1}", "{a: 1}"),
        ("where", "context=state: x", "context=state: x"),
        ("session", "#1", "#1"),
        ("session", "task: 5", "task: 5"),
        ("source", "~", "~"),
        ("agent", "", None),
        *(
            ("agent", text, text)
            for text in ("2024", "007", "1e3", "on", "true", "*a", "!x y", "@x", "[", "9" * 5000)
        ),
    ],
)
def test_the_value_of_an_option_is_what_was_meant(name, text, value):
    assert setting(name, text) == value


@pytest.mark.parametrize("text", ["[1, 2]", "[a, on]", "[*a]", "['a]"])
def test_what_is_no_text_in_an_option_is_one_line(text):
    with pytest.raises(InputError) as caught:
        setting("agent", text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "007",
        "1e3",
        "on",
        "",
        "~",
        "a: b",
        "2026-01-31",
        "log\udcff",
        "x\ny",
        "- a",
        "!x",
        "*a",
        "1:30",
        "<<",
        "\x7fé🙂",
    ],
)
def test_a_text_in_a_job_comes_back_as_it_was(value):
    fields = {"x": value, "session": [value], "eps": 1e-05, "keep": None}
    assert parsed(dumped(fields), "here") == fields


@pytest.mark.parametrize(
    ("parameters", "kept"),
    [
        ({"window": np.int64(30)}, 30),
        ({"agent": ("a", "b")}, ["a", "b"]),
        ({"since": dt.date(2026, 1, 31)}, "2026-01-31"),
        ({"top_fraction": np.float64(0.5)}, 0.5),
        ({"channels": ("impact",)}, ["impact"]),
    ],
)
def test_values_of_other_types_reach_the_notebook_as_the_same(parameters, kept):
    (found,) = checked_parameters(parameters, notebook_path(report.NOTEBOOK)).values()
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    "parameters",
    [
        {"agent": 5},
        {"agent": [1]},
        {"session": dt.datetime(2026, 1, 31, tzinfo=dt.UTC)},
        {"where": {"a": 1}},
        {"source": {"a": 1}},
        {"source": 2024},
        {"source": [["a"]]},
        {"source": "a\0b"},
        {"source": b"log"},
        {"since": 2024},
        {"format": ["csv"]},
        {"window": float("nan")},
        {"window": object()},
        {"window": pd.DataFrame()},
        {5: 5},
        {"windw": 5},
        [("window", 5)],
        "window",
        5,
    ],
)
def test_parameters_that_are_none_are_refused(parameters, tmp_path):
    with pytest.raises(InputError) as caught:
        report.run(parameters=parameters, out=tmp_path / "reports")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "reports").exists()


WRONG = [5, 2.5, True, b"x", [1], {"a": 1}, object(), np.zeros(3), float("nan"), pd.DataFrame(), "", "\0"]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    "call",
    [
        lambda value: times_of(value, "02:30"),
        lambda value: times_of("day", value),
        checked_name,
        read_job,
        lambda value: Job("nightly", (value,)),
        lambda value: Job("nightly", at=value),
        lambda value: Job("nightly", out=value),
        lambda value: Job("nightly", parameters={1: "a"} if isinstance(value, dict) else value),
        lambda value: Job("nightly", strict=value if value is not True else "yes"),
        lambda value: report.run(out=value),
        lambda value: report.run(progress=value if value is not True else "yes"),
        measure_accuracy,
        measure_entropy,
        measure_memory,
        measure_speed,
        measure_storage,
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(value, call):
    with pytest.raises(InputError):
        call(value)


@pytest.mark.parametrize("value", [5, True, b"x", ["numpy"], object(), ""])
def test_a_package_is_called_by_its_name(value):
    with pytest.raises(InputError, match="package is"):
        version_of(value)


@pytest.mark.parametrize("value", [0, -1, True, 2.5, "2", [1], np.zeros(3), object()])
def test_a_number_of_runs_that_is_none_is_refused(value):
    with pytest.raises(InputError, match="keep is"):
        checked_keep(value)


@pytest.mark.parametrize("port", [0, -1, 65_536, 10**30, "8888", 2.5, True])
def test_a_port_that_is_none_is_refused(port, tmp_path):
    with pytest.raises(InputError, match="port is"):
        lab_arguments(tmp_path, "secret", port=port)


@pytest.mark.parametrize("value", [None, 5, b"x", ["04_optimization_report"], object()])
def test_a_notebook_is_called_by_its_name(value):
    with pytest.raises(InputError, match="give the name of a notebook"):
        notebook_path(value)


@pytest.mark.parametrize("value", [5, None, ["x"], object()])
def test_a_home_that_is_none_is_refused(value):
    with pytest.raises(InputError, match="GYMLAB_HOME"):
        Settings(home=value)


def test_what_the_working_directory_is_called_is_no_pattern(tmp_path, monkeypatch):
    folder = tmp_path / "run[1]"
    folder.mkdir()
    rules(n_agents=1, sessions=1, length=30).to_csv(folder / "a.csv", index=False)
    monkeypatch.chdir(folder)
    assert files_of(absolute_source("*.csv")) == [folder / "a.csv"]
    assert files_of(absolute_source("../run[1]/*.csv")) == [folder / ".." / "run[1]" / "a.csv"]
    assert absolute_source("a.csv") == str(folder / "a.csv")
    assert absolute_source(["a.csv", "sqlite:///x.db"])[0] == str(folder / "a.csv")
    assert os.path.isabs(absolute_source("none.csv"))  # noqa: PTH117 - it is text
