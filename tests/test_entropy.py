"""Entropy: equal to the textbook, exact after any number of updates, and never outside [0, 1]."""

import math
from collections import Counter, deque, namedtuple
from functools import partial

import naive_entropy
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from gymlab.entropy import (
    AgentEntropies,
    ConditionalEntropy,
    IncrementalEntropy,
    TimedConditionalEntropy,
    TimedEntropy,
    TransitionEntropy,
    conditional_entropy_bits,
    conditional_entropy_over_time,
    entropy_bits,
    entropy_over_time,
)
from gymlab.errors import InputError

# Fixed point keeps 48 binary places of every term; beyond that the oracle's own rounding shows.
CLOSE = {"rel": 1e-12, "abs": 1e-12}


@pytest.fixture(autouse=True, scope="module")
def _compiled():
    """Compile the kernel before hypothesis takes the time of an example."""
    entropy_over_time(["a"], 1)


action_types = st.lists(st.sampled_from("abcdefg"), max_size=60)
pairs = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("abcd")), max_size=60)


def filled(values, **options):
    entropy = IncrementalEntropy(**options)
    for value in values:
        entropy.add(value)
    return entropy


def filled_pairs(values, **options):
    entropy = ConditionalEntropy(**options)
    for situation, choice in values:
        entropy.add(situation, choice)
    return entropy


def state(entropy):
    return entropy.n_actions, entropy.counts, entropy.bits, entropy.get_entropy()


# Incremental


@given(action_types, st.sampled_from([None, 7, 20]))
def test_it_equals_the_textbook(values, n_action_types):
    entropy = filled(values, n_action_types=n_action_types)
    assert entropy.bits == pytest.approx(naive_entropy.entropy_bits(values), **CLOSE)
    assert entropy.get_entropy() == pytest.approx(
        naive_entropy.normalised_entropy(values, n_action_types), **CLOSE
    )
    assert entropy.counts == naive_entropy.counted(values)
    assert entropy.n_actions == len(values)


@given(action_types, st.integers(1, 20))
def test_a_window_holds_the_latest(values, window):
    assert state(filled(values, window=window)) == state(filled(values[-window:]))


@given(action_types, st.sampled_from([None, 1, 3, 100]), st.sampled_from("abcdefgh"))
def test_add_and_remove_is_the_identity(values, window, value):
    entropy = filled(values, window=window)
    if window is not None and len(values) >= window:
        return  # the oldest has left and does not come back
    before = state(entropy)
    entropy.add(value)
    entropy.remove(value)
    assert state(entropy) == before
    for follower in "abc":  # what leaves next is the same too
        entropy.add(follower)
    assert state(entropy) == state(filled([*values, *"abc"], window=window))


@given(st.lists(st.integers(0, 5)), st.sampled_from([None, 1, 2, 7]), st.sampled_from([None, 6, 1000]))
def test_it_stays_between_0_and_1(values, window, n_action_types):
    entropy = IncrementalEntropy(window, n_action_types)
    for value in values:
        entropy.add(value)
        assert 0.0 <= entropy.get_entropy() <= 1.0
        assert entropy.bits >= 0.0


@pytest.mark.parametrize("n", [2, 3, 5, 6, 7, 12, 100, 1000])
@pytest.mark.parametrize("each", [1, 3, 1000])
def test_a_uniform_choice_is_1_and_never_above(n, each):
    entropy = filled(list(range(n)) * each, n_action_types=n)
    assert entropy.get_entropy() <= 1.0
    assert entropy.get_entropy() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("n", [0, 1, 2, 17, 9000])
def test_always_the_same_is_exactly_0(n):
    entropy = filled(["a"] * n, n_action_types=5)
    assert (entropy.bits, entropy.get_entropy()) == (0.0, 0.0)


def test_it_is_exact_after_a_million_adds_and_removes():
    held = deque()
    entropy = IncrementalEntropy()
    for action_type in np.random.default_rng(7).integers(12, size=500_000).tolist():
        entropy.add(action_type)
        held.append(action_type)
        if len(held) > 300:
            entropy.remove(held.popleft())
    for _ in range(200):
        entropy.remove(held.popleft())
    assert state(entropy) == state(filled(held))
    assert entropy.counts == Counter(held)
    assert entropy.bits == pytest.approx(naive_entropy.entropy_bits(held), **CLOSE)


