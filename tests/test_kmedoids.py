"""FasterPAM: against every choice of medoids, and against PAM's next swap."""

import naive_clusters as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from gymlab.clustering import kmedoids
from gymlab.errors import InputError


def matrix(n, seed, levels):
    rng = np.random.default_rng(seed)
    return rng.integers(1, levels + 1, n * (n - 1) // 2).astype(np.float32)


@given(
    n=st.integers(1, 20), seed=st.integers(0, 1000), levels=st.sampled_from([1, 3, 1000]), k=st.integers(1, 6)
)
@settings(max_examples=120, deadline=None)
def test_no_swap_lowers_the_loss_and_nothing_is_worse_than_the_start(n, seed, levels, k):
    k = min(k, n)
    distances = matrix(n, seed, levels)
    square = squareform(distances) if n > 1 else np.zeros((1, 1))
    found = kmedoids(distances, k, seed=seed)
    assert len(set(found.medoids.tolist())) == k
    assert found.loss == pytest.approx(naive.loss(square.tolist(), found.medoids.tolist()), abs=1e-6)
    assert found.loss <= found.start_loss
    assert naive.least_loss_after_a_swap(square.tolist(), found.medoids.tolist()) >= found.loss - 1e-6
    assert found.labels[found.medoids].tolist() == list(range(k))
    sizes = np.bincount(found.labels, minlength=k)
    assert (np.diff(sizes) <= 0).all()
    to_own = square[np.arange(n), found.medoids[found.labels]]
    np.testing.assert_array_equal(to_own, square[:, found.medoids].min(axis=1))


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_the_best_medoids_of_separate_groups_are_found(k):
    rng = np.random.default_rng(k)
    groups = np.concatenate([rng.normal(20 * c, 1, size=(4, 2)) for c in range(k)])
    distances = pdist(groups).astype(np.float32)
    found = kmedoids(distances, k)
    assert found.loss == pytest.approx(naive.best_loss(squareform(distances).tolist(), k), rel=1e-6)
    assert np.bincount(found.labels).tolist() == [4] * k


def test_the_seed_decides():
    distances = pdist(np.random.default_rng(0).normal(size=(400, 4))).astype(np.float32)
    one, same = kmedoids(distances, 7, seed=3), kmedoids(distances, 7, seed=3)
    np.testing.assert_array_equal(one.labels, same.labels)
    np.testing.assert_array_equal(one.medoids, same.medoids)
    assert one.n_swaps == same.n_swaps > 0
    assert len({tuple(sorted(kmedoids(distances, 7, seed=seed).medoids)) for seed in range(6)}) > 1


def test_many_swaps_keep_the_book_right():
    distances = np.random.default_rng(1).random(600 * 599 // 2, dtype=np.float32)
    found = kmedoids(distances, 12)
    square = squareform(distances)
    assert found.n_swaps > 10
    assert found.loss == pytest.approx(square[:, found.medoids].min(axis=1).sum(dtype=float), rel=1e-6)


def test_a_checkpoint_stops_it():
    distances = np.random.default_rng(1).random(300 * 299 // 2, dtype=np.float32)

    def cancel():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kmedoids(distances, 3, checkpoint=cancel)


@pytest.mark.parametrize("wrong", [0, 4, 1.5, True, "2"])
def test_a_number_of_clusters_that_cannot_be_is_refused(wrong):
    with pytest.raises(InputError, match="whole number from 1 to 3"):
        kmedoids(np.ones(3, np.float32), wrong)


def test_a_seed_that_cannot_be_is_refused():
    with pytest.raises(InputError, match="seed is -1"):
        kmedoids(np.ones(3, np.float32), 2, seed=-1)
