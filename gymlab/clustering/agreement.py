"""How far two clusterings of the same items agree."""

import numpy as np
from numpy.typing import NDArray

from gymlab.clustering.condensed import whole_numbers
from gymlab.errors import InputError


def adjusted_rand_index(first: NDArray[np.integer], second: NDArray[np.integer]) -> float:
    """Return the adjusted Rand index of two labellings: 1 where they agree, about 0 where by chance only.

    Parameters
    ----------
    first, second
        Whole numbers ``(n,)``. Noise, −1, counts as a cluster.

    Raises
    ------
    InputError
        If they are no arrays of whole numbers, or differ in length.

    References
    ----------
    L. Hubert and P. Arabie, "Comparing partitions", Journal of Classification 2(1), 1985.

    Examples
    --------
    >>> adjusted_rand_index(np.array([0, 0, 1]), np.array([1, 1, 0]))
    1.0
    """
    for name, labels in (("first", first), ("second", second)):
        whole_numbers(name, labels)
    if len(first) != len(second):
        raise InputError(f"{len(first)} and {len(second)} labels are not of the same items")
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(first, second))
