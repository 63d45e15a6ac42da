"""One pair in float64: the cutoff, the path and the cost matrix, each against plain loops."""

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gymlab.distance import dtw, dtw_cost_matrix, dtw_pairwise, dtw_path
from gymlab.errors import InputError

grid = st.integers(-640, 640).map(lambda v: v / 64)
radii = st.sampled_from([None, 0, 1, 3, 50])


@st.composite
def pairs(draw, max_length=12):
    """Two series and the weights of their last channels, which are codes."""
    numeric, weights = draw(st.sampled_from([(1, ()), (3, ()), (0, (2.0,)), (2, (0.5, 0.0)), (1, (1.25,))]))
    pair = []
    for _ in range(2):
        length = draw(st.integers(1, max_length))
        values = draw(arrays(np.float64, (length, numeric), elements=grid))
        codes = draw(arrays(np.float64, (length, len(weights)), elements=st.integers(0, 2).map(float)))
        pair.append(np.concatenate([values, codes], axis=1))
    return *pair, weights


@given(pairs(), radii)
@settings(max_examples=150, deadline=None)
def test_the_cost_matrix_agrees_with_plain_loops(pair, radius):
    x, y, weights = pair
    costs = dtw_cost_matrix(x, y, radius=radius, mismatch_weights=weights)
    assert costs.dtype == np.float64
    # Values on the grid have exact squares and sums.
    np.testing.assert_array_equal(costs, naive.cost_matrix(x, y, radius, weights))
    assert np.sqrt(costs[-1, -1]) == dtw(x, y, radius=radius, mismatch_weights=weights)


@given(pairs(), radii)
@settings(max_examples=150, deadline=None)
def test_the_path_is_a_warping_path_inside_the_band_and_costs_the_distance(pair, radius):
    x, y, weights = pair
    path, distance = dtw_path(x, y, radius=radius, mismatch_weights=weights)
    assert distance == naive.dtw(x, y, radius, weights)
    assert path[0].tolist() == [0, 0]
    assert path[-1].tolist() == [len(x) - 1, len(y) - 1]
    steps = {tuple(step) for step in np.diff(path, axis=0).tolist()}
    assert steps <= {(0, 1), (1, 0), (1, 1)}
    assert all(naive.in_band(i, j, len(x), len(y), radius) for i, j in path)
    assert np.sqrt(sum(naive.local_cost(x[i], y[j], weights) for i, j in path)) == distance


@given(pairs(max_length=40), radii, st.floats(0, 2))
@settings(max_examples=300, deadline=None)
def test_a_cutoff_changes_nothing_up_to_it_and_gives_infinity_above(pair, radius, share):
    x, y, weights = pair
    distance = naive.dtw(x, y, radius, weights)
    for cutoff in (distance, distance * share, 0):
        found = dtw(x, y, radius=radius, cutoff=cutoff, mismatch_weights=weights)
        assert found == (distance if distance <= cutoff else np.inf)


def test_a_cutoff_near_the_distance_leaves_cells_out_and_stays_exact():
    """Similar series of a length at which most cells are beyond the cutoff, so that rows start late and end early."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        base = rng.normal(size=(60, 2)).cumsum(axis=0)
        x = base + rng.normal(size=base.shape) * rng.choice([0, 0.1, 1])
        y = np.repeat(base, rng.integers(0, 3, size=60), axis=0)
        y = y if len(y) else base
        radius = rng.choice([None, 2, 20])
        distance = distance_without_cutoff(x, y, radius)
        for factor in (0.5, 0.9, 0.999, 1.0, 1.001, 1.2, 2.0):
            expected = distance if distance <= distance * factor else np.inf
            assert dtw(x, y, radius=radius, cutoff=distance * factor) == expected


def distance_without_cutoff(x, y, radius):
    """Return the distance without a cutoff, which the other tests compare with plain loops."""
    return float(np.sqrt(dtw_cost_matrix(x, y, radius=radius)[-1, -1]))


def test_one_pair_with_codes_is_what_the_matrix_computed():
    rng = np.random.default_rng(1)
    series = np.concatenate([rng.normal(size=(20, 15, 3)), rng.integers(0, 5, size=(20, 15, 2))], axis=2)
    for radius in (None, 2):
        matrix = dtw_pairwise(series, radius=radius, mismatch_weights=(0.5, 3.0))
        first, second = np.triu_indices(20, 1)
        single = [
            dtw(series[i], series[j], radius=radius, mismatch_weights=(0.5, 3.0))
            for i, j in zip(first, second, strict=True)
        ]
        np.testing.assert_allclose(matrix, single, 1e-5)


def test_values_near_the_limits_of_float64_are_exact():
    assert dtw([3e149, 0.0], [0.0, 0.0]) == pytest.approx(3e149)
    assert dtw([3e-149, 0.0], [0.0, 0.0]) == pytest.approx(3e-149)
    assert dtw([0.0], [0.0]) == 0


def test_a_path_through_infinite_costs_stays_inside_the_matrix():
    """It once left it by a negative index; weights can still sum up to infinity."""
    x, y = np.zeros((4, 2)), np.ones((7, 2))
    path, distance = dtw_path(x, y, mismatch_weights=(1e308, 1e308))
    assert distance == np.inf
    assert path[0].tolist() == [0, 0]
    assert path[-1].tolist() == [3, 6]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dtw([1.0], [1.0], cutoff="1"), "cutoff is '1'"),
        (lambda: dtw([1.0], [1.0], cutoff=-1), "cutoff is -1"),
        (lambda: dtw([1.0], [1.0], cutoff=np.nan), "cutoff is nan"),
        (lambda: dtw([1.0], [[1.0, 2.0]]), "x has 1 channels, y has 2"),
        (lambda: dtw([1.0], [np.nan]), "y holds NaN"),
        (lambda: dtw(np.zeros((1, 1, 1)), [1.0]), "x has 3 dimensions"),
        (lambda: dtw([1.0], [1.0], mismatch_weights=(1, 2)), "at most 1 channels"),
        (lambda: dtw([1.0], [1.0], mismatch_weights=(-1,)), "mismatch_weights is (-1,)"),
        (lambda: dtw([1.0], [1.0], mismatch_weights=["a"]), "mismatch_weights is ['a']"),
        (lambda: dtw([1e200], [1.0]), "float64 cannot hold their squares"),
        (lambda: dtw_path([1e-200], [0.0]), "float64 cannot hold their squares"),
        (lambda: dtw_cost_matrix([1.0], []), "y is empty"),
        (lambda: dtw_cost_matrix([1.0], [2.0], radius=-1), "radius is -1"),
    ],
)
def test_unusable_input_is_named(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
