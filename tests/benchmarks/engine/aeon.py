"""All pairs by aeon, in an environment of its own: started as a script, imports nothing of gymlab.

aeon pins an older numba, so it cannot be installed beside gymlab. One command a line on standard input, as JSON; one
answer a line on standard output:

``{"prepare": folder, "radius": radius or null, "threads": threads}`` loads ``0.npy``, ``1.npy``, … of the folder, each
float64 ``(n_channels, n_timepoints)``, or ``all.npy``, ``(n, n_channels, n_timepoints)``, and answers the number of the
job; ``{"run": job}`` answers the seconds that it took; ``{"save": job, "to": file}`` writes the condensed matrix that
was computed last. The first line says aeon's version.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    """Answer every command until standard input ends."""
    import aeon

    jobs: list[dict[str, Any]] = []
    answer({"version": aeon.__version__})
    for line in sys.stdin:
        command = json.loads(line)
        if "prepare" in command:
            jobs.append(loaded(command))
            answer({"job": len(jobs) - 1})
        elif "run" in command:
            answer({"seconds": run(jobs[command["run"]])})
        else:
            result = jobs[command["save"]]["result"]
            np.save(command["to"], np.sqrt(result[np.triu_indices(len(result), 1)]))
            answer({"saved": command["to"]})


def loaded(command: dict[str, Any]) -> dict[str, Any]:
    """Return a job: the series in memory, and the band as the share of the length that aeon takes."""
    folder = Path(command["prepare"])
    if (folder / "all.npy").exists():
        series: Any = np.load(folder / "all.npy")
        length = series.shape[2]
    else:
        series = [np.load(folder / f"{k}.npy") for k in range(len(list(folder.glob("*.npy"))))]
        length = min(one.shape[1] for one in series)
    # aeon rounds the share times the length down.
    window = None if command["radius"] is None else min(1.0, (command["radius"] + 0.5) / length)
    return {"series": series, "window": window, "threads": command["threads"], "result": None}


def run(job: dict[str, Any]) -> float:
    """Compute all distances of a job once; return the seconds."""
    from aeon.distances import dtw_pairwise_distance

    start = time.perf_counter()
    job["result"] = dtw_pairwise_distance(job["series"], window=job["window"], n_jobs=job["threads"])
    return time.perf_counter() - start


def answer(values: dict[str, Any]) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
