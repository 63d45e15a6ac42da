"""Exactness of every public distance: against plain loops, against tslearn and against dtaidistance.

Only public functions are judged, so the suite holds for any kernel below them. Values lie on a grid that float32
holds exactly: the kernel then rounds sums and nothing else, and no absolute tolerance can hide a wrong cell.
"""

import naive
import numpy as np
import pytest
from dtaidistance import dtw_ndim
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.lib.stride_tricks import sliding_window_view
from scipy.spatial.distance import squareform
from tslearn.metrics import dtw as tslearn_dtw

from gymlab.distance import dtw, dtw_cross, dtw_pairs, dtw_pairwise
from gymlab.errors import InputError

# The kernel adds up to n + m squares in float32: each rounding is 6e-8, so 1e-5 leaves a factor of ten at 100
# time points.
RELATIVE = 1e-5
# Where values lie far from zero they are moved first, which rounds each to 6e-8 of the spread of all.
OF_SPREAD = 1e-6

# On both sides of where the kernel takes fewer vectors at once: after 3 and after 8 channels.
CHANNELS = [1, 3, 4, 8, 12]
# Numeric channels, and the weights of the codes behind them.
CODED = [(0, (1.5,)), (1, (0.5, 2.0)), (6, (0.75,))]
MIXTURES = [(channels, ()) for channels in CHANNELS] + CODED
RADII = [None, 0, 1, 3, 39, 1000]

grid = st.integers(-640, 640).map(lambda v: v / 64)
radii = st.sampled_from([None, 0, 1, 2, 5, 40, 10**6])


def grid_values(rng, shape):
    return np.round(rng.normal(size=shape) * 64) / 64


def coded(values, rng, weights, n_codes=4):
    """Put random codes behind the numeric channels."""
    codes = rng.integers(0, n_codes, size=(*values.shape[:-1], len(weights)))
    return np.concatenate([values, codes], axis=-1)


def ragged_series(rng, n, longest, mixture):
    channels, weights = mixture
    lengths = rng.integers(1, longest + 1, size=n)
    return [coded(grid_values(rng, (length, channels)), rng, weights) for length in lengths]


def one_hot(series, weights):
    """Replace each code by as many columns as there are codes, whose squared distance is the weight."""
    numeric = series.shape[1] - len(weights)
    columns = [series[:, :numeric]]
    for k, weight in enumerate(weights):
        columns.append(np.sqrt(weight / 2) * (series[:, numeric + k, None] == np.arange(30)))
    return np.ascontiguousarray(np.concatenate(columns, axis=1), dtype=np.float64)


def reference_pairwise(series, radius=None, weights=()):
    """Every pair by dtaidistance in float64; its window is the radius + 1."""
    expanded = [one_hot(np.asarray(one, dtype=np.float64), weights) for one in series]
    window = None if radius is None else radius + 1
    return dtw_ndim.distance_matrix_fast(expanded, window=window, compact=True, parallel=False)


def tslearn_distance(x, y, radius):
    band = {} if radius is None else {"global_constraint": "sakoe_chiba", "sakoe_chiba_radius": radius}
    return tslearn_dtw(x, y, **band)


def naive_pairwise(series, radius=None, weights=()):
    n = len(series)
    return [naive.dtw(series[i], series[j], radius, weights) for i in range(n) for j in range(i + 1, n)]


def assert_every_entry_point_gives(expected, series, radius=None, weights=(), absolute=0.0):
    """Compare the condensed matrix, the square one and single pairs with a condensed matrix of references."""
    options = {"radius": radius, "mismatch_weights": weights}
    tolerance = {"rtol": RELATIVE, "atol": absolute}
    n = len(series)
    first, second = np.triu_indices(n, 1)
    condensed = dtw_pairwise(series, **options)
    assert condensed.dtype == np.float32
    np.testing.assert_allclose(condensed, expected, **tolerance)
    cross = dtw_cross(series, series, **options)
    np.testing.assert_array_equal(cross, cross.T)
    np.testing.assert_array_equal(np.diag(cross), 0)
    np.testing.assert_allclose(cross[first, second], expected, **tolerance)
    # Pairs in any order, each in either direction.
    rng = np.random.default_rng(n)
    chosen = rng.permutation(len(first))[:400]
    swapped = rng.random(len(chosen)) < 0.5
    a = np.where(swapped, second[chosen], first[chosen])
    b = np.where(swapped, first[chosen], second[chosen])
    pairs = dtw_pairs(series, a, b, **options)
    np.testing.assert_allclose(pairs, np.asarray(expected)[chosen], **tolerance)
    # What is identical is at exactly 0 wherever it stands.
    zero = np.asarray(expected) == 0
    np.testing.assert_array_equal(condensed[zero], 0)
    np.testing.assert_array_equal(cross[first, second][zero], 0)


