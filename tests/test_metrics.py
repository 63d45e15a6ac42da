"""Metrics: what a scrape says is what the parts say themselves, in every thread, once, and without passwords."""

import asyncio
import gc
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import psutil
import pytest
from made import rules
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

import gymlab
from gymlab.distance import dtw, dtw_cross, dtw_neighbors, dtw_pairs, dtw_pairwise
from gymlab.entropy import ConditionalEntropy, IncrementalEntropy, entropy_bits, entropy_over_time
from gymlab.errors import InputError
from gymlab.events import DistancesComputed, emit
from gymlab.patterns.pipeline import run_extraction
from gymlab.runtime.cache_manager import cache_manager
from gymlab.runtime.metrics import METRICS, registry, serve


def scraped(server):
    """Every sample of a scrape, by name and labels; two of the same labels are an error, as they are to Prometheus."""
    text = httpx.get(server.url).text
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    found = {(one.name, *one.labels.values()): one.value for one in samples}
    assert len(found) == len(samples)
    return found


@pytest.fixture
def server():
    with serve() as running:
        yield running


@pytest.fixture
def grown(server):
    """How much a counter grew since the test began."""
    before = scraped(server)

    def of(*name):
        return scraped(server)[name] - before.get(name, 0)

    return of


def test_a_cache_is_as_it_says_itself(server):
    cache = cache_manager().cache('of "metrics"\n\\', max_size=3)
    for key in range(5):
        cache.set(key, bytes(100))
    for key in range(5):
        cache.get(key)
    stats, found = cache.stats(), scraped(server)
    assert (stats.hits, stats.misses, stats.evictions) == (3, 2, 2)
    names = {
        "gymlab_cache_entries": stats.entries,
        "gymlab_cache_bytes": stats.bytes,
        "gymlab_cache_hits_total": stats.hits,
        "gymlab_cache_misses_total": stats.misses,
        "gymlab_cache_evictions_total": stats.evictions,
        "gymlab_cache_hit_ratio": stats.hit_rate,
    }
    assert {name: found[name, cache.name] for name in names} == names
    assert found[("gymlab_caches_max_bytes",)] == cache_manager().max_bytes


def test_a_cache_that_nobody_asked_has_no_hit_rate(server):
    cache_manager().cache("never asked")
    assert math.isnan(scraped(server)["gymlab_cache_hit_ratio", "never asked"])


def test_the_pools_of_open_databases_and_no_password(server, tmp_path):
    async def use():
        url = f"sqlite:///{tmp_path / 'used.db'}"
        # Two of one place are one sample.
        async with (
            gymlab.Database(url, 2, 1) as one,
            gymlab.Database(url, 3, 0) as other,
            one.session() as first,
            one.session() as second,
            other.session() as third,
        ):
            for session in (first, second, third):
                await session.connection()
            return scraped(server), one.pool_stats(), other.pool_stats()

    found, one, other = asyncio.run(use())
    place = f"sqlite:///{tmp_path / 'used.db'}"
    assert (one.in_use, one.most_in_use, one.limit, other.limit) == (2, 2, 3, 3)
    assert found["gymlab_database_connections_in_use", place] == one.in_use + other.in_use == 3
    assert found["gymlab_database_connections_max", place] == one.limit + other.limit
    assert ("gymlab_database_connections_max", place) not in scraped(server)


def test_a_password_is_in_no_label(server):
    pytest.importorskip("asyncpg")
    url = "postgresql://ada:hidden1@127.0.0.1:1/lab?password=hidden2&application_name=hidden3"
    database = gymlab.Database(url)
    text = httpx.get(server.url).text
    assert 'database="postgresql://127.0.0.1:1/lab"' in text
    assert "hidden" not in text + repr(database)
    asyncio.run(database.aclose())


def test_a_breaker_shows_its_state_until_it_is_gone(server):
    breakers = [gymlab.CircuitBreaker("of a test", failure_threshold=1) for _ in range(2)]
    with pytest.raises(ZeroDivisionError):
        breakers[0].call(lambda: 1 / 0)
    found = scraped(server)
    states = {
        state: found["gymlab_breakers", "of a test", state] for state in ("closed", "open", "half_open")
    }
    assert states == {"closed": 1, "open": 1, "half_open": 0}
    breakers.clear()
    gc.collect()
    assert ("gymlab_breakers", "of a test", "open") not in scraped(server)


