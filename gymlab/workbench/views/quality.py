"""How good the patterns of an extraction are."""

from collections.abc import Mapping

import plotly.graph_objects as go

from gymlab.arguments import instance
from gymlab.patterns.result import Extraction
from gymlab.workbench import figures
from gymlab.workbench.checked import an_extraction


def silhouettes(extraction: Extraction) -> go.Figure:
    """Return the silhouette width of every window that has one."""
    an_extraction(extraction)
    return figures.silhouette(
        extraction.quality.silhouettes,
        extraction.labels,
        extraction.windows.table,
        noun=extraction.windows.noun,
    )


def cluster_sizes(extraction: Extraction) -> go.Figure:
    """Return how many windows and how many distinct actions each pattern has."""
    an_extraction(extraction)
    found = extraction.patterns
    return figures.cluster_sizes(
        [pattern.label for pattern in found],
        [pattern.size for pattern in found],
        [pattern.support for pattern in found],
        noun=extraction.windows.noun,
    )


def choice_of_k(extraction: Extraction, others: Mapping[str, Mapping[int, float]] | None = None) -> go.Figure:
    """Return the average silhouette width of every number of patterns that was tried, with the one that was taken.

    Parameters
    ----------
    extraction
        Whose number was chosen; where it was given, the figure says so.
    others
        Curves of other ways to compare with, by name.
    """
    an_extraction(extraction)
    if others is not None:
        instance("others", others, Mapping, "curves by name, or None")
    curve, chosen = dict(extraction.quality.silhouette_by_n_clusters), len(extraction.patterns)
    if curve:
        # Who asked for more patterns than are tried by themselves sees them on the curve too.
        curve.setdefault(chosen, extraction.quality.silhouette)
    curves: dict[str, Mapping[int, float]] = {extraction.config.method: dict(sorted(curve.items()))}
    return figures.choice_of_k(curves | dict(others or {}), chosen)


def significance(extraction: Extraction) -> go.Figure:
    """Return whether the patterns come again and are more than chance."""
    an_extraction(extraction)
    if extraction.significance is None:
        return figures.nothing_to_show("significance was not assessed; the notes say why")
    return figures.significance(extraction.significance.patterns)
