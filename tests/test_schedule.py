"""The schedule: jobs as files, their lines in a crontab, their runs with a log; in the end a real cron."""

import json
import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from made import rules
from prometheus_client.parser import text_string_to_metric_families

from gymlab import cli
from gymlab.errors import BusyError, InputError, ReportError
from gymlab.workbench import report
from gymlab.workbench.recorded_metrics import write_textfile
from gymlab.workbench.schedule import crontab as crontab_module
from gymlab.workbench.schedule import job_log, job_run, scheduled
from gymlab.workbench.schedule.job import EVERY, read_job, times_of

NOW = datetime(2026, 1, 31, 2, 30, tzinfo=UTC)


def local(*parts):
    """A moment as the local clock shows it, which has no time zone."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)


# What cron reads: a user's own lines, some of them strange.
THEIRS = b'MAILTO=""\n# mine: 100 %\n\n\t5 4 * * *  backup \\%d > /dev/null\n@daily caf\xe9 # gymlab schedule soup\n'


class FakeCrontab:
    """A program `crontab` that keeps one file, and refuses to write when told to."""

    def __init__(self, folder):
        self.bin, self.file, self.refuses = folder / "bin", folder / "crontab.txt", folder / "refuses"
        self.bin.mkdir()
        program = self.bin / "crontab"
        program.write_text(
            "#!/bin/sh\n"
            f"file='{self.file}'\n"
            f"if [ -e '{self.refuses}' ] && [ \"$1\" != -l ]; then echo 'the spool is full' >&2; exit 1; fi\n"
            'case "$1" in\n'
            '-l) if [ -e "$file" ]; then cat "$file"; else echo "no crontab for ada" >&2; exit 1; fi;;\n'
            '-) cat > "$file";;\n'
            '-r) rm "$file";;\n'
            "*) exit 9;;\n"
            "esac\n"
        )
        program.chmod(0o755)

    @property
    def content(self):
        return self.file.read_bytes() if self.file.exists() else b""

    @property
    def lines(self):
        return [line for line in self.content.decode(errors="replace").splitlines() if " run-now " in line]


@pytest.fixture
def crontab(tmp_path, monkeypatch):
    fake = FakeCrontab(tmp_path)
    monkeypatch.setenv("PATH", f"{fake.bin}:{os.environ['PATH']}")
    monkeypatch.setattr(crontab_module, "running_daemon", lambda: 7)
    return fake


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home"))
    for name in ("GYMLAB_MEMORY_FRACTION", "NUMBA_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "rules.csv"
    rules(n_agents=2, sessions=1, length=30).to_csv(path, index=False)
    return path


@pytest.fixture
def run(command_line, home):  # noqa: ARG001 - no call goes to another home
    """Call `gymlab schedule` in this process; returns exit code, standard output and error output."""
    return partial(command_line, "schedule")


def left_behind(home):
    """Names of what lies in the home, the lock of the schedules aside."""
    return sorted(path.name for path in home.rglob("*") if path.is_file() and path.name != ".lock")


# --- times -----------------------------------------------------------------------------------------------------------


def is_started(fields, moment):
    """Whether cron starts a line in a minute, as its manual says; day of month and of week are never both given here."""
    values = (
        moment.minute,
        moment.hour,
        moment.day,
        moment.month,
        (moment.weekday() + 1) % 7,
    )
    for field, value in zip(fields.split(), values, strict=True):
        low, _, high = field.partition("-")
        if field != "*" and not int(low) <= value <= int(high or low):
            return False
    return True


def starts(fields, days=70):
    minutes = (local(2026, 1, 1) + timedelta(minutes=k) for k in range(days * 24 * 60))
    return [moment for moment in minutes if is_started(fields, moment)]


@pytest.mark.parametrize(
    ("every", "at", "fields", "words"),
    [
        ("hour", "02:15", "15 * * * *", "every hour at :15"),
        ("hour", ":05", "5 * * * *", "every hour at :05"),
        ("day", "02:30", "30 2 * * *", "every day at 02:30"),
        ("day", "0:00", "0 0 * * *", "every day at 00:00"),
        ("weekday", "23:59", "59 23 * * 1-5", "Monday to Friday at 23:59"),
        ("monday", "7:00", "0 7 * * 1", "every Monday at 07:00"),
        ("saturday", "7:00", "0 7 * * 6", "every Saturday at 07:00"),
        ("sunday", "7:00", "0 7 * * 0", "every Sunday at 07:00"),
        ("month", "02:30", "30 2 1 * *", "on the first of every month at 02:30"),
    ],
)
def test_times_are_fields_words_and_the_next_start(every, at, fields, words):
    times = times_of(every, at)
    assert (times.fields, times.words) == (fields, words)
    expected = starts(fields)
    now = local(2026, 1, 1)
    found = []
    while len(found) < min(len(expected) - 1, 50):
        now = times.next_after(now)
        found.append(now)
    # A start in this very minute is over.
    assert found == [moment for moment in expected if moment > local(2026, 1, 1)][: len(found)]
    assert times.next_after(expected[0] + timedelta(seconds=1)) == expected[1]


def test_two_jobs_meet_if_they_ever_start_in_one_minute():
    several = [times_of(every, at) for every in EVERY for at in ("02:30", "02:31", "03:30")]
    # Two years hold every day of the week as the first of a month; nothing of this starts at other minutes alone.
    days = [local(2026, 1, 1) + timedelta(days=k) for k in range(730)]
    minutes = [
        day.replace(hour=hour, minute=minute) for day in days for hour in (2, 3) for minute in (30, 31)
    ]
    when = {times: {one for one in minutes if is_started(times.fields, one)} for times in several}
    for one in several:
        for other in several:
            assert one.meets(other) == bool(when[one] & when[other]), (one, other)


@pytest.mark.parametrize(
    ("every", "at", "message"),
    [
        ("night", "02:30", "every is 'night'; choose one of hour, day, weekday, monday"),
        ("day", "24:00", "at is '24:00'; give a time of the day such as 02:30"),
        ("day", "02:60", "give a time of the day"),
        ("day", "2", "give a time of the day"),
        ("day", "02:30\n* * * * * rm", "give a time of the day"),
        ("day", ":30", "which says when in an hour"),
        ("hour", "x:30", "give a time of the day"),
    ],
)
def test_a_time_that_is_none_is_refused(every, at, message):
    with pytest.raises(InputError, match=re.escape(message)):
        times_of(every, at)


# --- adding and removing ---------------------------------------------------------------------------------------------


def test_adding_and_removing_leaves_the_lines_of_others_byte_for_byte(run, crontab, home, source):
    crontab.file.write_bytes(THEIRS)
    code, printed, _ = run("add", source, "--every", "weekday", "--at", "3:07", "--name", "nightly")
    assert code == 0
    assert "added job nightly: Monday to Friday at 03:07, next " in printed
    (line,) = crontab.lines
    assert line.startswith("7 3 * * 1-5 GYMLAB_HOME=")
    assert line.endswith(" # gymlab schedule nightly")
    assert crontab.content == THEIRS + line.encode() + b"\n"
    assert read_job("nightly").source == (str(source),)
    code, printed, _ = run("remove", "nightly")
    assert (code, printed) == (0, "removed job nightly: its file and its line in the crontab\n")
    assert crontab.content == THEIRS
    assert left_behind(home) == []


@pytest.mark.parametrize("runs", [True, False])
def test_a_cron_that_does_not_run_is_said_when_a_job_is_added(run, crontab, source, monkeypatch, runs):
    monkeypatch.setattr(crontab_module, "running_daemon", lambda: 7 if runs else None)
    code, printed, complaint = run("add", source)
    assert code == 0
    assert len(crontab.lines) == 1
    assert complaint == (
        "" if runs else "gymlab: no cron runs here, so nothing will start; see gymlab doctor\n"
    )
    assert "added job rules" in printed


def test_a_crontab_without_a_last_line_break_or_none_at_all_is_fine(run, crontab, source):
    crontab.file.write_bytes(b"5 4 * * * backup")
    assert run("add", source)[0] == 0
    assert crontab.content.splitlines()[0] == b"5 4 * * * backup"
    assert len(crontab.lines) == 1
    run("remove", "rules")
    assert crontab.content == b"5 4 * * * backup\n"
    crontab.file.unlink()
    run("add", source)
    assert len(crontab.content.splitlines()) == 1
    run("remove", "rules")
    assert not crontab.file.exists()


@pytest.mark.usefixtures("crontab")
def test_the_job_is_a_file_that_says_everything(run, home, source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tuned.yaml").write_text("window: 12\nhop: 4\nsource: elsewhere.csv\nsince: 2026-01-31\n")
    options = ("--params", "tuned.yaml", "--set", "hop=6", "--agent", "agent-1", "--keep", 7, "--out", "runs")
    log_with_times = rules(n_agents=2, sessions=1, length=30).assign(timestamp="2026-02-01T00:00:00Z")
    log_with_times.to_csv(source, index=False)
    code, _, complaint = run(
        "add", "rules.csv", *options, "--no-strict", "--every", "month", "--name", "Job_1"
    )
    assert (code, complaint) == (0, "")
    import yaml

    assert yaml.safe_load((home / "schedules" / "Job_1.yaml").read_text(encoding="utf-8")) == {
        "source": [str(source)],
        "every": "month",
        "at": "02:30",
        "keep": 7,
        "strict": False,
        "out": str(tmp_path / "runs"),
        "parameters": {"window": 12, "hop": 6, "since": "2026-01-31", "agent": ["agent-1"]},
    }


@pytest.mark.usefixtures("crontab")
def test_what_is_relative_is_made_absolute(run, source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["gymlab", "import", "rules.csv", "--db", "sqlite:///my%20lab.db"])
    with pytest.raises(SystemExit):
        cli.main()
    code, _, complaint = run("add", "sqlite:///my%20lab.db", "--name", "url")
    assert (code, complaint) == (0, "")
    (tmp_path / "tuned.yaml").write_text("source: rules.csv\n")
    run("add", "--params", "tuned.yaml", "--name", "told", "--at", "3:00")
    run("add", "ru*.csv", "--name", "pattern", "--at", "4:00")
    monkeypatch.chdir("/")
    assert read_job("url").source == (f"sqlite:///{tmp_path}/my%20lab.db",)
    assert read_job("told").source == (str(source),)
    assert read_job("pattern").source == (str(tmp_path / "ru*.csv"),)
    from gymlab import read_actions

    assert len(read_actions(list(read_job("url").source))) == 60


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ('it\'s 100% "quoted" $(touch pwned) `id`; 🙂.csv', "it-s-100-quoted-touch-pwned-id"),
        ("🙂.csv", "report"),
        ("-rf.csv", "rf"),
        (".hidden.csv", "hidden"),
        ("x" * 200 + ".csv", "x" * 60),
        ("two\nlines.csv", "two-lines"),
    ],
)
def test_a_hostile_name_of_a_log_harms_neither_crontab_nor_file(run, crontab, source, tmp_path, file, name):
    hostile = tmp_path / file
    source.rename(hostile)
    code, printed, _ = run("add", hostile)
    assert code == 0
    assert f"added job {name}: " in printed
    (line,) = crontab.lines
    assert crontab.content == f"{line}\n".encode()
    assert line.endswith(f" -P -m gymlab schedule run-now {name} # gymlab schedule {name}")
    assert read_job(name).source == (str(hostile),)
    code, printed, _ = run("list")
    assert code == 0
    assert printed.count("\n") == 1


REFUSED = {
    "name with a command": (["--name", "a; rm -rf ~"], "'a; rm -rf ~' is no name for a job"),
    "name as an option": (["--name=-x"], "is no name for a job"),
    "name as a path": (["--name", "../x"], "is no name for a job"),
    "name with a line break": (["--name", "a\n"], "is no name for a job"),
    "unknown parameter": (["--set", "windw=3"], "unknown parameter windw; known are"),
    "unusable parameter": (["--set", "window=0"], "window"),
    "more patterns than windows": (["--set", "n_clusters=9999"], "n_clusters is 9,999, but there are only"),
    "unusable budget": (["--set", "budget_seconds=-1"], "budget_seconds is -1"),
    "no such agent": (["--agent", "nobody"], "nobody"),
    "nothing to keep": (["--keep", "0"], "keep is 0"),
    "no such time": (["--every", "fortnight"], "every is 'fortnight'"),
    "source that is none": (["--set", "source=5"], "5: there is no such file"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_what_could_not_run_is_refused_and_leaves_nothing(run, crontab, home, source, arguments, message):
    crontab.file.write_bytes(THEIRS)
    given = [] if "source=5" in arguments else [source]
    code, printed, complaint = run("add", *given, *arguments)
    assert (code, printed) == (2, "")
    assert message in complaint
    assert complaint.count("\n") == 1
    assert crontab.content == THEIRS
    assert left_behind(home) == []


def test_a_log_that_cannot_be_read_and_a_folder_that_cannot_be_written_are_refused(
    run, crontab, home, source, tmp_path
):
    code, _, complaint = run("add", tmp_path / "nowhere.csv")
    assert code == 2
    assert "nowhere.csv" in complaint
    code, _, complaint = run("add", source, "--out", source / "runs")
    assert code == 2
    assert f"{source} is no folder" in complaint
    assert crontab.content == b""
    assert left_behind(home) == []


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("GYMLAB_HOME", "two\nlines", "a crontab holds no line breaks"),
        ("GYMLAB_HOME", "back\\slash", "a crontab holds no line breaks, control characters or \\"),
        ("GYMLAB_HOME", "/".join(["long" * 40] * 6), "longer than cron takes"),
        ("NUMBA_CACHE_DIR", "tab\there", "NUMBA_CACHE_DIR is "),
    ],
)
def test_a_setting_that_no_crontab_holds_is_refused(
    run, crontab, source, tmp_path, monkeypatch, setting, value, message
):
    monkeypatch.setenv(setting, str(tmp_path / value))
    code, _, complaint = run("add", source)
    assert code == 2
    assert message in complaint
    assert crontab.content == b""
    assert not list(tmp_path.rglob("*.yaml"))


def test_a_line_of_the_longest_length_is_taken_and_one_byte_more_is_not(
    run, crontab, source, tmp_path, monkeypatch
):
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path))
    run("add", source)
    (line,) = crontab.lines
    room = 998 - len(line.split(maxsplit=5)[5].encode())
    run("remove", "rules")
    # Each % takes two bytes in a crontab; folders have to be shorter than that.
    letters = "".join("/" if k % 200 == 100 else "x" for k in range(room - len("/") - 2 * 50))
    home = f"{tmp_path}/{'%' * 50}{letters}"
    monkeypatch.setenv("GYMLAB_HOME", home)
    assert run("add", source)[0] == 0
    (line,) = crontab.lines
    assert len(line.split(maxsplit=5)[5].encode()) == 998
    run("remove", "rules")
    monkeypatch.setenv("GYMLAB_HOME", f"{home}x")
    code, _, complaint = run("add", source)
    assert code == 2
    assert "longer than cron takes (999 bytes)" in complaint


def test_jobs_that_would_meet_in_one_folder_are_refused(run, crontab, source, tmp_path):
    assert run("add", source, "--name", "first")[0] == 0
    before = crontab.content
    for every, at in (("day", "02:30"), ("sunday", "2:30"), ("hour", ":30"), ("month", "02:30")):
        code, _, complaint = run("add", source, "--name", "second", "--every", every, "--at", at)
        assert code == 2
        assert "job first (every day at 02:30) would start at the same time" in complaint
        assert crontab.content == before
    code, _, complaint = run(
        "add", source, "--name", "second", "--out", tmp_path / "home" / "x" / ".." / "reports"
    )
    assert code == 2
    assert run("add", source, "--name", "second", "--at", "2:31")[0] == 0
    assert run("add", source, "--name", "third", "--out", tmp_path / "elsewhere")[0] == 0
    # A job is not in its own way.
    assert run("add", source, "--name", "first", "--every", "sunday")[0] == 0


def test_a_job_of_an_existing_name_is_replaced_where_it_stood(run, crontab, source):
    run("add", source, "--name", "first")
    crontab.file.write_bytes(crontab.content + b"5 4 * * * backup\n")
    code, printed, _ = run("add", source, "--name", "first", "--at", "4:00", "--keep", 3)
    assert code == 0
    assert printed.startswith("replaced job first: every day at 04:00")
    (line,) = crontab.lines
    assert crontab.content == f"{line}\n5 4 * * * backup\n".encode()
    assert read_job("first").keep == 3


def test_a_name_that_nobody_chose_replaces_no_other_log(run, crontab, source, tmp_path):
    run("add", source)
    other = tmp_path / "other" / "rules.csv"
    other.parent.mkdir()
    other.write_bytes(source.read_bytes())
    before = crontab.content
    for arguments in ([other], [source, "--agent", "agent-1"]):
        code, _, complaint = run("add", *arguments, "--at", "4:00")
        assert code == 2
        assert "there is a job rules already" in complaint
        assert "--name rules" in complaint
        assert crontab.content == before
        assert read_job("rules").source == (str(source),)
    assert run("add", source, "--at", "4:00")[1].startswith("replaced job rules")
    assert run("add", other, "--at", "5:00", "--name", "rules")[0] == 0
    assert read_job("rules").source == (str(other),)


def test_a_crontab_that_cannot_be_written_leaves_the_job_as_it_was(run, crontab, home, source):
    crontab.refuses.touch()
    code, _, complaint = run("add", source)
    assert (code, complaint) == (2, "gymlab: the crontab cannot be written: the spool is full\n")
    assert left_behind(home) == []
    crontab.refuses.unlink()
    run("add", source)
    before, file = crontab.content, home / "schedules" / "rules.yaml"
    text = file.read_bytes()
    crontab.refuses.touch()
    assert run("add", source, "--at", "4:00")[0] == 2
    assert (crontab.content, file.read_bytes()) == (before, text)
    assert run("remove", "rules")[0] == 2
    assert (crontab.content, file.read_bytes()) == (before, text)


def test_a_crontab_that_cannot_be_read_is_never_taken_for_an_empty_one(run, crontab, home, source):
    program = crontab.bin / "crontab"
    crontab.file.write_bytes(THEIRS)
    program.write_text(
        f"#!/bin/sh\n[ $1 = - ] && cat > '{crontab.file}'\necho 'you may not use it' >&2; exit 1\n"
    )
    code, _, complaint = run("add", source)
    assert (code, complaint) == (2, "gymlab: the crontab cannot be read: you may not use it\n")
    assert crontab.content == THEIRS
    assert left_behind(home) == []


@pytest.mark.usefixtures("crontab")
def test_without_a_crontab_program_it_is_said_what_to_do(run, source, home, tmp_path, monkeypatch):
    run("add", source)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    code, _, complaint = run("add", source, "--name", "other")
    assert code == 2
    assert complaint.count("\n") == 1
    assert "install cron, or let a systemd timer start" in complaint
    code, printed, _ = run("list")
    assert code == 0
    assert "there is no program crontab here" in printed
    assert run("remove", "rules")[:2] == (0, "removed job rules: its file\n")
    assert left_behind(home) == []


def test_two_homes_in_one_crontab_do_not_touch_one_another(run, crontab, source, tmp_path, monkeypatch):
    run("add", source)
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home" / "within"))
    assert run("list")[1].startswith("no report is scheduled")
    assert run("add", source, "--every", "sunday")[1].startswith("added job rules")
    assert len(crontab.lines) == 2
    run("remove", "rules")
    (line,) = crontab.lines
    assert f"GYMLAB_HOME={tmp_path / 'home'} " in line


@pytest.mark.usefixtures("crontab")
def test_only_one_changes_jobs_at_a_time(run, source, monkeypatch):
    monkeypatch.setattr(scheduled, "_PATIENCE_SECONDS", 0)
    run("add", source)
    with scheduled._locked():
        code, _, complaint = run("add", source, "--at", "4:00")
        assert code == 3
        assert "another `gymlab schedule` is changing jobs" in complaint
    assert run("add", source, "--at", "4:00")[0] == 0


@pytest.mark.usefixtures("crontab")
def test_an_unknown_job_is_told_the_known_ones(run, home, source):
    for command in ("remove", "run-now", "renew"):
        code, _, complaint = run(command, "nightly")
        assert code == 2
        assert "there is no job 'nightly'; none is scheduled" in complaint
        assert left_behind(home) == []
    run("add", source)
    for command in ("remove", "run-now", "renew"):
        code, _, complaint = run(command, "nightly")
        assert (code, complaint) == (2, "gymlab: there is no job 'nightly'; known are rules\n")
        assert run(command, "../rules")[0] == 2


# --- what is scheduled -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("crontab")
def test_what_is_scheduled_is_a_line_for_each_job(run, source, tmp_path):
    assert run("list") == (0, "no report is scheduled; `gymlab schedule add LOG` makes one every night\n", "")
    run("add", source, "--every", "monday", "--at", "7:00")
    other = tmp_path / "other.csv"
    rules(n_agents=1, sessions=2, length=30).replace({"agent_id": {"agent-0": "ada"}}).to_csv(
        other, index=False
    )
    run("add", source, other, "--name", "b")
    first, second = scheduled.overview(local(2026, 1, 1, 12, 0))
    assert (first["name"], first["next_start"]) == ("b", "2026-01-02T02:30")
    assert (second["name"], second["next_start"]) == ("rules", "2026-01-05T07:00")
    code, printed, _ = run("list")
    assert code == 0
    one, two = printed.splitlines()
    shown = f"…{str(source)[-59:]}" if len(str(source)) > 60 else str(source)
    assert re.fullmatch(
        rf"b      every day at 02:30     next \d{{4}}-\d\d-\d\d 02:30  {re.escape(shown)} and 1 other  no run yet  in the crontab",
        one,
    )
    assert "every Monday at 07:00  next " in two
    found = json.loads(run("list", "--json")[1])
    assert found["schema"] == 1
    assert [job["name"] for job in found["jobs"]] == ["b", "rules"]
    assert found["jobs"][1]["source"] == [str(source)]
    assert (found["jobs"][1]["cron"], found["jobs"][1]["last_exit_code"]) == ("ok", None)


def test_a_file_and_a_crontab_that_disagree_are_told_and_renewed(run, crontab, home, source):
    run("add", source)
    file, line = home / "schedules" / "rules.yaml", crontab.lines[0]
    file.write_text(file.read_text().replace("at: 02:30", "at: 12:30  # after lunch"))
    code, printed, _ = run("list")
    assert code == 0
    assert (
        "the crontab says 30 2 * * *, the file every day at 12:30: `gymlab schedule renew rules`" in printed
    )
    assert run("renew", "rules")[0] == 0
    assert crontab.lines == [line.replace("30 2 ", "30 12 ", 1)]
    assert "# after lunch" in file.read_text()
    assert "in the crontab" in run("list")[1]

    crontab.file.write_text(f"# {crontab.lines[0]}\n")
    assert "paused by a # in the crontab" in run("list")[1]
    assert run("renew", "rules")[0] == 0
    assert crontab.content == f"{crontab.lines[0]}\n".encode()
    assert not crontab.lines[0].startswith("#")

    kept = crontab.content
    crontab.file.unlink()
    assert "not in the crontab: `gymlab schedule renew rules`" in run("list")[1]
    run("renew", "rules")
    assert crontab.content == kept

    file.unlink()
    assert "its file is gone: `gymlab schedule remove rules`" in run("list")[1]
    assert run("remove", "rules")[1] == "removed job rules: its line in the crontab\n"
    assert crontab.content == b""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("every: [", "is no YAML"),
        ("- every", "holds no fields"),
        ("evry: day", "unknown field evry; those of a job are source, every, at"),
        ("every: noon", "every is 'noon'"),
        ("at: 3000", "at is 3000; give a time of the day"),
        ("keep: 0", "keep is 0"),
        ("strict: maybe", "strict is 'maybe'; give True or False"),
        ("out: reports", "out is 'reports'; give the whole path of a folder"),
        ("source: [log.csv]", "source is 'log.csv'; give the whole path"),
        ("source: sqlite:///log.db", "give the whole path"),
        ("source: [5]", "source is 5"),
        ("parameters: window", "parameters holds no names with values"),
    ],
)
def test_a_file_that_was_edited_badly_is_told_and_can_be_removed(run, crontab, home, source, text, message):
    run("add", source)
    run("add", source, "--name", "whole", "--at", "4:00")
    file = home / "schedules" / "rules.yaml"
    file.write_text(text)
    code, printed, _ = run("list")
    assert code == 0
    assert message in printed.splitlines()[0]
    assert "in the crontab" in printed.splitlines()[1]
    code, _, complaint = run("renew", "rules")
    assert code == 2
    assert str(file) in complaint
    assert message in complaint
    # Cron starts it all the same, and what is wrong is in its mail and in its log.
    code, printed, _ = run("run-now", "rules")
    assert code == 2
    assert message in printed
    assert printed == (home / "logs" / "rules.log").read_text(encoding="utf-8")
    assert run("remove", "rules")[0] == 0
    assert len(crontab.lines) == 1


# --- runs ------------------------------------------------------------------------------------------------------------


def a_report(folder, verdict="held"):
    claim = {
        "id": "memory",
        "verdict": verdict,
        "measured": 1.0,
        "low": 1.0,
        "high": 1.0,
        "unit": "%",
        "expected": "−50 %",
    }
    return report.Report("run", folder, {"claims": [claim], "alerts": []})


@pytest.fixture
def job(home, crontab, source):  # noqa: ARG001 - it is added to these
    """A strict job whose report is what a test says."""
    scheduled.add([str(source)], keep=3, parameters={"window": 12})
    return source


def logged(home, name="rules"):
    return (home / "logs" / f"{name}.log").read_text(encoding="utf-8")


def test_a_run_is_the_report_of_the_job_and_its_log_tells_it(run, job, home, tmp_path, monkeypatch):
    calls = []

    def made(*arguments, **options):
        calls.append((arguments, options))
        return a_report(tmp_path)

    monkeypatch.setattr(report, "run", made)
    # Cron mails what is printed, so there is nothing.
    assert run("run-now", "rules") == (0, "", "")
    ((arguments, options),) = calls
    assert arguments == ([str(job)],)
    assert (options["parameters"], options["keep"], options["out"]) == ({"window": 12}, 3, None)
    begin, verdict, where, end = logged(home).splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC  rules begins", begin)
    assert verdict == "        held  memory          1 % (expected −50 %)"
    assert where == f"report: {tmp_path / 'report.html'}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC  rules ends with exit code 0 after \d+ s", end)
    assert re.search(r"last \d{4}-\d\d-\d\d \d\d:\d\d, exit code 0  in the crontab", run("list")[1])


def values_in(home):
    """The textfile of the jobs, by name and the values of the labels, which are sorted by their names."""
    text = (home / "logs" / "gymlab.prom").read_text(encoding="utf-8")
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return {(one.name, *one.labels.values()): one.value for one in samples}


def results(folder, *verdicts, firing=0):
    """Leave the results of a report in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    claims = [{"id": f"claim{n}", "verdict": one, "measured": n + 0.5} for n, one in enumerate(verdicts)]
    alerts = [{"id": "memory", "state": "firing"}] * firing + [{"id": "pool", "state": "ok"}]
    found = {"claims": claims, "alerts": alerts, "stats": {"stages": {"distances": 2.5}}}
    (folder / "results.json").write_text(json.dumps(found), encoding="utf-8")
    return folder


