"""Neighbour graphs: whatever is ruled out, accepted or abandoned on the way, they are those of the full matrix."""

import threading

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import squareform
from sklearn.cluster import DBSCAN

from gymlab.distance import blocks, dtw_neighbors, dtw_pairwise, neighbors, row_distances, search_plans
from gymlab.distance.kernels.vectors import KernelPath
from gymlab.errors import InputError

RADII = [None, 0, 1, 4]


def matrix_of(series, radius=None, weights=()):
    return squareform(dtw_pairwise(series, radius=radius, mismatch_weights=weights))


def edges_of(square, eps=None, k=None):
    """The neighbours of each series, ascending: all within eps, or the first k by distance and then by index."""
    others = square.copy()
    np.fill_diagonal(others, np.inf)
    if k is None:
        return [np.flatnonzero(row <= eps).tolist() for row in others]
    return [sorted(np.argsort(row, kind="stable")[:k].tolist()) for row in others]


def quantile(square, share):
    """A distance of the matrix itself, so that a pair at just eps is among the pairs."""
    return float(np.quantile(square[np.triu_indices(len(square), 1)], share, method="lower"))


def assert_graph(found, square, edges, *, values=True):
    n = len(square)
    graph, stats = found.graph, found.stats
    assert graph.shape == (n, n)
    assert graph.indptr.tolist() == np.cumsum([0, *map(len, edges)]).tolist()
    assert graph.indices.tolist() == [j for row in edges for j in row]
    if values:
        assert graph.data.dtype == np.float32
        expected = np.array([square[i, j] for i, row in enumerate(edges) for j in row], dtype=np.float32)
        np.testing.assert_array_equal(graph.data.view(np.uint32), expected.view(np.uint32))
    else:
        assert graph.data.dtype == bool
        assert graph.data.all()
    assert stats.pairs == n * (n - 1)
    assert sum(stats.pruned.values()) + stats.accepted + stats.abandoned + stats.computed == stats.pairs
    assert min([*stats.pruned.values(), stats.accepted, stats.abandoned, stats.computed, stats.seconds]) >= 0


def check(series, radius=None, weights=(), ks=(1, 4), shares=(0.0, 0.03, 0.3, 1.0), **more):
    """Compare all queries with the full matrix; return the statistics."""
    square = matrix_of(series, radius, weights)
    all_stats = []
    for query in [{"k": k} for k in ks] + [{"eps": quantile(square, share)} for share in shares]:
        edges = edges_of(square, **query)
        for values in (True, False):
            found = dtw_neighbors(
                series, radius=radius, mismatch_weights=weights, values=values, **query, **more
            )
            assert_graph(found, square, edges, values=values)
            all_stats.append(found.stats)
    return all_stats


def pruned_by(bound, all_stats):
    return sum(stats.pruned.get(bound, 0) for stats in all_stats)


def looked_up(all_stats):
    return all("segments" in stats.pruned for stats in all_stats)


def walks(seed, n, length, channels=2):
    return np.random.default_rng(seed).normal(size=(n, length, channels)).cumsum(axis=1)


def of_few_points(seed, n, length, points):
    rng = np.random.default_rng(seed)
    return points[rng.integers(len(points), size=(n, length))]


@given(st.data(), st.sampled_from([None, 0, 1, 3, 50]))
@settings(max_examples=60, deadline=None)
def test_the_graph_agrees_with_plain_loops(data, radius):
    """Small whole numbers, whose distances are exact and often equal."""
    n = data.draw(st.integers(2, 20))
    lengths = data.draw(st.lists(st.integers(1, 6), min_size=n, max_size=n))
    if data.draw(st.booleans()):
        lengths = lengths[:1] * n
    numbers = st.integers(-2, 2).map(float)
    series = [data.draw(arrays(np.float64, (length, 2), elements=numbers)) for length in lengths]
    square = np.zeros((n, n), dtype=np.float32)
    for i in range(n):
        for j in range(n):
            square[i, j] = naive.dtw(series[i], series[j], radius)
    k = data.draw(st.integers(1, n - 1))
    assert_graph(dtw_neighbors(series, k=k, radius=radius), square, edges_of(square, k=k))
    eps = data.draw(st.sampled_from(sorted(set(square.ravel().tolist()))))
    edges = edges_of(square, eps=eps)
    for values in (True, False):
        found = dtw_neighbors(series, eps=eps, radius=radius, values=values)
        assert_graph(found, square, edges, values=values)


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize(("channels", "length"), [(1, 20), (2, 12)], ids=["one channel", "two channels"])
def test_noise_which_hardly_any_bound_rules_out(channels, length, radius):
    check(np.random.default_rng(0).normal(size=(150, length, channels)), radius)


