"""Two logs side by side: what changed is said, what did not is not, with intervals that hold."""

import json

import naive_principles as naive
import numpy as np
import pandas as pd
import pytest
from made import action

import gymlab
from gymlab.actions import frame_from_records
from gymlab.patterns.comparison import compare_logs
from gymlab.workbench.listings import comparison_listing
from gymlab.workbench.results import to_json


def log(reply, seed, *, sessions=12, length=60, agent="ada"):
    """An agent that answers what a random counterpart did with probability reply[what] of giving."""
    rng = np.random.default_rng(seed)
    records = []
    for session in range(sessions):
        other = "give"
        for step in range(length):
            choice = "give" if rng.random() < reply[other] else "take"
            records.append(
                action(step, choice, agent=agent, session=f"s{session}", decision_context=f"other {other}")
            )
            other = ["give", "take"][int(rng.integers(2))]
    return frame_from_records(records)


TIT_FOR_TAT = {"give": 1.0, "take": 0.0}
FORGIVING = {"give": 1.0, "take": 0.5}
OPPOSITE = {"give": 0.0, "take": 1.0}
CONFIG = gymlab.ExtractionConfig(window=10, hop=5, n_clusters=3)


def changes(comparison):
    return {
        (shift.situation.get("decision_context"), shift.action): shift
        for shift in comparison.principles
        if set(shift.situation) == {"decision_context"}
    }


def test_the_same_behaviour_holds():
    comparison = compare_logs(log(TIT_FOR_TAT, 1), log(TIT_FOR_TAT, 2), CONFIG)
    assert comparison.principles
    assert {shift.change for shift in comparison.principles} == {"holds"}
    assert {shift.change for shift in comparison.patterns} <= {"holds"}


def test_a_weaker_rule_is_a_shift_and_a_lost_one_vanishes():
    found = changes(compare_logs(log(TIT_FOR_TAT, 1), log(FORGIVING, 2), CONFIG))
    weaker = found["other take", "take"]
    assert weaker.change in {"shifts", "vanishes"}
    assert weaker.low < -0.5 < weaker.high
    assert found["other give", "give"].change == "holds"
    opposite = changes(compare_logs(log(TIT_FOR_TAT, 1), log(OPPOSITE, 2), CONFIG))
    assert opposite["other take", "take"].change == "vanishes"
    assert opposite["other take", "give"].change == "appears"
    assert opposite["other take", "give"].difference == 1.0


def test_shares_are_those_of_plain_counting():
    first, second = log(FORGIVING, 3), log(TIT_FOR_TAT, 4)
    for shift in compare_logs(first, second, CONFIG).principles:
        for frame, share in ((first, shift.first), (second, shift.second)):
            records = naive.with_own_last(frame.to_dict("records"))
            assert (share.n, share.hits) == naive.conditional_share(records, shift.situation, shift.action)
            assert (share.low, share.high) == pytest.approx(naive.wilson(share.hits, share.n), abs=1e-9)


def test_intervals_of_differences_cover_the_truth():
    covered = []
    for seed in range(12):
        found = changes(compare_logs(log(TIT_FOR_TAT, seed), log(FORGIVING, 100 + seed, sessions=6), CONFIG))
        shift = found["other take", "take"]
        covered.append(shift.low <= -0.5 <= shift.high)
    assert sum(covered) >= 9


def test_a_new_pattern_appears_and_an_old_one_vanishes():
    steady, busy = log({"give": 1.0, "take": 1.0}, 1), log({"give": 0.5, "take": 0.5}, 2)
    comparison = compare_logs(steady, busy, gymlab.ExtractionConfig(window=10, hop=5, n_clusters=2))
    assert sorted(shift.change for shift in comparison.patterns) in (
        ["appears", "vanishes"],
        ["appears", "shifts"],
    )
    assert sum(shift.first for shift in comparison.patterns) == pytest.approx(1)
    assert sum(shift.second for shift in comparison.patterns) == pytest.approx(1)


def test_units_of_one_log_are_named_and_not_compared():
    first = log(TIT_FOR_TAT, 1)
    second = pd.concat([log(TIT_FOR_TAT, 2), log(TIT_FOR_TAT, 3, agent="bob")])
    comparison = compare_logs(first, second, CONFIG)
    assert (comparison.only_first, comparison.only_second) == ((), ("bob",))
    assert {shift.subject for shift in comparison.principles} == {"ada"}
    assert "only in the second log, so not compared: bob" in comparison_listing(comparison)


def test_a_situation_of_one_log_alone_cannot_be_told():
    first = log(TIT_FOR_TAT, 1)
    second = first.assign(decision_context=first["decision_context"].str.replace("other", "she"))
    changed = {
        shift.change
        for shift in compare_logs(first, second, CONFIG).principles
        if "decision_context" in shift.situation
    }
    assert changed == {"cannot be told"}


def test_the_result_is_json():
    comparison = compare_logs(log(TIT_FOR_TAT, 1), log(OPPOSITE, 2), CONFIG)
    found = json.loads(to_json(comparison.as_dict()))
    assert found["schema"] == 1
    assert {"change", "first", "second", "low", "high"} <= set(found["patterns"][0])
    assert {"unit", "situation", "action", "change", "q_value"} <= set(found["principles"][0])


def sticky(seed, sessions=10, length=60):
    rng = np.random.default_rng(seed)
    records = []
    for session in range(sessions):
        now = "a"
        for step in range(length):
            if rng.random() > 0.8:
                now = "a" if rng.random() < 0.7 else "b"
            records.append(action(step, now, session=f"s{session}"))
    return frame_from_records(records)


def test_agents_that_repeat_themselves_do_not_seem_to_change():
    changed = []
    for seed in range(15):
        shifts = compare_logs(sticky(seed), sticky(100 + seed), CONFIG)
        changed.append(
            any(s.change in {"appears", "vanishes", "shifts"} for s in (*shifts.principles, *shifts.patterns))
        )
    assert sum(changed) <= 5


def test_a_log_without_windows_and_a_comparison_by_cluster_are_refused():
    one = log(TIT_FOR_TAT, 1)
    with pytest.raises(gymlab.InputError, match="the first log has no windows"):
        compare_logs(one.head(3), one, CONFIG)
    with pytest.raises(gymlab.InputError, match="by agent or by session"):
        compare_logs(one, one, CONFIG, by="cluster")


def test_of_many_patterns_none_seems_to_change_by_luck():
    config = gymlab.ExtractionConfig(window=10, hop=5, n_clusters=15, n_surrogates=0, n_resamples=0)
    changed = 0
    for seed in range(20):
        shifts = compare_logs(log(FORGIVING, seed), log(FORGIVING, 200 + seed), config).patterns
        changed += any(shift.change in {"appears", "vanishes", "shifts"} for shift in shifts)
    assert changed <= 3
