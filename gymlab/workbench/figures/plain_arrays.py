"""Extractions made from plain arrays, so that every figure can be drawn without a log."""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.cluster import hierarchy

from gymlab.actions.channels import Channel, FittedChannel
from gymlab.actions.encoding import Encoding, fit_encoding
from gymlab.actions.schema import validate_actions
from gymlab.actions.windows import cut_windows
from gymlab.arguments import one_of, shown
from gymlab.clustering import Linkage, build_tree, cluster_tree, describe_labels, number_of_items
from gymlab.clustering.linkage import n_leaves_of
from gymlab.distance import dtw_pairwise
from gymlab.errors import InputError
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.extraction_data import ExtractionStats
from gymlab.patterns.result import Extraction
from gymlab.patterns.temporal import describe_patterns
from gymlab.runtime.memory import peak_bytes
from gymlab.workbench.checked import each, numbers, whole_numbers


def from_arrays(
    labels: ArrayLike | None = None,
    *,
    states: Sequence[Sequence[str]] | None = None,
    values: ArrayLike | Sequence[ArrayLike] | None = None,
    distances: ArrayLike | None = None,
    linkage: ArrayLike | None = None,
    method: Linkage = "ward",
    names: Sequence[str] | None = None,
) -> Extraction:
    """Return an extraction made from arrays, for every figure, table and widget that takes one.

    The ``actions`` of the extraction are a log of the series, for the figures that take a log. At least one of
    ``states``, ``values``, ``distances`` and ``linkage`` has to be given.

    Parameters
    ----------
    labels
        Whole numbers ``(n,)``: the pattern of each series, from 0 without a gap; −1 is noise. By default the tree is cut
        into the number of patterns, from 2 to 20, with the largest average silhouette width.
    states
        The names of the states of each series, step by step.
    values
        Numbers: an array ``(n, n_timepoints)`` or ``(n, n_timepoints, n_channels)``, or a list of arrays of unequal
        length. :func:`patterns` draws them as ``channel="channel 0"``.
    distances
        Condensed matrix ``(n(n−1)/2,)``. By default the exact DTW distances of ``values``; without them those of
        ``states``; without both the heights at which ``linkage`` joins the pairs.
    linkage
        Linkage matrix ``(n−1, 4)``, as scipy returns it. By default it is made from the distances.
    method
        The method of the linkage: ward, average, complete or single.
    names
        The name of each series, for the hover texts. By default the number of the series.

    Returns
    -------
    Extraction
        An extraction whose windows are the whole series.

    Raises
    ------
    InputError
        If no array is given, an array has the wrong shape, or two arrays have different numbers of series.

    Examples
    --------
    >>> from scipy.cluster.hierarchy import linkage
    >>> tree = linkage([[0.0], [1.0], [5.0], [7.0]], "average")
    >>> made = from_arrays([0, 0, 1, 1], linkage=tree, method="average")
    >>> len(made.patterns), made.distances.tolist()
    (2, [1.0, 5.5, 5.5, 5.5, 5.5, 2.0])
    >>> from_arrays(states=["CCC", "CCD", "DDD", "DDC"]).labels.tolist()
    [0, 0, 1, 1]
    """
    one_of("method", method, get_args(Linkage))
    tree = None if linkage is None else numbers("linkage", linkage, 2).astype(np.float64)
    matrix = None if distances is None else numbers("distances", distances).astype(np.float32)
    rows = None if states is None else [_texts(one) for one in each("states", states, object, "sequences")]
    series = None if values is None else [_columns(one) for one in each("values", values, object, "arrays")]
    counts = {} if tree is None else {"linkage": n_leaves_of(tree)}
    counts |= {} if matrix is None else {"distances": number_of_items(matrix)}
    counts |= {} if rows is None else {"states": len(rows)}
    counts |= {} if series is None else {"values": len(series)}
    log, encoding = _log_of(rows, series, names, _number_of_series(counts))
    windows = cut_windows(log, encoding.encode(log), unit="series")
    n = len(windows)
    if tree is not None and counts.keys() == {"linkage"}:
        matrix = hierarchy.cophenet(tree).astype(np.float32)
    elif matrix is None:
        matrix = dtw_pairwise(windows.values, mismatch_weights=encoding.mismatch_weights)
    if tree is None:
        tree = build_tree(matrix, method)
    clusters = cluster_tree(matrix, tree)
    if labels is not None:
        described = describe_labels(matrix, whole_numbers("labels", labels))
        widths = described.quality
        quality = replace(clusters.quality, silhouette=widths.silhouette, silhouettes=widths.silhouettes)
        clusters = replace(described, quality=quality)
    pairs = n * (n - 1) // 2
    return Extraction(
        actions=log,
        config=ExtractionConfig(unit="series", method=method, n_surrogates=0, n_resamples=0),
        encoding=encoding,
        windows=windows,
        distances=matrix,
        linkage=tree,
        sample=None,
        representatives=clusters.medoids,
        representative_labels=clusters.labels[clusters.medoids],
        labels=clusters.labels,
        patterns=describe_patterns(log, windows, clusters),
        quality=clusters.quality,
        stats=ExtractionStats(
            strategy="exact",
            reason="the arrays were given",
            actions=len(log),
            windows=n,
            pairs=pairs,
            pruned=pairs,
            coverage=1.0,
            noise=clusters.n_noise,
            agreement=None,
            estimated_bytes=matrix.nbytes,
            stages={},
            seconds=0.0,
            peak_bytes=peak_bytes(),
        ),
        notes=("made from arrays, not from a log",),
    )


