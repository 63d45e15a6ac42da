"""The soft-DTW divergence: equal to its definition in plain loops, and refused where it would take too long."""

import naive_averages
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gymlab.distance import dtw_pairwise
from gymlab.errors import InputError
from gymlab.patterns import soft_dtw
from gymlab.patterns.soft_dtw import soft_dtw_pairwise


def definition(series, gamma, weights=()):
    n = len(series)
    return [
        naive_averages.soft_dtw_divergence(series[i], series[j], gamma, weights)
        for i in range(n)
        for j in range(i + 1, n)
    ]


@settings(deadline=None, max_examples=12)
@given(
    st.integers(0, 10**6),
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from([0.01, 0.3, 1, 20.0]),
    st.booleans(),
)
def test_it_equals_its_definition(seed, n, n_channels, gamma, equal):
    rng = np.random.default_rng(seed)
    series = [rng.normal(size=(6 if equal else rng.integers(1, 9), n_channels)) for _ in range(n)]
    found = soft_dtw_pairwise(np.array(series) if equal else series, gamma=gamma)
    assert found.shape == (n * (n - 1) // 2,)
    assert found.dtype == np.float32
    expected = np.maximum(definition(series, gamma), 0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_codes_cost_their_weight():
    rng = np.random.default_rng(4)
    series = [np.column_stack([rng.normal(size=7), rng.choice([3, 9, 20], size=7)]) for _ in range(4)]
    found = soft_dtw_pairwise(series, gamma=0.5, mismatch_weights=[1.7])
    np.testing.assert_allclose(found, definition(series, 0.5, [1.7]), rtol=1e-5)


def test_a_piece_and_itself_are_at_0_and_no_pair_below():
    rng = np.random.default_rng(6)
    one = rng.normal(size=(20, 2))
    others = one + 1e-9 * rng.normal(size=(10, 20, 2))
    found = soft_dtw_pairwise(np.concatenate([one[None], one[None], others]))
    assert found[0] == 0
    assert (found >= 0).all()
    assert found.max() < 1e-6


def test_a_small_gamma_is_the_squared_distance():
    series = np.random.default_rng(8).normal(size=(6, 10, 2))
    np.testing.assert_allclose(soft_dtw_pairwise(series, gamma=1e-4), dtw_pairwise(series) ** 2, rtol=1e-3)


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        (np.zeros((3, 4, 1)), {"gamma": 0}, "gamma is 0"),
        (np.zeros((3, 4, 1)), {"gamma": float("nan")}, "gamma"),
        (np.zeros((3, 4, 1)), {"gamma": True}, "gamma"),
        ([], {}, "no series"),
        ([[0.0], []], {}, "series 1 is empty"),
        ([[0.0], [np.nan]], {}, "series 1 holds NaN"),
        ([np.zeros((2, 1)), np.zeros((2, 2))], {}, "series 1 has 2 channels"),
        (np.zeros((3, 4, 1)), {"mismatch_weights": [1, 1]}, "mismatch_weights"),
        (np.zeros((1_501, 1, 1)), {}, "take at most 1,500 of them"),
        (np.zeros((3, 40_000, 1)), {}, "take shorter ones"),
    ],
)
def test_what_makes_no_sense_or_takes_too_long_is_refused(series, options, message):
    with pytest.raises(InputError, match=message):
        soft_dtw_pairwise(series, **options)


def test_as_many_as_the_message_allows_are_allowed(monkeypatch):
    monkeypatch.setattr(soft_dtw, "MOST_CELLS", 1_000)
    series = np.random.default_rng(0).normal(size=(30, 10, 1))
    with pytest.raises(InputError, match=r"take at most (\d+)") as caught:
        soft_dtw_pairwise(series)
    allowed = int(str(caught.value).split("take at most ")[1].split()[0])
    assert len(soft_dtw_pairwise(series[:allowed])) == allowed * (allowed - 1) // 2
