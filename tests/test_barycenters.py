"""Barycentres: those of DBA in plain loops, better than the medoid, and readable in the units of the log."""

import naive_averages
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gymlab.actions import frame_from_records
from gymlab.actions.channels import Channel
from gymlab.actions.encoding import fit_encoding
from gymlab.distance import dtw
from gymlab.errors import InputError
from gymlab.patterns.barycenters import MOST_MEMBERS, barycenter, describe_barycenter


def random_series(seed, n, equal, n_channels=2):
    rng = np.random.default_rng(seed)
    lengths = [8] * n if equal else rng.integers(4, 12, size=n).tolist()
    return [np.cumsum(rng.normal(size=(length, n_channels)), axis=0) for length in lengths]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 6), st.booleans(), st.sampled_from([None, 0, 1, 3]))
def test_it_is_that_of_plain_loops(seed, n, equal, radius):
    series = random_series(seed, n, equal)
    found = barycenter(series, radius=radius, initial=series[0], max_iter=12)
    expected = naive_averages.dba(series, series[0], radius, iterations=12)
    np.testing.assert_allclose(found.series, expected, rtol=1e-6, atol=1e-6)
    assert (found.shares, found.notes, found.members.tolist()) == ((), (), list(range(n)))


def test_the_band_is_kept():
    series = random_series(3, 6, equal=True)
    np.testing.assert_allclose(barycenter(series, radius=0).series, np.mean(series, axis=0))
    assert not np.allclose(barycenter(series, radius=0).series, barycenter(series).series)


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("radius", [None, 2])
def test_it_starts_at_the_medoid_and_only_gets_better(equal, radius):
    series = random_series(11, 9, equal)
    sums = [sum(dtw(one, other, radius=radius) for other in series) for one in series]
    medoid = series[int(np.argmin(sums))]
    found = barycenter(series, radius=radius)
    assert found.series.shape == medoid.shape
    np.testing.assert_array_equal(found.series, barycenter(series, radius=radius, initial=medoid).series)
    inertia = naive_averages.inertia(found.series, series, radius)
    assert inertia < naive_averages.inertia(medoid, series, radius)


@pytest.mark.parametrize("scale", [1e-6, 1, 1e6])
def test_the_unit_does_not_matter(scale):
    series = random_series(5, 7, equal=True)
    expected = barycenter(series).series
    np.testing.assert_allclose(
        barycenter([scale * one for one in series]).series, scale * expected, rtol=1e-9
    )


def test_identical_members_are_their_own_barycentre():
    one = random_series(1, 1, equal=True)[0]
    np.testing.assert_allclose(barycenter([one] * 5).series, one)
    np.testing.assert_allclose(barycenter([one]).series, one)


def test_codes_become_shares():
    series = [[[0.0, 7, 1], [1, 7, 5]], [[2.0, 7, 1], [3, 4, 1]], [[4.0, 9, 1], [5, 4, 1]]]
    found = barycenter(series, radius=0, mismatch_weights=[1.5, 0.2])
    first, second = found.shares
    assert first.codes.tolist() == [4, 7, 9]
    np.testing.assert_allclose(first.shares, [[0, 2 / 3, 1 / 3], [2 / 3, 1 / 3, 0]], atol=1e-12)
    np.testing.assert_allclose(second.shares, [[1, 0], [2 / 3, 1 / 3]], atol=1e-12)
    np.testing.assert_allclose(found.series, [[2, 7, 1], [3, 4, 1]])


def test_codes_are_aligned_by_their_weight_and_not_by_their_number():
    # The third member does the same a step later; a band would not let it.
    series = [
        np.array(codes, dtype=float)[:, None] for codes in ([1, 1, 50, 2], [1, 1, 50, 2], [1, 50, 2, 2])
    ]
    found = barycenter(series, mismatch_weights=[3.0])
    assert found.series.ravel().tolist() == [1, 1, 50, 2]
    np.testing.assert_allclose(found.shares[0].shares.max(axis=1), 1)
    assert found.shares[0].shares.sum(axis=1) == pytest.approx(np.ones(4))


