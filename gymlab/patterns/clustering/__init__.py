"""Clusters from distances: trees and their cuts, density, medoids, samples, and how good they are.

Everything works on the condensed matrix, or without one; a square matrix is never built.
"""

from gymlab.patterns.clustering.agreement import adjusted_rand_index
from gymlab.patterns.clustering.compare import ComparedLinkage, compare_linkages
from gymlab.patterns.clustering.condensed import (
    Checkpoint,
    Condensed,
    Labels,
    Tree,
    distance_sums,
    no_checkpoint,
    number_of_items,
    part_of_matrix,
)
from gymlab.patterns.clustering.cut import (
    MOST_AUTO_CLUSTERS,
    Clustering,
    cluster_tree,
    describe_labels,
    medoids_of,
)
from gymlab.patterns.clustering.density import core_distances, dbscan, suggested_eps
from gymlab.patterns.clustering.hdbscan import hdbscan, hdbscan_series
from gymlab.patterns.clustering.kmedoids import KMedoids, kmedoids
from gymlab.patterns.clustering.matrices import cached_pairwise, matrix_cache
from gymlab.patterns.clustering.outline import Outline, labels_of_nodes, outline
from gymlab.patterns.clustering.quality import Quality, cophenetic_correlation, pair_quality, silhouettes
from gymlab.patterns.clustering.representatives import representatives
from gymlab.patterns.clustering.sampled import SampledClustering, cluster_sample
from gymlab.patterns.clustering.streaming import single_linkage_tree
from gymlab.patterns.clustering.tree import build_tree, by_size, cut_tree

__all__ = [
    "MOST_AUTO_CLUSTERS",
    "Checkpoint",
    "Clustering",
    "ComparedLinkage",
    "Condensed",
    "KMedoids",
    "Labels",
    "Outline",
    "Quality",
    "SampledClustering",
    "Tree",
    "adjusted_rand_index",
    "build_tree",
    "by_size",
    "cached_pairwise",
    "cluster_sample",
    "cluster_tree",
    "compare_linkages",
    "cophenetic_correlation",
    "core_distances",
    "cut_tree",
    "dbscan",
    "describe_labels",
    "distance_sums",
    "hdbscan",
    "hdbscan_series",
    "kmedoids",
    "labels_of_nodes",
    "matrix_cache",
    "medoids_of",
    "no_checkpoint",
    "number_of_items",
    "outline",
    "pair_quality",
    "part_of_matrix",
    "representatives",
    "silhouettes",
    "single_linkage_tree",
    "suggested_eps",
]
