"""Properties of the distances, their parameters and what they refuse; test_parity.py compares their values."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gymlab.distance import dtw, dtw_pairs, dtw_pairwise
from gymlab.errors import InputError

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


@given(collections())
@settings(max_examples=60, deadline=None)
def test_a_larger_radius_never_gives_a_larger_distance(series):
    by_radius = [dtw_pairwise(series, radius=radius) for radius in (0, 1, 2, 4, 8, None)]
    for narrow, wide in itertools.pairwise(by_radius):
        assert (wide <= narrow).all()


def test_the_result_does_not_depend_on_the_number_of_threads():
    series = np.random.default_rng(5).normal(size=(1200, 20, 2)).astype(np.float32)
    one = dtw_pairwise(series, n_threads=1)
    np.testing.assert_array_equal(one, dtw_pairwise(series, n_threads=2))
    np.testing.assert_array_equal(one, dtw_pairwise(series, n_threads=7))


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
        (lambda: dtw_pairwise([np.ma.masked_greater([1, 5], 4), [1, 2]]), "series 0 is a masked array"),
        (lambda: dtw_pairwise(np.array([["NaT"], ["2020-01-01"]], "M8[D]")), "series 0 holds dates"),
        (lambda: dtw_pairwise([[[1, 2], [3]], [[1, 2], [3, 4]]]), "series 0 is not a series of numbers"),
        (lambda: dtw_pairwise([[10**400, 0], [1, 0]]), "series 0 is not a series of numbers"),
        (lambda: dtw_pairwise([[[1e20, 0]], [[2e20, 1]]], mismatch_weights=[1]), "too far for float32"),
        (lambda: dtw_pairwise([[0.0], [1.0]], mismatch_weights=[1e300]), "float32 holds 0, or"),
        (lambda: dtw_pairwise([[1.0], [2.0**24]], mismatch_weights=(1.0,)), "codes of categories"),
        (lambda: dtw_pairwise([[1.0], [2.0]], mismatch_weights=5), "mismatch_weights is 5"),
        (lambda: dtw_pairwise([[1.0], [2.0]], mismatch_weights=["a"]), "mismatch_weights is ['a']"),
        (lambda: dtw_pairwise([[1.0], [2.0]], n_threads="2"), "n_threads is '2'"),
        (lambda: dtw_pairs([[1.0], [2.0]], [0], [2]), "names series 2"),
        (lambda: dtw_pairs([[1.0], [2.0]], [0, 1], [1]), "give as many of both"),
    ],
)
def test_unusable_input_is_named(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
