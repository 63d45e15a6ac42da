"""What speed may not cost: memory beyond the matrix, and digits."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import squareform

from engine.cases import Case
from engine.matrix import one_matrix
from engine.plan import Plan
from gymlab.distance import dtw_pairwise
from gymlab.runtime.memory import measure_in_fresh_process

_SERIES = 40


@dataclass(frozen=True)
class MatrixMemory:
    """What a fresh process held that computed one matrix on all threads.

    Attributes
    ----------
    case, series
        What was computed.
    matrix_bytes
        Size of the condensed matrix.
    start_bytes
        Held before: Python, libraries, compiled kernels and the series.
    peak_bytes
        The most that was held.
    """

    case: Case
    series: int
    matrix_bytes: int
    start_bytes: int
    peak_bytes: int

    @property
    def share(self) -> float:
        """What the computation added at the peak, as a share of the matrix."""
        return (self.peak_bytes - self.start_bytes) / self.matrix_bytes


@dataclass(frozen=True)
class Error:
    """Relative error of distances against tslearn's in float64.

    Attributes
    ----------
    case, pairs
        What was computed.
    median, largest
        Of the pairs.
    """

    case: Case
    pairs: int
    median: float
    largest: float


def measure_memory(plan: Plan) -> MatrixMemory:
    """Compute one large matrix in a fresh process."""
    case = Case(1, 20)
    measured = measure_in_fresh_process(one_matrix, case, plan.memory_series)
    matrix, held = measured.value
    return MatrixMemory(case, plan.memory_series, matrix, held, measured.peak_bytes)


def measure_errors(plan: Plan) -> list[Error]:
    """Compare a sample of pairs of each number of channels and length with tslearn's float64."""
    from tslearn.metrics import cdist_dtw

    found = []
    for channels in plan.channels:
        for length in plan.lengths:
            case = Case(channels, length)
            series = case.series(_SERIES)
            reference = squareform(cdist_dtw(np.asarray(series, dtype=np.float64)), checks=False)
            error = np.abs(dtw_pairwise(series) - reference) / reference
            found.append(Error(case, len(reference), float(np.median(error)), float(error.max())))
    return found
