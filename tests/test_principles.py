"""Principles: the right rules with the right figures, and none where there is nothing to find."""

from dataclasses import replace

import naive_principles as naive
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import action, reacting, unrelated
from scipy.stats import hypergeom

import gymlab
from gymlab.actions import frame_from_records
from gymlab.principles import infer_principles
from gymlab.principles.evidence import volatility, wilson_interval
from gymlab.principles.policies import find_policies
from gymlab.principles.principle import percent
from gymlab.principles.shifts import principle_shifts
from gymlab.principles.strata import Strata, lower_tails, upper_tails

C, D = "cooperate", "defect"
# What the rules of the sample do after (own, other) moves, and at the start: the chance of cooperating.
TRUE = {
    "Cooperator": {"CC": 1, "CD": 1, "DC": 1, "DD": 1, "start": 1},
    "Defector": {"CC": 0, "CD": 0, "DC": 0, "DD": 0, "start": 0},
    "Alternator": {"CC": 0, "CD": 0, "DC": 1, "DD": 1, "start": 1},
    "TitForTat": {"CC": 1, "CD": 0, "DC": 1, "DD": 0, "start": 1},
    "SuspiciousTitForTat": {"CC": 1, "CD": 0, "DC": 1, "DD": 0, "start": 0},
    "AntiTitForTat": {"CC": 0, "CD": 1, "DC": 0, "DD": 1, "start": 1},
    "Grudger": {"CC": 1, "CD": 0, "DC": 0, "DD": 0, "start": 1},
    "WinStayLoseShift": {"CC": 1, "CD": 0, "DC": 0, "DD": 1, "start": 1},
    "Random": {"CC": 0.5, "CD": 0.5, "DC": 0.5, "DD": 0.5, "start": 0.5},
    "GTFT": {"CC": 1, "CD": 1 / 3, "DC": 1, "DD": 1 / 3, "start": 1},
    "FirstByJoss": {"CC": 0.9, "CD": 0, "DC": 0.9, "DD": 0, "start": 1},
}


@pytest.fixture(scope="module")
def sample():
    return gymlab.read_actions(gymlab.sample_path())


@pytest.fixture(scope="module")
def principles(sample):
    return infer_principles(sample)


def found(principles, unit):
    return {(frozenset(p.situation.items()), p.action): p for p in principles if p.subject == unit}


@pytest.mark.parametrize(
    "agent", ["TitForTat", "SuspiciousTitForTat", "Alternator", "WinStayLoseShift", "Grudger"]
)
def test_the_rules_of_a_known_strategy_are_found(principles, agent):
    rules = found(principles, agent)
    for context, chance in TRUE[agent].items():
        if (agent, context) == ("Grudger", "CD"):
            # It happens once a session: what follows is the grudge.
            continue
        rule = rules[frozenset({("decision_context", context)}), C if chance == 1 else D]
        assert rule.probability == 1
        assert rule.stability > 0.95
        assert rule.volatility == 0


def test_the_general_rule_stands_before_those_that_follow_from_it(principles):
    rules = found(principles, "TitForTat")
    general = rules[frozenset({("other_last", D)}), D]
    assert general.follows_from is None
    assert rules[frozenset({("decision_context", "CD")}), D].follows_from == {"other_last": D}
    assert "after the other did “defect”: 100 % of 2,268 times" in general.sentence


def test_an_agent_that_always_does_the_same_has_one_unconditional_rule(principles):
    (rule,) = found(principles, "Defector").values()
    assert rule.situation == {}
    assert (rule.action, rule.probability, rule.base_rate) == (D, 1.0, 0.5)


def test_a_coin_follows_no_rule(principles):
    assert found(principles, "Random") == {}


def test_true_probabilities_lie_inside_the_intervals(principles):
    inside = [
        p.low <= (chance if p.action == C else 1 - chance) <= p.high
        for p in principles
        if p.subject in TRUE and set(p.situation) == {"decision_context"}
        for chance in [TRUE[p.subject][p.situation["decision_context"]]]
    ]
    assert len(inside) > 30
    assert np.mean(inside) >= 0.93


