"""Cells a second of every program, on one thread and on all: the grid, unequal lengths, overlapping windows."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.cases import LONGEST, SHORTEST, Case
from engine.plan import Plan
from engine.programs import Job, Program
from engine.timing import Ratio, ratio_of, take_turns
from gymlab.distance import dtw_pairwise

# A condensed matrix of this many series has 50 MB in float32; more says nothing new about speed.
_MOST_SERIES = 5_000
_FEWEST_ROUNDS = 3
_FEWEST_TO_SHARE = 32
# Programs have to agree with gymlab to this share of the distance, or they did not compute the same.
AGREEMENT = 1e-4


@dataclass(frozen=True)
class Speed:
    """What one program took for one case.

    Attributes
    ----------
    case
        What was computed.
    program, threads
        By whom, on how many threads.
    series, cells
        How many series, and cells of their pairs.
    seconds
        Of each round.
    disagreement
        Largest difference from gymlab's distances of the same series, as a share of the distance; 0 for gymlab.
    """

    case: Case
    program: str
    threads: int
    series: int
    cells: int
    seconds: tuple[float, ...]
    disagreement: float = 0.0

    @property
    def rates(self) -> tuple[float, ...]:
        """Million cells a second, of each round."""
        return tuple(self.cells / one / 1e6 for one in self.seconds)

    @property
    def rate(self) -> float:
        """Median million cells a second."""
        return float(np.median(self.rates))

    def over(self, other: "Speed") -> Ratio:
        """Return how many times as fast this is as another, measured in the same rounds."""
        return ratio_of(self.rates, other.rates)


Entry = tuple[Case, Program, int]


def groups(programs: Sequence[Program], all_threads: int, plan: Plan) -> Iterator[list[Entry]]:
    """Yield what takes turns: the grid case by case, then unequal lengths, then overlapping windows.

    Parameters
    ----------
    programs
        gymlab first.
    all_threads
        How many processors there are.
    plan
        The grid.
    """
    threads = sorted({1, all_threads})
    gymlab = programs[0]
    for channels in plan.channels:
        for length in plan.lengths:
            for radius in (None, math.ceil(length / 10)):
                case = Case(channels, length, radius)
                yield [(case, program, count) for program in programs for count in threads]
    middle = (SHORTEST + LONGEST) // 2
    for channels in sorted({plan.channels[0], *(c for c in plan.channels if c == 6)}):
        cases = (Case(channels, middle), Case(channels, middle, ragged=True))
        yield [(case, program, 1) for case in cases for program in programs]
    for channels in plan.overlap_channels:
        for length in plan.overlap_lengths:
            yield [(Case(channels, length, hop=hop), gymlab, 1) for hop in (None, 1, 10)]


def measure_group(entries: Sequence[Entry], plan: Plan) -> list[Speed]:
    """Measure cases and programs that are compared with each other, round by round in turns.

    Parameters
    ----------
    entries
        Case, program, number of threads.
    plan
        How long one timing lasts, and how many rounds there are.
    """
    sized = [_sized(*entry, plan.seconds) for entry in entries]
    runs: list[Callable[[], float]] = [job.seconds for _, job, _ in sized]
    one_round = sum(took for _, _, took in sized)
    rounds = max(_FEWEST_ROUNDS, min(plan.rounds, int(plan.group_seconds / one_round)))
    seconds = take_turns(runs, rounds)
    return [
        Speed(case, program.name, threads, n, case.cells(n), each, _disagreement(case, program, n, job))
        for (case, program, threads), (n, job, _), each in zip(entries, sized, seconds, strict=True)
    ]


def _sized(case: Case, program: Program, threads: int, seconds: float) -> tuple[int, Job, float]:
    """Return how many series one timing needs to last as long as it should, the job, and what it took."""
    n = program.fewest
    if threads > 1:
        # Threads need more to share, and take time to wake.
        n, seconds = max(n, _FEWEST_TO_SHARE), 2 * seconds
    job = program.prepare(case.series(n), case.radius, threads)
    job.seconds()  # compiles, or loads what was compiled
    while True:
        took = job.seconds()
        wanted = min(_MOST_SERIES, int(n * math.sqrt(seconds / took)))
        if wanted < 1.3 * n:
            return n, job, took
        # Few series are slower for each pair, so the first guess would be too few: it is made again.
        n = min(wanted, 4 * n)
        job = program.prepare(case.series(n), case.radius, threads)


def _disagreement(case: Case, program: Program, n: int, job: Job) -> float:
    if program.name == "gymlab":
        return 0.0
    ours = dtw_pairwise(case.series(n), radius=case.radius).astype(np.float64)
    return float(np.max(np.abs(np.asarray(job.distances(), dtype=np.float64) - ours) / ours))