@pytest.mark.parametrize("radius", [None, 2, 8])
@pytest.mark.parametrize(("channels", "length"), [(1, 100), (2, 40)], ids=["one channel", "two channels"])
def test_walks_of_which_every_bound_rules_out_some(channels, length, radius):
    all_stats = check(walks(1, 203, length, channels), radius)
    assert pruned_by("kim", all_stats) > 0
    assert pruned_by("keogh", all_stats) > 0
    # In a narrow band the distance itself is as cheap as this bound.
    assert (pruned_by("webb", all_stats) > 0) == (radius != 2)
    assert sum(stats.abandoned for stats in all_stats) > 0
    assert sum(stats.accepted for stats in all_stats) > 0


def test_lanes_that_are_left_of_several_blocks_are_packed_and_computed():
    """Clusters that are far from each other and spread over the blocks: each block keeps a few lanes."""
    rng = np.random.default_rng(2)
    centres = 30 * rng.normal(size=(40, 1, 2))
    series = (walks(3, 640, 40) + np.tile(centres, (16, 1, 1))).astype(np.float32)
    all_stats = check(series, 3, ks=(3, 15), shares=(0.0, 0.02))
    assert pruned_by("kim", all_stats) > 0
    assert pruned_by("keogh", all_stats) > sum(stats.pairs for stats in all_stats) / 2
    assert sum(stats.computed for stats in all_stats) > 0


@pytest.mark.parametrize("radius", RADII)
def test_series_of_unequal_length(radius):
    lengths = np.random.default_rng(4).integers(1, 40, 170)
    series = [walks(seed, 1, length)[0] for seed, length in enumerate(lengths)]
    all_stats = check(series, radius)
    assert pruned_by("kim", all_stats) + pruned_by("keogh", all_stats) > 0
    assert pruned_by("webb", all_stats) == 0
    assert not any(stats.accepted for stats in all_stats)


@pytest.mark.parametrize("radius", RADII)
def test_codes_beside_numbers(radius):
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 3, size=(150, 30, 1))
    for numbers in (rng.normal(size=(150, 30, 2)), walks(6, 150, 30)):
        check(np.concatenate([numbers, codes], axis=2), radius, weights=(1.5,))
    # Nearly the same numbers and codes ten times each: near, unless codes that agree were charged.
    series = np.tile(np.concatenate([numbers, codes], axis=2)[:15], (10, 1, 1))
    series[:, :, :2] += 0.05 * rng.normal(size=(150, 30, 2))
    check(series, radius, weights=(1.5,))


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("n", [555, 640])
def test_few_distinct_points_are_looked_up(n, radius):
    points = np.random.default_rng(7).normal(size=(3, 3))
    all_stats = check(of_few_points(8, n, 12, points), radius)
    assert looked_up(all_stats)
    assert pruned_by("segments", all_stats) > 0
    assert sum(stats.computed for stats in all_stats) > 0


def test_lengths_that_are_no_multiple_of_a_segment_or_of_four_are_looked_up_too():
    points = np.random.default_rng(9).normal(size=(2, 3))
    for length in (2, 3, 5, 9, 23):
        for radius in (None, 2):
            assert looked_up(check(of_few_points(10, 300, length, points), radius, ks=(3,), shares=(0.1,)))


def test_what_is_looked_up_is_abandoned_and_accepted_too():
    # Two points, one of them rare: most series are far from most others only towards their ends.
    points = np.random.default_rng(11).normal(size=(3, 3))
    all_stats = check(of_few_points(12, 700, 24, points), 1, ks=(3,), shares=(0.01, 0.5))
    assert looked_up(all_stats)
    assert sum(stats.abandoned for stats in all_stats) > 0
    assert sum(stats.accepted for stats in all_stats) > 0


@pytest.mark.parametrize("radius", RADII)
def test_few_distinct_points_with_codes_are_looked_up(radius):
    rng = np.random.default_rng(13)
    points = np.concatenate([rng.normal(size=(3, 2)), [[0.0], [1.0], [1.0]]], axis=1)
    all_stats = check(of_few_points(14, 700, 12, points), radius, weights=(0.75,))
    assert looked_up(all_stats)
    assert pruned_by("segments", all_stats) > 0


@pytest.mark.parametrize("channels", [2, 3])
def test_many_duplicates_tie_and_the_first_of_them_are_the_nearest(channels):
    """Each of thirty series twelve times, in any order: most k-th places are ties at 0, some at a distance."""
    rng = np.random.default_rng(15)
    of_noise = rng.normal(size=(30, 12, channels))
    few = of_few_points(16, 30, 12, rng.normal(size=(2, channels)))
    for originals in (of_noise, few):
        all_stats = check(originals[rng.permutation(np.repeat(np.arange(30), 12))], ks=(3, 11, 20))
        assert looked_up(all_stats) == (originals is few)


