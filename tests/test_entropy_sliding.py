"""Entropy over a whole array in one call: bit for bit that of the stream."""

import naive_entropy
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gymlab.entropy import (
    ConditionalEntropy,
    IncrementalEntropy,
    conditional_entropy_over_time,
    entropy_over_time,
)
from gymlab.errors import InputError

CORRECTIONS = [None, "miller-madow"]


@pytest.fixture(autouse=True, scope="module")
def _compiled():
    entropy_over_time(["a"], 1)


def streamed(rows, entropy, window):
    found = []
    for index, row in enumerate(rows):
        entropy.add(*row)
        found.append(entropy.get_entropy() if index >= window - 1 else np.nan)
    return np.array(found)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), max_size=80),
    st.integers(1, 90),
    st.sampled_from([None, 7, 100]),
    st.sampled_from(CORRECTIONS),
)
def test_it_is_the_stream_bit_for_bit(rows, window, n_action_types, correction):
    situations, choices = [s for s, _ in rows], [c for _, c in rows]
    n = n_action_types or max(len(set(choices)), 1)
    expected = streamed([(c,) for c in choices], IncrementalEntropy(window, n, correction=correction), window)
    found = entropy_over_time(choices, window, n_action_types, correction=correction)
    np.testing.assert_array_equal(found, expected)
    expected = streamed(rows, ConditionalEntropy(window, n, correction=correction), window)
    found = conditional_entropy_over_time(situations, choices, window, n_action_types, correction=correction)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize(("window", "n_action_types"), [(1_000, 12), (20_000, 12), (9_000, 5_000)])
def test_it_is_the_stream_where_64_bits_end(window, n_action_types, correction):
    rng = np.random.default_rng(window)
    choices = rng.integers(n_action_types, size=window + 2_000)
    choices[: window // 2] = 0  # so that one count passes the end of the table of steps
    entropy = IncrementalEntropy(window, n_action_types, correction=correction)
    expected = streamed([(c,) for c in choices.tolist()], entropy, window)
    found = entropy_over_time(choices, window, n_action_types, correction=correction)
    np.testing.assert_array_equal(found, expected)
    assert np.nanmax(found) - np.nanmin(found) > 0


def test_many_situations_and_choices():
    rng = np.random.default_rng(1)
    situations, choices = rng.integers(700, size=3_000), rng.integers(300, size=3_000)
    expected = streamed(
        zip(situations.tolist(), choices.tolist(), strict=True), ConditionalEntropy(400, 300), 400
    )
    np.testing.assert_array_equal(conditional_entropy_over_time(situations, choices, 400, 300), expected)


@given(
    st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from("abc")), min_size=1, max_size=40),
    st.integers(1, 10),
)
def test_the_conditional_one_equals_the_textbook(rows, window):
    situations, choices = [s for s, _ in rows], [c for _, c in rows]
    found = conditional_entropy_over_time(situations, choices, window, 3)
    assert np.isnan(found[: window - 1]).all()
    for end in range(window, len(rows) + 1):
        held = slice(end - window, end)
        expected = naive_entropy.conditional_entropy_bits(situations[held], choices[held]) / np.log2(3)
        assert found[end - 1] == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        list,
        np.array,
        lambda v: np.array(v, dtype=object),
        pd.Series,
        lambda v: pd.Series(v, dtype="category"),
    ],
)
def test_columns_of_any_kind(make):
    values = ["give", "take", "take", "keep", "give", "take"] * 5
    expected = entropy_over_time(pd.factorize(np.array(values, dtype=object))[0], 4)
    np.testing.assert_array_equal(entropy_over_time(make(values), 4), expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: entropy_over_time(["a"], None), "window must be a positive integer"),
        (
            lambda: entropy_over_time(["a"], 1, n_action_types=0),
            "n_action_types is 0; give a whole number of 1 or more, or None",
        ),
        (lambda: conditional_entropy_over_time(["x"], ["a"], 0), "window"),
        (lambda: conditional_entropy_over_time(["x"], ["a", "b"], 1), "1 situations and 2 choices"),
        (lambda: conditional_entropy_over_time(["x", "x"], ["a", "b"], 1, n_action_types=1), "2 distinct"),
        (lambda: conditional_entropy_over_time([None], ["a"], 1), "situations: the value at 0 is missing"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