@pytest.mark.usefixtures("job")
def test_every_run_leaves_a_textfile_for_prometheus(run, home, tmp_path, monkeypatch):
    folder = results(tmp_path / "one", "held", "held", "failed", firing=1)
    monkeypatch.setattr(report, "run", lambda *_, **__: a_report(folder))
    run("run-now", "rules")
    found = values_in(home)
    assert found["gymlab_job_succeeded", "rules"] == 1
    assert found["gymlab_job_seconds", "rules"] < 60
    end = found["gymlab_job_end_timestamp_seconds", "rules"]
    assert abs(end - datetime.now(UTC).timestamp()) < 60
    verdicts = {
        one: found["gymlab_report_claims", "rules", one] for one in ("held", "failed", "not_measured")
    }
    assert verdicts == {"held": 2, "failed": 1, "not_measured": 0}
    assert found["gymlab_report_alerts", "rules", "firing"] == 1
    assert found["gymlab_report_claim", "claim2", "rules"] == 2.5
    assert found["gymlab_report_stage_seconds", "rules", "distances"] == 2.5

    # A run that fails makes no report, and takes no one else's.
    def fail(*_, **__):
        raise InputError("the log is gone")

    monkeypatch.setattr(report, "run", fail)
    assert run("run-now", "rules")[0] == 2
    found = values_in(home)
    assert found["gymlab_job_succeeded", "rules"] == 0
    assert not [name for name in found if name[0].startswith("gymlab_report")]
    assert [path.name for path in (home / "logs").iterdir() if path.suffix == ".partial"] == []


