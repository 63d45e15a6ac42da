"""The bounded cache: its bounds hold after every set, one computes for all, and nothing stale is kept."""

import asyncio
import csv
import gc
import io
import math
import tempfile
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import gymlab
from gymlab.errors import InputError
from gymlab.runtime.cache import BoundedCache, CacheStats
from gymlab.runtime.cached_values import size_of


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def together(n, call):
    """Call in n threads that start at the same moment; return what each returned or raised."""
    barrier = threading.Barrier(n)
    outcomes = []

    def one(number):
        barrier.wait(timeout=10)
        try:
            outcomes.append(call(number))
        except Exception as error:  # noqa: BLE001 - the error is the outcome
            outcomes.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert not any(thread.is_alive() for thread in threads)
    return outcomes


# Bounds


class BoundsMachine(RuleBasedStateMachine):
    """The cache against a model: a list of (key, size, expiry), least recently used first."""

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.cache = BoundedCache(max_size=4, max_bytes=1500, ttl=10, clock=self.clock)
        self.model = OrderedDict()

    def expire(self):
        for key in [key for key, (_, expires) in self.model.items() if expires <= self.clock.now]:
            del self.model[key]

    @rule(key=st.integers(0, 6), length=st.sampled_from([0, 100, 300, 700, 1400, 2000]))
    def set(self, key, length):
        self.cache.set(key, bytes(length))
        self.expire()
        self.model.pop(key, None)
        size = size_of(bytes(length))
        if size <= 1500:
            while len(self.model) >= 4 or sum(s for s, _ in self.model.values()) + size > 1500:
                self.model.popitem(last=False)
            self.model[key] = size, self.clock.now + 10

    @rule(key=st.integers(0, 6))
    def get(self, key):
        self.expire()
        found = self.cache.get(key)
        assert (found is not None) == (key in self.model)
        if key in self.model:
            self.model.move_to_end(key)

    @rule(seconds=st.sampled_from([1, 4, 10]))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule()
    def clear(self):
        self.cache.clear()
        self.model.clear()

    @invariant()
    def holds_what_the_model_holds(self):
        self.expire()
        stats = self.cache.stats()
        assert stats.entries == len(self.cache) == len(self.model) <= 4
        assert stats.bytes == sum(size for size, _ in self.model.values()) <= 1500
        assert all(key in self.cache for key in self.model)


TestBounds = BoundsMachine.TestCase


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5000))), st.integers(1, 6), st.integers(1, 9000))
def test_bounds_hold_after_every_set(steps, max_size, max_bytes):
    cache = BoundedCache(max_size, max_bytes)
    kept = {}
    for key, length in steps:
        cache.set(key, bytes(length))
        kept[key] = length
        stats = cache.stats()
        assert stats.entries <= max_size
        assert stats.bytes <= max_bytes
        assert stats.bytes == sum(size_of(bytes(kept[key])) for key in range(10) if key in cache)


def test_the_least_recently_used_leaves_first():
    cache = BoundedCache(max_size=3)
    for key in "abc":
        cache.set(key, key)
    cache.get("a")
    cache.set("d", "d")
    assert [key for key in "abcd" if key in cache] == ["a", "c", "d"]


def test_asking_whether_a_key_is_there_is_no_use():
    cache = BoundedCache(max_size=2)
    cache.set("a", 1)
    cache.set("b", 2)
    assert "a" in cache
    cache.set("c", 3)
    assert "a" not in cache
    assert cache.stats().hits == cache.stats().misses == 0


def test_a_value_larger_than_the_budget_is_not_kept_and_neither_is_the_old_one():
    cache = BoundedCache(max_bytes=1000)
    cache.set("a", "small")
    cache.set("b", "small")
    cache.set("a", np.zeros(1000))
    assert "a" not in cache
    assert "b" in cache
    assert cache.get_or_compute("c", lambda: bytes(5000)) == bytes(5000)
    assert "c" not in cache


@pytest.mark.parametrize("bounds", [{"max_size": 0}, {"max_bytes": -1}, {"ttl": 0}, {"ttl": math.nan}])
def test_bounds_that_make_no_sense_are_refused(bounds):
    with pytest.raises(InputError, match=next(iter(bounds))):
        BoundedCache(**bounds)


# Figures and age


def test_figures():
    cache = BoundedCache(max_size=2, name="distances")
    assert cache.name == "distances"
    assert math.isnan(cache.stats().hit_rate)
    for key in "abc":
        cache.set(key, bytes(10))
    cache.get("a")
    for _ in range(3):
        cache.get("c")
    assert cache.stats() == CacheStats(2, 2 * size_of(bytes(10)), 3, 1, 1, 0.75)
    cache.clear()
    assert cache.stats() == CacheStats(0, 0, 3, 1, 1, 0.75)
    with pytest.raises(AttributeError):
        cache.stats().hits = 5


