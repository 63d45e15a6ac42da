"""The claim about accuracy: distances are compared with float64, and patterns with those of reference distances."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import squareform

from gymlab.clustering import Condensed, Linkage, adjusted_rand_index, build_tree, cut_tree
from gymlab.patterns.baseline import N_CLUSTERS
from gymlab.patterns.one_hot import one_hot_series
from gymlab.patterns.pipeline import extract_patterns
from gymlab.patterns.result import Extraction
from gymlab.workbench.claims import ClaimRun, judge
from gymlab.workbench.measure.sublog import (
    dense_config,
    first_windows,
    linkage_of,
    matrix_of,
    number_of_windows,
    require_measurable,
)

_WINDOWS = 150
_REPEATS = 3
_RELATIVE_ERROR = 1e-5
# The document proposes to compute this share of the pairs.
_TOP_FRACTION = 0.2
# Differences that count as 0, as shares of the largest distance: between a float32 and a float64 distance, and between
# two float64 distances.
_EQUAL, _SAME = 2e-6, 1e-10
_TIES = (
    "without this, the smallest agreement is {:.3f}: a log of categories has many equal distances, and rounding in the last "
    "digit decides how the tree joins them"
)


@dataclass(frozen=True, eq=False)
class AccuracyRun(ClaimRun):
    """The accuracy of gymlab's distances and patterns.

    Attributes
    ----------
    selective
        The agreement of the strategy ``selective`` with ``exact``, which is shown but not judged: ``method`` of the
        linkage, ``windows`` and ``agreement`` (adjusted Rand index); empty for whole series.
    claims
        ``accuracy``.
    """

    selective: pd.DataFrame


def measure_accuracy(extraction: Extraction, *, seed: int = 0) -> AccuracyRun:
    """Compare distances with float64 and patterns with those from tslearn's distances, on three parts of the log.

    Parameters
    ----------
    extraction, seed
        As for :func:`gymlab.workbench.measure.speed.measure_speed`.

    Returns
    -------
    AccuracyRun
    """
    require_measurable(extraction, seed)
    n = number_of_windows(extraction)
    if n < N_CLUSTERS:
        why = f"the log makes only {n} {extraction.windows.noun}, fewer than the {N_CLUSTERS} patterns to compare"
        return AccuracyRun((judge("accuracy", [], why),), pd.DataFrame())
    config = dense_config(extraction)
    agreements, as_computed, errors, windows = [], [], [], 0
    for repeat in range(_REPEATS):
        part = extract_patterns(first_windows(extraction, _WINDOWS, seed + repeat), config)
        windows = len(part.windows)
        reference, error = _reference(part)
        as_computed.append(_agreement(matrix_of(part), reference, linkage_of(part)))
        agreements.append(_agreement(*_ties_alike(matrix_of(part), reference), linkage_of(part)))
        errors.append(error)
    claim = judge(
        "accuracy",
        agreements,
        f"{_REPEATS} times {windows} windows, cut into {N_CLUSTERS} patterns from gymlab's distances and from tslearn's; a "
        f"distance counts as the nearest one of tslearn if they differ by at most {_EQUAL:.0e} of the largest",
        *([_TIES.format(min(as_computed))] if min(as_computed) < 1 else []),
        f"largest error of a distance against tslearn's in float64, relative to the distance: {max(errors):.1e} (at "
        f"most {_RELATIVE_ERROR:.0e})",
        also=max(errors) <= _RELATIVE_ERROR,
    )
    return AccuracyRun((claim,), _selective_agreement(extraction, seed))


def _agreement(a: Condensed, b: Condensed, method: Linkage) -> float:
    return adjusted_rand_index(*(cut_tree(build_tree(one, method), n_clusters=N_CLUSTERS) for one in (a, b)))


def _ties_alike(
    ours: NDArray[np.float32], theirs: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both matrices with each distance replaced by the nearest distinct reference distance, if it is near.

    Distances that are equal in the reference become equal in both matrices, and no distance changes by more than
    ``_EQUAL``. Rounding to decimals would separate equal distances near a border.
    """
    distinct = np.unique(theirs)
    largest = distinct[-1]
    distinct = distinct[np.diff(distinct, prepend=-np.inf) > _SAME * largest]
    near = _nearest(distinct, ours.astype(np.float64))
    alike = np.where(np.abs(near - ours) <= _EQUAL * largest, near, ours)
    return alike, _nearest(distinct, theirs)


def _nearest(ordered: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nearest number in an ascending list for each wanted number."""
    above = np.searchsorted(ordered, wanted).clip(max=len(ordered) - 1)
    below = (above - 1).clip(min=0)
    nearest: NDArray[np.float64] = np.where(
        wanted - ordered[below] < ordered[above] - wanted, ordered[below], ordered[above]
    )
    return nearest


def _reference(part: Extraction) -> tuple[NDArray[np.float64], float]:
    """Return tslearn's distances of the same windows in float64, and the largest relative error against them."""
    series = one_hot_series(part.windows.values, part.encoding.mismatch_weights)
    reference = squareform(_tslearn_matrix(series, part.config.radius), checks=False)
    # The error of a distance that should be 0 is relative to the largest distance.
    unit = np.where(reference > 1e-6, reference, reference.max(initial=0.0))
    error = np.abs(matrix_of(part) - reference) / np.where(unit > 0, unit, 1.0)
    return reference, float(error.max(initial=0.0))


def _selective_agreement(extraction: Extraction, seed: int) -> pd.DataFrame:
    if extraction.windows.unit == "series":
        return pd.DataFrame()
    log = first_windows(extraction, 1_000, seed)
    rows = []
    for method in ("ward", "average", "complete"):
        config = replace(dense_config(extraction), method=method)
        exact = extract_patterns(log, config).labels
        selective = extract_patterns(
            log, replace(config, strategy="selective", top_fraction=_TOP_FRACTION)
        ).labels
        rows.append(
            {"method": method, "windows": len(exact), "agreement": adjusted_rand_index(exact, selective)}
        )
    return pd.DataFrame(rows)


def _tslearn_matrix(series: list[NDArray[np.float64]], radius: int | None) -> NDArray[np.float64]:
    """Return the square matrix of tslearn's distances."""
    # The import takes over a second, and the compilation too.
    from tslearn.metrics import cdist_dtw  # noqa: PLC0415
    from tslearn.utils import to_time_series_dataset  # noqa: PLC0415

    banded = {} if radius is None else {"global_constraint": "sakoe_chiba", "sakoe_chiba_radius": radius}
    square: NDArray[np.float64] = cdist_dtw(to_time_series_dataset(series), **banded)
    return square
