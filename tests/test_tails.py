"""p-values: each is a tail, above 0 and at most 1, and right where it is small."""

import naive_principles as naive
import numpy as np
import pytest
from made import action

import gymlab
from gymlab.actions import frame_from_records
from gymlab.patterns.comparison import compare_logs
from gymlab.principles.policies import find_policies
from gymlab.principles.shifts import principle_shifts
from gymlab.principles.strata import Strata, lower_tails, upper_tails


def tails(strata, count):
    """Return the upper and the lower tail of a count over strata, which share it as they can."""
    margins = Strata(*(np.array(one) for one in zip(*[(n, [k], m) for n, k, m in strata], strict=True)))
    shared, left = [], count
    for n, k, m in strata:
        least = max(0, k + m - n)
        shared.append(least)
        left -= least
    for i, (_, k, m) in enumerate(strata):
        more = min(left, min(k, m) - shared[i])
        shared[i] += more
        left -= more
    counts = np.array(shared)[:, None]
    return float(upper_tails(margins, counts)[0]), float(lower_tails(margins, counts)[0])


def counts_of(exact):
    """Return counts of which the upper tail is from 1e-2 to 1e-12, as far as there are any."""
    return [
        c for least in (1e-2, 1e-4, 1e-7, 1e-12) for c in [sum(p > least for p in exact)] if c < len(exact)
    ]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.98])
@pytest.mark.parametrize(("n", "situation"), [(200, 0.6), (2000, 0.11), (5000, 0.02), (5000, 0.1)])
def test_tails_of_one_stratum_are_those_of_counting(n, situation, share):
    k, m = round(n * share), round(n * situation)
    exact = naive.exact_upper_tails([(n, k, m)])
    others = naive.exact_upper_tails([(n, n - k, m)])
    for count in counts_of(exact):
        assert tails([(n, k, m)], count)[0] == pytest.approx(exact[count], rel=1e-6)
    for count in counts_of(others):
        assert tails([(n, k, m)], m - count)[1] == pytest.approx(others[count], rel=1e-6)


@pytest.mark.parametrize(
    "strata",
    [
        [(120, 114, 15)] * 12,
        [(40, 4, 30), (300, 290, 20), (90, 45, 45)],
        [(60, 57, n) for n in range(3, 21)],
        [(30, 29, 7)] * 40,
        # More values than are convolved directly.
        [(400, 380, 100)] * 60,
    ],
)
def test_tails_of_several_strata_are_those_of_counting(strata):
    exact = naive.exact_upper_tails(strata)
    for count in counts_of(exact):
        assert tails(strata, count)[0] == pytest.approx(exact[count], rel=1e-6)


def test_a_common_action_in_a_rare_situation_is_no_certainty():
    # 218 of 220 where 209 are expected: an expansion about the normal distribution is below 0 there.
    upper, _ = tails([(2000, 1900, 220)], 218)
    assert upper == pytest.approx(6.2293e-4, rel=1e-3)
    assert tails([(2000, 1900, 220)], 220)[0] == pytest.approx(6.3282e-6, rel=1e-3)


def test_a_tail_beyond_what_a_double_holds_is_the_least_p_value():
    assert tails([(5000, 2500, 2500)], 2500)[0] == 1e-300
    assert tails([(4, 2, 2)], 0) == pytest.approx((1, 1 / 6))


def of_kind(kind, sessions, length=40, session="s"):
    return frame_from_records(
        action(step, kind(step), session=f"{session}{number}", decision_context="xy"[step % 2])
        for number in range(sessions)
        for step in range(length)
    )


def test_logs_without_spread_are_no_certainty():
    before, after = (of_kind(lambda _, kind=kind: kind, 6) for kind in ("give", "take"))
    config = gymlab.ExtractionConfig(window=5, hop=5, n_clusters=2, n_surrogates=0, n_resamples=0)
    comparison = compare_logs(before, after, config)
    # Six sessions in each: 924 ways to exchange them.
    assert [one.q_value for one in comparison.patterns] == pytest.approx([1 / 924] * 2)
    assert {one.change for one in comparison.patterns} == {"appears", "vanishes"}
    one_each = compare_logs(of_kind(lambda _: "give", 1, 5), of_kind(lambda _: "take", 1, 5), config)
    assert {one.change for one in one_each.patterns} == {"cannot be told"}


def test_no_p_value_of_a_long_log_is_0():
    rng = np.random.default_rng(0)
    before = of_kind(lambda step: "xy"[step % 2], 1, 4000)
    after = of_kind(lambda _: "xy"[int(rng.integers(2))], 1, 4000)
    shifts = principle_shifts(before, after)
    assert shifts
    assert all(0 < one.q_value <= 1 for one in shifts)
    assert all(0 < one.p_value <= 1 and 0 < one.q_value <= 1 for one in gymlab.infer_principles(before))
    flips = of_kind(lambda step: "give" if step < 2000 else "take", 1, 4000)
    found = [one for policy in find_policies(flips) for one in policy.contradictions]
    assert found
    assert all(0 < one.p_value <= 1 for one in found)


@pytest.mark.parametrize("kind", ["give", "new"])
def test_no_p_value_of_drift_is_0(kind):
    rng = np.random.default_rng(0)
    log = of_kind(lambda _: ["give", "take"][int(rng.integers(2))], 30)
    config = gymlab.ExtractionConfig(window=5, hop=5, n_clusters=2, n_surrogates=0, n_resamples=0)
    other = of_kind(lambda _: kind, 300)
    drift = gymlab.extract_patterns(log, config).assign(other).drift
    assert drift.refit_due
    assert all(0 < p <= 1 for p in (drift.far_p, drift.shares_p, drift.unseen_p))
