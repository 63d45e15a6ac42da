"""Training: what is stored, what survives a kill, a cancel and an agent that fails, and how fast it is."""

import asyncio
import json
import math
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from sharers import GIVEN, Copier, Drifter
from sqlmodel import select

import gymlab
from gymlab import Database, InputError
from gymlab.db_models import ActionRow
from gymlab.gym.decisions import Decision
from gymlab.gym.recorded import action_of, decision_of, entropy_of
from gymlab.gym.scenarios import builtin_templates
from gymlab.gym.training import Training

KEY = ["session_id", "agent_id", "step"]
MEASURED = {"timestamp", "latency_ms"}


def trained(url, agents, **options):
    async def run():
        async with Database(url) as db:
            training = Training(agents, db, **{"scenarios": 30, "sessions": 4} | options)
            await training.run()
            return training

    return asyncio.run(run())


def rows(url):
    """Every stored row without the times that were measured, in the order of the key."""

    async def read():
        async with Database(url) as db, db.session() as session:
            return [row.model_dump() for row in (await session.exec(select(ActionRow))).all()]

    found = sorted(asyncio.run(read()), key=lambda row: [row[name] for name in KEY])
    return [{name: value for name, value in row.items() if name not in MEASURED} for row in found]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/gym.db"


# --- a decision as an action -------------------------------------------------------------------------------------------


def row_of(decision, scenario=GIVEN[0], **more):
    return action_of(scenario, decision, session_id="t/a/0", agent_id="a", step=3, **more)


def test_a_decision_becomes_an_action():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    decision = Decision("refuse", reasoning="no\ud800\0 time", confidence=0.5, tokens_in=7, latency_ms=2.0)
    row = row_of(decision, timestamp=now, latency_ms=9.0)
    assert row.model_dump(exclude={"meta"}) == {
        "session_id": "t/a/0",
        "agent_id": "a",
        "step": 3,
        "action_id": "t/a/0/3",
        "timestamp": now,
        "actor": "a",
        "target": "Bo",
        "action_type": "refuse",
        "decision_context": "trust_betrayal",
        "relationship_type": "ally",
        "impact": -0.5,
        "outcome_valence": 0.3,
        "decision_entropy": 1.5,
        "latency_ms": 2.0,
        "other_last": None,
        "n_choices": 3,
        "entropy_unit": "bits",
    }
    assert json.loads(row.meta) == {
        "scenario": "loyalty-0",
        "archetype": "loyalty",
        "stress": 0.5,
        "reasoning": "no?\0 time",
        "confidence": 0.5,
        "tokens_in": 7,
    }
    assert decision_of(row) == Decision(
        "refuse", target="Bo", reasoning="no?\0 time", confidence=0.5, tokens_in=7, latency_ms=2.0
    )
    assert row_of(Decision("wait"), latency_ms=9.0).latency_ms == 9.0


def test_the_target_says_the_relationship_and_the_impact():
    found = {named: row_of(Decision("help", target=named)) for named in ("Cy", "self", "nobody", "")}
    assert [found[name].relationship_type for name in found] == ["adversary", "self", "ally", "ally"]
    assert [found[name].target for name in found] == ["Cy", "self", "Bo", "Bo"]
    assert [found[name].impact for name in found] == [None, -0.2, 0.8, 0.8]
    assert row_of(Decision("wait")).relationship_type == "environment"
    assert row_of(Decision("wait")).impact is None


def test_entropy_is_what_the_agent_stated():
    assert entropy_of(Decision("a", probabilities={"a": 0.25, "b": 0.25, "c": 0.5}, confidence=1.0), 3) == 1.5
    assert entropy_of(Decision("a", probabilities={"a": 3.0, "b": 1.0}), 2) == pytest.approx(0.8112781)
    expected = -(0.7 * math.log2(0.7) + 2 * 0.15 * math.log2(0.15))
    assert entropy_of(Decision("a", confidence=0.7), 3) == pytest.approx(expected)
    assert entropy_of(Decision("a", confidence=1.0), 1) == 0.0
    for nothing in (None, math.nan, 1.5):
        assert entropy_of(Decision("a", confidence=nothing), 3) is None


