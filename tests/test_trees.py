"""Trees: against scipy on distances without ties, their clusters with ties, streamed, cancelled."""

import naive_clusters as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform

from gymlab.clustering import (
    adjusted_rand_index,
    build_tree,
    by_size,
    compare_linkages,
    core_distances,
    single_linkage_tree,
)
from gymlab.clustering.linkage import PointerTree
from gymlab.clustering.streaming import streamed_edges
from gymlab.distance import dtw_pairwise
from gymlab.errors import InputError

METHODS = ["ward", "average", "complete", "single", "weighted"]


def points(n, seed, channels=3):
    return np.random.default_rng(seed).normal(size=(n, channels))


class CancelledError(Exception):
    pass


class CancelAfter:
    """A checkpoint that cancels the work at a call."""

    def __init__(self, calls):
        self.left = calls

    def __call__(self):
        self.left -= 1
        if self.left < 0:
            raise CancelledError


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [2, 3, 17, 64, 65, 150, 700])
def test_without_ties_the_tree_is_scipys(method, n):
    distances = pdist(points(n, n)).astype(np.float32)
    tree, expected = build_tree(distances, method), hierarchy.linkage(distances, method)
    np.testing.assert_array_equal(tree[:, [0, 1, 3]], expected[:, [0, 1, 3]])
    np.testing.assert_allclose(tree[:, 2], expected[:, 2], rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@given(n=st.integers(2, 60), seed=st.integers(0, 1000), levels=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_with_ties_it_is_a_tree_whose_heights_rise_and_whose_joins_are_what_they_say(method, n, seed, levels):
    distances = np.random.default_rng(seed).integers(0, levels, n * (n - 1) // 2).astype(np.float32)
    tree = build_tree(distances, method)
    assert hierarchy.is_valid_linkage(tree)
    assert hierarchy.is_monotonic(tree)
    square = squareform(distances)
    members = {i: [i] for i in range(n)}
    for row, (a, b, height, size) in enumerate(tree):
        between = square[np.ix_(members[int(a)], members[int(b)])]
        expected = {"average": between.mean(), "complete": between.max()}
        if method in expected:
            assert height == pytest.approx(expected[method], rel=1e-5, abs=1e-6)
        members[n + row] = members.pop(int(a)) + members.pop(int(b))
        assert size == len(members[n + row])
    if method == "single":
        # The order of joins at one height is free, the heights at which pairs are joined are not.
        theirs = hierarchy.cophenet(hierarchy.linkage(distances, "single"))
        np.testing.assert_array_equal(hierarchy.cophenet(tree), theirs)


@given(n=st.integers(2, 14), seed=st.integers(0, 1000), levels=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_single_linkage_joins_at_the_heights_of_plain_loops(n, seed, levels):
    distances = np.random.default_rng(seed).integers(0, levels, n * (n - 1) // 2).astype(np.float32)
    heights = build_tree(distances, "single")[:, 2]
    assert heights.tolist() == naive.single_linkage_heights(squareform(distances).tolist())


@pytest.mark.parametrize("factor", [1e-25, 1.0, 1e25])
def test_squares_of_extreme_distances_are_no_trouble(factor):
    distances = pdist(points(80, 0))
    tree = build_tree((distances * factor).astype(np.float32))
    np.testing.assert_allclose(tree[:, 2], hierarchy.linkage(distances, "ward")[:, 2] * factor, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_matrix_stays_as_it_is_unless_it_may_be_overwritten(method):
    distances = pdist(points(100, 1)).astype(np.float32)
    before = distances.copy()
    distances.flags.writeable = False
    tree = build_tree(distances, method)
    np.testing.assert_array_equal(distances, before)
    np.testing.assert_array_equal(build_tree(before, method, overwrite=True), tree)
    np.testing.assert_array_equal(build_tree(distances, method, overwrite=True), tree)
    np.testing.assert_array_equal(distances, pdist(points(100, 1)).astype(np.float32))
    np.testing.assert_array_equal(build_tree(distances.astype(np.float64), method, overwrite=True), tree)


@pytest.mark.parametrize("method", METHODS)
def test_a_checkpoint_stops_the_tree(method):
    distances = np.random.default_rng(0).random(3500 * 3499 // 2, dtype=np.float32)
    for calls in range(4):
        with pytest.raises(CancelledError):
            build_tree(distances, method, checkpoint=CancelAfter(calls))


def test_an_unknown_linkage_and_negative_distances_are_refused():
    with pytest.raises(InputError, match="give one of ward, average"):
        build_tree(np.ones(3, np.float32), "centroid")
    with pytest.raises(InputError, match="a distance is 0 or more"):
        build_tree(np.array([1, -1, 2], np.float32))


@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=30),
    seed=st.integers(0, 1000),
    levels=st.sampled_from([2, 3, 10_000]),
    radius=st.sampled_from([None, 0, 2]),
)
@settings(max_examples=60, deadline=None)
def test_the_streamed_tree_is_that_of_the_matrix(lengths, seed, levels, radius):
    rng = np.random.default_rng(seed)
    series = [rng.integers(0, levels, (length, 2)).astype(float) for length in lengths]
    expected = build_tree(dtw_pairwise(series, radius=radius), "single")
    tree = single_linkage_tree(series, radius=radius)
    np.testing.assert_array_equal(tree[:, 2], expected[:, 2])
    for height in np.unique(tree[:, 2]):
        mine, other = (hierarchy.fcluster(one, height, "distance") for one in (tree, expected))
        np.testing.assert_array_equal(by_size(mine), by_size(other))
    if len(set(lengths)) == 1:
        np.testing.assert_array_equal(tree, expected)


def test_the_streamed_tree_does_not_depend_on_threads_or_blocks(monkeypatch):
    series = np.random.default_rng(3).integers(0, 3, size=(1500, 20)).astype(np.float32)
    expected = build_tree(dtw_pairwise(series), "single")
    np.testing.assert_array_equal(single_linkage_tree(series, n_threads=4), expected)
    monkeypatch.setattr("gymlab.clustering.streaming._PAIRS_A_BLOCK", 5000)
    np.testing.assert_array_equal(single_linkage_tree(series, n_threads=4), expected)
    with pytest.raises(CancelledError):
        single_linkage_tree(series, checkpoint=CancelAfter(3))


def test_categories_are_streamed_as_in_the_matrix():
    series = np.random.default_rng(4).integers(0, 4, size=(200, 9, 2)).astype(np.float32)
    weights = (2.0, 0.5)
    expected = build_tree(dtw_pairwise(series, mismatch_weights=weights), "single")
    np.testing.assert_array_equal(single_linkage_tree(series, mismatch_weights=weights), expected)


def test_progress_is_reported_beside_a_checkpoint():
    seen = []
    single_linkage_tree(
        np.random.default_rng(0).normal(size=(100, 5)),
        progress=lambda done, total: seen.append((done, total)),
        checkpoint=lambda: seen.append("checkpoint"),
    )
    assert seen[-1] == "checkpoint"
    assert seen[-2][0] == seen[-2][1]
    single_linkage_tree(np.random.default_rng(0).normal(size=(50, 5)), progress=True, checkpoint=lambda: None)


def test_linkages_are_compared_each_at_its_best_number_or_all_at_one():
    rng = np.random.default_rng(5)
    distances = pdist(np.concatenate([rng.normal(c, 0.2, size=(20, 2)) for c in (0, 5, 11)])).astype(
        np.float32
    )
    compared = compare_linkages(distances)
    assert [row.method for row in compared] == METHODS
    assert [row.n_clusters for row in compared] == [3] * 5
    assert all(set(row.agreement.values()) == {1.0} for row in compared)
    noise = pdist(points(80, 6)).astype(np.float32)
    ward, single = compare_linkages(noise, ["ward", "single"], n_clusters=6)
    assert ward.n_clusters == single.n_clusters == 6
    expected = adjusted_rand_index(ward.clustering.labels, single.clustering.labels)
    assert ward.agreement == {"ward": 1.0, "single": expected}
    assert single.agreement["ward"] == expected < 0.9
    with pytest.raises(InputError, match="each linkage once"):
        compare_linkages(noise, ["ward", "ward"])


def test_blocks_stay_small_where_all_series_hold_the_same_few_points(monkeypatch):
    monkeypatch.setattr("gymlab.clustering.streaming._PAIRS_A_BLOCK", 2000)
    largest = []
    add_rows = PointerTree.add_rows

    def watched(self, first, stop, distances):
        largest.append(len(distances))
        add_rows(self, first, stop, distances)

    monkeypatch.setattr(PointerTree, "add_rows", watched)
    series = np.random.default_rng(0).integers(0, 2, size=(1000, 12, 4)).astype(np.float32)
    tree = single_linkage_tree(series)
    assert max(largest) <= 2000 + 1000
    np.testing.assert_array_equal(tree, build_tree(dtw_pairwise(series), "single"))


def test_core_distances_of_both_items_count_in_any_order_of_rows():
    rng = np.random.default_rng(0)
    series = [rng.normal(size=(length, 1)) for length in rng.integers(3, 9, 60)]
    distances = dtw_pairwise(series)
    cores = core_distances(distances, 6)
    rows, columns = np.triu_indices(60, 1)
    reachability = np.maximum(distances, np.maximum(cores[rows], cores[columns]))
    expected = hierarchy.linkage(reachability, "single")[:, 2]
    ends = np.cumsum(np.arange(59, -1, -1))
    pointers = PointerTree(60, cores)
    for row in rng.permutation(60):
        pointers.add_rows(row, row + 1, distances[ends[row] - (59 - row) : ends[row]])
    np.testing.assert_array_equal(pointers.tree()[:, 2], expected)
    streamed = streamed_edges(series, cores, radius=None, mismatch_weights=(), n_threads=None, progress=False)
    np.testing.assert_array_equal(streamed[2], expected)
