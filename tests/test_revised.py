"""A tree cut elsewhere, patterns assessed afterwards: the same as an extraction that asked for it at once."""

from dataclasses import replace

import numpy as np
import pytest
from made import rhythms, rules

import gymlab
from gymlab import clustering
from gymlab.errors import InputError
from gymlab.patterns.pipeline import run_extraction

FEW = {"window": 10, "hop": 5, "n_surrogates": 0, "n_resamples": 0}


def same_patterns(one, other):
    assert one.labels.tolist() == other.labels.tolist()
    np.testing.assert_allclose(one.quality.silhouettes, other.quality.silhouettes, rtol=1e-6)
    assert one.quality.cophenetic_correlation == pytest.approx(other.quality.cophenetic_correlation)
    assert [pattern.as_dict() for pattern in one.patterns] == [
        pattern.as_dict() for pattern in other.patterns
    ]
    assert one.representatives.tolist() == other.representatives.tolist()
    assert one.representative_labels.tolist() == other.representative_labels.tolist()


@pytest.fixture(scope="module")
def extraction():
    return gymlab.extract_patterns(rhythms(), gymlab.ExtractionConfig(**FEW))


@pytest.mark.parametrize("n_clusters", [1, 2, 3, 7, 25])
def test_a_cut_by_number_is_what_an_extraction_with_that_number_finds(extraction, n_clusters):
    at_once = gymlab.extract_patterns(rhythms(), gymlab.ExtractionConfig(**FEW, n_clusters=n_clusters))
    again = extraction.cut(n_clusters=n_clusters)
    same_patterns(again, at_once)
    assert again.config == at_once.config
    assert again.quality.silhouette_by_n_clusters == extraction.quality.silhouette_by_n_clusters


def test_a_cut_by_height_is_what_an_extraction_with_that_height_finds(extraction):
    height = float(extraction.linkage[-5, 2]) * 1.001
    at_once = gymlab.extract_patterns(rhythms(), gymlab.ExtractionConfig(**FEW, cut_height=height))
    again = extraction.cut(height=height)
    same_patterns(again, at_once)
    assert again.config == at_once.config
    assert len(again.patterns) == 5


def test_without_a_number_or_a_height_the_silhouette_decides_again(extraction):
    again = extraction.cut(n_clusters=7).cut()
    same_patterns(again, extraction)
    assert again.config == extraction.config


def test_whoever_asks_is_told_of_the_tree_before_its_patterns():
    seen = []
    config = gymlab.ExtractionConfig(**FEW)
    found = run_extraction(
        rhythms(),
        config,
        on_tree=lambda *arrays: seen.append(arrays),
        on_stage=seen.append,
    )
    (place,) = [index for index, one in enumerate(seen) if isinstance(one, tuple)]
    assert seen[place - 1] == "cluster"
    windows, distances, tree = seen[place]
    assert windows is found.windows
    assert distances is found.distances
    assert tree is found.linkage


def test_cuts_can_follow_one_another_and_only_the_last_is_in_the_notes(extraction):
    again = extraction.cut(n_clusters=5).cut(height=3.0).cut(n_clusters=4)
    same_patterns(again, extraction.cut(n_clusters=4))
    assert [note for note in again.notes if "cut again" in note] == [
        "the tree was cut again, into 4 patterns"
    ]
    assert set(extraction.notes) <= set(again.notes)


