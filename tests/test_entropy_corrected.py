"""Miller and Madow's correction: equal to its formula, of streams and arrays alike, and never above 1."""

import math

import naive_entropy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gymlab.entropy import (
    ConditionalEntropy,
    IncrementalEntropy,
    conditional_entropy_bits,
    entropy_bits,
    entropy_over_time,
    transition_entropy_bits,
)
from gymlab.errors import InputError

CLOSE = {"rel": 1e-12, "abs": 1e-12}
MILLER_MADOW = {"correction": "miller-madow"}
pairs = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("abcd")), max_size=60)


@given(pairs, st.sampled_from([None, 1, 5, 60]))
def test_it_equals_its_formula(values, window):
    of_choices, given_situation = (
        IncrementalEntropy(window, **MILLER_MADOW),
        ConditionalEntropy(window, **MILLER_MADOW),
    )
    for situation, choice in values:
        of_choices.add(choice)
        given_situation.add(situation, choice)
    held = values if window is None else values[-window:]
    situations, choices = [s for s, _ in held], [c for _, c in held]
    assert of_choices.bits == pytest.approx(naive_entropy.miller_madow_bits(choices), **CLOSE)
    assert of_choices.bits == entropy_bits(choices, **MILLER_MADOW)
    expected = naive_entropy.conditional_miller_madow_bits(situations, choices)
    assert given_situation.bits == pytest.approx(expected, **CLOSE)
    assert given_situation.bits == conditional_entropy_bits(situations, choices, **MILLER_MADOW)


@given(pairs, st.tuples(st.sampled_from("xyzw"), st.sampled_from("abcde")))
def test_add_and_remove_is_the_identity(values, pair):
    of_choices, given_situation = IncrementalEntropy(**MILLER_MADOW), ConditionalEntropy(**MILLER_MADOW)
    for situation, choice in values:
        of_choices.add(choice)
        given_situation.add(situation, choice)
    before = of_choices.bits, given_situation.bits, of_choices.get_entropy(), given_situation.get_entropy()
    of_choices.add(pair[1])
    of_choices.remove(pair[1])
    given_situation.add(*pair)
    given_situation.remove(*pair)
    after = of_choices.bits, given_situation.bits, of_choices.get_entropy(), given_situation.get_entropy()
    assert after == before


def test_what_is_lifted_above_1_is_cut_and_said():
    entropy = IncrementalEntropy(n_action_types=2, **MILLER_MADOW)
    entropy.add("share")
    assert (entropy.get_entropy(), entropy.is_capped) == (0.0, False)
    entropy.add("take")
    assert (entropy.get_entropy(), entropy.is_capped) == (1.0, True)
    assert entropy.bits == pytest.approx(1 + 1 / (4 * math.log(2)))


@pytest.mark.parametrize("n", [2, 3, 5, 6, 7, 12, 1000])
def test_a_uniform_choice_without_a_correction_is_not_capped(n):
    of_choices, given_situation = IncrementalEntropy(), ConditionalEntropy()
    for code in range(n):
        of_choices.add(code)
        given_situation.add("x", code)
    assert not of_choices.is_capped
    assert not given_situation.is_capped


def test_the_conditional_one_is_cut_and_said_too():
    entropy = ConditionalEntropy(n_action_types=2, **MILLER_MADOW)
    entropy.add("ally", "share")
    assert (entropy.get_entropy(), entropy.is_capped) == (0.0, False)
    entropy.add("ally", "take")
    assert (entropy.get_entropy(), entropy.is_capped) == (1.0, True)


def test_it_takes_off_most_of_the_bias_of_small_samples():
    rng = np.random.default_rng(5)
    samples = rng.integers(6, size=(2_000, 30))
    truth = math.log2(6)
    plain = np.mean([entropy_bits(sample) for sample in samples]) - truth
    corrected = np.mean([entropy_bits(sample, **MILLER_MADOW) for sample in samples]) - truth
    assert abs(corrected) < abs(plain) / 5


@pytest.mark.parametrize(
    "call",
    [
        lambda: IncrementalEntropy(correction="grassberger"),
        lambda: ConditionalEntropy(correction=True),
        lambda: entropy_bits(["a"], correction="Miller-Madow"),
        lambda: conditional_entropy_bits([], [], correction="x"),
        lambda: transition_entropy_bits([], correction="x"),
        lambda: entropy_over_time(["a"], 1, correction="x"),
    ],
)
def test_an_unknown_correction_is_refused(call):
    with pytest.raises(InputError, match="give 'miller-madow' or None"):
        call()
