"""Another cut or a significance test of an extraction, from the distances and the tree that it has."""

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gymlab.arguments import finite_number, whole_number
from gymlab.clustering import Checkpoint, Clustering, Tree, no_checkpoint
from gymlab.clustering.linkage import by_size_with_medoids
from gymlab.errors import InputError
from gymlab.patterns import full_matrix, without_matrix
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.extraction_data import ExtractionData
from gymlab.patterns.full_matrix import ClusteringJob, WindowClusters
from gymlab.patterns.significance import significance_of
from gymlab.patterns.temporal import describe_patterns

AnyExtraction = TypeVar("AnyExtraction", bound=ExtractionData)

# The beginning of the note on a cut, by which the next cut finds and removes the note.
_CUT = "the tree was cut again,"


def cut(
    extraction: AnyExtraction,
    *,
    n_clusters: int | None = None,
    height: float | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> AnyExtraction:
    """Return the extraction with another cut of its tree; see :meth:`gymlab.Extraction.cut`."""
    if extraction.linkage is None:
        raise InputError(
            f"method {extraction.config.method!r} by strategy {extraction.stats.strategy!r} builds no tree, so there is "
            "nothing to cut; choose a linkage"
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
    job = _job(extraction, config, checkpoint)
    without_matrix.require_enough(job, len(extraction.clustered))
    found = _clusters_of_cut(extraction, job, extraction.linkage)
    clusters = found.clusters
    n = len(clusters.medoids)
    where = f"at {height:.4g}" if height is not None else f"into {n} pattern{'s' * (n != 1)}"
    dropped = (_CUT, full_matrix.FEWER)
    kept = [note for note in _notes_on_extraction(extraction) if not note.startswith(dropped)]
    return replace(
        extraction,
        config=config,
        representatives=found.representatives,
        representative_labels=clusters.labels[found.representatives],
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
    extraction: AnyExtraction, *, n_surrogates: int, n_resamples: int, checkpoint: Checkpoint = no_checkpoint
) -> AnyExtraction:
    """Return the extraction with the significance of its patterns; see :meth:`gymlab.Extraction.assess`."""
    config = replace(extraction.config, n_surrogates=n_surrogates, n_resamples=n_resamples)
    significance, said = significance_of(
        _job(extraction, config, checkpoint),
        extraction.stats.strategy,
        extraction.actions,
        extraction.encoding.encode(extraction.actions),
        extraction.labels,
    )
    notes = [note for note in _notes_on_extraction(extraction) if note not in said]
    return replace(extraction, config=config, significance=significance, notes=(*notes, *said))


def _notes_on_extraction(extraction: ExtractionData) -> list[str]:
    """Return the notes without those on the significance, which belong to the patterns before the change."""
    said = () if extraction.significance is None else extraction.significance.notes
    return [note for note in extraction.notes if note not in said]


def _job(extraction: ExtractionData, config: ExtractionConfig, checkpoint: Checkpoint) -> ClusteringJob:
    weights = extraction.encoding.mismatch_weights
    return ClusteringJob(extraction.windows, weights, config, progress=False, checkpoint=checkpoint)


def _clusters_of_cut(extraction: ExtractionData, job: ClusteringJob, tree: Tree) -> WindowClusters:
    if extraction.distances is None:
        return without_matrix.cut_of_streamed(job, tree)
    found = full_matrix.clusters_of_tree(job, extraction.distances, tree)
    return found if extraction.sample is None else _over_all(extraction, found, extraction.sample)


def _over_all(extraction: ExtractionData, found: WindowClusters, sample: NDArray[np.int64]) -> WindowClusters:
    """Return the clusters of all windows: a window outside the sample gets the label of its nearest representative."""
    clusters = found.clusters
    position = np.searchsorted(sample, extraction.representatives)
    labels = clusters.labels[position][extraction.own_placement.nearest]
    labels[sample] = clusters.labels
    renumbered, medoids = by_size_with_medoids(labels, sample[clusters.medoids])
    quality = without_matrix.quality_of_all(len(labels), sample, clusters.quality)
    return WindowClusters(Clustering(renumbered, medoids, quality), finer=extraction.representatives)
