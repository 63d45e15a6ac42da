"""One run of the benchmark: everything that is compared is measured here, on the same machine at the same time."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engine.cases import Collection
from engine.elsewhere import program_of
from engine.neighbours import Query, measure_queries, windows_of
from engine.plan import FULL, Plan
from engine.programs import Absent, Condensed, LocalProgram, Program, local_programs
from engine.quality import Error, MatrixMemory, measure_errors, measure_memory
from engine.speed import AGREEMENT, Speed, groups, measure_group
from gymlab.distance import cuda
from gymlab.distance.blocks import available_threads
from gymlab.distance.kernels.vectors import kernel_path
from gymlab.workbench.results import environment

GPU = "gymlab (GPU)"
_FEWEST_WINDOWS = 100


@dataclass(frozen=True)
class Benchmark:
    """What one run measured.

    Attributes
    ----------
    environment
        Versions and the machine's kind.
    kernel
        Which of gymlab's kernels ran, and why.
    programs
        Version of each program that was measured.
    absent
        Those that were not, and why.
    groups
        Speeds of what took turns, gymlab on one thread first in each.
    queries
        Neighbour queries; empty if the log is too small.
    memory
        Of one large matrix.
    errors
        Against float64.
    log
        What the windows of the queries are from.
    """

    environment: dict[str, str]
    kernel: str
    programs: dict[str, str]
    absent: tuple[Absent, ...]
    groups: tuple[tuple[Speed, ...], ...]
    queries: tuple[Query, ...]
    memory: MatrixMemory
    errors: tuple[Error, ...]
    log: str

    @property
    def disagreeing(self) -> list[Speed]:
        """Programs and cases whose distances are not gymlab's, so that their speeds do not compare."""
        return [speed for group in self.groups for speed in group if not speed.disagreement <= AGREEMENT]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures JSON-able, schema 1."""
        return {
            "schema": 1,
            "environment": self.environment,
            "kernel": self.kernel,
            "programs": self.programs,
            "absent": {one.name: one.why for one in self.absent},
            "speeds": [
                {
                    **asdict(speed),
                    "group": number,
                    "million_cells_a_second": speed.rate,
                    "gymlab_is_as_fast": None if speed is group[0] else asdict(group[0].over(speed)),
                }
                for number, group in enumerate(self.groups)
                for speed in group
            ],
            "queries": {"log": self.log, "asked": [asdict(query) for query in self.queries]},
            "memory": {**asdict(self.memory), "added_share_of_matrix": self.memory.share},
            "errors": [asdict(error) for error in self.errors],
        }


def run_benchmark(
    source: str | os.PathLike[str] | list[str] | None = None,
    *,
    plan: Plan = FULL,
    aeon_python: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Benchmark:
    """Measure the distance engine beside other libraries.

    Parameters
    ----------
    source
        The log whose windows the neighbour queries are asked of; the bundled sample when not given.
    plan
        How much is measured.
    aeon_python
        Interpreter of an environment with aeon; without it aeon is not measured.
    progress
        Is told what is measured next.

    Returns
    -------
    Benchmark

    Raises
    ------
    InputError
        If the log or the interpreter cannot be used.
    """
    progress("reading the log")
    windows = windows_of(source, plan.windows)
    programs, absent = local_programs()
    with ExitStack() as stack:
        if aeon_python is None:
            why = "not asked for: GYMLAB_AEON_PYTHON names the Python of an environment with it"
            absent.append(Absent("aeon", why))
        else:
            programs.append(stack.enter_context(program_of(aeon_python)))
        gpu = cuda.available()
        if not gpu or "simulator" in gpu.reason:
            absent.append(Absent(GPU, gpu.reason))
        measured = []
        todo = list(groups(programs, available_threads(), plan))
        for number, entries in enumerate(todo, start=1):
            case = entries[0][0]
            progress(f"speed {number}/{len(todo)}: {case.channels} channel(s), length {case.length}")
            if gpu and "simulator" not in gpu.reason and number <= _in_grid(plan):
                entries.append((case, _on_gpu(gpu.reason), 1))
            measured.append(tuple(measure_group(entries, plan)))
    progress("memory and digits")
    memory, errors = measure_memory(plan), measure_errors(plan)
    progress("neighbour queries")
    enough = len(windows.values) >= _FEWEST_WINDOWS
    queries = measure_queries(windows, plan) if enough else []
    path = kernel_path()
    return Benchmark(
        environment=environment(),
        kernel=f"{path.name}, {path.lanes} lanes: {path.reason}",
        programs={program.name: program.version for program in programs},
        absent=tuple(absent),
        groups=tuple(measured),
        queries=tuple(queries),
        memory=memory,
        errors=tuple(errors),
        log=windows.source,
    )


def _in_grid(plan: Plan) -> int:
    return 2 * len(plan.channels) * len(plan.lengths)


def _on_gpu(device: str) -> Program:
    def prepared(series: Collection, radius: int | None, _threads: int) -> Callable[[], Condensed]:
        return lambda: np.asarray(cuda.dtw_pairwise(series, radius=radius))

    return LocalProgram(GPU, device, 512, prepared)
