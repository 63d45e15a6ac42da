"""Runs side by side and one after the other: the lock, the link, what is kept, what is remembered, what changed."""

import json
import multiprocessing
import os
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import pytest

from gymlab import cli
from gymlab.errors import BusyError, InputError, OutputError, ReportError
from gymlab.runtime import background
from gymlab.runtime.metrics import serve
from gymlab.workbench import figures, report, tables
from gymlab.workbench.report import execute, folders, history
from gymlab.workbench.report.history import changes_between
from gymlab.workbench.report.parameters import read_parameters

START = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)


def a_run(home, day, source="log.jsonl", **parameters):
    """Leave a folder of a run."""
    folder = home / folders.new_run_id(START + timedelta(days=day))
    folder.mkdir(parents=True)
    (folder / "params.json").write_text(json.dumps({"source": source, **parameters}), encoding="utf-8")
    (folder / "report.html").touch()
    return folder


def names(home):
    return sorted(path.name for path in home.iterdir() if not path.name.startswith("."))


def test_the_twentieth_run_removes_the_oldest_beyond_what_is_kept(tmp_path):
    made = [a_run(tmp_path, day).name for day in range(20)]
    assert folders.remove_oldest(tmp_path, 19, {"source": "log.jsonl"}) == made[:1]
    assert names(tmp_path) == made[1:]
    assert folders.remove_oldest(tmp_path, 3, {"source": "log.jsonl"}) == made[1:-3]
    assert names(tmp_path) == made[-3:]
    assert folders.remove_oldest(tmp_path, 3, {"source": "log.jsonl"}) == []


def test_what_is_no_run_on_this_part_of_this_log_is_never_removed(tmp_path):
    old = [a_run(tmp_path, day) for day in range(4)]
    others = [a_run(tmp_path, 0, source="other.jsonl"), a_run(tmp_path, 0, agent=["ada"])]
    (tmp_path / "pictures").mkdir()
    (tmp_path / "20260101-notes").mkdir()
    strange = tmp_path / "20260101-023000-abcd"
    strange.mkdir()
    (tmp_path / "README.md").touch()
    (tmp_path / "20251231-023000-00ff-failed.ipynb").touch()
    (tmp_path / "20260110-023000-00ff-failed.ipynb").touch()
    folders.remove_oldest(tmp_path, 1, {"source": "log.jsonl", "agent": []})
    kept = {
        old[-1],
        *others,
        strange,
        *(tmp_path / name for name in ("pictures", "20260101-notes", "README.md")),
    }
    # A failed run that is older than all that is kept goes; a newer one stays.
    assert set(tmp_path.iterdir()) == {*kept, tmp_path / "20260110-023000-00ff-failed.ipynb"}


def test_latest_points_to_the_newest_and_is_never_in_the_way(tmp_path):
    first, second = a_run(tmp_path, 0), a_run(tmp_path, 1)
    folders.point_latest(tmp_path, first.name)
    folders.point_latest(tmp_path, second.name)
    assert (tmp_path / "latest").resolve() == second
    assert (tmp_path / "latest").readlink() == Path(second.name)
    assert names(tmp_path) == [first.name, second.name, "latest"]


def test_a_folder_called_latest_is_left_alone_and_said(tmp_path, caplog):
    (tmp_path / "latest").mkdir()
    run = a_run(tmp_path, 0)
    folders.point_latest(tmp_path, run.name)
    assert "does not point to this run" in caplog.text
    assert names(tmp_path) == [run.name, "latest"]


def test_only_one_at_a_time(tmp_path):
    with folders.locked(tmp_path):
        with (
            folders.finished(tmp_path, "20260101-023000-abcd"),
            pytest.raises(BusyError) as caught,
            folders.locked(tmp_path),
        ):
            raise AssertionError
        assert "another report (20260101-023000-abcd) is being written" in str(caught.value)
        assert "--out" in str(caught.value)
        # Another folder is another matter.
        with folders.locked(tmp_path / "elsewhere"):
            pass
    with folders.locked(tmp_path):
        pass


def _hold(home, held, release):
    with folders.locked(home):
        held.set()
        release.wait(60)


def test_the_lock_of_a_killed_process_is_free_and_its_leftovers_are_removed(tmp_path):
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path, held, release))
    process.start()
    assert held.wait(60)
    with pytest.raises(BusyError), folders.locked(tmp_path):
        raise AssertionError
    process.kill()
    process.join()
    half = tmp_path / ".20260101-023000-abcd.partial"
    half.mkdir()
    (half / "report.ipynb").touch()
    (tmp_path / ".20260101-023000-abce.removed").mkdir()
    (tmp_path / ".mine.partial").mkdir()
    with folders.locked(tmp_path):
        assert not half.exists()
        assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", ".mine.partial"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_may_not_be_written_is_an_output_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="--out"), folders.locked(tmp_path):
        raise AssertionError


