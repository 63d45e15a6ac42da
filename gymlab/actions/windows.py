"""Windows of series, or whole series. Each window lies in one series."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.columns import KEY
from gymlab.arguments import instance, one_of, shown, whole_number
from gymlab.errors import InputError

Unit = Literal["auto", "window", "series"]

# "auto" takes windows if at least this share of the actions is in series with a window.
_MOST = 0.5


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of the series of a log, or its whole series.

    Attributes
    ----------
    table
        One row for each window: ``session_id``, ``agent_id``, ``start`` and ``end`` (the steps of the first and the
        last action), ``length`` (in actions), ``row`` (the position of the first action in the log; the other actions
        come directly after it).
    values
        float32 ``(n_windows, window, n_channels)``, or a list of ``(n_timepoints, n_channels)`` for whole series.
    unit
        ``window`` or ``series``.
    coverage
        The share of the actions of the log that lie in at least one window.
    notes
        Sentences about the chosen unit, with the reason, and about the series that have no window.
    """

    table: pd.DataFrame
    values: NDArray[np.float32] | list[NDArray[np.float32]]
    unit: Literal["window", "series"]
    coverage: float
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<{len(self):,} {self.noun}, {self.coverage:.1%} of the actions>"

    def __len__(self) -> int:
        """Return the number of windows, or of whole series."""
        return len(self.table)

    @property
    def noun(self) -> str:
        """The word for the windows in sentences: ``windows`` or ``series``."""
        return "windows" if self.unit == "window" else "series"

    def rows(self, index: int) -> NDArray[np.int64]:
        """Return the positions in the log of the actions of one window.

        Raises
        ------
        InputError
            If there is no window with this index.
        """
        index = whole_number("index", index, least=0, most=len(self) - 1)
        first = int(self.table["row"].iloc[index])
        return np.arange(first, first + int(self.table["length"].iloc[index]), dtype=np.int64)

    def rows_of(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the distinct positions in the log of the actions of several windows, in order."""
        first = self.table["row"].to_numpy()[indices]
        length = self.table["length"].to_numpy()[indices]
        # Add 1 at the start of each window and −1 after its end. Then the cumulative sum is positive inside windows.
        edges = np.zeros(int((first + length).max(initial=0)) + 1, dtype=np.int64)
        np.add.at(edges, first, 1)
        np.add.at(edges, first + length, -1)
        return np.flatnonzero(np.cumsum(edges))


def cut_windows(
    actions: pd.DataFrame,
    encoded: NDArray[np.float32],
    *,
    window: int = 20,
    hop: int = 10,
    unit: Unit = "auto",
) -> Windows:
    """Cut the series of a log into windows, or take them whole.

    Parameters
    ----------
    actions
        The action table. The rows of a series have to be together and in the order of their steps.
    encoded
        float32 ``(n_actions, n_channels)``.
    window
        The length of a window, in actions.
    hop
        The number of actions from the start of one window to the start of the next.
    unit
        ``"window"``, ``"series"`` or ``"auto"``. ``"auto"`` takes windows if at least half of the actions are in series
        with a window, and whole series otherwise, since the series of real logs are often shorter than a window.

    Returns
    -------
    Windows

    Raises
    ------
    InputError
        If the log is shorter than a window, ``encoded`` has another number of rows, or a parameter is out of range.
    """
    window, hop = whole_number("window", window, least=1), whole_number("hop", hop, least=1)
    one_of("unit", unit, get_args(Unit))
    instance("actions", actions, pd.DataFrame, "an action table")
    if missing := [name for name in KEY if name not in actions]:
        raise InputError(f"the actions have no {', '.join(missing)}; give an action table")
    if not isinstance(encoded, np.ndarray) or encoded.ndim != 2 or len(encoded) != len(actions):
        raise InputError(
            f"encoded is {shown(encoded)}; give one row of channels for each of {len(actions):,} actions"
        )
    if len(actions) < window and unit != "series":
        raise InputError(
            f"the log has {len(actions):,} actions, fewer than one window of {window}; choose a smaller window"
        )
    first, length = series_bounds(actions)
    counts = np.maximum(0, (length - window) // hop + 1)
    # Windows of a series overlap by window − hop, or leave gaps when the hop is larger.
    share = float(
        (counts * min(hop, window) + (counts > 0) * (window - min(hop, window))).sum() / len(actions)
    )
    if unit == "window" and not counts.any():
        raise InputError(
            f"no series has {window} actions, the longest has {length.max()}; choose a smaller window, or whole "
            "series (unit 'series')"
        )
    # A large hop leaves actions out on purpose, so it is no reason to take whole series.
    reached = float(length[counts > 0].sum() / len(actions))
    if unit == "series" or (unit == "auto" and reached < _MOST):
        return _whole_series(actions, encoded, first, length, window, share, asked=unit == "series")
    rows = np.concatenate([f + hop * np.arange(count) for f, count in zip(first, counts, strict=True)])
    values = encoded[rows[:, None] + np.arange(window)]
    notes = [f"{len(rows):,} windows of {window} actions, hop {hop}, cover {share:.1%} of the actions"]
    short = int((length < window).sum())
    if short:
        notes.append(f"{short:,} of {len(length):,} series are shorter than a window and are left out")
    lengths = np.full(len(rows), window, dtype=np.int64)
    return Windows(_table(actions, rows, lengths), values, "window", share, tuple(notes))


def series_bounds(actions: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row and the length of each series."""
    session, agent = (pd.factorize(actions[name])[0] for name in ("session_id", "agent_id"))
    change = np.flatnonzero((np.diff(session) != 0) | (np.diff(agent) != 0)) + 1
    first = np.concatenate([[0], change]).astype(np.int64)
    return first, np.diff(np.append(first, len(actions)))


def _whole_series(
    actions: pd.DataFrame,
    encoded: NDArray[np.float32],
    first: NDArray[np.int64],
    length: NDArray[np.int64],
    window: int,
    share: float,
    *,
    asked: bool,
) -> Windows:
    why = "as asked" if asked else f"because windows of {window} would cover only {share:.1%} of the actions"
    note = f"{len(first):,} whole series of {length.min()} to {length.max()} actions, {why}"
    values = [encoded[f : f + n] for f, n in zip(first, length, strict=True)]
    return Windows(_table(actions, first, length), values, "series", 1.0, (note,))


def _table(actions: pd.DataFrame, rows: NDArray[np.int64], lengths: NDArray[np.int64]) -> pd.DataFrame:
    where = actions[KEY].iloc[rows].reset_index(drop=True)
    where.attrs = {}
    # Filters leave gaps, so the last step does not follow from the length.
    end = actions["step"].to_numpy()[rows + lengths - 1]
    return where.rename(columns={"step": "start"}).assign(end=end, length=lengths, row=rows)
