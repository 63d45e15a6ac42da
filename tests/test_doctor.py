"""The doctor: one clear line for each thing, no traceback for any that is absent, exit 1 for what stops a report."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from gymlab import cli
from gymlab.settings import Settings
from gymlab.workbench import doctor, machine_checks
from gymlab.workbench.report import folders
from gymlab.workbench.schedule import scheduled


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Call the doctor in this process; returns exit code and standard output."""

    def call(*arguments, home=tmp_path / "home", **environment):
        monkeypatch.setattr(sys, "argv", ["gymlab", "doctor", *arguments])
        monkeypatch.setenv("GYMLAB_HOME", str(home))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return code, captured.out

    return call


def problems(printed):
    return [line for line in printed.splitlines() if line.startswith("PROBLEM")]


def test_each_thing_has_one_line_and_nothing_is_made(run, tmp_path):
    code, printed = run()
    assert (code, problems(printed)) == (0, [])
    for topic in (
        "gymlab",
        "python",
        "numpy",
        "numba",
        "llvmlite",
        "scipy",
        "pandas",
        "extra bench",
        "processor",
    ):
        assert sum(line[9:].startswith(f"{topic}  ") for line in printed.splitlines()) == 1, topic
    for topic in (
        "memory",
        "kernels",
        "kernel cache",
        "gpu",
        "jupyter kernel",
        "home",
        "reports",
        "database",
        "widgets",
        "cron",
        "report",
        "schedules",
    ):
        assert sum(line[9:].startswith(f"{topic}  ") for line in printed.splitlines()) == 1, topic
    assert printed.rstrip().endswith("a report can be made")
    assert not (tmp_path / "home").exists()


def test_json_says_the_same(run):
    code, printed = run("--json")
    assert code == 0
    found = json.loads(printed)
    assert (found["schema"], found["usable"]) == (1, True)
    topics = [finding["topic"] for finding in found["findings"]]
    assert len(topics) == len(set(topics))
    assert {finding["state"] for finding in found["findings"]} <= {"ok", "absent"}


def test_an_absent_extra_is_no_problem_and_names_its_command(run, monkeypatch):
    monkeypatch.setattr(
        doctor,
        "required",
        lambda: {"": {}, "dev": {"pytest": None}, "llm": {"openai": None, "anthropic": "1.0"}},
    )
    code, printed = run()
    assert code == 0
    assert "extra llm" in printed
    assert "without openai: pip install 'gymlab[llm]'" in printed
    assert "extra dev" not in printed


def test_an_absent_library_is_a_problem(run, monkeypatch):
    monkeypatch.setattr(doctor, "required", lambda: {"": {"plotly": None, "numpy": "2.4.6"}})
    code, printed = run()
    assert code == 1
    (line,) = problems(printed)
    assert "pip install plotly" in line
    assert "gymlab[]" not in printed
    assert "1 problem(s) would stop a report" in printed


