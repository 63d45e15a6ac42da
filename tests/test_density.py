"""Density: DBSCAN against plain loops and scikit-learn, from a matrix and from a graph; eps; HDBSCAN."""

import naive_clusters as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import DBSCAN, HDBSCAN

from gymlab.clustering import (
    adjusted_rand_index,
    by_size,
    core_distances,
    dbscan,
    hdbscan,
    hdbscan_series,
    suggested_eps,
)
from gymlab.distance import dtw_neighbors, dtw_pairwise
from gymlab.errors import InputError


def blobs(seed, sizes=(40, 30, 20), n_noise=10):
    rng = np.random.default_rng(seed)
    parts = [rng.normal(6 * k, 0.6, size=(size, 2)) for k, size in enumerate(sizes)]
    return np.concatenate([*parts, rng.uniform(-5, 20, size=(n_noise, 2))])


@given(
    n=st.integers(1, 25),
    seed=st.integers(0, 1000),
    levels=st.sampled_from([3, 8, 1000]),
    eps=st.sampled_from([0.0, 0.1, 0.25, 0.5]),
    min_samples=st.integers(1, 6),
)
@settings(max_examples=150, deadline=None)
def test_dbscan_is_that_of_plain_loops_and_of_scikit_learn(n, seed, levels, eps, min_samples):
    rng = np.random.default_rng(seed)
    distances = (rng.integers(0, levels, n * (n - 1) // 2) / levels).astype(np.float32)
    square = squareform(distances) if n > 1 else np.zeros((1, 1), np.float32)
    eps = float(np.float32(eps))
    expected = by_size(np.array(naive.dbscan(square.tolist(), eps, min_samples)))
    np.testing.assert_array_equal(dbscan(distances, min_samples=min_samples, eps=eps), expected)
    if eps > 0:
        theirs = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit_predict(square)
        np.testing.assert_array_equal(by_size(theirs), expected)
    rows, columns = np.nonzero((square <= eps) & ~np.eye(n, dtype=bool))
    indptr = np.searchsorted(rows, np.arange(n + 1))
    graph = csr_array((square[rows, columns], columns, indptr), shape=(n, n))
    np.testing.assert_array_equal(dbscan(graph, min_samples=min_samples), expected)
    edges = csr_array((np.ones(len(rows), bool), columns, indptr), shape=(n, n))
    np.testing.assert_array_equal(dbscan(edges, min_samples=min_samples), expected)


@pytest.mark.parametrize("values", [True, False])
def test_dbscan_of_a_neighbour_graph_is_that_of_the_matrix_identical_series_included(values):
    rng = np.random.default_rng(0)
    series = rng.integers(0, 2, size=(150, 6)).astype(np.float32)
    distances = dtw_pairwise(series)
    for eps in (0.0, 1.0):
        expected = dbscan(distances, min_samples=4, eps=eps)
        graph = dtw_neighbors(series, eps=eps, values=values)
        np.testing.assert_array_equal(dbscan(graph, min_samples=4), expected)
    assert (dbscan(distances, min_samples=4, eps=0.0) >= 0).any()
    wide = dtw_neighbors(series, eps=2.0)
    np.testing.assert_array_equal(dbscan(wide, min_samples=4, eps=1.0), expected)


@given(
    n=st.integers(2, 30), seed=st.integers(0, 1000), levels=st.sampled_from([3, 1000]), k=st.integers(1, 8)
)
@settings(max_examples=60, deadline=None)
def test_core_distances_count_the_item_itself(n, seed, levels, k):
    k = min(k, n)
    distances = np.random.default_rng(seed).integers(1, levels, n * (n - 1) // 2).astype(np.float32)
    expected = np.sort(squareform(distances), axis=1)[:, k - 1]
    np.testing.assert_array_equal(core_distances(distances, k), expected)


def test_core_distances_of_a_graph_are_those_of_the_matrix():
    series = np.random.default_rng(1).integers(0, 3, size=(120, 5)).astype(np.float32)
    distances = dtw_pairwise(series)
    for k in (1, 2, 5):
        graph = dtw_neighbors(series, k=4)
        np.testing.assert_array_equal(core_distances(graph, k), core_distances(distances, k))
    assert suggested_eps(graph, min_samples=5) == suggested_eps(distances, min_samples=5)


def test_the_suggested_eps_separates_clusters_from_noise():
    distances = pdist(blobs(2)).astype(np.float32)
    eps = suggested_eps(distances, min_samples=5)
    labels = dbscan(distances, min_samples=5, eps=eps)
    truth = np.repeat([0, 1, 2], [40, 30, 20])
    assert adjusted_rand_index(labels[:90], truth) > 0.9
    assert np.count_nonzero(labels[90:] < 0) >= 5
    curve = np.sort(core_distances(distances, 5)).astype(float)
    below = [
        curve[0] + (curve[-1] - curve[0]) * i / (len(curve) - 1) - height for i, height in enumerate(curve)
    ]
    assert eps == curve[np.argmax(below)]
    assert suggested_eps(np.full(10, 3, np.float32), min_samples=2) == 3.0


@pytest.mark.parametrize("seed", range(5))
def test_hdbscan_without_ties_is_scikit_learns(seed):
    # One sample: mutual reachability distances are the distances, no two of them equal.
    distances = pdist(blobs(seed)).astype(np.float32)
    theirs = HDBSCAN(min_cluster_size=6, min_samples=1, metric="precomputed", copy=True).fit_predict(
        squareform(distances).astype(np.float64)
    )
    np.testing.assert_array_equal(hdbscan(distances, min_cluster_size=6, min_samples=1), by_size(theirs))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("min_samples", [None, 3, 8])
def test_hdbscan_is_scikit_learns_but_for_ties_at_the_rim(seed, min_samples):
    distances = pdist(blobs(seed)).astype(np.float32)
    theirs = HDBSCAN(
        min_cluster_size=8, min_samples=min_samples, metric="precomputed", copy=True
    ).fit_predict(squareform(distances).astype(np.float64))
    mine = hdbscan(distances, min_cluster_size=8, min_samples=min_samples)
    assert np.count_nonzero(mine != by_size(theirs)) <= 3


def test_hdbscan_keeps_identical_items_together():
    rng = np.random.default_rng(0)
    places = np.repeat(10.0 * np.arange(4), [30, 25, 20, 15])[:, None]
    noise = rng.uniform(-100, 200, size=(12, 1))
    labels = hdbscan(pdist(np.concatenate([places, noise])).astype(np.float32), min_cluster_size=10)
    np.testing.assert_array_equal(labels[:90], np.repeat([0, 1, 2, 3], [30, 25, 20, 15]))
    assert np.count_nonzero(labels[90:] < 0) >= 8


@pytest.mark.parametrize("lengths", [(8, 9), (5, 9)])
@pytest.mark.parametrize("min_samples", [1, 4])
def test_hdbscan_of_series_is_that_of_the_matrix(lengths, min_samples):
    rng = np.random.default_rng(7)
    series = [rng.normal(4 * (i % 3), 0.5, size=rng.integers(*lengths)) for i in range(150)]
    found = hdbscan_series(series, min_cluster_size=10, min_samples=min_samples)
    expected = hdbscan(dtw_pairwise(series), min_cluster_size=10, min_samples=min_samples)
    if lengths == (8, 9):
        np.testing.assert_array_equal(found, expected)
    assert np.count_nonzero(found != expected) <= 3
    assert found.max() >= 1


def test_too_few_items_are_noise():
    assert hdbscan(np.ones(3, np.float32), min_cluster_size=5).tolist() == [-1, -1, -1]
    assert hdbscan_series([[1.0], [2.0]], min_cluster_size=5).tolist() == [-1, -1]


def test_what_cannot_be_used_is_refused():
    distances = np.ones(3, np.float32)
    with pytest.raises(InputError, match="needs eps; suggested_eps"):
        dbscan(distances)
    with pytest.raises(InputError, match="eps is -1"):
        dbscan(distances, eps=-1)
    for wrong in (0, 1.5, True):
        with pytest.raises(InputError, match="min_samples is"):
            dbscan(distances, eps=1, min_samples=wrong)
    with pytest.raises(InputError, match="only 3 items"):
        core_distances(distances, 4)
    with pytest.raises(InputError, match="min_cluster_size is 1"):
        hdbscan(distances, min_cluster_size=1)
    with pytest.raises(InputError, match="only 3 items"):
        hdbscan(distances, min_cluster_size=2, min_samples=4)
    series = np.random.default_rng(0).normal(size=(30, 4))
    with pytest.raises(InputError, match="one direction only"):
        dbscan(dtw_neighbors(series, k=2))
    edges = dtw_neighbors(series, eps=1.0, values=False)
    with pytest.raises(InputError, match="leave eps out"):
        dbscan(edges, eps=0.5)
    with pytest.raises(InputError, match="values=True"):
        core_distances(edges, 2)
    with pytest.raises(InputError, match="4 of each are needed"):
        core_distances(dtw_neighbors(series, k=2), 5)


def test_a_graph_in_which_items_are_their_own_neighbours_is_taken_without_that():
    series = np.random.default_rng(3).normal(size=(60, 4))
    graph = dtw_neighbors(series, eps=1.2).graph
    with_itself = csr_array(graph + csr_array(np.eye(60, dtype=np.float32) * 0.5))
    np.testing.assert_array_equal(dbscan(with_itself, min_samples=3), dbscan(graph, min_samples=3))
    assert 0 < np.count_nonzero(dbscan(graph, min_samples=3) < 0) < 60
