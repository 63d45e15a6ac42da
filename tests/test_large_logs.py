"""Logs of any size: which strategy is taken and why, and that those without a matrix find what the matrix gives."""

import asyncio
import json

import numpy as np
import pytest
from made import action, rhythms
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score

import gymlab
from gymlab.clustering import describe_labels
from gymlab.errors import InputError, MemoryLimitError
from gymlab.patterns import planning, without_matrix
from gymlab.patterns.soft_dtw import soft_dtw_pairwise

FEW = {"window": 10, "hop": 5}


@pytest.fixture(scope="module")
def log():
    return rhythms(sessions=8)


def extraction(log, **fields):
    return gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW, **fields))


def no_matrix(monkeypatch):
    """Let the estimate of the matrix's time be above the limit."""
    monkeypatch.setattr(planning, "_MOST_SECONDS", 1e-6)


def test_a_small_log_is_clustered_exactly_and_it_is_said_why(log):
    found = extraction(log)
    assert found.stats.strategy == "exact"
    assert "matrix of all pairs takes" in found.stats.reason
    assert any(found.stats.reason in note for note in found.notes)
    assert found.sample is None
    assert found.stats.estimated_bytes == 8 * found.stats.pairs


@pytest.mark.parametrize(
    ("method", "strategy"),
    [
        ("single", "streamed"),
        ("hdbscan", "streamed"),
        ("dbscan", "graph"),
        ("ward", "sampled"),
        ("kmedoids", "sampled"),
    ],
)
def test_auto_takes_the_methods_own_way_where_the_matrix_takes_too_much(log, monkeypatch, method, strategy):
    exact = extraction(log, method=method, strategy="exact")
    monkeypatch.setattr(planning, "_BYTES_A_PAIR", dict.fromkeys(planning._BYTES_A_PAIR, 1e15))
    found = extraction(log, method=method)
    assert found.stats.strategy == strategy
    assert "may be used" in found.stats.reason
    assert found.stats.reason in " ".join(found.notes)
    if strategy != "sampled":
        np.testing.assert_array_equal(found.labels, exact.labels)
        assert found.distances is None


def test_the_plan_holds_memory_and_time_against_their_limits(log, monkeypatch):
    no_matrix(monkeypatch)
    assert "would take about" in extraction(log, method="single").stats.reason


@pytest.mark.parametrize("method", ["dbscan", "hdbscan"])
def test_noise_is_in_no_pattern_and_everything_still_works(method):
    log = gymlab.actions.frame_from_records(
        [action(step, "ab"[step % 2], agent=f"a{n}") for n in range(6) for step in range(20)]
        + [action(step, "cdefghijkl"[(3 * step) % 10], agent="z") for step in range(20)]
    )
    found = extraction(log, method=method, min_samples=4)
    assert 0 < found.stats.noise == (found.labels < 0).sum()
    assert sum(pattern.size for pattern in found.patterns) + found.stats.noise == len(found.windows)
    labelled = found.labelled_actions()
    rows = found.windows.rows_of(np.flatnonzero(found.labels >= 0))
    assert labelled["pattern"].notna().sum() == len(rows)
    assert any("noise" in note for note in found.notes)
    json.dumps(found.as_dict(), allow_nan=False)
    widths = found.quality.silhouettes
    assert np.isnan(widths[found.labels < 0]).all()


def test_all_noise_is_no_pattern():
    log = gymlab.select_actions(rhythms(sessions=1, length=12), agent="random")
    found = extraction(log, method="hdbscan")
    assert found.patterns == ()
    assert found.labelled_actions()["pattern"].isna().all()
    json.dumps(found.as_dict(), allow_nan=False)
    with pytest.raises(InputError, match="only noise"):
        found.assign(log)