def test_figures_are_those_of_plain_counting(sample, principles):
    for agent in ("GTFT", "GoByMajority"):
        log = sample[sample["agent_id"] == agent]
        every = naive.with_own_last(log.to_dict("records"))
        # Principles number policies from 1; 0 is all that an agent of one policy did.
        held = {policy.number + 1: policy.spans for policy in find_policies(log)}
        held |= {0: held[1]} if len(held) == 1 else {}
        for p in (one for one in principles if one.subject == agent):
            # The sample has no times, so the order of a policy is that of the log.
            records = [one for span in held[p.policy] for one in every[span.first : span.last + 1]]
            n, hits = naive.conditional_share(records, p.situation, p.action)
            assert (p.n, len(p.action_ids), len(p.contradiction_ids)) == (n, hits, n - hits)
            assert p.probability == hits / n
            assert (p.low, p.high) == pytest.approx(naive.wilson(hits, n), abs=1e-9)
            overall = naive.conditional_share(records, {}, p.action)
            if p.kind != "always":
                assert p.base_rate == pytest.approx(overall[1] / overall[0])
                assert p.lift == pytest.approx(p.probability / p.base_rate)
            assert sum(c.evidence for c in p.contexts) == hits
            assert sum(c.contradictions for c in p.contexts) == n - hits


def test_evidence_names_the_very_actions(sample, principles):
    rule = found(principles, "TitForTat")[frozenset({("other_last", D)}), D]
    log = sample.set_index("action_id")
    assert set(log.loc[list(rule.action_ids), "other_last"]) == {D}
    assert set(log.loc[list(rule.action_ids), "action_type"]) == {D}
    assert set(log.loc[list(rule.action_ids), "agent_id"]) == {"TitForTat"}


@pytest.mark.slow
@pytest.mark.parametrize("stay", [0.5, 0.8])
def test_at_most_16_of_200_unrelated_logs_show_a_rule(stay):
    """The design allows 8 % of the logs."""
    logs = (unrelated(1000 + seed, stay=stay) for seed in range(200))
    assert sum(any(p.situation for p in infer_principles(log)) for log in logs) <= 16


@pytest.mark.slow
def test_more_agents_do_not_make_a_rule_likelier():
    logs = (unrelated(seed, stay=0.8, n_agents=40, length=100) for seed in range(20))
    assert sum(any(p.situation for p in infer_principles(log)) for log in logs) <= 2


def test_three_sticky_choices_show_no_rule_either():
    logs = (unrelated(seed, stay=0.8, n_choices=3, n_contexts=3) for seed in range(30))
    assert sum(any(p.situation for p in infer_principles(log)) for log in logs) <= 5


def test_each_series_is_compared_with_itself():
    """Sessions that differ in both what is done and where are no reaction to the place."""
    rng = np.random.default_rng(0)
    records = [
        action(
            step,
            "ab"[int(rng.random() < share)],
            session=f"s{session}",
            decision_context="xy"[int(rng.random() < share)],
        )
        for session in range(20)
        for share in [0.2 if session % 2 else 0.8]
        for step in range(50)
    ]
    assert not [p for p in infer_principles(frame_from_records(records)) if "decision_context" in p.situation]


def menus(choose, length=240, seed=0):
    rng = np.random.default_rng(seed)
    offered = {"loyalty": ("stay", "leave"), "scarcity": ("share", "hoard", "trade")}
    records = []
    for agent in ("a", "b"):
        for step in range(length):
            context = ("loyalty", "scarcity")[int(rng.integers(2))]
            choice = choose(rng, agent, offered[context])
            records.append(action(step, choice, agent=agent, decision_context=context))
    return frame_from_records(records)


def test_what_only_one_situation_offers_is_no_rule_of_it():
    reports = [
        bool(
            infer_principles(
                menus(lambda rng, _, offered: offered[int(rng.integers(len(offered)))], seed=seed)
            )
        )
        for seed in range(20)
    ]
    assert sum(reports) <= 4


def test_a_preference_within_a_menu_is_a_rule():
    def choose(rng, agent, offered):
        return offered[0] if agent == "a" and rng.random() < 0.9 else offered[int(rng.integers(len(offered)))]

    rules = infer_principles(menus(choose))
    assert {(p.subject, p.action, p.kind) for p in rules} == {("a", "stay", "menu"), ("a", "share", "menu")}
    assert {round(p.base_rate, 2) for p in rules} == {0.5, 0.33}


def test_who_has_but_one_choice_has_no_principle():
    records = [
        action(step, "message" if actor == "user" else ("message", "look", "book")[step % 3], agent=agent)
        | {"actor": actor}
        for agent, actor in [("u1", "user"), ("u2", "user"), ("v1", "helper"), ("v2", "helper")]
        for step in range(60)
    ]
    units = {p.subject for p in infer_principles(frame_from_records(records))}
    assert units == {"v1", "v2"}


