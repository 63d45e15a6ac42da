"""Arguments of the wrong kind are refused in one way, and the message says what to give."""

import math
from collections import deque

import numpy as np
import pandas as pd
import pytest

from gymlab.arguments import boolean, finite_number, instance, one_of, shown, texts, whole_number
from gymlab.errors import InputError


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3)])
def test_whole_numbers_of_every_type(value):
    number = whole_number("k", value, least=1)
    assert number == 3
    assert type(number) is int


@pytest.mark.parametrize("value", [0, 3.0, True, np.True_, "3", None, [3], np.array([3, 4]), 2**63, math.nan])
def test_what_is_no_whole_number_in_range(value):
    with pytest.raises(InputError, match=r"^k is .*; give a whole number"):
        whole_number("k", value, least=1)


def test_the_range_is_said_where_it_is_what_is_wrong():
    with pytest.raises(InputError, match=r"^k is 9; give a whole number from 1 to 5, or None$"):
        whole_number("k", 9, least=1, most=5, instead=", or None")


@pytest.mark.parametrize("value", [0, True, "1", None, math.inf, math.nan, 10**400, -1, 1.5, [0.5]])
def test_what_is_no_number_in_range(value):
    with pytest.raises(InputError, match=r"^q is .*; give a share above 0 and of at most 1$"):
        finite_number("q", value, above=0, most=1, noun="a share")


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5), np.int64(1)])
def test_numbers_of_every_type(value):
    assert type(finite_number("q", value, above=0, most=1)) is float


@pytest.mark.parametrize(
    "value", [["a", "b"], ("a", "b"), np.array(["a", "b"]), pd.Series(["a", "b"]), deque("ab")]
)
def test_texts_in_any_collection(value):
    assert texts("agent", value) == ["a", "b"]


@pytest.mark.parametrize("value", [None, 5, b"a", ["a", 5], [None], {"a": 1}, np.array("a"), np.array(5)])
def test_what_is_no_text(value):
    with pytest.raises(InputError, match=r"^agent is .*; give a text or several, or None$"):
        texts("agent", value, instead=", or None")


@pytest.mark.parametrize("value", [None, ["agent"], "agents", np.array(["agent", "x"])])
def test_what_is_none_of_the_names(value):
    with pytest.raises(InputError, match=r"^by is .*; give one of agent, session$"):
        one_of("by", value, ("agent", "session"))


@pytest.mark.parametrize("value", [1, "true", None])
def test_what_is_neither_true_nor_false(value):
    with pytest.raises(InputError, match=r"^strict is .*; give True or False$"):
        boolean("strict", value)


def test_an_object_of_another_class():
    with pytest.raises(InputError, match=r"^config is \{\}; give an ExtractionConfig$"):
        instance("config", {}, list, "an ExtractionConfig")


@pytest.mark.parametrize(
    "value", [np.zeros(10**6), pd.DataFrame({"a": range(10**5)}), "x" * 10**7, [1] * 10**5]
)
def test_a_large_value_is_shown_in_one_short_line(value):
    assert len(shown(value)) <= 80
    assert "\n" not in shown(value)
