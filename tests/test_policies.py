"""Policies: whether an agent changed what it does in the same situation, when, and what explains it otherwise."""

import json

import naive_policies as naive
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import shared_log
from made import action

import gymlab
from gymlab.actions import frame_from_records
from gymlab.errors import InputError
from gymlab.principles.change_points import find_change, likelihood_ratios
from gymlab.principles.inflation import variance_inflation
from gymlab.principles.policies import find_policies
from gymlab.principles.policy_changes import degrees_of_freedom, difference

STEPS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), min_size=2, max_size=40)


def log_of(choices, *, heard=None, per=None, timed=True, **columns):
    """A log of one agent in series of ``per`` actions; ``heard`` becomes what the counterpart did last."""
    if timed:
        moments = pd.date_range("2026-01-01", periods=len(choices), freq="min", tz="UTC")
        columns = {"timestamp": [str(moment) for moment in moments], **columns}
    per = per or len(choices)
    records = []
    for t, choice in enumerate(choices):
        more = {name: values[t] for name, values in columns.items()}
        if heard is not None and t % per:
            more["other_last"] = f"heard-{heard[t]}"
        records.append(action(t % per, f"kind-{choice}", session=f"s{t // per:03d}", **more))
    return frame_from_records(records)


def flipped(codes, share, rng):
    return np.where(rng.random(len(codes)) < share, 1 - codes, codes)


