"""Lower bounds: each against plain loops, below the distance, and in the promised order of tightness."""

import math

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gymlab.distance import dtw, envelope, lb_keogh, lb_kim, lb_webb
from gymlab.errors import InputError

# Numbers on the grid have exact squares and sums, so bounds and distances compare without a tolerance.
grid = st.integers(-640, 640).map(lambda v: v / 64)
few = st.sampled_from([0.0, 1.0, 4.0])
radii = st.sampled_from([None, 0, 1, 3, 1000])


@st.composite
def series(draw, channels, length):
    """Anything, a walk, few distinct values or a single one."""
    kind = draw(st.sampled_from(["any", "walk", "few", "constant"]))
    if kind == "constant":
        return np.tile(draw(arrays(np.float64, (1, channels), elements=grid)), (length, 1))
    values = draw(arrays(np.float64, (length, channels), elements=few if kind == "few" else grid))
    return values.cumsum(axis=0) if kind == "walk" else values


@st.composite
def pairs(draw, max_length=14):
    channels, n = draw(st.integers(1, 4)), draw(st.integers(1, max_length))
    m = draw(st.one_of(st.just(n), st.integers(1, max_length)))
    return draw(series(channels, n)), draw(series(channels, m))


def walks(seed, n, channels=1):
    return np.random.default_rng(seed).normal(size=(2, n, channels)).cumsum(axis=1)


@given(pairs(), radii)
@settings(max_examples=150, deadline=None)
def test_the_envelope_agrees_with_plain_loops(pair, radius):
    x, _ = pair
    lower, upper = envelope(x, radius)
    expected_lower, expected_upper = naive.envelope(x.tolist(), len(x), radius)
    np.testing.assert_array_equal(lower, expected_lower)
    np.testing.assert_array_equal(upper, expected_upper)
    assert lower.dtype == upper.dtype == np.float64


def test_the_envelope_of_a_long_series_agrees_with_plain_loops():
    """Long enough that points enter and leave the queues many times, rising, falling and flat."""
    rng = np.random.default_rng(0)
    rising = np.arange(150.0)
    x = np.column_stack([rng.normal(size=150).cumsum(), rng.integers(0, 3, 150), rising, -rising])
    for radius in (0, 1, 7, 149, None):
        lower, upper = envelope(x, radius)
        expected_lower, expected_upper = naive.envelope(x.tolist(), 150, radius)
        np.testing.assert_array_equal(lower, expected_lower)
        np.testing.assert_array_equal(upper, expected_upper)


@given(pairs(), radii)
@settings(max_examples=150, deadline=None)
def test_kim_and_keogh_agree_with_plain_loops(pair, radius):
    x, y = pair
    assert lb_kim(x, y) == math.sqrt(sum(naive.end_costs(x, y)))
    assert lb_keogh(x, y, radius=radius) == math.sqrt(sum(naive.outside_costs(x, y, radius)))


@given(pairs(), radii)
@settings(max_examples=400, deadline=None)
def test_no_bound_exceeds_the_distance(pair, radius):
    x, y = pair
    for a, b in ((x, y), (y, x)):
        distance = dtw(a, b, radius=radius)
        assert lb_kim(a, b) <= distance
        assert lb_keogh(a, b, radius=radius) <= distance
        assert lb_webb(a, b, radius=radius) <= distance


@given(pairs(), radii)
@settings(max_examples=300, deadline=None)
def test_webb_is_never_below_kim_nor_below_the_ends_with_what_keogh_says_of_the_rest(pair, radius):
    x, y = pair
    webb = lb_webb(x, y, radius=radius)
    assert webb >= lb_kim(x, y)
    assert webb >= math.sqrt(sum(naive.end_costs(x, y)) + sum(naive.outside_costs(x, y, radius)[1:-1]))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("radius", [None, 0, 3, 10])
@pytest.mark.parametrize("lengths", [(100, 100), (100, 90), (60, 100)])
def test_no_bound_exceeds_the_distance_of_long_walks(channels, radius, lengths):
    for seed in range(5):
        x, y = (one[:length] for one, length in zip(walks(seed, 100, channels), lengths, strict=True))
        # These sums are rounded, in another order than the distance.
        distance = dtw(x, y, radius=radius) * (1 + 1e-12)
        for bound in (lb_kim(x, y), lb_keogh(x, y, radius=radius), lb_webb(x, y, radius=radius)):
            assert bound <= distance


@pytest.mark.parametrize("radius", [3, 10, None])
def test_on_random_walks_webb_is_tighter_than_keogh_on_average(radius):
    """By a twentieth at least; both are compared with the distance that they are to come near to."""
    keogh, webb = [], []
    for seed in range(60):
        x, y = walks(seed, 80)
        distance = dtw(x, y, radius=radius)
        keogh.append(lb_keogh(x, y, radius=radius) / distance)
        webb.append(lb_webb(x, y, radius=radius) / distance)
    assert np.mean(webb) > 1.05 * np.mean(keogh)


def test_keogh_at_radius_zero_is_the_euclidean_distance():
    x, y = walks(1, 30, 3)
    assert lb_keogh(x, y, radius=0) == pytest.approx(float(np.linalg.norm(x - y)), rel=1e-12)


def test_of_a_series_and_itself_every_bound_is_zero():
    x, _ = walks(2, 30, 2)
    assert lb_kim(x, x) == lb_keogh(x, x) == lb_keogh(x, x, radius=0) == lb_webb(x, x, radius=2) == 0


def test_single_time_points_are_at_their_distance_by_every_bound():
    assert lb_kim([3.0], [7.0]) == lb_keogh([3.0], [7.0]) == lb_webb([3.0], [7.0]) == 4
    assert lb_kim([0.0], [3.0, 4.0]) == lb_webb([0.0], [3.0, 4.0]) == dtw([0.0], [3.0, 4.0]) == 5


def test_what_is_given_is_left_as_it_was_and_need_not_be_contiguous():
    x, y = walks(3, 40, 4)
    apart = np.asfortranarray(x)[::2, ::2], y[::2, ::2]
    together = tuple(np.ascontiguousarray(one) for one in apart)
    before = [one.copy() for one in apart]
    assert lb_webb(*apart, radius=2) == lb_webb(*together, radius=2)
    np.testing.assert_array_equal(envelope(apart[0], 2), envelope(together[0], 2))
    np.testing.assert_array_equal(apart, before)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: envelope([]), "x is empty"),
        (lambda: envelope([1.0, np.nan]), "x holds NaN or infinity at time point 1"),
        (lambda: envelope([1.0], -1), "radius is -1"),
        (lambda: envelope([1.0], 1.5), "radius is 1.5"),
        (lambda: lb_kim([1.0], [np.inf]), "y holds NaN or infinity at time point 0"),
        (lambda: lb_kim([1.0], [[1.0, 2.0]]), "x has 1 channels, y has 2"),
        (lambda: lb_keogh(["a"], [1.0]), "x is not a series of numbers"),
        (lambda: lb_keogh([1.0], [1.0], radius=True), "radius is True"),
        (lambda: lb_webb([1.0], []), "y is empty"),
        (lambda: lb_webb([1.0], [1.0], radius=-2), "radius is -2"),
        (lambda: lb_webb([1e200], [1.0]), "float64 cannot hold their squares"),
    ],
)
def test_unusable_input_is_named(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
