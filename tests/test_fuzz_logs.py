"""Random logs through extraction, study, comparison and the report's pieces: each ends in time, or is refused.

``GYMLAB_FUZZ_SECONDS=600 pytest tests/test_fuzz_logs.py`` goes on for ten minutes, and
``python tests/test_fuzz_logs.py SEED`` repeats one log.
"""

import faulthandler
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SECONDS = float(os.environ.get("GYMLAB_FUZZ_SECONDS", "15"))
# A log takes seconds, and kernels that have to be compiled first some more; what never ends takes longer.
SECONDS_A_LOG = 300

RELATIONSHIPS = ["ally", "adversary", "neutral", "resource", "self", "environment"]
NUMERIC = ["impact", "outcome_valence", "decision_entropy", "latency_ms", "context_weight"]
CATEGORIES = [
    "action_type",
    "relationship_type",
    "decision_context",
    "target",
    "actor",
    "other_last",
]
METHODS = ["ward", "average", "complete", "single", "weighted", "dbscan", "hdbscan", "kmedoids"]
TREES = METHODS[:5]


def numbers(rng, n):
    """Return n finite numbers of one of many kinds, some of them missing."""
    center = float(rng.choice([0.0, -0.0, 0.1, 0.576, 1.0, 3e4, 1e7, 1e8, 1e15]))
    small = 10.0 ** rng.integers(-20, 0)
    kinds = [
        lambda: np.full(n, center),
        lambda: center + np.clip(rng.normal(0, small, n), -small, small),
        lambda: rng.choice([0.0, 0.1 + 0.2 - 0.3, -0.0], n),
        lambda: rng.choice(rng.normal(center, 1, 3), n),
        lambda: np.where(rng.random(n) < 0.95, center, center + rng.normal(0, 1, n)),
        lambda: rng.lognormal(5, 2, n),
        lambda: center + rng.uniform(0, 1, n),
        lambda: 1e7 + rng.normal(0, 1, n),
        lambda: rng.integers(0, 2**53, n).astype(float),
        lambda: rng.standard_cauchy(n),
        lambda: rng.normal(0, 1, n).cumsum(),
        lambda: rng.choice([1e300, 0.0, 1.0, 1e-300], n),
        lambda: 1e300 * rng.uniform(0, 1, n),
        lambda: rng.choice([5e-324, 0.0, 1e-310], n),
        lambda: 1e-300 * rng.uniform(0, 1, n),
        lambda: np.where(np.arange(n) == rng.integers(n), 1e300, rng.uniform(0, 1, n)),
        lambda: np.round(rng.normal(0, 1, n), int(rng.integers(0, 4))),
    ]
    found = kinds[rng.integers(len(kinds))]()
    share = rng.choice([0, 0, 0, 0.01, 0.3, 0.6, 0.99, 1])
    return np.where(rng.random(n) < share, np.nan, found)


def names(rng, n):
    """Return n names of one, few or many kinds, at random, in runs, or one after the other."""
    k = int(rng.choice([1, 2, 3, 5, 20, 200]))
    orders = [
        lambda: rng.integers(0, k, n),
        lambda: np.sort(rng.integers(0, k, n)),
        lambda: np.arange(n) % k,
        lambda: np.where(rng.random(n) < 0.97, 0, rng.integers(0, k, n)),
        lambda: np.cumsum(rng.random(n) < 0.1) % k,
    ]
    known = np.array([f"kind {i}" for i in range(k)], dtype=object)
    if rng.random() < 0.1:
        known[0] = "<b>ünï | 🙂 = \u202e"
    return known[orders[rng.integers(len(orders))]()]


def random_log(rng):
    """Return an action table as a source may give it, not yet validated."""
    n_series = int(rng.choice([1, 1, 2, 5, 20, 60]))
    longest = int(rng.choice([1, 5, 30, 120, 400]))
    lengths = rng.integers(1, longest + 1, n_series) if rng.random() < 0.5 else np.full(n_series, longest)
    lengths = lengths[: max(1, int(np.searchsorted(lengths.cumsum(), 1_000)))]
    n, series = int(lengths.sum()), np.repeat(np.arange(len(lengths)), lengths)
    n_agents = int(rng.choice([1, 2, 5, 100]))
    bounded = [np.clip(numbers(rng, n), -1, 1) for _ in range(2)]
    frame = pd.DataFrame(
        {
            "session_id": [f"session {one // n_agents}" for one in series],
            "agent_id": [f"agent {one % n_agents}" for one in series],
            "step": np.concatenate([np.arange(length) for length in lengths]),
            "actor": names(rng, n),
            "target": names(rng, n),
            "action_type": names(rng, n),
            "decision_context": np.where(rng.random() < 0.2, "", names(rng, n)),
            "relationship_type": rng.choice(RELATIONSHIPS[: rng.integers(1, 7)], n),
            "impact": bounded[0],
            "outcome_valence": bounded[1],
            "decision_entropy": np.abs(numbers(rng, n)),
            "latency_ms": np.abs(numbers(rng, n)),
        }
    )
    if rng.random() < 0.5:
        frame["other_last"] = names(rng, n)
    if rng.random() < 0.3:
        frame["n_choices"] = rng.integers(1, 5)
    if rng.random() < 0.6:
        gaps = rng.choice([0, 1, 1000], n) * 1.0
        times = pd.Timestamp("2026-01-31T12:00:00Z") + pd.to_timedelta(gaps.cumsum(), unit="s")
        frame["timestamp"] = pd.Series(times).where(rng.random(n) >= rng.choice([0, 0, 0.1, 0.9, 1]), pd.NaT)
    return frame


