"""Other actions placed into known patterns: where they go, and when the patterns should be found anew."""

import json

import naive
import numpy as np
import pytest
from made import action, rhythms
from scipy import stats

import gymlab
from gymlab.errors import InputError
from gymlab.patterns.assignment import far_limits

FEW = {"window": 10, "hop": 5}


def habits(seed, *, sessions=40, length=60, shares=(0.5, 0.5), extra=()):
    """Sessions of agents that mostly follow one of two rhythms, with slips; extra kinds may replace a slip."""
    rng = np.random.default_rng(seed)
    records = []
    for session in range(sessions):
        period = 2 + int(rng.random() > shares[0])
        for step in range(length):
            kind = "abc"[step % period]
            if rng.random() < 0.1:
                kind = str(rng.choice(["a", "b", "c", *extra]))
            records.append(action(step, kind, session=f"{seed}-{session}"))
    return gymlab.actions.frame_from_records(records)


@pytest.fixture(scope="module")
def extraction():
    return gymlab.extract_patterns(habits(0), gymlab.ExtractionConfig(**FEW, n_clusters=2))


def test_windows_go_to_the_nearest_representative_by_plain_dtw(extraction):
    log = habits(1, sessions=3)
    found = extraction.assign(log)
    medoids = [pattern.medoid for pattern in extraction.patterns]
    typical = extraction.windows.values[extraction.representatives].astype(float)
    assert set(medoids) <= set(extraction.representatives.tolist())
    patterns = extraction.representative_labels
    np.testing.assert_array_equal(patterns, extraction.labels[extraction.representatives])
    for index, window in enumerate(found.windows.values.astype(float)):
        distances = [naive.dtw(window, one) for one in typical]
        assert found.distances[index] == pytest.approx(min(distances), abs=1e-5)
        nearest = min(np.array(distances)[patterns == found.labels[index]])
        assert nearest == pytest.approx(min(distances), abs=1e-5)


def test_the_log_itself_gets_most_of_its_labels_again(extraction):
    found = extraction.assign(extraction.actions)
    assert np.mean(found.labels == extraction.labels) > 0.95
    assert found.own_agreement > 0.8


def test_medoids_are_at_home_and_nothing_is_fitted_anew(extraction):
    found = extraction.assign(extraction.actions)
    for pattern in extraction.patterns:
        assert found.labels[pattern.medoid] == pattern.label
        assert found.distances[pattern.medoid] == 0
    assert not found.drift.refit_due
    assert found.drift.shares_distance == 0
    assert found.drift.far_share <= 0.05
    assert found.unseen == {}
    json.dumps(found.as_dict(), allow_nan=False)
    labelled = found.labelled_actions()
    assert len(labelled) == len(extraction.actions)
    assert set(labelled["pattern"].dropna()) == {0, 1}


def test_scales_are_those_of_the_first_log():
    first = gymlab.actions.frame_from_records(
        action(step, "a", session=f"s{n}", impact=float(np.sin(step + n)) / 2)
        for n in range(5)
        for step in range(20)
    )
    extraction = gymlab.extract_patterns(first, gymlab.ExtractionConfig(**FEW, channels=["impact"]))
    alone = gymlab.select_actions(first, session="s3")
    found = extraction.assign(alone)
    own = extraction.windows.table["session_id"] == "s3"
    np.testing.assert_array_equal(found.windows.values, extraction.windows.values[own])


def test_no_drift_is_rarely_found_where_there_is_none(extraction):
    found = [extraction.assign(habits(seed, sessions=15)).drift for seed in range(100, 160)]
    false_alarms = sum(drift.refit_due for drift in found)
    # At most 3 % each; 6 of 60 would be an accident of less than 1 in 100.
    assert false_alarms <= stats.binom.ppf(0.99, 60, 0.03)
    assert {drift.units for drift in found} == {"series"}


def test_other_habits_are_drift(extraction):
    rng = np.random.default_rng(5)
    log = gymlab.actions.frame_from_records(
        action(step, "abc"[rng.integers(3)], session=f"s{n}") for n in range(15) for step in range(60)
    )
    drift = extraction.assign(log).drift
    assert drift.refit_due
    assert drift.far_p < 0.01
    assert any("farther from their representative" in reason for reason in drift.reasons)


def test_other_shares_of_the_same_patterns_are_drift(extraction):
    drift = extraction.assign(habits(7, sessions=15, shares=(1.0, 0.0))).drift
    assert drift.refit_due
    assert drift.shares_p < 0.01
    old, new = np.array(list(drift.shares.values())).T
    assert drift.shares_distance == pytest.approx(abs(old - new).sum() / 2)
    assert old.sum() == pytest.approx(1)
    assert new.sum() == pytest.approx(1)


def test_windows_of_one_series_are_no_independent_evidence(extraction):
    # One long series with habits of its own has hundreds of far windows and is still one series.
    rng = np.random.default_rng(5)
    log = gymlab.actions.frame_from_records(action(step, "abc"[rng.integers(3)]) for step in range(2000))
    found = extraction.assign(log)
    assert found.far.sum() > 100
    assert found.drift.n_new == 1
    assert found.drift.far_p >= 0.05
    assert not found.drift.refit_due