def test_it_is_exact_past_the_end_of_the_table():
    values = np.random.default_rng(3).choice(["a", "b"], p=[0.9, 0.1], size=30_000).tolist()
    entropy = filled(values, window=12_000)
    assert entropy.bits == entropy_bits(values[-12_000:])
    assert entropy.bits == pytest.approx(naive_entropy.entropy_bits(values[-12_000:]), **CLOSE)
    for value in values[-12_000:-1]:
        entropy.remove(value)
    assert entropy.n_actions == 1
    assert entropy.bits == 0.0


def test_half_and_half_of_many_choices_is_far_from_random():
    even = ["a", "b"] * 50
    assert filled(even).get_entropy() == 1.0
    assert filled(even, n_action_types=528).get_entropy() == pytest.approx(1 / math.log2(528))


Action = namedtuple("Action", ["agent_id", "action_type"])  # noqa: PYI024 - what pandas' itertuples gives


class Thing:
    action_type = "share"


@pytest.mark.parametrize(
    "action",
    [
        {"action_type": "share"},
        Action("ada", "share"),
        Thing(),
        pd.Series({"agent_id": "ada", "action_type": "share"}),
        pd.DataFrame({"action_type": ["share"]}).iloc[0],
        next(pd.DataFrame({"action_type": ["share"]}).itertuples()),
    ],
)
def test_an_action_of_any_kind_counts_by_its_type(action):
    entropy = IncrementalEntropy()
    entropy.add_action(action)
    entropy.add("take")
    assert entropy.counts == {"share": 1, "take": 1}
    entropy.remove_action(action)
    assert entropy.counts == {"take": 1}


@pytest.mark.parametrize("action", [{"actiontype": "share"}, object(), None])
def test_an_action_without_a_type_is_refused(action):
    with pytest.raises(InputError, match="action_type"):
        IncrementalEntropy().add_action(action)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda entropy: entropy.add("c"), "n_action_types allows only 2"),
        (lambda entropy: entropy.remove("c"), "not among the 3"),
        (lambda entropy: entropy.remove([]), "hashable"),
        (lambda entropy: entropy.add([]), "hashable"),
        (lambda entropy: entropy.add(None), "missing"),
        (lambda entropy: entropy.add(float("nan")), "missing"),
        (lambda entropy: entropy.add(pd.NA), "missing"),
        (lambda entropy: entropy.add(pd.NaT), "missing"),
    ],
)
@pytest.mark.parametrize("window", [None, 3])
def test_what_is_refused_changes_nothing(change, message, window):
    entropy = filled("abb", window=window, n_action_types=2)
    # In the full window "a" would leave for "c", and two action types remain.
    if window and message.startswith("n_action_types"):
        entropy.add("a")
    before = state(entropy)
    with pytest.raises(InputError, match=message):
        change(entropy)
    assert state(entropy) == before


def test_a_new_action_type_may_take_the_place_of_the_last_one_to_leave():
    entropy = filled("abb", window=3, n_action_types=2)
    entropy.add("c")
    assert entropy.counts == {"b": 2, "c": 1}


@pytest.mark.parametrize(
    "options", [{"window": 0}, {"window": 2.5}, {"n_action_types": -1}, {"n_action_types": True}]
)
def test_sizes_that_make_no_sense_are_refused(options):
    with pytest.raises(InputError, match="give a whole number of 1 or more, or None"):
        IncrementalEntropy(**options)


def test_counts_are_a_copy():
    entropy = filled("ab")
    entropy.counts["a"] = 99
    assert entropy.counts == {"a": 1, "b": 1}


# Conditional


@given(pairs, st.sampled_from([None, 4, 9]))
def test_conditional_entropy_equals_the_textbook(values, n_action_types):
    situations, choices = [s for s, _ in values], [c for _, c in values]
    entropy = filled_pairs(values, n_action_types=n_action_types)
    expected = naive_entropy.conditional_entropy_bits(situations, choices)
    assert entropy.bits == pytest.approx(expected, **CLOSE)
    assert entropy.bits == conditional_entropy_bits(situations, choices)
    n = n_action_types or len(set(choices))
    assert entropy.get_entropy() == pytest.approx(expected / math.log2(n) if n > 1 else 0.0, **CLOSE)
    assert 0.0 <= entropy.get_entropy() <= 1.0


@given(pairs, st.integers(1, 20))
def test_a_conditional_window_holds_the_latest(values, window):
    assert state(filled_pairs(values, window=window)) == state(filled_pairs(values[-window:]))


@given(pairs, st.sampled_from([None, 100]), st.tuples(st.sampled_from("xyz"), st.sampled_from("abcd")))
def test_conditional_add_and_remove_is_the_identity(values, window, pair):
    entropy = filled_pairs(values, window=window)
    before = state(entropy)
    entropy.add(*pair)
    entropy.remove(*pair)
    assert state(entropy) == before