@pytest.mark.parametrize(
    ("decision", "cause"),
    [
        (Decision(missing="no answer in 5 s"), "no answer in 5 s"),
        (Decision("help", missing="refused"), "refused"),
        (Decision("dance"), "'dance' is none of the choices"),
        (Decision(), "there is no choice"),
    ],
)
def test_a_missing_decision_has_its_cause_and_no_choice(decision, cause):
    row = row_of(decision)
    assert (row.action_type, row.target, row.impact, row.outcome_valence, row.decision_entropy) == (
        *("", "", None, None, None),
    )
    assert json.loads(row.meta)["missing"] == cause


def test_nothing_takes_a_missing_decision_for_an_action(url):
    trained(url, [Drifter("d"), Copier()])
    stored = pd.DataFrame(rows(url))
    absent = stored[stored["action_type"] == ""]
    assert 0 < len(absent) < 30
    assert set(absent["agent_id"]) == {"d"}
    log = gymlab.read_actions(url)
    assert len(log) == len(stored) - len(absent)
    known = {choice.name for template in builtin_templates() for choice in template.choices}
    assert set(log["action_type"]) <= known
    assert (
        f"{len(absent)} decisions that could not be had are left out: d {len(absent)}" in log.attrs["notes"]
    )
    assert {one.action for one in gymlab.infer_principles(log)} <= known
    extraction = gymlab.extract_patterns(
        log, gymlab.ExtractionConfig(window=10, n_surrogates=0, n_resamples=0)
    )
    assert {name for pattern in extraction.patterns for name in pattern.actions} <= known


# --- sessions ----------------------------------------------------------------------------------------------------------


def test_every_session_is_stored_in_order_with_its_own_scenarios(url):
    training = trained(url, [Copier("one"), Copier("two")])
    stored = pd.DataFrame(rows(url))
    assert training.stored == len(stored) == 2 * 4 * 30
    assert all(part["step"].tolist() == list(range(30)) for _, part in stored.groupby(KEY[:2]))
    told = stored.groupby("session_id")["other_last"].agg(tuple)
    assert len(set(told)) == 8
    assert stored["other_last"].isna().sum() == 8
    told = stored[stored["other_last"].notna()]
    assert (told["action_type"] == told["other_last"]).all()
    assert training.frame()["done"].tolist() == [4, 4]


def test_the_same_seed_gives_the_same_log_and_another_one_another(tmp_path):
    urls = [f"sqlite:///{tmp_path}/{number}.db" for number in range(3)]
    for one, seed, at_once in zip(urls, (1, 1, 2), (50, 1, 50), strict=True):
        trained(one, [Drifter("d")], seed=seed, at_once=at_once, name="t")
    first, same, other = map(rows, urls)
    assert first == same
    assert [row["action_type"] for row in first] != [row["action_type"] for row in other]


def test_a_finished_training_asks_nobody_again(url):
    trained(url, [Copier()])
    before, again = rows(url), Copier()
    training = trained(url, [again])
    assert (again.asked, training.stored) == (0, 0)
    assert training.frame()["decided"].tolist() == [120]
    assert rows(url) == before


@pytest.mark.parametrize(
    "changed",
    [
        {"scenarios": 31},
        {"sessions": 5},
        {"templates": builtin_templates()[:5]},
        {"seed": 1, "name": "training-0"},
    ],
)
def test_other_parameters_under_the_same_name_are_refused(url, changed):
    trained(url, [Copier()])
    before = rows(url)
    with pytest.raises(
        InputError, match=r"has a training 'training-0' with other parameters .*choose another name"
    ):
        trained(url, [Copier()], **changed)
    assert rows(url) == before


@pytest.mark.parametrize(
    ("agents", "options", "message"),
    [
        ([], {}, "agents are none"),
        ([Copier(), Copier()], {}, "different names"),
        ([Copier()], {"name": "a/b"}, "without a slash"),
        ([Copier()], {"scenarios": 0}, "scenarios is 0"),
    ],
)
def test_unusable_arguments(url, agents, options, message):
    with pytest.raises(InputError, match=message):
        trained(url, agents, **options)


class Failing(Copier):
    """Raises an error in its second session at step 5, once."""

    async def decide(self, scenario, history):
        answer = await super().decide(scenario, history)
        if self.asked == 35:
            raise ZeroDivisionError("by zero")
        return answer


def test_a_session_that_fails_says_so_and_the_others_go_on(url):
    training = trained(url, [Failing("f"), Copier()], at_once=1)
    failed = [state for state in training.states if state.state == "failed"]
    assert [state.cause for state in failed] == ["ZeroDivisionError: by zero"]
    assert training.frame()[["done", "failed", "decided"]].to_numpy().tolist() == [[3, 1, 94], [4, 0, 120]]
    assert len(rows(url)) == 214
    trained(url, [Copier("f"), Copier()])
    assert len(rows(url)) == 240


