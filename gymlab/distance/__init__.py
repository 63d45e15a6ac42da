"""Exact dynamic time warping of arrays. This package does not depend on logs or agents.

Here, DTW is dependent (multivariate) DTW: the square root of the smallest sum of squared Euclidean local costs over
all warping paths [1]_. It equals ``tslearn.metrics.dtw``, ``dtaidistance.dtw_ndim.distance`` and the square root of
aeon's ``dtw_distance``.

References
----------
.. [1] H. Sakoe and S. Chiba, "Dynamic programming algorithm optimization for spoken word recognition", IEEE
   Trans. Acoustics, Speech, and Signal Processing 26(1), 1978, section II.
"""

from gymlab.errors import InputError

try:
    from gymlab.distance.bounds import envelope, lb_keogh, lb_kim, lb_webb
    from gymlab.distance.neighbors import NeighborGraph, NeighborStats, dtw_neighbors
    from gymlab.distance.pairwise import dtw_cross, dtw_pairs, dtw_pairwise
    from gymlab.distance.scalar import Match, dtw, dtw_cost_matrix, dtw_path, dtw_subsequence
except RuntimeError as error:
    raise InputError(
        f"numba finds no folder to keep compiled kernels in ({error}); name one in NUMBA_CACHE_DIR"
    ) from error

__all__ = [
    "Match",
    "NeighborGraph",
    "NeighborStats",
    "dtw",
    "dtw_cost_matrix",
    "dtw_cross",
    "dtw_neighbors",
    "dtw_pairs",
    "dtw_pairwise",
    "dtw_path",
    "dtw_subsequence",
    "envelope",
    "lb_keogh",
    "lb_kim",
    "lb_webb",
]
