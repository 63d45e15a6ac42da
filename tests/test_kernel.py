"""The kernel of a report: of the Python that runs it, and whatever ends it leaves one line, the notebook and no process."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest

from gymlab import cli
from gymlab.errors import InputError, ReportError
from gymlab.settings import notebook_path
from gymlab.workbench import doctor, machine_checks, report
from gymlab.workbench.report import execute, folders
from gymlab.workbench.results import to_json

RESULTS = {
    "source": "log.jsonl",
    "actions": 5,
    "windows": 1,
    "config": {"window": 20},
    "patterns": [],
    "principles": [],
    "claims": [],
    "alerts": [],
    "environment": {"gymlab": "0.1.0"},
}
WRITES = (
    "import json, pathlib, sys\n"
    f"found = {RESULTS!r} | {{'source': source, 'python': sys.executable}}\n"
    "pathlib.Path(results_path).write_text(json.dumps(found))"
)


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """Let the report's notebook have other cells behind its parameters."""
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home"))

    def write(*sources):
        notebook = nbformat.read(notebook_path(report.NOTEBOOK), as_version=4)
        tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
        notebook.cells = [*tagged, *map(nbformat.v4.new_code_cell, sources)]
        nbformat.write(notebook, tmp_path / "other.ipynb")
        monkeypatch.setattr(execute, "notebook_path", lambda _name: tmp_path / "other.ipynb")
        return tmp_path / "home" / "reports"

    return write