def random_channels(rng):
    if rng.random() < 0.5:
        return "auto"
    chosen = rng.permutation(NUMERIC + CATEGORIES)[: rng.integers(1, 6)]
    return [
        {
            "column": str(name),
            "weight": float(rng.choice([1.0, 0.3, 1e-6, 1e6])),
            **({"log": bool(rng.random() < 0.3)} if name in NUMERIC[2:] else {}),
            **({"missing": str(rng.choice(["drop", "fill", "refuse"]))} if name in NUMERIC else {}),
        }
        for name in chosen
    ]


def random_config(rng):
    from gymlab import ExtractionConfig

    method = str(rng.choice(METHODS))
    strategies = ["auto", "auto", "exact", "selective"]
    strategies += ["sampled"] * (method not in {"dbscan", "hdbscan"}) + ["baseline"] * (method in TREES)
    strategy = str(rng.choice(strategies))
    more = {}
    if method not in {"dbscan", "hdbscan"} and rng.random() < 0.6:
        more["n_clusters"] = int(rng.integers(1, 9))
    elif method in TREES and strategy != "baseline" and rng.random() < 0.3:
        more["cut_height"] = float(10.0 ** rng.integers(-6, 4))
    if method == "dbscan" and rng.random() < 0.5:
        more["eps"] = float(rng.choice([0.0, 1e-9, 0.5, 5.0, 1e9]))
    if strategy == "sampled":
        more["sample_size"] = int(rng.integers(10, 200))
    if strategy in {"auto", "exact"} and rng.random() < 0.05:
        more["distance"] = "soft-dtw"
    elif rng.random() < 0.3:
        more["radius"] = int(rng.integers(0, 12))
    return ExtractionConfig(
        window=int(rng.choice([1, 2, 5, 20, 40])),
        hop=int(rng.choice([1, 3, 10, 50])),
        channels=random_channels(rng),
        unit=str(rng.choice(["auto", "window", "series"])),
        method=method,
        strategy=strategy,
        min_samples=int(rng.choice([2, 5, 20])),
        top_fraction=float(rng.choice([0.01, 0.2, 1.0])),
        n_surrogates=int(rng.choice([0, 9, 19])),
        n_resamples=int(rng.choice([0, 9])),
        seed=int(rng.integers(2**32)),
        **more,
    )


def extraction_steps(rng, extraction, other):
    """Return what can be done with an extraction, by name."""
    import gymlab
    from gymlab.workbench import figures, listings, results, tables

    labels = [pattern.label for pattern in extraction.patterns]

    def kept():
        with tempfile.TemporaryDirectory() as folder:
            loaded = gymlab.load_extraction(extraction.save(f"{folder}/kept"))
            assert results.to_json(loaded.as_dict()) == results.to_json(extraction.as_dict())

    def members():
        assert sum(len(extraction.windows_of(label)) for label in [-1, *labels]) == len(extraction.windows)
        assert len(extraction.actions_of_window(len(extraction.windows) - 1))
        assert len(extraction.labelled_actions()) == len(extraction.actions)

    def placed():
        drift = extraction.assign(other).drift
        assert all(0 < p <= 1 for p in (drift.far_p, drift.shares_p, drift.unseen_p))

    def tested():
        found = extraction.significance
        for one in () if found is None else found.patterns:
            assert np.isnan(one.p_value) or 0 < one.p_value <= one.q_value <= 1

    return {
        "tested": tested,
        "as_dict": lambda: results.to_json(extraction.as_dict()),
        "members": members,
        "cut": lambda: extraction.cut(n_clusters=int(rng.integers(1, 9))),
        "cut at a height": lambda: extraction.cut(height=float(10.0 ** rng.integers(-3, 3))),
        "barycenter": lambda: [extraction.barycenter(label) for label in labels[-1:]],
        "save": kept,
        "assign": placed,
        "listing": lambda: listings.pattern_listing(extraction),
        "tables": lambda: [
            tables.log_sentence(extraction),
            tables.patterns(extraction),
            tables.notes(extraction),
            tables.actions(extraction, 0),
            *[tables.windows(extraction, label) for label in labels[:1]],
        ],
        **{
            f"view of {view.__name__}": lambda view=view: view(extraction).to_json()
            for view in (
                figures.medoids,
                figures.patterns,
                figures.dendrogram,
                figures.distance_heat_map,
                figures.silhouettes,
                figures.cluster_sizes,
                figures.choice_of_k,
                figures.significance,
            )
        },
        "view of a pattern": lambda: [
            figures.windows_of_pattern(extraction, label).to_json() for label in labels[:2]
        ],
        "view of a path": lambda: figures.warping_path(extraction, 0, len(extraction.windows) - 1).to_json(),
    }