@pytest.mark.usefixtures("job")
def test_the_textfile_has_every_job_and_the_latest_report(run, home, source, tmp_path, monkeypatch):
    scheduled.add([str(source)], at="04:30", name="other")
    folders = iter([results(tmp_path / "one", "held"), results(tmp_path / "two", "failed", "failed")])
    monkeypatch.setattr(report, "run", lambda *_, **__: a_report(next(folders)))
    run("run-now", "rules")
    run("run-now", "other")
    results(home / "reports" / "latest", "not_measured")
    log = home / "logs" / "rules.log"
    log.write_text(log.read_text() + "2026-01-31 02:30:00 UTC  rules begins\n")  # it is at work now
    write_textfile()
    found = values_in(home)
    assert found["gymlab_job_succeeded", "rules"] == found["gymlab_job_succeeded", "other"] == 1
    assert found["gymlab_report_claims", "rules", "held"] == 1
    assert found["gymlab_report_claims", "other", "failed"] == 2
    assert found["gymlab_report_claims", "reports/latest", "not_measured"] == 1
    (tmp_path / "two" / "results.json").write_text("{")
    (tmp_path / "one" / "results.json").unlink()
    write_textfile()
    reports = {name[1] for name in values_in(home) if name[0] == "gymlab_report_claims"}
    assert reports == {"reports/latest"}


