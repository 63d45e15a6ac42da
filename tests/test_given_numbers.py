"""What callers give as numbers: whole ones count exactly or are refused, and what is no number is refused by name."""

import datetime as dt
from collections import deque
from decimal import Decimal
from fractions import Fraction

import naive
import numpy as np
import pandas as pd
import pytest

from gymlab.distance import (
    cuda,
    dtw,
    dtw_cost_matrix,
    dtw_cross,
    dtw_neighbors,
    dtw_pairs,
    dtw_pairwise,
    dtw_path,
    dtw_subsequence,
    envelope,
    lb_keogh,
    lb_kim,
    lb_webb,
)
from gymlab.errors import GymlabError, InputError

FAR = 2**60
FIRST, SECOND = [FAR, FAR + 3], [FAR + 8, FAR + 20]
DISTANCE = naive.dtw([[0.0], [3.0]], [[8.0], [20.0]])

# float32, and short sums.
CLOSE = {"rel": 1e-6}

CONTAINERS = {
    "lists": list,
    "tuples": tuple,
    "int64": lambda one: np.array(one, np.int64),
    "uint64": lambda one: np.array(one, np.uint64),
    "big-endian": lambda one: np.array(one, ">i8"),
    "read-only": lambda one: np.frombuffer(np.array(one, np.int64).tobytes(), np.int64),
    "not contiguous": lambda one: np.repeat(np.array(one, np.int64), 2)[::2],
    "objects": lambda one: np.array(one, object),
    "fractions": lambda one: [Fraction(number) for number in one],
    "decimals": lambda one: [Decimal(number) for number in one],
    "pandas": pd.Series,
    "pandas Int64": lambda one: pd.Series(one, dtype="Int64"),
    "numpy scalars": lambda one: [np.int64(number) for number in one],
}


@pytest.mark.parametrize("first", CONTAINERS)
@pytest.mark.parametrize("second", ["lists", "uint64", "fractions"])
def test_whole_numbers_that_float64_does_not_hold_are_told_apart(first, second):
    one, other = CONTAINERS[first](FIRST), CONTAINERS[second](SECOND)
    assert dtw(one, other) == pytest.approx(DISTANCE)
    assert dtw_pairwise([one, other])[0] == pytest.approx(DISTANCE, **CLOSE)
    assert dtw_cross([one], [other])[0, 0] == pytest.approx(DISTANCE, **CLOSE)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, ">i8", object])
def test_so_are_those_of_one_array(dtype):
    series = np.array([FIRST, SECOND], dtype)
    assert dtw_pairwise(series)[0] == pytest.approx(DISTANCE, **CLOSE)
    assert dtw_pairwise(series[:, :, None])[0] == pytest.approx(DISTANCE, **CLOSE)
    assert dtw_pairs(series, [0], [1])[0] == pytest.approx(DISTANCE, **CLOSE)
    assert dtw_neighbors(series, k=1).graph.data == pytest.approx([DISTANCE] * 2, **CLOSE)


def test_every_function_of_a_pair_tells_them_apart():
    near_first, near_second = [0, 3], [8, 20]
    for function in (dtw, dtw_cost_matrix, lb_kim, lb_keogh, lb_webb, dtw_subsequence):
        np.testing.assert_array_equal(function(FIRST, SECOND), function(near_first, near_second))
    path, distance = dtw_path(FIRST, SECOND)
    assert distance == pytest.approx(DISTANCE)
    np.testing.assert_array_equal(path, dtw_path(near_first, near_second)[0])


@pytest.mark.parametrize("far", [2**53 + 1, 2**62 + 1, -(2**63), 2**64 - 21, 2**100 + 1, -(2**200)])
def test_wherever_they_lie(far):
    series = [[far + number for number in one] for one in ([0, 3], [8, 20])]
    assert dtw_pairwise(series)[0] == pytest.approx(DISTANCE, **CLOSE)
    assert dtw(*series) == pytest.approx(DISTANCE)