@st.composite
def collections(draw, max_n=7, max_length=9):
    """Series of one or of unequal lengths; some of them constant, some repeated."""
    channels = draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(1, max_length), min_size=2, max_size=max_n))
    if draw(st.booleans()):
        lengths = [lengths[0]] * len(lengths)
    series = []
    for length in lengths:
        kind = draw(st.sampled_from(["free", "free", "constant", "repeated"]))
        if kind == "constant":
            series.append(np.full((length, channels), draw(grid)))
        elif kind == "repeated" and series:
            series.append(series[draw(st.integers(0, len(series) - 1))].copy())
        else:
            series.append(draw(arrays(np.float64, (length, channels), elements=grid)))
    return series


@given(collections(), radii)
@settings(max_examples=150, deadline=None)
def test_every_entry_point_agrees_with_plain_loops(series, radius):
    expected = naive_pairwise(series, radius)
    assert_every_entry_point_gives(expected, series, radius)
    first, second = np.triu_indices(len(series), 1)
    single = [dtw(series[i], series[j], radius=radius) for i, j in zip(first, second, strict=True)]
    np.testing.assert_allclose(single, expected, 1e-12)


@given(st.integers(0, 2**32 - 1), st.sampled_from(MIXTURES), st.booleans(), radii)
@settings(max_examples=40, deadline=None)
def test_longer_series_of_every_mixture_agree_with_plain_loops(seed, mixture, equal, radius):
    rng = np.random.default_rng(seed)
    series = ragged_series(rng, 3, 40, mixture)
    if equal:
        shortest = min(len(one) for one in series)
        series = [one[:shortest] for one in series]
    weights = mixture[1]
    assert_every_entry_point_gives(naive_pairwise(series, radius, weights), series, radius, weights)


@given(collections(max_n=2, max_length=40), radii)
@settings(max_examples=100, deadline=None)
def test_one_pair_agrees_with_tslearn_and_dtaidistance(series, radius):
    x, y = series[0], series[1]
    distance = dtw(x, y, radius=radius)
    assert distance == pytest.approx(tslearn_distance(x, y, radius), rel=1e-12)
    assert distance == pytest.approx(reference_pairwise([x, y], radius)[0], rel=1e-12)


@pytest.mark.parametrize("mixture", MIXTURES, ids=str)
@pytest.mark.parametrize("lengths", ["equal", "unequal"])
def test_whole_matrices_of_every_mixture_agree_with_dtaidistance_and_tslearn(mixture, lengths):
    channels, weights = mixture
    rng = np.random.default_rng(channels)
    if lengths == "equal":
        series = coded(grid_values(rng, (70, 21, channels)), rng, weights)
    else:
        series = ragged_series(rng, 70, 40, mixture)
    first, second = np.triu_indices(len(series), 1)
    for radius in RADII:
        expected = reference_pairwise(series, radius, weights)
        assert_every_entry_point_gives(expected, series, radius, weights)
        # The reference is itself one of three.
        for k in rng.choice(len(first), 10, replace=False):
            x, y = (one_hot(np.asarray(series[i]), weights) for i in (first[k], second[k]))
            assert expected[k] == pytest.approx(tslearn_distance(x, y, radius), rel=1e-9)


