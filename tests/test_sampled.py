"""Samples: what is drawn, what the rest is assigned to, and what the agreement says; matrices kept by content."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from gymlab import BoundedCache
from gymlab.clustering import (
    adjusted_rand_index,
    build_tree,
    cached_pairwise,
    cluster_sample,
    cluster_tree,
    cut_tree,
    matrix_cache,
)
from gymlab.clustering.sampled import draw_sample
from gymlab.distance import dtw_cross, dtw_pairwise
from gymlab.errors import InputError


def shapes(n=600, seed=0, spread=0.4):
    """Three kinds of series, and which each is."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(3, size=n, p=[0.5, 0.3, 0.2])
    t = np.linspace(0, 2 * np.pi, 12)
    bases = np.array([np.sin(t), np.sign(np.cos(2 * t)), t / 3])
    return (bases[kinds] + spread * rng.normal(size=(n, 12))).astype(np.float32), kinds


@given(
    groups=st.lists(st.integers(0, 5), min_size=2, max_size=60),
    size=st.integers(2, 70),
    seed=st.integers(0, 99),
)
@settings(max_examples=100, deadline=None)
def test_each_group_is_sampled_in_proportion(groups, size, seed):
    n = len(groups)
    sample = draw_sample(n, size, groups=groups, seed=seed)
    assert len(sample) == min(n, size)
    assert sorted(set(sample.tolist())) == sample.tolist()
    for group in set(groups):
        share = groups.count(group) * min(1, size / n)
        assert abs(sum(groups[i] == group for i in sample) - share) < 1 + 1e-9
    np.testing.assert_array_equal(sample, draw_sample(n, size, groups=groups, seed=seed))


def test_every_item_is_as_likely():
    counts = np.zeros(20)
    for seed in range(2000):
        counts[draw_sample(20, 5, groups=[0] * 8 + [1] * 12, seed=seed)] += 1
    assert counts[:8].sum() == counts[8:].sum() * 2 / 3
    assert np.abs(counts - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)


def test_the_sample_is_clustered_exactly_and_the_rest_goes_to_the_nearest_representative():
    series, _ = shapes(spread=1.5)
    found = cluster_sample(series, sample_size=150, n_clusters=4, seed=2)
    matrix = dtw_pairwise(series[found.sample])
    tree = build_tree(matrix)
    np.testing.assert_array_equal(found.tree, tree)
    assert adjusted_rand_index(found.labels[found.sample], cut_tree(tree, n_clusters=4)) == 1.0
    assert found.quality.silhouette == cluster_tree(matrix, tree, n_clusters=4).quality.silhouette
    assert set(found.representatives) <= set(found.sample)
    rest = np.setdiff1d(np.arange(600), found.sample)
    nearest = dtw_cross(series[rest], series[found.representatives]).argmin(axis=1)
    np.testing.assert_array_equal(found.labels[rest], found.labels[found.representatives[nearest]])
    assert (np.diff(np.bincount(found.labels)) <= 0).all()
    assert found.labels[found.medoids].tolist() == list(range(4))
    assert set(found.medoids) <= set(found.sample)


def test_clear_clusters_are_those_of_all_and_the_agreement_says_so():
    series, kinds = shapes()
    found = cluster_sample(series, sample_size=120, n_clusters=3)
    assert adjusted_rand_index(found.labels, kinds) > 0.95
    assert found.agreement > 0.95
    low, high = found.agreement_range
    assert low <= found.agreement <= high
    assert "120 of 600" in found.explanation
    assert "80% of the sample was held back" in found.explanation


def test_where_there_are_no_clusters_the_agreement_says_so():
    series = np.random.default_rng(0).normal(size=(600, 12)).astype(np.float32)
    found = cluster_sample(series, sample_size=200, n_clusters=8)
    exact = cut_tree(build_tree(dtw_pairwise(series)), n_clusters=8)
    assert adjusted_rand_index(found.labels, exact) < 0.7
    assert found.agreement < 0.7


@pytest.mark.parametrize("cut", [{"n_clusters": 3}, {"height": 5.0}, {}])
def test_a_sample_of_everything_is_the_exact_clustering(cut):
    series, _ = shapes(90)
    found = cluster_sample(series, sample_size=90, method="average", **cut)
    matrix = dtw_pairwise(series)
    exact = cluster_tree(matrix, build_tree(matrix, "average"), **cut)
    np.testing.assert_array_equal(found.labels, exact.labels)
    np.testing.assert_array_equal(found.medoids, exact.medoids)
    assert found.agreement == 1.0
    assert "nothing that could disagree" in found.explanation


