"""A real Prometheus scrapes a live gymlab process with gymlab's rules: the four alerts fire, and resolve."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from conftest import absent

from gymlab.runtime.monitoring import prometheus_rules

# Far more than it takes.
PATIENCE_SECONDS = 60
ALERTS = {"GymlabMemory", "GymlabDtwTime", "GymlabPool", "GymlabHitRate"}

# Its trouble comes and goes with the lines that it reads.
LIVE = """
import sys
import psutil
from gymlab import Database
from gymlab.events import DistancesComputed, emit
from gymlab.runtime import background
from gymlab.runtime.cache_manager import cache_manager
from gymlab.runtime.metrics import serve

used = 50.0
class Memory:
    total, available = 1000, 500
    percent = property(lambda self: used)
psutil.virtual_memory = Memory

cache = cache_manager().cache("answers")
cache.set("known", 1)
database = Database(f"sqlite:///{sys.argv[1]}", pool_size=2, max_overflow=0)
sessions = []

async def take():
    for _ in range(2):
        sessions.append(context := database.session())
        await (await context.__aenter__()).connection()

async def give_back():
    for context in sessions:
        await context.__aexit__(None, None, None)

print(serve().port, flush=True)
for line in sys.stdin:
    if line == "trouble\\n":
        used = 95.0
        background.run(take())
        emit(DistancesComputed(2, 20.0))
        for key in range(200):
            cache.get(key)
    else:
        used = 50.0
        background.run(give_back())
        emit(DistancesComputed(1_000_000, 1.0))
        for _ in range(2_000):
            cache.get("known")
background.run(database.aclose())
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def live(tmp_path):
    """A gymlab process that serves its metrics."""
    with subprocess.Popen(
        [sys.executable, "-c", LIVE, str(tmp_path / "live.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.stdin.close()
        assert process.wait(PATIENCE_SECONDS) == 0


@pytest.fixture
def prometheus(tmp_path):
    """Start a Prometheus that scrapes a port; gives the address of its API."""
    program = shutil.which("prometheus")
    if program is None:
        absent("prometheus")
    started = []

    def start(port):
        (tmp_path / "rules.yml").write_text(prometheus_rules("0s"))
        (tmp_path / "prometheus.yml").write_text(
            "global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}\n"
            "rule_files: [rules.yml]\n"
            "scrape_configs:\n"
            f"- {{job_name: gymlab, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"
        )
        own = free_port()
        with (tmp_path / "prometheus.log").open("wb") as log:
            started.append(
                subprocess.Popen(
                    [
                        program,
                        f"--config.file={tmp_path / 'prometheus.yml'}",
                        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                        f"--web.listen-address=127.0.0.1:{own}",
                    ],
                    stdout=log,
                    stderr=log,
                )
            )
        return f"http://127.0.0.1:{own}/api/v1"

    yield start
    for one in started:
        one.terminate()
        one.wait(PATIENCE_SECONDS)


def wait_until(condition, describe):
    """Ask again and again until a condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except httpx.HTTPError:
            pass  # it is still starting
        time.sleep(0.05)
    pytest.fail(f"not within {PATIENCE_SECONDS} s: {describe()}")


def test_the_alerts_of_a_live_process_fire_and_resolve(live, prometheus, tmp_path):
    api = prometheus(int(live.stdout.readline()))

    def value(query):
        found = httpx.get(f"{api}/query", params={"query": query}).raise_for_status().json()
        return [float(one["value"][1]) for one in found["data"]["result"]]

    def firing():
        alerts = httpx.get(f"{api}/alerts").json()["data"]["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    def told():
        return (tmp_path / "prometheus.log").read_text(encoding="utf-8", errors="replace")[-2000:]

    # What a counter was before it grew has to be known, and twice for a rate.
    wait_until(lambda: value("count_over_time(gymlab_dtw_pairs_total[1m])") > [2], told)
    assert firing() == set()
    live.stdin.write("trouble\n")
    live.stdin.flush()
    wait_until(lambda: firing() == ALERTS, lambda: f"{firing()} {told()}")
    assert value("gymlab_database_connections_in_use") == [2]
    assert value("gymlab_cache_misses_total") == [200]
    live.stdin.write("calm\n")
    live.stdin.flush()
    wait_until(lambda: firing() == set(), lambda: f"{firing()} {told()}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_exporter_serves_until_it_is_told_to_end(number, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "gymlab", "metrics", "--port", "0"],
        env={**os.environ, "GYMLAB_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        url = process.stdout.readline().split(";")[0].removeprefix("metrics are at ")
        text = httpx.get(url).text
        assert "gymlab_machine_memory_used_ratio 0." in text
        assert "# TYPE gymlab_job_succeeded gauge" in text
        if number == signal.SIGINT:
            port = url.split(":")[2].split("/")[0]
            again = subprocess.run(
                [sys.executable, "-m", "gymlab", "metrics", "--port", port],
                env={**os.environ, "GYMLAB_HOME": str(tmp_path)},
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE_SECONDS,
            )
            assert again.returncode == 2
            assert again.stdout == ""
            assert again.stderr.count("\n") == 1
            assert f"port {port} of 127.0.0.1 cannot be used" in again.stderr
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == 0
        assert process.stdout.read() == process.stderr.read() == ""
