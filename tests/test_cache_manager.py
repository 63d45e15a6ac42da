"""The manager of caches: one budget, the oldest use leaves first in any cache, pins, and a machine that runs out of memory."""

import asyncio
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gymlab import BoundedCache, CacheManager
from gymlab.errors import InputError
from gymlab.runtime.cached_values import size_of

KILOBYTE = bytes(1000 - size_of(b""))


def calm():
    """A machine with much free memory."""
    return 20.0


@pytest.fixture
def manager():
    return CacheManager(10_000, memory_percent=calm)


def test_the_oldest_use_leaves_first_in_any_cache(manager):
    first, second = manager.cache("first"), manager.cache("second")
    for k in range(5):
        first.set(k, KILOBYTE)
        second.set(k, KILOBYTE)
    assert manager.bytes == 10_000
    assert first.get(0) is not None
    second.set("more", KILOBYTE * 2)
    # The oldest uses are those of second 0 and first 1: first 0 was used just now.
    assert [k for k in range(5) if k in first] == [0, 2, 3, 4]
    assert [k for k in range(5) if k in second] == [1, 2, 3, 4]
    assert manager.stats()["evictions"].to_dict() == {"first": 1, "second": 1}


def test_a_name_is_one_cache(manager):
    assert manager.cache("a", max_size=5) is manager.cache("a")
    assert [cache.name for cache in manager.caches()] == ["a"]
    assert manager.cache("a").max_size == 5


def test_the_bounds_of_one_cache_hold_too(manager):
    small = manager.cache("small", max_size=2)
    for k in range(5):
        small.set(k, KILOBYTE)
    assert len(small) == 2
    bytes_ = manager.cache("bytes", max_bytes=1500)
    bytes_.set("a", KILOBYTE)
    bytes_.set("b", KILOBYTE)
    assert len(bytes_) == 1


def test_a_value_larger_than_the_budget_is_not_kept_and_evicts_nothing(manager):
    cache = manager.cache("a")
    cache.set("small", KILOBYTE)
    cache.set("large", bytes(20_000))
    assert ("small" in cache, "large" in cache) == (True, False)


def test_what_is_pinned_stays(manager):
    cache, other = manager.cache("a"), manager.cache("b")
    cache.set("pinned", KILOBYTE)
    assert cache.pin("pinned")
    assert cache.pin("pinned")
    assert not cache.pin("absent")
    for k in range(20):
        other.set(k, KILOBYTE)
    assert manager.evict_to(0) == 9000
    assert "pinned" in cache
    cache.unpin("pinned")
    assert manager.evict_to(0) == 0
    cache.unpin("pinned")
    cache.unpin("pinned")
    assert manager.evict_to(0) == 1000


def test_if_all_is_pinned_a_new_value_is_not_kept(manager):
    cache = manager.cache("a", max_size=20)
    for k in range(10):
        cache.set(k, KILOBYTE)
        cache.pin(k)
    cache.set("new", KILOBYTE)
    assert "new" not in cache
    alone = BoundedCache(max_size=1)
    alone.set("old", 1)
    alone.pin("old")
    alone.set("new", 1)
    assert ("old" in alone, "new" in alone) == (True, False)


def test_evict_to_a_fraction_of_the_budget(manager):
    cache = manager.cache("a")
    for k in range(10):
        cache.set(k, KILOBYTE)
    assert manager.evict_to(0.45) == 6000
    assert [k for k in range(10) if k in cache] == [6, 7, 8, 9]
    assert manager.evict_to(1) == 0


def test_a_machine_short_of_memory_gets_half_back():
    now, percent, asked = [0.0], [20.0], []

    def memory():
        asked.append(now[0])
        return percent[0]

    manager = CacheManager(10_000, memory_percent=memory, clock=lambda: now[0])
    cache = manager.cache("a")
    for k in range(8):
        cache.set(k, KILOBYTE)
    assert asked == [0.0]
    percent[0] = 80.1
    cache.set("soon", KILOBYTE)
    assert manager.bytes == 9000
    now[0] = 1.0
    cache.set("later", KILOBYTE)
    assert asked == [0.0, 1.0]
    assert manager.bytes == 5000
    assert "later" in cache


