"""The opening and closing of databases, sessions and caches."""

import asyncio
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil

from gymlab.runtime.cache import BoundedCache
from gymlab.runtime.database import Database
from gymlab.runtime.memory import resident_bytes


def open_and_close(rounds: int, sessions: int) -> list[dict[str, float]]:
    """Open and close databases, sessions and caches; return open handles, threads, connections and bytes per round."""
    process = psutil.Process()
    left = []
    for _ in range(rounds):
        checked_out = asyncio.run(_open_sessions(sessions))
        _fill_caches(sessions)
        left.append(
            {
                "handles": float(open_handles(process)),
                "threads": float(process.num_threads()),
                "connections": float(checked_out),
                "resident": float(resident_bytes()),
            }
        )
    return left


def open_handles(process: psutil.Process) -> int:
    """Return the number of open files, sockets and other handles of a process."""
    if sys.platform == "win32":
        return process.num_handles()
    return process.num_fds()


async def _open_sessions(count: int) -> int:
    """Use a database in many sessions and close it; return the number of connections that were not returned."""
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
