"""An extraction revised: its tree cut elsewhere, or its patterns assessed, with the distances that it has."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gymlab import clustering
from gymlab.arguments import finite_number, whole_number
from gymlab.clustering import Checkpoint, Clustering, Tree, no_checkpoint
from gymlab.errors import InputError
from gymlab.patterns import large, strategies
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.significance import significance_of
from gymlab.patterns.strategies import Clustered, Task
from gymlab.patterns.temporal import describe_patterns

if TYPE_CHECKING:
    from gymlab.patterns.result import Extraction

# How the note on a cut begins, so that the next one can take its place.
_CUT = "the tree was cut again,"


def cut(
    extraction: "Extraction",
    *,
    n_clusters: int | None = None,
    height: float | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> "Extraction":
    """Cut the tree of an extraction elsewhere; see :meth:`gymlab.Extraction.cut`."""
    if extraction.linkage is None:
        raise InputError(
            f"method {extraction.config.method!r} by strategy {extraction.stats.strategy!r} builds no tree that could "
            "be cut; choose a linkage"
        )
    if n_clusters is not None and height is not None:
        raise InputError("give n_clusters or height, not both")
    if n_clusters is not None:
        n_clusters = whole_number("n_clusters", n_clusters, least=1)
    if height is not None:
        height = finite_number("height", height, least=0, noun="a distance")
    config = replace(
        extraction.config, n_clusters="auto" if n_clusters is None else n_clusters, cut_height=height
    )
    task = _task(extraction, config, checkpoint)
    large.require_enough(task, len(extraction.clustered))
    found = _clusters(extraction, task, extraction.linkage)
    clusters = found.clusters
    standing = clusters.medoids if found.representatives is None else found.representatives
    n = len(clusters.medoids)
    where = f"at {height:.4g}" if height is not None else f"into {n} pattern{'s' * (n != 1)}"
    # What was said of its significance was said of other patterns.
    said = () if extraction.significance is None else extraction.significance.notes
    dropped = (_CUT, strategies.FEWER)
    kept = [note for note in extraction.notes if note not in said and not note.startswith(dropped)]
    return replace(
        extraction,
        config=config,
        representatives=standing,
        representative_labels=clusters.labels[standing],
        labels=clusters.labels,
        patterns=describe_patterns(extraction.actions, extraction.windows, clusters),
        quality=replace(
            clusters.quality, silhouette_by_n_clusters=extraction.quality.silhouette_by_n_clusters
        ),
        stats=replace(extraction.stats, noise=clusters.n_noise),
        notes=(*kept, f"{_CUT} {where}", *found.notes),
        significance=None,
    )


def assess(
    extraction: "Extraction", *, n_surrogates: int, n_resamples: int, checkpoint: Checkpoint = no_checkpoint
) -> "Extraction":
    """Assess the patterns of an extraction; see :meth:`gymlab.Extraction.assess`."""
    config = replace(extraction.config, n_surrogates=n_surrogates, n_resamples=n_resamples)
    # Surrogates are clustered into as many patterns as there are, however their number was found.
    significance, said = significance_of(
        _task(extraction, config, checkpoint),
        extraction.stats.strategy,
        extraction.actions,
        extraction.encoding.encode(extraction.actions),
        extraction.labels,
    )
    before = () if extraction.significance is None else extraction.significance.notes
    notes = [note for note in extraction.notes if note not in before and note not in said]
    return replace(extraction, config=config, significance=significance, notes=(*notes, *said))


def _task(extraction: "Extraction", config: ExtractionConfig, checkpoint: Checkpoint) -> Task:
    weights = extraction.encoding.mismatch_weights
    return Task(extraction.windows, weights, config, progress=False, checkpoint=checkpoint)


def _clusters(extraction: "Extraction", task: Task, tree: Tree) -> Clustered:
    if extraction.distances is None:
        return large.cut_of_streamed(task, tree)
    found = strategies.clusters_of_tree(task, extraction.distances, tree)
    return found if extraction.sample is None else _spread(extraction, found, extraction.sample)


def _spread(extraction: "Extraction", found: Clustered, sample: NDArray[np.int64]) -> Clustered:
    """Return clusters of all windows from those of the sample: the others follow their nearest representative."""
    position = np.searchsorted(sample, extraction.representatives)
    labels = found.clusters.labels[position][extraction.own_placement.nearest]
    labels[sample] = found.clusters.labels
    renumbered = clustering.by_size(labels)
    medoids = np.empty_like(found.clusters.medoids)
    medoids[renumbered[sample[found.clusters.medoids]]] = sample[found.clusters.medoids]
    widths = np.full(len(labels), np.nan)
    widths[sample] = found.clusters.quality.silhouettes
    quality = replace(found.clusters.quality, silhouettes=widths)
    return Clustered(Clustering(renumbered, medoids, quality), representatives=extraction.representatives)
