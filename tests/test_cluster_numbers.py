"""Numbers of clusters that are none, and clusters of items that are alike."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import action
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import DBSCAN

import gymlab
from gymlab.actions import frame_from_records
from gymlab.clustering import (
    build_tree,
    by_size,
    cluster_sample,
    cluster_tree,
    compare_linkages,
    cophenetic_correlation,
    cut_tree,
    dbscan,
    hdbscan,
    hdbscan_series,
    kmedoids,
    outline,
    suggested_eps,
)
from gymlab.errors import InputError
from gymlab.patterns.config import LINKAGES

DISTANCES = pdist(np.array([0.0, 1.0, 5.0, 7.0, 20.0])[:, None]).astype(np.float32)
TREE = build_tree(DISTANCES)
SERIES = np.array([[0.0, 1.0], [0.0, 2.0], [5.0, 5.0], [7.0, 5.0], [20.0, 20.0]])

TAKE_A_NUMBER = {
    "cut_tree": lambda k: cut_tree(TREE, n_clusters=k),
    "cluster_tree": lambda k: cluster_tree(DISTANCES, TREE, n_clusters=k),
    "kmedoids": lambda k: kmedoids(DISTANCES, k),
    "compare_linkages": lambda k: compare_linkages(DISTANCES, ["ward"], n_clusters=k),
    "cluster_sample": lambda k: cluster_sample(SERIES, sample_size=5, n_clusters=k),
}


@pytest.mark.parametrize("wrong", [0, -1, 2.5, 2.0, True, "3", 6, 10**30, float("nan"), [2], np.array(2)])
@pytest.mark.parametrize("name", TAKE_A_NUMBER)
def test_a_number_of_clusters_that_is_none_is_refused_in_one_way(name, wrong):
    with pytest.raises(
        InputError, match=r"^n_clusters is .*; give a whole number (from 1 to 5|of 1 or more)$"
    ):
        TAKE_A_NUMBER[name](wrong)


@pytest.mark.parametrize("k", [1, 3, np.int32(5)])
@pytest.mark.parametrize("name", TAKE_A_NUMBER)
def test_a_number_from_one_to_all_is_taken(name, k):
    TAKE_A_NUMBER[name](k)


def test_a_cut_is_one_number_or_one_height():
    with pytest.raises(InputError, match="give n_clusters, or the height"):
        cut_tree(TREE)
    for cut in (lambda **k: cut_tree(TREE, **k), lambda **k: cluster_tree(DISTANCES, TREE, **k)):
        with pytest.raises(InputError, match="not both"):
            cut(n_clusters=2, height=1.0)
        for wrong in (-1, "3", True, float("nan"), float("inf")):
            with pytest.raises(InputError, match=r"height is .*; give a distance of 0 or more"):
                cut(height=wrong)
    with pytest.raises(InputError, match="n_clusters is None"):
        kmedoids(DISTANCES, None)


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "3", None])
def test_a_number_of_leaves_that_is_none_is_refused(wrong):
    with pytest.raises(InputError, match=r"n_leaves is .*; give a whole number of 1 or more"):
        outline(TREE, wrong)


@given(n=st.integers(2, 30), seed=st.integers(0, 500), levels=st.sampled_from([2, 4, 1000]), data=st.data())
@settings(max_examples=80, deadline=None)
def test_a_cut_into_a_number_is_scipys_but_that_what_is_alike_stays_together(n, seed, levels, data):
    points = np.random.default_rng(seed).integers(0, levels, size=(n, 1)).astype(float)
    distances = pdist(points).astype(np.float32)
    tree = build_tree(distances, data.draw(st.sampled_from(LINKAGES)))
    k = data.draw(st.integers(1, n))
    found = cut_tree(tree, n_clusters=k)
    if k < n:
        theirs = hierarchy.fcluster(tree, k, criterion="maxclust")
        np.testing.assert_array_equal(found, by_size(theirs))
    assert found.max() < k
    assert len({(point, label) for point, label in zip(points.ravel(), found, strict=True)}) == len(
        np.unique(points)
    )


@given(n=st.integers(1, 40), levels=st.integers(1, 6), k=st.integers(1, 12), seed=st.integers(0, 300))
@settings(max_examples=100, deadline=None)
def test_kmedoids_finds_no_two_medoids_at_one_place(n, levels, k, seed):
    k = min(k, n)
    places = np.random.default_rng(seed).integers(0, levels, size=n)
    square = np.abs(places[:, None] - places).astype(np.float32)
    found = kmedoids(squareform(square), k, seed=seed)
    distinct = len(np.unique(places))
    assert len(found.medoids) == min(k, distinct)
    assert len(np.unique(places[found.medoids])) == len(found.medoids)
    assert found.labels[found.medoids].tolist() == list(range(len(found.medoids)))
    to_own = square[np.arange(n), found.medoids[found.labels]]
    np.testing.assert_array_equal(to_own, square[:, found.medoids].min(axis=1))
    assert found.loss == to_own.sum()
    assert found.loss <= found.start_loss


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_kmedoids_ends_where_many_losses_are_equal_but_for_rounding(scale):
    rng = np.random.default_rng(0)
    for n in (50, 400):
        nearly = (scale * (1 + 1e-7 * rng.random(n * (n - 1) // 2))).astype(np.float32)
        found = kmedoids(nearly, 7)
        assert len(found.medoids) == 7
        assert found.loss <= found.start_loss


@pytest.mark.parametrize("method", LINKAGES)
def test_the_curve_holds_numbers_of_clusters_that_are_there(method):
    distances = pdist(np.repeat([0.0, 1.0, 9.0], 4)[:, None]).astype(np.float32)
    found = cluster_tree(distances, build_tree(distances, method))
    assert sorted(found.quality.silhouette_by_n_clusters) == [2, 3]
    assert found.labels.max() + 1 == 3


def test_items_that_are_all_alike_are_one_cluster_by_every_method():
    alike = np.zeros(45, dtype=np.float32)
    assert set(hdbscan(alike)) == {0}
    assert set(hdbscan_series(np.ones((10, 3)))) == {0}
    assert set(dbscan(alike, eps=suggested_eps(alike))) == {0}
    assert set(DBSCAN(eps=1e-9, metric="precomputed").fit_predict(squareform(alike))) == {0}
    for k in (1, 3, 10):
        assert set(kmedoids(alike, k).labels) == {0}
        for method in LINKAGES:
            assert set(cut_tree(build_tree(alike, method), n_clusters=k)) == {0}


NEARLY = np.float32(1) + np.spacing(np.float32(1)) * np.random.default_rng(0).integers(0, 3, 45)


def test_distances_that_differ_by_rounding_tell_nothing():
    distances = NEARLY.astype(np.float32)
    assert np.isnan(cophenetic_correlation(distances, build_tree(distances, "average")))
    eps = suggested_eps(distances, min_samples=3)
    assert set(dbscan(distances, min_samples=3, eps=eps)) == {0}


def log_of(series):
    return frame_from_records(
        action(step, kind, session=f"s{number}")
        for number, kinds in enumerate(series)
        for step, kind in enumerate(kinds)
    )


SAME, OTHER = "x" * 20, "y" * 20
CASES = {
    "one series": ([SAME], 1),
    "two that are alike": ([SAME] * 2, 1),
    "300 equal actions": ([SAME] * 15, 1),
    "two kinds": ([SAME, OTHER] * 10, 2),
}


@pytest.mark.parametrize("strategy", ["exact", "selective", "sampled", "baseline"])
@pytest.mark.parametrize("method", ["ward", "single", "kmedoids", "dbscan", "hdbscan"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("error")
def test_equal_series_are_one_pattern_or_a_note_says_why_not(case, method, strategy):
    series, distinct = CASES[case]
    log = log_of(series)
    for n_clusters in ("auto", 1, min(5, len(series)), len(series)):
        options = {"method": method, "strategy": strategy, "n_clusters": n_clusters}
        try:
            config = gymlab.ExtractionConfig(**options, n_surrogates=0, n_resamples=0)
        except InputError:
            continue
        found = gymlab.extract_patterns(log, config)
        notes = " / ".join(found.notes)
        if len(series) < 5 and method in ("dbscan", "hdbscan"):
            assert not found.patterns
            assert f"{method} found no pattern: there are fewer windows than min_samples, which is 5" in notes
            continue
        wanted = distinct if n_clusters == "auto" else min(distinct, n_clusters)
        assert len(found.patterns) == wanted
        is_fewer = n_clusters != "auto" and n_clusters > distinct
        assert (f"fewer patterns than asked for: {distinct} of {n_clusters}" in notes) == is_fewer


def test_the_note_on_fewer_patterns_goes_with_the_cut_that_it_was_of():
    found = gymlab.extract_patterns(
        log_of([SAME, OTHER] * 5), gymlab.ExtractionConfig(n_clusters=4, n_surrogates=0, n_resamples=0)
    )
    assert any("2 of 4" in note for note in found.notes)
    assert not any("fewer patterns" in note for note in found.cut(n_clusters=2).notes)
    assert any("2 of 7" in note for note in found.cut(n_clusters=7).notes)


def test_hdbscan_says_why_it_found_noise_alone():
    rng = np.random.default_rng(0)
    series = ["".join(rng.choice(list("abc"), 20)) for _ in range(12)]
    config = gymlab.ExtractionConfig(method="hdbscan", n_surrogates=0, n_resamples=0)
    found = gymlab.extract_patterns(log_of(series), config)
    assert not found.patterns
    assert any("the windows do not separate into groups of 5 or more" in note for note in found.notes)


def test_dbscan_says_why_it_found_noise_alone():
    rng = np.random.default_rng(0)
    series = ["".join(rng.choice(list("abc"), 20)) for _ in range(12)]
    config = gymlab.ExtractionConfig(method="dbscan", eps=0.01, n_surrogates=0, n_resamples=0)
    found = gymlab.extract_patterns(log_of(series), config)
    assert not found.patterns
    assert any("none of the windows has 5 windows within eps" in note for note in found.notes)
