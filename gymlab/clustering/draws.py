"""Random samples, stratified by groups."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gymlab.arguments import whole_number
from gymlab.errors import InputError


def draw_sample(
    n: int, sample_size: int, *, groups: ArrayLike | None = None, seed: int = 0
) -> NDArray[np.int64]:
    """Return ``sample_size`` of n items drawn at random without replacement, ascending; all if there are no more.

    Parameters
    ----------
    n, sample_size
        How many there are, and how many to draw.
    groups
        One value an item: of each group, its share of the sample rounded down is drawn, and one more of those that
        lose most by that, of equals the first.
    seed
        The result depends on nothing else.

    Raises
    ------
    InputError
        If the size is below 2, or there is not one group an item.

    Examples
    --------
    >>> draw_sample(6, 3, groups=list("aabbbb")).tolist()
    [0, 2, 3]
    """
    whole_number("sample_size", sample_size, least=2)
    whole_number("seed", seed, least=0)
    codes = np.zeros(n, dtype=np.int64)
    if groups is not None:
        values = np.asarray(groups)
        if values.shape != (n,):
            raise InputError(f"groups have shape {values.shape}; give one value for each of {n} series")
        codes = np.unique(values, return_inverse=True)[1]
    size, counts = min(n, int(sample_size)), np.bincount(codes)
    shares = counts * (size / max(n, 1))
    taken = np.floor(shares + 1e-9).astype(np.int64)
    taken[np.argsort(taken - shares, kind="stable")[: size - int(taken.sum())]] += 1
    mixed = np.random.default_rng(seed).permutation(n)
    mixed = mixed[np.argsort(codes[mixed], kind="stable")]
    place_in_group = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    sample: NDArray[np.int64] = np.sort(mixed[place_in_group < taken[codes[mixed]]])
    return sample
