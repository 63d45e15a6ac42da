"""Neighbour queries on windows of a log, against the full matrix at the same radius."""

import os
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.plan import Plan
from engine.timing import Ratio, ratio_of, take_turns
from gymlab.actions import read_actions
from gymlab.actions.encoding import fit_encoding
from gymlab.actions.schema import validate_actions
from gymlab.actions.windows import cut_windows
from gymlab.budget import memory_budget
from gymlab.distance import dtw_cross, dtw_neighbors, dtw_pairwise
from gymlab.distance.neighbors import NeighborGraph, NeighborStats
from gymlab.distance.series import Float32Array
from gymlab.settings import sample_path

WINDOW, RADIUS, K = 20, 2, 10
_ROWS_CHECKED = 200
_PART = 4_000
# Two ways to the same float32 may differ by its rounding.
_ROUNDING = 1e-5


@dataclass(frozen=True)
class LogWindows:
    """Windows of a log at hop 1, or its whole series where these are short: what the engine is given."""

    source: str
    values: Any  # float32 (n, window, n_channels), or a list of (n_timepoints, n_channels)
    mismatch_weights: tuple[float, ...]

    def first(self, n: int) -> Any:
        """Return the first n."""
        return self.values[:n]


@dataclass(frozen=True)
class Query:
    """One neighbour query, and what it saved.

    Attributes
    ----------
    name
        What was asked: the ten nearest, or all within a distance.
    series, radius
        Of how many windows, at which radius.
    edges
        How many neighbours were found.
    seconds, matrix_seconds
        Of the query and of the full matrix, round by round.
    extrapolated
        The matrix was computed of so many series only, and its time multiplied; None if of all.
    ratio
        How many times as fast the query was.
    stats
        Where the pairs went.
    rows_checked, rows_alike
        Of so many rows all neighbours were computed anew without any bound; so many were the same.
    """

    name: str
    series: int
    radius: int
    edges: int
    seconds: tuple[float, ...]
    matrix_seconds: tuple[float, ...]
    extrapolated: int | None
    ratio: Ratio
    stats: NeighborStats
    rows_checked: int
    rows_alike: int


def windows_of(source: str | os.PathLike[str] | list[str] | None, most: int, seed: int = 0) -> LogWindows:
    """Return windows of a log at hop 1, series by series in a random order, until there are enough.

    Parameters
    ----------
    source
        What :func:`gymlab.read_actions` takes; the bundled sample when not given.
    most
        How many at most.
    seed
        Of the order.

    Raises
    ------
    InputError
        If the log cannot be used.
    """
    log = validate_actions(read_actions(source or sample_path()))
    encoding = fit_encoding(log, "auto")
    windows = cut_windows(log, encoding.encode(log), window=WINDOW, hop=1)
    series = windows.table.groupby(["session_id", "agent_id"], sort=False).ngroup().to_numpy()
    turn = np.random.default_rng(seed).permutation(series.max() + 1)
    chosen = np.argsort(turn[series], kind="stable")[:most]
    values = windows.values
    part = values[chosen] if isinstance(values, np.ndarray) else [values[k] for k in chosen]
    return LogWindows(str(log.attrs.get("source", "")), part, encoding.mismatch_weights)


def measure_queries(windows: LogWindows, plan: Plan) -> list[Query]:
    """Ask for the nearest ten and for all within the median distance of the tenth, the full matrix in turns.

    Parameters
    ----------
    windows
        Of the log.
    plan
        How many rounds, and how long the full matrix may take.
    """
    n = len(windows.values)
    k = min(K, n - 1)
    options: dict[str, Any] = {"radius": RADIUS, "mismatch_weights": windows.mismatch_weights}
    nearest = dtw_neighbors(windows.values, k=k, **options)
    eps = float(np.median(np.maximum.reduceat(nearest.graph.data, nearest.graph.indptr[:-1])))
    part = _affordable(windows, plan.matrix_seconds, options)
    scale = (n * (n - 1)) / (part * (part - 1))

    def matrix() -> float:
        return scale * _seconds(lambda: dtw_pairwise(windows.first(part), **options))

    asked: list[tuple[str, dict[str, Any]]] = [
        (f"the nearest {k}", {"k": k}),
        (f"all within {eps:.3g}", {"eps": eps}),
    ]
    runs = [
        lambda one=one: _seconds(lambda: dtw_neighbors(windows.values, **one, **options)) for _, one in asked
    ]
    *seconds, full = take_turns([*runs, matrix], plan.query_rounds)
    rows = np.sort(np.random.default_rng(0).permutation(n)[:_ROWS_CHECKED])
    picked = (
        windows.values[rows] if isinstance(windows.values, np.ndarray) else [windows.values[r] for r in rows]
    )
    exact = dtw_cross(picked, windows.values, **options)
    found = []
    for (name, one), each in zip(asked, seconds, strict=True):
        answer = dtw_neighbors(windows.values, **one, **options)
        alike = sum(_alike(answer, int(row), exact[k], **one) for k, row in enumerate(rows))
        found.append(
            Query(
                name=name,
                series=n,
                radius=RADIUS,
                edges=int(answer.graph.nnz),
                seconds=each,
                matrix_seconds=full,
                extrapolated=None if part == n else part,
                ratio=ratio_of(full, each),
                stats=answer.stats,
                rows_checked=len(rows),
                rows_alike=alike,
            )
        )
    return found


def _affordable(windows: LogWindows, seconds: float, options: dict[str, Any]) -> int:
    """Return of how many series the full matrix fits in the time and the memory."""
    n = len(windows.values)
    part = min(n, _PART)
    dtw_pairwise(windows.first(2), **options)
    took = _seconds(lambda: dtw_pairwise(windows.first(part), **options))
    fits = 2 * n * (n - 1) <= memory_budget()
    return n if fits and took * (n / part) ** 2 <= seconds else part


def _seconds(call: Any) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _alike(
    answer: NeighborGraph, row: int, exact: Float32Array, *, k: int | None = None, eps: float | None = None
) -> bool:
    """Return whether one row of a graph is what all its distances say; of equally near ones any may be there."""
    start, stop = answer.graph.indptr[row : row + 2]
    columns = np.asarray(answer.graph.indices[start:stop], dtype=np.int64)
    values = np.asarray(answer.graph.data[start:stop])
    others = np.delete(exact, row)
    if row in columns or len(np.unique(columns)) != len(columns):
        return False
    if not np.allclose(values, exact[columns], rtol=_ROUNDING, atol=_ROUNDING):
        return False
    if k is not None:
        return bool(np.allclose(np.sort(values), np.sort(others)[:k], rtol=_ROUNDING, atol=_ROUNDING))
    within = float(eps or 0.0)
    least, most = (int((others <= within * (1 + change)).sum()) for change in (-_ROUNDING, _ROUNDING))
    return least <= len(columns) <= most
