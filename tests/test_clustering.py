"""Clusters from condensed distances: quality and medoids against plain loops and scikit-learn."""

import naive
import naive_clusters
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics import silhouette_samples

from gymlab.clustering import (
    build_tree,
    by_size,
    cluster_tree,
    cophenetic_correlation,
    cut_tree,
    describe_labels,
    distance_sums,
)
from gymlab.errors import InputError


def blobs(sizes, seed=0, spread=0.3):
    rng = np.random.default_rng(seed)
    points = np.concatenate([10 * k + spread * rng.normal(size=(size, 3)) for k, size in enumerate(sizes)])
    return pdist(points).astype(np.float32)


@given(n=st.integers(2, 25), seed=st.integers(0, 1000), k=st.integers(1, 6))
@settings(max_examples=80, deadline=None)
def test_silhouettes_and_medoids_agree_with_plain_loops(n, seed, k):
    distances = pdist(np.random.default_rng(seed).normal(size=(n, 2))).astype(np.float32)
    square = squareform(distances)
    found = cluster_tree(distances, build_tree(distances), n_clusters=min(k, n))
    labels = found.labels.tolist()
    if len(set(labels)) > 1:
        assert found.quality.silhouette == pytest.approx(naive.silhouette(square.tolist(), labels), abs=1e-6)
        if len(set(labels)) < n:
            expected = silhouette_samples(square, labels, metric="precomputed")
            np.testing.assert_allclose(found.quality.silhouettes, expected, atol=1e-6)
    else:
        assert np.isnan(found.quality.silhouette)
    for label, medoid in enumerate(found.medoids):
        members = [i for i in range(n) if labels[i] == label]
        sums = square[np.ix_(members, members)].sum(axis=1)
        assert medoid in members
        assert square[medoid, members].sum() == pytest.approx(sums.min(), rel=1e-6)


def test_auto_finds_the_number_of_well_separated_groups_and_numbers_them_by_size():
    distances = blobs([5, 20, 12, 8])
    found = cluster_tree(distances, build_tree(distances))
    assert np.bincount(found.labels).tolist() == [20, 12, 8, 5]
    assert set(found.quality.silhouette_by_n_clusters) == set(range(2, 21))
    best = max(found.quality.silhouette_by_n_clusters.values())
    assert found.quality.silhouette == pytest.approx(best)


def test_the_silhouette_of_every_number_tried_is_that_of_its_own_cut():
    distances = blobs([9, 7, 6], spread=3)
    tree = build_tree(distances)
    curve = cluster_tree(distances, tree).quality.silhouette_by_n_clusters
    for k, width in curve.items():
        labels = hierarchy.fcluster(tree, k, criterion="maxclust").tolist()
        assert width == pytest.approx(naive.silhouette(squareform(distances).tolist(), labels), abs=1e-6)


@pytest.mark.parametrize("method", ["ward", "average", "complete", "single", "weighted"])
def test_the_tree_is_scipys(method):
    distances = blobs([30, 25], spread=3)
    tree, expected = build_tree(distances, method), hierarchy.linkage(distances, method)
    np.testing.assert_array_equal(tree[:, [0, 1, 3]], expected[:, [0, 1, 3]])
    np.testing.assert_allclose(tree[:, 2], expected[:, 2], rtol=1e-6)


def test_the_cophenetic_correlation_is_scipys():
    distances = blobs([9, 7, 6], spread=2)
    tree = build_tree(distances, "average")
    expected, _ = hierarchy.cophenet(tree, distances)
    assert cophenetic_correlation(distances, tree) == pytest.approx(expected, rel=1e-6)


def test_a_height_cuts_the_tree_there():
    distances = blobs([6, 5])
    tree = build_tree(distances, "average")
    found = cluster_tree(distances, tree, height=5.0)
    assert np.bincount(found.labels).tolist() == [6, 5]
    assert set(cut_tree(tree, height=1e9)) == {0}


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_items(n):
    distances = pdist(np.arange(n, dtype=float)[:, None]).astype(np.float32)
    found = cluster_tree(distances, build_tree(distances))
    assert len(found.labels) == n
    assert len(found.medoids) == found.labels.max() + 1
    given_k = cluster_tree(distances, build_tree(distances), n_clusters=1)
    assert set(given_k.labels) == {0}


def test_items_that_are_all_alike_are_one_cluster():
    distances = np.zeros(45, dtype=np.float32)
    found = cluster_tree(distances, build_tree(distances))
    assert set(found.labels) == {0}
    assert found.medoids.tolist() == [0]
    assert np.isnan(found.quality.silhouette)
    assert np.isnan(found.quality.cophenetic_correlation)