def _number_of_series(counts: dict[str, int]) -> int:
    """Return the number of series, which has to be the same in all arrays that are given."""
    if not counts:
        raise InputError("no array is given; give states, values, distances or a linkage")
    if len(set(counts.values())) > 1 or min(counts.values()) < 2:
        found = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        raise InputError(f"the arrays have different numbers of series, or fewer than two: {found}")
    return min(counts.values())


def _log_of(
    rows: list[list[str]] | None,
    series: list[NDArray[np.float64]] | None,
    names: Sequence[str] | None,
    n: int,
) -> tuple[pd.DataFrame, Encoding]:
    """Return the series as a log, and the channels that compare them."""
    lengths = [len(one) for one in rows or series or ["?"] * n]
    if series is not None and lengths != [len(one) for one in series]:
        raise InputError("states and values have different numbers of steps in a series")
    agents = [str(number) for number in range(n)] if names is None else each("names", names, str, "texts")
    if len(agents) != n:
        raise InputError(f"names has {len(agents):,} texts; give one for each of the {n:,} series")
    log = validate_actions(
        pd.DataFrame(
            {
                "session_id": np.repeat([f"series {number}" for number in range(n)], lengths),
                "agent_id": np.repeat(np.array(agents, dtype=object), lengths),
                "step": np.concatenate([np.arange(length) for length in lengths]),
                "actor": "agent",
                "target": "",
                "action_type": [state for one in rows for state in one] if rows else "unknown",
                "decision_context": "",
                "relationship_type": "neutral",
            }
        )
    )
    if series is None:
        return log, fit_encoding(log, ["action_type"])
    if len({one.shape[1] for one in series}) > 1:
        raise InputError("values has series with different numbers of channels")
    table = np.concatenate(series)
    channels = [f"channel {number}" for number in range(table.shape[1])]
    fitted = tuple(FittedChannel(Channel(name, "numeric")) for name in channels)
    return log.assign(**dict(zip(channels, table.T, strict=True))), Encoding(fitted, ())


def _texts(states: object) -> list[str]:
    listed = list(states) if isinstance(states, str) else each("states", states, str, "sequences of texts")
    if not listed:
        raise InputError("states has a series without steps; leave it out")
    return listed


def _columns(values: object) -> NDArray[np.float64]:
    """Return the values of one series, float64 ``(n_timepoints, n_channels)``."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0)
    columns = array[:, None] if array.ndim == 1 else array
    if columns.ndim != 2 or columns.size == 0 or not np.isfinite(columns).all():
        shape = "(n_timepoints,) or (n_timepoints, n_channels)"
        raise InputError(f"values holds {shown(values)}; give finite numbers {shape} for each series")
    return columns