def left(reports):
    return sorted(path.name for path in reports.iterdir() if path.name != ".lock")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "its kernel died"),
        ("import os\nos._exit(0)", "its kernel died"),
        ("import sys\nsys.exit(0)", "ended without its results"),
        ("import sys\nsys.exit(4)", "failed with SystemExit: 4"),
        (
            "open(results_path, 'w').write('{')\nsys = __import__('sys')\nsys.exit()",
            "ended without its results",
        ),
    ],
)
def test_a_kernel_that_ends_early_is_one_line_and_its_notebook_is_kept(
    cells, monkeypatch, capfd, source, message
):
    reports = cells("print('before')", source, WRITES)
    monkeypatch.setattr(sys, "argv", ["gymlab", "report"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert message in line
    (kept,) = left(reports)
    assert kept.endswith("-failed.ipynb")
    assert str(reports / kept) in line
    notebook = nbformat.read(reports / kept, as_version=4)
    assert any(
        "before" in output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    with folders.locked(reports):
        pass


@pytest.mark.slow
def test_a_kernel_that_does_not_start_names_the_doctor(cells, monkeypatch, capfd):
    reports = cells(WRITES)
    argv = [sys.executable, "-c", "import no_such_module"]
    monkeypatch.setattr(
        "ipykernel.kernelspec.get_kernel_dict",
        lambda *_, **__: {"argv": argv, "display_name": "none", "language": "python"},
    )
    with pytest.raises(ReportError) as caught:
        report.run()
    assert "did not start: ModuleNotFoundError: No module named 'no_such_module'; see `gymlab doctor`" in str(
        caught.value
    )
    assert "Traceback" not in capfd.readouterr().err
    assert len(left(reports)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("argv", [["/bin/false"], ["/gone/python"], []])
def test_the_report_runs_by_this_python_whichever_kernels_jupyter_knows(cells, tmp_path, monkeypatch, argv):
    known = tmp_path / "jupyter" / "kernels" / "python3"
    known.mkdir(parents=True)
    spec = {"argv": argv, "display_name": "other", "language": "python"}
    (known / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    cells(WRITES)
    finished = report.run()
    assert finished.results["python"] == sys.executable
    assert sorted(path.name for path in finished.folder.iterdir()) == [
        "params.json",
        "report.html",
        "report.ipynb",
        "results.json",
    ]
    assert not finished.folder.stat().st_mode & 0o1000
    (finding,) = (one for one in doctor.examine() if one.topic == "jupyter kernel")
    assert finding.state == "problem"
    assert "ipykernel install --sys-prefix" in finding.text


def test_the_doctor_sees_a_kernel_without_gymlab(tmp_path):
    other = tmp_path / "bin" / "python"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    other.chmod(0o755)
    assert "which does not have gymlab" in machine_checks.kernel_problem(
        [str(other), "-m", "ipykernel_launcher"]
    )
    other.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    assert machine_checks.kernel_problem([str(other), "-m", "ipykernel_launcher"]) == ""
    other.write_text("", encoding="utf-8")
    assert "does not run" in machine_checks.kernel_problem([str(other)])
    assert machine_checks.kernel_problem(["python3", "-m", "ipykernel_launcher"]) == ""


@pytest.mark.slow
def test_names_that_are_no_utf8_are_in_every_file_of_a_run(cells, tmp_path):
    log = tmp_path / os.fsdecode(b"log\xff{}.csv")
    log.write_bytes(Path(_small(tmp_path)).read_bytes())
    cells("print(source)", "source", WRITES)
    finished = report.run(log, out=tmp_path / os.fsdecode(b"reports{0}\xfe"))
    names = [
        json.loads((finished.folder / name).read_text(encoding="utf-8"))["source"]
        for name in ("results.json", "params.json")
    ]
    assert names == [str(log)] * 2
    assert "{}.csv" in (finished.folder / "report.html").read_text(encoding="utf-8")
    nbformat.read(finished.folder / "report.ipynb", as_version=4)


def _small(folder):
    from made import rules

    rules(n_agents=1, sessions=2, length=40).to_csv(folder / "small.csv", index=False)
    return folder / "small.csv"


@pytest.mark.parametrize("value", ["a\udcffb", ["\udc80"], {"\udcff": "\ud800"}])
def test_json_escapes_what_utf8_cannot_write(value):
    text = to_json(value)
    text.encode()
    assert json.loads(text) == value


WORKER = """
import sys, threading
from gymlab.runtime.memory import measure_in_fresh_process
import time
def forever():
    for _ in range(1000):
        measure_in_fresh_process(time.sleep, 0.2)
for _ in range(2):
    threading.Thread(target=forever, daemon=True).start()
print("ready", flush=True)
forever()
"""


@pytest.mark.slow
@pytest.mark.parametrize("request_", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_workers_end_with_their_parent(request_):
    for wait in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WORKER], stdout=subprocess.PIPE, start_new_session=True
        ) as parent:
            parent.stdout.readline()
            process = psutil.Process(parent.pid)
            workers = []
            while len(workers) < 2 + wait:
                workers = process.children(recursive=True)
            parent.send_signal(request_)
        _, alive = psutil.wait_procs(workers, timeout=30)
        assert alive == []


@pytest.mark.slow
@pytest.mark.parametrize("request_", [signal.SIGKILL, signal.SIGHUP])
def test_a_killed_report_leaves_nothing_that_the_next_does_not_clear(cells, tmp_path, request_):
    reports = cells("print('begun', flush=True)\nimport time\nopen('../begun', 'w').close()\ntime.sleep(600)")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    code = (
        "from pathlib import Path\nfrom gymlab.workbench.report import execute\nfrom gymlab import cli\n"
        f"execute.notebook_path = lambda _: Path({str(tmp_path / 'other.ipynb')!r})\ncli.main()"
    )
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        [sys.executable, "-c", code, "report"], env=environment, stderr=subprocess.PIPE
    ) as parent:
        process = psutil.Process(parent.pid)
        while not (reports / "begun").exists():
            assert parent.poll() is None
        children = process.children(recursive=True)
        parent.send_signal(request_)
        said = parent.stderr.read()
    assert b"Traceback" not in said
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    assert list(temporary.iterdir()) == []
    if request_ == signal.SIGHUP:
        assert parent.returncode == 129
    (reports / "begun").unlink()
    with folders.locked(reports):
        assert left(reports) == []


def test_a_kernel_error_is_none_of_the_input():
    assert not issubclass(execute.KernelFailedError, InputError)
