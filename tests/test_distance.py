"""Exactness of the distances: against plain loops, against tslearn and dtaidistance, and by their properties."""

import itertools

import naive
import numpy as np
import pytest
from dtaidistance import dtw as dtai
from dtaidistance import dtw_ndim as dtai_ndim
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tslearn.metrics import dtw as tslearn_dtw

from gymlab.distance import dtw, dtw_cross, dtw_pairs, dtw_pairwise, dtw_path
from gymlab.errors import InputError

# The kernel adds up to n + m squares in float32: each rounding is 6e-8, so 1e-5 leaves a factor of ten at 100
# time points. Distances near zero are compared absolutely.
RELATIVE, ABSOLUTE = 1e-5, 1e-6

values = st.floats(-10, 10, width=32).map(lambda v: round(v, 3))
radii = st.sampled_from([None, 0, 1, 3, 50])


@st.composite
def collections(draw, max_n=7, max_length=9):
    channels = draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(1, max_length), min_size=2, max_size=max_n))
    if draw(st.booleans()):
        lengths = [lengths[0]] * len(lengths)
    return [draw(arrays(np.float64, (length, channels), elements=values)) for length in lengths]


def random_series(rng, lengths, channels):
    return [rng.normal(size=(length, channels)) for length in lengths]


def naive_pairwise(series, radius=None, weights=()):
    n = len(series)
    return [naive.dtw(series[i], series[j], radius, weights) for i in range(n) for j in range(i + 1, n)]


@given(collections(), radii)
@settings(max_examples=150, deadline=None)
def test_every_entry_point_agrees_with_plain_loops(series, radius):
    expected = naive_pairwise(series, radius)
    np.testing.assert_allclose(dtw_pairwise(series, radius=radius), expected, RELATIVE, ABSOLUTE)
    first, second = np.triu_indices(len(series), 1)
    np.testing.assert_allclose(dtw_pairs(series, first, second, radius=radius), expected, RELATIVE, ABSOLUTE)
    cross = dtw_cross(series, series, radius=radius)
    np.testing.assert_allclose(cross[first, second], expected, RELATIVE, ABSOLUTE)
    single = [dtw(series[i], series[j], radius=radius) for i, j in zip(first, second, strict=True)]
    np.testing.assert_allclose(single, expected, 1e-12, 1e-12)


@given(collections(), radii)
@settings(max_examples=60, deadline=None)
def test_cross_is_symmetric_bit_for_bit_and_zero_on_its_diagonal(series, radius):
    cross = dtw_cross(series, series, radius=radius)
    np.testing.assert_array_equal(cross, cross.T)
    np.testing.assert_array_equal(np.diag(cross), 0)


@given(collections())
@settings(max_examples=60, deadline=None)
def test_a_larger_radius_never_gives_a_larger_distance(series):
    by_radius = [dtw_pairwise(series, radius=radius) for radius in (0, 1, 2, 4, 8, None)]
    for narrow, wide in itertools.pairwise(by_radius):
        assert (wide <= narrow).all()


@pytest.mark.parametrize("channels", [1, 6])
@pytest.mark.parametrize("radius", [None, 0, 2, 5])
def test_parity_with_tslearn_and_dtaidistance_over_several_blocks_of_lanes(channels, radius):
    rng = np.random.default_rng(1)
    series = rng.normal(size=(150, 20, channels))
    ours = dtw_pairwise(series, radius=radius)
    # dtaidistance's window is the radius + 1.
    window = None if radius is None else radius + 1
    matrix = dtai.distance_matrix_fast if channels == 1 else dtai_ndim.distance_matrix_fast
    theirs = matrix(series[:, :, 0] if channels == 1 else series, window=window, compact=True, parallel=False)
    np.testing.assert_allclose(ours, theirs, RELATIVE)
    first, second = np.triu_indices(150, 1)
    band = {} if radius is None else {"global_constraint": "sakoe_chiba", "sakoe_chiba_radius": radius}
    for k in rng.choice(len(ours), 200, replace=False):
        reference = tslearn_dtw(series[first[k]], series[second[k]], **band)
        assert ours[k] == pytest.approx(reference, rel=RELATIVE)


@pytest.mark.parametrize("radius", [None, 0, 3])
def test_parity_with_tslearn_for_unequal_lengths(radius):
    rng = np.random.default_rng(2)
    series = random_series(rng, rng.integers(2, 40, size=90), 2)
    ours = dtw_pairwise(series, radius=radius)
    first, second = np.triu_indices(90, 1)
    band = {} if radius is None else {"global_constraint": "sakoe_chiba", "sakoe_chiba_radius": radius}
    for k in rng.choice(len(ours), 300, replace=False):
        reference = tslearn_dtw(series[first[k]], series[second[k]], **band)
        assert ours[k] == pytest.approx(reference, rel=RELATIVE)


