"""The loop: agents are trained, watched, their principles found again and reported; several trainings at once."""

import asyncio
import json
import math
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from agent_server import AgentServer
from sharers import Copier, Drifter

import gymlab
from gymlab import Database
from gymlab.gym.agent_specs import agent_from_spec
from gymlab.gym.remote import CallLimits
from gymlab.gym.training import Training
from gymlab.gym.watch import Watch
from gymlab.runtime.memory import resident_bytes

TWO_CHOICES = Path(__file__).parent / "inputs" / "two_choices.yaml"
SCRIPTED = ("cooperate", "selfish", "tit_for_tat", "random", "by_context")


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/gym.db"


def command(*arguments):
    return [sys.executable, "-m", "gymlab", *map(str, arguments)]


def agents(*rules):
    return [part for rule in rules for part in ("--agent", f"scripted:{rule}")]


# --- train, principles, report -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_principles_of_scripted_agents_are_found_again(run, url, seed):
    options = (
        "--scenarios",
        30,
        "--sessions",
        10,
        "--seed",
        seed,
        "--scenario-file",
        TWO_CHOICES,
        "--db",
        url,
    )
    code, printed, _ = run("train", *agents(*SCRIPTED), *options)
    assert code == 0
    assert "1,500 decisions stored" in printed
    code, found, _ = run("principles", url, "--json", "-")
    assert code == 0
    rules = {}
    for one in json.loads(found)["principles"]:
        assert one["q_value"] < 0.05
        rule = tuple(sorted(one["situation"].items())), one["action"]
        rules.setdefault(one["unit"].split(":")[1].split("?")[0], {})[rule] = one
    assert "random" not in rules
    told = {name: {(("other_last", name),): name} for name in ("share", "take")}
    planted = {
        "cooperate": {((), "share")},
        "selfish": {((), "take")},
        "tit_for_tat": {((("other_last", name),), name) for name in told},
        "by_context": {
            ((("decision_context", "trust_betrayal"),), "share"),
            ((("decision_context", "risk_reward"),), "take"),
        },
    }
    for agent, expected in planted.items():
        assert expected <= set(rules[agent]), (agent, set(rules[agent]))
        for rule in expected:
            assert rules[agent][rule]["p_value"] < 0.01
            assert rules[agent][rule]["low"] <= 1 <= rules[agent][rule]["high"]


@pytest.mark.slow
def test_a_trained_log_is_reported(run, url, tmp_path):
    options = ("--scenarios", 30, "--sessions", 4, "--scenario-file", TWO_CHOICES, "--db", url)
    assert run("train", *agents("cooperate", "tit_for_tat"), *options)[0] == 0
    code, printed, _ = run(
        "report", url, "--out", tmp_path / "reports", "--set", "n_surrogates=19", "--set", "budget_seconds=1"
    )
    assert code == 0, printed
    page = (tmp_path / "reports" / "latest" / "report.html").read_text(encoding="utf-8")
    assert "scripted:tit_for_tat" in page


def test_the_same_command_goes_on_and_unusable_ones_say_why(run, url, tmp_path):
    options = ("--scenarios", 20, "--sessions", 2, "--db", url)
    assert "40 decisions stored" in run("train", *agents("selfish"), *options)[1]
    assert "0 decisions stored" in run("train", *agents("selfish"), *options)[1]
    for wrong, message in (
        (("--scenarios", 21, "--sessions", 2, *agents("selfish"), "--db", url), "with other parameters"),
        (("--db", url), "no --agent is given; give one of scripted:cooperate"),
        ((*agents("selfish", "selfish"), "--db", url), "different names"),
        (("--demo", *agents("selfish")), "--demo has agents of its own"),
        ((*agents("selfish"), "--scenario-file", tmp_path / "no.yaml", "--db", url), "cannot be read"),
        ((*agents("selfish"), "--sessions", 0, "--db", url), "sessions is 0"),
    ):
        code, printed, told = run("train", *wrong)
        assert (code, printed) == (2, "")
        assert told.startswith("gymlab: ")
        assert message in told
        assert told.count("\n") == 1
    assert not (tmp_path / "home").exists()