@pytest.mark.usefixtures("job")
def test_a_failure_prints_what_the_log_has_of_this_run(run, home, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "run", lambda *_, **__: a_report(tmp_path))
    run("run-now", "rules")
    before = logged(home)
    monkeypatch.setattr(report, "run", lambda *_, **__: a_report(tmp_path, "failed"))
    code, printed, _ = run("run-now", "rules")
    assert code == 1
    assert logged(home) == before + printed
    assert printed.splitlines()[1].split()[:2] == ["failed", "memory"]
    file = home / "schedules" / "rules.yaml"
    file.write_text(file.read_text().replace("strict: true", "strict: false"))
    assert run("run-now", "rules") == (0, "", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("the log is gone\nwith a line break"), 2),
        (BusyError("another report is being written"), 3),
        (ReportError("the notebook failed"), 1),
    ],
)
@pytest.mark.usefixtures("job")
def test_an_error_is_a_line_of_the_log_and_its_exit_code(run, home, monkeypatch, error, code):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(report, "run", fails)
    found, printed, _ = run("run-now", "rules")
    assert found == code
    _, line, end = printed.splitlines()
    assert line == f"gymlab: {' '.join(str(error).split())}"
    assert f"ends with exit code {code} after" in end
    assert logged(home) == printed
    assert f"exit code {code}" in run("list")[1]


