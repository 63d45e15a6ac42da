"""The states of a Markov chain over encoded actions."""

import numpy as np
from numpy.typing import NDArray

# More distinct rows than this, or fewer than ten actions for each, and numbers are put into cells.
_MOST_STATES = 64
_ACTIONS_A_STATE = 10
_FEWEST_MOST = 8

# Actions in a cell at most. Within a cell numbers are exchanged, so large ones make surrogates less smooth than the
# log, and smooth noise looks like a pattern; small ones only make surrogates more like the log.
_ACTIONS_A_CELL = 8
# With so many cells those of a long log are as small as need be.
_CELLS = 2_048


def states_of(rows: NDArray[np.float32], n_codes: int = 0) -> NDArray[np.int64]:
    """Return the state of each action.

    States are the distinct rows. Where numeric channels make too many of these (above 64, or above a tenth of the
    actions, but 8 are always allowed), they are the categories, and within each the cells that its numbers are cut
    into: at the median of the channel with the largest range, and again, until a cell has 8 actions (or, in a
    long log, its 2,048th part). A chain then
    goes on as one of the nearest actions did, whose numbers come with it: the local bootstrap of Paparoditis and
    Politis (J. Statistical Planning and Inference 108, 2002) on a partition.

    Parameters
    ----------
    rows
        float32 ``(n_actions, n_channels)``.
    n_codes
        How many of the last channels are codes of categories. Other channels of one or two values are categories
        too.

    Returns
    -------
    numpy.ndarray
        int64 ``(n_actions,)``, from 0.

    Examples
    --------
    >>> states_of(np.array([[0, 1], [1, 0], [0, 1]], dtype=np.float32)).tolist()
    [0, 1, 0]
    """
    exact, n_states = _distinct(rows)
    if n_states <= min(_MOST_STATES, max(_FEWEST_MOST, len(rows) // _ACTIONS_A_STATE)):
        return exact
    numeric = np.zeros(rows.shape[1], dtype=bool)
    for c in range(rows.shape[1] - n_codes):
        numeric[c] = len(np.unique(rows[:, c])) > 2
    categories, n_categories = _distinct(rows[:, ~numeric])
    order = np.argsort(categories, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(categories, minlength=n_categories))[:-1])
    return _cells(rows[:, numeric], groups) if numeric.any() else categories


def _cells(numbers: NDArray[np.float32], groups: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return a number for the cell of each action, cells being parts of the groups."""
    cells = np.empty(len(numbers), dtype=np.int64)
    most = max(_ACTIONS_A_CELL, len(numbers) // _CELLS)
    n_cells = 0
    while groups:
        group = groups.pop()
        values = numbers[group].astype(np.float64)
        # The range is 0 for equal numbers and above 0 for others; a standard deviation is neither for sure.
        spread = np.ptp(values, axis=0) if len(group) > most else np.zeros(1)
        if not spread.max() > 0:
            cells[group] = n_cells
            n_cells += 1
            continue
        widest = values[:, spread.argmax()]
        border = np.partition(widest, len(group) // 2)[len(group) // 2]
        below = widest < border
        # Where more than half have the least value it is the border. Either way the least number is on one side and
        # the largest on the other, so both are smaller than the group.
        below = below if below.any() else widest == border
        groups += [group[below], group[~below]]
    return cells


def _distinct(rows: NDArray[np.float32]) -> tuple[NDArray[np.int64], int]:
    """Return a number for each distinct row, and how many there are."""
    # Channel by channel on integers: several times as fast as numpy.unique over rows.
    states = np.zeros(len(rows), dtype=np.int64)
    n_states = 1
    for c in range(rows.shape[1]):
        values, codes = np.unique(rows[:, c], return_inverse=True)
        seen, states = np.unique(states * len(values) + codes, return_inverse=True)
        n_states = len(seen)
    return states, n_states