@given(
    st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("abcd")), min_size=4, max_size=30), st.data()
)
def test_a_conditional_window_still_slides_after_a_removal(values, data):
    gone = data.draw(st.sampled_from(values))
    entropy = filled_pairs(values, window=len(values))
    entropy.remove(*gone)
    latest = len(values) - 1 - values[::-1].index(gone)
    rest = [*values[:latest], *values[latest + 1 :]]
    followers = [("x", "a"), ("y", "b"), ("x", "c")]
    for pair in followers:
        entropy.add(*pair)
    assert state(entropy) == state(filled_pairs([*rest, *followers][-len(values) :]))


def test_what_an_agent_always_does_is_consistent_however_situations_vary():
    values = [(f"situation {i % 7}", f"choice {i % 7}") for i in range(700)]
    assert filled_pairs(values).get_entropy() == 0.0
    assert filled([choice for _, choice in values]).get_entropy() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda entropy: entropy.add("x", "c"), "n_action_types allows only 2"),
        (lambda entropy: entropy.add("x", None), "missing"),
        (lambda entropy: entropy.add(float("nan"), "a"), "missing"),
        (lambda entropy: entropy.add([], "a"), "hashable"),
        (lambda entropy: entropy.add("x", []), "hashable"),
        (lambda entropy: entropy.remove("y", "a"), "not among"),
    ],
)
@pytest.mark.parametrize("window", [None, 4])
def test_what_the_conditional_entropy_refuses_changes_nothing(change, message, window):
    entropy = filled_pairs([("x", "a"), ("y", "b"), ("x", "b"), ("x", "a")], window=window, n_action_types=2)
    before = state(entropy)
    with pytest.raises(InputError, match=message):
        change(entropy)
    assert state(entropy) == before


# Of whole columns


@pytest.mark.parametrize(
    "make", [list, np.array, pd.Series, pd.Index, pd.Categorical, lambda v: pd.Series(v, dtype="category")]
)
@given(values=action_types)
def test_entropy_of_a_column_of_any_kind(make, values):
    found = entropy_bits(make(values))
    assert found == filled(values).bits
    if values:
        counts = list(Counter(values).values())
        assert found == pytest.approx(scipy.stats.entropy(counts, base=2), **CLOSE)


def test_values_of_mixed_types_are_counted_apart():
    assert entropy_bits(["1", 1, (1, 2), "1"]) == pytest.approx(1.5)


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA])
def test_a_missing_value_is_named(missing):
    with pytest.raises(InputError, match="choices: the value at 1 is missing"):
        conditional_entropy_bits(["x", "y"], pd.Series(["a", missing], dtype=object))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: entropy_bits(np.zeros((2, 2))), "one-dimensional"),
        (lambda: entropy_bits([[1], [2]]), "hashable"),
        (lambda: conditional_entropy_bits(["a"], ["a", "b"]), "1 situations and 2 choices"),
        (lambda: entropy_over_time(["a", "b", "c"], 2, n_action_types=2), "3 distinct choices"),
        (lambda: entropy_over_time(["a"], 0), "window"),
    ],
)
def test_columns_that_make_no_sense_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


@given(action_types, st.integers(1, 70), st.sampled_from([None, 7, 30]))
def test_entropy_over_time_equals_the_textbook(values, window, n_action_types):
    found = entropy_over_time(values, window, n_action_types)
    expected = naive_entropy.entropy_over_time(values, window, n_action_types or len(set(values)))
    assert found.shape == (len(values),)
    np.testing.assert_allclose(found, np.array(expected, dtype=float), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("old", "call"),
    [
        ("n_intents", IncrementalEntropy),
        ("n_choices", ConditionalEntropy),
        ("n_choices", TransitionEntropy),
        ("n_intents", partial(TimedEntropy, 5)),
        ("n_choices", partial(TimedConditionalEntropy, 5)),
        ("n_intents", partial(AgentEntropies, 5)),
        ("n_intents", partial(entropy_over_time, ["a", "b"], 1)),
        ("n_choices", partial(conditional_entropy_over_time, ["x", "y"], ["a", "b"], 1)),
    ],
)
def test_the_old_keyword_still_works_and_warns(old, call):
    with pytest.warns(DeprecationWarning, match=f"{old} is now called n_action_types") as caught:
        call(**{old: 2})
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match=old), pytest.raises(InputError, match="n_action_types is 0"):
        call(**{old: 0})
