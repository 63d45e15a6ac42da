"""Look-ups and insertions of BoundedCache beside cachetools under a lock, with equal features, in turns in one run.

python tests/benchmarks/cache.py

Both are thread-safe, evict the least recently used, account bytes by sys.getsizeof, and count hits, misses and
evictions; with a time to live, cachetools' TTLCache. Half of the look-ups hit.
"""

import sys
import threading
import time

import numpy as np
from engine.timing import ratio_of, take_turns

from gymlab.runtime.cache import BoundedCache

N, ROUNDS = 200_000, 7
ENTRIES = 1_000
VALUE = b"x" * 1_000
SIZE = sys.getsizeof(VALUE)


class Locked:
    """A cache of cachetools with what BoundedCache has beside it: a lock, and the counts."""

    def __init__(self, make, *more):
        self.cache = make(ENTRIES * SIZE, *more, getsizeof=sys.getsizeof)
        self.lock = threading.RLock()
        self.hits = self.misses = self.evictions = 0

    def get(self, key, default=None):
        with self.lock:
            try:
                value = self.cache[key]
            except KeyError:
                self.misses += 1
                return default
            self.hits += 1
            return value

    def set(self, key, value):
        with self.lock:
            before = len(self.cache) + (key not in self.cache)
            self.cache[key] = value
            self.evictions += before - len(self.cache)


def filled(cache):
    for key in range(ENTRIES):
        cache.set(key, VALUE)
    return cache


def seconds_of(cache, keys, job):
    start = time.perf_counter()
    if job == "get":
        for key in keys:
            cache.get(key)
    else:
        for key in keys:
            cache.set(key, VALUE)
    return time.perf_counter() - start


def main():
    try:
        import cachetools
    except ImportError:
        print("cachetools is not installed, so nothing was measured: pip install 'gymlab[bench]'")
        return
    keys = np.random.default_rng(0).integers(2 * ENTRIES, size=N).tolist()
    pairs = {
        "least recently used": (
            lambda: BoundedCache(10 * ENTRIES, ENTRIES * SIZE),
            lambda: Locked(cachetools.LRUCache),
        ),
        "and a time to live": (
            lambda: BoundedCache(10 * ENTRIES, ENTRIES * SIZE, ttl=3600),
            lambda: Locked(cachetools.TTLCache, 3600),
        ),
    }
    print(
        f"{N:,} calls, {ENTRIES:,} entries of {SIZE:,} bytes, {ROUNDS} rounds; cachetools {cachetools.__version__}"
    )
    for name, (ours, theirs) in pairs.items():
        for job in ("get", "set"):
            seconds = take_turns(
                [lambda make=make, job=job: seconds_of(filled(make()), keys, job) for make in (ours, theirs)],
                ROUNDS,
            )
            mine, other = (sorted(one)[ROUNDS // 2] / N * 1e6 for one in seconds)
            ratio = ratio_of(seconds[1], seconds[0])
            print(
                f"{name:20} {job}: BoundedCache {mine:.2f} µs, cachetools {other:.2f} µs, as fast {ratio}, "
                f"goal 1 ×: {'reached' if ratio.median >= 1 else 'missed'}"
            )


if __name__ == "__main__":
    main()
