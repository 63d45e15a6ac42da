"""Entropies of many agents in bounded memory, and of transitions that never cross from one series to another."""

import naive_entropy
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gymlab.entropy import (
    AgentEntropies,
    ConditionalEntropy,
    IncrementalEntropy,
    TimedEntropy,
    TransitionEntropy,
    transition_entropy_bits,
)
from gymlab.errors import InputError

stream = st.lists(st.tuples(st.sampled_from("pqrst"), st.sampled_from("abc")), max_size=60)


# Agents


@given(stream, st.integers(1, 6))
def test_the_least_recently_active_is_forgotten(actions, most):
    entropies = AgentEntropies(most, window=4, n_action_types=3)
    held, evicted = {}, 0
    for agent, action_type in actions:
        entropies.add(agent, action_type)
        held[agent] = [*held.pop(agent, []), action_type]  # the last to be active stands last
        if len(held) > most:
            del held[next(iter(held))]
            evicted += 1
    found = entropies.get_entropies()
    assert list(found) == list(held)
    assert (len(entropies), entropies.n_evicted) == (len(held), evicted)
    for agent, action_types in held.items():
        expected = naive_entropy.normalised_entropy(action_types[-4:], 3)
        assert found[agent] == entropies.get_entropy(agent) == pytest.approx(expected, abs=1e-12)
    assert bool(entropies.notes) == bool(evicted)


def test_what_was_forgotten_starts_afresh_and_is_said():
    entropies = AgentEntropies(1, n_action_types=2)
    for agent, action_type in [("ada", "share"), ("bob", "take"), ("ada", "take")]:
        entropies.add(agent, action_type)
    assert entropies.get_entropies() == {"ada": 0.0}
    assert "bob" not in entropies
    assert entropies.n_evicted == 2
    assert "2 times an agent was forgotten to stay within 1 agents" in entropies.notes[0]


@pytest.mark.parametrize("given_situation", [False, True])
@pytest.mark.parametrize("seconds", [None, 10])
def test_every_kind_of_entropy(given_situation, seconds):
    entropies = AgentEntropies(9, seconds=seconds, n_action_types=2, given_situation=given_situation)
    for step, action_type in enumerate(["share", "take"] * 4):
        situation = action_type.upper() if given_situation else None
        entropies.add("ada", action_type, situation, None if seconds is None else step)
    assert entropies.get_entropy("ada") == (0.0 if given_situation else 1.0)
    assert entropies.get_entropy("ada", now=17) == (1.0 if not given_situation and seconds is None else 0.0)