def test_a_home_that_cannot_be_written_is_a_problem(run, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    code, printed = run(home=file / "home")
    assert code == 1
    assert {line.split()[1] for line in problems(printed)} == {"home", "reports", "database"}
    assert f"{file} is no folder" in printed


def test_a_setting_that_cannot_be_used_is_told_once(run):
    code, printed = run(GYMLAB_MEMORY_FRACTION="7")
    assert code == 1
    (line,) = problems(printed)
    assert "GYMLAB_MEMORY_FRACTION=7 must be a number above 0 and at most 1" in line


def test_a_database_that_is_none_is_a_problem(run, tmp_path):
    (tmp_path / "home" / "data").mkdir(parents=True)
    (tmp_path / "home" / "data" / "gymlab.db").write_bytes(b"this is no database" * 100)
    code, printed = run()
    assert code == 1
    (line,) = problems(printed)
    assert "gymlab.db does not answer" in line


def test_a_database_that_is_there_answers(run, tmp_path):
    from gymlab.runtime import background
    from gymlab.runtime.database import Database

    async def make():
        url = f"sqlite:///{tmp_path / 'home' / 'data' / 'gymlab.db'}"
        async with Database(url) as database, database.session() as session:
            await session.connection()

    background.run(make())
    code, printed = run()
    assert code == 0
    assert "gymlab.db answers" in printed


def test_a_password_is_never_shown(run, monkeypatch):
    url = "postgresql+asyncpg://ada:secret@127.0.0.1:9/lab"
    monkeypatch.setattr(Settings, "database_url", property(lambda _: url))
    for arguments in ((), ("--json",)):
        code, printed = run(*arguments)
        assert code == 1
        assert "ada:***@127.0.0.1:9/lab" in printed
        assert "secret" not in printed


def test_a_missing_notebook_kernel_is_a_problem(run, monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def none(_, name):
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    code, printed = run()
    assert code == 1
    (line,) = problems(printed)
    assert "ipykernel install --sys-prefix" in line


def test_a_kernel_whose_python_is_gone_is_a_problem(run, monkeypatch):
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

    monkeypatch.setattr(
        KernelSpecManager,
        "get_kernel_spec",
        lambda *_: KernelSpec(argv=["/gone/bin/python", "-m", "ipykernel"]),
    )
    code, printed = run()
    assert code == 1
    assert "starts /gone/bin/python, which is not there" in problems(printed)[0]


def test_what_cannot_be_imported_is_a_finding(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    code, printed = run()
    assert code == 1
    assert any("llvmlite" in line for line in problems(printed))


@pytest.mark.parametrize("library", ["numba", "papermill", "jupyter_client"])
def test_a_library_that_a_new_process_lacks_is_a_finding(library, tmp_path):
    code = f"import sys; sys.modules[{library!r}] = None; sys.argv = ['gymlab', 'doctor']; from gymlab import cli; cli.main()"
    environment = {**os.environ, "GYMLAB_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert any(library in line for line in problems(done.stdout))


def test_a_cache_of_kernels_that_cannot_be_kept_is_said(run, monkeypatch):
    monkeypatch.setattr(
        machine_checks, "unwritable", lambda folder: "cannot write" if "distance" in str(folder) else ""
    )
    code, printed = run()
    assert code == 0
    (line,) = (line for line in printed.splitlines() if "kernel cache" in line)
    assert "every process compiles anew; NUMBA_CACHE_DIR names another folder" in line


def test_a_terminal_is_not_commanded_by_a_path(run, tmp_path):
    code, printed = run(home=tmp_path / "a\x1b]0;pwn\x07")
    assert code == 0
    assert "\x1b" not in printed


def told(printed, topic):
    """State and text of one topic."""
    (line,) = (line for line in printed.splitlines() if line[9:].startswith(f"{topic}  "))
    return line[:7].strip(), line[9 + len(topic) :].strip()


@pytest.fixture
def crontab(tmp_path, monkeypatch):
    """A program `crontab` that keeps one file; returns that file."""
    (tmp_path / "bin").mkdir()
    program, file = tmp_path / "bin" / "crontab", tmp_path / "crontab.txt"
    file.touch()
    program.write_text(f"#!/bin/sh\nif [ $1 = -l ]; then cat '{file}'; else cat > '{file}'; fi\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return file


def processes(*named):
    return lambda _: [
        SimpleNamespace(pid=pid, info={"name": name, "status": status})
        for pid, (name, status) in enumerate(named, start=7)
    ]


def test_without_cron_it_is_said_what_to_do_and_no_problem(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, printed = run()
    assert code == 0
    state, text = told(printed, "cron")
    assert (state, text) == (
        "–",
        "no program crontab: install cron to use `gymlab schedule`, or a systemd timer",
    )


@pytest.mark.parametrize(
    ("named", "state", "text"),
    [
        ([("sh", "running"), ("cron", "sleeping")], "ok", "and cron runs (process 8)"),
        ([("crond", "sleeping")], "ok", "and cron runs (process 7)"),
        ([("sh", "running"), ("cron", psutil.STATUS_ZOMBIE)], "–", "but no cron runs, so nothing starts"),
        ([("cronolog", "running")], "–", "but no cron runs, so nothing starts"),
    ],
)
def test_a_cron_that_runs_is_told_from_one_that_does_not(run, crontab, monkeypatch, named, state, text):
    monkeypatch.setattr(psutil, "process_iter", processes(*named))
    code, printed = run()
    assert code == 0
    found = told(printed, "cron")
    assert found[0] == state
    assert found[1].startswith(f"{crontab.parent / 'bin' / 'crontab'}, ")
    assert text in found[1]


def test_jobs_are_counted_and_those_that_will_not_start_are_named(run, crontab, tmp_path, monkeypatch):
    state, text = told(run()[1], "schedules")
    assert (state, text) == ("–", "no report is scheduled; `gymlab schedule add LOG` makes one every night")
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home"))
    scheduled.add(name="nightly")
    scheduled.add(name="weekly", every="sunday", at="5:00")
    assert told(run()[1], "schedules") == ("ok", "2 jobs: nightly, weekly")
    crontab.write_text("")
    (tmp_path / "home" / "schedules" / "weekly.yaml").write_text("every: noon")
    code, printed = run()
    assert code == 0
    state, text = told(printed, "schedules")
    assert (state, text[:26]) == ("–", "2 of 2 jobs will not start")
    assert "nightly: not in the crontab" in text
    assert "every is 'noon'" in text


def test_a_crontab_that_may_not_be_read_stops_no_report(run, crontab, tmp_path):
    program = tmp_path / "bin" / "crontab"
    program.write_text("#!/bin/sh\necho 'you are not allowed to use this program' >&2; exit 1\n")
    code, printed = run()
    assert code == 0
    assert told(printed, "schedules") == (
        "–",
        "the crontab cannot be read: you are not allowed to use this program",
    )
    assert crontab.read_text() == ""


def test_widgets_without_their_front_end_are_said(run, tmp_path, monkeypatch):
    import jupyter_core.paths

    code, printed = run()
    assert told(printed, "widgets")[0] == "ok"
    (tmp_path / "anywidget").mkdir()
    (tmp_path / "anywidget" / "package.json").touch()
    monkeypatch.setattr(jupyter_core.paths, "jupyter_path", lambda *_: [str(tmp_path)])
    code, printed = run()
    assert code == 0
    state, text = told(printed, "widgets")
    assert state == "–"
    assert "no front end of jupyterlab_widgets, so" in text
    assert text.endswith("-m pip install --force-reinstall jupyterlab_widgets")


def test_a_report_that_is_being_written_is_told_from_one_that_was_killed(run, tmp_path):
    reports = tmp_path / "home" / "reports"
    assert told(run()[1], "report") == ("ok", "none is being written")
    assert not reports.exists()
    with folders.locked(reports), folders.finished(reports, "20260101-023000-abcd"):
        assert told(run()[1], "report") == (
            "ok",
            f"one is being written in {reports}; another has to wait",
        )
    half = reports / ".20260101-023000-abcd.partial"
    half.mkdir()
    assert told(run()[1], "report") == ("ok", "none is being written")
    assert half.exists()
    with folders.locked(reports):
        assert not half.exists()
