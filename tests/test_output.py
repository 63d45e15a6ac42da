"""Where a command writes: any encoding, nobody who reads, streams that are closed or full, and signals at any time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from made import rules

COMMAND = [sys.executable, "-m", "gymlab"]
ODD = "é–🙂\u2028"


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    frame = rules(n_agents=1, sessions=2, length=40)
    frame["agent_id"] += ODD
    frame["action_type"] += ODD
    path = tmp_path_factory.mktemp("log") / os.fsdecode(b"log\xff.csv")
    frame.to_csv(path, index=False)
    return path


def arguments(command, log):
    return {
        "extract": ["extract", log, "--no-significance", "--window", "10"],
        "principles": ["principles", log],
        "compare": ["compare", log, log, "--window", "10"],
        "import": ["import", log],
        "absent": ["extract", f"{log}x"],
        "doctor": ["doctor"],
        "list": ["schedule", "list"],
        "help": ["--help"],
        "version": ["--version"],
    }[command]


def ended(command, log, home, **environment):
    return subprocess.run(
        [*COMMAND, *arguments(command, log)],
        env={**os.environ, "GYMLAB_HOME": str(home), **environment},
        capture_output=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "encoding"),
    [
        *(
            (command, "ascii")
            for command in ("extract", "principles", "compare", "import", "absent", "doctor")
        ),
        ("absent", "latin-1"),
        ("absent", "utf-8"),
    ],
)
def test_what_an_encoding_lacks_is_replaced(command, encoding, log, tmp_path):
    done = ended(command, log, tmp_path, PYTHONIOENCODING=encoding)
    assert b"Traceback" not in done.stderr
    assert done.returncode == (2 if command == "absent" else 0)
    done.stdout.decode(encoding)
    done.stderr.decode(encoding)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["list", "absent"])
def test_a_locale_without_unicode_is_enough(command, log, tmp_path):
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = ended(command, log, tmp_path, **plain)
    assert b"Traceback" not in done.stderr
    assert done.returncode == (2 if command == "absent" else 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "unbuffered"), [("help", ""), ("version", "1"), ("list", ""), ("list", "1"), ("extract", "")]
)
def test_nobody_who_reads_is_141(command, unbuffered, log, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, *arguments(command, log)],
        env={**os.environ, "GYMLAB_HOME": str(tmp_path), "PYTHONUNBUFFERED": unbuffered},
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == b""


@pytest.mark.slow
@pytest.mark.parametrize("arguments_", [["nonsense"], ["extract", "absent.csv"]])
def test_nobody_who_reads_complaints_is_141_too(arguments_):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*COMMAND, *arguments_], stdout=writer, stderr=writer, check=False)
    os.close(writer)
    assert done.returncode == 141


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(
    ("command", "unbuffered"), [("help", ""), ("version", "1"), ("list", ""), ("list", "1")]
)
def test_a_full_device_is_one_line(command, unbuffered, log, tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments(command, log)],
            env={**os.environ, "GYMLAB_HOME": str(tmp_path), "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
        silent = subprocess.run([*COMMAND, "nonsense"], stdout=full, stderr=full, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"gymlab: cannot go on: ")
    assert done.stderr.count(b"\n") == 1
    assert silent.returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_one_that_nobody_needs(closed, tmp_path):
    labels = tmp_path / "labels.parquet"
    log = tmp_path / "log.csv"
    rules(n_agents=1, sessions=2, length=40).to_csv(log, index=False)
    command = f'"{sys.executable}" -m gymlab extract "{log}" --no-significance --window 10 --labels "{labels}" {closed}'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert labels.read_bytes()[:4] == b"PAR1"


@pytest.mark.slow
@pytest.mark.parametrize(("request_", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_request_to_end_during_the_imports_prints_no_traceback(request_, code):
    # The request comes as soon as a module is imported, whichever: the first, one in the middle, a late one.
    for module in (
        "gymlab.cli.output",
        "typer",
        "gymlab.cli.analyses",
        "pandas",
        "gymlab.patterns.pipeline",
    ):
        script = (
            "import os, signal, sys\n"
            "class Interrupts:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            f"        if name == {module!r}:\n"
            f"            os.kill(os.getpid(), signal.{request_})\n"
            "sys.meta_path.insert(0, Interrupts())\n"
            "sys.argv = ['gymlab', 'extract']\n"
            "from gymlab.cli import main\n"
            "main()\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == code, module
        assert done.stderr == ("gymlab: interrupted\n" if request_ == "SIGINT" else "")


def test_to_import_the_command_line_is_to_import_next_to_nothing():
    code = "import sys; before = set(sys.modules); import gymlab.cli; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in done.stdout.split()} <= {
        "gymlab",
        "importlib",
        "warnings",
        "__future__",
    }


@pytest.mark.slow
def test_nohup_keeps_a_command_alive():
    code = "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv({0!r}, [{0!r}, '-c', {1!r}])"
    inner = (
        "import os, signal, sys; sys.argv = ['gymlab', '--version']\n"
        "import gymlab.cli.commands as commands\n"
        "told = commands.run\n"
        "commands.run = lambda: (os.kill(os.getpid(), signal.SIGHUP), told())\n"
        "from gymlab.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code.format(sys.executable, inner)], capture_output=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith(b"gymlab ")
    assert signal.getsignal(signal.SIGHUP) is not None