def test_a_cancelled_training_stores_what_was_decided_and_goes_on(url, tmp_path):
    asked = Drifter("d")

    async def cancelled():
        async with Database(url) as db:
            training = Training([asked], db, scenarios=200, sessions=20)
            task = asyncio.create_task(training.run())
            while asked.asked < 1_000:  # noqa: ASYNC110 - an agent has no event
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert {state.state for state in training.states} <= {"waiting", "done"}
            return training.stored

    stored = asyncio.run(cancelled())
    assert stored == asked.asked == len(rows(url)) < 4_000
    more = trained(url, [Drifter("d")], scenarios=200, sessions=20)
    assert stored + more.stored == 4_000
    whole = f"sqlite:///{tmp_path}/whole.db"
    trained(whole, [Drifter("d")], scenarios=200, sessions=20)
    assert rows(url) == rows(whole)


def test_an_error_of_the_database_ends_the_training(url, monkeypatch):
    async def refuse(*_):
        raise gymlab.OutputError("the disk is full")

    monkeypatch.setattr(Database, "bulk_insert", refuse)
    with pytest.raises(gymlab.OutputError, match="disk is full"):
        trained(url, [Copier()], scenarios=1_000, sessions=20)


KILLED = """
import asyncio, sys
from sharers import Copier, Drifter
from gymlab import Database
from gymlab.gym.training import Training

async def main():
    async with Database(sys.argv[1]) as db:
        training = Training([Copier(), Drifter("d")], db, scenarios=400, sessions=40, at_once=12)
        task = asyncio.create_task(training.run())
        while not task.done():
            print(sum(state.decided + state.missing for state in training.states), flush=True)
            await asyncio.wait({task}, timeout=0.005)
        await task

asyncio.run(main())
"""


@pytest.mark.slow
def test_killed_ten_times_and_resumed_the_log_is_that_of_an_undisturbed_run(url, tmp_path):
    drawn = random.Random(5)  # noqa: S311 - no secret
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", KILLED]
    stored = []
    for _ in range(10):
        most = (stored[-1] if stored else 0) + drawn.randint(0, 5_000)
        with subprocess.Popen([*command, url], stdout=subprocess.PIPE, env=environment, text=True) as process:
            # A run tells what is decided, from what was stored before on.
            for told in process.stdout:
                if int(told) > most:
                    process.send_signal(signal.SIGKILL)
                    break
        assert process.wait() == -signal.SIGKILL, "it has ended before it was killed"
        stored.append(len(rows(url)))
    assert sorted(stored) == stored
    assert 500 < stored[-1] < 32_000
    subprocess.run([*command, url], env=environment, check=True, stdout=subprocess.DEVNULL)
    whole = f"sqlite:///{tmp_path}/whole.db"
    subprocess.run([*command, whole], env=environment, check=True, stdout=subprocess.DEVNULL)
    assert len(rows(url)) == 32_000
    assert rows(url) == rows(whole)


# --- metrics -----------------------------------------------------------------------------------------------------------


def test_metrics_show_the_sessions_while_they_run_and_afterwards(url):
    from gymlab.runtime.metrics import registry

    def value(name, **labels):
        return registry().get_sample_value(name, labels)

    during = []

    class Looker(Copier):
        async def decide(self, scenario, history):
            if len(history) == 20:
                of_session = value(
                    "gymlab_session_entropy_bits", agent="looker", session="training-0/looker/0000"
                )
                during.append((value("gymlab_sessions", agent="looker", state="running"), of_session))
            return await super().decide(scenario, history)

    training = trained(url, [Looker("looker"), Drifter("drifter")], at_once=1, sessions=2)
    assert during[0][0] == 1
    assert during[0][1] > 1
    assert value("gymlab_sessions", agent="looker", state="done") == 2
    assert value("gymlab_sessions", agent="looker", state="running") == 0
    missing = sum(state.missing for state in training.states)
    assert value("gymlab_decisions", agent="drifter", outcome="missing") == missing > 0
    assert value("gymlab_decisions", agent="drifter", outcome="decided") == 60 - missing
    assert value("gymlab_session_entropy_bits", agent="looker", session="training-0/looker/0000") is None