def test_nanoseconds_of_a_clock_beside_another_channel():
    start = pd.Timestamp("2024-04-01").value
    values = np.array([0.25, 0.5])
    frames = [
        pd.DataFrame({"ns": [start + number for number in one], "v": values}) for one in ([0, 3], [8, 20])
    ]
    assert dtw(*frames) == pytest.approx(DISTANCE)
    mixed = [[[start + number, 0.5] for number in one] for one in ([0, 3], [8, 20])]
    assert dtw_pairwise(mixed)[0] == pytest.approx(DISTANCE, **CLOSE)


def test_a_long_double_keeps_its_digits():
    if np.finfo(np.longdouble).nmant < 63:
        pytest.skip("a long double is a double here")
    assert dtw(np.array(FIRST, np.longdouble), np.array(SECOND, np.longdouble)) == pytest.approx(DISTANCE)
    series = np.array([FIRST, SECOND], np.longdouble)
    assert dtw_pairwise(series)[0] == pytest.approx(DISTANCE, **CLOSE)


@pytest.mark.parametrize(
    ("series", "named"),
    [
        ([[0, FAR], [0, FAR + 3]], FAR + 3),
        (np.array([[0, FAR + 3], [0, FAR]]), FAR + 3),
        ([[0.5, 2**53 + 1], [1, 2]], 2**53 + 1),
        ([[-(2**63), 2**63 - 1], [0, 0]], 2**63 - 1),
        (np.array([[-(2**63), 2**63 - 1], [0, 0]]), 2**63 - 1),
        ([np.array([2**63 + 1], np.uint64), np.array([-1])], 2**63 + 1),
        ([[Fraction(2**70 + 1), 0], [0, 0]], 2**70 + 1),
        ([[Decimal(2**60 + 1), 0], [0, 0]], 2**60 + 1),
    ],
)
def test_what_float64_does_not_hold_beside_the_others_is_named(series, named):
    for call in (dtw_pairwise, lambda two: dtw_cross(two[:1], two[1:]), lambda two: dtw(*two)):
        with pytest.raises(InputError, match=rf"holds .*{named}.* at time point [01], and float64 does not"):
            call(series)


def test_an_envelope_is_of_the_numbers_themselves():
    with pytest.raises(InputError, match=rf"x holds {FAR + 3} at time point 1, and float64"):
        envelope(FIRST)
    assert envelope([FAR, 0])[1].ravel().tolist() == [FAR, FAR]


def test_codes_that_would_become_equal_are_refused():
    for codes in ([2**24], [2**24 + 1], [FAR + 1]):
        with pytest.raises(InputError, match=r"codes of categories|float64"):
            dtw_pairwise([[0], codes], mismatch_weights=[1.0])
    with pytest.raises(InputError, match=f"y holds {FAR + 1} "):
        dtw([0], [FAR + 1], mismatch_weights=[1.0])


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.float16, np.float32, ">f4", ">f8"])
def test_numbers_of_every_type(dtype):
    series = np.array([[0, 1, 0], [1, 1, 0]]).astype(dtype)
    expected = naive.dtw([[0], [1], [0]], [[1], [1], [0]])
    assert dtw_pairwise(series)[0] == pytest.approx(expected)
    assert dtw(*series) == pytest.approx(expected)
    assert dtw_pairwise([one.tolist() for one in series])[0] == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_and_a_memory_map_are_arrays(tmp_path):
    np.save(tmp_path / "series.npy", np.array([FIRST, SECOND]))
    assert dtw_pairwise(np.load(tmp_path / "series.npy", mmap_mode="r"))[0] == pytest.approx(
        DISTANCE, **CLOSE
    )
    assert dtw_pairwise(np.asmatrix([[0, 3], [8, 20]]))[0] == pytest.approx(DISTANCE, **CLOSE)


