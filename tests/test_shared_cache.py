"""The cache in Redis: values there and back, foreign bytes, several processes, and a server that goes away."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import pytest
import redis
from conftest import absent
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gymlab import BoundedCache, CircuitBreaker, InputError
from gymlab.runtime import shared_values
from gymlab.runtime.shared_cache import SharedCache
from gymlab.runtime.shared_values import content_hash, decode, encode
from gymlab.runtime.single_flight import ABSENT

URL = "redis://127.0.0.1:6379/15"
PLAIN = hnp.arrays(
    dtype=st.one_of(
        hnp.boolean_dtypes(), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.floating_dtypes(sizes=(16, 32, 64)),
        hnp.complex_number_dtypes(sizes=(64, 128)), hnp.datetime64_dtypes(), hnp.unicode_string_dtypes(),
    ),
    shape=hnp.array_shapes(min_dims=0, min_side=0),
)  # fmt: skip


@pytest.fixture
def server():
    """A client of an empty database of a Redis server on this machine."""
    client = redis.Redis.from_url(URL)
    try:
        client.ping()
    except redis.ConnectionError:
        absent("a Redis server at 127.0.0.1:6379")
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


def another(**options):
    """A cache as another process has it: its own tier in memory, the same server."""
    return SharedCache(URL, "matrices", local=BoundedCache(), **options)


# --- values ----------------------------------------------------------------------------------------------------------


@given(PLAIN)
def test_arrays_come_back_with_type_shape_and_bits(array):
    back = decode(encode(array), 10**6)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
                    | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_json_values_come_back(value):
    assert decode(encode(value), 10**6) == value


@pytest.mark.parametrize(
    "value", [b"", b"abc", bytes(100_000), np.arange(10)[::2], np.asfortranarray(np.eye(3))]
)
def test_bytes_and_views_come_back(value):
    assert np.array_equal(decode(encode(value), 10**6), value)


def test_compression_is_used_where_it_pays():
    assert len(encode(bytes(100_000))) < 1000
    noise = np.random.default_rng(0).random(10_000)
    assert noise.nbytes < len(encode(noise)) < noise.nbytes + 200


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, np.array([object()]), float("nan"), np.zeros(2, dtype=[("a", int)]), lambda: 1],
)
def test_what_would_need_pickle_is_refused(value):
    with pytest.raises(
        InputError, match="a shared cache keeps arrays without objects, bytes and JSON values"
    ):
        encode(value)


@given(st.binary(max_size=200))
def test_foreign_bytes_are_a_miss(stored):
    assert decode(stored, 1000) is ABSENT


@given(st.data())
def test_damage_anywhere_is_a_miss(data):
    whole = encode(np.arange(20))
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytes([whole[place] ^ data.draw(st.integers(1, 255))])
    assert decode(whole[:place] + changed + whole[place + 1 :], 1000) is ABSENT
    assert decode(whole[:place], 1000) is ABSENT


def with_checksum(body):
    """Bytes that somebody made on purpose."""
    checksum = shared_values.hashlib.blake2b(body, digest_size=16).digest()
    return shared_values._MAGIC + checksum + body


@pytest.mark.parametrize(
    ("head", "content", "packed"),
    [
        (b'{"dtype": "|O", "shape": [1]}', bytes(8), False),
        (b'{"dtype": "<f8", "shape": [1000000000000]}', bytes(8), False),
        (b'{"dtype": "<f8", "shape": [-1, -1]}', bytes(8), False),
        (b'{"dtype": "no such", "shape": [1]}', bytes(8), False),
        (b'{"dtype": "<f8"}', bytes(8), False),
        (b"[1]", b"", False),
        (b'"json"', b"{", False),
        (b'"bytes"', zlib.compress(bytes(10_000_000)), True),
        (b'"bytes"', b"no zlib", True),
        (b"[" * 100_000, b"", False),
    ],
)
def test_bytes_made_on_purpose_are_a_miss(head, content, packed):
    assert (
        decode(with_checksum(bytes([packed]) + len(head).to_bytes(4, "big") + head + content), 1_000_000)
        is ABSENT
    )
    assert decode(with_checksum(b""), 1000) is ABSENT


@given(PLAIN, PLAIN)
def test_equal_content_has_an_equal_hash_and_other_content_another(one, other):
    assert content_hash(one) == content_hash(one.copy())
    same = one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    assert (content_hash(one) == content_hash(other)) == same


def test_parts_of_a_hash_do_not_run_into_each_other():
    assert content_hash("ab", "c") != content_hash("a", "bc")
    assert content_hash(b"a") != content_hash("a")
    assert content_hash("ada", [1]) != content_hash("eve", [1])


# --- a server --------------------------------------------------------------------------------------------------------


def test_what_one_process_keeps_another_finds(server):
    array = np.arange(12.0).reshape(3, 4)
    another().set("key", array)
    found = another().get("key")
    assert np.array_equal(found, array)
    assert not found.flags.writeable
    assert another().get("other", "none") == "none"
    assert server.keys() == [b"gymlab:1:matrices:key"]
    assert 0 < server.ttl("gymlab:1:matrices:key") <= 7 * 24 * 3600


def test_a_value_in_this_process_needs_no_server(server):
    cache = another()
    cache.set("key", 5)
    server.flushdb()
    assert cache.get("key") == 5
    stats = cache.stats()
    assert (stats.entries, stats.hits, stats.misses) == (1, 1, 0)


def test_a_large_value_stays_in_this_process(server):
    cache = another(max_entry_bytes=1000)
    cache.set("key", np.random.default_rng(0).random(1000))
    assert server.keys() == []
    assert cache.get("key").shape == (1000,)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("key", ["", 5, None, ("a", 1)])
def test_a_key_is_a_text(key):
    with pytest.raises(InputError, match="can be no key of a shared cache"):
        another().get(key)


def test_foreign_bytes_on_the_server_are_computed_anew(server):
    server.set("gymlab:1:matrices:key", b"\x80\x04\x95cos\nsystem\n(S'touch pwned'\ntR.")
    assert another().get("key") is None
    assert another().get_or_compute("key", lambda: [1]) == [1]
    assert another().get("key") == [1]


COMPUTES = """
import sys, time
from gymlab import BoundedCache
from gymlab.runtime.shared_cache import SharedCache

