"""The placement of windows into patterns: each window gets the pattern of its nearest representative."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gymlab.clustering.condensed import distances_between
from gymlab.clustering.sampled import nearest_representatives, series_at
from gymlab.distance import dtw_cross
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.soft_dtw import soft_dtw_pairwise

# Like ``Windows.values``: an array of windows of one length, or a list of series of different lengths.
WindowValues = NDArray[np.float32] | list[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Placement:
    """The pattern of each window.

    Attributes
    ----------
    labels
        int64 ``(n,)``: the pattern of the nearest representative.
    nearest
        int64 ``(n,)``: the index of the nearest representative.
    distances
        float32 ``(n,)``: the distance to the nearest representative.
    """

    labels: NDArray[np.int64]
    nearest: NDArray[np.int64]
    distances: NDArray[np.float32]


def windows_at(
    rows: NDArray[np.float32], first: NDArray[np.int64], lengths: NDArray[np.int64], *, as_array: bool
) -> WindowValues:
    """Return the windows that begin at the rows ``first``: as an array, for windows of one length, or as a list."""
    if as_array:
        return rows[first[:, None] + np.arange(lengths[0])]
    return [rows[at : at + n] for at, n in zip(first, lengths, strict=True)]


def place(
    windows: WindowValues,
    representatives: WindowValues,
    patterns: NDArray[np.int64],
    config: ExtractionConfig,
    mismatch_weights: Sequence[float],
) -> Placement:
    """Return the pattern of the nearest representative of each window; ties go to the larger pattern.

    Parameters
    ----------
    windows, representatives
        The windows to place, and at least one representative.
    patterns
        int64: the pattern of each representative.
    config, mismatch_weights
        The parameters of the distance.
    """
    order = np.argsort(patterns, kind="stable")
    distances = partial(cross_distances, config, mismatch_weights)
    typical = series_at(representatives, order)
    nearest, least = nearest_representatives(windows, None, typical, distances)
    return Placement(patterns[order][nearest], order[nearest], least)


def cross_distances(
    config: ExtractionConfig, mismatch_weights: Sequence[float], windows: WindowValues, others: WindowValues
) -> NDArray[np.float32]:
    """Return the distance of each window to each of the others, by the configuration's distance: ``(n, n_others)``."""
    if config.distance == "dtw":
        return dtw_cross(
            windows,
            others,
            radius=config.radius,
            n_threads=config.n_threads,
            mismatch_weights=mismatch_weights,
        )
    m = len(others)
    cross = np.empty((len(windows), m), dtype=np.float32)
    # soft_dtw_pairwise computes all pairs. If a call gets as many windows as there are others, about half of the pairs
    # are needed.
    for start in range(0, len(windows), m):
        few = windows[start : start + m]
        condensed = soft_dtw_pairwise([*others, *few], mismatch_weights=mismatch_weights)
        items = m + np.arange(len(few))[:, None]
        cross[start : start + m] = distances_between(condensed, m + len(few), items, np.arange(m))
    return cross
