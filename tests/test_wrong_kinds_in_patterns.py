"""Public functions over channels, windows, clusters and entropies refuse arguments of the wrong kind in one line."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from made import rhythms

from gymlab import clustering, entropy
from gymlab.actions.channels import Channel, checked_channel
from gymlab.actions.encoding import fit_encoding
from gymlab.actions.windows import cut_windows
from gymlab.errors import InputError
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.one_hot import checked_series

WRONG = (
    None,
    0,
    5,
    -1,
    2.5,
    1j,
    True,
    "x",
    "3",
    b"x",
    10**30,
    -(10**30),
    float("nan"),
    float("inf"),
    [],
    [1, 2],
    ("a",),
    set(),
    {},
    {"a": 1},
    object(),
    int,
    len,
    pd.NA,
    pd.NaT,
    np.datetime64("2020-01-01"),
    np.array("x"),
    np.array(3),
    np.zeros((2, 2)),
    np.array(["a", "b", "c", "d"]),
    np.array([1, 2, 3, 4]),
    np.array([None, 1], dtype=object),
    np.array([], dtype=np.float32),
    np.array([1 + 1j]),
    pd.DataFrame({"a": [1]}),
    pd.Series([1, 2]),
)

LOG = rhythms(sessions=1, length=20)
ENCODING = fit_encoding(LOG)
DISTANCES = np.array([1, 9, 9, 9, 9, 1], dtype=np.float32)
TREE = clustering.build_tree(DISTANCES)
LABELS = np.array([0, 0, 1, 1])
SUMS = clustering.distance_sums(DISTANCES, LABELS)
SERIES = np.random.default_rng(0).normal(size=(8, 5))
OF_MATRIX, OF_TREE = {"distances": DISTANCES}, {"tree": TREE}
LABELLED = {"labels": LABELS}
CHANNEL = {"column": "impact", "kind": "numeric", "weight": 1.0, "log": False, "missing": "drop"}
# The radius is the distance engine's.
CONFIG = {
    field.name: getattr(ExtractionConfig(), field.name)
    for field in fields(ExtractionConfig)
    if field.name != "radius"
}
PAIRED = {"situations": ["a", "b"], "choices": ["a", "b"]}
SIZES = {"window": None, "n_action_types": None, "correction": None}


def added(entropies, **given):
    entropies.add(**given)


CALLS = {
    "adjusted_rand_index": (clustering.adjusted_rand_index, {"first": LABELS, "second": LABELS}),
    "build_tree": (clustering.build_tree, OF_MATRIX | {"method": "ward"}),
    "by_size": (clustering.by_size, LABELLED),
    "cached_pairwise": (clustering.cached_pairwise, {"series": SERIES}),
    "cluster_sample": (
        clustering.cluster_sample,
        {"series": SERIES, "sample_size": 4, "method": "ward", "n_clusters": 2, "seed": 0, "groups": [0] * 8},
    ),
    "cluster_tree": (clustering.cluster_tree, OF_MATRIX | OF_TREE | {"n_clusters": 2}),
    "cluster_tree at": (clustering.cluster_tree, OF_MATRIX | OF_TREE | {"height": 2.0}),
    "compare_linkages": (clustering.compare_linkages, OF_MATRIX | {"n_clusters": 2}),
    "cophenetic_correlation": (clustering.cophenetic_correlation, OF_MATRIX | OF_TREE),
    "core_distances": (clustering.core_distances, OF_MATRIX | {"min_samples": 2}),
    "cut_tree": (clustering.cut_tree, OF_TREE | {"n_clusters": 2}),
    "cut_tree at": (clustering.cut_tree, OF_TREE | {"height": 2.0}),
    "dbscan": (clustering.dbscan, OF_MATRIX | {"min_samples": 2, "eps": 1.0}),
    "describe_labels": (clustering.describe_labels, OF_MATRIX | LABELLED),
    "distance_sums": (clustering.distance_sums, OF_MATRIX | LABELLED),
    "hdbscan": (clustering.hdbscan, OF_MATRIX | {"min_cluster_size": 2, "min_samples": 2}),
    "hdbscan_series": (
        clustering.hdbscan_series,
        {"series": SERIES, "min_cluster_size": 2, "min_samples": 2},
    ),
    "kmedoids": (clustering.kmedoids, OF_MATRIX | {"n_clusters": 2, "seed": 0}),
    "labels_of_nodes": (clustering.labels_of_nodes, OF_TREE | LABELLED),
    "medoids_of": (clustering.medoids_of, {"sums": SUMS} | LABELLED),
    "number_of_items": (clustering.number_of_items, OF_MATRIX),
    "outline": (clustering.outline, OF_TREE | {"n_leaves": 3, "root": None}),
    "part_of_matrix": (clustering.part_of_matrix, OF_MATRIX | {"n": 4, "items": np.array([0, 2])}),
    "representatives": (
        clustering.representatives,
        {"matrix": DISTANCES, "at_most": None} | OF_TREE | LABELLED,
    ),
    "silhouettes": (clustering.silhouettes, {"sums": SUMS} | LABELLED),
    "single_linkage_tree": (clustering.single_linkage_tree, {"series": SERIES}),
    "suggested_eps": (clustering.suggested_eps, OF_MATRIX | {"min_samples": 2}),
    "checked_channel": (checked_channel, {"channel": "impact"}),
    "Channel": (lambda **given: checked_channel(Channel(**given)), CHANNEL),
    "a channel's description": (lambda **given: checked_channel(given), CHANNEL),
    "fit_encoding": (fit_encoding, {"actions": LOG, "channels": "auto"}),
    "encode": (ENCODING.encode, {"actions": LOG}),
    "encode_others": (ENCODING.encode_others, {"actions": LOG}),
    "unseen": (ENCODING.unseen, {"actions": LOG}),
    "cut_windows": (
        cut_windows,
        {"actions": LOG, "encoded": ENCODING.encode(LOG), "window": 5, "hop": 2, "unit": "auto"},
    ),
    "ExtractionConfig": (ExtractionConfig, CONFIG),
    "checked_series": (checked_series, {"series": SERIES}),
    "entropy_bits": (entropy.entropy_bits, {"values": ["a", "b"], "correction": None}),
    "conditional_entropy_bits": (entropy.conditional_entropy_bits, PAIRED | {"correction": None}),
    "transition_entropy_bits": (
        entropy.transition_entropy_bits,
        {"choices": ["a", "b"], "series": ["a", "b"], "correction": None},
    ),
    "entropy_over_time": (
        entropy.entropy_over_time,
        {"choices": ["a", "b"], "window": 1, "n_action_types": None, "correction": None},
    ),
    "conditional_entropy_over_time": (
        entropy.conditional_entropy_over_time,
        PAIRED | {"window": 1, "n_action_types": None, "correction": None},
    ),
    "IncrementalEntropy": (
        entropy.IncrementalEntropy,
        {"window": None, "n_action_types": None, "correction": None},
    ),
    "ConditionalEntropy": (entropy.ConditionalEntropy, SIZES),
    "TransitionEntropy": (entropy.TransitionEntropy, SIZES),
    "TimedEntropy": (entropy.TimedEntropy, {"seconds": 1.0, "n_action_types": None, "correction": None}),
    "AgentEntropies": (
        entropy.AgentEntropies,
        {
            "max_agents": 3,
            "window": None,
            "n_action_types": None,
            "given_situation": False,
            "correction": None,
        },
    ),
    "an action type": (lambda **given: added(entropy.IncrementalEntropy(), **given), {"action_type": "a"}),
    "an action": (entropy.IncrementalEntropy().add_action, {"action": {"action_type": "a"}}),
    "a choice": (
        lambda **given: added(entropy.ConditionalEntropy(), **given),
        {"situation": "s", "choice": "c"},
    ),
    "a timed choice": (
        lambda **given: added(entropy.TimedConditionalEntropy(5), **given),
        {"situation": "s", "choice": "c", "timestamp": 1.0},
    ),
    "an agent's choice": (
        lambda **given: added(entropy.AgentEntropies(3, seconds=5), **given),
        {"agent_id": "a", "action_type": "b", "timestamp": 1.0},
    ),
    "an agent": (entropy.AgentEntropies(3).get_entropy, {"agent_id": "a"}),
    "a time": (entropy.TimedEntropy(5).advance, {"now": 1.0}),
}


@pytest.mark.parametrize(
    ("name", "argument"), [(name, argument) for name, (_, given) in CALLS.items() for argument in given]
)
def test_what_is_of_the_wrong_kind_is_refused_in_one_line(name, argument):
    call, given = CALLS[name]
    messages = []
    for wrong in WRONG:
        try:
            call(**{**given, argument: wrong})
        except InputError as error:
            messages.append(str(error))
    assert messages
    assert all("\n" not in message and len(message) < 400 for message in messages)


def test_all_that_clusters_offer_is_tried():
    results = {"Clustering", "ComparedLinkage", "KMedoids", "Outline", "Quality", "SampledClustering"}
    types = {"Checkpoint", "Condensed", "Labels", "Linkage", "Tree"}
    without = {"LINKAGES", "matrix_cache", "no_checkpoint"}
    assert set(clustering.__all__) - results - types - without <= set(CALLS)


@pytest.mark.parametrize("values", ["abab", {"a": 1}, {"a", "b"}, 5, None])
def test_a_text_is_no_column_of_choices(values):
    with pytest.raises(InputError, match="give a list, an array or a Series"):
        entropy.entropy_bits(values)


def test_a_table_of_other_columns_is_no_action_table():
    with pytest.raises(InputError, match="the actions have no session_id, agent_id, step"):
        cut_windows(pd.DataFrame({"a": [1]}), np.zeros((1, 1), dtype=np.float32), window=1)


def test_windows_are_asked_for_by_their_number():
    windows = cut_windows(LOG, ENCODING.encode(LOG), window=5)
    assert len(windows.rows(0)) == 5
    for wrong in ("0", -1, len(windows), 1.5, None):
        with pytest.raises(InputError, match="index is"):
            windows.rows(wrong)
