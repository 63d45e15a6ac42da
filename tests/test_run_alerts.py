"""The alerts of a report: each has data of gymlab's own work, and fires if that work goes wrong."""

import pytest
from made import rules

import gymlab
from gymlab.clustering import pairwise_cache
from gymlab.errors import InputError
from gymlab.runtime.cache_manager import CacheManager
from gymlab.runtime.database import Database
from gymlab.workbench import measure, tables
from gymlab.workbench.measure import cache_use, runtime_claims

CONFIG = gymlab.ExtractionConfig(window=10, n_surrogates=0, n_resamples=0)


@pytest.fixture(scope="module")
def extraction():
    return gymlab.extract_patterns(rules(n_agents=3, sessions=4, length=60), CONFIG)


@pytest.fixture
def new_caches(monkeypatch):
    """Caches that nobody has used, with a budget."""

    def make(max_bytes):
        manager = CacheManager(max_bytes=max_bytes, memory_percent=lambda: 50.0)
        for module in (cache_use, pairwise_cache):
            monkeypatch.setattr(module, "cache_manager", lambda: manager)
        return manager

    return make


def states(alerts):
    return {alert.id: alert.state for alert in alerts}


def test_all_four_have_data(extraction, new_caches):
    new_caches(10**8)
    storage, cache = measure.measure_storage(extraction), measure.measure_cache(extraction)
    alerts = measure.check_alerts(extraction, storage, cache)
    assert [alert.id for alert in alerts] == ["memory", "dtw_time", "pool", "hit_rate"]
    assert all(alert.value is not None and not alert.note for alert in alerts)
    # Each of six insertions has one connection of thirty, and the tables were made with one before.
    assert storage.pool.value == pytest.approx(100 / 30)
    assert storage.pool.samples >= 2 * 6
    # One extraction finds nothing; then there are five linkages and twenty numbers of patterns.
    assert cache.value == pytest.approx(100 * 100 / 101)
    assert cache.samples == 101


def test_a_cache_that_keeps_nothing_fires(extraction, new_caches):
    new_caches(1)
    cache = measure.measure_cache(extraction)
    assert (cache.value, cache.samples) == (0, 101)
    assert states(measure.check_alerts(extraction, None, cache))["hit_rate"] == "firing"


def test_what_the_run_asked_before_counts_too(extraction, new_caches):
    other = new_caches(10**8).cache("other")
    for key in range(400):
        other.get(key)
    cache = measure.measure_cache(extraction)
    assert cache.samples == 501
    assert cache.value == pytest.approx(100 * 100 / 501)


def test_a_pool_that_is_used_up_fires(extraction, monkeypatch):
    monkeypatch.setattr(runtime_claims, "Database", lambda url: Database(url, pool_size=1, max_overflow=0))
    monkeypatch.setattr(runtime_claims.Database, "bulk_insert", Database.bulk_insert, raising=False)
    storage = measure.measure_storage(extraction)
    assert storage.pool.value == 100
    assert states(measure.check_alerts(extraction, storage))["pool"] == "firing"


def test_what_was_not_measured_says_so(extraction):
    few = gymlab.extract_patterns(rules(n_agents=1, sessions=2, length=30), CONFIG)
    storage = measure.measure_storage(few)
    assert storage.pool is None
    alerts = measure.check_alerts(extraction, storage)
    assert [alert.id for alert in alerts if alert.state == "no_data"] == ["pool", "hit_rate"]
    assert alerts[3].note == "0 of at least 100 samples"
    assert "0 of at least 100 samples" in tables.alerts(alerts)


def test_too_few_windows_to_try_are_too_few_samples(new_caches):
    few = gymlab.extract_patterns(rules(n_agents=1, sessions=1, length=25), CONFIG)
    new_caches(10**8)
    cache = measure.measure_cache(few)
    assert cache.samples == 1
    alert = measure.check_alerts(few, None, cache)[3]
    assert (alert.state, alert.note) == ("no_data", "1 of at least 100 samples")


@pytest.mark.parametrize("wrong", [None, 5, "extraction"])
def test_what_is_no_extraction_is_refused(wrong):
    with pytest.raises(InputError, match="extraction"):
        measure.measure_cache(wrong)
