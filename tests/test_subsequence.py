"""Subsequence search: against every interval tried, against tslearn, and by its properties."""

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tslearn.metrics import dtw_subsequence_path

from gymlab.distance import Match, dtw, dtw_subsequence
from gymlab.errors import InputError


@st.composite
def searches(draw):
    """A query, a series, and the weights of their codes; small whole numbers, so that equal costs are many."""
    numeric, weights = draw(st.sampled_from([(1, ()), (2, ()), (0, (2.0,)), (1, (0.5,))]))
    few = st.integers(0, draw(st.integers(1, 9))).map(float)
    channels = numeric + len(weights)
    query = draw(arrays(np.float64, (draw(st.integers(1, 5)), channels), elements=few))
    series = draw(arrays(np.float64, (draw(st.integers(1, 14)), channels), elements=few))
    return query, series, weights


def as_tuples(matches):
    return [(match.start, match.stop, match.distance) for match in matches]


@given(searches(), st.integers(1, 20))
@settings(max_examples=250, deadline=None)
def test_the_matches_are_the_best_of_all_disjoint_intervals(search, k):
    query, series, weights = search
    matches = dtw_subsequence(query, series, k=k, mismatch_weights=weights)
    assert as_tuples(matches) == naive.subsequences(query, series, k, weights)


def test_ties_are_decided_as_promised_wherever_they_arise():
    """Whole numbers of few values: paths of equal cost and different starts meet from every side."""
    rng = np.random.default_rng(0)
    for _ in range(2500):
        query, series = (rng.integers(0, 4, size=(rng.integers(1, most), 1)) for most in (5, 10))
        assert as_tuples(dtw_subsequence(query, series, k=3)) == naive.subsequences(query, series, 3)


@pytest.mark.parametrize("seed", range(6))
def test_many_matches_of_a_longer_series_are_the_best_of_all_disjoint_intervals(seed):
    rng = np.random.default_rng(seed)
    query = rng.integers(0, 64, size=(6, 2)) / 8
    series = rng.integers(0, 64, size=(50, 2)) / 8
    for at in (4, 9, 31, 40):
        series[at : at + 6] = query + rng.integers(-3, 4, size=query.shape) / 8
    assert as_tuples(dtw_subsequence(query, series, k=50)) == naive.subsequences(query, series, 50)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_best_match_agrees_with_tslearn(channels):
    rng = np.random.default_rng(channels)
    for _ in range(5):
        query = rng.normal(size=(25, channels)).cumsum(axis=0)
        series = rng.normal(size=(1500, channels)).cumsum(axis=0)
        path, distance = dtw_subsequence_path(query, series)
        (match,) = dtw_subsequence(query, series)
        assert match.distance == pytest.approx(distance, rel=1e-12)
        # Its last row may linger on points that cost nothing; random values leave no such tie.
        assert (match.start, match.stop) == (path[0][1], path[-1][1] + 1)


def test_planted_copies_are_found_stretched_as_they_are():
    rng = np.random.default_rng(2)
    query = rng.normal(size=(15, 3)) * 3
    series = rng.normal(size=(5000, 3)) + 50
    stretched = np.repeat(query, 3, axis=0)
    places = [100, 1200, 1245, 4955]
    for place in places:
        series[place : place + 45] = stretched
    matches = dtw_subsequence(query, series, k=4)
    # A repeated first point may be left out at no cost, and so may a repeated last one.
    assert matches == [Match(place + 2, place + 43, 0.0) for place in places]
    assert dtw_subsequence(query, series, k=100, cutoff=1.0) == matches


@given(searches(), st.integers(1, 6))
@settings(max_examples=100, deadline=None)
def test_matches_are_ordered_disjoint_and_at_the_distance_they_say(search, k):
    query, series, weights = search
    matches = dtw_subsequence(query, series, k=k, mismatch_weights=weights)
    assert 1 <= len(matches) <= k
    distances = [match.distance for match in matches]
    assert distances == sorted(distances)
    taken = np.concatenate([np.arange(match.start, match.stop) for match in matches])
    assert len(np.unique(taken)) == len(taken)
    for match in matches:
        part = series[match.start : match.stop]
        assert dtw(query, part, mismatch_weights=weights) == match.distance


@given(searches(), st.floats(0, 12))
@settings(max_examples=100, deadline=None)
def test_a_cutoff_leaves_out_what_is_farther_and_nothing_else(search, cutoff):
    query, series, weights = search
    everything = dtw_subsequence(query, series, k=14, mismatch_weights=weights)
    near = dtw_subsequence(query, series, k=14, cutoff=cutoff, mismatch_weights=weights)
    assert near == [match for match in everything if match.distance <= cutoff]


def test_of_equal_matches_the_first_and_the_shortest_comes_first():
    assert dtw_subsequence([1, 2], [1, 1, 2, 2, 0, 1, 2], k=2) == [Match(1, 3, 0.0), Match(5, 7, 0.0)]


def test_a_query_longer_than_the_series_is_matched_too():
    assert dtw_subsequence([1, 1, 2, 2], [1, 2]) == [Match(0, 2, 0.0)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dtw_subsequence([1.0], [1.0], k=0), "k is 0"),
        (lambda: dtw_subsequence([1.0], [1.0], k=True), "k is True"),
        (lambda: dtw_subsequence([1.0], [1.0], k=1.5), "k is 1.5"),
        (lambda: dtw_subsequence([1.0], [1.0], cutoff=-1), "cutoff is -1"),
        (lambda: dtw_subsequence([], [1.0]), "query is empty"),
        (lambda: dtw_subsequence([1.0], [1.0, np.nan]), "series holds NaN or infinity at time point 1"),
        (lambda: dtw_subsequence([1.0], [[1.0, 2.0]]), "series has 2 channels, query has 1"),
        (lambda: dtw_subsequence([1.0], [1.0], mismatch_weights=(1, 2)), "at most 1 channels"),
    ],
)
def test_unusable_input_is_named(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