@pytest.mark.parametrize("radius", [None, 1])
def test_codes_of_categories_cost_their_weight_when_they_differ_whichever_way_is_asked(radius):
    rng = np.random.default_rng(3)
    series = [
        np.column_stack([rng.normal(size=n), rng.integers(0, 30, size=(n, 2))])
        for n in rng.integers(3, 12, 40)
    ]
    weights = (0.5, 2.0)
    expected = naive_pairwise(series, radius, weights)
    ours = dtw_pairwise(series, radius=radius, mismatch_weights=weights)
    np.testing.assert_allclose(ours, expected, RELATIVE)
    first, second = np.triu_indices(40, 1)
    pairs = dtw_pairs(series, first, second, radius=radius, mismatch_weights=weights)
    np.testing.assert_array_equal(pairs, ours)


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 130])
@pytest.mark.parametrize("radius", [None, 2])
def test_every_number_of_series_around_a_block_of_lanes(n, radius):
    rng = np.random.default_rng(n)
    for series in (ragged_series(rng, n, 15, (2, ())), grid_values(rng, (n, 12, 2))):
        everyone = [*series, *grid_values(rng, (65, 9, 2))]
        expected = squareform(reference_pairwise(everyone, radius))
        first, second = np.triu_indices(n, 1)
        assert_every_entry_point_gives(expected[first, second], series, radius)
        # A rectangle, in both directions: the same bits.
        for m in (1, 63, 64, 65):
            others = everyone[n : n + m]
            wide = dtw_cross(series, others, radius=radius)
            np.testing.assert_allclose(wide, expected[:n, n : n + m], RELATIVE)
            np.testing.assert_array_equal(dtw_cross(others, series, radius=radius), wide.T)


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 200])
def test_the_condensed_order_is_that_of_scipy_at_every_block_boundary(n):
    series = np.arange(n, dtype=np.float64)[:, None] ** 1.5
    ours = dtw_pairwise(series)
    assert ours.shape == (n * (n - 1) // 2,)
    first, second = np.triu_indices(n, 1)
    np.testing.assert_allclose(ours, np.abs(series[first] - series[second]).ravel(), RELATIVE)


def test_pairs_may_repeat_share_a_series_and_name_one_twice():
    rng = np.random.default_rng(3)
    series = ragged_series(rng, 90, 12, (2, ()))
    square = squareform(reference_pairwise(series))
    first = np.concatenate([np.zeros(90, int), np.full(130, 7), [4, 4, 5, 5, 4], np.arange(90)])
    second = np.concatenate([np.arange(90), rng.integers(0, 90, 130), [5, 5, 4, 5, 4], np.arange(90)])
    ours = dtw_pairs(series, first, second)
    np.testing.assert_allclose(ours, square[first, second], RELATIVE)
    np.testing.assert_array_equal(ours[first == second], 0)


def long_series(kind, rng, n_timepoints, channels):
    """Return one long series to cut windows from."""
    shape = (n_timepoints, channels)
    if kind == "noise":
        return grid_values(rng, shape)
    if kind == "walk":
        return grid_values(rng, shape).cumsum(axis=0)
    if kind == "runs of equal values":
        # Whole stretches are constant, so windows are equal to their neighbours.
        return np.repeat(grid_values(rng, shape), rng.integers(1, 30, size=n_timepoints), axis=0)[
            :n_timepoints
        ]
    if kind == "two levels":
        return rng.integers(0, 2, size=shape).astype(float)
    return grid_values(rng, shape)[np.arange(n_timepoints) % 5]


KINDS = ["noise", "walk", "runs of equal values", "two levels", "periodic"]


def consecutive_windows(series, window, hop):
    """Windows (n, window, n_channels), each starting ``hop`` behind the one before."""
    return sliding_window_view(series, window, axis=0)[::hop].transpose(0, 2, 1)


@pytest.mark.parametrize("mixture", [(1, ()), (2, ()), (3, ()), (6, ()), (7, ()), (12, ()), *CODED], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_windows_that_overlap_agree_with_references(mixture, kind):
    channels, weights = mixture
    rng = np.random.default_rng(channels * 10 + KINDS.index(kind))
    for hop, window in ((1, 20), (2, 9), (5, 20), (3, 2), (1, 1), (4, 4)):
        values = long_series(kind, rng, 70 * hop + window, channels)
        codes = long_series(kind, rng, len(values), len(weights)) if weights else values[:, :0]
        # Codes of 0 to 2, which change where the values do.
        whole = np.concatenate([values, np.floor(np.abs(codes)) % 3], axis=1)
        windows = consecutive_windows(whole, window, hop)
        for radius in (None, int(rng.integers(0, window + 1))):
            expected = reference_pairwise(windows, radius, weights)
            assert_every_entry_point_gives(expected, windows, radius, weights)


@pytest.mark.parametrize("mixture", [(2, ()), (6, ()), (6, (0.75,))], ids=str)
@pytest.mark.parametrize("radius", [None, 3])
def test_windows_that_nearly_overlap_are_not_taken_for_such_that_do(mixture, radius):
    """Several sources behind each other, another order, one changed value, unequal lengths."""
    channels, weights = mixture
    rng = np.random.default_rng(channels)
    sources = [
        coded(long_series(kind, rng, 60, channels), rng, weights, n_codes=2)
        for kind in ("noise", "runs of equal values", "walk")
    ]
    windows = np.concatenate([consecutive_windows(source, 20, 2) for source in sources])
    changed = windows.copy()
    for index in range(5, len(changed), 7):
        # One value at any place of one window: at its start, its end, in the last channel.
        timepoint, channel = rng.choice([0, 7, 18, 19]), rng.choice([0, channels - 1])
        changed[index, timepoint, channel] += 1 / 64
        if weights:
            changed[index, rng.integers(20), -1] += 1
    other_hops = np.concatenate([windows[:20:2], windows[20:40], windows[40::3]])
    shortened = [one[: rng.integers(1, 21)] for one in windows]
    for series in (changed, windows[rng.permutation(len(windows))], windows[::-1], other_hops, shortened):
        expected = reference_pairwise(series, radius, weights)
        assert_every_entry_point_gives(expected, series, radius, weights)


@pytest.mark.parametrize("channels", [1, 6])
def test_two_collections_of_overlapping_windows_agree_with_references(channels):
    rng = np.random.default_rng(channels)
    a = consecutive_windows(long_series("walk", rng, 90, channels), 20, 1)
    b = np.concatenate([a[3:50:2], consecutive_windows(long_series("two levels", rng, 60, channels), 20, 2)])
    for radius in (None, 4):
        expected = squareform(reference_pairwise([*a, *b], radius))[: len(a), len(a) :]
        ours = dtw_cross(a, b, radius=radius)
        np.testing.assert_allclose(ours, expected, RELATIVE)
        np.testing.assert_array_equal(dtw_cross(b, a, radius=radius), ours.T)
        np.testing.assert_array_equal(ours[expected == 0], 0)


def test_the_type_and_the_memory_layout_of_the_input_do_not_matter():
    rng = np.random.default_rng(11)
    windows = consecutive_windows(long_series("walk", rng, 100, 6), 20, 1)
    assert not windows.flags.c_contiguous
    assert not windows.flags.writeable
    ours = dtw_pairwise(windows)
    for same in (
        np.ascontiguousarray(windows),
        np.asfortranarray(windows),
        windows.astype(np.float32),
        windows[:, :, ::-1],
        list(windows),
        windows.tolist(),
    ):
        np.testing.assert_allclose(dtw_pairwise(same), ours, 1e-6)
    whole = rng.integers(-5, 6, size=(70, 8))
    np.testing.assert_array_equal(dtw_pairwise(whole), dtw_pairwise(whole.astype(np.float64)))


def test_negative_zero_is_zero():
    series = np.array([[0.0, 1.0, 0.0], [-0.0, 1.0, -0.0], [1.0, -0.0, 0.0]])
    assert dtw_pairwise(series)[0] == 0
    codes = np.array([[0.0, 1.0], [-0.0, 1.0]])
    assert dtw_pairwise(codes, mismatch_weights=(1.0,))[0] == 0


@pytest.mark.parametrize("mixture", [(1, ()), (6, ()), (0, (1.5,))], ids=str)
def test_constant_and_identical_series(mixture):
    channels, weights = mixture
    rng = np.random.default_rng(12)
    distinct = coded(grid_values(rng, (5, 16, channels)), rng, weights)
    distinct[:3] = distinct[:3, :1]
    series = distinct[rng.integers(0, 5, size=140)]
    for radius in (None, 0, 2):
        assert_every_entry_point_gives(reference_pairwise(series, radius, weights), series, radius, weights)
    alike = np.repeat(distinct[:1], 70, axis=0)
    assert not dtw_pairwise(alike, mismatch_weights=weights).any()


@pytest.mark.parametrize(
    ("offset", "scale"),
    [
        (0, 1.0),
        (1e8, 1.0),
        (0, 1e28),
        (0, 1e-25),
        (-5e5, 1e-3),
        (3e4, 1e3),
        (0, 1e7),
        (0, 1e-7),
        (1e25, 1e20),
    ],
)
@pytest.mark.parametrize("lengths", ["equal", "unequal"])
def test_far_offsets_and_extreme_scales_keep_their_digits(offset, scale, lengths):
    rng = np.random.default_rng(6)
    series = [offset + scale * rng.normal(size=(length, 2)) for length in rng.integers(1, 30, size=20)]
    if lengths == "equal":
        series = [offset + scale * rng.normal(size=(10, 2)) for _ in series]
    for radius in (None, 1):
        expected = naive_pairwise(series, radius)
        assert_every_entry_point_gives(expected, series, radius, absolute=OF_SPREAD * scale)
        assert dtw(series[0], series[1], radius=radius) == pytest.approx(expected[0], rel=1e-12)


def test_channels_of_different_offsets_beside_codes_keep_their_digits():
    rng = np.random.default_rng(13)
    values = grid_values(rng, (70, 14, 3)) + np.array([0.0, 1e6, -40.0])
    series = coded(values, rng, (1.0,), n_codes=20)
    # The reference squares the offset away exactly; the codes are far from zero too.
    series[:, :, 3] += 9
    for radius in (None, 2):
        expected = naive_pairwise(series[:20], radius, (1.0,))
        assert_every_entry_point_gives(expected, series[:20], radius, (1.0,), absolute=OF_SPREAD * 8)


def test_a_weight_of_zero_ignores_its_channel_and_no_other():
    rng = np.random.default_rng(14)
    series = coded(grid_values(rng, (40, 10, 2)), rng, (0.0, 1.0))
    without = np.delete(series, 2, axis=2)
    np.testing.assert_allclose(
        dtw_pairwise(series, mismatch_weights=(0.0, 1.0)),
        dtw_pairwise(without, mismatch_weights=(1.0,)),
        1e-6,
    )


def test_codes_are_told_apart_up_to_the_largest():
    top = 2**24 - 1
    series = np.array([[top], [top - 1], [top], [0.0]])
    ours = dtw_pairwise(series, mismatch_weights=(4.0,))
    np.testing.assert_array_equal(ours, [2, 0, 2, 2, 2, 2])


@pytest.mark.parametrize("radius", [None, 50])
def test_a_thousand_time_points_are_within_the_promised_error(radius):
    rng = np.random.default_rng(15)
    series = [grid_values(rng, (length, 2)).cumsum(axis=0) for length in (1000, 1000, 970, 1000, 730)]
    assert_every_entry_point_gives(reference_pairwise(series, radius), series, radius)


def test_radius_zero_is_the_euclidean_distance():
    rng = np.random.default_rng(4)
    series = grid_values(rng, (130, 12, 3))
    first, second = np.triu_indices(130, 1)
    euclidean = np.sqrt(((series[first] - series[second]) ** 2).sum(axis=(1, 2)))
    np.testing.assert_allclose(dtw_pairwise(series, radius=0), euclidean, RELATIVE)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("index", [0, 64, 129])
@pytest.mark.parametrize("layout", [np.asarray, list], ids=["array", "list"])
def test_a_value_that_is_no_number_is_refused_and_its_series_named(bad, index, layout):
    clean = grid_values(np.random.default_rng(16), (130, 9, 3))
    spoilt = clean.copy()
    spoilt[index, 5, 2] = bad
    message = f"series {index} holds NaN or infinity at time point 5"
    for call in (
        lambda: dtw_pairwise(layout(spoilt)),
        lambda: dtw_pairwise(layout(spoilt.astype(np.float32)), radius=1),
        lambda: dtw_pairwise(layout(spoilt), mismatch_weights=(1.0,)),
        lambda: dtw_cross(layout(spoilt), layout(clean)),
        lambda: dtw_cross(layout(clean), layout(spoilt)),
        lambda: dtw_pairs(layout(spoilt), [0], [1]),
    ):
        with pytest.raises(InputError, match=message):
            call()
    with pytest.raises(InputError, match="y holds NaN or infinity at time point 5"):
        dtw(clean[0], spoilt[index])