def test_statistics_are_a_table(manager):
    cache = manager.cache("a", max_bytes=5000)
    cache.set("x", KILOBYTE)
    cache.get("x")
    cache.get("y")
    table = manager.stats()
    assert table.index.name == "cache"
    assert table.loc["a"].to_dict() == {
        "entries": 1, "bytes": 1000, "hits": 1, "misses": 1, "evictions": 0, "hit_rate": 0.5, "max_bytes": 5000,
    }  # fmt: skip
    assert CacheManager(5).stats().empty


@given(
    steps=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 6), st.integers(0, 4000), st.booleans()), max_size=80
    )
)
@settings(deadline=None)
def test_the_budget_holds_after_every_set_and_the_oldest_use_is_gone(steps):
    manager = CacheManager(10_000, memory_percent=calm)
    order = []  # keys of all caches by last use, the plain way
    for name, key, length, reads in steps:
        cache = manager.cache(name)
        if reads:
            if cache.get(key) is not None:
                order.remove((name, key))
                order.append((name, key))
            continue
        value = bytes(length)
        cache.set(key, value)
        order = [one for one in order if one != (name, key)]
        order.append((name, key))
        kept = [one for one in order if one[1] in manager.cache(one[0])]
        assert kept == order[len(order) - len(kept) :]
        order = kept
        assert manager.bytes <= 10_000
        assert manager.bytes == sum(size_of(manager.cache(n).get(k)) for n, k in kept)


@pytest.mark.parametrize("managed", [True, False])
def test_eight_threads_never_exceed_the_budget_by_more_than_one_entry(managed):
    budget, largest = 200_000, 10_000
    manager = CacheManager(budget, memory_percent=calm)
    caches = [manager.cache(name) for name in "abc"] if managed else [BoundedCache(100_000, budget)]
    over, done = [], threading.Event()

    def held():
        return manager.bytes if managed else caches[0].bytes

    def watch():
        while not done.is_set():
            over.append(held())

    def work(seed):
        rng = np.random.default_rng(seed)
        lengths = rng.integers(largest, size=12_500).tolist()
        for length, key, reads in zip(
            lengths, rng.integers(300, size=12_500).tolist(), rng.random(12_500) < 0.5, strict=True
        ):
            cache = caches[key % len(caches)]
            if reads:
                cache.get(key)
            else:
                cache.set(key, bytes(length))

    watcher = threading.Thread(target=watch)
    watcher.start()
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    watcher.join()
    assert max(over) <= budget + size_of(bytes(largest))
    assert sum(stats for stats in (cache.stats().hits for cache in caches)) > 0


ARRAYS = """
import numpy as np
from gymlab import CacheManager
from gymlab.runtime.memory import resident_bytes

manager = CacheManager(10**9, memory_percent=lambda: 50.0)
cache = manager.cache("arrays")
cache.set("warm", np.zeros(1))
before = resident_bytes()
for k in range(200):
    cache.set(k, np.full(131_072, k, dtype=np.float64))
print(resident_bytes() - before, manager.bytes)
"""


def test_the_accounted_bytes_of_arrays_are_the_memory_that_they_take():
    """In a new process: this one may have memory left that other tests have freed."""
    done = subprocess.run([sys.executable, "-c", ARRAYS], capture_output=True, text=True, check=True)
    taken, accounted = map(int, done.stdout.split())
    assert taken == pytest.approx(accounted, rel=0.15)


# --- one computation for a key ---------------------------------------------------------------------------------------


