"""Entropy over event time: what counts is decided by timestamps, in whatever order actions arrive."""

import math
from datetime import UTC, datetime, timedelta

import naive_entropy
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gymlab.entropy import (
    TimedConditionalEntropy,
    TimedEntropy,
    conditional_entropy_bits,
    entropy_bits,
)
from gymlab.errors import InputError

CORRECTIONS = [None, "miller-madow"]
times = st.integers(0, 40).map(lambda quarter: quarter / 4)
events = st.lists(st.tuples(times, st.tuples(st.sampled_from("xy"), st.sampled_from("abc"))), max_size=40)


def state(entropy):
    return entropy.n_actions, entropy.counts, entropy.bits, entropy.get_entropy(), entropy.n_late


@given(events, st.sampled_from([0.25, 1, 3.5, 100]), st.sampled_from(CORRECTIONS))
def test_it_holds_what_happened_in_the_last_seconds(arrived, seconds, correction):
    of_choices = TimedEntropy(seconds, correction=correction)
    given_situation = TimedConditionalEntropy(seconds, correction=correction)
    for timestamp, (situation, choice) in arrived:
        of_choices.add(choice, timestamp)
        given_situation.add(situation, choice, timestamp)
    held, late = naive_entropy.in_event_window(arrived, seconds)
    choices = [choice for _, choice in held]
    assert of_choices.counts == naive_entropy.counted(choices)
    assert given_situation.counts == naive_entropy.counted(held)
    assert of_choices.n_late == given_situation.n_late == late
    assert of_choices.n_actions == given_situation.n_actions == len(held)
    assert of_choices.bits == entropy_bits(choices, correction=correction)
    assert given_situation.bits == conditional_entropy_bits(
        [situation for situation, _ in held], choices, correction=correction
    )
    assert 0.0 <= given_situation.get_entropy() <= 1.0


@given(events, times)
def test_a_reading_lets_leave_what_is_too_old(arrived, now):
    entropy = TimedEntropy(2)
    for timestamp, (_, choice) in arrived:
        entropy.add(choice, timestamp)
    entropy.get_entropy(now)
    clock = max([now, *(timestamp for timestamp, _ in arrived)])
    held, _ = naive_entropy.in_event_window([(at, (at, choice)) for at, (_, choice) in arrived], 2)
    staying = [choice for at, choice in held if at > clock - 2]
    assert entropy.counts == naive_entropy.counted(staying)


def test_the_interval_is_open_where_it_begins():
    entropy = TimedEntropy(10)
    entropy.add("a", 0)
    assert entropy.get_entropy(now=math.nextafter(10, 0)) == 0.0
    assert entropy.n_actions == 1
    entropy.advance(10)
    assert (entropy.n_actions, entropy.counts, entropy.bits) == (0, {}, 0.0)


def test_the_clock_never_goes_back():
    entropy = TimedEntropy(10)
    entropy.add("a", 0)
    entropy.advance(50)
    entropy.advance(5)
    entropy.add("b", 40)
    assert (entropy.n_actions, entropy.n_late) == (0, 1)
    entropy.add("b", 40.5)
    assert entropy.counts == {"b": 1}


def test_memory_holds_what_is_in_the_window():
    entropy = TimedEntropy(5)
    for step in range(20_000):
        entropy.add(f"action type {step}", step)
    assert entropy.n_actions == len(entropy.counts) == len(entropy._items) == 5


def test_a_million_seconds_leave_no_trace():
    rng = np.random.default_rng(2)
    at = np.cumsum(rng.exponential(size=30_000))
    at += rng.normal(size=at.size)  # so a third are out of order
    choices = rng.integers(6, size=at.size).tolist()
    entropy = TimedEntropy(300)
    for timestamp, choice in zip(at.tolist(), choices, strict=True):
        entropy.add(choice, timestamp)
    held = [choice for timestamp, choice in zip(at, choices, strict=True) if timestamp > at.max() - 300]
    assert entropy.counts == naive_entropy.counted(held)
    assert entropy.bits == entropy_bits(held)


def test_datetimes_count_in_seconds():
    start = datetime(2025, 3, 30, 0, 30, tzinfo=UTC)
    entropy = TimedEntropy(60, n_action_types=2)
    entropy.add("a", start)
    entropy.add("b", pd.Timestamp(start) + timedelta(seconds=59))
    assert entropy.get_entropy() == 1.0
    assert entropy.get_entropy(start.timestamp() + 60) == 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.add("x", "c", 12.5), "n_action_types allows only 2"),
        (lambda e: e.add("x", None, 12.5), "missing"),
        (lambda e: e.add(float("nan"), "a", 12.5), "missing"),
        (lambda e: e.add("x", [], 99), "hashable"),
        (lambda e: e.add("x", None, 1), "missing"),
        (lambda e: e.add([], "a", 1), "hashable"),
        (lambda e: e.add("x", "a", math.nan), "finite"),
        (lambda e: e.add("x", "a", math.inf), "finite"),
        (lambda e: e.add("x", "a", "12:00"), "number of seconds"),
        (lambda e: e.add("x", "a", timestamp=True), "number of seconds"),
        (lambda e: e.add("x", "a", None), "number of seconds"),
        (lambda e: e.add("x", "a", datetime(2025, 1, 1)), "time zone"),  # noqa: DTZ001 - that is the point
        (lambda e: e.add("x", "a", pd.NaT), "time zone"),
        (lambda e: e.advance(math.nan), "finite"),
        (lambda e: e.get_entropy("now"), "number of seconds"),
    ],
)
def test_what_is_refused_changes_nothing(change, message):
    entropy = TimedConditionalEntropy(10, n_action_types=2)
    for situation, choice, timestamp in [("x", "a", 2), ("y", "a", 5), ("x", "b", 6), ("x", "a", 11.5)]:
        entropy.add(situation, choice, timestamp)
    before = state(entropy)
    with pytest.raises(InputError, match=message):
        change(entropy)
    assert state(entropy) == before
    # What was about to leave leaves when it is due, and no earlier.
    entropy.advance(11.9)
    assert state(entropy) == before
    entropy.advance(12)
    assert entropy.n_actions == before[0] - 1


def test_a_new_choice_may_take_the_place_of_one_that_leaves():
    entropy = TimedEntropy(10, n_action_types=2)
    for choice, timestamp in [("a", 0), ("b", 5), ("c", 10)]:
        entropy.add(choice, timestamp)
    assert entropy.counts == {"b": 1, "c": 1}


@pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan, None, "60", True])
def test_seconds_that_make_no_sense_are_refused(seconds):
    with pytest.raises(InputError, match=r"seconds is .*; give a number above 0"):
        TimedEntropy(seconds)
