"""A real cron makes the report, from a home whose name would trip a shell."""

import os
import re
import shutil
import subprocess
import sys
import time

import psutil
import pytest
from conftest import absent
from made import rules

from gymlab.workbench.report import folders

PATIENCE_SECONDS = 240


def crontab(argument, content=b""):
    return subprocess.run(
        [shutil.which("crontab"), argument], input=content, capture_output=True, check=False
    )


@pytest.fixture
def own_crontab():
    """The user's crontab, which is put back as it was, whatever happens."""
    if os.geteuid() != 0:
        absent("the superuser, who may start a cron,")
    if shutil.which("crontab") is None or shutil.which("cron", path="/usr/sbin:/sbin") is None:
        absent("cron")
    before = crontab("-l")
    assert before.returncode == 0 or b"no crontab" in before.stderr
    try:
        yield before.stdout
    finally:
        crontab("-r")
        if before.returncode == 0:
            crontab("-", before.stdout)


def is_cron(process):
    return process.info["name"] == "cron" and process.info["status"] != psutil.STATUS_ZOMBIE


@pytest.fixture
def daemon():
    """A cron that runs; one that was started for the test is stopped after it."""
    if any(is_cron(process) for process in psutil.process_iter(["name", "status"])):
        yield
        return
    program = shutil.which("cron", path="/usr/sbin:/sbin")
    with subprocess.Popen([program, "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
            assert process.poll() is None
        finally:
            process.terminate()


def ended(log):
    """Exit codes of the runs that ended."""
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    return [int(code) for code in re.findall(r" ends with exit code (\d+) ", text)]


@pytest.mark.slow
@pytest.mark.usefixtures("daemon")
def test_cron_makes_the_report_and_a_run_beside_another_is_turned_away(own_crontab, tmp_path):
    home = tmp_path / "h o'me 100% $(touch pwned) 🙂"
    log = home / "logs" / "nightly.log"
    source = tmp_path / "the log.csv"
    # Too small to measure memory on, which would take most of the time.
    rules(n_agents=2, sessions=2).to_csv(source, index=False)

    def gymlab(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "gymlab", "schedule", *arguments],
            env={**os.environ, "GYMLAB_HOME": str(home)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    small = ("window=10", "hop=5", "budget_seconds=1", "n_surrogates=0", "n_resamples=0")
    settings = [word for one in small for word in ("--set", one)]
    added = gymlab("add", "the log.csv", "--name", "nightly", "--no-strict", "--keep", "2", *settings)
    assert added.returncode == 0, added.stderr
    installed = crontab("-l").stdout.removeprefix(own_crontab).decode()
    assert re.fullmatch(r"30 2 \* \* \* GYMLAB_HOME='.* # gymlab schedule nightly\n", installed)
    assert "next " in gymlab("list").stdout

    with folders.locked(home / "reports"):
        turned_away = gymlab("run-now", "nightly")
    assert turned_away.returncode == 3
    assert "gymlab: another report is being written in " in turned_away.stdout
    assert turned_away.stdout == log.read_text(encoding="utf-8")
    assert ended(log) == [3]

    # Cron knows minutes only, and nobody waits for the night.
    every_minute = installed.replace("30 2 ", "* * ", 1)
    written = crontab("-", own_crontab + every_minute.encode())
    assert written.returncode == 0, written.stderr
    assert "the crontab says * * * * *, the file every day at 02:30" in gymlab("list").stdout
    started = time.monotonic()
    while 0 not in ended(log) and time.monotonic() - started < PATIENCE_SECONDS:
        time.sleep(0.5)
    assert gymlab("remove", "nightly").returncode == 0
    assert crontab("-l").stdout == own_crontab

    told = log.read_text(encoding="utf-8")
    # A run that takes more than a minute turns the next one away.
    assert ended(log).count(0) == 1, told
    assert set(ended(log)) <= {0, 3}, told
    made = {path.parent.name for path in home.glob("reports/*/report.html") if not path.parent.is_symlink()}
    assert made == set(re.findall(r"report: .*/reports/(.*)/report.html", told))
    assert len(made) == 1
    assert not list(tmp_path.rglob("pwned"))
