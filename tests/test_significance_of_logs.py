"""Significance on the way from a log to its patterns: on by default, shown, saved, left out on request."""

import json

import numpy as np
import pytest
from made import action, rhythms

import gymlab
from gymlab.actions import frame_from_records
from gymlab.errors import InputError
from gymlab.patterns.pipeline import run_extraction
from gymlab.workbench import tables
from gymlab.workbench.listings import pattern_listing

QUICK = {"window": 10, "hop": 5, "n_surrogates": 19, "n_resamples": 10}


def motifs(sessions=12, length=60, seed=0):
    """One agent acts at random, one repeats a fixed sequence of 20 choices."""
    rng = np.random.default_rng(seed)
    motif = rng.integers(0, 3, size=20)
    records = []
    for session in range(sessions):
        chosen = {"random": rng.integers(0, 3, size=length), "repeats": np.resize(motif, length)}
        records += [
            action(step, "abc"[choice], agent=agent, session=f"s{session}")
            for agent, choices in chosen.items()
            for step, choice in enumerate(choices)
        ]
    return frame_from_records(records)


def extracted(log, **changes):
    return gymlab.extract_patterns(log, gymlab.ExtractionConfig(**{**QUICK, **changes}))


def test_it_is_on_by_default_and_finds_the_planted_motif():
    log = motifs()
    extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(window=20, hop=20, n_clusters=2))
    found = extraction.significance
    assert (found.n_surrogates, found.n_resamples) == (199, 100)
    assert found.n_windows == len(extraction.windows)
    assert found.n_sessions == 12
    assert "significance" in extraction.stats.stages
    motif = int(extraction.labels[extraction.windows.table["agent_id"] == "repeats"][0])
    assert found.patterns[motif].p_value == pytest.approx(1 / 200)
    assert found.patterns[motif].verdict == ""
    other = found.patterns[1 - motif]
    assert other.verdict == "may be chance"
    listed = pattern_listing(extraction)
    assert "1 more than chance and stable" in listed
    assert "may be chance" in listed
    table = tables.patterns(extraction)
    assert "may be chance" in table
    assert table.count(">passes<") == 1


def test_zero_leaves_it_out_everywhere():
    extraction = extracted(rhythms(), n_surrogates=0, n_resamples=0)
    assert extraction.significance is None
    found = extraction.as_dict()
    assert found["significance"] is None
    assert "p_value" not in found["patterns"][0]
    assert "remark" not in pattern_listing(extraction)
    assert "q-value" not in tables.patterns(extraction)


def test_a_part_can_be_left_out():
    extraction = extracted(rhythms(), n_surrogates=0)
    assert "q-value" not in pattern_listing(extraction)
    assert "stability" in pattern_listing(extraction)
    assert "–" in tables.patterns(extraction)
    assert extraction.as_dict()["patterns"][0]["p_value"] is None


def test_every_pattern_says_it_in_the_result_and_json_takes_it():
    extraction = extracted(rhythms(), n_clusters=3)
    found = json.loads(json.dumps(extraction.as_dict(), allow_nan=False))
    for kept, said in zip(found["patterns"], extraction.significance.patterns, strict=True):
        assert kept["label"] == said.label
        assert kept["n_tested"] == kept["size"] == said.n_tested
        assert kept["stability"] == said.stability
        assert 0 < kept["p_value"] <= kept["q_value"] <= 1
    assert found["significance"]["silhouette"] == pytest.approx(found["quality"]["silhouette"], rel=1e-6)
    assert found["significance"]["notes"] == list(extraction.significance.notes)


@pytest.mark.parametrize("changes", [{}, {"n_surrogates": 0}, {"n_surrogates": 0, "n_resamples": 0}])
def test_it_is_saved_and_loaded(tmp_path, changes):
    extraction = extracted(rhythms(), **changes)
    loaded = gymlab.load_extraction(extraction.save(tmp_path / "kept"))
    # NaN is unlike itself, its text is not.
    assert repr(loaded.significance) == repr(extraction.significance)
    assert loaded.as_dict() == extraction.as_dict()


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "average"},
        {"method": "kmedoids", "n_clusters": 3},
        {"method": "dbscan"},
        {"method": "hdbscan"},
        {"method": "complete", "cut_height": 2.0},
        {"strategy": "selective"},
        {"strategy": "sampled", "sample_size": 40},
        {"unit": "series"},
        {"n_clusters": 1},
        {"channels": ["action_type", "impact"]},
    ],
)
def test_every_way_to_patterns_is_assessed(changes):
    log = rhythms()
    log["impact"] = np.random.default_rng(0).uniform(-1, 1, size=len(log))
    extraction = extracted(log, **changes)
    for pattern, said in zip(extraction.patterns, extraction.significance.patterns, strict=True):
        assert said.n_tested == pattern.size
        assert 1 / 20 <= said.p_value <= 1
        assert 0 <= said.stability <= 1


def test_the_baseline_is_not_assessed_and_says_so():
    extraction = extracted(rhythms(2), strategy="baseline")
    assert extraction.significance is None
    assert any("not assessed for strategy 'baseline'" in note for note in extraction.notes)


def test_soft_dtw_is_not_assessed_and_says_so():
    extraction = extracted(rhythms(2), distance="soft-dtw")
    assert extraction.significance is None
    assert any("not assessed for soft-DTW" in note for note in extraction.notes)


def test_density_on_a_large_log_is_not_assessed_and_says_so():
    extraction = extracted(rhythms(sessions=40), method="hdbscan", hop=1)
    assert len(extraction.windows) > 600
    assert extraction.significance is None
    assert any("which is less dense" in note for note in extraction.notes)


def test_a_large_log_is_assessed_on_a_sample():
    extraction = extracted(rhythms(sessions=60), hop=3, n_clusters=3)
    found = extraction.significance
    assert len(extraction.windows) > 600 >= found.n_windows > 400
    assert found.n_sessions >= 60 * 0.8
    assert any("drawn at random" in note for note in extraction.notes)


def test_it_depends_on_the_seed_and_not_on_the_threads():
    one = extracted(rhythms(), n_threads=1)
    two = extracted(rhythms(), n_threads=2)
    assert repr(one.significance) == repr(two.significance)
    assert repr(extracted(rhythms(), seed=1).significance) != repr(one.significance)


def test_a_checkpoint_stops_it():
    stage = []

    def checkpoint():
        if stage and stage[-1] == "significance":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_extraction(
            rhythms(), gymlab.ExtractionConfig(**QUICK), checkpoint=checkpoint, on_stage=stage.append
        )


def test_one_window_and_windows_that_are_all_alike():
    alike = frame_from_records([action(step, "a") for step in range(30)])
    extraction = extracted(alike)
    assert [pattern.p_value for pattern in extraction.significance.patterns] == [1.0]
    single = frame_from_records([action(step, "ab"[step % 2]) for step in range(10)])
    extraction = extracted(single)
    assert extraction.significance.patterns[0].verdict == "too few windows to tell"


@pytest.mark.parametrize("changes", [{"n_surrogates": -1}, {"n_resamples": 1.5}, {"n_surrogates": True}])
def test_numbers_out_of_range_are_refused(changes):
    with pytest.raises(InputError, match=next(iter(changes))):
        gymlab.ExtractionConfig(**changes)