# A notebook with the parameters of the report that writes its results at once.
RESULTS = {
    "schema": 1,
    "source": "",
    "filters": {},
    "actions": 3,
    "windows": 1,
    "config": {"window": 20},
    "patterns": [],
    "principles": [],
    "claims": [],
    "alerts": [],
    "environment": {"gymlab": "0.1.0"},
}


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """Make the report's notebook one that takes no time; returns where its runs go."""
    from gymlab.settings import notebook_path

    notebook = nbformat.read(notebook_path(report.NOTEBOOK), as_version=4)
    cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    write = (
        "import json, pathlib\n"
        f"found = {RESULTS!r} | {{'source': source, 'window': window}}\n"
        "pathlib.Path(results_path).write_text(json.dumps(found))"
    )
    notebook.cells = [*cells, nbformat.v4.new_code_cell(write)]
    nbformat.write(notebook, tmp_path / "quick.ipynb")
    monkeypatch.setattr(execute, "notebook_path", lambda _name: tmp_path / "quick.ipynb")
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "reports"


def command_line(monkeypatch, *arguments):
    """Run a command that has to succeed."""
    monkeypatch.setattr(sys, "argv", ["gymlab", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code


@pytest.mark.slow
def test_runs_follow_one_another_and_the_oldest_go(quick):
    ids = [report.run(keep=2).run_id for _ in range(3)]
    assert names(quick) == sorted([*ids[1:], "latest"])
    assert (quick / "latest").resolve() == quick / ids[2]
    # What was removed is remembered: the trend goes on.
    results = json.loads((quick / ids[2] / "results.json").read_text(encoding="utf-8"))
    assert [run.run_id for run in history.earlier_runs(results)] == ids


@pytest.mark.slow
def test_parameters_come_from_a_file_and_options_override_it(quick, tmp_path, monkeypatch, capsys):
    from gymlab.settings import sample_path

    file = tmp_path / "tuned.yaml"
    file.write_text(
        f"source: {sample_path()}\nwindow: 30\nhop: 15\nchannels:\n- column: impact\n  weight: 2\n"
    )
    command_line(monkeypatch, "report", "--params", file, "--set", "hop=5")
    used = json.loads((quick / "latest" / "params.json").read_text(encoding="utf-8"))
    assert (used["window"], used["hop"], used["method"]) == (30, 5, "ward")
    assert used["channels"] == [{"column": "impact", "weight": 2}]
    assert used["source"] == str(sample_path())
    # What a run used can be used again as it is.
    command_line(monkeypatch, "report", "--params", quick / "latest" / "params.json")
    again = json.loads((quick / "latest" / "params.json").read_text(encoding="utf-8"))
    assert again == used
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.slow
def test_an_alert_that_fires_is_named_and_fails_a_strict_run(quick, tmp_path, monkeypatch, capsys):
    notebook = nbformat.read(tmp_path / "quick.ipynb", as_version=4)
    fire = (
        "\nfrom gymlab.runtime.alerts import Measurement, evaluate\n"
        "alerts = evaluate({'pool_percent': Measurement(95.0, 3), 'memory_percent': Measurement(50.0)})\n"
        "found['alerts'] = [alert.as_dict() for alert in alerts]\n"
        "pathlib.Path(results_path).write_text(json.dumps(found))"
    )
    notebook.cells[-1].source += fire
    nbformat.write(notebook, tmp_path / "quick.ipynb")
    command_line(monkeypatch, "report")
    monkeypatch.setattr(sys, "argv", ["gymlab", "report", "--strict"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    printed = capsys.readouterr().out.splitlines()
    fired = "      firing  pool            95 % (Database connections in use (alert above 90 %))"
    assert printed.count(fired) == 2
    assert len(names(quick)) == 3


@pytest.mark.slow
def test_the_work_of_a_report_is_scraped_from_its_kernel(quick, tmp_path, monkeypatch, capsys):
    notebook = nbformat.read(tmp_path / "quick.ipynb", as_version=4)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    work = (
        "\nimport httpx, gymlab.distance\n"
        "gymlab.distance.dtw([0, 1], [1, 2])\n"
        f"found['metrics'] = httpx.get('http://127.0.0.1:{port}/metrics').text\n"
        "pathlib.Path(results_path).write_text(json.dumps(found))"
    )
    notebook.cells[-1].source += work
    nbformat.write(notebook, tmp_path / "quick.ipynb")
    monkeypatch.setenv("GYMLAB_METRICS_PORT", str(port))
    command_line(monkeypatch, "report")
    assert f"gymlab: metrics are at http://127.0.0.1:{port}/metrics\n" in capsys.readouterr().err
    results = json.loads((quick / "latest" / "results.json").read_text(encoding="utf-8"))
    assert "gymlab_dtw_pairs_total 1.0\n" in results["metrics"]


def test_a_port_that_is_used_leaves_nothing(quick, monkeypatch, capsys):
    with serve() as server:
        monkeypatch.setenv("GYMLAB_METRICS_PORT", str(server.port))
        monkeypatch.setattr(sys, "argv", ["gymlab", "report"])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    assert stop.value.code == 2
    complaint = capsys.readouterr().err.strip().splitlines()
    assert complaint[-1].startswith(f"gymlab: port {server.port} of 127.0.0.1 cannot be used: ")
    assert not quick.exists()


def test_a_run_beside_another_exits_with_3_and_leaves_nothing(quick, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gymlab", "report"])
    with folders.locked(quick), pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 3
    complaint = capsys.readouterr().err.strip().splitlines()
    assert complaint[-1].startswith("gymlab: another report is being written in ")
    assert names(quick) == []


@pytest.mark.parametrize("keep", [0, -1, True, 2.5])
def test_a_number_of_runs_to_keep_that_is_none_is_refused(keep):
    with pytest.raises(InputError, match="give a whole number of 1 or more"):
        report.run(keep=keep)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("window: [", "line 1: is no YAML"),
        ("- window\n- hop\n", "holds no parameters"),
        ("", "holds no parameters"),
        ("30", "holds no parameters"),
        ("1: 2", "holds no parameters"),
        ("\x00", "is no YAML"),
    ],
)
def test_a_file_of_parameters_that_is_none_is_one_line(tmp_path, text, message):
    file = tmp_path / "tuned.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_parameters(file)
    assert str(file) in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_parameters(tmp_path / "absent.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        read_parameters(tmp_path)


def claim(claim_id, measured, *, low=None, high=None, verdict="held", unit="%"):
    return {
        "id": claim_id,
        "unit": unit,
        "measured": measured,
        "low": measured if low is None else low,
        "high": measured if high is None else high,
        "verdict": verdict,
    }


def rule(unit, action, probability=0.9, **situation):
    return {
        "unit": unit,
        "situation": situation,
        "action": action,
        "probability": probability,
        "low": probability - 0.05,
        "high": probability + 0.05,
        "sentence": f"{unit} does {action} {situation} {probability}",
    }


def pattern(label, size, **actions):
    return {"label": label, "size": size, "actions": actions}


def results(**changes):
    return {**RESULTS, "source": "log.jsonl", **changes}


def test_what_changed_in_the_claims():
    before = results(
        claims=[
            claim("dtw_time", 99.0, low=98, high=99.5),
            claim("memory", 94.0),
            claim("scale", 30.0),
            claim("overall_memory", 55.3, low=55.29, high=55.31, unit="% less memory"),
            claim("overall_speed", 99.5, low=99.4, high=99.6, unit="% less time"),
        ]
    )
    now = results(
        claims=[
            claim("dtw_time", 99.4, low=99.1, high=99.6),
            claim("memory", 40.0, verdict="failed"),
            claim("scale", 20.0),
            claim("overall_memory", 55.4, low=55.39, high=55.41, unit="% less memory"),
            claim("overall_speed", 99.0, low=98.9, high=99.1, unit="% less time"),
            claim("entropy", None, low=None, high=None, verdict="not_measured"),
        ]
    )
    kinds = {change.id: change.kind for change in changes_between(before, now).claims}
    assert kinds == {
        "dtw_time": "same",
        "memory": "verdict",
        "scale": "apart",
        "overall_memory": "same",  # beyond the repeats, and nothing to speak of
        "overall_speed": "apart",  # twice the time
        "entropy": "same",
    }


def test_what_changed_in_the_patterns_is_matched_by_what_is_done():
    before = results(
        patterns=[
            pattern(0, 50, give=0.9, take=0.1),
            pattern(1, 30, wait=1.0),
            pattern(2, 10, take=1.0),
        ]
    )
    now = results(
        patterns=[
            pattern(0, 60, take=0.95, give=0.05),
            pattern(1, 20, give=0.85, take=0.15),
            pattern(2, 5, leave=1.0),
        ]
    )
    pairs = {
        (one.before and one.before["label"], one.now and one.now["label"])
        for one in changes_between(before, now).patterns
    }
    assert pairs == {(0, 1), (2, 0), (1, None), (None, 2)}


def test_what_changed_in_the_principles_and_the_settings():
    before = results(
        principles=[rule("ada", "give", other="give"), rule("bob", "take"), rule("eve", "wait", 0.9)],
        alerts=[{"id": "memory", "state": "ok"}],
        config={"window": 20, "hop": 10},
        environment={"gymlab": "0.1.0", "measured at": "yesterday"},
    )
    now = results(
        principles=[
            rule("ada", "give", other="give"),
            rule("eve", "wait", 0.5),
            rule("ada", "take", other="take"),
        ],
        alerts=[{"id": "memory", "state": "firing"}],
        config={"window": 30, "hop": 10},
        environment={"gymlab": "0.2.0", "measured at": "today"},
        actions=5,
    )
    changes = changes_between(before, now)
    assert changes.new == (now["principles"][2]["sentence"],)
    assert changes.changed == (now["principles"][1]["sentence"],)
    assert changes.vanished == (before["principles"][1]["sentence"],)
    assert changes.kept == 1
    assert changes.alerts == {"memory": ("ok", "firing")}
    assert changes.settings == {"window": (20, 30), "gymlab": ("0.1.0", "0.2.0")}
    assert changes.actions == (3, 5)
    past = history.PastRun("20260101-023000-abcd", START, before)
    shown = tables.changes_sentence(past, changes)
    assert "2026-01-01 02:30 UTC" in shown
    assert "1 new, 1 changed, 1 vanished" in shown
    assert "alert memory: firing" in shown
    assert "5 actions where there were 3" in tables.changes(past, changes)


def test_strings_from_the_log_do_no_harm_among_the_changes():
    hostile = "<script>alert(1)</script>" + "x" * 10_000
    before = results(principles=[rule(hostile, "give")], patterns=[pattern(0, 5, **{hostile: 1.0})])
    now = results(principles=[rule(hostile, "take", to=hostile)], patterns=[pattern(0, 5, **{hostile: 1.0})])
    past = history.PastRun("run", START, before)
    changes = changes_between(before, now)
    shown = tables.changes(past, changes) + tables.changes_sentence(past, changes)
    assert "<script>" not in shown
    assert len(shown) < 10_000


def test_without_an_earlier_run_there_is_nothing_to_compare():
    assert history.changes_since(None, results()) is None
    assert "first recorded run" in tables.changes_sentence(None, None)
    assert "first recorded run" in tables.changes(None, None)
    one = figures.trend(history.trend_of([], results(claims=[claim("dtw_time", 99.0)])))
    assert "begins with the second" in one.layout.annotations[0].text


def test_runs_are_found_again_by_their_log_and_its_part(tmp_path, monkeypatch):
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path))
    for day, changes in enumerate(
        [{}, {"source": "other.jsonl"}, {"filters": {"agent": ["ada"]}}, {"actions": 9}, {}]
    ):
        found = results(claims=[claim("dtw_time", 90.0 + day)], **changes)
        background.run(history.record(f"run-{day}", START + timedelta(days=day), found))
    now = results(claims=[claim("dtw_time", 80.0, verdict="failed")])
    earlier = history.earlier_runs(now)
    assert [run.run_id for run in earlier] == ["run-0", "run-3", "run-4"]
    assert earlier[0].created_at == START
    assert [run.run_id for run in history.earlier_runs(now, most=1)] == ["run-4"]
    trend = history.trend_of(earlier, now)
    assert trend["measured"].tolist() == [90.0, 93.0, 94.0, 80.0]
    figure = figures.trend(trend)
    assert list(figure.data[0].y) == trend["measured"].tolist()
    assert list(figure.data[0].marker.color) == [*[figures.PALETTE[2]] * 3, figures.PALETTE[4]]


def test_a_notebook_that_fails_leaves_no_lock_and_no_link(quick, tmp_path):
    broken = nbformat.read(tmp_path / "quick.ipynb", as_version=4)
    broken.cells.append(nbformat.v4.new_code_cell("1 / 0"))
    nbformat.write(broken, tmp_path / "quick.ipynb")
    with pytest.raises(ReportError, match="ZeroDivisionError"):
        report.run()
    (kept,) = names(quick)
    assert kept.endswith("-failed.ipynb")
    with folders.locked(quick):
        pass


def test_a_claim_that_had_another_id_goes_on_in_the_trend(tmp_path, monkeypatch):
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path))
    old = results(claims=[claim("stability", 0.0, unit="left behind")])
    now = results(claims=[claim("no_leaks", 1.0, verdict="failed", unit="left behind")])
    background.run(history.record("nightly-1", START, old))
    earlier = history.earlier_runs(now)
    trend = history.trend_of(earlier, now)
    assert trend[["run_id", "claim", "measured"]].values.tolist() == [
        ["nightly-1", "no_leaks", 0.0],
        ["this run", "no_leaks", 1.0],
    ]
    (change,) = history.changes_since(earlier[-1], now).claims
    assert (change.id, change.before["measured"], change.kind) == ("no_leaks", 0.0, "verdict")
