"""Scenarios: the same for a seed in every process, ten archetypes that are fit for use, and files of the user."""

import asyncio
import dataclasses
import hashlib
import itertools
import json
import subprocess
import sys

import pytest
import yaml
from conftest import needs

from gymlab.actions.channels import CONTEXT_WEIGHTS
from gymlab.actions.columns import RELATIONSHIPS
from gymlab.errors import InputError
from gymlab.gym.agent_specs import agent_from_spec
from gymlab.gym.decisions import Actor, Choice, Decision, Scenario, Turn
from gymlab.gym.scenarios import builtin_templates, read_scenarios, scenarios
from gymlab.gym.scripted import AxelrodPlayer, ScriptedAgent

ARCHETYPES = {
    *("loyalty", "scarcity", "betrayal", "tradeoffs", "time_pressure", "obedience_autonomy"),
    *("info_asymmetry", "reputation_mgmt", "power_dynamics", "moral_hazard"),
}
ONE = {
    "archetype": "own",
    "context": "lunch",
    "descriptions": ["There are $apples apples, and $nothing is there."],
    "actors": [{"name": "eve", "relationship": "ally", "trust": [0.2, 0.4]}],
    "resources": {"apples": [1, 3]},
    "choices": [
        {"name": "give", "target": "eve", "impacts": {"self": -0.1, "eve": 0.5}},
        {"name": "keep", "target": "eve", "impacts": {"self": 0.5}},
    ],
}
# What the seeds give, written down once: another process, machine or version of Python has to give the same.
KNOWN = "50ce1459b204d0f6"


def digest():
    return hashlib.sha256(repr(list(scenarios(500, 7))).encode()).hexdigest()[:16]


def test_a_seed_gives_the_same_scenarios_for_ever():
    assert digest() == KNOWN