def log_steps(rng, log, other, config):
    """Return what can be done with a log besides extraction, by name."""
    import gymlab
    from gymlab.workbench import figures, listings, results, tables

    def studied():
        n_clusters = int(rng.integers(1, 4)) if rng.random() < 0.5 else None
        by = str(rng.choice(["agent", "session"]))
        study = gymlab.study_principles(log, by=by, n_clusters=n_clusters, seed=int(rng.integers(2**32)))
        results.to_json(study.as_dict())
        listings.principle_listing(study)
        tables.principles(study)
        assert all(0 < one.p_value <= 1 and 0 < one.q_value <= 1 for one in study.principles)

    def compared():
        comparison = gymlab.compare_logs(log, other, config, by=str(rng.choice(["agent", "session"])))
        results.to_json(comparison.as_dict())
        listings.comparison_listing(comparison)
        assert all(0 < one.q_value <= 1 for one in (*comparison.patterns, *comparison.principles))

    return {
        "study": studied,
        "compare": compared,
        "view of states": lambda: figures.state_distribution(gymlab.validate_actions(log)).to_json(),
        "view of series": lambda: figures.series_of_log(gymlab.validate_actions(log)).to_json(),
        "view of entropy": lambda: figures.entropy_of_agents(gymlab.validate_actions(log)).to_json(),
        "table of entropy": lambda: tables.entropy_of_agents(gymlab.validate_actions(log)),
    }


def run_log(seed, counts):
    """Do all that can be done with one random log; what gymlab refuses on purpose is fine."""
    import gymlab

    rng = np.random.default_rng(seed)
    log = random_log(rng)
    other = random_log(rng) if rng.random() < 0.3 else log.iloc[: max(1, len(log) // 2)]
    steps = {}
    try:
        config = random_config(rng)
        extraction = gymlab.extract_patterns(log, config)
        counts["extracted"] += 1
        steps |= extraction_steps(rng, extraction, other)
    except gymlab.GymlabError as error:
        counts[f"refused to extract: {str(error)[:60]}"] += 1
        config = gymlab.ExtractionConfig(window=5, n_surrogates=0, n_resamples=0)
    steps |= log_steps(rng, log, other, config)
    for name, step in steps.items():
        # Not all with each, so that more logs are seen in the same time.
        if rng.random() < 0.6:
            continue
        try:
            step()
            counts[name] += 1
        except gymlab.GymlabError as error:
            counts[f"refused {name}: {str(error)[:60]}"] += 1
        except Exception as error:
            error.add_note(f"in the step {name!r} of the log of seed {seed}")
            raise


def main(first, seconds):
    """Run one log after the other; one that does not end ends the process, with the place where it stands."""
    warnings.simplefilter("error", RuntimeWarning)
    counts = Counter()
    started = time.monotonic()
    seed = first
    while seed == first or time.monotonic() - started < seconds:
        print(f"log of seed {seed}", file=sys.stderr, flush=True)
        faulthandler.dump_traceback_later(SECONDS_A_LOG, exit=True)
        run_log(seed, counts)
        seed += 1
    faulthandler.cancel_dump_traceback_later()
    print(f"{seed - first} logs", *(f"{n:6} {what}" for what, n in sorted(counts.items())), sep="\n")


@pytest.mark.slow
def test_random_logs_end_in_time_and_raise_nothing_but_errors_of_gymlab():
    run = subprocess.run(
        [sys.executable, Path(__file__), "0", str(SECONDS)], capture_output=True, text=True, check=False
    )
    print(run.stdout)
    assert run.returncode == 0, run.stderr[-5000:]


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0)
