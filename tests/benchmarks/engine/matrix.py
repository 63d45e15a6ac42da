"""One condensed matrix, in a process that holds nothing else."""

from engine.cases import Case
from gymlab.distance import dtw_pairwise
from gymlab.runtime.memory import resident_bytes


def one_matrix(case: Case, n: int) -> tuple[int, int]:
    """Compute all pairs of n series; return the bytes of the matrix, and those held before, kernels loaded."""
    dtw_pairwise(case.series(2), radius=case.radius)
    series = case.series(n)
    held = resident_bytes()
    return dtw_pairwise(series, radius=case.radius).nbytes, held