def test_sessions_are_units_too(sample):
    few = gymlab.select_actions(sample, agent=["TitForTat", "Defector"])
    some = few[few["session_id"].isin(few["session_id"].unique()[::12])]
    rules = infer_principles(some, by="session")
    units = [p.subject for p in rules]
    assert set(units) == set(some["session_id"])
    assert units == sorted(units, key=list(some["session_id"].unique()).index)


def test_patterns_are_units_and_count_distinct_actions(sample):
    log = gymlab.select_actions(sample, agent=["TitForTat", "Defector"])
    log = log[log["session_id"].isin(log["session_id"].unique()[::10])]
    extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(hop=5, n_clusters=3))
    rules = infer_principles(log, by="cluster", extraction=extraction)
    assert rules
    for p in rules:
        ids = p.action_ids + p.contradiction_ids
        assert len(ids) == len(set(ids)) == p.n <= len(log)
    with pytest.raises(gymlab.InputError, match="another log"):
        infer_principles(sample, by="cluster", extraction=extraction)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "team"}, "agent, session, cluster"),
        ({"by": "cluster"}, "needs an extraction"),
        ({"q": 0}, "above 0"),
    ],
)
def test_what_cannot_be_asked_is_refused(sample, options, message):
    with pytest.raises(gymlab.InputError, match=message):
        infer_principles(sample.head(50), **options)


def test_a_strong_neighbour_lends_no_significance(sample):
    alone = gymlab.select_actions(sample, agent=["GTFT"])
    alone = alone[alone["session_id"].isin(alone["session_id"].unique()[:3])]
    strong = gymlab.select_actions(sample, agent=["TitForTat"])
    both = gymlab.validate_actions(pd.concat([alone, strong]))
    before = found(infer_principles(alone, q=1.0), "GTFT")
    after = found(infer_principles(both, q=1.0), "GTFT")
    assert before
    for key, rule in after.items():
        if key in before:
            assert rule.q_value >= before[key].q_value * (1 - 1e-9)


def test_the_result_is_the_same_every_time(sample):
    log = gymlab.select_actions(sample, agent=["GTFT", "Random"])
    assert infer_principles(log, seed=3) == infer_principles(log, seed=3)


strata = st.lists(
    st.integers(2, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n))),
    min_size=1,
    max_size=3,
)


@settings(deadline=None, max_examples=60)
@given(strata, st.data())
def test_tails_are_those_of_going_through_every_way(given_strata, data):
    counts = [data.draw(st.integers(max(0, m + k - n), min(m, k))) for n, k, m in given_strata]
    margins = Strata(*(np.array(one) for one in zip(*given_strata, strict=True)))
    margins = replace(margins, n_of_type=margins.n_of_type[:, None])
    expected = naive.upper_tail(given_strata, sum(counts))
    assert upper_tails(margins, np.array(counts)[:, None])[0] == pytest.approx(expected, rel=1e-6, abs=1e-12)
    lower = lower_tails(margins, np.array(counts)[:, None])[0]
    assert lower == pytest.approx(1 - naive.upper_tail(given_strata, sum(counts) + 1), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("x", [60, 66, 70, 76, 84])
def test_the_expansion_meets_the_exact_tail(x):
    n, k, m = 400, 120, 200
    margins = Strata(np.array([n]), np.array([[k]]), np.array([m]))
    assert upper_tails(margins, np.array([[x]]))[0] == pytest.approx(hypergeom.sf(x - 1, n, k, m), rel=0.02)


@settings(deadline=None)
@given(st.integers(1, 400), st.data())
def test_an_observation_that_supports_a_rule_never_weakens_it(n, data):
    hits = data.draw(st.integers(0, n))
    low, high = wilson_interval(hits, n)
    assert low - 1e-12 <= hits / n <= high + 1e-12
    more_low, _ = wilson_interval(hits + 1, n + 1)
    assert more_low >= low - 1e-12


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=80))
def test_volatility_is_a_spread(hits):
    assert 0 <= volatility(np.array(hits)) <= 0.6


