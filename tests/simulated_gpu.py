"""Calls of gymlab.distance.cuda in a process of its own, where numba simulates the GPU.

The simulator has to be chosen before numba is imported, and a thread of the device is a thread of Python there.
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def start():
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
    # Its threads wait for each other all the time; the usual 5 ms a turn would add up to minutes.
    sys.setswitchinterval(1e-5)


def process():
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=start)


def call(name, *arguments, tiles=None, **options):
    """Call a public function; ``tiles`` sets limits of a tile, so that little data makes several."""
    from gymlab.distance import cuda, gpu_tiles

    before = {limit: getattr(gpu_tiles, limit) for limit in tiles or {}}
    for limit, value in (tiles or {}).items():
        setattr(gpu_tiles, limit, value)
    try:
        return getattr(cuda, name)(*arguments, **options)
    finally:
        for limit, value in before.items():
            setattr(gpu_tiles, limit, value)


def seen_progress(*arguments):
    seen = []
    result = call("dtw_pairwise", *arguments, progress=lambda *cells: seen.append(cells), tiles={"_PAIRS": 8})
    return result, seen
