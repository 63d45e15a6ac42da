"""Channels: what a local cost is, what auto chooses, and what unknown values mean."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from gymlab.actions import frame_from_records
from gymlab.actions.channels import Channel
from gymlab.actions.encoding import fit_encoding
from gymlab.errors import InputError
from gymlab.patterns.config import ExtractionConfig


def log_of(n=6, **columns):
    base = {
        "session_id": "s",
        "agent_id": "a",
        "actor": "a",
        "target": "b",
        "relationship_type": "neutral",
        "action_type": "wait",
        "decision_context": "",
    }
    records = []
    for step in range(n):
        record = {**base, "step": step}
        for name, values in columns.items():
            if values[step] is not None:
                record[name] = values[step]
        records.append(record)
    return frame_from_records(records)


def local_costs(encoding, log):
    """The local cost of every pair of actions, from the encoded columns as the kernel adds them up."""
    encoded = encoding.encode(log).astype(np.float64)
    weights = encoding.mismatch_weights
    numeric = encoded.shape[1] - len(weights)
    costs = {}
    for i, j in itertools.combinations(range(len(log)), 2):
        cost = ((encoded[i, :numeric] - encoded[j, :numeric]) ** 2).sum()
        cost += sum(w for k, w in enumerate(weights) if encoded[i, numeric + k] != encoded[j, numeric + k])
        costs[i, j] = cost
    return costs


@pytest.mark.parametrize("n_levels", [2, 3, 16, 17, 40])
def test_two_categories_cost_their_weight_however_many_there_are(n_levels):
    names = [f"tool-{k}" for k in range(n_levels)]
    log = log_of(n_levels, action_type=names)
    encoding = fit_encoding(log, [Channel("action_type", "categorical", weight=1.7)])
    assert all(cost == pytest.approx(1.7, rel=1e-6) for cost in local_costs(encoding, log).values())
    assert len(encoding.mismatch_weights) == (1 if n_levels > 16 else 0)
    assert encoding.encode(log).shape[1] <= 16


def test_a_numeric_channel_is_scaled_by_the_logs_deviation_and_weighted():
    impact = [0.0, 0.5, -0.5, 1.0, 0.0, 0.25]
    log = log_of(impact=impact)
    encoding = fit_encoding(log, [Channel("impact", "numeric", weight=2.0)])
    scale = np.std(impact)
    for (i, j), cost in local_costs(encoding, log).items():
        assert cost == pytest.approx(2.0 * ((impact[i] - impact[j]) / scale) ** 2, rel=1e-5)


def test_auto_takes_what_the_log_has_and_says_what_it_left_out():
    log = log_of(
        action_type=["give", "take"] * 3,
        relationship_type=["ally", "adversary", "neutral"] * 2,
        impact=[0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
        outcome_valence=[None, None, None, None, None, 0.1],
    )
    encoding = fit_encoding(log)
    assert [fitted.channel.column for fitted in encoding.channels] == ["action_type", "relationship_type"]
    notes = " / ".join(encoding.notes)
    assert "impact is left out: it is always 0.5" in notes
    assert "decision_entropy is left out: the log does not have it" in notes
    assert "outcome_valence is left out" in notes


def test_auto_drops_a_channel_that_few_actions_have_and_marks_one_that_many_have():
    log = log_of(
        impact=[0.1, 0.9, None, None, None, None],
        outcome_valence=[0.1, 0.9, 0.3, 0.2, None, 0.4],
        action_type=["give", "take"] * 3,
    )
    encoding = fit_encoding(log)
    assert encoding.columns == ["action_type=take", "outcome_valence", "outcome_valence (unknown)"]
    assert any("impact is left out: only 33% of the actions have it" in note for note in encoding.notes)
    assert any("outcome_valence is unknown for 17%" in note for note in encoding.notes)
    encoded = encoding.encode(log)
    assert np.isfinite(encoded).all()
    assert encoded[:, 2].tolist() == [0, 0, 0, 0, 1, 0]


def test_a_log_of_one_kind_of_action_is_all_alike():
    log = log_of()
    encoding = fit_encoding(log)
    assert set(local_costs(encoding, log).values()) == {0.0}
    assert any("all actions are equal" in note for note in encoding.notes)


def test_context_weight_follows_the_documents_weights():
    log = log_of(4, decision_context=["trust_betrayal", "efficiency_max", "elsewhere", "trust_betrayal"])
    encoding = fit_encoding(log, ["context_weight"])
    encoded = encoding.encode(log).ravel()
    assert encoded[0] == encoded[3] > encoded[1] == encoded[2]
    assert encoded[0] - encoded[1] == pytest.approx(1 / np.std([2.0, 1.0, 1.0, 2.0]), rel=1e-6)


def test_log_scaled_latency_compares_orders_of_magnitude():
    latency = [9.0, 99.0, 999.0, 9.0, 99.0, 999.0]
    log = log_of(latency_ms=latency)
    encoded = fit_encoding(log, ["latency_ms"]).encode(log).ravel()
    assert encoded[1] - encoded[0] == pytest.approx(encoded[2] - encoded[1], rel=1e-5)


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ("impact", "give 'auto'"),
        (["impact"], "channel impact has no usable value"),
        (["mood"], "there is no channel 'mood'"),
        ([], "at least one"),
        (["action_type", "action_type"], "each channel once"),
        ([Channel("action_type", "numeric")], "has to be categorical"),
        ([Channel("action_type", "categorical", weight=0)], "weight is 0"),
        ([Channel("outcome_valence", "numeric", missing="refuse")], "unknown for 1 of 6 actions"),
    ],
)
def test_unusable_channels_are_named(channels, message):
    log = log_of(outcome_valence=[0.1, 0.2, 0.3, None, 0.5, 0.6])
    with pytest.raises(InputError) as caught:
        fit_encoding(log, channels)
    assert message in str(caught.value)


def test_a_category_that_the_fit_did_not_see_is_refused():
    encoding = fit_encoding(log_of(2, action_type=["give", "take"]), ["action_type"])
    with pytest.raises(InputError, match="'steal'"):
        encoding.encode(log_of(2, action_type=["give", "steal"]))


def test_encoding_is_the_same_whatever_order_the_rows_have():
    log = log_of(action_type=["c", "a", "b", "a", "c", "b"], impact=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    encoding = fit_encoding(log)
    shuffled = log.sample(frac=1, random_state=0)
    pd.testing.assert_index_equal(pd.Index(encoding.columns), pd.Index(fit_encoding(shuffled).columns))
    np.testing.assert_array_equal(encoding.encode(log)[shuffled.index], encoding.encode(shuffled))


def test_a_channel_can_be_described_by_what_differs_from_the_one_of_its_name():
    described = [{"column": "impact", "weight": 2}, "action_type", {"column": "latency_ms", "log": False}]
    config = ExtractionConfig(channels=described)
    assert config.channels == (
        Channel("impact", "numeric", weight=2.0),
        "action_type",
        Channel("latency_ms", "numeric", log=False),
    )
    few = log_of(impact=[0.1, 0.2, 0.3, 0.1, 0.5, 0.6])
    again = ExtractionConfig(**json.loads(json.dumps(config.as_dict())))
    assert again.as_dict() == config.as_dict()
    assert fit_encoding(few, described[:2]).channels == fit_encoding(few, config.channels[:2]).channels


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        ({"weight": 2}, "names no channel"),
        ({"column": "mood"}, "no channel 'mood'"),
        ({"column": "impact", "wight": 2}, "no wight; give column, kind, weight"),
        ({"column": "impact", "weight": 0}, "weight is 0; give a number above 0"),
        ({"column": "impact", "weight": "heavy"}, "weight is 'heavy'"),
        ({"column": "impact", "kind": "ordinal"}, "kind is 'ordinal'; give one of numeric, categorical"),
        ({"column": "impact", "missing": "guess"}, "missing is 'guess'"),
        ({"column": "impact", "log": "yes"}, "log is 'yes'"),
        ({"column": "target", "kind": "numeric"}, "has to be categorical"),
        (3, "give 'auto' or a sequence"),
    ],
)
def test_a_description_that_cannot_be_is_refused_when_the_parameters_are_made(channel, message):
    with pytest.raises(InputError, match=message):
        ExtractionConfig(channels=[channel])