def followed_in(order, *, timed):
    """Forty sessions of one agent that follows the other in the first half of time alone, listed in an order."""
    days = pd.date_range("2026-01-01", periods=40, tz="UTC")
    return frame_from_records(
        action(
            step,
            "C" if (session + step) % 2 else "D",
            session_id=f"s{session:02}",
            other_last="CD"[(session + step + (session < 20)) % 2] if step else "",
            timestamp=days[session].isoformat() if timed else None,
        )
        for session in order
        for step in range(10)
    )


def volatilities(log):
    return {(tuple(p.situation.items()), p.action, p.policy): p.volatility for p in infer_principles(log)}


def test_volatility_is_over_time_and_not_over_the_file():
    """Two logs that differ in the order of their sessions alone have the same volatility."""
    shuffled = np.random.default_rng(0).permutation(40)
    for timed in (True, False):
        told = volatilities(followed_in(range(40), timed=timed))
        assert told
        assert volatilities(followed_in(shuffled, timed=timed)) == pytest.approx(told)


def test_volatility_tells_a_change_from_chance():
    rng = np.random.default_rng(0)
    steady = [volatility(rng.random(500) < 0.7) for _ in range(50)]
    assert np.mean(steady) < 0.03
    assert volatility(np.arange(500) < 250) > 0.4


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.99999, "> 99.9 %"),
        (0.00001, "< 0.1 %"),
        (0.5, "50 %"),
        (0.905, "90.5 %"),
    ],
)
def test_percent_says_all_only_of_all(share, text):
    assert percent(share) == text


def test_a_counterpart_that_answers_a_coin_makes_no_rule_of_it():
    """Short series, in which what follows on one's own doing is counted with a bias."""
    reports = [
        any(p.situation for p in infer_principles(reacting(seed, sessions=80, length=12)))
        for seed in range(20)
    ]
    assert sum(reports) <= 2


@pytest.mark.slow
def test_an_always_does_not_make_conditional_rules_likelier():
    """Each session leans to one action, which is a rule for every situation, and lends no other one significance."""
    reports = []
    for seed in range(40):
        rng = np.random.default_rng([seed, 3])
        records = [
            action(
                step,
                "abcd"[int(rng.choice(4, p=[0.5, 0.3, 0.1, 0.1]))],
                session=f"s{session}",
                decision_context="xyz"[int(rng.integers(3))],
            )
            for session in range(15)
            for step in range(100)
        ]
        found = infer_principles(frame_from_records(records), by="session")
        assert any(not p.situation for p in found)
        reports.append(any(p.situation for p in found))
    assert sum(reports) <= 2


def test_moods_of_sessions_are_no_preference():
    """Six sessions lean to one side, three to the other: so few say nothing of the agent, however many actions."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        records = [
            action(step, "a" if rng.random() < share else "b", session=f"s{session}")
            for session, share in enumerate([0.8, 0.2, 0.8] * 3)
            for step in range(50)
        ]
        found = infer_principles(frame_from_records(records))
        assert not [p for p in found if not p.situation]


def test_every_interval_lies_above_what_it_is_compared_with(principles):
    assert all(p.low > p.base_rate for p in principles)


def test_an_extraction_of_the_same_ids_but_other_actions_is_refused():
    log = unrelated(0, stay=0.5)
    extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(n_surrogates=0, n_resamples=0))
    with pytest.raises(gymlab.InputError, match="another log"):
        infer_principles(unrelated(1, stay=0.5), by="cluster", extraction=extraction)


@pytest.mark.parametrize("options", [{"seed": "x"}, {"seed": -1}, {"seed": 1.5}])
def test_a_seed_has_to_be_one(options):
    with pytest.raises(gymlab.InputError, match="seed"):
        infer_principles(unrelated(0, stay=0.5, length=50), **options)


def test_the_old_names_of_subjects_still_work_and_warn():
    log = gymlab.select_actions(gymlab.read_actions(gymlab.sample_path()), agent=["TitForTat", "Defector"])
    study = gymlab.study_principles(log)
    shift = principle_shifts(log, log)[0]
    for owner, old, new in (
        (study, "units", "subjects"),
        (study.principles[0], "unit", "subject"),
        (shift, "unit", "subject"),
    ):
        with pytest.warns(DeprecationWarning, match=f"{old} is now called {new}") as caught:
            assert getattr(owner, old) == getattr(owner, new)
        assert caught[0].filename == __file__
    assert study.as_dict()["principles"][0]["unit"] == study.principles[0].subject
    assert shift.as_dict()["unit"] == shift.subject
