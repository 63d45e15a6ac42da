"""Scales and shifts of numeric channels: rounding is no channel, and an offset loses no digit."""

import json

import numpy as np
import pytest
from made import action

import gymlab
from gymlab.actions import frame_from_records
from gymlab.actions.channels import Channel, FittedChannel
from gymlab.actions.encoding import Encoding, fit_encoding
from gymlab.errors import InputError
from gymlab.patterns.barycenters import describe_barycenter

N, SERIES = 240, 6


def log_of(kinds=None, *, n=N, series=SERIES, **columns):
    length = n // series
    return frame_from_records(
        action(
            i % length,
            "act" if kinds is None else kinds[i],
            session=f"s{i // length}",
            **{name: float(values[i]) for name, values in columns.items() if not np.isnan(values[i])},
        )
        for i in range(n)
    )


def either(a, b, seed=0, n=N):
    return np.where(np.random.default_rng(seed).random(n) < 0.5, a, b)


def config(**options):
    plain = {"channels": ["decision_entropy"], "n_clusters": 4, "n_surrogates": 0, "n_resamples": 0}
    return gymlab.ExtractionConfig(**(plain | options))


def numeric(encoding):
    (fitted,) = [one for one in encoding.channels if not one.is_category]
    return fitted


LEFT_OVER = 0.1 + 0.2 - 0.3

ROUNDING = {
    "cancelled": ("impact", either(0.0, LEFT_OVER)),
    "of 0.3": ("impact", either(0.3, 0.1 + 0.2)),
    "below zero": ("outcome_valence", either(-0.8, -0.1 * 8)),
    "of float32": ("impact", either(np.float32(0.8), np.nextafter(np.float32(0.8), np.float32(1)))),
    "of float32, cancelled": ("impact", either(0.0, np.spacing(np.float32(0.8)))),
    "all equal": ("impact", np.full(N, 0.3)),
    "of a sum": ("decision_entropy", either(1.0, sum([0.1] * 10))),
    "far from zero": ("decision_entropy", 1e8 + 1e-9 * np.random.default_rng(0).random(N)),
    "one step far from zero": ("decision_entropy", either(1e8, np.nextafter(1e8, 2e8))),
    "huge": ("decision_entropy", either(1e300, np.nextafter(1e300, 2e300))),
    "denormal": ("decision_entropy", either(0.0, 5e-324)),
    "of a logarithm": ("latency_ms", either(1e6, np.nextafter(1e6, 2e6))),
    "half unknown": ("impact", np.where(np.arange(N) % 3 == 0, np.nan, either(0.0, LEFT_OVER))),
}