def test_what_has_expired_is_a_miss_and_takes_no_room():
    clock = Clock()
    cache = BoundedCache(max_size=2, ttl=60, clock=clock)
    cache.set("old", 1)
    clock.now = 59.0
    cache.set("young", 2)
    assert cache.get("old") == 1  # use does not make it younger
    clock.now = 60.0
    assert cache.get("old", "gone") == "gone"
    cache.set("new", 3)
    assert cache.get("young") == 2  # the expired one made room, though it was used later
    assert (len(cache), cache.stats().evictions, cache.stats().misses) == (2, 0, 1)
    clock.now = 1000.0
    assert (len(cache), cache.stats().bytes, "young" in cache) == (0, 0, False)


def test_setting_again_makes_young():
    clock = Clock()
    cache = BoundedCache(ttl=10, clock=clock)
    cache.set("a", 1)
    cache.set("b", 1)
    clock.now = 9.0
    cache.set("a", 2)
    clock.now = 11.0
    assert (cache.get("a"), cache.get("b")) == (2, None)


def test_default_and_none():
    cache = BoundedCache()
    assert cache.get("a") is None
    assert cache.get("a", 7) == 7
    cache.set("a", None)
    assert cache.get("a", 7) is None


# Computing


def test_none_is_computed_once():
    calls = []
    cache = BoundedCache()
    for _ in range(3):
        assert cache.get_or_compute("a", lambda: calls.append(1)) is None
    assert calls == [1]


def test_one_computes_for_all_and_no_lock_is_held_meanwhile():
    cache = BoundedCache()
    calls = []
    release = threading.Event()

    def compute():
        calls.append(1)
        assert release.wait(timeout=10)
        return "value"

    def call(number):
        if number < 8:
            return cache.get_or_compute("key", compute)
        cache.set("other", 1)  # would wait for ever if a lock were held
        while cache.stats().misses < 8:
            pass
        release.set()
        return cache.get("other")

    assert sorted(map(str, together(9, call))) == ["1", *["value"] * 8]
    assert calls == [1]
    assert cache.get("key") == "value"


def test_an_error_reaches_all_who_wait_and_is_not_kept():
    cache = BoundedCache()
    calls = []

    def compute():
        calls.append(1)
        while cache.stats().misses < 6:
            pass
        raise LookupError("no such thing")

    outcomes = together(6, lambda _: cache.get_or_compute("key", compute))
    assert [type(outcome) for outcome in outcomes] == [LookupError] * 6
    assert calls == [1]
    assert "key" not in cache
    assert cache.get_or_compute("key", lambda: 5) == 5


def test_an_interrupt_while_computing_leaves_the_cache_usable():
    cache = BoundedCache()

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get_or_compute("key", interrupted)
    assert cache.get_or_compute("key", lambda: 5) == 5


def test_what_was_computed_before_a_clear_or_a_set_is_not_kept():
    cache = BoundedCache()

    def cleared_meanwhile():
        cache.clear()
        return "stale"

    def set_meanwhile():
        cache.set("key", "fresh")
        return "stale"

    assert cache.get_or_compute("key", cleared_meanwhile) == "stale"
    assert "key" not in cache
    assert cache.get_or_compute("key", set_meanwhile) == "stale"
    assert cache.get("key") == "fresh"


def test_computing_may_ask_for_other_keys_but_not_for_its_own():
    cache = BoundedCache()
    assert cache.get_or_compute("sum", lambda: cache.get_or_compute("part", lambda: 2) + 1) == 3
    with pytest.raises(InputError, match="'loop'"):
        cache.get_or_compute("loop", lambda: cache.get_or_compute("loop", lambda: 1))
    assert cache.get_or_compute("loop", lambda: 4) == 4


def test_threads_leave_the_accounts_in_order():
    cache = BoundedCache(max_size=20, max_bytes=30_000)

    def call(number):
        rng = np.random.default_rng(number)
        for key, length in zip(
            rng.integers(60, size=400).tolist(), rng.integers(4000, size=400).tolist(), strict=True
        ):
            if key % 3 == 0:
                cache.get_or_compute(key, lambda length=length: bytes(length))
            elif key % 3 == 1:
                cache.set(key, bytes(length))
            else:
                cache.get(key)
            assert cache.stats().bytes <= 30_000

    assert together(6, call) == [None] * 6
    held = [cache.get(key) for key in range(60)]
    assert cache.stats().bytes == sum(size_of(value) for value in held if value is not None)


