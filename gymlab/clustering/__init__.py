"""Clusters from distances: trees and their cuts, density, medoids, samples, and the quality of clusters.

All functions work on the condensed matrix, or without a matrix. A square matrix is never built.
"""

from gymlab.clustering.agreement import ComparedLinkage, adjusted_rand_index, compare_linkages
from gymlab.clustering.clusters import (
    Clustering,
    Quality,
    cluster_tree,
    cophenetic_correlation,
    describe_labels,
    medoids_of,
    silhouettes,
)
from gymlab.clustering.condensed import (
    Checkpoint,
    Condensed,
    Labels,
    Tree,
    distance_sums,
    no_checkpoint,
    number_of_items,
    part_of_matrix,
)
from gymlab.clustering.density import core_distances, dbscan, hdbscan, hdbscan_series, suggested_eps
from gymlab.clustering.kmedoids import KMedoids, kmedoids
from gymlab.clustering.linkage import LINKAGES, Linkage, build_tree, by_size, cut_tree
from gymlab.clustering.outline import Outline, labels_of_nodes, outline
from gymlab.clustering.pairwise_cache import cached_pairwise, matrix_cache
from gymlab.clustering.sampled import SampledClustering, cluster_sample, representatives
from gymlab.clustering.streaming import single_linkage_tree

__all__ = [
    "LINKAGES",
    "Checkpoint",
    "Clustering",
    "ComparedLinkage",
    "Condensed",
    "KMedoids",
    "Labels",
    "Linkage",
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
    "part_of_matrix",
    "representatives",
    "silhouettes",
    "single_linkage_tree",
    "suggested_eps",
]