def test_series_of_unequal_length_and_categories_are_sampled_and_the_seed_decides():
    rng = np.random.default_rng(1)
    series = [rng.integers(0, 3, size=(rng.integers(3, 9), 1)).astype(float) for _ in range(80)]
    one, same, other = (
        cluster_sample(series, sample_size=30, mismatch_weights=(2.0,), radius=2, seed=seed)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.labels, same.labels)
    assert one.agreement_range == same.agreement_range
    assert one.sample.tolist() != other.sample.tolist()


def test_a_checkpoint_stops_it():
    series, _ = shapes(200)
    calls = []
    cluster_sample(series, sample_size=50, checkpoint=lambda: calls.append(1))
    for last in range(0, len(calls), 5):
        left = [None] * last
        with pytest.raises(IndexError):
            cluster_sample(series, sample_size=50, checkpoint=left.pop)


def test_what_cannot_be_used_is_refused():
    with pytest.raises(InputError, match="sample_size is 1"):
        cluster_sample(np.ones((5, 3)), sample_size=1)
    with pytest.raises(InputError, match="one value for each of 5"):
        cluster_sample(np.ones((5, 3)), sample_size=3, groups=[1, 2])
    with pytest.raises(InputError, match="seed is -1"):
        cluster_sample(np.ones((5, 3)), sample_size=3, seed=-1)


def test_the_index_of_agreement_is_scikit_learns():
    rng = np.random.default_rng(0)
    a, b = rng.integers(-1, 4, 50), rng.integers(0, 3, 50)
    assert adjusted_rand_index(a, b) == adjusted_rand_score(a, b)
    with pytest.raises(InputError, match="give two labels for each item"):
        adjusted_rand_index(a, b[:-1])


def test_a_matrix_is_kept_by_content():
    cache = BoundedCache(max_bytes=1_000_000)
    series = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    first = cached_pairwise(series, cache=cache)
    np.testing.assert_array_equal(first, dtw_pairwise(series))
    assert not first.flags.writeable
    assert cached_pairwise(series.copy(), cache=cache) is first
    assert cached_pairwise([row.tolist() for row in series], cache=cache) is first
    changed = series.copy()
    changed[3, 2] += 1
    others = [
        cached_pairwise(changed, cache=cache),
        cached_pairwise(series[::-1], cache=cache),
        cached_pairwise(series.reshape(40, 3, 2), cache=cache),
        cached_pairwise(series, radius=1, cache=cache),
        cached_pairwise(np.abs(np.round(series))[:, :, None], cache=cache, mismatch_weights=(1.0,)),
        cached_pairwise(np.abs(np.round(series))[:, :, None], cache=cache, mismatch_weights=(3.0,)),
        cached_pairwise(np.abs(np.round(series))[:, :, None], cache=cache),
    ]
    assert len({id(matrix) for matrix in [first, *others]}) == 8
    assert cache.stats().misses == 8
    # What was handed in may change; the key was its content then.
    series[0] = 0
    np.testing.assert_array_equal(cached_pairwise(series, cache=cache), dtw_pairwise(series))


def test_series_that_differ_in_length_alone_have_other_keys():
    cache = BoundedCache(max_bytes=1_000_000)
    cached_pairwise([[1.0, 0.0], [2.0]], cache=cache)
    cached_pairwise([[1.0, 0.0], [2.0, 0.0]], cache=cache)
    assert cache.stats().misses == 2


def test_a_matrix_beyond_the_budget_is_computed_and_not_kept_and_a_cancelled_one_is_none():
    cache = BoundedCache(max_bytes=100)
    series = np.random.default_rng(0).normal(size=(40, 6))
    assert cached_pairwise(series, cache=cache) is not cached_pairwise(series, cache=cache)

    def cancel():
        raise KeyboardInterrupt

    large = BoundedCache(max_bytes=1_000_000)
    with pytest.raises(KeyboardInterrupt):
        cached_pairwise(series, cache=large, checkpoint=cancel)
    assert len(large) == 0


def test_callers_at_once_find_the_same():
    cache = BoundedCache(max_bytes=10_000_000)
    series = np.random.default_rng(0).normal(size=(900, 20))
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(cached_pairwise(series, cache=cache))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for matrix in found:
        np.testing.assert_array_equal(matrix, dtw_pairwise(series))


def test_the_cache_that_all_share_is_bounded():
    assert matrix_cache() is matrix_cache()
    series = np.random.default_rng(8).normal(size=(30, 4))
    assert cached_pairwise(series) is cached_pairwise(series)
