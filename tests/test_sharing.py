"""Local costs in common: the same distances, bit for bit, and computed in common only where that pays."""

import naive
import numpy as np
import pytest
from scipy.spatial.distance import squareform

from gymlab.distance import dtw, dtw_cross, dtw_pairs, dtw_pairwise, row_distances
from gymlab.distance.kernels.sharing import shared_points
from gymlab.distance.series import batches


def windows(rng, n, length, channels, step=1):
    """Overlapping windows over a single series."""
    whole = rng.normal(size=(step * (n - 1) + length, channels))
    return np.stack([whole[step * k : step * k + length] for k in range(n)])


def of_few_points(rng, n, length, channels):
    points = rng.normal(size=(5, channels))
    return points[rng.integers(5, size=(n, length))]


def cut_short(rng, series):
    """The series, each from its start to a length of its own, half of it at least."""
    return [one[: rng.integers(len(one) // 2, len(one) + 1)] for one in series]


@pytest.fixture
def with_and_without(monkeypatch):
    """A function that computes twice, sharing and not, and demands that sharing was chosen."""

    def both(compute):
        chosen = []

        def noted(*arguments):
            chosen.append(shared_points(*arguments))
            return chosen[-1]

        with monkeypatch.context() as patch:
            patch.setattr(row_distances, "shared_points", noted)
            sharing = compute()
        with monkeypatch.context() as patch:
            patch.setattr(row_distances, "shared_points", lambda *_: None)
            apart = compute()
        assert len(chosen) == 1
        assert chosen[0] is not None
        np.testing.assert_array_equal(sharing.view(np.uint32), apart.view(np.uint32))
        return sharing, chosen[0]

    return both


@pytest.mark.parametrize("radius", [None, 3])
@pytest.mark.parametrize("channels", [2, 3, 6, 12])
@pytest.mark.parametrize("make", [windows, of_few_points])
def test_sharing_changes_no_bit(with_and_without, make, channels, radius):
    rng = np.random.default_rng(channels)
    for n, length in ((70, 9), (200, 40)):
        series = make(rng, n, length, channels)
        with_and_without(lambda series=series: dtw_pairwise(series, radius=radius))


@pytest.mark.parametrize("radius", [None, 3])
def test_sharing_changes_no_bit_between_series_of_unequal_length(with_and_without, radius):
    rng = np.random.default_rng(1)
    # Sorted by length, the windows of one length still follow each other.
    in_steps = [one[: 30 - 5 * (k // 100)] for k, one in enumerate(windows(rng, 300, 30, 6))]
    for series in (in_steps, cut_short(rng, of_few_points(rng, 150, 30, 6))):
        with_and_without(lambda series=series: dtw_pairwise(series, radius=radius))


@pytest.mark.parametrize("radius", [None, 3])
@pytest.mark.parametrize("weights", [(1.5,), (0.5, 1.25, 0.0)], ids=["one code", "codes alone"])
def test_sharing_changes_no_bit_with_codes(with_and_without, weights, radius):
    rng = np.random.default_rng(2)
    series = windows(rng, 120, 20, 3)
    n_codes = len(weights)
    series[:, :, 3 - n_codes :] = rng.integers(0, 3, size=(5, n_codes))[rng.integers(5, size=(120, 20))]
    # Windows that overlap hold the same codes too.
    for k in range(1, 120):
        series[k, :-1] = series[k - 1, 1:]
    with_and_without(lambda: dtw_pairwise(series, radius=radius, mismatch_weights=weights))


@pytest.mark.parametrize("ragged", [False, True], ids=["one length", "unequal lengths"])
def test_sharing_changes_no_bit_between_two_collections(with_and_without, ragged):
    """What the queries share counts; the members may hold anything, and be longer or shorter."""
    rng = np.random.default_rng(3)
    queries, members = windows(rng, 90, 15, 3), rng.normal(size=(130, 25, 3))
    if ragged:
        queries, members = cut_short(rng, queries), cut_short(rng, members)
    for radius in (None, 4):
        found, _ = with_and_without(lambda radius=radius: dtw_cross(queries, members, radius=radius))
        assert found.shape == (90, 130)


@pytest.mark.parametrize("ragged", [False, True], ids=["one length", "unequal lengths"])
def test_several_runs_in_several_blocks_and_threads_change_no_bit(monkeypatch, with_and_without, ragged):
    monkeypatch.setattr("gymlab.distance.kernels.sharing._TABLE_BYTES", 1)
    monkeypatch.setattr(row_distances, "CELLS_A_BLOCK", 1_000_000)
    monkeypatch.setattr("gymlab.distance.blocks._CELLS_WORTH_THREADS", 0)
    rng = np.random.default_rng(4)
    series = windows(rng, 300, 20, 6)
    if ragged:
        series = [one[: rng.integers(15, 21)] for one in series]
    for n_threads in (1, 3):
        _, shared = with_and_without(
            lambda n_threads=n_threads: dtw_pairwise(series, radius=5, n_threads=n_threads)
        )
        assert len(shared.run_starts) > 5


def test_what_is_shared_agrees_with_plain_loops(with_and_without):
    rng = np.random.default_rng(5)
    series = cut_short(rng, of_few_points(rng, 30, 12, 3))
    for radius in (None, 2):
        found, _ = with_and_without(lambda radius=radius: dtw_pairwise(series, radius=radius))
        expected = [[naive.dtw(x.tolist(), y.tolist(), radius) for y in series] for x in series]
        # float32 keeps six digits; see dtw_pairwise for the error of long series.
        np.testing.assert_allclose(squareform(found), expected, rtol=1e-5)


def test_chosen_pairs_which_never_share_agree_with_the_matrix_bit_for_bit(with_and_without):
    series = windows(np.random.default_rng(6), 60, 12, 3)
    matrix, _ = with_and_without(lambda: dtw_pairwise(series))
    np.testing.assert_array_equal(dtw_pairs(series, *np.triu_indices(60, 1)), matrix)


def shared_by(series, radius=None):
    """What a matrix of these series would share."""
    (batch,), unit = batches(series)
    found = []

    def noted(*arguments):
        found.append(shared_points(*arguments))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_distances, "shared_points", noted)
        row_distances.RowDistances(batch, None, radius, (), unit)
    return batch, found[0]


def test_every_time_point_finds_its_own_numbers_among_those_of_its_run(monkeypatch):
    monkeypatch.setattr("gymlab.distance.kernels.sharing._TABLE_BYTES", 1)
    series = windows(np.random.default_rng(7), 100, 15, 3)
    batch, shared = shared_by(series)
    assert shared.run_starts[0] == 0
    assert shared.run_starts[-1] == 100
    sizes = np.diff(shared.run_points)
    assert len(sizes) > 1
    assert sizes.max() == shared.most_points
    for run, first in enumerate(shared.run_starts[:-1]):
        own = shared.points[shared.run_points[run] : shared.run_points[run + 1]]
        assert len(np.unique(own, axis=0)) == len(own)
        for k in range(first, shared.run_starts[run + 1]):
            np.testing.assert_array_equal(own[shared.starts[k] // 15], batch.values[k])


def test_sharing_is_chosen_for_windows_and_for_few_points_alone():
    rng = np.random.default_rng(8)
    assert shared_by(windows(rng, 100, 20, 3))[1] is not None
    assert shared_by(of_few_points(rng, 100, 20, 3))[1] is not None
    assert shared_by(rng.normal(size=(100, 20, 3)))[1] is None
    assert shared_by(windows(rng, 100, 20, 3, step=20))[1] is None
    # One channel costs no more computed than looked up, and so does the diagonal alone.
    assert shared_by(windows(rng, 100, 20, 1))[1] is None
    assert shared_by(windows(rng, 100, 20, 3), radius=0)[1] is None


def test_series_of_few_points_are_more_than_one_piece_of_work():
    """Else a log of few kinds of action would be computed by one thread, without progress, and not be stopped."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(4, 6)).astype(np.float32)
    series = points[rng.integers(4, size=(3000, 20))]
    reports = []
    found = dtw_pairwise(series, progress=lambda done, total: reports.append(done / total))
    assert len(reports) > 5
    assert reports[0] < 0.5
    chosen = rng.integers(3000, size=(20, 2))
    chosen = np.sort(chosen[chosen[:, 0] != chosen[:, 1]], axis=1)
    for i, j in chosen:
        place = i * (2 * 3000 - i - 1) // 2 + j - i - 1
        assert found[place] == pytest.approx(dtw(series[i], series[j]), rel=1e-5)
