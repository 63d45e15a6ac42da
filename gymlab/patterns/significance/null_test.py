"""The test of whether clusters are tighter, or better separated, than surrogate clusters of about the same size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gymlab.clustering import Condensed, Labels, distance_sums, silhouettes

Floats = NDArray[np.float64]

# Sums in another order differ in the last digits. Values with a smaller relative difference are treated as equal.
_EQUAL = 1e-7


@dataclass(frozen=True, eq=False)
class ClusterStatistics:
    """Statistics of the clusters of a log.

    Attributes
    ----------
    sizes
        int64 ``(n_clusters,)``.
    compactness
        float64 ``(n_clusters,)``: mean distance of the other members to the medoid; NaN for fewer than two members.
    silhouettes
        float64 ``(n_clusters,)``: average silhouette width; NaN for an empty cluster, or if there is one cluster only.
    silhouette
        Average silhouette width of all items in a cluster; NaN with fewer than two clusters.
    """

    sizes: NDArray[np.int64]
    compactness: Floats
    silhouettes: Floats
    silhouette: float


def cluster_statistics(distances: Condensed, labels: Labels, n_clusters: int) -> ClusterStatistics:
    """Return the statistics of clusters. Noise (label −1) is left out.

    Parameters
    ----------
    distances
        float32 ``(n(n−1)/2,)``.
    labels
        int64 ``(n,)``.
    n_clusters
        Number of clusters, larger than every label. A label that does not occur is a cluster of size 0.

    Examples
    --------
    >>> found = cluster_statistics(np.array([1, 9, 9], dtype=np.float32), np.array([0, 0, 1]), 2)
    >>> found.compactness.tolist(), round(found.silhouette, 3)
    ([1.0, nan], 0.593)
    """
    in_one = labels >= 0
    sizes = np.bincount(labels[in_one], minlength=n_clusters)
    compactness, widths = np.full((2, n_clusters), np.nan)
    present = np.flatnonzero(sizes)
    if len(present) == 0:
        return ClusterStatistics(sizes, compactness, widths, float("nan"))
    # Labels are made contiguous. Noise becomes the last label, whose sums are dropped.
    contiguous = np.full(n_clusters + 1, len(present))
    contiguous[present] = np.arange(len(present))
    sums = distance_sums(distances, contiguous[labels])[: len(present), in_one]
    own = contiguous[labels[in_one]]
    each = silhouettes(sums, own)
    nearest = sums[own, np.arange(len(own))]
    for cluster, label in enumerate(present):
        if sizes[label] > 1:
            compactness[label] = nearest[own == cluster].min() / (sizes[label] - 1)
        widths[label] = each[own == cluster].mean()
    return ClusterStatistics(sizes, compactness, widths, float(each.mean()))


@dataclass(frozen=True, eq=False)
class NullTest:
    """The test of clusters against the clusters of surrogates.

    Attributes
    ----------
    p_values
        float64 ``(n_clusters,)``; 1 for a cluster of fewer than two members.
    compactness, silhouettes
        float64 ``(n_surrogates, n_clusters)``: the statistics of the matched cluster of each surrogate. Infinity and
        −1 for a surrogate without a cluster of two members.
    """

    p_values: Floats
    compactness: Floats
    silhouettes: Floats


def corrected_p_values(null: Floats, observed: Floats) -> Floats:
    """Return the p-values of statistics that are small for good clusters.

    A p-value is ``(1 + count) / (1 + n)``, with the number of null values that are at most as large as the observed
    value. It is never 0. See Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 4.2.

    Parameters
    ----------
    null
        float64 ``(n_surrogates, ...)``.
    observed
        float64 ``(...)``.

    Examples
    --------
    >>> corrected_p_values(np.array([1.0, 2.0, 3.0]), np.array(1.0)).item()
    0.5
    """
    p_values: Floats = (1.0 + (null <= _raised(observed)).sum(axis=0)) / (1.0 + len(null))
    return p_values


def compare_clusters(observed: ClusterStatistics, surrogates: Sequence[ClusterStatistics]) -> NullTest:
    """Compare each cluster with the cluster of the nearest size in each surrogate.

    Small clusters are tighter by chance. So a cluster is compared with the cluster of each surrogate whose size is
    nearest in ratio. The remaining difference in size is corrected by a regression of the logarithm of a statistic on
    the logarithm of the size, over all clusters of all surrogates.

    The statistics are the compactness, and 1 − the average silhouette width. Both are at least 0, and small for a good
    cluster. The correction leaves 0 unchanged, so that all clusters of identical windows are equally good. Each
    statistic gives a p-value. The smaller of the two is ranked among those of the surrogates, which corrects for the
    choice (Tippett's combination, for permutation tests as in Pesarin and Salmaso 2010).

    Parameters
    ----------
    observed
        The statistics of the log.
    surrogates
        The statistics of each surrogate, at least one.

    Returns
    -------
    NullTest
    """
    sizes = np.maximum(observed.sizes, 1)
    matched = [_nearest(sizes, surrogate.sizes) for surrogate in surrogates]
    nulls, observations = [], []
    for name in ("compactness", "silhouettes"):
        loose = [_looseness(one, name) for one in surrogates]
        exponent = _exponent(surrogates, loose)
        null = np.full((len(surrogates), len(sizes)), np.inf)
        for row, values, at, one in zip(null, loose, matched, surrogates, strict=True):
            if at is not None:
                row[:] = values[at] * (sizes / one.sizes[at]) ** exponent
        null[np.isnan(null)] = np.inf
        nulls.append(null)
        values = _looseness(observed, name)
        observations.append(np.where(np.isnan(values), np.inf, values))
    own = np.minimum(*(corrected_p_values(n, o) for n, o in zip(nulls, observations, strict=True)))
    of_surrogates = np.minimum(*(_ranks(n, o) for n, o in zip(nulls, observations, strict=True)))
    p_values = corrected_p_values(of_surrogates, own)
    p_values[observed.sizes < 2] = 1.0
    return NullTest(p_values, nulls[0], np.where(np.isinf(nulls[1]), -1.0, 1.0 - nulls[1]))


def _looseness(statistics: ClusterStatistics, name: str) -> Floats:
    if name == "compactness":
        return statistics.compactness
    return np.where(statistics.sizes < 2, np.nan, np.maximum(0.0, 1.0 - statistics.silhouettes))


def _nearest(sizes: NDArray[np.int64], theirs: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return for each size the index of the cluster, of two members or more, whose size is nearest in ratio."""
    usable = np.flatnonzero(theirs > 1)
    if len(usable) == 0:
        return None
    away = np.abs(np.log(sizes)[:, None] - np.log(theirs[usable])[None, :])
    nearest: NDArray[np.int64] = usable[away.argmin(axis=1)]
    return nearest


def _exponent(surrogates: Sequence[ClusterStatistics], values: Sequence[Floats]) -> float:
    """Return the slope of the logarithm of a statistic on the logarithm of the size; 0 if it cannot be estimated."""
    size = np.concatenate([one.sizes for one in surrogates])
    value = np.concatenate(values)
    usable = (size > 1) & (np.nan_to_num(value) > 0)
    x, y = np.log(size[usable]), np.log(value[usable])
    if len(x) < 3 or np.ptp(x) == 0:
        return 0.0
    x -= x.mean()
    return float((x * (y - y.mean())).sum() / (x * x).sum())


def _ranks(null: Floats, observed: Floats) -> Floats:
    """Return the p-value of each surrogate among the other surrogates and the log."""
    every = np.concatenate([null, observed[None, :]])
    return np.stack([(every <= _raised(row)).sum(axis=0) for row in null]) / len(every)


def _raised(row: Floats) -> Floats:
    """Return the values plus the difference within which two values count as equal."""
    return row + _EQUAL * np.maximum(1.0, np.abs(row))
