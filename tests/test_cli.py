"""The command line as its user meets it: results, exit codes, and one clear line for whatever cannot be used."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pandas as pd
import pytest
from logs import shared_log
from made import action, rules

import gymlab
from gymlab import cli
from gymlab.runtime.metrics import serve
from gymlab.runtime.monitoring import prometheus_rules


@pytest.fixture(scope="module")
def log_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "rules.csv"
    rules().to_csv(path, index=False)
    return path


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Call the command line in this process; returns exit code, standard output and error output."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["gymlab", *map(str, arguments)])
        monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home"))
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_a_command_serves_the_metrics_of_its_work(run, log_file, monkeypatch):
    monkeypatch.setenv("GYMLAB_METRICS_PORT", "0")
    code, _, told = run("extract", log_file, "--window", 10, "--no-significance", "--json", "-")
    assert code == 0
    url = next(line for line in told.splitlines() if "metrics are at" in line).split()[-1]
    with serve(0) as server:
        assert server.url == url
        assert 'gymlab_extractions_total{outcome="succeeded"}' in httpx.get(url).text
    monkeypatch.setenv("GYMLAB_METRICS_PORT", "http")
    code, _, told = run("extract", log_file)
    assert code == 2
    assert told == "gymlab: GYMLAB_METRICS_PORT=http must be a port from 0 to 65535\n"


def test_rules_and_dashboard_are_written(run, tmp_path):
    code, printed, _ = run("metrics", "rules", "--for", "30s")
    assert code == 0
    assert printed == prometheus_rules("30s")
    assert run("metrics", "rules", "--output", tmp_path / "rules.yml")[:2] == (0, "")
    assert (tmp_path / "rules.yml").read_text(encoding="utf-8") == prometheus_rules()
    assert json.loads(run("metrics", "dashboard")[1])["title"] == "gymlab"
    code, _, told = run("metrics", "dashboard", "--output", tmp_path / "nowhere" / "dashboard.json")
    assert code == 2
    assert told.startswith("gymlab: cannot write ")
    assert run("metrics", "rules", "--for", "soon")[0] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rules.yml"]


def jsonl(path, records):
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.write_text(text, encoding="utf-8")
    return path


def test_extract_prints_patterns_and_writes_both_files(run, log_file, tmp_path):
    out, labels = tmp_path / "out.json", tmp_path / "labels.parquet"
    code, printed, _ = run(
        "extract", log_file, "--window", 10, "--hop", 5, "--clusters", 3, "--json", out, "--labels", labels
    )
    assert code == 0
    assert "pattern" in printed
    assert "3 patterns (exact)" in printed
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["schema"] == 1
    assert found["config"]["window"] == 10
    assert len(found["patterns"]) == 3
    labelled = pd.read_parquet(labels)
    assert len(labelled) == len(rules())
    assert set(labelled["pattern"].dropna()) <= {0, 1, 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.parquet", "out.json"]


def test_extract_saves_the_whole_extraction(run, log_file, tmp_path):
    folder = tmp_path / "kept"
    options = ("--window", 10, "--hop", 5, "--save", folder)
    code, _, _ = run("extract", log_file, *options)
    assert code == 0
    found = gymlab.load_extraction(folder)
    assert found.config.window == 10
    assert len(found.actions) == len(rules())
    code, _, complaint = run("extract", log_file, *options)
    assert code == 2
    assert "is there already" in complaint


def test_the_listing_says_strategy_reason_noise_and_agreement(run, log_file):
    few = ("extract", log_file, "--window", 10, "--hop", 5)
    code, printed, _ = run(*few)
    assert code == 0
    assert "strategy exact for ward: the matrix of all pairs takes" in printed
    code, printed, _ = run(*few, "--strategy", "sampled", "--sample-size", 50, "--clusters", 2)
    assert code == 0
    assert "(sampled)" in printed
    assert "expected agreement with exact" in printed
    code, printed, _ = run(*few, "--method", "dbscan", "--eps", 0.01, "--min-samples", 40)
    assert code == 0
    assert "99 windows of noise" in printed
    assert "no pattern: all is noise" in printed
    code, _, complaint = run(*few, "--eps", 1)
    assert code == 2
    assert "eps is for method 'dbscan'" in complaint


def test_filters_are_the_same_everywhere(run, log_file, tmp_path):
    out = tmp_path / "out.json"
    code, _, _ = run(
        "extract",
        log_file,
        "--window",
        10,
        "--agent",
        "agent-1",
        "--where",
        "session_id=session-0",
        "--json",
        out,
    )
    assert code == 0
    windows = json.loads(out.read_text(encoding="utf-8"))["windows"]
    assert {(window["agent_id"], window["session_id"]) for window in windows} == {("agent-1", "session-0")}


def test_import_stores_a_log_once_and_its_url_is_a_source(run, log_file, tmp_path):
    url = f"sqlite:///{tmp_path / 'store' / 'log.db'}"
    code, printed, _ = run("import", log_file, "--db", url)
    assert (code, printed.strip()) == (0, "540 actions stored, 0 were there already")
    code, printed, _ = run("import", log_file, "--db", url)
    assert (code, printed.strip()) == (0, "0 actions stored, 540 were there already")
    code, from_database, _ = run("extract", url, "--window", 10, "--clusters", 3)
    assert code == 0
    assert "3 patterns" in from_database


def test_several_sources_are_one_log(run, tmp_path):
    first = jsonl(tmp_path / "1.jsonl", [action(k, "a", session="one") for k in range(30)])
    second = jsonl(tmp_path / "2.jsonl", [action(k, "b", session="two") for k in range(30)])
    code, printed, _ = run("extract", first, second, "--window", 10, "--clusters", 2)
    assert code == 0
    assert "2 patterns" in printed
    code, printed, _ = run("extract", str(tmp_path / "*.jsonl"), "--window", 10, "--clusters", 2)
    assert "2 patterns" in printed


BAD_FILES = {
    "missing": (lambda folder: folder / "nowhere.jsonl", "nowhere.jsonl"),
    "folder": (lambda folder: folder, "folder"),
    "empty": (lambda folder: jsonl(folder / "empty.jsonl", []), "empty.jsonl"),
    "short": (
        lambda folder: jsonl(folder / "short.jsonl", [action(k, "a") for k in range(5)]),
        "5 actions, fewer than one window of 20",
    ),
    "truncated gzip": (
        lambda folder: _truncated(folder / "cut.jsonl.gz", [action(k, "a") for k in range(500)]),
        "cut.jsonl.gz",
    ),
    "not gzip": (lambda folder: _written(folder / "plain.jsonl.gz", b"{}\n"), "plain.jsonl.gz"),
    "wrong column": (lambda folder: _written(folder / "wrong.csv", b"who,what\na,b\n"), "session_id"),
    "out of range": (
        lambda folder: jsonl(
            folder / "range.jsonl", [action(k, "a", impact=7.5 if k == 3 else 0.5) for k in range(40)]
        ),
        "line 4: impact",
    ),
    "duplicate key": (
        lambda folder: jsonl(folder / "twice.jsonl", [action(min(k, 38), "a") for k in range(40)]),
        "line 40",
    ),
    "broken line": (
        lambda folder: _written(folder / "broken.jsonl", b'{"session_id": "s"\n'),
        "broken.jsonl",
    ),
    "no database": (lambda folder: _written(folder / "no.db", b"this is text, no database" * 100), "no.db"),
    "binary": (lambda folder: _written(folder / "binary.csv", bytes(range(256)) * 4), "binary.csv"),
}


def _written(path, content):
    path.write_bytes(content)
    return path


def _truncated(path, records):
    whole = gzip.compress("".join(json.dumps(record) + "\n" for record in records).encode())
    return _written(path, whole[: len(whole) // 2])


@pytest.mark.parametrize("command", ["extract", "report", "import"])
@pytest.mark.parametrize("case", BAD_FILES)
def test_a_log_that_cannot_be_used_is_one_clear_line(run, tmp_path, case, command):
    folder = tmp_path / "folder"
    folder.mkdir()
    make, named = BAD_FILES[case]
    source = make(folder)
    if command == "import" and case == "short":
        pytest.skip("a short log can be stored")
    more = {
        "extract": ["--json", tmp_path / "out.json"],
        "report": ["--out", tmp_path / "reports"],
        "import": ["--db", f"sqlite:///{tmp_path / 'store.db'}"],
    }[command]
    code, printed, complaint = run(command, source, *more)
    lines = complaint.strip().splitlines()
    assert code == 2, complaint
    assert printed == ""
    assert len([line for line in lines if line.startswith("gymlab: ")]) == 1
    assert named in lines[-1]
    assert "Traceback" not in complaint
    left = {
        path.name
        for path in tmp_path.rglob("*")
        if path.is_file() and folder not in path.parents and path.name != ".lock"
    }
    assert left <= {"store.db"}
    assert not list(tmp_path.glob("reports/[!.]*"))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--window", 0], "window is 0"),
        (["--radius", -2], "radius is -2"),
        (["--method", "best"], "method is 'best'"),
        (["--clusters", "some"], "--clusters is 'some'"),
        (["--strategy", "magic"], "strategy is 'magic'"),
        (["--channels", "mood"], "there is no channel 'mood'"),
        (["--channels", "latency_ms"], "channel latency_ms has no usable value"),
        (["--agent", "nobody"], "nobody"),
        (["--where", "mood=good"], "mood"),
        (["--where", "impact"], "impact"),
        (["--since", "2026-01-01"], "the log has no timestamps"),
        (["--format", "yaml"], "there is no format 'yaml'"),
        (["--clusters", 100000], "n_clusters is 100,000, but there are only"),
        (["--radius", "9" * 30, "--json", "/"], "cannot write /"),
        (["--json", "same", "--labels", "./same"], "is the file of another option"),
        (["--json", "/nowhere/out.json"], "cannot write /nowhere/out.json"),
        (["--labels", "/nowhere/out.parquet"], "cannot write /nowhere/out.parquet"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_one_clear_line(run, log_file, arguments, named):
    code, printed, complaint = run("extract", log_file, *arguments)
    assert code == 2
    assert printed == ""
    assert complaint.startswith("gymlab: ")
    assert len(complaint.strip().splitlines()) == 1
    assert named in complaint


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--set", "windw=20"], "unknown parameter windw; known are"),
        (["--set", "window"], "give name=value"),
        (["--set", "window=["], "no YAML"),
        (["--set", "results_path=elsewhere"], "unknown parameter results_path"),
        (["--set", "window=0"], "window is 0"),
        (["--set", "window=abc"], "window is 'abc'"),
        (["--set", "channels=3"], "channels is '3'"),
        (["--set", "agent=5"], "there is no '5'"),
        (["--set", "where=5"], "'5' is no condition"),
        (["--set", "seed=99999999999"], "seed is 99999999999"),
        (["--set", "budget_seconds=abc"], "budget_seconds is 'abc'"),
        (["--set", "budget_seconds=-1"], "budget_seconds is -1"),
        (["--set", "budget_seconds=.nan"], "budget_seconds is nan"),
        (["--set", "since=2026-01-31"], "no timestamps"),
        (["--set", "channels=[mood]"], "there is no channel 'mood'"),
    ],
)
def test_a_report_parameter_that_cannot_be_used_is_one_clear_line(run, log_file, tmp_path, arguments, named):
    code, _, complaint = run("report", log_file, "--out", tmp_path / "reports", *arguments)
    assert code == 2
    assert named in complaint.strip().splitlines()[-1]
    assert "Traceback" not in complaint
    assert not list(tmp_path.glob("reports/[!.]*"))


def test_a_folder_that_cannot_be_written_is_one_clear_line(run, log_file, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    code, _, complaint = run("report", log_file, "--out", blocked / "reports")
    assert code == 2
    assert f"cannot write to {blocked / 'reports'}" in complaint


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_folder_is_one_clear_line(run, log_file, tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    code, _, complaint = run("report", log_file, "--out", folder)
    assert code == 2
    assert f"cannot write to {folder}" in complaint


def test_a_log_too_large_to_cluster_is_refused_with_the_memory_it_would_need(run):
    code, _, complaint = run(
        "extract", shared_log("axelrod/raw/matches_bulk.csv.gz"), "--strategy", "exact", "--hop", 1
    )
    assert code == 2
    assert "GB of memory" in complaint
    assert "strategy 'auto'" in complaint
    assert len(complaint.strip().splitlines()) == 1


def test_the_log_itself_is_not_overwritten(run, log_file):
    before = log_file.read_bytes()
    code, _, complaint = run("extract", log_file, "--json", log_file)
    assert code == 2
    assert "is the log itself" in complaint
    assert log_file.read_bytes() == before


def test_results_are_readable_as_the_umask_says_and_devices_stay_devices(run, log_file, tmp_path):
    out = tmp_path / "out.json"
    old = os.umask(0o022)
    try:
        assert run("extract", log_file, "--window", 10, "--json", out)[0] == 0
    finally:
        os.umask(old)
    assert out.stat().st_mode & 0o777 == 0o644
    link = tmp_path / "link.json"
    link.symlink_to(out)
    assert run("extract", log_file, "--window", 10, "--clusters", 2, "--json", link)[0] == 0
    assert link.is_symlink()
    assert len(json.loads(out.read_text(encoding="utf-8"))["patterns"]) == 2


def test_a_terminal_is_not_commanded_by_a_log(run, tmp_path):
    path = jsonl(
        tmp_path / "escapes.jsonl", [action(k, "a\x1b]0;pwn\x07", agent="\x1b[31mred") for k in range(40)]
    )
    code, printed, complaint = run("extract", path, "--window", 10)
    assert code == 0
    assert "\x1b" not in printed
    code, printed, complaint = run("extract", path, "--agent", "q")
    assert code == 2
    assert "\x1b" not in complaint


def test_the_installed_command_runs_and_helps():
    done = subprocess.run(
        [sys.executable, "-m", "gymlab", "--help"], capture_output=True, text=True, check=True
    )
    for command in ("report", "extract", "import"):
        assert command in done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "gymlab", "extract", "nowhere.csv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("gymlab: ")


def test_a_log_that_is_given_twice_is_refused(run, log_file):
    code, _, said = run("report", log_file, "--set", "source=other.csv")
    assert code == 2
    assert "the log is given twice" in said


def test_the_version_is_said(run):
    code, printed, _ = run("--version")
    assert (code, printed) == (0, f"gymlab {gymlab.__version__}\n")


def test_version():
    assert gymlab.__version__


@pytest.mark.parametrize(
    ("verdict", "state", "strict", "code"),
    [
        ("held", "ok", True, 0),
        ("not_measured", "no_data", True, 0),
        ("failed", "ok", True, 1),
        ("held", "firing", True, 1),
        ("failed", "firing", False, 0),
    ],
)
def test_strict_turns_a_failed_claim_or_a_firing_alert_into_exit_one(
    run, monkeypatch, tmp_path, verdict, state, strict, code
):
    from gymlab.workbench import report

    figures = {"measured": 1.0, "low": -0.5, "high": 2.25}
    claim = {"id": "memory", "verdict": verdict, **figures, "unit": "%", "expected": "−50 %"}
    alert = {"id": "pool", "state": state, "value": 95.0, "unit": "%", "statement": "Connections in use"}
    results = {"claims": [claim], "alerts": [alert]}
    monkeypatch.setattr(report, "run", lambda *_, **__: report.Report("run", tmp_path, results))
    found, printed, _ = run("report", *["--strict"] * strict)
    assert found == code
    assert f"{verdict}  memory          1 [−0.5, 2.25] % (expected −50 %)" in printed
    assert ("firing  pool            95 % (Connections in use)" in printed) == (state == "firing")
    assert str(tmp_path / "report.html") in printed


def test_principles_are_sentences_and_json(run, log_file, tmp_path):
    out = tmp_path / "principles.json"
    code, printed, _ = run("principles", log_file, "--clusters", 2, "--json", out)
    assert code == 0
    assert "does “give” in the context “give”: 100 % of" in printed
    assert "groups with similar responses" in printed
    found = json.loads(out.read_text(encoding="utf-8"))
    assert (found["schema"], found["by"]) == (1, "agent")
    fields = {
        "unit",
        "situation",
        "action",
        "probability",
        "low",
        "high",
        "n",
        "base_rate",
        "p_value",
        "q_value",
    }
    for principle in found["principles"]:
        assert fields | {"stability", "sentence", "action_ids"} <= set(principle)
        assert 0 < len(principle["action_ids"]) <= principle["n"]
    assert {profile["unit"]: profile["label"] for profile in found["profiles"]} == {
        "agent-0": 1,
        "agent-1": 0,
        "agent-2": 0,
    }


@pytest.mark.parametrize("by", ["session", "cluster"])
def test_principles_of_other_units(run, log_file, by):
    code, printed, _ = run("principles", log_file, "--by", by)
    assert code == 0
    assert {"session": "of 3 sessions", "cluster": "patterns"}[by] in printed


def test_stored_principles_are_compared_with_the_run_before(run, log_file):
    assert "no run of this log before" in run("principles", log_file, "--store")[1]
    _, printed, _ = run("principles", log_file, "--store")
    assert "0 changed, 0 new, 0 of forks, 0 merged, 0 vanished" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "team"], "agent, session, cluster"),
        (["--clusters", 9], "from 1 to 3, the number of subjects"),
        (["--json", "."], "cannot write"),
    ],
)
def test_principles_that_cannot_be_asked_for_are_one_line(run, log_file, arguments, message):
    code, _, complaint = run("principles", log_file, *arguments)
    assert code == 2
    assert message in complaint
    assert complaint.count("\n") == 1


def test_two_logs_are_compared(run, log_file, tmp_path):
    out, other = tmp_path / "compared.json", tmp_path / "other.csv"
    frame = rules(seed=1)
    frame["action_type"] = frame["action_type"].map({"give": "take", "take": "give"})
    frame.to_csv(other, index=False)
    code, printed, _ = run("compare", log_file, other, "--window", 10, "--clusters", 3, "--json", out)
    assert code == 0
    assert "vanishes: “agent-1”" in printed
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["schema"] == 1
    assert {shift["change"] for shift in found["principles"]} >= {"appears", "vanishes"}
    assert run("compare", log_file, tmp_path / "none.csv")[0] == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_an_output_that_cannot_be_written_is_one_line():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gymlab", "doctor"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("gymlab: cannot go on: ")
