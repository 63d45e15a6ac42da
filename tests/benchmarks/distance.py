"""The distance engine beside other libraries and beside a kernel written by hand in C: `make bench`.

python tests/benchmarks/distance.py [SOURCE …] [--quick] [--json FILE]

Prints the tables, then gymlab's speed as a share of that of `lanes.c`, if a C compiler and AVX-512 are there. aeon is
measured if GYMLAB_AEON_PYTHON names the Python of an environment with it.
"""

import argparse
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from engine.cases import Case
from engine.listing import listing
from engine.measure import run_benchmark
from engine.plan import FULL, QUICK
from engine.timing import ratio_of, take_turns
from llvmlite import binding

from gymlab.distance import dtw_pairwise
from gymlab.workbench.results import to_json

SOURCE = Path(__file__).with_name("lanes.c")
VARIANTS = ("floats_1row", "floats_2rows", "integers_1row", "integers_2rows")
CASES = (Case(1, 20), Case(1, 100), Case(6, 20), Case(6, 100))
SERIES = {20: 4_000, 100: 1_000}
ROUNDS = 7


def by_hand():
    """Print gymlab's speed beside the best of the hand-written kernels, one thread each."""
    compiler = shutil.which("cc")
    if compiler is None or not binding.get_host_cpu_features().get("avx512f"):
        print("\nby hand in C: not measured, it needs a C compiler (cc) and a processor with AVX-512")
        return
    with tempfile.TemporaryDirectory(prefix="gymlab-") as folder:
        library = Path(folder) / "lanes.so"
        command = [
            compiler,
            "-O3",
            "-march=native",
            "-shared",
            "-fPIC",
            str(SOURCE),
            "-o",
            str(library),
            "-lm",
        ]
        subprocess.run(command, check=True)
        kernels = ctypes.CDLL(str(library))
    print(
        "\nby hand in C with AVX-512, one thread, no band: million cells a second of the best variant, and gymlab's"
    )
    print("channels  length  by hand  variant           gymlab  gymlab : by hand")
    for case in CASES:
        n = SERIES[case.length]
        series = case.series(n)
        out = np.empty(n * (n - 1) // 2, dtype=np.float32)
        ours = dtw_pairwise(series, n_threads=1)
        # Both write to memory that is there: the pages of a new matrix cost the same whoever asks for them.
        mine = np.empty_like(ours)
        jobs = [lambda s=series, o=mine: seconds(lambda: dtw_pairwise(s, n_threads=1, out=o))]
        for variant in VARIANTS:
            kernel = getattr(kernels, f"{variant}_{case.channels}ch")
            kernel.argtypes = [ctypes.c_void_p, ctypes.c_long, ctypes.c_long, ctypes.c_void_p]
            arguments = (series.ctypes.data, n, case.length, out.ctypes.data)
            out[:] = np.nan
            assert kernel(*arguments) == 1, "the kernel had no memory"
            np.testing.assert_allclose(out, ours, rtol=1e-5, err_msg=variant)
            jobs.append(lambda k=kernel, a=arguments: seconds(lambda: k(*a)))
        gymlab, *hand = [case.cells(n) / 1e6 / np.array(times) for times in take_turns(jobs, ROUNDS)]
        best = max(range(len(hand)), key=lambda k: float(np.median(hand[k])))
        print(
            f"{case.channels:8}  {case.length:6}  {np.median(hand[best]):7,.0f}  {VARIANTS[best]:16}"
            f"{np.median(gymlab):8,.0f}  {ratio_of(gymlab, hand[best])}"
        )


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description="Measure the distance engine beside other libraries.")
    parser.add_argument("source", nargs="*", help="the log of the neighbour queries [default: the sample]")
    parser.add_argument("--quick", action="store_true", help="a small part of it, in less than a minute")
    parser.add_argument("--json", type=Path, help="write the figures there")
    asked = parser.parse_args()
    benchmark = run_benchmark(
        asked.source or None,
        plan=QUICK if asked.quick else FULL,
        aeon_python=os.environ.get("GYMLAB_AEON_PYTHON") or None,
        progress=lambda what: print(f"  {what}", file=sys.stderr),
    )
    if asked.json:
        asked.json.write_text(to_json(benchmark.as_dict()), encoding="utf-8")
    print(listing(benchmark))
    by_hand()


if __name__ == "__main__":
    main()