@pytest.mark.parametrize("radius", [None, 1])
def test_codes_of_categories_cost_their_weight_when_they_differ(radius):
    rng = np.random.default_rng(3)
    series = [
        np.column_stack([rng.normal(size=n), rng.integers(0, 30, size=(n, 2))])
        for n in rng.integers(3, 12, 40)
    ]
    weights = (0.5, 2.0)
    expected = naive_pairwise(series, radius, weights)
    ours = dtw_pairwise(series, radius=radius, mismatch_weights=weights)
    np.testing.assert_allclose(ours, expected, RELATIVE, ABSOLUTE)
    first, second = np.triu_indices(40, 1)
    pairs = dtw_pairs(series, first, second, radius=radius, mismatch_weights=weights)
    np.testing.assert_array_equal(pairs, ours)


def test_radius_zero_is_the_euclidean_distance():
    rng = np.random.default_rng(4)
    series = rng.normal(size=(30, 12, 3))
    first, second = np.triu_indices(30, 1)
    euclidean = np.sqrt(((series[first] - series[second]) ** 2).sum(axis=(1, 2)))
    np.testing.assert_allclose(dtw_pairwise(series, radius=0), euclidean, RELATIVE)


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 200])
def test_the_condensed_order_is_that_of_scipy_at_every_block_boundary(n):
    series = np.arange(n, dtype=np.float64)[:, None] ** 1.5
    ours = dtw_pairwise(series)
    assert ours.shape == (n * (n - 1) // 2,)
    first, second = np.triu_indices(n, 1)
    np.testing.assert_allclose(ours, np.abs(series[first] - series[second]).ravel(), RELATIVE)


def test_the_result_does_not_depend_on_the_number_of_threads():
    series = np.random.default_rng(5).normal(size=(1200, 20, 2)).astype(np.float32)
    one = dtw_pairwise(series, n_threads=1)
    np.testing.assert_array_equal(one, dtw_pairwise(series, n_threads=2))
    np.testing.assert_array_equal(one, dtw_pairwise(series, n_threads=7))


@pytest.mark.parametrize(("offset", "scale"), [(1e8, 1.0), (0, 1e28), (0, 1e-25), (-5e5, 1e-3)])
def test_far_offsets_and_extreme_scales_keep_their_digits(offset, scale):
    series = offset + scale * np.random.default_rng(6).normal(size=(20, 10, 2))
    first, second = np.triu_indices(20, 1)
    reference = [dtw(series[i], series[j]) for i, j in zip(first, second, strict=True)]
    np.testing.assert_allclose(dtw_pairwise(series), reference, RELATIVE)


def test_out_can_be_a_memory_map(tmp_path):
    series = np.random.default_rng(7).normal(size=(40, 8))
    out = np.memmap(tmp_path / "matrix", dtype=np.float32, mode="w+", shape=(40 * 39 // 2,))
    assert dtw_pairwise(series, out=out) is out
    np.testing.assert_array_equal(np.asarray(out), dtw_pairwise(series))


def test_out_that_is_read_meanwhile_is_refused():
    buffer = np.random.default_rng(9).normal(size=400).astype(np.float32)
    with pytest.raises(InputError, match="shares memory"):
        dtw_pairwise(buffer[:200].reshape(20, 10), out=buffer[:190])


@pytest.mark.parametrize("radius", [2**31, 2**62, 2**63 - 1, 10**30])
def test_a_radius_beyond_every_length_is_no_band(radius):
    rng = np.random.default_rng(10)
    series = random_series(rng, [3, 9, 5, 7], 2)
    np.testing.assert_array_equal(dtw_pairwise(series, radius=radius), dtw_pairwise(series))
    assert dtw(series[0], series[1], radius=radius) == dtw(series[0], series[1])


def test_progress_reaches_the_total_and_an_exception_in_it_stops_the_work():
    series = np.random.default_rng(8).normal(size=(2000, 20)).astype(np.float32)
    seen = []
    dtw_pairwise(series, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)

    class CancelledError(Exception):
        pass

    calls = []

    def cancel(done, _total):
        calls.append(done)
        raise CancelledError

    with pytest.raises(CancelledError):
        dtw_pairwise(series, progress=cancel)
    assert len(calls) == 1


@given(collections(max_n=2), radii)
@settings(max_examples=80, deadline=None)
def test_the_path_is_a_warping_path_inside_the_band_and_costs_the_distance(series, radius):
    x, y = series[0], series[1]
    path, distance = dtw_path(x, y, radius=radius)
    assert distance == pytest.approx(naive.dtw(x, y, radius), abs=1e-12)
    assert path[0].tolist() == [0, 0]
    assert path[-1].tolist() == [len(x) - 1, len(y) - 1]
    steps = {tuple(step) for step in np.diff(path, axis=0).tolist()}
    assert steps <= {(0, 1), (1, 0), (1, 1)}
    assert all(naive.in_band(i, j, len(x), len(y), radius) for i, j in path)
    assert np.sqrt(sum(naive.local_cost(x[i], y[j]) for i, j in path)) == pytest.approx(distance, abs=1e-12)


@given(collections(max_n=2), st.floats(0, 30))
@settings(max_examples=80, deadline=None)
def test_a_cutoff_above_the_distance_changes_nothing_and_one_below_gives_infinity(series, cutoff):
    distance = dtw(series[0], series[1])
    assert dtw(series[0], series[1], cutoff=cutoff) == (distance if distance <= cutoff else np.inf)
    assert dtw(series[0], series[1], cutoff=distance) == distance


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dtw_pairwise([[1.0, 2.0], [np.nan, 1.0]]), "series 1 holds NaN or infinity at time point 0"),
        (lambda: dtw_pairwise(np.array([[1.0, 2.0], [1.0, np.inf]])), "series 1 holds NaN"),
        (lambda: dtw_pairwise([[1.0], []]), "series 1 is empty"),
        (lambda: dtw_pairwise([]), "no series"),
        (lambda: dtw_pairwise(np.empty((0, 5))), "no series"),
        (lambda: dtw_pairwise("abc"), "expected an array"),
        (lambda: dtw_pairwise([["a"]]), "series 0 is not a series of numbers"),
        (lambda: dtw_pairwise([[1.0], [[1.0, 2.0]]]), "different numbers of channels"),
        (lambda: dtw_pairwise([[1.0], [2.0]], radius=-1), "radius is -1"),
        (lambda: dtw_pairwise([[1.0], [2.0]], radius=1.5), "radius is 1.5"),
        (lambda: dtw_pairwise([[1.0], [2.0]], radius=True), "radius is True"),
        (lambda: dtw_pairwise([[1.0], [2.0]], n_threads=0), "n_threads is 0"),
        (lambda: dtw_pairwise([[1.0], [2.0]], out=np.empty(3, np.float32)), "shape (1,)"),
        (lambda: dtw_pairwise([[1.0], [2.0]], out=np.empty(1)), "float32"),
        (lambda: dtw_pairwise([[1.0], [2.0]], mismatch_weights=(1, 2)), "mismatch_weights"),
        (lambda: dtw_pairwise([[1.0], [2.0]], mismatch_weights=(-1,)), "mismatch_weights"),
        (lambda: dtw_pairwise([[1.0], [1e200]]), "float32 cannot hold their distances"),
        (lambda: dtw_pairwise([[0.0], [1e-60]]), "float32 cannot hold their distances"),
        (lambda: dtw_pairwise(np.array([[1j], [2j]])), "complex"),
        (lambda: dtw_pairwise(np.ma.masked_array([[1.0], [2.0]], mask=[[True], [False]])), "masked"),
        (lambda: dtw_pairwise(np.array(3.0)), "a single number"),
        (lambda: dtw_pairwise([[1.0], [2.0**24]], mismatch_weights=(1.0,)), "codes of categories"),
        (lambda: dtw_pairwise([[1.0], [2.0]], mismatch_weights=5), "mismatch_weights is 5"),
        (lambda: dtw_pairwise([[1.0], [2.0]], mismatch_weights=["a"]), "mismatch_weights is ['a']"),
        (lambda: dtw_pairwise([[1.0], [2.0]], n_threads="2"), "n_threads is '2'"),
        (lambda: dtw([1.0], [1.0], cutoff="1"), "cutoff is '1'"),
        (lambda: dtw_pairs([[1.0], [2.0]], [0], [2]), "names series 2"),
        (lambda: dtw_pairs([[1.0], [2.0]], [0, 1], [1]), "no pairs"),
        (lambda: dtw([1.0], [[1.0, 2.0]]), "x has 1 channels, y has 2"),
        (lambda: dtw([1.0], [np.nan]), "y holds NaN"),
        (lambda: dtw([1.0], [1.0], cutoff=-1), "cutoff is -1"),
        (lambda: dtw(np.zeros((1, 1, 1)), [1.0]), "x has 3 dimensions"),
    ],
)
def test_unusable_input_is_named(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
