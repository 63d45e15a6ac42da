"""What several test modules share: a browser, and what an absent service means."""

import asyncio
import importlib.util
import os
import secrets
import signal
import sys

import pytest
from in_chromium import chromium, program


def pytest_configure():
    """Let signals do what they do to a program in a terminal, also where the suite runs in the background.

    A shell starts what runs in the background with interrupts ignored, and every process that tests start inherits
    that: a test that interrupts would wait for ever.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_xdist_auto_num_workers():
    """One process more than processors: some tests wait, for the next minute of cron, a browser or a server."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else os.cpu_count() + 1


def absent(what):
    """Skip for want of a service; in CI its absence is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is not here, and in CI it has to be")
    pytest.skip(f"{what} is not here")


def needs(package):
    """Skip for want of an optional package; in CI its absence is a failure."""
    if importlib.util.find_spec(package) is None:
        absent(f"the package {package}")


@pytest.fixture(autouse=True)
def no_remembered_matrices():
    """A test computes its distances itself: what it says of progress or cancelling must not hang on its neighbours."""
    if (matrices := sys.modules.get("gymlab.clustering.pairwise_cache")) is not None:
        matrices.matrix_cache().clear()


@pytest.fixture
def command_line(monkeypatch, capsys):
    """Call the command line in this process; returns exit code, standard output and error output."""
    from gymlab import cli

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["gymlab", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return code, captured.out, captured.err

    return call


@pytest.fixture
def run(command_line, monkeypatch, tmp_path):
    """Call the command line with a home of its own."""
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home"))
    return command_line


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    if program() is None:
        absent("Chromium")
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def postgres_server():
    """The URL of a PostgreSQL server on this machine in which databases can be made."""
    import asyncpg

    server = os.environ.get("GYMLAB_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")

    async def reach():
        await (await asyncpg.connect(server, timeout=5)).close()

    try:
        asyncio.run(reach())
    except (OSError, asyncpg.PostgresError):
        absent(f"a PostgreSQL server at {server}")
    return server


@pytest.fixture
def postgres_url(postgres_server):
    """The URL of a new, empty PostgreSQL database, which is removed after the test."""
    import asyncpg

    name = f"gymlab_test_{secrets.token_hex(6)}"

    async def execute(statement):
        connection = await asyncpg.connect(postgres_server)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(execute(f"CREATE DATABASE {name}"))
    yield postgres_server.rpartition("/")[0] + f"/{name}"
    asyncio.run(execute(f"DROP DATABASE {name} WITH (FORCE)"))