cache = SharedCache(sys.argv[1], "matrices", local=BoundedCache())

def compute():
    print("computes", flush=True)
    time.sleep(float(sys.argv[2]))
    return [7]

sys.stdin.readline()
print(cache.get_or_compute("key", compute), flush=True)
"""


def process(seconds):
    return subprocess.Popen(
        [sys.executable, "-c", COMPUTES, URL, str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.usefixtures("server")
def test_two_processes_compute_once():
    started = [process(1.0), process(1.0)]
    printed = [one.communicate("\n")[0] for one in started]
    assert sorted(printed) == ["[7]\n", "computes\n[7]\n"]


def test_two_tiers_of_tasks_compute_once_and_the_loop_goes_on(server):
    calls, beats = [], []

    async def compute():
        calls.append(1)
        await asyncio.sleep(0.3)
        return [7]

    async def beat():
        while True:
            beats.append(1)
            await asyncio.sleep(0.01)

    async def work():
        beating = asyncio.create_task(beat())
        # Each cache is what another process would have.
        found = await asyncio.gather(
            *(another(lease=0.15).get_or_compute_async("key", compute) for _ in range(3))
        )
        beating.cancel()
        return found

    assert asyncio.run(work()) == [[7]] * 3
    assert calls == [1]
    assert len(beats) > 5
    assert server.keys("*:lock") == []


def test_a_cancelled_task_gives_the_lock_back(server):
    async def work():
        for steps in range(12):
            started = asyncio.Event()

            async def compute(started=started):
                started.set()
                await asyncio.sleep(60)

            task = asyncio.create_task(another().get_or_compute_async("key", compute))
            if steps:
                for _ in range(steps):
                    await asyncio.sleep(0.001)
            else:
                await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        async def computes():
            return 8

        return await another().get_or_compute_async("key", computes)

    assert asyncio.run(work()) == 8
    assert server.keys("*:lock") == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lease")]


def test_a_server_that_hangs_does_not_stop_the_event_loop():
    async def answer():
        return 1

    async def work(cache):
        asking = asyncio.create_task(cache.get_or_compute_async("a", answer))
        beats = 0
        while not asking.done():
            beats += 1
            await asyncio.sleep(0.01)
        return await asking, beats

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        breaker = CircuitBreaker("redis", failure_threshold=1, base_delay=300, jitter=lambda cap: cap)
        value, beats = asyncio.run(work(SharedCache(url, local=BoundedCache(), timeout=0.3, breaker=breaker)))
    assert (value, breaker.state) == (1, "open")
    assert beats > 5


@pytest.mark.usefixtures("server")
def test_if_the_process_that_computes_is_killed_another_one_computes():
    with process(60) as first:
        first.stdin.write("\n")
        first.stdin.flush()
        assert first.stdout.readline() == "computes\n"
        cache = another(lease=0.3)
        # The dead process had a lease of 30 seconds; only its lock knows.
        first.kill()
    client = redis.Redis.from_url(URL)
    client.pexpire("gymlab:1:matrices:key:lock", 300)
    client.close()
    assert cache.get_or_compute("key", lambda: [8]) == [8]


@pytest.mark.usefixtures("server")
def test_a_long_computation_keeps_its_lease():
    calls = []

    def compute():
        calls.append(1)
        time.sleep(0.5)
        return 1

    caches = [another(lease=0.15), another(lease=0.15)]
    threads = [threading.Thread(target=cache.get_or_compute, args=("key", compute)) for cache in caches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lease")]


@pytest.mark.usefixtures("server")
def test_an_error_is_for_the_one_who_computes_and_the_next_one_computes():
    def fails():
        raise ValueError("not today")

    with pytest.raises(ValueError, match="not today"):
        another().get_or_compute("key", fails)
    assert another().get_or_compute("key", lambda: 1) == 1


def test_without_a_server_the_breaker_opens_and_work_goes_on_here():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"redis://127.0.0.1:{taken.getsockname()[1]}/0"
        breaker = CircuitBreaker("redis", failure_threshold=2, base_delay=300, jitter=lambda cap: cap)
        cache = SharedCache(nobody, local=BoundedCache(), breaker=breaker)
        cache.set("a", 1)
        assert cache.get("a") == 1
        assert cache.get("b") is None
        assert breaker.state == "open"
        assert cache.get_or_compute("c", lambda: 3) == 3
        assert breaker.stats().failures == 2
        assert repr(cache) == "SharedCache('shared', server open)"


def test_without_a_server_the_threads_of_a_process_compute_once():
    breaker = CircuitBreaker("redis")
    breaker.open()
    cache = SharedCache(URL, local=BoundedCache(), breaker=breaker)
    calls, found = [], []

    def compute():
        calls.append(1)
        time.sleep(0.05)
        return 7

    threads = [
        threading.Thread(target=lambda: found.append(cache.get_or_compute("key", compute))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (calls, found) == ([1], [7] * 20)


@pytest.mark.usefixtures("server")
def test_a_value_of_the_server_counts_as_a_hit():
    another().set("key", 1)
    cache = another()
    assert cache.get_or_compute("key", lambda: 2) == 1
    assert cache.get_or_compute("other", lambda: 2) == 2
    assert (cache.get("key"), cache.get("absent")) == (1, None)
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.hit_rate) == (2, 2, 0.5)


def test_a_server_that_hangs_is_left_after_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        breaker = CircuitBreaker("redis", failure_threshold=1, base_delay=300, jitter=lambda cap: cap)
        cache = SharedCache(url, local=BoundedCache(), timeout=0.1, breaker=breaker)
        started = time.monotonic()
        assert cache.get_or_compute("a", lambda: 1) == 1
        assert time.monotonic() - started < 5
        assert breaker.state == "open"


def test_a_server_that_comes_back_is_used_again(server):
    now = [0.0]
    breaker = CircuitBreaker(
        "redis", failure_threshold=1, base_delay=5, jitter=lambda cap: cap, clock=lambda: now[0]
    )
    cache = another(breaker=breaker)
    breaker.open()
    cache.set("a", 1)
    assert server.keys() == []
    breaker.close()
    cache.set("b", 2)
    assert server.keys() == [b"gymlab:1:matrices:b"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "http://host"}, "a Redis URL has the form"),
        ({"url": 5}, "a Redis URL has the form"),
        ({"max_entry_bytes": 0}, "max_entry_bytes is 0"),
        ({"ttl": -1}, "ttl is -1"),
        ({"timeout": 0}, "timeout is 0"),
        ({"lease": "long"}, "lease is 'long'"),
        ({"name": 5}, "name is 5"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        SharedCache(**arguments)