def test_the_memory_of_the_machine(server, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    found = scraped(server)
    assert found[("gymlab_machine_memory_used_ratio",)] == pytest.approx(0.91)
    assert found[("gymlab_machine_memory_bytes",)] == 1000
    rss = psutil.Process().memory_info().rss
    assert rss / 2 < found[("process_resident_memory_bytes",)] < 2 * rss


class Memory:
    percent, total = 91.0, 1000
    available = 500


def test_every_pair_of_series_is_counted(grown):
    series = np.random.default_rng(0).normal(size=(30, 8))
    dtw_pairwise(series)
    assert grown("gymlab_dtw_pairs_total") == 30 * 29 / 2
    dtw_cross(series[:4], series)
    dtw_pairs(series, [0, 1], [2, 3])
    dtw(series[0], series[1])
    assert grown("gymlab_dtw_pairs_total") == 30 * 29 / 2 + 4 * 30 + 2 + 1
    before = grown("gymlab_dtw_pairs_total")
    computed = dtw_neighbors(series, k=1).stats.computed
    assert grown("gymlab_dtw_pairs_total") - before == computed / 2 > 0
    assert grown("gymlab_dtw_seconds_total") > 0


def test_only_the_missing_rows_of_a_matrix_in_a_file_are_counted(grown, tmp_path):
    series = np.random.default_rng(0).normal(size=(30, 8))
    for _ in range(2):
        dtw_pairwise(series, out=tmp_path / "distances.npy")
    assert grown("gymlab_dtw_pairs_total") in {30 * 29 / 2, 30 * 29}


def test_the_slowest_pair(server):
    emit(DistancesComputed(2, 500.0), DistancesComputed(1000, 1.0))
    assert scraped(server)[("gymlab_dtw_pair_max_seconds",)] == 250


def test_entropies_are_counted_where_they_are_read(grown):
    stream, situations = IncrementalEntropy(window=3), ConditionalEntropy()
    for action in "abcab":
        stream.add(action)
        stream.get_entropy()
        situations.add("x", action)
    situations.get_entropy()
    assert grown("gymlab_entropies_total") == 6
    entropy_bits(list("abab"))
    entropy_over_time(list("ababab"), window=3)  # four windows are full
    assert grown("gymlab_entropies_total") == 6 + 1 + 4
    assert 0 < grown("gymlab_entropy_seconds_total") < 60


def test_extractions_that_end_well_and_badly_and_not_at_all(grown):
    log = rules(n_agents=2, sessions=2)
    config = gymlab.ExtractionConfig(n_clusters=2, n_surrogates=0, n_resamples=0)
    gymlab.extract_patterns(log, config)
    with pytest.raises(InputError):
        gymlab.extract_patterns(log.iloc[:2], config)

    async def cancel():
        task = asyncio.create_task(gymlab.extract_patterns_async(log, config))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_extraction(log, config, checkpoint=interrupt)
    counts = [grown("gymlab_extractions_total", outcome) for outcome in ("succeeded", "failed")]
    assert counts == [1, 1]
    assert grown("gymlab_extraction_seconds_total") > 0


def test_two_scrapes_while_eight_threads_work(server, grown):
    started, rounds, threads = threading.Barrier(9), 400, 8

    def work(number):
        cache = cache_manager().cache("of eight threads", max_size=rounds * threads)
        entropy = IncrementalEntropy()
        started.wait()
        for turn in range(rounds):
            cache.set((number, turn), turn)
            cache.get((number, turn))
            entropy.add(turn % 3)
            entropy.get_entropy()
            emit(DistancesComputed(3, 0.5))
            gymlab.CircuitBreaker(f"{turn % 5}")

    with ThreadPoolExecutor(threads) as pool:
        done = [pool.submit(work, number) for number in range(threads)]
        started.wait()
        scrapes = [scraped(server), scraped(server)]
        for one in done:
            one.result()
    first, second = (one[("gymlab_dtw_pairs_total",)] for one in scrapes)
    assert first <= second
    assert grown("gymlab_dtw_pairs_total") == 3 * rounds * threads
    assert grown("gymlab_dtw_seconds_total") == rounds * threads / 2
    assert grown("gymlab_entropies_total") == rounds * threads
    assert grown("gymlab_cache_hits_total", "of eight threads") == rounds * threads


def test_a_cell_that_runs_twice_has_one_server_and_one_of_each_metric():
    first = serve()
    assert serve() is first
    assert registry() is registry()
    assert scraped(first)
    first.close()
    first.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(first.url)
    with serve() as second:
        assert second is not first
        assert scraped(second)


def test_only_this_machine_can_reach_it(server):
    assert server._server.server_address == ("127.0.0.1", server.port)


def test_the_global_registry_has_nothing_of_gymlab(server):
    assert scraped(server)
    assert not [one.name for one in REGISTRY.collect() if one.name.startswith("gymlab")]


def test_each_metric_is_exported_as_it_is_described(server):
    families = {one.name: one for one in text_string_to_metric_families(httpx.get(server.url).text)}
    assert len(families) == len(METRICS)
    for one in METRICS:
        family = families[one.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (one.kind, one.statement)
        assert one.name.endswith("_total") == (one.kind == "counter")


@pytest.mark.parametrize("port", [-1, 65_536, "9", 1.5, None, True])
def test_what_is_no_port_is_refused(port):
    with pytest.raises(InputError, match="port"):
        serve(port)


def test_a_used_port_is_one_sentence(server):
    with pytest.raises(InputError, match=rf"port {server.port} of 127.0.0.1 cannot be used: .*; choose"):
        serve(server.port)