@pytest.mark.usefixtures("job")
def test_what_nobody_expected_is_in_the_log_too_and_not_swallowed(home, monkeypatch):
    def fails(*_, **__):
        raise KeyError("nobody thought of it")

    monkeypatch.setattr(report, "run", fails)
    with pytest.raises(KeyError):
        job_run.run_now("rules", terminal=False)
    lines = logged(home).splitlines()
    assert "Traceback (most recent call last):" in lines
    assert "KeyError: 'nobody thought of it'" in lines
    assert "ends with exit code 1 after" in lines[-1]

    def stops(*_, **__):
        sys.exit(143)

    monkeypatch.setattr(report, "run", stops)
    with pytest.raises(SystemExit):
        job_run.run_now("rules", terminal=False)
    assert "ends with exit code 143 after" in logged(home).splitlines()[-1]


CHATTERS = """
import os, subprocess, sys, warnings
from pathlib import Path
from gymlab.workbench import report
from gymlab.workbench.recorded_metrics import write_textfile
from gymlab.workbench.schedule.job_run import run_now

def chatters(*_, **__):
    print("python speaks")
    os.write(1, b"a library speaks\\n")
    warnings.warn("a warning speaks")
    subprocess.run(["/bin/sh", "-c", "echo a process speaks >&2"], check=True)
    return report.Report("run", Path("/"), {"claims": [], "alerts": []})

report.run = chatters
code = run_now("rules", terminal=False)
print("afterwards", code)
print("to both", file=sys.stderr)
"""