def test_a_hundred_tasks_and_threads_compute_once(manager):
    cache = manager.cache("a")
    calls = []

    async def ask_all():
        begun, release = asyncio.Event(), asyncio.Event()

        async def compute():
            calls.append("async")
            begun.set()
            await release.wait()
            return "value"

        tasks = [asyncio.create_task(cache.get_or_compute_async("key", compute)) for _ in range(100)]
        await begun.wait()
        threads = [
            asyncio.to_thread(cache.get_or_compute, "key", lambda: calls.append("sync")) for _ in range(5)
        ]
        asyncio.get_running_loop().call_later(0.05, release.set)
        return await asyncio.gather(*tasks, *threads)

    assert asyncio.run(ask_all()) == ["value"] * 105
    assert calls == ["async"]
    assert cache.get("key") == "value"


def test_if_the_task_that_computes_is_cancelled_another_one_computes(manager):
    cache = manager.cache("a")
    calls = []

    async def compute():
        calls.append(asyncio.current_task().get_name())
        await asyncio.sleep(30 if len(calls) == 1 else 0)
        return "value"

    async def ask():
        first = asyncio.create_task(cache.get_or_compute_async("key", compute), name="first")
        second = asyncio.create_task(cache.get_or_compute_async("key", compute), name="second")
        await asyncio.sleep(0.01)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    assert asyncio.run(ask()) == "value"
    assert calls == ["first", "second"]


def test_a_task_that_waits_can_be_cancelled_alone(manager):
    cache = manager.cache("a")

    async def compute():
        await asyncio.sleep(0.02)
        return "value"

    async def ask():
        first = asyncio.create_task(cache.get_or_compute_async("key", compute))
        second = asyncio.create_task(cache.get_or_compute_async("key", compute))
        await asyncio.sleep(0.001)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        return await first

    assert asyncio.run(ask()) == "value"
    assert cache.get("key") == "value"


def test_an_error_reaches_every_task_and_the_key_can_be_asked_again(manager):
    cache = manager.cache("a")

    async def fails():
        await asyncio.sleep(0.001)
        raise ValueError("not today")

    async def ask():
        return await asyncio.gather(
            *(cache.get_or_compute_async("key", fails) for _ in range(10)), return_exceptions=True
        )

    assert [str(one) for one in asyncio.run(ask())] == ["not today"] * 10
    assert cache.get_or_compute("key", lambda: 1) == 1


def test_a_task_that_asks_for_the_key_that_it_computes_is_refused(manager):
    cache = manager.cache("a")

    async def itself():
        return await cache.get_or_compute_async("key", itself)

    async def in_the_same_thread():
        return cache.get_or_compute("other", int)

    with pytest.raises(InputError, match="asks the cache for 'key'"):
        asyncio.run(cache.get_or_compute_async("key", itself))
    with pytest.raises(InputError, match="asks the cache for 'other'"):
        asyncio.run(cache.get_or_compute_async("other", in_the_same_thread))


def test_an_interrupt_is_for_the_one_who_computes(manager):
    cache = manager.cache("a")
    begun, outcome = threading.Event(), []

    def interrupted():
        begun.set()
        while not waiting.is_alive():
            pass
        raise KeyboardInterrupt

    waiting = threading.Thread(target=lambda: outcome.append(cache.get_or_compute("key", lambda: "mine")))

    def compute():
        with pytest.raises(KeyboardInterrupt):
            cache.get_or_compute("key", interrupted)

    computing = threading.Thread(target=compute)
    computing.start()
    assert begun.wait(10)
    waiting.start()
    computing.join()
    waiting.join()
    assert outcome == ["mine"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_bytes": 0}, "max_bytes is 0"),
        ({"max_bytes": 2.5}, "max_bytes is 2.5"),
        ({"memory_percent": 5}, "memory_percent is 5"),
        ({"clock": None}, "clock is None"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        CacheManager(**arguments)


@pytest.mark.parametrize("fraction", [-0.1, 1.1, "half", None])
def test_a_fraction_that_is_none_is_refused(manager, fraction):
    with pytest.raises(InputError, match="fraction is"):
        manager.evict_to(fraction)
