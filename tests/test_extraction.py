"""From a log to its patterns: what is found, what it rests on, and what is refused."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import naive
import numba
import numpy as np
import pytest
from made import action, rhythms, rules
from sklearn.metrics import adjusted_rand_score

import gymlab
from gymlab.errors import InputError, MemoryLimitError
from gymlab.patterns.pipeline import run_extraction

FEW = {"window": 10, "hop": 5}


def test_agents_with_a_rhythm_of_their_own_get_patterns_of_their_own():
    log = rhythms()
    extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW, n_clusters=3))
    agents = extraction.windows.table["agent_id"]
    for agent in ("alternates", "repeats"):
        labels = set(extraction.labels[agents == agent])
        assert len(labels) == 1, agent
    # The random agent may repeat itself for a window, but most of it is a pattern of its own.
    assert adjusted_rand_score(agents, extraction.labels) > 0.9


def test_support_counts_distinct_actions_however_much_windows_overlap():
    log = rhythms(sessions=2)
    extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(window=10, hop=1, n_clusters=3))
    assert extraction.stats.windows * 10 > 5 * len(log)
    for pattern in extraction.patterns:
        rows = {row for member in pattern.members for row in extraction.windows.rows(int(member))}
        assert pattern.support == len(rows)
        assert len(extraction.actions_of(pattern.label)) == len(rows)
    assert sum(pattern.size for pattern in extraction.patterns) == extraction.stats.windows


def test_a_pattern_is_described_by_its_distinct_actions():
    log = rules()
    extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW, n_clusters=2))
    for pattern in extraction.patterns:
        actions = extraction.actions_of(pattern.label)
        counts = Counter(actions["action_type"])
        assert pattern.actions == pytest.approx({k: v / len(actions) for k, v in counts.items()})
        contexts = Counter(actions["decision_context"])
        assert pattern.contexts == pytest.approx({k: v / len(actions) for k, v in contexts.items()})
        given = 0.0
        for context, n in contexts.items():
            chosen = Counter(actions.loc[actions["decision_context"] == context, "action_type"]).values()
            given -= sum(c * np.log2(c / n) for c in chosen) / len(actions)
        assert pattern.consistency == pytest.approx(1 - given / np.log2(2), abs=1e-9)
        medoid = extraction.actions_of_window(pattern.medoid)
        assert medoid["step"].iloc[0] == pattern.medoid_start
        assert set(medoid["session_id"]) == {pattern.medoid_session}
        assert set(medoid["agent_id"]) == {pattern.medoid_agent}


def test_a_rule_is_consistent_however_varied_its_situations():
    log = rules(n_agents=2, length=80)
    rule = gymlab.select_actions(log, agent="agent-1")
    extraction = gymlab.extract_patterns(rule, gymlab.ExtractionConfig(**FEW, n_clusters=1))
    assert extraction.patterns[0].consistency == 1.0
    assert len(extraction.patterns[0].contexts) == 3


def test_medoids_and_silhouette_agree_with_plain_loops():
    extraction = gymlab.extract_patterns(rhythms(sessions=2), gymlab.ExtractionConfig(**FEW, n_clusters=3))
    values = extraction.windows.values.astype(float)
    n = len(values)
    square = [[naive.dtw(values[i], values[j]) for j in range(n)] for i in range(n)]
    labels = extraction.labels.tolist()
    assert extraction.quality.silhouette == pytest.approx(naive.silhouette(square, labels), abs=1e-5)
    for pattern in extraction.patterns:
        expected = naive.medoid(square, pattern.members.tolist())
        sums = [sum(square[one][m] for m in pattern.members) for one in (pattern.medoid, expected)]
        assert sums[0] == pytest.approx(sums[1], rel=1e-6)


def test_labelled_actions_take_the_pattern_of_most_of_their_windows():
    extraction = gymlab.extract_patterns(rhythms(sessions=2), gymlab.ExtractionConfig(window=10, hop=4))
    labelled = extraction.labelled_actions()
    votes = [Counter() for _ in range(len(labelled))]
    for index, label in enumerate(extraction.labels):
        for row in extraction.windows.rows(index):
            votes[row][int(label)] += 1
    for vote, label in zip(votes, labelled["pattern"], strict=True):
        if not vote:
            assert label is labelled["pattern"].dtype.na_value
        else:
            assert label == min(vote, key=lambda k: (-vote[k], k))


def test_whole_series_when_windows_would_cover_little():
    log = gymlab.actions.frame_from_records(
        action(step, kind, agent=f"{kind}-{n}") for kind in "abc" for n in range(4) for step in range(3 + n)
    )
    extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(n_clusters=3))
    assert extraction.windows.unit == "series"
    assert extraction.stats.coverage == 1.0
    kinds = [agent[0] for agent in extraction.windows.table["agent_id"]]
    assert adjusted_rand_score(kinds, extraction.labels) == 1.0


def test_two_agents_get_their_own_patterns_not_those_cached_for_another():
    log = rhythms(sessions=2)
    one = gymlab.select_actions(log, agent="alternates")
    other = gymlab.select_actions(log, agent="random")
    config = gymlab.ExtractionConfig(window=10, hop=5)
    alone = gymlab.extract_patterns(other, config)
    gymlab.extract_patterns(one, config)
    after = gymlab.extract_patterns(other, config)
    np.testing.assert_array_equal(alone.distances, after.distances)
    np.testing.assert_array_equal(alone.labels, after.labels)


def test_the_result_is_the_same_in_every_process():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import gymlab; from made import rhythms\n"
        "e = gymlab.extract_patterns(rhythms(2), gymlab.ExtractionConfig(window=10, hop=5))\n"
        "print(e.labels.tolist(), e.distances.sum(), e.encoding.columns)"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent)]
    outputs = {
        subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1


def test_selective_fills_what_it_did_not_select_with_an_upper_bound():
    log = rhythms(sessions=3)
    exact = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW, n_clusters=3))
    some = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW, n_clusters=3, strategy="selective"))
    euclidean = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW, n_clusters=3, radius=0)).distances
    selected = int(np.ceil(0.2 * exact.stats.pairs))
    assert some.stats.pruned == exact.stats.pairs - selected
    assert exact.stats.pruned == 0
    assert (some.distances >= exact.distances - 1e-6).all()
    is_dtw, is_filled = some.distances == exact.distances, some.distances == euclidean
    assert (is_dtw | is_filled).all()
    # Those selected are the closest by Euclidean distance.
    border = np.sort(euclidean)[selected - 1]
    assert is_dtw[euclidean < border].all()
    assert is_filled[euclidean > border].all()
    whole = gymlab.extract_patterns(
        log, gymlab.ExtractionConfig(**FEW, n_clusters=3, strategy="selective", top_fraction=1.0)
    )
    np.testing.assert_array_equal(whole.distances, exact.distances)


@pytest.mark.parametrize("radius", [None, 2])
def test_exact_finds_what_the_same_pipeline_finds_on_naive_distances(radius):
    extraction = gymlab.extract_patterns(
        rhythms(sessions=2), gymlab.ExtractionConfig(**FEW, n_clusters=4, radius=radius)
    )
    values = extraction.windows.values.astype(float)
    n = len(values)
    expected = [naive.dtw(values[i], values[j], radius) for i in range(n) for j in range(i + 1, n)]
    np.testing.assert_allclose(extraction.distances, expected, 1e-5, 1e-6)


def test_the_baseline_finds_the_same_distances_and_five_clusters_at_most():
    log = rhythms(sessions=1)
    baseline = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW, strategy="baseline"))
    exact = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW))
    np.testing.assert_allclose(baseline.distances, exact.distances, 1e-5, 1e-6)
    assert baseline.linkage is None
    assert len(baseline.patterns) <= 5
    with pytest.raises(
        InputError, match="pairs of 1,080 windows; it is for comparison on at most 632 windows"
    ):
        gymlab.extract_patterns(
            rhythms(sessions=12), gymlab.ExtractionConfig(window=11, hop=1, strategy="baseline")
        )


def test_many_tools_are_compared_as_codes_and_the_baseline_agrees():
    rng = np.random.default_rng(0)
    log = gymlab.actions.frame_from_records(
        action(step, f"tool-{rng.integers(30)}", agent=f"a{n}") for n in range(4) for step in range(30)
    )
    exact = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW))
    assert exact.encoding.mismatch_weights == (1.0,)
    baseline = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW, strategy="baseline"))
    np.testing.assert_allclose(baseline.distances, exact.distances, 1e-5, 1e-6)


def test_an_extraction_that_would_not_fit_is_refused_with_the_memory_it_needs(monkeypatch):
    monkeypatch.setenv("GYMLAB_MEMORY_FRACTION", "1e-9")
    with pytest.raises(MemoryLimitError) as caught:
        gymlab.extract_patterns(rhythms(), gymlab.ExtractionConfig(**FEW, strategy="exact"))
    message = str(caught.value)
    assert "126 windows make 7,875 pairs" in message
    assert "0.0 MB may be used" in message
    assert "hop" in message


def test_one_window_is_one_pattern():
    log = rhythms(sessions=1, length=12)
    log = gymlab.select_actions(log, agent="random")
    extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW))
    assert len(extraction.patterns) == 1
    assert extraction.patterns[0].support == 10
    json.dumps(extraction.as_dict(), allow_nan=False)


def test_windows_that_are_all_alike_are_one_pattern():
    log = gymlab.select_actions(rhythms(sessions=2), agent="repeats")
    extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW))
    assert len(extraction.patterns) == 1
    assert extraction.distances.max() == 0


def test_the_result_is_strict_json_of_schema_one():
    extraction = gymlab.extract_patterns(rhythms(sessions=2), gymlab.ExtractionConfig(**FEW))
    found = json.loads(json.dumps(extraction.as_dict(), allow_nan=False))
    assert found["schema"] == 1
    assert set(found["windows"][0]) == {"session_id", "agent_id", "start", "length", "label"}
    assert len(found["windows"]) == extraction.stats.windows
    first = found["patterns"][0]
    assert {"label", "size", "support", "medoid", "consistency"} <= set(first)
    assert set(first["medoid"]) == {"session_id", "agent_id", "start"}
    assert found["stats"]["pairs"] == extraction.stats.pairs


def test_a_channel_object_and_its_weight_are_kept_with_the_result():
    config = gymlab.ExtractionConfig(
        **FEW, channels=[gymlab.Channel("action_type", "categorical", weight=4.0)]
    )
    plain = gymlab.extract_patterns(rhythms(2), gymlab.ExtractionConfig(**FEW, channels=["action_type"]))
    heavy = gymlab.extract_patterns(rhythms(2), config)
    np.testing.assert_allclose(heavy.distances, 2 * plain.distances, rtol=1e-6)
    assert heavy.as_dict()["config"]["channels"][0]["weight"] == 4.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"window": 0}, "window is 0"),
        ({"window": 2.5}, "window is 2.5"),
        ({"window": True}, "window is True"),
        ({"hop": -1}, "hop is -1"),
        ({"radius": -1}, "radius is -1"),
        ({"method": "centroid"}, "method is 'centroid'; give one of ward"),
        ({"strategy": "fast"}, "strategy is 'fast'; give one of auto, exact"),
        ({"unit": "day"}, "unit is 'day'"),
        ({"n_clusters": 0}, "n_clusters is 0"),
        ({"n_clusters": "many"}, "n_clusters is 'many'"),
        ({"top_fraction": 0}, "top_fraction is 0"),
        ({"top_fraction": 1.1}, "top_fraction is 1.1"),
        ({"channels": "impact"}, "channels is 'impact'"),
        ({"channels": 3}, "channels is 3"),
        ({"channels": [3]}, "channels is [3]"),
        ({"seed": 2**40}, "seed is"),
        ({"cut_height": -1}, "cut_height is -1"),
        ({"cut_height": float("nan")}, "cut_height is nan"),
        ({"cut_height": 1.0, "n_clusters": 3}, "not both"),
        ({"n_threads": 0}, "n_threads is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_unusable_parameters_are_named(fields, message):
    with pytest.raises(InputError) as caught:
        gymlab.ExtractionConfig(**fields)
    assert message in str(caught.value)


def test_a_cut_height_is_a_parameter_too():
    extraction = gymlab.extract_patterns(rhythms(2), gymlab.ExtractionConfig(**FEW, cut_height=1e9))
    assert len(extraction.patterns) == 1


def test_more_patterns_than_windows_are_refused():
    with pytest.raises(InputError, match="n_clusters is 1,000, but there are only 42 windows to cluster"):
        gymlab.extract_patterns(rhythms(2), gymlab.ExtractionConfig(**FEW, n_clusters=1000))


def test_numbers_of_numpy_are_kept_as_plain_ones():
    config = gymlab.ExtractionConfig(window=np.int64(10), hop=np.int32(5), top_fraction=np.float32(0.5))
    json.dumps(gymlab.extract_patterns(rhythms(2), config).as_dict())


def test_selective_needs_windows_of_one_length():
    with pytest.raises(InputError, match="needs windows of one length"):
        gymlab.extract_patterns(rhythms(2), gymlab.ExtractionConfig(unit="series", strategy="selective"))


def test_another_cut_of_the_same_windows_does_not_compute_their_distances_again():
    log = rhythms()
    computed = []
    first = gymlab.extract_patterns(
        log, gymlab.ExtractionConfig(**FEW, n_clusters=3), progress=lambda *_: computed.append(1)
    )
    assert computed
    computed.clear()
    second = gymlab.extract_patterns(
        log,
        gymlab.ExtractionConfig(**FEW, n_clusters=4, method="average"),
        progress=lambda *_: computed.append(1),
    )
    assert second.distances is first.distances
    assert not computed


def test_a_barycentre_is_nearer_to_its_members_than_the_medoid_in_squares():
    log = rhythms()
    extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW, n_clusters=3))
    for pattern in extraction.patterns:
        members = extraction.windows.values[pattern.members[:100]]
        center = extraction.barycenter(pattern.label).series
        medoid = extraction.windows.values[pattern.medoid]
        assert center.shape == medoid.shape
        around = [
            np.mean(np.square(gymlab.distance.dtw_cross(members, one[None]))) for one in (center, medoid)
        ]
        assert around[0] <= around[1] + 1e-6


def test_seconds_of_compiling_are_told_apart():
    @numba.njit
    def once(x):
        return x + 1

    config = gymlab.ExtractionConfig(window=10, hop=5, n_surrogates=0, n_resamples=0)
    first = run_extraction(rhythms(), config, progress=lambda *_: once(1)).stats.compiling
    again = run_extraction(rhythms(), config).stats.compiling
    assert first > 0
    assert again == 0