def test_a_log_of_few_series_counts_windows_that_do_not_overlap():
    first = habits(0, sessions=2, length=600)
    extraction = gymlab.extract_patterns(first, gymlab.ExtractionConfig(**FEW, n_clusters=2))
    drift = extraction.assign(habits(1, sessions=1, length=303)).drift
    assert drift.units == "windows"
    # 59 windows of 10 at hop 5, of which every second overlaps the one before.
    assert drift.n_new == 30
    assert drift.n_own == 120
    rng = np.random.default_rng(5)
    other = gymlab.actions.frame_from_records(action(step, "abc"[rng.integers(3)]) for step in range(600))
    assert extraction.assign(other).drift.refit_due


@pytest.mark.parametrize("kinds", [2, 3, 30])
def test_a_category_never_seen_is_a_mismatch_to_every_level_and_counted(kinds):
    weight = 3.0
    rng = np.random.default_rng(0)
    names = [f"tool-{k}" for k in range(kinds)]
    log = gymlab.actions.frame_from_records(
        action(
            step,
            names[rng.integers(kinds)] if step >= kinds else names[step],
            session=f"s{n}",
            impact=rng.uniform(-1, 1),
        )
        for n in range(40)
        for step in range(40)
    )
    channels = [gymlab.Channel("action_type", "categorical", weight=weight), "impact"]
    extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW, channels=channels, n_clusters=3))
    new = log[log["session_id"].isin([f"s{n}" for n in range(10)])].copy()
    changed = new["step"].to_numpy() % 4 == 0
    new.loc[changed, "action_type"] = "never"
    found = extraction.assign(new)
    assert found.unseen == {"action_type": {"never": int(changed.sum())}}
    assert found.drift.unseen_share == pytest.approx(changed.mean())
    assert found.drift.unseen_p < 0.01
    assert any("a category that the log does not have" in reason for reason in found.drift.reasons)
    # By plain loops: numbers by their difference, names by whether they differ.
    medoid_rows = [extraction.windows.rows(int(m)) for m in extraction.representatives]
    scale = next(c.scale for c in extraction.encoding.channels if c.channel.column == "impact")

    def points(frame, rows):
        part = frame.iloc[rows]
        return list(zip(part["action_type"], part["impact"] / scale, strict=True))

    def dtw(a, b):
        costs = [[weight * (p[0] != q[0]) + (p[1] - q[1]) ** 2 for q in b] for p in a]
        best = np.full((len(a) + 1, len(b) + 1), np.inf)
        best[0, 0] = 0
        for i in range(len(a)):
            for j in range(len(b)):
                best[i + 1, j + 1] = costs[i][j] + min(best[i, j], best[i, j + 1], best[i + 1, j])
        return np.sqrt(best[-1, -1])

    for index in range(0, len(found.windows), 7):
        window = points(found.actions, found.windows.rows(index))
        expected = min(dtw(window, points(extraction.actions, rows)) for rows in medoid_rows)
        assert found.distances[index] == pytest.approx(expected, rel=1e-4)


def test_whole_series_are_placed_too():
    log = rhythms(4, length=15)
    extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(unit="series", n_clusters=3))
    found = extraction.assign(gymlab.select_actions(rhythms(2, length=12, seed=3), agent="repeats"))
    assert found.windows.unit == "series"
    label = set(extraction.labels[extraction.windows.table["agent_id"] == "repeats"])
    assert set(found.labels) == label


def test_what_density_never_saw_is_noise():
    extraction = gymlab.extract_patterns(
        habits(0), gymlab.ExtractionConfig(**FEW, method="hdbscan", min_samples=10)
    )
    assert len(extraction.patterns) >= 1
    rng = np.random.default_rng(5)
    log = gymlab.actions.frame_from_records(action(step, "abcd"[rng.integers(4)]) for step in range(100))
    found = extraction.assign(log)
    assert (found.labels == -1).any()
    assert (extraction.assign(extraction.actions).labels[extraction.representatives] >= 0).all()


def test_a_log_too_short_is_refused_as_by_the_extraction(extraction):
    with pytest.raises(InputError, match="fewer than one window of 10"):
        extraction.assign(habits(1, sessions=1, length=5))


def test_the_limit_is_exceeded_by_one_in_twenty_whatever_the_size_of_the_pattern():
    rng = np.random.default_rng(0)
    for size in (10, 19, 30, 100):
        values = rng.exponential(size=(4000, size + 1)).astype(np.float32)
        limits = np.array([far_limits(np.zeros(size, dtype=np.int64), row[:-1], 1)[0] for row in values])
        share = (values[:, -1] > limits).mean()
        assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)
        assert (share == 0) == (size < 19)


def test_windows_of_a_real_log_keep_their_patterns_although_one_medoid_could_not_tell_them():
    log = gymlab.read_actions(gymlab.sample_path())
    config = gymlab.ExtractionConfig(n_surrogates=0, n_resamples=0)
    assert gymlab.extract_patterns(log, config).assign(log).own_agreement > 0.95