def test_a_sample_holds_what_was_clustered_and_agrees_with_all():
    log = rhythms(sessions=30)
    exact = extraction(log, n_clusters=3)
    found = extraction(log, strategy="sampled", sample_size=120, n_clusters=3)
    assert found.stats.strategy == "sampled"
    assert found.stats.reason == "as asked"
    assert len(found.sample) == 120 == len(found.linkage) + 1
    assert len(found.distances) == 120 * 119 // 2
    # The same distances as those of all windows, and the medoids and widths that they give.
    n = len(found.windows)
    i, j = np.triu_indices(120, 1)
    i, j = found.sample[i], found.sample[j]
    np.testing.assert_array_equal(found.distances, exact.distances[i * (2 * n - i - 1) // 2 + j - i - 1])
    described = describe_labels(found.distances, found.labels[found.sample])
    assert set(found.sample[described.medoids]) == {pattern.medoid for pattern in found.patterns}
    np.testing.assert_allclose(found.quality.silhouettes[found.sample], described.quality.silhouettes)
    assert np.isnan(np.delete(found.quality.silhouettes, found.sample)).all()
    assert adjusted_rand_score(exact.labels, found.labels) > 0.9
    assert found.stats.agreement > 0.5
    assert any("adjusted Rand index" in note for note in found.notes)
    assert 0 < found.stats.pruned < found.stats.pairs


def test_windows_outside_the_sample_belong_to_the_nearest_representative():
    log = rhythms(sessions=30)
    for method in ("ward", "kmedoids"):
        found = extraction(log, method=method, strategy="sampled", sample_size=60, n_clusters=4)
        rest = np.setdiff1d(np.arange(len(found.windows)), found.sample)
        values = found.windows.values
        cross = gymlab.distance.dtw_cross(values[rest], values[found.representatives])
        own = found.representative_labels[None, :] == found.labels[rest][:, None]
        assert (np.where(own, cross, np.inf).min(axis=1) == cross.min(axis=1)).all()


def test_medoids_without_a_number_take_that_of_the_best_silhouette(log):
    found = extraction(log, method="kmedoids")
    curve = found.quality.silhouette_by_n_clusters
    assert set(curve) == set(range(2, 21))
    assert len(found.patterns) == max(curve, key=curve.get)
    assert [pattern.medoid for pattern in found.patterns] == found.representatives.tolist()
    fixed = extraction(log, method="kmedoids", n_clusters=len(found.patterns))
    np.testing.assert_array_equal(fixed.labels, found.labels)
    assert found.quality.silhouette == pytest.approx(max(curve.values()))


def test_the_number_of_streamed_single_linkage_clusters_is_that_of_the_matrix(log, monkeypatch):
    exact = extraction(log, method="single")
    no_matrix(monkeypatch)
    streamed = extraction(log, method="single")
    assert streamed.stats.strategy == "streamed"
    np.testing.assert_array_equal(streamed.labels, exact.labels)
    np.testing.assert_allclose(streamed.linkage, exact.linkage)
    assert streamed.quality.silhouette == pytest.approx(exact.quality.silhouette)
    assert [p.medoid for p in streamed.patterns] == [p.medoid for p in exact.patterns]


def test_medoids_of_many_windows_come_from_some_of_each_pattern(log, monkeypatch):
    no_matrix(monkeypatch)
    monkeypatch.setattr(without_matrix, "_DESCRIBED", 30)
    found = extraction(log, method="single", n_clusters=5)
    assert any("drawn from every pattern" in note for note in found.notes)
    for pattern in found.patterns:
        assert pattern.medoid in pattern.members


def test_a_graph_that_would_not_fit_is_refused_by_name(log, monkeypatch):
    no_matrix(monkeypatch)
    monkeypatch.setattr(without_matrix, "memory_budget", lambda: 1000)
    with pytest.raises(MemoryLimitError, match=r"about 100.0% of the pairs.*within eps 100;.*hdbscan"):
        extraction(log, method="dbscan", eps=100)


def test_dbscan_without_eps_says_which_it_took(log, monkeypatch):
    exact = extraction(log, method="dbscan")
    no_matrix(monkeypatch)
    graph = extraction(log, method="dbscan")
    for found in (exact, graph):
        assert any(note.startswith("eps ") for note in found.notes)
    np.testing.assert_array_equal(graph.labels, exact.labels)


def test_pairs_that_a_neighbour_query_ruled_out_count_as_pruned(log, monkeypatch):
    exact = extraction(log, method="dbscan", eps=1.0)
    no_matrix(monkeypatch)
    graph = extraction(log, method="dbscan", eps=1.0)
    assert exact.stats.pruned == 0 < graph.stats.pruned < graph.stats.pairs
    np.testing.assert_array_equal(graph.labels, exact.labels)


def test_a_sample_that_would_not_fit_is_refused(log, monkeypatch):
    monkeypatch.setenv("GYMLAB_MEMORY_FRACTION", "1e-9")
    for fields in ({}, {"strategy": "sampled", "sample_size": 100}):
        with pytest.raises(MemoryLimitError, match=r"clustering a sample of .* Choose a smaller sample_size"):
            extraction(log, **fields)


def test_more_patterns_than_the_sample_has_windows_are_refused(log):
    with pytest.raises(InputError, match="n_clusters is 60, more than the sample_size of 50"):
        extraction(log, strategy="sampled", sample_size=50, n_clusters=60)


def test_soft_dtw_is_another_distance_for_few_windows():
    log = rhythms(2)
    found = extraction(log, distance="soft-dtw", n_clusters=3)
    expected = soft_dtw_pairwise(found.windows.values, mismatch_weights=found.encoding.mismatch_weights)
    np.testing.assert_array_equal(found.distances, expected)
    assert found.stats.strategy == "exact"
    placed = found.assign(log)
    medoids = np.array([pattern.medoid for pattern in found.patterns])
    n = len(found.windows)
    square = squareform(expected)
    np.testing.assert_allclose(placed.distances, square[:, medoids].min(axis=1), rtol=1e-4, atol=1e-4)
    assert n == len(placed.labels)
    with pytest.raises(InputError, match="blocks all threads"):
        asyncio.run(gymlab.extract_patterns_async(log, found.config))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"distance": "euclidean"}, "distance is 'euclidean'; give one of dtw, soft-dtw"),
        ({"distance": "soft-dtw", "strategy": "sampled"}, "needs all pairs, and strategy 'sampled' does not"),
        ({"distance": "soft-dtw", "radius": 3}, "leave radius out"),
        ({"eps": 1.0}, "eps is for method 'dbscan', and method is 'ward'"),
        ({"eps": -1.0, "method": "dbscan"}, "eps is -1.0; give a distance"),
        ({"min_samples": 1}, "min_samples is 1; give a whole number of 2 or more"),
        ({"method": "hdbscan", "n_clusters": 3}, "finds the number of patterns itself"),
        ({"method": "kmedoids", "cut_height": 3.0}, "builds none; choose a linkage"),
        ({"strategy": "baseline", "cut_height": 3.0}, "strategy 'baseline' builds none"),
        ({"strategy": "baseline", "method": "dbscan"}, "by KMeans, not by 'dbscan'"),
        ({"strategy": "sampled", "method": "dbscan"}, "a sample is less dense than the log"),
        ({"strategy": "exact", "sample_size": 100}, "sample_size is for strategy 'sampled'"),
        ({"method": "dbscan", "sample_size": 100}, "sample_size is for a linkage or 'kmedoids'"),
        ({"sample_size": 1}, "sample_size is 1; give a whole number of 2 or more, or None"),
    ],
)
def test_what_does_not_go_together_is_refused_with_a_sentence(fields, message):
    with pytest.raises(InputError) as caught:
        gymlab.ExtractionConfig(**fields)
    assert message in str(caught.value)