def constant_then_other(n, noise, rng):
    return log_of(flipped(np.repeat([0, 1], n // 2), noise, rng))


def answers_then_opposes(n, noise, rng, per=None):
    heard = rng.integers(2, size=n)
    answers = np.where(np.arange(n) < n // 2, heard, 1 - heard)
    return log_of(flipped(answers, noise, rng), heard=heard, per=per)


def sticky(n, rng, again=0.8):
    stays = rng.random(n) < again
    codes = np.zeros(n, dtype=int)
    for t in range(1, n):
        codes[t] = codes[t - 1] if stays[t] else 1 - codes[t - 1]
    return codes


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_the_likelihood_ratio_is_that_of_plain_loops(steps):
    situations, choices, _ = (list(column) for column in zip(*steps, strict=True))
    ratios = likelihood_ratios(np.array(situations), np.array(choices))
    for place in range(len(steps) + 1):
        assert ratios[place] == pytest.approx(naive.likelihood_ratio(situations, choices, place), abs=1e-9)


def test_actions_in_unknown_situations_do_not_count():
    situations, choices = [0, -1, 0, -1, 1, 0], [0, 1, 1, 1, 0, 1]
    ratios = likelihood_ratios(np.array(situations), np.array(choices))
    known = [None if s < 0 else s for s in situations]
    assert ratios == pytest.approx([naive.likelihood_ratio(known, choices, k) for k in range(7)], abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.data())
def test_inflation_and_difference_are_those_of_plain_loops(steps, data):
    situations, choices, follows = (list(column) for column in zip(*steps, strict=True))
    follows[0] = False
    place = data.draw(st.integers(0, len(steps)))
    arrays = np.array(situations), np.array(choices)
    inflation = variance_inflation(*arrays, np.array(follows), place)
    assert inflation == pytest.approx(naive.variance_inflation(situations, choices, follows, place))
    assert inflation >= 1
    assert difference(*arrays, place) == pytest.approx(naive.total_variation(situations, choices, place))


def test_the_p_value_is_that_of_plain_permutations():
    rng = np.random.default_rng(5)
    situations = rng.integers(2, size=40)
    choices = np.where(np.arange(40) < 20, rng.random(40) < 0.3, rng.random(40) < 0.65).astype(int)
    # Each action a series of its own: no autocorrelation, so nothing is deflated.
    follows = np.zeros(40, dtype=bool)
    found = find_change(situations, choices, follows, places=(5, 35), n_permutations=1999, seed=1)
    ratios = [naive.likelihood_ratio(situations.tolist(), choices.tolist(), k) for k in range(5, 36)]
    assert found.place == 5 + int(np.argmax(ratios))
    inflation = naive.variance_inflation(situations.tolist(), choices.tolist(), follows.tolist(), found.place)
    assert found.statistic == pytest.approx(max(ratios) / inflation)
    assert inflation == 1
    expected = naive.permutation_p(situations.tolist(), choices.tolist(), range(5, 36), 1999, 2)
    # Two samples of 2,000 permutations: four standard errors. Neither is next to 0 or 1.
    assert 0.01 < expected < 0.5
    assert found.p_value == pytest.approx(expected, abs=4 * np.sqrt(2 * expected / 2000))


def test_the_least_p_value_counts_the_observed_order():
    choices = np.repeat([0, 1], 30)
    follows = np.arange(60) > 0
    found = find_change(np.zeros(60, dtype=np.int64), choices, follows, places=(10, 50), n_permutations=99)
    assert (found.place, found.p_value) == (30, 0.01)
    constant = find_change(
        np.zeros(60, dtype=np.int64), np.zeros(60, dtype=np.int64), follows, places=(10, 50)
    )
    assert constant.p_value == 1


@pytest.mark.parametrize("situations", [1, 3])
def test_degrees_of_freedom_make_the_ratio_a_chi_square(situations):
    rng = np.random.default_rng(situations)
    ratios = []
    for _ in range(400):
        where, what = rng.integers(situations, size=400), rng.integers(3, size=400)
        ratios.append(likelihood_ratios(where, what)[200])
        assert degrees_of_freedom(where, what, 200) == 2 * situations
    # The mean of chi-square is its degrees of freedom, its variance twice that.
    assert np.mean(ratios) == pytest.approx(2 * situations, abs=4 * np.sqrt(4 * situations / 400))


@pytest.mark.parametrize("n", [100, 300, 1000])
@pytest.mark.parametrize("noise", [0, 0.1])
@pytest.mark.parametrize("make", [constant_then_other, answers_then_opposes])
def test_an_agent_that_flips_half_way_holds_two_policies(make, n, noise):
    found = []
    for seed in range(10):
        policies = find_policies(make(n, noise, np.random.default_rng(seed)), seed=seed)
        place = policies[1].spans[0].first if len(policies) > 1 else 0
        found.append(len(policies) == 2 and abs(place - n / 2) <= 0.05 * n)
        if found[-1]:
            assert policies[1].contradictions
    # Without noise there is nothing to get wrong; with it a third policy is found now and then.
    assert sum(found) >= (10 if noise == 0 else 8)


@pytest.mark.parametrize("noise", [0, 0.1])
def test_a_flip_between_sessions_is_found_where_it_is(noise):
    for seed in range(3):
        log = answers_then_opposes(2000, noise, np.random.default_rng(seed), per=100)
        first, second = find_policies(log, seed=seed)
        assert abs(second.spans[0].first - 1000) <= 100
        assert second.column == "other_last"
        assert {tuple(one.situation.values()) for one in second.contradictions} == {
            ("heard-0",),
            ("heard-1",),
        }
        assert first.spans[0].last + 1 == second.spans[0].first


@pytest.mark.slow
@pytest.mark.parametrize("memory", ["memoryless", "sticky"])
def test_an_agent_that_keeps_its_policy_is_rarely_said_to_have_two(memory):
    split = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        codes = rng.integers(2, size=300) if memory == "memoryless" else sticky(300, rng)
        split += len(find_policies(log_of(codes, heard=rng.integers(2, size=300)), seed=seed)) > 1
    # 0.05 is the level; 5 and 2 of 200 were measured.
    assert split <= 16


def test_a_policy_that_comes_back_is_the_same_policy():
    rng = np.random.default_rng(0)
    log = log_of(flipped(np.repeat([0, 1, 0], 200), 0.1, rng))
    policies = find_policies(log)
    assert [len(policy.spans) for policy in policies] == [2, 1]
    there_and_back = [span.first for span in (policies[1].spans[0], policies[0].spans[1])]
    assert there_and_back == pytest.approx([200, 400], abs=30)


def test_another_mix_of_situations_is_no_other_policy():
    """The counterpart gives in 20 %, then in 80 % of its actions; the agent answers alike throughout."""
    rng = np.random.default_rng(0)
    heard = (rng.random(600) < np.repeat([0.2, 0.8], 300)).astype(int)
    log = log_of(flipped(heard, 0.05, rng), heard=heard)
    assert len(find_policies(log)) == 1
    blind = find_policies(log.drop(columns="other_last"))
    assert len(blind) == 2


def test_a_change_with_the_counterpart_is_put_down_to_it():
    rng = np.random.default_rng(0)
    codes = flipped(np.repeat([0, 1], 300), 0.05, rng)
    alone = log_of(codes, per=30)
    with_it = log_of(codes, per=30, target=["x"] * 300 + ["y"] * 300)
    back_and_forth = log_of(codes, per=30, target=[["x", "y"][t // 30 % 2] for t in range(600)])
    one_each = log_of(codes, per=30, target=[f"t{t // 30}" for t in range(600)])
    assert [len(find_policies(log)) for log in (alone, with_it, back_and_forth, one_each)] == [2, 1, 2, 2]


def test_series_stand_in_the_order_of_their_timestamps():
    codes = np.repeat([0, 1], 100)
    when = pd.date_range("2026-01-01", periods=200, freq="min", tz="UTC")
    log = log_of(codes, per=20, timestamp=[str(moment) for moment in when])
    # The sessions in disorder: even ones first.
    mixed = pd.concat([log[log["session_id"].str[-1].astype(int) % 2 == parity] for parity in (0, 1)])
    mixed = mixed.reset_index(drop=True)
    assert len(find_policies(mixed)) == 2
    assert find_policies(mixed)[1].spans[0].first == 100
    assert find_policies(mixed)[1].spans[0].session == "s005"
    without = mixed.assign(timestamp=pd.Series(pd.NaT, index=mixed.index, dtype=log["timestamp"].dtype))
    assert find_policies(without)[0].spans[0].last != 99


def test_tables_counts_and_sentences_say_what_was_done():
    rng = np.random.default_rng(0)
    log = answers_then_opposes(400, 0.1, rng)
    for policy in find_policies(log):
        span = policy.spans[0]
        part = log.iloc[span.first : span.last + 1]
        assert span.first_action == part["action_id"].iloc[0]
        assert span.last_action == part["action_id"].iloc[-1]
        assert span.step == part["step"].iloc[0]
        known = [None if pd.isna(heard) or heard == "" else heard for heard in part["other_last"]]
        for situation, shares in naive.shares(known, part["action_type"].tolist()).items():
            for kind, share in shares.items():
                assert policy.table.loc[situation, kind] == pytest.approx(share)
        made = part.loc[part["other_last"] == "heard-1", "action_type"]
        assert policy.counts.loc["heard-1"].to_dict() == made.value_counts().to_dict()
    first, second = find_policies(log)
    assert second.sentence.startswith(f"from step {second.spans[0].step} of session s000 (action ")
    assert "does kind-1 instead of kind-0 when other_last=heard-0" in second.sentence
    assert "does kind-0 instead of kind-1 when other_last=heard-0" in first.sentence
    told = json.loads(json.dumps([policy.as_dict() for policy in (first, second)]))
    assert told[1]["contradictions"][0]["policy"] == 0
    assert told[0]["spans"][0]["first"] == 0


def test_what_is_rarer_without_a_contradiction_is_a_policy_of_its_own():
    rng = np.random.default_rng(0)
    log = log_of((rng.random(2000) < np.repeat([0.05, 0.4], 1000)).astype(int))
    first, second = find_policies(log)
    assert not first.contradictions
    assert not second.contradictions
    shares = [policy.table.loc["", "kind-0"] for policy in (first, second)]
    assert shares == pytest.approx([0.95, 0.6], abs=0.05)
    assert f"does kind-0 in {shares[1]:.0%} instead of {shares[0]:.0%} of its actions" in second.sentence


def test_a_short_log_is_one_policy():
    (policy,) = find_policies(log_of([0, 1]))
    assert policy.spans[0].first == 0
    assert policy.spans[0].last == 1
    assert policy.sentence.startswith("from the beginning")


def test_the_answer_hangs_on_the_seed_alone():
    log = answers_then_opposes(200, 0.1, np.random.default_rng(0))
    one, two = (json.dumps([p.as_dict() for p in find_policies(log, seed=3)]) for _ in range(2))
    assert one == two


def test_what_cannot_be_used_is_refused():
    log = log_of([0, 1] * 20)
    for settings_, words in (
        ({"level": 0}, "level"),
        ({"least": 1}, "least"),
        ({"n_permutations": 9}, "give 20 or more"),
    ):
        with pytest.raises(InputError, match=words):
            find_policies(log, **settings_)
    with pytest.raises(InputError, match="no actions"):
        find_policies(log.iloc[:0])


@pytest.mark.parametrize("name", ["sample", "canonical"])
def test_fixed_strategies_are_one_policy_each(name):
    if name == "sample":
        log = gymlab.read_actions(gymlab.sample_path())
    else:
        log = gymlab.read_actions(shared_log("axelrod/canonical/actions.jsonl.gz"))
    split = [agent for agent, own in log.groupby("agent_id", sort=False) if len(find_policies(own)) > 1]
    # None was, in either; at the level of 0.05 one in fourteen would be no surprise.
    assert len(split) <= 1


def test_the_agent_of_the_gym_that_switches_is_found_and_the_others_are_not():
    log = gymlab.read_actions(shared_log("principles_gym/gym_principles.db"))
    found = {agent: find_policies(own) for agent, own in log.groupby("agent_id", sort=False)}
    assert [agent for agent, policies in found.items() if len(policies) > 1] == ["agent-switch"]
    assert found["agent-switch"][1].spans[0].first == 150


def test_a_rule_of_two_columns_is_one_policy():
    """Win-stay lose-shift against a counterpart that persists: its share of an action changes, its rule does not."""
    split = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        own, other, records = "C", "C", []
        for step in range(200):
            now = "C" if step == 0 else (own if other == "C" else "DC"["CD".index(own)])
            records.append(action(step, now, other_last=other if step else ""))
            own = now
            other = other if rng.random() < 0.8 else "CD"[int(rng.integers(2))]
        split += len(find_policies(frame_from_records(records))) > 1
    assert split <= 2


def drifting(rng, sessions=30, length=40):
    """Sessions of one task each, whose share of an action is the task's; they stand in the order of the tasks."""
    return np.concatenate(
        [(rng.random(length) < share).astype(int) for share in np.linspace(0.05, 0.95, sessions)]
    )


@pytest.mark.parametrize("seed", range(12))
def test_the_order_of_a_log_is_no_time(seed):
    codes = drifting(np.random.default_rng(seed))
    timed = log_of(codes, per=40)
    assert len(find_policies(timed)) > 1
    assert len(find_policies(timed.drop(columns="timestamp"))) == 1
    one_day = timed.assign(timestamp=timed["timestamp"].dt.floor("D").iloc[0])
    assert len(find_policies(one_day)) == 1
    partly = timed.assign(timestamp=timed["timestamp"].where(timed["session_id"] != "s003"))
    assert len(find_policies(partly)) == 1


def test_a_change_within_a_session_needs_no_time():
    rng = np.random.default_rng(0)
    heard = rng.integers(2, size=400)
    codes = np.where((np.arange(400) >= 150) & (np.arange(400) < 200), 1 - heard, heard)
    first, second = find_policies(log_of(codes, heard=heard, per=100, timed=False))
    (span,) = second.spans
    assert (span.session, span.step, span.last_action) == ("s001", 50, "s001/a/99")
    assert second.sentence.startswith("from step 50 of session s001 (action s001/a/50) to action s001/a/99: ")
    assert [one.session for one in first.spans] == ["s000", "s002"]


def test_sessions_of_one_moment_are_in_no_order():
    """Two days, on each of which the sessions began at once: only between the days something may have changed."""
    codes = np.repeat([0, 1, 0, 1], 100)
    log = log_of(codes, per=20, timestamp=["2026-01-01T00:00:00Z"] * 200 + ["2026-01-02T00:00:00Z"] * 200)
    assert len(find_policies(log)) == 1
    between = log_of(np.repeat([0, 1], 200), per=20, timestamp=log["timestamp"].astype(str).tolist())
    assert find_policies(between)[1].spans[0].first == 200


def test_two_agents_of_a_session_are_no_change_of_the_session():
    records = [
        action(step, kind, agent=agent, timestamp=f"2026-01-01T00:{step // 60:02}:{step % 60:02}Z")
        for agent, kind in (("a", "give"), ("b", "take"))
        for step in range(60)
    ]
    assert len(find_policies(frame_from_records(records))) == 1


def test_a_study_says_once_that_the_order_of_sessions_is_not_known():
    log = log_of(drifting(np.random.default_rng(0)), per=40)
    assert gymlab.study_principles(log).notes == ()
    untimed = log.drop(columns="timestamp")
    study = gymlab.study_principles(pd.concat([untimed, untimed.assign(agent_id="b", action_id=None)]))
    assert len(study.notes) == 1
    assert "only within single sessions" in study.notes[0]
    assert study.as_dict()["notes"] == list(study.notes)
    assert gymlab.study_principles(untimed, by="session").notes == ()


def test_a_policy_is_told_by_what_differs():
    """The likeliest action stays; two others change places."""
    rng = np.random.default_rng(0)
    draws = [rng.choice(4, 600, p=shares) for shares in ([0.5, 0.3, 0.1, 0.1], [0.5, 0.1, 0.3, 0.1])]
    policies = find_policies(log_of(np.concatenate(draws)))
    assert len(policies) == 2
    for policy in policies:
        assert "kind-1" in policy.sentence or "kind-2" in policy.sentence
        assert "less than 5 %" not in policy.sentence


def test_what_differs_by_a_little_in_many_actions_is_not_told():
    rng = np.random.default_rng(0)
    draws = [rng.choice(50, 4000) % 50, np.minimum(rng.choice(50, 4000), rng.choice(60, 4000) % 50)]
    policies = find_policies(log_of(np.concatenate(draws)))
    apart = np.abs(np.bincount(draws[0], minlength=50) - np.bincount(draws[1], minlength=50)) / 4000
    assert apart.max() < 0.05
    assert apart.sum() / 2 > 0.1
    assert len(policies) == 1
