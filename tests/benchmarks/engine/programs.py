"""The programs that are compared, each behind one call: all pairs of a collection, on so many threads."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import squareform

from engine.cases import Collection
from gymlab.distance import dtw_pairwise
from gymlab.distance.series import Float32Array

Condensed = NDArray[np.float64] | Float32Array


class Job(Protocol):
    """All pairs of one collection, prepared: what a program wants its input to be is not timed."""

    def seconds(self) -> float:
        """Compute all distances once, and return the seconds that it took."""

    def distances(self) -> Condensed:
        """Return the condensed matrix that was computed last."""


class Program(Protocol):
    """A library that computes the exact DTW of all pairs."""

    @property
    def name(self) -> str:
        """As its package has it."""

    @property
    def version(self) -> str:
        """As its package has it, or the device's name."""

    @property
    def fewest(self) -> int:
        """How many series give it enough work at once to show its speed."""

    def prepare(self, series: Collection, radius: int | None, threads: int) -> Job:
        """Return the job, with the input in the form that the program takes best."""


class _LocalJob:
    def __init__(self, compute: Callable[[], Condensed]) -> None:
        self._compute = compute
        self._result: Condensed = np.empty(0)

    def seconds(self) -> float:
        start = time.perf_counter()
        self._result = self._compute()
        return time.perf_counter() - start

    def distances(self) -> Condensed:
        if self._result.ndim == 1:
            return self._result
        return np.asarray(squareform(self._result, checks=False), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class LocalProgram:
    """A program of this process."""

    name: str
    version: str
    fewest: int
    prepared: Callable[[Collection, int | None, int], Callable[[], Condensed]]

    def prepare(self, series: Collection, radius: int | None, threads: int) -> Job:
        """Return the job, with the input in the form that the program takes best."""
        return _LocalJob(self.prepared(series, radius, threads))


@dataclass(frozen=True)
class Absent:
    """A program that is not there, and why."""

    name: str
    why: str


def local_programs() -> tuple[list[Program], list[Absent]]:
    """Return the programs that run in this process, gymlab first, and those that are not installed."""
    found: list[Program] = [
        LocalProgram("gymlab", version("gymlab"), 256, _gymlab),
        LocalProgram("tslearn", version("tslearn"), 24, _tslearn),
    ]
    try:
        dtaidistance = version("dtaidistance")
    except PackageNotFoundError:
        return found, [Absent("dtaidistance", "not installed: pip install 'gymlab[bench]'")]
    if find_spec("dtaidistance.dtw_cc") is None:
        return found, [Absent("dtaidistance", "installed without its C library")]
    found.insert(1, LocalProgram("dtaidistance", dtaidistance, 24, _dtaidistance))
    return found, []


def _gymlab(series: Collection, radius: int | None, threads: int) -> Callable[[], Condensed]:
    return lambda: dtw_pairwise(series, radius=radius, n_threads=threads)


def _tslearn(series: Collection, radius: int | None, threads: int) -> Callable[[], Condensed]:
    from tslearn.metrics import cdist_dtw
    from tslearn.utils import to_time_series_dataset

    dataset = to_time_series_dataset(_float64(series))
    band: dict[str, Any] = (
        {} if radius is None else {"global_constraint": "sakoe_chiba", "sakoe_chiba_radius": radius}
    )
    return lambda: cdist_dtw(dataset, n_jobs=threads, **band)


def _dtaidistance(series: Collection, radius: int | None, threads: int) -> Callable[[], Condensed]:
    from dtaidistance import dtw, dtw_ndim

    given = _float64(series)
    one_channel = given[0].shape[1] == 1
    matrix = dtw.distance_matrix_fast if one_channel else dtw_ndim.distance_matrix_fast
    if one_channel:
        given = (
            given[:, :, 0].copy() if isinstance(given, np.ndarray) else [one[:, 0].copy() for one in given]
        )
    # Its window counts the diagonal; its threads are OpenMP's, as many as there are processors.
    options = {"window": None if radius is None else radius + 1, "compact": True, "parallel": threads > 1}
    return lambda: np.asarray(matrix(given, **options))


def _float64(series: Collection) -> Any:
    if isinstance(series, np.ndarray):
        return series.astype(np.float64)
    return [one.astype(np.float64) for one in series]