NO_NUMBERS = {
    "text": ["1", "2"],
    "text beside numbers": [1, "2"],
    "bytes": [b"1", b"2"],
    "a text": "12",
    "bytes alone": b"12",
    "a byte array": bytearray(b"12"),
    "byte arrays": [bytearray(b"12"), bytearray(b"34")],
    "a numpy text": np.array(["1", "2"]),
    "a text of any length": np.array(["1", "2"], dtype=np.dtypes.StringDType()),
    "objects": np.array(["1", object()], object),
    "None": None,
    "None within": [1, None],
    "a dict": {0: 1, 1: 2},
    "a set": {1, 2},
    "a generator": (number for number in [1, 2]),
    "complex": [1 + 0j, 2],
    "dates": np.array(["2020-01-01", "2020-01-02"], "M8[ns]"),
    "dates of Python": [dt.date(2020, 1, 1), dt.date(2020, 1, 2)],
    "dates of pandas": pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"], utc=True)),
    "durations": np.array([1, 2], "m8[ns]"),
    "a duration among objects": np.array([1, np.timedelta64(2, "s")], object),
    "records": np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
    "pandas text": pd.Series(["1", "2"]),
    "pandas categories": pd.Series([1, 2], dtype="category"),
    "pandas with NA": pd.Series([1, None], dtype="Int64"),
    "pandas booleans with NA": pd.Series([True, None], dtype="boolean"),
    "pandas objects": pd.Series([1, "2"], dtype=object),
    "ragged": [[1, 2], [3]],
    "a masked number": [1, np.ma.masked],
    "masked parts": [np.ma.masked_greater([1, 5], 4), [1, 2]],
    "beyond float64": [10**400, 1],
    "a number without a text": [10**5000, 1],
    "a signaling NaN": [Decimal("sNaN"), 1],
    "a NaN of Decimal": [Decimal("NaN"), 1],
    "a function": len,
    "a number alone": 5,
}

OF_ONE = {
    "dtw": lambda one: dtw(one, [1, 2]),
    "dtw, second": lambda one: dtw([1, 2], one),
    "dtw_path": lambda one: dtw_path(one, [1, 2]),
    "dtw_cost_matrix": lambda one: dtw_cost_matrix([1, 2], one),
    "dtw_subsequence": lambda one: dtw_subsequence([1, 2], one),
    "envelope": envelope,
    "lb_kim": lambda one: lb_kim(one, [1, 2]),
    "lb_keogh": lambda one: lb_keogh(one, [1, 2]),
    "lb_webb": lambda one: lb_webb([1, 2], one),
    "dtw_pairwise": lambda one: dtw_pairwise([[1, 2], one]),
    "dtw_cross": lambda one: dtw_cross([[1, 2]], [one]),
    "dtw_pairs": lambda one: dtw_pairs([one, [1, 2]], [0], [1]),
    "dtw_neighbors": lambda one: dtw_neighbors([one, [1, 2]], k=1),
}


@pytest.mark.parametrize("call", OF_ONE)
@pytest.mark.parametrize("kind", NO_NUMBERS)
def test_what_is_no_series_of_numbers(call, kind):
    with pytest.raises(InputError) as caught:
        OF_ONE[call](NO_NUMBERS[kind])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [kind for kind in NO_NUMBERS if kind != "ragged"])  # of unequal length
@pytest.mark.parametrize("call", [dtw_pairwise, lambda all_of_it: dtw_neighbors(all_of_it, k=1)])
def test_what_is_no_collection_of_series(call, kind):
    with pytest.raises(InputError):
        call(NO_NUMBERS[kind])


def test_the_message_names_what_was_given():
    for one, named in (
        (["1", "2"], "text"),
        ([1, None], "None"),
        (np.array([1j]), "complex"),
        (pd.Series(["a"], dtype="category"), "categories"),
        (pd.Series([True, None], dtype="boolean"), "<NA>"),
        ([10**400], "1000"),
    ):
        with pytest.raises(InputError, match=f"series 1 .*{named}"):
            dtw_pairwise([[1.0], one])