def test_of_many_members_a_sample_is_averaged_and_said():
    series = np.random.default_rng(0).normal(size=(MOST_MEMBERS + 100, 5, 1))
    found = barycenter(series, radius=0)
    assert len(np.unique(found.members)) == MOST_MEMBERS
    assert found.notes == (f"the barycentre is that of {MOST_MEMBERS} of 300 members, drawn with seed 0",)
    np.testing.assert_allclose(found.series, series[found.members].mean(axis=0))
    np.testing.assert_array_equal(barycenter(series, radius=0).members, found.members)
    assert barycenter(series, radius=0, seed=1).members.tolist() != found.members.tolist()


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        ([], {}, "no series"),
        ([[1.0, np.inf]], {}, "series 0 holds NaN or infinity at time point 1"),
        ([[1.0], [[1.0, 2.0]]], {}, "series 1 has 2 channels"),
        ([[1.0]], {"radius": -1}, "radius"),
        ([[1.0]], {"max_iter": 0}, "max_iter"),
        ([[1.0]], {"initial": [[1.0, 2.0]]}, "channels"),
        ([[1.0]], {"initial": [np.nan]}, "initial holds NaN"),
        ([[1.0]], {"mismatch_weights": [0]}, "mismatch weight is 0"),
        ([[1.0]], {"mismatch_weights": [-1]}, "mismatch_weights"),
    ],
)
def test_what_makes_no_sense_is_refused(series, options, message):
    with pytest.raises(InputError, match=message):
        barycenter(series, **options)


def log_of(n=40):
    rng = np.random.default_rng(9)
    return frame_from_records(
        {
            "session_id": "s",
            "agent_id": "ada",
            "step": i,
            "actor": "ada",
            "target": f"target {rng.integers(20)}",
            "action_type": ["give", "keep", "take"][rng.integers(3)],
            "relationship_type": ["ally", "adversary"][rng.integers(2)],
            "decision_context": "",
            "impact": float(rng.uniform(-1, 1)),
            "latency_ms": None if i % 4 == 0 else float(rng.integers(1, 900)),
        }
        for i in range(n)
    )


def test_it_is_described_in_the_units_of_the_log():
    log = log_of()
    channels = [
        "action_type",
        "target",
        Channel("relationship_type", "categorical", weight=0.7),
        Channel("impact", "numeric", weight=2.5),
        Channel("latency_ms", "numeric", log=True, missing="fill"),
    ]
    encoding = fit_encoding(log, channels)
    windows = encoding.encode(log).reshape(8, 5, -1)
    found = barycenter(windows, radius=0, mismatch_weights=encoding.mismatch_weights)
    described = describe_barycenter(found, encoding)
    assert len(described) == 5
    for step in range(5):
        rows = log.iloc[step::5]
        row = described.iloc[step]
        assert row["impact"] == pytest.approx(rows["impact"].mean(), rel=1e-5)
        known = log["latency_ms"].astype(float)
        filled = rows["latency_ms"].astype(float).fillna(np.expm1(np.log1p(known).median()))
        assert row["latency_ms"] == pytest.approx(np.expm1(np.log1p(filled).mean()), rel=1e-4)
        assert row["latency_ms (unknown)"] == pytest.approx(rows["latency_ms"].isna().mean(), abs=1e-6)
        for column in ("action_type", "relationship_type", "target"):
            for level in log[column].unique():
                share = (rows[column] == level).mean()
                assert row[f"{column}={level}"] == pytest.approx(share, abs=1e-6)


def test_another_encoding_is_refused():
    log = log_of()
    encoding = fit_encoding(log, ["action_type"])
    with pytest.raises(InputError, match="has 2 channels, the encoding has 3"):
        describe_barycenter(barycenter(np.zeros((2, 4, 2))), encoding)
