"""The algorithm that the optimization document calls current, re-created for comparison.

It is not recommended. It computes the DTW of one pair after the other in a Python loop, keeps every distance in a
dictionary keyed by position, turns distances into "similarities" for KMeans, counts entropy from scratch after each
action, and adds rows to the database one at a time.
"""

import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gymlab.errors import InputError

if TYPE_CHECKING:  # the memory of the baseline is measured; these imports would add the database's libraries
    from sqlmodel import SQLModel

    from gymlab.runtime.database import Database

# tslearn takes about 40 seconds for these.
MOST_PAIRS = 200_000

# The document's number of clusters.
N_CLUSTERS = 5

PairDistance = Callable[[NDArray[np.float64], NDArray[np.float64]], float]


class BaselineEngine:
    """The distances and clusters of the current algorithm, with a cache that is never emptied.

    Parameters
    ----------
    distance
        The function that is called for each pair; None for ``tslearn.metrics.dtw``. A measurement of memory may pass
        a table look-up: the memory that the cache holds is the same.

    Attributes
    ----------
    distance_cache
        Distances by the positions of the two windows. Another log has other windows at these positions, so an
        instance is correct for one log only.
    """

    def __init__(self, distance: PairDistance | None = None) -> None:
        if distance is None:
            from tslearn.metrics import dtw  # noqa: PLC0415 - takes over a second and 200 MB to import

            distance = dtw
        self._distance = distance
        self.distance_cache: dict[tuple[int, int], float] = {}

    def distances(
        self, windows: Sequence[NDArray[np.float64]], checkpoint: Callable[[], None] = lambda: None
    ) -> NDArray[np.float64]:
        """Return the square matrix of DTW distances. The checkpoint may raise to stop the work."""
        n = len(windows)
        matrix = np.zeros((n, n))
        for i in range(n):
            for j in range(i + 1, n):
                if (i, j) not in self.distance_cache:
                    checkpoint()
                    self.distance_cache[i, j] = self._distance(windows[i], windows[j])
                matrix[i, j] = matrix[j, i] = self.distance_cache[i, j]
        return matrix

    @staticmethod
    def labels(matrix: NDArray[np.float64], n_clusters: int = N_CLUSTERS, seed: int = 0) -> NDArray[np.int64]:
        """Cluster the rows of the "similarity" matrix, largest distance − distance, by KMeans."""
        from sklearn.cluster import KMeans  # noqa: PLC0415 - only the baseline needs it
        from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - likewise

        similarity = matrix.max() - matrix
        model = KMeans(n_clusters=min(n_clusters, len(matrix)), random_state=seed, n_init=10)
        with warnings.catch_warnings():
            # It warns if there are fewer distinct rows than clusters. The caller sees the number of clusters.
            warnings.simplefilter("ignore", ConvergenceWarning)
            labels: NDArray[np.int64] = model.fit_predict(similarity).astype(np.int64)
        return labels


def refuse_if_slow(n: int) -> None:
    """Check that the baseline can compare n windows in less than a minute.

    Raises
    ------
    InputError
        If it cannot. The message says how many windows are possible.
    """
    pairs = n * (n - 1) // 2
    if pairs > MOST_PAIRS:
        most = int(np.sqrt(2 * MOST_PAIRS))
        raise InputError(
            f"the baseline would need about {pairs * 2e-4:,.0f} s for the {pairs:,} pairs of {n:,} windows; it is for "
            f"comparison on at most {most} windows. Choose a larger hop or a part of the log"
        )


def entropies_from_scratch(action_types: Iterable[str], window: int) -> list[float]:
    """Return the normalised entropy of the last ``window`` action types after each action, counted from scratch."""
    from scipy.stats import entropy  # noqa: PLC0415 - half a second, and only the baseline needs it

    recent: deque[str] = deque(maxlen=window)
    result = []
    for action_type in action_types:
        recent.append(action_type)
        counts = Counter(recent)
        shares = [count / len(recent) for count in counts.values()]
        result.append(float(entropy(shares, base=2)) / np.log2(len(counts)) if len(counts) > 1 else 0.0)
    return result


async def insert_one_by_one(database: "Database", rows: Iterable["SQLModel"]) -> None:
    """Add rows to a session one at a time, and commit once: the fastest interpretation of the current algorithm."""
    async with database.session() as session:
        for row in rows:
            session.add(row)
