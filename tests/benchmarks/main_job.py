"""What the main job takes, as ratios measured in one run: `make bench`, which runs distance.py first.

Prints gymlab against the current algorithm on the same windows, the extraction of the whole sample in a fresh
process, and the time of imports.
"""

import statistics
import subprocess
import sys
import time

import numpy as np

import gymlab
from gymlab.clustering import matrix_cache
from gymlab.distance import dtw_pairwise
from gymlab.patterns.baseline import BaselineEngine
from gymlab.patterns.one_hot import one_hot_series
from gymlab.runtime.memory import measure_in_fresh_process
from gymlab.workbench.probes.gymlab_way import extract_file

REPEATS = 5


def median_seconds(call, repeats=REPEATS):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def against_the_baseline():
    log = gymlab.read_actions(gymlab.sample_path())
    agents = ["TitForTat", "Random", "Grudger"]
    part = gymlab.select_actions(log, agent=agents).groupby("agent_id", sort=False).head(100)
    config = gymlab.ExtractionConfig(hop=1, n_clusters=5, n_surrogates=0, n_resamples=0)
    extraction = gymlab.extract_patterns(part, config)
    pieces = one_hot_series(extraction.windows.values, extraction.encoding.mismatch_weights)
    values = extraction.windows.values

    warm = BaselineEngine()
    warm.labels(warm.distances(pieces[:10]))
    baseline = BaselineEngine()
    start = time.perf_counter()
    matrix = baseline.distances(pieces)
    baseline_distances = time.perf_counter() - start
    baseline.labels(matrix)
    baseline_whole = time.perf_counter() - start

    distances = median_seconds(lambda: dtw_pairwise(values), 20)
    whole = median_seconds(lambda: extracted(part, config), 20)
    print(f"\n{len(part)} actions, {len(values)} windows at hop 1, {len(extraction.distances):,} pairs")
    print(
        f"  distances: {baseline_distances:.2f} s, {distances * 1e3:.2f} ms, {baseline_distances / distances:,.0f} ×"
    )
    print(f"  extraction: {baseline_whole:.2f} s, {whole * 1e3:.1f} ms, {baseline_whole / whole:,.0f} ×")


def against_the_repaired_baseline():
    """Beside the same algorithm with its DTW in C: 1,000 actions at hop 1, medians."""
    from dtaidistance import dtw_ndim

    log = gymlab.select_actions(gymlab.read_actions(gymlab.sample_path()), agent="TitForTat").head(1000)
    series = log.assign(session_id="one", step=np.arange(len(log)))
    config = gymlab.ExtractionConfig(hop=1, n_clusters=5, n_surrogates=0, n_resamples=0)
    extraction = gymlab.extract_patterns(series, config)
    pieces = one_hot_series(extraction.windows.values, extraction.encoding.mismatch_weights)
    pieces = [np.ascontiguousarray(piece) for piece in pieces]

    def repaired():
        engine = BaselineEngine(dtw_ndim.distance_fast)
        engine.labels(engine.distances(pieces))

    theirs = median_seconds(repaired, 3)
    ours = median_seconds(lambda: extracted(series, config), 20)
    print(
        f"\n{len(series):,} actions, {len(pieces)} windows at hop 1, the current algorithm with its DTW in C"
    )
    print(f"  {theirs:.2f} s, {ours * 1e3:.0f} ms, {theirs / ours:,.0f} ×")


def extracted(log, config):
    """Extract with the distances computed, not remembered."""
    matrix_cache().clear()
    return gymlab.extract_patterns(log, config)


def whole_sample():
    measured = measure_in_fresh_process(extract_file, gymlab.sample_path())
    windows, pairs, stages = measured.value
    print(f"\nthe whole sample: {windows:,} windows, {pairs:,} pairs, in a fresh process")
    print(f"  {measured.seconds:.1f} s, peak {measured.peak_bytes / 1e6:,.0f} MB")
    print("  " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in stages.items()))


def imports():
    print("\nimports, median of new processes")
    alone = median_seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
    for statement in ("import gymlab", "import gymlab.distance"):
        seconds = median_seconds(lambda s=statement: subprocess.run([sys.executable, "-c", s], check=True))
        print(f"  {statement}: {seconds - alone:.3f} s more than Python alone")


if __name__ == "__main__":
    against_the_baseline()
    against_the_repaired_baseline()
    whole_sample()
    imports()