@pytest.mark.usefixtures("job")
def test_whatever_is_printed_on_the_way_goes_to_the_log_and_not_to_cron(home):
    done = subprocess.run([sys.executable, "-c", CHATTERS], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("afterwards 0\n", "to both\n")
    for text in ("python speaks", "a library speaks", "a warning speaks", "a process speaks"):
        assert logged(home).count(text) == 1


@pytest.mark.usefixtures("job")
def test_a_terminal_shows_what_the_log_gets(home, tmp_path, monkeypatch, capsys):
    import logging

    def warns(*_, **__):
        logging.getLogger("gymlab.somewhere").warning("the disk is slow")
        return a_report(tmp_path)

    monkeypatch.setattr(report, "run", warns)
    ticks = iter([NOW, NOW + timedelta(seconds=9)])
    capsys.readouterr()
    assert job_run.run_now("rules", terminal=True, now=lambda: next(ticks)) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("2026-01-31 02:30:00 UTC  rules begins\n")
    assert "2026-01-31 02:30:09 UTC  rules ends with exit code 0 after 0 s\n" in shown
    # What gymlab says on the way, the terminal has from the command line's own handler.
    assert logged(home).replace("gymlab: the disk is slow\n", "") == shown
    assert "gymlab: the disk is slow\n" in logged(home)


@pytest.mark.usefixtures("job")
def test_a_log_that_grew_too_large_makes_room_and_is_still_read(run, home, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "run", lambda *_, **__: a_report(tmp_path))
    run("run-now", "rules")
    file = home / "logs" / "rules.log"
    small = file.read_bytes()
    run("run-now", "rules")
    assert len(file.read_bytes()) == 2 * len(small)
    file.write_bytes(b"x" * 1_000_000 + b"\n" + small)
    run("run-now", "rules")
    assert len(file.read_bytes()) == len(small)
    assert (home / "logs" / "rules.log.1").stat().st_size == 1_000_001 + len(small)
    file.unlink()
    assert job_log.last_run("rules").exit_code == 0


@pytest.mark.usefixtures("job")
def test_a_run_that_was_killed_is_not_taken_for_the_one_before(home, run):
    file = home / "logs" / "rules.log"
    file.parent.mkdir()
    begun = "2026-01-31 02:30:00 UTC  rules begins"
    ended = "2026-01-31 02:30:00 UTC  rules ends with exit code 0 after 60 s"
    file.write_text(f"{begun}\n{ended}\n")
    assert job_log.last_run("rules") == job_log.LastRun(NOW, 0, 60)
    file.write_text(f"{ended}\n{begun}\n  held …\n")
    assert job_log.last_run("rules") == job_log.LastRun(NOW, None, None)
    assert re.search(r"began \d{4}-\d\d-\d\d \d\d:\d\d, has not ended", run("list")[1])


@pytest.mark.usefixtures("job")
def test_a_log_that_cannot_be_written_is_said(run, home):
    (home / "logs").write_text("a file")
    code, _, complaint = run("run-now", "rules")
    assert code == 2
    assert "cannot write" in complaint


# --- cron ------------------------------------------------------------------------------------------------------------


def as_cron_runs(line):
    """Run a crontab line as cron does: five fields off, \\% is %, sh, hardly any environment, the home of the user."""
    command = line.split(maxsplit=5)[5]
    assert not re.search(r"(?<!\\)%", command)
    return subprocess.run(
        ["/bin/sh", "-c", command.replace("\\%", "%")],
        env={"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "HOME": "/", "LOGNAME": "ada"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_line_works_from_the_bare_environment_of_cron(run, crontab, source, tmp_path, monkeypatch):
    home = tmp_path / 'h o\'me "100%" $(touch pwned) `id` ; 🙂'
    monkeypatch.setenv("GYMLAB_HOME", str(home))
    monkeypatch.setenv("GYMLAB_MEMORY_FRACTION", "0.25")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "kernels of mine")
    assert run("add", source, "--name", "nightly")[0] == 0
    (line,) = crontab.lines
    assert shlex.split(line.replace("\\%", "%"), comments=True) == [
        *("30", "2", "*", "*", "*"),
        f"GYMLAB_HOME={home}",
        "GYMLAB_MEMORY_FRACTION=0.25",
        f"NUMBA_CACHE_DIR={tmp_path / 'kernels of mine'}",
        *(sys.executable, "-P", "-m", "gymlab", "schedule", "run-now", "nightly"),
    ]
    source.unlink()
    done = as_cron_runs(line)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.splitlines()[1].startswith(f"gymlab: {source}")
    assert done.stdout == (home / "logs" / "nightly.log").read_text(encoding="utf-8")
    assert not list(tmp_path.rglob("pwned"))


def test_a_gymlab_that_only_this_folder_has_is_refused(run, crontab, source, home, monkeypatch):
    """Cron starts elsewhere; the interpreter of another environment stands for one without gymlab."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    code, _, complaint = run("add", source)
    assert code == 2
    assert "does not find gymlab outside of this folder" in complaint
    assert crontab.content == b""
    assert left_behind(home) == []