@pytest.mark.parametrize("points", [1, 12], ids=["looked up", "computed"])
def test_of_identical_series_the_first_are_the_nearest_at_explicit_zeros(points):
    one = np.random.default_rng(17).normal(size=(points, 3)).repeat(12 // points, axis=0)
    series = np.tile(one, (130, 1, 1))
    check(series, ks=(1, 5, 129), shares=(0.0,))
    graph = dtw_neighbors(series, k=2).graph
    assert graph.nnz == 260
    assert not graph.data.any()
    assert graph[[0], :].indices.tolist() == [1, 2]
    assert graph[[129], :].indices.tolist() == [0, 1]


def test_series_of_one_point_are_settled_by_their_first_points():
    all_stats = check(np.random.default_rng(18).normal(size=(150, 1, 2)))
    assert pruned_by("kim", all_stats) > 0


@pytest.mark.parametrize("series", [[[0.0, 1.0], [0.0, 3.0]], [[2.0], [2.0]], [[0.0, 1.0, 5.0], [4.0]]])
def test_two_series_are_each_others_neighbours(series):
    check(series, ks=(1,), shares=(0.0,))
    assert dtw_neighbors(series, k=1).graph.indices.tolist() == [1, 0]


def test_a_pair_at_just_eps_is_in_and_one_a_digit_beyond_is_not():
    series = np.random.default_rng(19).normal(size=(80, 10, 2))
    square = matrix_of(series)
    for distance in np.sort(square[np.triu_indices(80, 1)])[[0, 7, 300, -1]]:
        below = np.nextafter(distance, np.float32(0))
        for eps in (distance, float(distance), below):
            for values in (True, False):
                found = dtw_neighbors(series, eps=eps, values=values)
                assert found.graph.nnz == np.count_nonzero(square <= eps) - 80


def test_neither_a_shift_nor_a_power_of_two_changes_the_graph():
    """Far from the middle of float32 the series are moved and scaled, and eps with them."""
    whole = np.random.default_rng(20).integers(-50, 50, size=(90, 8, 2)).astype(float)
    square = matrix_of(whole)
    eps = quantile(square, 0.1)
    near, nearest = dtw_neighbors(whole, eps=eps).graph, dtw_neighbors(whole, k=3).graph
    for scale in (2.0**-60, 2.0**60):
        moved = (whole + 2.0**20) * scale
        found = dtw_neighbors(moved, eps=eps * scale).graph, dtw_neighbors(moved, k=3).graph
        for one, other in zip(found, (near, nearest), strict=True):
            np.testing.assert_array_equal(one.indices, other.indices)
            np.testing.assert_array_equal(one.data, other.data * np.float32(scale))


@pytest.mark.parametrize("eps", [0, 1e-300, 1e30, 1e300])
def test_any_eps_that_is_a_distance_is_taken(eps):
    series = walks(21, 70, 6)
    found = dtw_neighbors(series, eps=eps).graph
    assert found.nnz == (70 * 69 if eps > 1 else 0)


@pytest.mark.parametrize("few", [False, True], ids=["computed", "looked up"])
def test_the_graph_does_not_depend_on_the_number_of_threads(monkeypatch, few):
    monkeypatch.setattr(blocks, "_CELLS_WORTH_THREADS", 0)
    monkeypatch.setattr(neighbors, "_RANGE_BYTES", 1)
    threads = set()
    search_blocks = neighbors.NeighborSearch.search_blocks

    def noted(*arguments):
        threads.add(threading.get_ident())
        search_blocks(*arguments)

    monkeypatch.setattr(neighbors.NeighborSearch, "search_blocks", noted)
    points = np.random.default_rng(22).normal(size=(3, 3))
    series = of_few_points(23, 700, 12, points) if few else walks(24, 700, 12)
    for n_threads in (1, 2, 5):
        threads.clear()
        all_stats = check(series, 2, ks=(4,), shares=(0.03,), n_threads=n_threads)
        assert looked_up(all_stats) == few
        assert (len(threads) > 1) == (n_threads > 1)


def test_values_may_be_left_out_and_then_some_pairs_are_accepted_unseen():
    series = walks(25, 150, 12)
    eps = quantile(matrix_of(series), 0.3)
    whole, edges = dtw_neighbors(series, eps=eps), dtw_neighbors(series, eps=eps, values=False)
    assert whole.stats.accepted == 0
    assert edges.stats.accepted > 0
    assert edges.stats.computed < whole.stats.computed
    np.testing.assert_array_equal(edges.graph.toarray(), whole.graph.toarray() > 0)


@pytest.mark.parametrize("share", [0.005, 0.02, 0.1])
def test_dbscan_on_the_graph_finds_what_it_finds_on_the_matrix(share):
    """Among the series are duplicates, which a zero that is not explicit would lose."""
    series = np.concatenate([walks(26, 120, 10), walks(26, 40, 10)])
    square = matrix_of(series)
    eps = quantile(square, share)
    on_matrix = DBSCAN(eps=eps, min_samples=4, metric="precomputed").fit(square)
    on_graph = DBSCAN(eps=eps, min_samples=4, metric="precomputed").fit(dtw_neighbors(series, eps=eps).graph)
    assert set(on_matrix.labels_.tolist()) > {0}
    np.testing.assert_array_equal(on_graph.labels_, on_matrix.labels_)
    np.testing.assert_array_equal(on_graph.core_sample_indices_, on_matrix.core_sample_indices_)


def plain_path():
    return KernelPath("plain", 64, "to be tested")


@pytest.mark.parametrize("radius", [None, 3])
@pytest.mark.parametrize("ragged", [False, True], ids=["one length", "unequal lengths"])
def test_plain_loops_find_the_same_graph(monkeypatch, ragged, radius):
    lengths = np.random.default_rng(27).integers(1, 20, 150) if ragged else [20] * 150
    series = [walks(seed, 1, length)[0] for seed, length in enumerate(lengths)]
    square = matrix_of(series, radius)
    # In the middle of the widest gap, where another rounding changes nothing.
    distances = np.sort(square[np.triu_indices(150, 1)])[1000:2000]
    at = int(np.argmax(np.diff(distances)))
    queries = ({"k": 4}, {"eps": float((distances[at] + distances[at + 1]) / 2)})
    by_vectors = [dtw_neighbors(series, radius=radius, **query).graph for query in queries]
    for module in (row_distances, search_plans):
        monkeypatch.setattr(module, "kernel_path", plain_path)
    np.testing.assert_allclose(matrix_of(series, radius), square, rtol=1e-6)
    for stats in check(series, radius):
        assert stats.pruned == {}
        assert stats.computed == stats.pairs
    for query, expected in zip(queries, by_vectors, strict=True):
        found = dtw_neighbors(series, radius=radius, **query).graph
        np.testing.assert_array_equal(found.indptr, expected.indptr)
        np.testing.assert_array_equal(found.indices, expected.indices)
        np.testing.assert_allclose(found.data, expected.data, rtol=1e-6)


def test_progress_reaches_the_total_and_an_exception_in_it_stops_the_work(monkeypatch):
    monkeypatch.setattr(neighbors, "_RANGE_BYTES", 1)
    series = walks(28, 400, 6)
    seen = []
    dtw_neighbors(series, k=2, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 3
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]

    class CancelledError(Exception):
        pass

    calls = []

    def cancel(done, _total):
        calls.append(done)
        raise CancelledError

    with pytest.raises(CancelledError):
        dtw_neighbors(series, k=2, progress=cancel)
    assert len(calls) == 1


THREE = [[0.0, 1.0], [1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dtw_neighbors(THREE), "give eps"),
        (lambda: dtw_neighbors(THREE, eps=1.0, k=1), "one of them"),
        (lambda: dtw_neighbors(THREE, k=0), "k is 0; give a whole number from 1 to 2"),
        (lambda: dtw_neighbors(THREE, k=3), "k is 3"),
        (lambda: dtw_neighbors(THREE, k=1.0), "k is 1.0"),
        (lambda: dtw_neighbors(THREE, k=True), "k is True"),
        (lambda: dtw_neighbors(THREE, eps=-1), "eps is -1; give a finite distance of 0 or more"),
        (lambda: dtw_neighbors(THREE, eps=np.inf), "eps is inf"),
        (lambda: dtw_neighbors(THREE, eps=np.nan), "eps is nan"),
        (lambda: dtw_neighbors(THREE, eps="1"), "eps is '1'"),
        (
            lambda: dtw_neighbors([*THREE, [1.0, np.nan]], k=1),
            "series 3 holds NaN or infinity at time point 1",
        ),
        (lambda: dtw_neighbors([], k=1), "no series"),
        (lambda: dtw_neighbors([[1.0], []], k=1), "series 1 is empty"),
        (lambda: dtw_neighbors([[1.0], [[1.0, 2.0]]], k=1), "different numbers of channels"),
        (lambda: dtw_neighbors(THREE, k=1, radius=-1), "radius is -1"),
        (lambda: dtw_neighbors(THREE, k=1, n_threads=0), "n_threads is 0"),
        (lambda: dtw_neighbors(THREE, k=1, mismatch_weights=(-1,)), "mismatch_weights"),
        (lambda: dtw_neighbors(THREE, k=1, mismatch_weights=5), "mismatch_weights is 5"),
        (lambda: dtw_neighbors([[1.0, 2.0]], k=1), "a single series has no neighbours"),
        (lambda: dtw_neighbors([[1.0, 2.0]], eps=1.0), "give two or more"),
    ],
)
def test_unusable_input_is_named(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