@pytest.mark.parametrize("name", ROUNDING)
@pytest.mark.filterwarnings("error")
def test_values_that_differ_by_rounding_are_one_value(name):
    column, values = ROUNDING[name]
    log = log_of(kinds="abc" * (N // 3), **{column: values})
    auto = fit_encoding(log)
    assert [one.channel.column for one in auto.channels] == ["action_type"]
    if column != "latency_ms":
        assert any(note.startswith(f"{column} is left out: it") for note in auto.notes)
    asked = fit_encoding(log, [column])
    assert numeric(asked).scale == 1.0
    assert f"{column} does not vary in this log, so its scale is 1" in asked.notes
    assert np.unique(asked.encode(log)[:, 0]).tolist() == [0.0]


def test_context_weight_that_is_always_the_same_is_left_out():
    log = log_of(kinds="abc" * (N // 3))
    assert any("context_weight is left out: it is always 1.0" in note for note in fit_encoding(log).notes)


@pytest.mark.parametrize(
    "values",
    [
        1e-9 * np.random.default_rng(0).random(N),
        1e6 + either(0.0, 1.0),
        1e8 + either(0.0, 8.0),
        1e12 + np.random.default_rng(0).random(N),
        1e300 * np.random.default_rng(0).uniform(1, 2, N),
        either(0.1, 0.1000001),
        either(1e308, 1.7e308),
    ],
)
@pytest.mark.filterwarnings("error")
def test_values_that_differ_by_more_than_rounding_are_a_channel(values):
    log = log_of(decision_entropy=values)
    fitted = numeric(fit_encoding(log))
    assert not fitted.is_constant
    assert fitted.scale == pytest.approx(np.std(values / values.max()) * values.max(), rel=1e-3)
    assert np.std(fit_encoding(log).encode(log).astype(float)) == pytest.approx(1, rel=1e-4)


def test_rounding_beside_clear_action_types_does_not_decide_the_patterns():
    kinds = "".join(kind * (N // SERIES // len(kind)) for kind in ("a", "b", "c", "ab", "bc", "ca"))
    chosen = {"n_clusters": "auto", "channels": "auto"}
    noisy = gymlab.extract_patterns(log_of(kinds, impact=either(0.0, LEFT_OVER)), config(**chosen))
    plain = gymlab.extract_patterns(log_of(kinds), config(**chosen))
    assert len(plain.patterns) == SERIES
    np.testing.assert_array_equal(noisy.labels, plain.labels)


@pytest.mark.parametrize("method", ["ward", "single", "kmedoids", "dbscan", "hdbscan"])
def test_rounding_as_the_only_channel_is_one_pattern(method):
    log = log_of(impact=either(0.0, LEFT_OVER))
    found = gymlab.extract_patterns(log, config(channels=["impact"], method=method, n_clusters="auto", hop=5))
    assert len(found.patterns) == 1
    assert not found.distances.any()


def test_other_actions_are_near_a_log_in_which_a_channel_was_constant(tmp_path):
    extraction = gymlab.extract_patterns(
        log_of(impact=np.full(N, 0.3)), config(channels=["impact"], n_clusters=1)
    )
    loaded = gymlab.load_extraction(extraction.save(tmp_path / "kept"))
    for one in (extraction, loaded):
        assert one.assign(log_of(impact=np.full(N, 0.3))).distances.max() == 0
        assert one.assign(log_of(impact=np.full(N, 0.5))).distances.max() == pytest.approx(
            0.2 * np.sqrt(20), rel=1e-6
        )


def test_a_value_too_far_for_float32_is_named():
    encoding = fit_encoding(log_of(decision_entropy=np.full(N, 0.5)), ["decision_entropy"])
    with pytest.raises(InputError, match=r"decision_entropy reaches 1e\+300, too far from the log"):
        encoding.encode(log_of(decision_entropy=np.full(N, 1e300)))


OFFSETS = [1e6, 1e8, 1e12]
# Multiples of a power of two, so that adding an offset rounds nothing.
BASE = np.random.default_rng(1).integers(0, 4096, N) / 4096


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"unit": "series", "n_clusters": 2},
        {"strategy": "selective"},
        {"strategy": "sampled", "sample_size": 12},
        {"strategy": "baseline"},
        {"distance": "soft-dtw"},
        {"method": "kmedoids", "radius": 2},
        {"method": "dbscan", "n_clusters": "auto", "eps": 100.0},
    ],
)
def test_an_offset_changes_no_distance(offset, options, tmp_path):
    plain, moved = (
        gymlab.extract_patterns(log_of(decision_entropy=BASE + by), config(**options)) for by in (0, offset)
    )
    np.testing.assert_allclose(moved.distances, plain.distances, rtol=1e-6)
    np.testing.assert_array_equal(moved.labels, plain.labels)
    new = np.random.default_rng(2).integers(0, 4096, N) / 4096
    placed = moved.assign(log_of(decision_entropy=new + offset))
    expected = plain.assign(log_of(decision_entropy=new))
    np.testing.assert_allclose(placed.distances, expected.distances, rtol=1e-6)
    loaded = gymlab.load_extraction(moved.save(tmp_path / "kept"))
    assert loaded.as_dict() == moved.as_dict()
    assert all(map(np.array_equal, loaded.windows.values, moved.windows.values))


@pytest.mark.parametrize("offset", OFFSETS)
def test_a_barycentre_comes_back_in_the_unit_of_the_log(offset):
    centers = []
    for by in (0, offset):
        found = gymlab.extract_patterns(log_of(decision_entropy=BASE + by), config())
        described = describe_barycenter(found.barycenter(0), found.encoding)
        centers.append(described["decision_entropy"].to_numpy() - by)
    np.testing.assert_allclose(centers[1], centers[0], atol=max(1e-6, 1e-15 * offset))


def test_an_offset_beside_unknown_values_and_other_channels_changes_nothing():
    unknown = np.random.default_rng(3).random(N) < 0.3
    channels = ["action_type", Channel("decision_entropy", "numeric", weight=3.0, missing="fill")]
    encoded = []
    for by in (0, 1e9):
        log = log_of("abc" * (N // 3), decision_entropy=np.where(unknown, np.nan, BASE + by))
        encoded.append(fit_encoding(log, channels).encode(log).astype(float))
    differences = [one[:, None] - one[None, :] for one in encoded]
    np.testing.assert_allclose(differences[1], differences[0], atol=2e-6)


def test_the_shift_is_kept_and_an_encoding_without_one_means_what_it_meant():
    log = log_of(decision_entropy=BASE + 1e8)
    kept = json.loads(json.dumps(fit_encoding(log, ["decision_entropy"]).as_dict()))["channels"][0]
    assert kept["shift"] == pytest.approx(1e8 + 0.5, abs=0.01)
    before = Encoding((FittedChannel(Channel("decision_entropy", "numeric"), scale=2.0),), ())
    near = log_of(decision_entropy=BASE)
    np.testing.assert_array_equal(before.encode(near).ravel(), (BASE / 2).astype(np.float32))


def test_an_unknown_context_weighs_one():
    log = log_of().assign(decision_context=["trust_betrayal", None] * (N // 2))
    encoding = fit_encoding(log, ["context_weight"])
    assert encoding.encode(log).ravel()[:2] == pytest.approx([1.0, -1.0])


@pytest.mark.parametrize(
    "levels",
    [(1e6, 1e6 + 0.25), (4e6, 4e6 + 0.5, 4e6 + 1), (1e3, 1e3 + 0.125), (0.5, 0.75), (1e8, 1e8 + 32.5)],
)
def test_numbers_that_float32_holds_too_are_no_rounding(levels):
    """They are whole multiples of a power of two, as times in half milliseconds are, not results of float32."""
    values = np.resize(levels, N)
    (channel,) = fit_encoding(log_of(latency_ms=values), [Channel("latency_ms", "numeric")]).channels
    assert not channel.is_constant
    assert channel.scale == pytest.approx(values.std())