def test_a_failed_session_is_named_and_the_exit_code_is_1(run, url, monkeypatch):
    async def fail(*_):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("gymlab.gym.scripted.ScriptedAgent.decide", fail)
    code, printed, told = run("train", *agents("selfish"), "--sessions", 2, "--db", url)
    assert code == 1
    assert "0 decisions stored" in printed
    assert "training-0/scripted:selfish/0001 failed: ZeroDivisionError: by zero" in told


def test_an_interrupted_command_has_stored_what_was_decided(url):
    options = ("--scenarios", 1_000, "--sessions", 200, "--db", url)
    started = command("train", *agents("random"), *options)
    with subprocess.Popen(started, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        file = Path(url.removeprefix("sqlite:///"))
        while not file.exists() and process.poll() is None:
            pass
        counted = command("watch", "--once", "--db", url)
        while " 0 patterns" in (
            shown := subprocess.run(counted, capture_output=True, text=True, check=True).stdout
        ):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told.endswith("gymlab: interrupted\n")
    assert "scripted:random?p=0.5" in shown
    steps = gymlab.read_actions(url).groupby("session_id")["step"]
    assert (steps.max() + 1 == steps.size()).all()
    assert 0 < steps.size().sum() < 200_000


# --- several at once ---------------------------------------------------------------------------------------------------


def several_at_once(url):
    """Three processes train at once, each under its own name."""
    options = ("--scenarios", 100, "--sessions", 10, "--db", url)
    running = [
        subprocess.Popen(
            command("train", *agents("random", "tit_for_tat"), *options, "--seed", seed),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for seed in range(3)
    ]
    for process in running:
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 0, printed
        assert "2,000 decisions stored" in printed
    log = gymlab.read_actions(url)
    assert len(log) == 6_000
    steps = log.groupby(["session_id", "agent_id"])["step"]
    assert steps.size().tolist() == [100] * 60
    assert (steps.max() == 99).all()


def test_several_trainings_on_one_sqlite_database(url):
    several_at_once(url)


def test_several_trainings_on_one_postgresql_database(postgres_url):
    several_at_once(postgres_url)
    with Path(os.devnull).open("w") as nowhere:
        again = command("train", *agents("random", "tit_for_tat"), "--sessions", 10, "--db", postgres_url)
        subprocess.run(again, check=True, stdout=nowhere)
    assert len(gymlab.read_actions(postgres_url)) == 6_000


# --- watching ----------------------------------------------------------------------------------------------------------


class Pausing(Copier):
    """Waits in the middle of each session until somebody has looked."""

    def __init__(self, looked):
        super().__init__()
        self._looked = looked

    async def decide(self, scenario, history):
        if len(history) == 100:
            await self._looked.wait()
        return await super().decide(scenario, history)


def watched(url):
    """The frames of one watch that looks again and again while a training stores, and the frame of a new watch."""

    async def follow():
        looked = asyncio.Event()
        async with Database(url) as db, Database(url) as other:
            await Training([Copier()], db, scenarios=10, sessions=1, name="before").run()
            training = Training([Pausing(looked), Drifter("d")], db, scenarios=200, sessions=6, at_once=3)
            watch, task, looks = Watch(other), None, []
            looks.append(await watch.refresh())
            task = asyncio.create_task(training.run())
            while not task.done():
                looks.append(await watch.refresh())
                if len(looks) > 3:
                    looked.set()
                await asyncio.sleep(0.01)
            await task
            looks.append(await watch.refresh())
            again = Watch(other)
            await again.refresh()
            assert await again.refresh() == 0
            return looks, watch, again

    return asyncio.run(follow())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_watch_reads_each_decision_once_and_counts_like_a_new_one(kind, url, request):
    url = url if kind == "sqlite" else request.getfixturevalue("postgres_url")
    looks, watch, again = watched(url)
    log = gymlab.read_actions(url)
    assert sum(looks) == 2_410
    assert len(looks) > 3
    counts = ["agent", "sessions", "actions", "missing"]
    assert watch.frame()[counts].equals(again.frame()[counts])
    assert watch.frame()["actions"].tolist() == log.groupby("agent_id").size().tolist()
    assert (watch.frame()["actions"] + watch.frame()["missing"]).tolist() == [1_210, 1_200]
    # The entropy of the latest 100 actions in the order of time.
    for one in again.frame().itertuples():
        own = (
            log[log["agent_id"] == one.agent].sort_values("timestamp", kind="stable")["action_type"].tail(100)
        )
        share = own.value_counts(normalize=True)
        assert one.entropy_bits == pytest.approx(-(share * share.map(math.log2)).sum())
    # Each complete window of each series was assigned once.
    placed = [(window["session"], window["start"]) for window in watch.windows]
    assert len(placed) == len(set(placed))
    assert len(placed) == sum((n - 20) // 10 + 1 for n in log.groupby("session_id").size())
    assert all(watch.frame()["pattern"])


def test_a_watch_that_starts_late_reads_the_latest_actions_of_all_sessions(url):
    """Twelve sessions side by side, so the latest 100 actions are a few of each."""

    async def seen():
        async with Database(url) as db:
            await Training([Copier()], db, scenarios=20, sessions=12, at_once=12).run()
            watch = Watch(db)
            await watch.refresh()
            return watch.frame()["entropy_bits"].tolist()

    (bits,) = asyncio.run(seen())
    latest = gymlab.read_actions(url).sort_values("timestamp", kind="stable")["action_type"].tail(100)
    share = latest.value_counts(normalize=True)
    assert bits == pytest.approx(-(share * share.map(math.log2)).sum())


def test_watch_shows_the_state_once_and_ends_cleanly(run, url):
    assert "0 patterns" in run("watch", "--once", "--db", url)[1]
    run("train", *agents("selfish", "random"), "--scenarios", 60, "--sessions", 3, "--db", url)
    code, printed, told = run("watch", "--once", "--db", url)
    assert (code, told) == (0, "")
    lines = printed.splitlines()
    assert lines[0].split() == ["agent", "sessions", "actions", "missing", "entropy", "last", "pattern"]
    assert lines[1].split()[:4] == ["scripted:random?p=0.5", "3", "180", "0"]
    assert run("watch", "--seconds", "0")[0] == 2
    with subprocess.Popen(
        command("watch", "--db", url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().startswith("agent")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (130, "gymlab: interrupted\n")


# --- a service that fails ----------------------------------------------------------------------------------------------


def serve_faults(pipe):
    """Serve the Gym's protocol; of every five requests one fails, in turn in different ways."""
    kinds = ("500", "malformed", "wrong", "reset", "empty")

    async def forever():
        drawn = random.Random(0)  # noqa: S311 - no secret
        faults = [drawn.choice(kinds) if drawn.random() < 0.2 else "" for _ in range(40_000)]
        async with AgentServer(*faults, answer={"choice": 1, "confidence": 0.9}) as server:
            pipe.send(server.url)
            await asyncio.Event().wait()

    asyncio.run(forever())


@pytest.mark.slow
def test_fifty_sessions_at_once_against_a_service_that_fails(url):
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve_faults, args=(theirs,), daemon=True)
    server.start()
    late, resident = [], []

    async def beat():
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.01)
            late.append(time.perf_counter() - start - 0.01)
            resident.append(resident_bytes())

    async def train():
        agent = agent_from_spec(f"{ours.recv()}/decide", seed=0, limits=CallLimits(timeout=2.0))
        async with Database(url) as db:
            await db.upgrade()
            training = Training([agent], db, scenarios=60, sessions=50)
            beating = asyncio.create_task(beat())
            await training.run()
            beating.cancel()
            await agent.aclose()
            return training

    try:
        training = asyncio.run(train())
    finally:
        server.terminate()
        server.join()
    decided, missing = (
        sum(getattr(state, name) for state in training.states) for name in ("decided", "missing")
    )
    log = gymlab.read_actions(url)
    print(
        f"{decided:,} decided, {missing:,} missing; latest beat {1e3 * max(late):.0f} ms late; resident MB "
        f"{[round(one / 1e6) for one in resident[:: len(resident) // 8]]}"
    )
    assert decided + missing == training.stored == 3_000
    assert len(log) == decided
    assert missing > 60
    assert {state.state for state in training.states} == {"done"}
    # The machine may do other work; a blocked event loop is late time and again.
    assert sorted(late)[-5] < 0.1
    # After the first third the caches are warm.
    third = len(resident) // 3
    assert resident[-1] < resident[third] + 20e6
