"""Verdicts: a claim holds only if its worst repeat does."""

import json

import pytest

from gymlab.workbench.claims import EXPECTATIONS, judge, reduction


@pytest.mark.parametrize(
    ("claim_id", "repeats", "verdict"),
    [
        ("dtw_time", [70.0, 99.0], "held"),
        ("dtw_time", [69.9, 99.0, 99.0], "failed"),
        ("no_leaks", [0, 0, 0], "held"),
        ("no_leaks", [0, 0, 1], "failed"),
        ("accuracy", [1.0, 0.98], "failed"),
        ("scale", [5.0], "held"),
        ("memory", [], "not_measured"),
    ],
)
def test_the_worst_repeat_decides(claim_id, repeats, verdict):
    claim = judge(claim_id, repeats)
    assert claim.verdict == verdict
    assert claim.repeats == len(repeats)
    if repeats:
        assert (claim.low, claim.high) == (min(repeats), max(repeats))


def test_a_further_condition_can_fail_a_claim():
    assert judge("accuracy", [1.0], also=False).verdict == "failed"


def test_every_claim_has_one_threshold_and_is_json():
    for claim_id, expectation in EXPECTATIONS.items():
        assert (expectation.at_least is None) != (expectation.at_most is None)
        found = json.loads(json.dumps(judge(claim_id, [1.0], "on this").as_dict(), allow_nan=False))
        assert {
            "id",
            "statement",
            "expected",
            "measured",
            "unit",
            "low",
            "high",
            "repeats",
            "verdict",
        } <= set(found)
    assert list(EXPECTATIONS) == (
        [
            "dtw_time",
            "memory",
            "database",
            "entropy",
            "overall_speed",
            "overall_memory",
            "scale",
            "no_leaks",
            "accuracy",
        ]
    )


def test_reduction():
    assert reduction(10.0, 1.0) == pytest.approx(90.0)
    assert reduction(1.0, 2.0) == pytest.approx(-100.0)
