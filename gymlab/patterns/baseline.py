"""The algorithm that the optimization document calls current, re-created to measure against.

Nothing here is recommended. It computes the DTW of every pair one by one in a Python loop, keeps each in a
dictionary by position that nothing is ever removed from, turns distances into "similarities" for KMeans, counts
entropy anew after each action, and adds rows to the database one at a time.
"""

import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gymlab.errors import InputError

if TYPE_CHECKING:  # the baseline's own memory is measured, without that of the database's libraries
    from sqlmodel import SQLModel

    from gymlab.runtime.database import Database

# About 40 seconds of tslearn calls.
MOST_PAIRS = 200_000

# The document's number of clusters.
N_CLUSTERS = 5

PairDistance = Callable[[NDArray[np.float64], NDArray[np.float64]], float]


class BaselineEngine:
    """One running instance of the current algorithm, with the caches that it never empties.

    Parameters
    ----------
    distance
        What is called for each pair; None for ``tslearn.metrics.dtw``. A measurement of memory can pass a table
        look-up, since what is held does not depend on how it was computed.

    Attributes
    ----------
    distance_cache
        Distances by the positions of the windows. Because positions are not the windows, an instance is only
        right for one log.
    """

    def __init__(self, distance: PairDistance | None = None) -> None:
        if distance is None:
            from tslearn.metrics import dtw  # noqa: PLC0415 - takes over a second and 200 MB to import

            distance = dtw
        self._distance = distance
        self.distance_cache: dict[tuple[int, int], float] = {}

    def distances(self, windows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the square matrix of DTW distances, pair by pair."""
        n = len(windows)
        matrix = np.zeros((n, n))
        for i in range(n):
            for j in range(i + 1, n):
                if (i, j) not in self.distance_cache:
                    self.distance_cache[i, j] = self._distance(windows[i], windows[j])
                matrix[i, j] = matrix[j, i] = self.distance_cache[i, j]
        return matrix

    @staticmethod
    def labels(matrix: NDArray[np.float64], n_clusters: int = N_CLUSTERS, seed: int = 0) -> NDArray[np.int64]:
        """Cluster the rows of the "similarity" matrix, the maximum less the distance, by KMeans."""
        from sklearn.cluster import KMeans  # noqa: PLC0415 - only the baseline needs it
        from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - likewise

        similarity = matrix.max() - matrix
        model = KMeans(n_clusters=min(n_clusters, len(matrix)), random_state=seed, n_init=10)
        with warnings.catch_warnings():
            # Fewer distinct rows than clusters give fewer clusters, which the caller sees.
            warnings.simplefilter("ignore", ConvergenceWarning)
            labels: NDArray[np.int64] = model.fit_predict(similarity).astype(np.int64)
        return labels


def checked_dtw(checkpoint: Callable[[], None]) -> PairDistance:
    """Return ``tslearn.metrics.dtw`` with a checkpoint before each call, which may raise to stop the work."""
    from tslearn.metrics import dtw  # noqa: PLC0415 - takes over a second and 200 MB to import

    def distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        checkpoint()
        return float(dtw(a, b))

    return distance


def refuse_if_slow(n: int) -> None:
    """Raise if the pairs of n windows would take the baseline minutes.

    Raises
    ------
    InputError
        It says how many windows are possible.
    """
    pairs = n * (n - 1) // 2
    if pairs > MOST_PAIRS:
        most = int(np.sqrt(2 * MOST_PAIRS))
        raise InputError(
            f"the baseline computes its {pairs:,} pairs in a Python loop, at about 0.2 ms each {pairs * 2e-4:,.0f} s; "
            f"it is for comparison on at most {most} windows ({n:,} here). Choose a larger hop or a part of the log"
        )


def entropies_from_scratch(action_types: Iterable[str], window: int) -> list[float]:
    """Return the normalised entropy of the last ``window`` action types after each one, counted anew each time."""
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
    """Add rows to a session one at a time and commit once, the kindest reading of what is current."""
    async with database.session() as session:
        for row in rows:
            session.add(row)
