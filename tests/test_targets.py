"""What a command writes: never the log itself, never one file twice, and what cannot be written is said before the work."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from made import action, rules

import gymlab
from gymlab import cli
from gymlab.errors import GymlabError, InputError, OutputError
from gymlab.workbench.files import require_apart, require_targets, unwritable, write_whole
from gymlab.workbench.results import to_json


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with logs, made once: two Parquet files, a CSV file, and a database of gymlab's."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "logs").mkdir()
    for name in ("a", "b"):
        log = rules(n_agents=1, sessions=1, length=25)
        log.assign(session_id=name, action_id=log["action_id"] + name).to_parquet(
            folder / "logs" / f"{name}.parquet"
        )
    rules(n_agents=1, sessions=2, length=25).to_csv(folder / "log.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sys, "argv", ["gymlab", "import", str(folder / "log.csv"), "--db", f"sqlite:///{folder}/lab.db"]
        )
        with pytest.raises(SystemExit):
            cli.main()
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """The working folder and the user's home, with a copy of the logs and links to one."""
    here = tmp_path / "here"
    shutil.copytree(made, here)
    (here / "~").mkdir()
    shutil.copy(here / "lab.db", here / "~")
    (here / "soft.csv").symlink_to("log.csv")
    (here / "hard.csv").hardlink_to(here / "log.csv")
    (here / "loop").symlink_to("loop")
    (here / "elsewhere").symlink_to(here / "logs", target_is_directory=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("GYMLAB_HOME", str(here / "home"))
    return here


def contents(folder):
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


SAME = {
    "a pattern": (["logs/*.parquet"], "logs/a.parquet"),
    "the second of a pattern": (["logs/*.parquet"], "logs/b.parquet"),
    "a recursive pattern": (["**/*.parquet"], "./logs/b.parquet"),
    "a pattern of one letter": (["logs/[ab].parquet"], "logs/a.parquet"),
    "a home": (["~/log.csv"], "log.csv"),
    "a pattern at home": (["~/logs/*.parquet"], "logs/a.parquet"),
    "a target at home": (["log.csv"], "~/log.csv"),
    "a URL": (["sqlite:///lab.db"], "lab.db"),
    "a URL of another driver": (["sqlite+aiosqlite:///lab.db"], "lab.db"),
    "a URL with a query": (["sqlite:///lab.db?mode=ro"], "lab.db"),
    "a URL in which ~ is a name": (["sqlite:///~/lab.db"], "{here}/~/lab.db"),
    "a URL with an escape": (["sqlite:///l%61b.db"], "lab.db"),
    "an absolute URL": (["sqlite:///{here}/lab.db"], "logs/../lab.db"),
    "what is not written to a database yet": (["sqlite:///lab.db"], "lab.db-wal"),
    "the memory of a database": (["lab.db"], "lab.db-shm"),
    "the journal of a database": (["lab.db"], "./lab.db-journal"),
    "a target that is a link": (["log.csv"], "soft.csv"),
    "a source that is a link": (["soft.csv"], "log.csv"),
    "a target that is a hard link": (["log.csv"], "hard.csv"),
    "a hard link and a link": (["hard.csv"], "soft.csv"),
    "a folder that is a link": (["logs/a.parquet"], "elsewhere/a.parquet"),
    "an absolute target": (["log.csv"], "{here}/log.csv"),
    "an absolute source": (["{here}/log.csv"], "logs/../log.csv"),
    "the second of several": (["logs/a.parquet", "log.csv"], "log.csv"),
    "one of a pattern of several": (["log.csv", "logs/*.parquet"], "logs/b.parquet"),
}
OPTIONS = {
    "extract": ["--json", "--labels", "--save"],
    "principles": ["--json"],
    "compare": ["--json"],
}


@pytest.mark.parametrize("case", SAME)
@pytest.mark.parametrize(("name", "option"), [(name, option) for name in OPTIONS for option in OPTIONS[name]])
def test_no_command_writes_to_its_log(command_line, folder, case, name, option):
    sources, target = SAME[case]
    sources = [source.replace("{here}", str(folder)) for source in sources]
    if name == "compare":
        sources = ["logs/a.parquet", sources[-1]]
    before = contents(folder)
    code, printed, complaint = command_line(name, *sources, option, target.replace("{here}", str(folder)))
    assert code == 2
    assert printed == ""
    assert f"gymlab: {option} " in complaint
    assert " is the log itself; choose another file" in complaint
    assert complaint.count("\n") == 1
    assert contents(folder) == before


@pytest.mark.parametrize(("name", "option"), [(name, option) for name in OPTIONS for option in OPTIONS[name]])
@pytest.mark.usefixtures("folder")
def test_the_sample_is_a_log_too(command_line, name, option):
    sample = gymlab.sample_path()
    if name == "compare":
        return
    before = sample.stat()
    code, _, complaint = command_line(name, option, sample.parent / ".." / sample.parent.name / sample.name)
    assert code == 2
    assert " is the log itself; choose another file" in complaint
    assert (sample.stat().st_mtime_ns, sample.stat().st_size) == (before.st_mtime_ns, before.st_size)


@pytest.mark.parametrize(
    ("source", "database"),
    [
        ("lab.db", "sqlite:///lab.db"),
        ("sqlite:///lab.db", "sqlite+aiosqlite:///logs/../lab.db"),
        ("log.csv", "sqlite:///log.csv"),
        ("log.csv", "sqlite:///soft.csv"),
        ("./~/lab.db", "sqlite:///~/lab.db"),
        ("*.csv", "sqlite:///file:hard.csv?uri=true"),
        ("logs/*.parquet", "sqlite:///elsewhere/a.parquet"),
    ],
)
def test_a_log_is_not_imported_into_itself(command_line, folder, source, database):
    before = contents(folder)
    code, _, complaint = command_line("import", source, "--db", database)
    assert code == 2
    assert " is the log itself; choose another file" in complaint
    assert contents(folder) == before


@pytest.mark.usefixtures("folder")
def test_the_own_database_is_not_imported_into_itself(command_line):
    assert command_line("import", "log.csv")[0] == 0
    code, _, complaint = command_line("import", "home/data/gymlab.db")
    assert code == 2
    assert " is the log itself; choose another file" in complaint


@pytest.mark.parametrize(
    ("name", "out"), [("latest", "logs"), (".lock", "logs"), ("latest", "elsewhere"), ("x", "logs/x")]
)
def test_a_report_does_not_write_over_its_log(command_line, folder, name, out):
    shutil.copy(folder / "log.csv", folder / "logs" / name)
    before = contents(folder)
    for more in (["report"], ["report", "--set", "window=10"]):
        code, _, complaint = command_line(*more, f"logs/{name}", "--out", out)
        assert code == 2
        assert " is the log itself; choose another file" in complaint
    assert contents(folder) == before


def test_a_job_does_not_write_over_its_log(command_line, folder, monkeypatch):
    from gymlab.workbench.schedule import crontab

    monkeypatch.setattr(crontab, "require_program", lambda: None)
    (folder / "home" / "logs").mkdir(parents=True)
    log = folder / "home" / "logs" / "nightly.log"
    shutil.copy(folder / "log.csv", log)
    before = contents(folder)
    code, _, complaint = command_line("schedule", "add", "home/logs/nightly.log")
    assert code == 2
    assert "the job's own log" in complaint
    assert " is the log itself; choose another file" in complaint
    shutil.copy(log, folder / "logs" / "latest")
    code, _, complaint = command_line("schedule", "add", "logs/latest", "--out", "logs")
    assert code == 2
    assert " is the log itself; choose another file" in complaint
    (folder / "logs" / "latest").unlink()
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--json", "x", "--save", "x"], "--save x is the file of another option, --json"),
        (["--json", "x", "--labels", "./x"], "--labels x is the file of another option, --json"),
        (["--labels", "x", "--save", "{here}/x"], "is the file of another option, --labels"),
        (["--json", "logs/x", "--labels", "elsewhere/x"], "is the file of another option, --json"),
        (["--json", "dangling", "--labels", "nowhere"], "is the file of another option, --json"),
        (["--json", "~/x", "--labels", "logs/../x"], "is the file of another option, --json"),
        (["--json", "-", "--labels", "-"], "--labels - is the file of another option, --json"),
        (["--save", "x", "--json", "x/y"], "cannot write x/y: give a file in a folder that exists"),
        (["--json", "x", "--save", "x/y"], "cannot write x/y: give a file in a folder that exists"),
        (["--json", "no/x"], "cannot write no/x: give a file in a folder that exists"),
        (["--json", "logs"], "cannot write logs: a folder of that name is there already"),
        (["--labels", "elsewhere"], "cannot write elsewhere: a folder of that name is there already"),
        (["--save", "logs"], "a folder of that name is there already"),
        (["--json", "log.csv/x"], "cannot write log.csv/x: Not a directory"),
        (["--json", "loop"], "cannot write loop: Too many levels of symbolic links"),
        (["--json", "loop/x"], "cannot write loop/x: Too many levels of symbolic links"),
        (["--save", "-"], "give a name for it"),
        (["--json", "x" * 300], "File name too long"),
        (["--json", ""], "a folder of that name is there already"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_work(command_line, folder, monkeypatch, arguments, said):
    (folder / "dangling").symlink_to("nowhere")
    before = contents(folder)
    monkeypatch.setattr("gymlab.actions.read_actions", lambda *_: pytest.fail("the work has begun"))
    code, printed, complaint = command_line(
        "extract", "log.csv", *(text.replace("{here}", str(folder)) for text in arguments)
    )
    assert code == 2
    assert printed == ""
    assert said in complaint
    assert complaint.count("\n") == 1
    assert contents(folder) == before


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="no folder that nobody can write to")
@pytest.mark.parametrize("option", ["--json", "--labels", "--save"])
@pytest.mark.usefixtures("folder")
def test_a_folder_that_nobody_can_write_to_is_said_before_the_work(command_line, monkeypatch, option):
    monkeypatch.setattr("gymlab.actions.read_actions", lambda *_: pytest.fail("the work has begun"))
    for target in ("/proc/x", *["/proc/version"] * (option != "--save")):
        code, _, complaint = command_line("extract", "log.csv", option, target)
        assert code == 2
        assert f"cannot write {target}" in complaint


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ("sqlite:///logs", "here/logs: a folder of that name"),
        ("sqlite:////proc/x/y.db", "cannot write"),
        ("nonsense", "has the form"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_database_that_cannot_be_written_is_said_before_the_log_is_read(
    command_line, monkeypatch, database, said
):
    monkeypatch.setattr("gymlab.actions.read_actions", lambda *_: pytest.fail("the work has begun"))
    code, _, complaint = command_line("import", "log.csv", "--db", database)
    assert code == 2
    assert said in complaint


def test_files_whose_names_differ_in_case_are_two_where_the_disk_says_so(folder):
    (folder / "Log.csv").write_bytes(b"")
    if len({path.name.lower() for path in folder.iterdir()}) == len(list(folder.iterdir())):
        pytest.skip("the disk does not tell case")
    require_targets({"--json": Path("Log.csv"), "--labels": Path("LOG.csv")}, ["log.csv"])


def test_reading_a_database_makes_none(command_line, folder):
    before = contents(folder)
    for arguments in (
        ["extract", "sqlite:///none.db"],
        ["import", "sqlite:///none.db", "--db", "sqlite:///new.db"],
    ):
        code, _, complaint = command_line(*arguments)
        assert code == 2
        assert "there is no such file" in complaint
    assert contents(folder) == before


def test_the_result_goes_to_standard_output_and_what_is_told_to_the_other(command_line, folder):
    options = ["log.csv", "--no-significance", "--clusters", 1]
    code, printed, told = command_line("extract", *options, "--json", "-")
    assert code == 0
    assert json.loads(printed)["schema"] == 1
    assert "\n1 pattern (exact), average silhouette " in told
    code, printed, told = command_line("principles", "log.csv", "--json", "-", "--store")
    assert code == 0
    assert json.loads(printed)["schema"] == 1
    assert "stored; there was no run of this log before to compare it with" in told
    code, printed, told = command_line("extract", *options, "--json", "out.json")
    assert code == 0
    assert "\n1 pattern (exact), average silhouette " in printed
    assert not (folder / "-").exists()


def test_a_link_to_nothing_is_written_through_and_a_home_is_found(command_line, folder):
    (folder / "dangling").symlink_to("new.json")
    assert (
        command_line("extract", "log.csv", "--no-significance", "--json", "dangling", "--save", "~/kept")[0]
        == 0
    )
    assert (folder / "new.json").is_file()
    assert (folder / "dangling").is_symlink()
    assert (folder / "kept").is_dir()


def test_the_panel_does_not_write_over_its_log(folder):
    from gymlab.workbench.widgets import TuningPanel

    panel = TuningPanel("log.csv", config=gymlab.ExtractionConfig(window=10, n_surrogates=0, n_resamples=0))
    panel.wait()
    before = contents(folder)
    for target in ("log.csv", "soft.csv", folder / "hard.csv", "~/log.csv", "logs/../log.csv"):
        with pytest.raises(InputError, match="is the log itself"):
            panel.export(target)
    assert contents(folder) == before
    assert panel.export("~/tuned.yaml") == folder / "tuned.yaml"


WRONG = [None, 5, 2.5, True, 10**30, b"x", [], ["x"], {}, {"a": 1}, object(), pd.Series([1])]


@pytest.mark.parametrize("wrong", WRONG)
def test_arguments_of_the_wrong_kind(wrong, tmp_path):
    calls = [
        lambda: write_whole(wrong, b"x"),
        lambda: write_whole(tmp_path / "x", "text" if isinstance(wrong, bytes) else wrong),
        lambda: unwritable(wrong),
    ]
    # A target may be left out, and there may be none.
    if not isinstance(wrong, dict):
        calls.append(lambda: require_targets(wrong, "log.csv"))
    if wrong is not None:
        calls.append(lambda: require_apart({"x": wrong}, "log.csv"))
    for call in calls:
        with pytest.raises(InputError):
            call()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [float("nan"), object(), {1: {2: b"x"}}, {(1, 2): 3}, [set()], 1j])
def test_what_json_has_no_form_for(wrong):
    with pytest.raises(InputError, match="cannot be written as JSON"):
        to_json(wrong)


def test_a_name_that_is_no_text_does_not_stop_a_result():
    name = os.fsdecode(b"log\xff.csv")
    text = to_json({"source": name})
    assert json.loads(text.encode()) == {"source": name}


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "no/x"])
def test_a_file_that_cannot_be_written_is_an_error_of_gymlab(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GymlabError):
        write_whole(Path(path), b"x")
    with pytest.raises(OutputError):
        require_targets({"x": Path(path)}, None)
    assert list(tmp_path.iterdir()) == []


def test_listings_take_what_they_are_of():
    from gymlab.workbench import listings, results

    for wrong in (None, 5, "x", [], action(0, "a")):
        for call in (
            listings.pattern_listing,
            listings.principle_listing,
            listings.lineage_listing,
            listings.comparison_listing,
            lambda one: results.build_results(one, one, [], []),
        ):
            with pytest.raises(InputError):
                call(wrong)


@pytest.mark.parametrize(("options", "first"), [(["--json", "-"], b"{"), (["--labels", "-"], b"PAR1")])
def test_what_takes_standard_output_gets_the_result_alone(folder, options, first):
    """As a process of its own: in this one, standard output is another."""
    done = subprocess.run(
        [sys.executable, "-m", "gymlab", "extract", "log.csv", "--no-significance", *options],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(first)
    assert b"1 pattern" in done.stderr


def test_a_device_may_be_written_to_by_several_options(folder):
    require_targets({"--json": Path(os.devnull), "--labels": Path(os.devnull)}, [str(folder / "log.csv")])