def test_another_process_gives_the_same_scenarios():
    code = "from test_scenarios import digest; print(digest())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=__file__.rpartition("/")[0],
        env={"PYTHONHASHSEED": "123", "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.strip() == KNOWN


def test_the_first_ones_do_not_depend_on_how_many_follow():
    longer = list(scenarios(1000, 3))
    assert list(scenarios(300, 3)) == longer[:300]
    assert list(scenarios(0, 3)) == []
    assert len({one.id for one in longer}) == 1000
    assert list(scenarios(300, 4)) != longer[:300]


def test_the_ten_archetypes_are_fit_for_use():
    templates = builtin_templates()
    assert {one.archetype for one in templates} == ARCHETYPES
    assert {one.context for one in templates} == set(CONTEXT_WEIGHTS)
    for one in scenarios(500, 1):
        assert 2 <= len(one.choices) <= 4
        assert "$" not in one.description
        assert 0 <= one.stress <= 1
        assert one.constraints
        assert all(level > 0 for level in one.resources.values())
        names = {actor.name for actor in one.actors}
        for actor in one.actors:
            assert actor.relationship in RELATIONSHIPS
            assert actor.role
            assert 0 <= actor.trust <= 1
        for choice in one.choices:
            assert choice.description
            assert choice.target in names
            assert set(choice.impacts) == {"self", *names - {"store"}}
            assert all(-1 <= impact <= 1 for impact in choice.impacts.values())


def test_the_counterpart_is_a_coin_between_the_extremes():
    drawn = list(scenarios(2000, 5))
    assert drawn[0].other_last == ""
    kind = 0
    for one in drawn[1:]:
        others = {c.name: sum(v for k, v in c.impacts.items() if k != "self") for c in one.choices}
        best, worst = max(others, key=others.get), max(one.choices, key=lambda c: c.impacts["self"]).name
        assert one.other_last in {best, worst}
        kind += one.other_last == best
    assert 900 < kind < 1100


def test_a_changed_scenario_leaves_its_template_alone():
    before = repr(list(scenarios(20, 1)))
    for one in scenarios(20, 1):
        one.resources.clear()
        for choice in one.choices:
            choice.impacts.clear()
    assert repr(list(scenarios(20, 1))) == before


def test_archetypes_are_chosen_by_name():
    assert {one.archetype for one in scenarios(50, 1, ["loyalty", "scarcity"])} == {"loyalty", "scarcity"}
    with pytest.raises(InputError, match="there is no archetype lunch; the known ones are loyalty"):
        scenarios(1, 1, "lunch")
    for n, seed in ((-1, 0), (1.5, 0), (1, -1), (1, "x")):
        with pytest.raises(InputError):
            scenarios(n, seed)


@pytest.mark.parametrize("kind", ["yaml", "json"])
def test_a_file_of_the_user_is_drawn_from(tmp_path, kind):
    path = tmp_path / f"own.{kind}"
    path.write_text(json.dumps([ONE]) if kind == "json" else yaml.safe_dump([ONE]), encoding="utf-8")
    templates = read_scenarios(path)
    first, second = scenarios(2, 1, templates=templates)
    assert first.id == "own-1-0"
    assert first.description == f"There are {first.resources['apples']:g} apples, and $nothing is there."
    assert 1 <= first.resources["apples"] <= 3
    assert 0.2 <= first.actors[0].trust <= 0.4
    assert first.choices == second.choices
    with pytest.raises(InputError, match="the known ones are own"):
        scenarios(1, 1, "loyalty", templates=templates)


def changed(**fields):
    return [ONE, {**ONE, **fields}]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "has no list of scenarios"),
        ([], "has no list of scenarios"),
        ([5], "scenario 1: "),
        (changed(stress=2), "scenario 2: stress"),
        (changed(stress=[0.5, 0.1]), "give a number, or a range [low, high]"),
        (changed(stress=True), "scenario 2: stress"),
        (changed(resources={"a": float("nan")}), "scenario 2: resources.a"),
        (changed(choices=ONE["choices"][:1]), "scenario 2: choices"),
        (changed(choices=[{"name": "a"}, {"name": "A"}]), "two choices have the same name"),
        (
            changed(choices=[{"name": "a", "target": "adam"}, {"name": "b"}]),
            "choice 'a' concerns adam; give actors",
        ),
        (
            changed(choices=[{"name": "a", "impacts": {"eve": 3}}, {"name": "b"}]),
            "choices.1.impacts.eve is 3: ",
        ),
        (changed(context=5), "scenario 2: context is 5: "),
        (changed(descriptions=[]), "scenario 2: descriptions"),
        (changed(colour="red"), "scenario 2: colour is 'red': "),
        (changed(actors=[{"name": "eve", "relationship": "friend"}]), "actors.1.relationship is 'friend': "),
        (changed(time_limit=0), "scenario 2: time_limit is 0: "),
    ],
)
def test_a_file_that_does_not_fit_says_where(tmp_path, value, message):
    path = tmp_path / "own.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_scenarios(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", b"- a: 1\n  a: 2\n", "line 2: a is there twice; leave one out"),
        ("a.json", b'[{"a": 1, "a": 2}]', "a is there twice"),
        ("a.yaml", b"- &x [1]\n- *x\n", "line 2: aliases are not read"),
        ("a.yaml", b"- !!python/object:os.system {}\n", "line 1: could not determine a constructor"),
        ("a.yaml", b"- [\n", "line 2"),
        ("a.json", b"[1,", "Expecting value"),
        ("a.json", b"\xff\xfe\x00", "a.json: "),
        ("a.yaml", b"\x00", "a.yaml: "),
        pytest.param("a.json", b"[" * 100_000, "a.json: ", id="deep JSON"),
        pytest.param("a.yaml", b"[" * 100_000, "a.yaml: ", id="deep YAML"),
        pytest.param("a.yaml", b" " * 1_000_001, "give a file of at most 1,000,000", id="large"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_bytes(text)
    with pytest.raises(InputError) as caught:
        read_scenarios(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["no_such_file.yaml", ".", None, 5, "a\x00b"])
def test_no_file_is_an_input_error(path):
    with pytest.raises(InputError):
        read_scenarios(path)


# --- scripted agents -------------------------------------------------------------------------------------------------


def session(agent, n=200, seed=1, drawn=None):
    history = []

    async def play():
        for scenario in drawn or scenarios(n, seed):
            history.append(Turn(scenario, await agent.decide(scenario, history)))

    asyncio.run(play())
    return history


def extremes(scenario):
    """The most cooperative and the most selfish choice, computed apart from gymlab."""
    others = {c.name: sum(v for k, v in c.impacts.items() if k != "self") for c in scenario.choices}
    own = {c.name: c.impacts.get("self", 0) for c in scenario.choices}
    return max(others, key=others.get), max(own, key=own.get)


KIND_CONTEXTS = {"trust_betrayal", "fairness_equity", "cooperation_conflict", "resource_allocation"}
IS_KIND = {
    "cooperate": lambda *_: True,
    "selfish": lambda *_: False,
    "tit_for_tat": lambda scenario, _: scenario.other_last in {"", extremes(scenario)[0]},
    "switch?step=120": lambda _, k: k < 120,
    "by_context": lambda scenario, _: scenario.context in KIND_CONTEXTS,
}


@pytest.mark.parametrize("rule", IS_KIND)
def test_a_scripted_agent_does_what_it_says(rule):
    agent = agent_from_spec(f"scripted:{rule}", seed=0)
    assert agent.name == f"scripted:{rule}"
    for k, turn in enumerate(session(agent)):
        assert turn.decision.choice == extremes(turn.scenario)[not IS_KIND[rule](turn.scenario, k)]
        assert turn.decision.probabilities == {turn.decision.choice: 1.0}
        assert turn.decision.latency_ms is None


def test_the_random_agent_draws_by_its_seed_and_goes_on_after_an_interruption():
    turns = session(agent_from_spec("scripted:random?p=0.3", seed=4), 2000)
    kind = sum(turn.decision.choice == extremes(turn.scenario)[0] for turn in turns)
    assert 520 < kind < 680
    assert set(turns[0].decision.probabilities.values()) == {0.3, 0.7}
    # A new object that is given the earlier turns decides as the first one did.
    again = agent_from_spec("scripted:random?p=0.3", seed=4)
    late = asyncio.run(again.decide(turns[1500].scenario, turns[:1500]))
    assert late == turns[1500].decision
    other = session(agent_from_spec("scripted:random?p=0.3", seed=5), 2000)
    assert [one.decision for one in other] != [one.decision for one in turns]
    assert agent_from_spec("scripted:random", seed=1).name == "scripted:random?p=0.5"


@pytest.mark.parametrize("rule", ["cooperate", "selfish", "tit_for_tat", "random", "switch", "by_context"])
def test_a_scripted_agent_decides_in_any_scenario(rule):
    bare = Scenario("s", "a", "", (), (Choice("x"), Choice("y")), "", other_last="elsewhere")
    one = dataclasses.replace(bare, choices=(Choice("only", impacts={"self": 1, "b": 1}), Choice("none")))
    for scenario in (bare, one, dataclasses.replace(bare, other_last="y", actors=(Actor("b"),))):
        decision = asyncio.run(ScriptedAgent(rule).decide(scenario, []))
        assert decision.choice in {choice.name for choice in scenario.choices}
        assert sum(decision.probabilities.values()) == pytest.approx(1)


# --- Axelrod ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def axelrod():
    needs("axelrod")
    import axelrod

    return axelrod


DILEMMA = Scenario(
    *("s", "dilemma", "", (Actor("b"),)),
    (Choice("C", impacts={"self": 0.2, "b": 0.5}), Choice("D", impacts={"self": 0.8, "b": -0.5})),
    "",
)


@pytest.mark.parametrize(
    "name", ["TitForTat", "Grudger", "Alternator", "WinStayLoseShift", "Random", "Defector"]
)
def test_a_strategy_plays_as_in_a_match_of_axelrod(axelrod, name):
    theirs = "".join(itertools.islice(itertools.cycle("CCDCDDC"), 40))
    opponent = axelrod.MockPlayer([axelrod.Action.from_char(move) for move in theirs])
    match = axelrod.Match((getattr(axelrod, name)(), opponent), turns=40, seed=None)
    player = match.players[0]
    player.set_seed(9)
    expected = ""
    for _ in range(40):
        own, other = player.strategy(opponent), opponent.strategy(player)
        player.update_history(own, other)
        opponent.update_history(other, own)
        expected += str(own)
    drawn = [dataclasses.replace(DILEMMA, other_last=last) for last in ("", *theirs[:-1])]
    turns = session(agent_from_spec(f"axelrod:{name}", seed=9), drawn=drawn)
    assert "".join(turn.decision.choice for turn in turns) == expected


@pytest.mark.slow
def test_a_strategy_decides_in_the_archetypes(axelrod):
    player = AxelrodPlayer(axelrod.TitForTat, 0)
    history = []
    for scenario in scenarios(60, 2):
        choice = player(scenario, history)
        assert choice == (scenario.other_last or extremes(scenario)[0])
        history.append(Turn(scenario, Decision(choice=choice)))
    with pytest.raises(InputError, match="axelrod has no strategy 'Nobody'"):
        agent_from_spec("axelrod:Nobody", seed=0)
