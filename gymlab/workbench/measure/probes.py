"""gymlab's pieces of work that are measured in a process of their own, so that its memory is theirs alone.

Each is a function of a module, so that a spawned process can import it.
"""

import asyncio
import hashlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from numpy.typing import NDArray

from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.entropy import IncrementalEntropy
from gymlab.patterns.extraction import extract_patterns
from gymlab.runtime.cache import BoundedCache
from gymlab.runtime.database import Database
from gymlab.runtime.memory import resident_bytes


def fill_bounded_cache(sizes: Sequence[int], condensed: NDArray[np.float32]) -> int:
    """Hold the matrices of the same logs in a cache keyed by content; return how many entries are held."""
    cache = BoundedCache(max_bytes=256 * 2**20, name="distances")
    n = max(sizes)
    for size in sizes:
        part = _first(condensed, n, size)
        key = hashlib.blake2b(part.tobytes(), digest_size=16).hexdigest()
        cache.set(key, part)
    return len(cache)


def gymlab_whole_way(actions: pd.DataFrame, config: ExtractionConfig) -> int:
    """Go from actions to patterns and entropy; return the number of patterns."""
    entropy = IncrementalEntropy(window=100)
    for intent in actions["action_type"].iloc[:500]:
        entropy.add(intent)
        entropy.get_entropy()
    return len(extract_patterns(actions, config).patterns)


def open_and_close(rounds: int, sessions: int) -> list[dict[str, float]]:
    """Open and close databases, sessions and caches; return what is left open and resident after each round."""
    process = psutil.Process()
    left = []
    for _ in range(rounds):
        checked_out = asyncio.run(_open_sessions(sessions))
        _fill_caches(sessions)
        left.append(
            {
                "handles": float(_handles(process)),
                "threads": float(process.num_threads()),
                "connections": float(checked_out),
                "resident": float(resident_bytes()),
            }
        )
    return left


def _handles(process: psutil.Process) -> int:
    if sys.platform == "win32":
        return process.num_handles()
    return process.num_fds()


async def _open_sessions(count: int) -> int:
    """Use a database through many sessions and close it; return how many connections were still checked out."""
    with tempfile.TemporaryDirectory(prefix="gymlab-") as folder:
        async with Database(f"sqlite+aiosqlite:///{Path(folder) / 'probe.db'}") as database:
            for _ in range(count):
                async with database.session() as session:
                    await session.connection()
            return database.pool_in_use()


def _fill_caches(count: int) -> None:
    for number in range(count):
        cache = BoundedCache(max_size=10, name="probe")
        for key in range(20):
            cache.set(key, np.full(100, number))


def _first(condensed: NDArray[np.float32], n: int, size: int) -> NDArray[np.float32]:
    """Return the condensed matrix of the first ``size`` of n items."""
    rows = [n * i - i * (i + 1) // 2 for i in range(size - 1)]
    return np.concatenate([condensed[row : row + size - 1 - i] for i, row in enumerate(rows)])