@pytest.mark.parametrize(
    ("options", "action", "message"),
    [
        ({}, ("eve", None), "missing"),
        ({}, ("eve", []), "hashable"),
        ({}, (None, "a"), "missing"),
        ({}, ([], "a"), "hashable"),
        ({}, ("ada", "a", "x"), "given_situation=True"),
        ({"n_action_types": 1}, ("ada", "b"), "n_action_types allows only 1"),
        ({"given_situation": True}, ("ada", "a"), "missing"),
        ({"seconds": 5}, ("ada", "a"), "needs its timestamp"),
        ({"seconds": 5}, ("eve", "a", None, "noon"), "number of seconds"),
    ],
)
def test_what_is_refused_forgets_nobody(options, action, message):
    entropies = AgentEntropies(1, **options)
    entropies.add("ada", "a", "x" if "given_situation" in options else None, 1)
    with pytest.raises(InputError, match=message):
        entropies.add(*action)
    assert (list(entropies.get_entropies()), entropies.n_evicted) == (["ada"], 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AgentEntropies(0), "max_agents"),
        (lambda: AgentEntropies(None), "no bound"),
        (lambda: AgentEntropies(5, window=3, seconds=3), "not both"),
        (lambda: AgentEntropies(5, window=0), "window"),
        (lambda: AgentEntropies(5, seconds=-1), "seconds"),
        (lambda: AgentEntropies(5, correction="x"), "miller-madow"),
        (lambda: AgentEntropies(5).get_entropy("eve"), "'eve' is not among the 0 agents"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


# Transitions


@given(stream, st.sampled_from([None, 1, 3, 50]), st.sampled_from([None, "miller-madow"]))
def test_transitions_never_cross_series(actions, window, correction):
    series, choices = [s for s, _ in actions], [c for _, c in actions]
    entropy, expected = (
        TransitionEntropy(window, correction=correction),
        ConditionalEntropy(window, correction=correction),
    )
    for one, choice in actions:
        entropy.add(choice, one)
    pairs = naive_entropy.transitions(choices, series)
    for pair in pairs:
        expected.add(*pair)
    assert entropy.counts == expected.counts
    assert (entropy.bits, entropy.get_entropy()) == (expected.bits, expected.get_entropy())
    assert entropy.n_series == len(set(series))
    if window is None:
        assert entropy.n_transitions == len(pairs)
        assert entropy.bits == transition_entropy_bits(choices, series, correction=correction)


@given(st.lists(st.sampled_from("abc"), max_size=60))
def test_transitions_of_one_series_equal_the_textbook(choices):
    pairs = naive_entropy.transitions(choices, [0] * len(choices))
    expected = naive_entropy.conditional_entropy_bits([a for a, _ in pairs], [b for _, b in pairs])
    for made in (choices, np.array(choices, dtype=object), pd.Series(choices, dtype=object)):
        assert transition_entropy_bits(made) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_a_circle_is_0_and_a_series_that_ended_has_no_next():
    entropy = TransitionEntropy()
    for choice in "abcabcabc":
        entropy.add(choice)
    assert entropy.bits == 0.0
    entropy.end()
    entropy.add("a")
    assert (entropy.n_transitions, entropy.n_series) == (8, 1)
    entropy.end("no such series")


def test_series_of_a_column_need_not_stand_together():
    choices, series = list("aabbab"), [1, 2, 1, 2, 2, 1]
    order = np.argsort(series, kind="stable")
    together = transition_entropy_bits(np.array(choices)[order], np.array(series)[order])
    assert transition_entropy_bits(choices, series) == together


@pytest.mark.parametrize("choice", [None, [], float("nan"), "c"])
@pytest.mark.parametrize("series", ["known", "new", []])
def test_a_refused_transition_changes_nothing(choice, series):
    if (choice, series) == ("c", "new"):
        return  # the first of a series is no transition, so no choice is one too many
    entropy = TransitionEntropy(n_action_types=2)
    for one in "aba":
        entropy.add(one, "known")
    before = entropy.counts, entropy.bits, entropy.n_series
    with pytest.raises(InputError):
        entropy.add(choice, series)
    assert (entropy.counts, entropy.bits, entropy.n_series) == before
    entropy.add("b", "known")
    assert entropy.counts == {("a", "b"): 2, ("b", "a"): 1}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: transition_entropy_bits(["a", "b"], [1]), "1 series and 2 choices"),
        (lambda: transition_entropy_bits(["a", None]), "missing"),
        (lambda: TransitionEntropy(window=0), "window"),
    ],
)
def test_transitions_that_make_no_sense_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_one_agent_alone_is_the_plain_stream():
    rng = np.random.default_rng(3)
    entropies, timed = AgentEntropies(1, window=50), AgentEntropies(1, seconds=50)
    plain, plain_timed = IncrementalEntropy(50), TimedEntropy(50)
    for step, action_type in enumerate(rng.integers(5, size=500).tolist()):
        entropies.add("ada", action_type)
        timed.add("ada", action_type, timestamp=step)
        plain.add(action_type)
        plain_timed.add(action_type, step)
        assert entropies.get_entropy("ada") == plain.get_entropy() == timed.get_entropy("ada")
        assert plain_timed.get_entropy() == plain.get_entropy()
