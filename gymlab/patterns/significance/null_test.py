"""Whether clusters are tighter or better separated than those of surrogates, matched by size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gymlab.clustering import Condensed, Labels, distance_sums, silhouettes

Floats = NDArray[np.float64]

# Sums in another order differ in the last digits; what differs by less than this is equal.
_EQUAL = 1e-7


@dataclass(frozen=True, eq=False)
class ClusterStatistics:
    """Statistics of the clusters of a log.

    Attributes
    ----------
    sizes
        int64 ``(n_clusters,)``.
    compactness
        float64 ``(n_clusters,)``: mean distance of the members to their medoid, which is left out; NaN below two.
    silhouettes
        float64 ``(n_clusters,)``: average silhouette width; NaN for an empty or the only cluster.
    silhouette
        Average over all items that are in a cluster; NaN with fewer than two clusters.
    """

    sizes: NDArray[np.int64]
    compactness: Floats
    silhouettes: Floats
    silhouette: float


def cluster_statistics(distances: Condensed, labels: Labels, n_clusters: int) -> ClusterStatistics:
    """Return the statistics of clusters; noise (label −1) is in none and near none.

    Parameters
    ----------
    distances
        float32 ``(n(n−1)/2,)``.
    labels
        int64 ``(n,)``.
    n_clusters
        More than the largest label; a label that does not occur has size 0.

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
    # Noise is a column of its own that is dropped, and labels are made contiguous.
    number = np.full(n_clusters + 1, len(present))
    number[present] = np.arange(len(present))
    dense = number[labels]
    sums = distance_sums(distances, dense)[: len(present), in_one]
    own = dense[in_one]
    each = silhouettes(sums, own)
    nearest = sums[own, np.arange(len(own))]
    for cluster, label in enumerate(present):
        if sizes[label] > 1:
            compactness[label] = nearest[own == cluster].min() / (sizes[label] - 1)
        widths[label] = each[own == cluster].mean()
    return ClusterStatistics(sizes, compactness, widths, float(each.mean()))


@dataclass(frozen=True, eq=False)
class NullTest:
    """Clusters held against those of surrogates.

    Attributes
    ----------
    p_values
        float64 ``(n_clusters,)``; 1 for a cluster of fewer than two members.
    compactness, silhouettes
        float64 ``(n_surrogates, n_clusters)``: what the matched clusters of each surrogate have; infinity and −1
        where it has none.
    """

    p_values: Floats
    compactness: Floats
    silhouettes: Floats


def corrected_p_values(null: Floats, observed: Floats) -> Floats:
    """Return how often the null is as small: ``(1 + count) / (1 + n)``, which is never 0.

    After Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 4.2.

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
    count = (null <= observed + _EQUAL * np.maximum(1.0, np.abs(observed))).sum(axis=0)
    p_values: Floats = (1.0 + count) / (1.0 + len(null))
    return p_values


def compare_clusters(observed: ClusterStatistics, surrogates: Sequence[ClusterStatistics]) -> NullTest:
    """Hold each cluster against the one of nearest size in each surrogate.

    Small clusters are tighter by chance alone. So of each surrogate the cluster whose size is nearest in ratio
    counts, and what is left of the difference in size is taken out by a regression of the logarithm of a statistic
    on that of the size, over all clusters of all surrogates. The statistics are the compactness and 1 − the average
    silhouette width, both at least 0 and small in a good cluster; 0 stays 0, so that clusters of identical windows
    are equals. The p-value is that of the smaller of both p-values, ranked among the surrogates' own (Tippett's
    combination, as for permutation tests in Pesarin and Salmaso 2010), so that trying two costs what it should.

    Parameters
    ----------
    observed
        Of the log.
    surrogates
        Of at least one surrogate.

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
    """Return for each size the cluster that is nearest in ratio, among those of two or more; None if there is none."""
    usable = np.flatnonzero(theirs > 1)
    if len(usable) == 0:
        return None
    away = np.abs(np.log(sizes)[:, None] - np.log(theirs[usable])[None, :])
    nearest: NDArray[np.int64] = usable[away.argmin(axis=1)]
    return nearest


def _exponent(surrogates: Sequence[ClusterStatistics], values: Sequence[Floats]) -> float:
    """Return the slope of the logarithm of a statistic on that of the size; 0 where it cannot be told."""
    size = np.concatenate([one.sizes for one in surrogates])
    value = np.concatenate(values)
    usable = (size > 1) & (np.nan_to_num(value) > 0)
    x, y = np.log(size[usable]), np.log(value[usable])
    if len(x) < 3 or np.ptp(x) == 0:
        return 0.0
    x -= x.mean()
    return float((x * (y - y.mean())).sum() / (x * x).sum())


def _ranks(null: Floats, observed: Floats) -> Floats:
    """Return the p-value that each surrogate would have among the others and the log."""
    every = np.concatenate([null, observed[None, :]])
    return np.stack([(every <= _raised(row)).sum(axis=0) for row in null]) / len(every)


def _raised(row: Floats) -> Floats:
    return row + _EQUAL * np.maximum(1.0, np.abs(row))
