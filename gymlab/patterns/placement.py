"""Windows placed into patterns: each goes to the pattern of its nearest representative."""

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

# As ``Windows.values``: windows of one length, or series of different lengths.
WindowValues = NDArray[np.float32] | list[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Placement:
    """Where each window belongs.

    Attributes
    ----------
    labels
        int64 ``(n,)``: the pattern of the nearest representative.
    nearest
        int64 ``(n,)``: which of the representatives that is.
    distances
        float32 ``(n,)``: how far it is.
    """

    labels: NDArray[np.int64]
    nearest: NDArray[np.int64]
    distances: NDArray[np.float32]


def windows_at(
    rows: NDArray[np.float32], first: NDArray[np.int64], lengths: NDArray[np.int64], *, as_array: bool
) -> WindowValues:
    """Return the windows that begin at some encoded rows: an array if all have one length and that is asked for."""
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
        What is placed, and at least one window that it is compared with.
    patterns
        int64: the pattern of each representative.
    config, mismatch_weights
        How distances are computed.
    """
    order = np.argsort(patterns, kind="stable")
    distances = partial(cross_distances, config, mismatch_weights)
    typical = series_at(representatives, order)
    nearest, least = nearest_representatives(windows, None, typical, distances)
    return Placement(patterns[order][nearest], order[nearest], least)


def cross_distances(
    config: ExtractionConfig, mismatch_weights: Sequence[float], windows: WindowValues, others: WindowValues
) -> NDArray[np.float32]:
    """Return the distance of each window to each of the others, as the patterns were found: ``(n, n_others)``."""
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
    # As many windows at a time as there are others: then half of the pairs are of a window and another.
    for start in range(0, len(windows), m):
        few = windows[start : start + m]
        condensed = soft_dtw_pairwise([*others, *few], mismatch_weights=mismatch_weights)
        items = m + np.arange(len(few))[:, None]
        cross[start : start + m] = distances_between(condensed, m + len(few), items, np.arange(m))
    return cross
