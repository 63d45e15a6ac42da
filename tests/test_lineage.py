"""Lineage: which principle comes from which, and that it is kept, once for each run."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gymlab.errors import InputError
from gymlab.principles.lineage import trace_lineage
from gymlab.principles.lineage_store import store_principles, stored_lineage
from gymlab.runtime.database import Database

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Rule:
    action: str
    situation: dict = field(default_factory=dict)
    subject: str = "ada"
    probability: float = 0.8
    low: float = 0.7
    high: float = 0.9
    n: int = 100
    q_value: float = 0.01


def rule(action, subject="ada", **situation):
    return Rule(action, situation, subject)


def kinds(earlier, current):
    lineage = trace_lineage(earlier, current)
    return [(one.kind, one.parents) for one in lineage.descents], list(lineage.vanished)


def test_the_first_run_has_roots_alone():
    assert kinds([], [rule("give"), rule("take", other="take")]) == ([("root", ()), ("root", ())], [])


def test_the_same_rule_goes_on_and_says_whether_it_changed():
    old = rule("give", other="give")
    within = replace(old, probability=0.85, low=0.75, high=0.95)
    beyond = replace(old, probability=0.4, low=0.3, high=0.5)
    above = replace(old, probability=0.97, low=0.95, high=0.99)
    for new, changed in ((old, False), (within, False), (beyond, True), (above, True)):
        (descent,) = trace_lineage([old], [new]).descents
        assert (descent.kind, descent.parents, descent.changed) == ("evolution", (0,), changed)


def test_another_action_in_the_same_situation_is_an_evolution_if_the_first_is_gone():
    old = rule("give", other="give")
    flipped = rule("take", other="give")
    (descent,) = trace_lineage([old], [flipped]).descents
    assert (descent.kind, descent.parents, descent.changed) == ("evolution", (0,), True)
    assert kinds([old], [flipped, old]) == ([("root", ()), ("evolution", (0,))], [])


def test_a_rule_that_is_specialised_into_several_forks():
    parts = [
        rule("give", other="give"),
        rule("give", other="take", relation="ally"),
        rule("take", other="take"),
    ]
    found, vanished = kinds([rule("give")], parts)
    assert found == [("fork", (0,))] * 3
    assert vanished == []
    # Without one that keeps the action, nothing of the old rule is left.
    assert kinds([rule("give")], [parts[2], rule("take", other="give")]) == ([("root", ())] * 2, [0])


def test_several_rules_that_are_generalised_into_one_merge():
    parts = [rule("give", other="give"), rule("give", other="take"), rule("take", other="none")]
    assert kinds(parts, [rule("give")]) == ([("merge", (0, 1))], [2])


def test_one_to_one_is_an_evolution():
    narrow = rule("give", other="give")
    for pair in ((rule("give"), narrow), (narrow, rule("give"))):
        (descent,) = trace_lineage([pair[0]], [pair[1]]).descents
        assert (descent.kind, descent.parents, descent.changed) == ("evolution", (0,), True)


def test_a_rule_comes_from_the_nearest():
    general, middle = rule("give"), rule("give", other="give")
    narrow = [rule("give", other="give", relation=relation) for relation in ("ally", "neutral")]
    assert kinds([general, middle], narrow) == ([("fork", (1,))] * 2, [0])
    assert kinds(narrow, [general, middle]) == ([("root", ()), ("merge", (0, 1))], [])


def test_a_rule_that_goes_on_is_neither_forked_nor_merged():
    general, narrow = rule("give"), [rule("give", other=other) for other in ("give", "take")]
    assert kinds([general], [general, *narrow]) == ([("evolution", (0,)), ("root", ()), ("root", ())], [])


def test_rules_of_different_subjects_are_not_related():
    assert kinds([rule("give", subject="ada")], [rule("give", subject="bob")]) == ([("root", ())], [0])


RULES = st.lists(
    st.builds(
        lambda subject, action, situation: rule(action, subject, **situation),
        st.sampled_from("ab"),
        st.sampled_from("xyz"),
        st.dictionaries(st.sampled_from("pq"), st.sampled_from("01"), max_size=2),
    ),
    max_size=8,
    unique_by=lambda one: (one.subject, one.action, tuple(sorted(one.situation.items()))),
)


@given(RULES, RULES)
def test_every_rule_is_told_once_and_kinds_mean_what_they_say(earlier, current):
    lineage = trace_lineage(earlier, current)
    assert len(lineage.descents) == len(current)
    used = [parent for one in lineage.descents for parent in one.parents]
    assert set(used) | set(lineage.vanished) == set(range(len(earlier)))
    assert not set(used) & set(lineage.vanished)
    for one, new in zip(lineage.descents, current, strict=True):
        olds = [earlier[parent] for parent in one.parents]
        assert all(old.subject == new.subject for old in olds)
        assert {"root": 0, "evolution": 1, "fork": 1}.get(one.kind, len(olds)) == len(olds)
        if one.kind == "fork":
            assert used.count(one.parents[0]) > 1
            assert olds[0].situation.items() < new.situation.items()
        elif one.kind == "merge":
            assert len(olds) > 1
            assert all(old.situation.items() > new.situation.items() for old in olds)
        elif one.kind == "evolution":
            assert used.count(one.parents[0]) == 1
    assert trace_lineage(earlier, earlier).vanished == ()
    counts = json.loads(json.dumps(lineage.as_dict()))["counts"]
    assert sum(counts.values()) == len(current) + len(lineage.vanished)


def in_database(work):
    async def whole():
        async with Database("sqlite:///:memory:") as database:
            return await work(database)

    return asyncio.run(whole())


def test_runs_are_stored_with_their_lineage():
    runs = [
        [rule("give"), rule("wait", subject="bob")],
        [
            rule("give", other="give"),
            rule("give", other="take"),
            replace(rule("wait", subject="bob"), q_value=float("nan")),
        ],
        [replace(rule("give"), probability=0.5)],
    ]

    async def work(database):
        for day, rules in enumerate(runs):
            when = START + timedelta(days=day)
            await store_principles(database, rules, run_id=f"run-{day}", source="log", created_at=when)
        await store_principles(database, [rule("give")], run_id="elsewhere", source="other")
        return await stored_lineage(database, "log"), await stored_lineage(database)

    history, everything = in_database(work)
    assert history["id"].tolist() == ["run-0/0", "run-0/1", "run-1/0", "run-1/1", "run-1/2", "run-2/0"]
    assert history["kind"].tolist() == ["root", "root", "fork", "fork", "evolution", "merge"]
    assert history["parents"].tolist() == [
        [],
        [],
        ["run-0/0"],
        ["run-0/0"],
        ["run-0/1"],
        ["run-1/0", "run-1/1"],
    ]
    assert history["vanished"].tolist() == [False, False, False, False, True, False]
    assert history["situation"].tolist()[2] == {"other": "give"}
    assert history["probability"].tolist() == [0.8] * 5 + [0.5]
    assert history["q"].isna().tolist() == [False] * 4 + [True, False]
    assert history["created_at"].tolist()[-1] == START + timedelta(days=2)
    assert everything["source"].value_counts().to_dict() == {"log": 6, "other": 1}
    assert everything.loc[everything["source"] == "other", "kind"].tolist() == ["root"]


def test_storing_a_run_again_changes_nothing_even_if_others_came_since():
    async def work(database):
        first = await store_principles(database, [rule("give")], run_id="a", source="log", created_at=START)
        second = await store_principles(
            database, [rule("give")], run_id="c", source="log", created_at=START + timedelta(days=2)
        )
        await store_principles(
            database, [rule("take")], run_id="b", source="log", created_at=START + timedelta(days=1)
        )
        before = await stored_lineage(database)
        assert await store_principles(database, [rule("give")], run_id="a", source="log") == first
        assert await store_principles(database, [rule("give")], run_id="c", source="log") == second
        return before, await stored_lineage(database)

    before, after = in_database(work)
    assert before.equals(after)


@pytest.mark.parametrize(
    "changed",
    [
        {"rules": [rule("take")]},
        {"rules": []},
        {"rules": [rule("give"), rule("take", other="give")]},
        {"source": "other"},
    ],
)
def test_a_run_of_the_same_name_with_other_content_is_refused(changed):
    async def work(database):
        await store_principles(database, [rule("give")], run_id="a", source="log", created_at=START)
        given = {"rules": [rule("give")], "source": "log"} | changed
        with pytest.raises(InputError, match="'a' is stored already"):
            await store_principles(database, given["rules"], run_id="a", source=given["source"])
        return await stored_lineage(database)

    assert in_database(work)["action"].tolist() == ["give"]


def test_a_time_without_zone_is_refused():
    async def work(database):
        with pytest.raises(InputError, match="time zone"):
            await store_principles(
                database,
                [rule("give")],
                run_id="a",
                source="log",
                created_at=datetime(2026, 1, 1),  # noqa: DTZ001
            )

    in_database(work)