def test_labels_without_a_tree_are_described_alike():
    distances = blobs([6, 5])
    tree = build_tree(distances)
    from_tree = cluster_tree(distances, tree, n_clusters=2)
    from_labels = describe_labels(distances, from_tree.labels)
    np.testing.assert_array_equal(from_tree.medoids, from_labels.medoids)
    assert from_tree.quality.silhouette == from_labels.quality.silhouette


def test_by_size_breaks_ties_by_the_first_occurrence():
    assert by_size(np.array([7, 3, 3, 7, 9])).tolist() == [0, 1, 1, 0, 2]


@pytest.mark.parametrize(
    ("distances", "message"),
    [
        (np.zeros((3, 3), np.float32), "2 dimensions; give the condensed matrix"),
        (np.zeros(4, np.float32), "4 distances are no condensed matrix"),
        (np.array([1, np.nan, 2], np.float32), "NaN or infinity"),
        (np.array([1, np.inf, 2], np.float32), "NaN or infinity"),
    ],
)
def test_what_is_no_condensed_matrix_is_refused(distances, message):
    with pytest.raises(InputError) as caught:
        build_tree(distances)
    assert message in str(caught.value)


def test_noise_has_no_part_in_silhouettes_and_medoids():
    distances = blobs([6, 5, 4])
    labels = np.repeat([0, 1, -1], [6, 5, 4])
    found = describe_labels(distances, labels)
    inside = describe_labels(blobs([6, 5, 4])[_pairs_within(15, labels >= 0)], labels[:11])
    assert np.isnan(found.quality.silhouettes[11:]).all()
    np.testing.assert_allclose(found.quality.silhouettes[:11], inside.quality.silhouettes)
    assert found.quality.silhouette == pytest.approx(inside.quality.silhouette)
    np.testing.assert_array_equal(found.medoids, inside.medoids)
    assert found.n_noise == 4
    nothing = describe_labels(distances, np.full(15, -1))
    assert len(nothing.medoids) == 0
    assert np.isnan(nothing.quality.silhouette)


def _pairs_within(n, inside):
    first, second = np.triu_indices(n, 1)
    return inside[first] & inside[second]


@pytest.mark.parametrize("labels", [[0, 0, 2], [0, -2, 0], [0, 0], [0.0, 1.0, 1.0]])
def test_labels_that_do_not_count_are_refused(labels):
    with pytest.raises(InputError, match="labels"):
        describe_labels(np.ones(3, np.float32), np.array(labels))


@given(n=st.integers(3, 40), seed=st.integers(0, 1000), levels=st.sampled_from([2, 5, 10_000]))
@settings(max_examples=60, deadline=None)
def test_the_cophenetic_correlation_of_distances_with_ties_is_scipys(n, seed, levels):
    distances = np.random.default_rng(seed).integers(0, levels, n * (n - 1) // 2).astype(np.float32)
    for method in ("single", "average", "complete"):
        tree = build_tree(distances, method)
        heights = hierarchy.cophenet(tree)
        found = cophenetic_correlation(distances, tree)
        if np.ptp(distances) and np.ptp(heights):
            assert found == pytest.approx(
                naive_clusters.correlation(distances.tolist(), heights.tolist()), abs=1e-7
            )
        else:
            assert np.isnan(found)


def test_constant_distances_have_no_correlation_however_many():
    distances = np.full(300 * 299 // 2, 0.1, dtype=np.float32)
    tree = build_tree(distances, "average")
    assert np.isnan(cophenetic_correlation(distances, tree))


def test_a_checkpoint_stops_cut_and_quality():
    distances = np.random.default_rng(0).random(3500 * 3499 // 2, dtype=np.float32)
    tree = build_tree(distances)
    calls = []

    def counted():
        calls.append(1)

    cluster_tree(distances, tree, checkpoint=counted)

    def cancel():
        left.pop()

    for last in range(0, len(calls), 7):
        left = [None] * last
        with pytest.raises(IndexError):
            cluster_tree(distances, tree, checkpoint=cancel)


def test_distances_of_other_items_are_refused_not_read_beyond_their_end():
    distances = blobs([6, 5])
    tree = build_tree(distances)
    labels = cut_tree(tree, n_clusters=2)
    for function, argument in (
        (cluster_tree, tree),
        (cophenetic_correlation, tree),
        (distance_sums, labels),
    ):
        with pytest.raises(InputError, match="11 items have 55 distances"):
            function(distances[:-10], argument)
