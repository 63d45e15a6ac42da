"""Pieces as what averages and smooth distances can take: codes of categories become 0/1 columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gymlab.arguments import shown
from gymlab.distance.series import checked_mismatch_weights, finite_array
from gymlab.errors import InputError

Pieces = NDArray[np.floating] | Sequence[ArrayLike]
Piece = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OneHot:
    """How the code columns were spread.

    Attributes
    ----------
    n_numeric
        How many channels stand before the codes.
    codes
        For each code column its distinct codes, in ascending order: float64.
    scales
        For each code column what stands for a 1. Two one-hot columns differ where codes do, so each carries half
        of the weight: ``sqrt(weight / 2)``.
    """

    n_numeric: int
    codes: tuple[Piece, ...]
    scales: tuple[float, ...]

    def spread(self, piece: Piece) -> Piece:
        """Return a piece whose codes are among those known, with a column for each: ``(n_timepoints, n_columns)``."""
        columns = [piece[:, : self.n_numeric]]
        for index, (codes, scale) in enumerate(zip(self.codes, self.scales, strict=True)):
            columns.append(scale * (piece[:, [self.n_numeric + index]] == codes))
        return np.hstack(columns)


def checked_pieces(pieces: Pieces) -> list[Piece]:
    """Return the pieces as float64 ``(n_timepoints, n_channels)`` each, all of the same channels.

    Raises
    ------
    InputError
        If there is none, or one of them is empty, holds NaN or infinity, or has other channels than the first.
    """
    is_array = isinstance(pieces, np.ndarray) and pieces.ndim > 0
    if not is_array and (not isinstance(pieces, Sequence) or isinstance(pieces, (str, bytes))):
        raise InputError(f"pieces is {shown(pieces)}; give an array or a list of arrays")
    checked = [finite_array(piece, f"piece {index}") for index, piece in enumerate(pieces)]
    if not checked:
        raise InputError("there are no pieces; at least one is needed")
    for index, piece in enumerate(checked):
        if piece.shape[1] != checked[0].shape[1]:
            raise InputError(
                f"piece {index} has {piece.shape[1]} channels, piece 0 has {checked[0].shape[1]}"
            )
    return checked


def fit_one_hot(pieces: Sequence[Piece], mismatch_weights: Sequence[float]) -> OneHot:
    """Return how to spread the last ``len(mismatch_weights)`` channels of these pieces.

    Raises
    ------
    InputError
        If the weights are not finite numbers of 0 or more, or more than there are channels.
    """
    n_channels = pieces[0].shape[1]
    weights = checked_mismatch_weights(mismatch_weights, n_channels)
    n_numeric = n_channels - len(weights)
    codes = tuple(
        np.unique(np.concatenate([piece[:, column] for piece in pieces]))
        for column in range(n_numeric, n_channels)
    )
    return OneHot(n_numeric, codes, tuple(float(scale) for scale in np.sqrt(weights / 2)))