def test_a_value_that_uses_the_cache_when_it_is_dropped():
    cache = BoundedCache(max_size=1)

    class Says:
        def __del__(self):
            cache.set("last words", 1)

    cache.set("a", Says())
    cache.set("b", 2)
    assert len(cache) == 1


# Sizes


def test_arrays_count_their_data():
    assert size_of(np.zeros(10_000)) == pytest.approx(80_000, abs=200)
    assert size_of(np.zeros((100, 100), dtype=np.float32)[::2]) == pytest.approx(40_000, abs=400)
    assert size_of(np.frombuffer(bytes(5000), dtype=np.uint8)) == pytest.approx(5000, abs=200)
    assert size_of(np.array(["x" * 1000, "y" * 1000], dtype=object)) == pytest.approx(2000, abs=400)


def test_frames_count_deep():
    frame = pd.DataFrame(
        {"text": ["x" * 1000 + str(i) for i in range(50)], "number": np.zeros(50)}, dtype=object
    )
    assert size_of(frame) >= 50_000
    assert size_of(frame["text"]) >= 50_000
    assert size_of(pa.table({"a": np.zeros(1000)})) >= 8000
    assert size_of(scipy.sparse.csr_array(np.ones((100, 100)))) >= 80_000


@dataclass
class Holder:
    data: np.ndarray


class Slotted:
    __slots__ = ("data", "never_set")

    def __init__(self, data):
        self.data = data


@pytest.mark.parametrize(
    "wrap",
    [
        lambda a: [a],
        lambda a: (a,),
        lambda a: {"k": [a]},
        lambda a: deque([a]),
        Holder,
        Slotted,
        lambda a: [a[:1], a, a],
    ],
)
def test_what_containers_and_objects_hold_counts_once(wrap):
    assert size_of(wrap(np.zeros(10_000))) == pytest.approx(80_000, abs=1500)


def test_what_refers_to_itself_has_a_size():
    loop = [bytes(1000)]
    loop.append({"self": loop})
    assert 1000 < size_of(loop) < 2000


def test_a_deep_value_has_a_size():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert size_of(deep) > 100_000


@pytest.mark.parametrize("shared", [np, pd.DataFrame, size_of, len, gymlab])
def test_what_belongs_to_the_program_does_not_count(shared):
    assert size_of(shared) == 0


# What can be used only once


async def coroutine_function():
    return 1


@dataclass
class Holder:
    """Holds anything."""

    held: object


async def async_generator():
    yield 1


def generator():
    yield 1


class Awaits:
    async def __call__(self):
        return 1


class CanBeAwaited:
    def __await__(self):
        yield


