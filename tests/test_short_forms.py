"""What a cell shows of a result: a few lines, never an array or a list of ids."""

import numpy as np
import pytest
from made import rules

import gymlab
from gymlab.clustering import cluster_sample, compare_linkages, kmedoids
from gymlab.distance import dtw_neighbors, dtw_pairwise
from gymlab.principles.policies import find_policies

HOSTILE = "<b>\n" + "long" * 2500


@pytest.fixture(scope="module")
def results():
    log = rules(n_agents=3, sessions=4, length=70)
    log["agent_id"] += HOSTILE
    log["action_type"] += HOSTILE
    log["decision_context"] += HOSTILE
    log = gymlab.validate_actions(log.drop(columns="action_id"))
    config = gymlab.ExtractionConfig(window=10, hop=5, n_clusters=3, n_surrogates=9, n_resamples=9)
    extraction = gymlab.extract_patterns(log, config)
    study = gymlab.study_principles(log, n_clusters=2)
    comparison = gymlab.compare_logs(log, log, config)
    series = np.random.default_rng(0).normal(size=(400, 8)).cumsum(axis=1)
    distances = dtw_pairwise(series)
    return [
        extraction,
        *extraction.patterns,
        extraction.windows,
        extraction.encoding,
        extraction.quality,
        extraction.stats,
        extraction.significance,
        extraction.config,
        extraction.assign(log),
        study,
        study.profiles,
        *study.principles,
        gymlab.infer_principles(log)[:5],
        *find_policies(log[log["agent_id"] == log["agent_id"].iloc[0]]),
        comparison,
        comparison.patterns[0],
        comparison.principles[0],
        dtw_neighbors(series, k=2),
        *compare_linkages(distances, ["ward", "average"]),
        kmedoids(distances, 3),
        cluster_sample(series, n_clusters=3, sample_size=100),
        gymlab.BoundedCache(name="answers"),
        gymlab.CacheManager(1000),
        gymlab.CircuitBreaker("service"),
        gymlab.Database("sqlite:///lab.db"),
        gymlab.IncrementalEntropy(),
        gymlab.AgentEntropies(10),
    ]


def test_every_result_is_shown_in_ten_lines_at_most(results):
    for result in results:
        text = repr(result)
        assert text.count("\n") < 10, type(result).__name__
        assert len(text) < 3000, (type(result).__name__, len(text))
        assert "array(" not in text, type(result).__name__


def test_what_is_shown_names_what_was_found(results):
    extraction = results[0]
    assert repr(extraction).startswith("<extraction: 3 patterns (ward, exact) in ")
    assert f"of {len(extraction.actions):,} actions" in repr(extraction)
    principle = next(one for one in results if isinstance(one, gymlab.Principle))
    assert repr(principle) == f"<principle: {' '.join(principle.sentence.split())}>"