WRONG = {
    "None": None,
    "text": "3",
    "bytes": b"3",
    "a truth value": True,
    "a float": 2.5,
    "NaN": float("nan"),
    "a negative number": -1,
    "an endless number": 10**5000,
    "a list": [1],
    "a dict": {},
    "an array": np.array([1, 2]),
    "a duration": np.timedelta64(3),
    "complex": 1j,
    "an object": object(),
}
SERIES = [[0, 1, 2], [0, 1, 1], [3, 3, 3]]
# What each option takes of the above.
OPTIONS = [
    ("radius", ("None", "an endless number"), lambda value: dtw_pairwise(SERIES, radius=value)),
    ("radius of a pair", ("None", "an endless number"), lambda value: dtw(*SERIES[:2], radius=value)),
    ("radius of an envelope", ("None", "an endless number"), lambda value: envelope(SERIES[0], value)),
    ("n_threads", ("None",), lambda value: dtw_pairwise(SERIES, n_threads=value)),
    ("progress", ("a truth value",), lambda value: dtw_pairwise(SERIES, progress=value)),
    ("out", ("None",), lambda value: dtw_cross(SERIES, SERIES, out=value)),
    ("weights", (), lambda value: dtw_pairwise(SERIES, mismatch_weights=value)),
    ("weights of a pair", (), lambda value: dtw(*SERIES[:2], mismatch_weights=value)),
    ("cutoff", ("None", "a float"), lambda value: dtw(*SERIES[:2], cutoff=value)),
    ("k", (), lambda value: dtw_neighbors(SERIES, k=value)),
    ("eps", ("a float",), lambda value: dtw_neighbors(SERIES, eps=value)),
    ("values", ("a truth value",), lambda value: dtw_neighbors(SERIES, k=1, values=value)),
    ("matches", (), lambda value: dtw_subsequence(*SERIES[:2], k=value)),
    ("first", ("a list",), lambda value: dtw_pairs(SERIES, value, [0])),
    ("second", ("a list",), lambda value: dtw_pairs(SERIES, [0], value)),
]


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize(("option", "allowed", "call"), OPTIONS, ids=[option for option, _, _ in OPTIONS])
def test_an_option_of_the_wrong_kind(option, allowed, call, kind):
    if kind in allowed:
        call(WRONG[kind])
    elif (option.startswith("weights") and kind == "a list") or (option == "out" and kind == "text"):
        pytest.skip("that is one it takes")
    else:
        with pytest.raises(InputError) as caught:
            call(WRONG[kind])
        assert "\n" not in str(caught.value)


def test_a_ragged_index_makes_no_pairs():
    with pytest.raises(InputError, match="whole numbers"):
        dtw_pairs(SERIES, [[0], [1, 2]], [0, 1])


@pytest.mark.parametrize("options", [{"n_threads": "2"}, {"progress": "yes"}, {"radius": 1.5}])
def test_a_wrong_option_leaves_no_file(tmp_path, options):
    with pytest.raises(InputError):
        dtw_pairwise(SERIES, out=tmp_path / "distances.npy", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("collection", [range(3), deque([1, 2]), [range(3), deque([0, 1])]])
def test_other_sequences_of_numbers_are_series_too(collection):
    one, other = collection if isinstance(collection, list) else (collection, [0, 1])
    assert dtw(one, other) == naive.dtw([[number] for number in one], [[number] for number in other])


@pytest.mark.parametrize("name", ["dtw_pairwise", "dtw_neighbors"])
def test_a_gpu_is_asked_first(name):
    if cuda.available():
        pytest.skip("there is one")
    with pytest.raises(GymlabError, match=name):
        getattr(cuda, name)(None)