USED_UP = {
    "a coroutine": coroutine_function,
    "one of a lambda": lambda: coroutine_function(),  # noqa: PLW0108 - the lambda is the case
    "one of a partial": partial(coroutine_function),
    "one of an object": Awaits(),
    "an awaitable": CanBeAwaited,
    "a generator": generator,
    "a generator expression": lambda: (number for number in range(3)),
    "an asynchronous generator": async_generator,
    "map": lambda: map(str, [1, 2]),
    "zip": lambda: zip([1], [2], strict=True),
    "iter": lambda: iter([1, 2]),
    "enumerate": lambda: enumerate("ab"),
    "a reader of CSV": lambda: csv.reader(["a,b"]),
    "a stream of bytes": lambda: io.BytesIO(b"abc"),
    "a stream of text": lambda: io.StringIO("abc"),
    "a generator in a tuple": lambda: (1, generator()),
    "coroutines in a list": lambda: [coroutine_function(), coroutine_function()],
    "a generator deep in a dict": lambda: {"a": [{"b": generator()}]},
    "a generator in a view": {"a": generator()}.values,
    "a generator in a read-only mapping": lambda: MappingProxyType({"a": generator()}),
    "a generator in an array": lambda: np.array([generator(), 1], dtype=object),
    "a generator in a dataclass": lambda: Holder(generator()),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", USED_UP)
def test_what_can_be_used_only_once_is_refused_at_once(kind):
    cache = BoundedCache()
    for _ in range(2):
        with pytest.raises(InputError, match="can be used only once; await it or read it to its end"):
            cache.get_or_compute("key", USED_UP[kind])
        with pytest.raises(InputError, match="only once"):
            cache.set("key", USED_UP[kind]())
    gc.collect()  # a coroutine that nobody awaited would warn now
    assert "key" not in cache
    assert cache.get_or_compute("key", lambda: 5) == 5


def test_an_open_file_is_refused(tmp_path):
    cache = BoundedCache()
    (tmp_path / "log").write_text("a\nb\n")
    with (
        (tmp_path / "log").open() as text,
        (tmp_path / "log").open("rb", buffering=0) as raw,
        tempfile.NamedTemporaryFile() as temporary,
    ):
        for opened in (text, raw, temporary):
            with pytest.raises(InputError, match="only once"):
                cache.get_or_compute("key", lambda opened=opened: opened)


def test_a_coroutine_that_runs_is_left_alone():
    async def work():
        task = asyncio.ensure_future(coroutine_function())
        with pytest.raises(InputError, match="Task"):
            BoundedCache().set("key", task)
        return await task

    assert asyncio.run(work()) == 1


@pytest.mark.parametrize(
    "value",
    [range(3), "text", b"bytes", [1, 2], {"a": (1,)}, {1}, np.arange(3), pd.Series([1]), len, Clock()],
)
def test_what_can_be_used_again_is_kept(value):
    cache = BoundedCache()
    assert cache.get_or_compute("key", lambda: value) is value
    assert cache.get_or_compute("key", generator) is value


def test_those_who_wait_for_a_coroutine_are_told_too():
    cache = BoundedCache()
    started, go_on = threading.Event(), threading.Event()

    def slowly():
        started.set()
        go_on.wait(timeout=10)
        return coroutine_function()

    def ask(number):
        if number:
            started.wait(timeout=10)
            go_on.set()
        return cache.get_or_compute("key", slowly)

    assert [type(outcome) for outcome in together(2, ask)] == [InputError, InputError]


@pytest.mark.parametrize("key", [[], {}, set(), [1], np.zeros(2), pd.DataFrame(), ("a", []), bytearray(b"a")])
def test_a_key_that_is_not_hashable(key):
    cache = BoundedCache(name="mine")
    for call in (
        lambda: cache.get(key),
        lambda: cache.set(key, 1),
        lambda: cache.get_or_compute(key, lambda: 1),
        lambda: key in cache,
    ):
        with pytest.raises(InputError, match="can be no key of cache 'mine'"):
            call()


def test_keys_with_nan_do_no_harm():
    cache = BoundedCache(max_size=3, ttl=10, clock=Clock())
    for _ in range(5):
        assert cache.get_or_compute(("a", float("nan")), lambda: 1) == 1
    assert len(cache) == 3


@pytest.mark.parametrize("compute", [None, 5, "f", [], 1.5])
def test_what_cannot_be_called(compute):
    with pytest.raises(InputError, match=r"compute is .*; give a function"):
        BoundedCache().get_or_compute("key", compute)


@pytest.mark.parametrize("name", ["max_size", "max_bytes", "ttl", "name", "clock"])
@pytest.mark.parametrize("value", ["3", True, -1, [], {}, math.nan, 10**400, b"a", np.array([1, 2])])
def test_an_argument_of_the_wrong_kind(name, value):
    if name == "name" and isinstance(value, str):
        pytest.skip("that is a name")
    with pytest.raises(InputError, match=name):
        BoundedCache(**{name: value})


def test_without_a_size_there_is_no_cache():
    with pytest.raises(InputError, match="max_size"):
        BoundedCache(max_size=None)


# Sizes of odd objects


class RaisesSize:
    def __sizeof__(self):
        raise ValueError("no size")


class RaisesAll:
    def __getattr__(self, name):
        raise RuntimeError("out of context")


class OwnMemoryUsage:
    def memory_usage(self):
        return "much"


class RaisesBytes:
    @property
    def nbytes(self):
        raise OSError("closed")


@pytest.mark.parametrize("odd", [RaisesSize, RaisesAll, OwnMemoryUsage, RaisesBytes])
def test_an_object_that_does_not_tell_its_size_is_kept_all_the_same(odd):
    value = odd()
    assert size_of(value) > 0
    assert size_of([value, bytes(1000)]) > 1000
    cache = BoundedCache(max_bytes=10_000)
    cache.set("key", value)
    assert cache.get("key") is value


def test_circles_and_deep_nesting_have_a_size():
    circle = []
    circle.append(circle)
    nested = []
    for _ in range(100_000):
        nested = [nested]
    cache = BoundedCache(max_bytes=10**8)
    cache.set("circle", circle)
    cache.set("nested", nested)
    assert cache.get("circle") is circle
    assert size_of(nested) > 100_000 * size_of([])
    while nested:  # freed one by one
        nested = nested[0]