def test_a_cut_computes_no_distance_and_builds_no_tree(extraction, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError

    monkeypatch.setattr(clustering, "build_tree", refuse)
    monkeypatch.setattr(clustering, "cached_pairwise", refuse)
    again = extraction.cut(n_clusters=3)
    assert again.distances is extraction.distances
    assert again.linkage is extraction.linkage


def test_of_a_sample_the_others_follow_their_nearest_representative():
    config = gymlab.ExtractionConfig(**FEW, strategy="sampled", sample_size=40, n_clusters=2)
    extraction = gymlab.extract_patterns(rhythms(), config)
    again = extraction.cut(n_clusters=3)
    cut = clustering.cut_tree(extraction.linkage, n_clusters=3)
    in_sample = again.labels[extraction.sample]
    assert clustering.adjusted_rand_index(in_sample, cut) == pytest.approx(1)
    windows = extraction.windows.values
    distances = gymlab.distance.dtw_cross(windows, windows[extraction.representatives])
    label_of = dict(zip(extraction.sample.tolist(), in_sample.tolist(), strict=True))
    for window in set(range(len(windows))) - set(extraction.sample.tolist()):
        near = np.flatnonzero(distances[window] == distances[window].min())
        assert again.labels[window] in {label_of[int(extraction.representatives[k])] for k in near}
    sizes = [pattern.size for pattern in again.patterns]
    assert sizes == sorted(sizes, reverse=True)
    assert [again.labels[pattern.medoid] for pattern in again.patterns] == [0, 1, 2]
    assert again.quality.silhouette == pytest.approx(np.nanmean(again.quality.silhouettes))


def test_a_streamed_tree_is_cut_without_a_matrix(monkeypatch):
    config = gymlab.ExtractionConfig(**FEW, method="single")
    whole = gymlab.extract_patterns(rhythms(), config)
    monkeypatch.setattr("gymlab.patterns.planning.memory_budget", lambda: 1_000)
    streamed = gymlab.extract_patterns(rhythms(), config)
    assert streamed.stats.strategy == "streamed"
    assert streamed.cut(n_clusters=4).labels.tolist() == whole.cut(n_clusters=4).labels.tolist()


@pytest.mark.parametrize(
    ("config", "cut", "message"),
    [
        ({"method": "kmedoids"}, {"n_clusters": 2}, "builds no tree"),
        ({}, {"n_clusters": 2, "height": 1.0}, "not both"),
        ({}, {"n_clusters": 0}, "n_clusters is 0"),
        ({}, {"height": -1.0}, "height is -1.0"),
        ({}, {"n_clusters": 10_000}, "only 126 windows"),
    ],
)
def test_a_cut_that_cannot_be_is_one_sentence(config, cut, message):
    extraction = gymlab.extract_patterns(rhythms(), gymlab.ExtractionConfig(**FEW, **config))
    with pytest.raises(InputError, match=message):
        extraction.cut(**cut)


@pytest.mark.parametrize("method", ["ward", "kmedoids", "hdbscan"])
def test_what_is_assessed_afterwards_is_what_is_assessed_at_once(method, monkeypatch):
    # A note says how much may be used, which otherwise changes from one moment to the next.
    monkeypatch.setattr("gymlab.patterns.planning.memory_budget", lambda: 10**10)
    log = rules(n_agents=3, sessions=4)
    budget = {"n_surrogates": 29, "n_resamples": 10}
    plain = gymlab.ExtractionConfig(**FEW, method=method)
    at_once = gymlab.extract_patterns(log, replace(plain, **budget))
    afterwards = gymlab.extract_patterns(log, plain).assess(**budget)
    # Compared as dictionaries, since what is unknown is NaN.
    assert afterwards.significance.as_dict() == at_once.significance.as_dict()
    assert [one.as_dict() for one in afterwards.significance.patterns] == [
        one.as_dict() for one in at_once.significance.patterns
    ]
    assert afterwards.config == at_once.config
    assert afterwards.notes == at_once.notes


def test_a_new_cut_has_no_significance_until_it_is_assessed(extraction):
    assessed = extraction.assess(n_surrogates=9, n_resamples=3)
    again = assessed.cut(n_clusters=4)
    assert again.significance is None
    assert not set(assessed.significance.notes) & set(again.notes)
    twice = assessed.assess(n_surrogates=9, n_resamples=3)
    assert twice.notes == assessed.notes


def test_assessing_can_be_stopped(extraction):
    from gymlab.patterns import revised

    class StoppedError(Exception):
        pass

    def stop():
        raise StoppedError

    with pytest.raises(StoppedError):
        revised.assess(extraction, n_surrogates=99, n_resamples=0, checkpoint=stop)
    with pytest.raises(StoppedError):
        revised.cut(extraction, n_clusters=3, checkpoint=stop)
    with pytest.raises(StoppedError):
        run_extraction(rhythms(), gymlab.ExtractionConfig(**FEW), checkpoint=stop)
