"""The windows of a log as arrays for the test of significance: all windows, or those of a sample of sessions."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.windows import Windows, series_bounds
from gymlab.clustering import Labels
from gymlab.patterns.placement import WindowValues, windows_at

Ints = NDArray[np.int64]

# A sample has about this many sessions, if the log has as many. Windows of one session overlap, and sessions are the
# independent evidence. So some windows of many sessions are better than all windows of a few.
_SESSIONS_WANTED = 80


@dataclass(frozen=True, eq=False)
class WindowedLog:
    """The encoded series of a log, their windows, and the labels of the windows.

    Attributes
    ----------
    rows
        float32 ``(n_actions, n_channels)``: the encoded actions, series after series.
    n_codes
        Number of code channels. They come last.
    first, length
        int64 ``(n_series,)``: the first row of each series, and its number of actions.
    agents, sessions
        int64 ``(n_series,)``: the agent and the session of each series, as numbers.
    window_row, window_length, window_series
        int64 ``(n_windows,)``: the first row of each window, its length, and its series.
    labels
        int64 ``(n_windows,)``: the pattern of each window, −1 for noise.
    """

    rows: NDArray[np.float32]
    n_codes: int
    first: Ints
    length: Ints
    agents: Ints
    sessions: Ints
    window_row: Ints
    window_length: Ints
    window_series: Ints
    labels: Ints

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.labels)

    @property
    def window_sessions(self) -> Ints:
        """int64 ``(n_windows,)``: the session of each window."""
        return self.sessions[self.window_series]

    def window_values(self, rows: NDArray[np.float32] | None = None) -> WindowValues:
        """Return the windows as an array, or as a list if their lengths differ; `rows` replace the rows of the log."""
        lengths = self.window_length
        one_length = len(lengths) > 0 and bool((lengths == lengths[0]).all())
        return windows_at(self.rows if rows is None else rows, self.window_row, lengths, as_array=one_length)

    def subset(self, windows: Ints) -> "WindowedLog":
        """Return the log with these windows only, and with the whole series of these windows."""
        kept, series = np.unique(self.window_series[windows], return_inverse=True)
        length = self.length[kept]
        first = np.cumsum(length) - length
        # The number of rows by which each action moves, together with its series.
        moved = np.repeat(self.first[kept] - first, length)
        rows = self.rows[np.arange(length.sum()) + moved]
        return WindowedLog(
            rows=rows,
            n_codes=self.n_codes,
            first=first,
            length=length,
            agents=self.agents[kept],
            sessions=self.sessions[kept],
            window_row=self.window_row[windows] - self.first[kept][series] + first[series],
            window_length=self.window_length[windows],
            window_series=series.astype(np.int64),
            labels=self.labels[windows],
        )


def windowed_log(
    actions: pd.DataFrame, encoded: NDArray[np.float32], n_codes: int, windows: Windows, labels: Labels
) -> WindowedLog:
    """Return the windows of a log and their labels as arrays."""
    first, length = series_bounds(actions)
    row = windows.table["row"].to_numpy(dtype=np.int64)
    agents, sessions = (
        pd.factorize(actions[name].iloc[first])[0].astype(np.int64) for name in ("agent_id", "session_id")
    )
    return WindowedLog(
        rows=encoded,
        n_codes=n_codes,
        first=first,
        length=length,
        agents=agents,
        sessions=sessions,
        window_row=row,
        window_length=windows.table["length"].to_numpy(dtype=np.int64),
        window_series=np.searchsorted(first, row, side="right") - 1,
        labels=labels,
    )


def sample_sessions(log: WindowedLog, most_windows: int, rng: np.random.Generator) -> WindowedLog:
    """Return the log, or a random sample of its sessions with at most ``most_windows`` windows.

    A session of the sample has evenly spread windows, at most ``most_windows`` / 80 of them, or more if the log has
    fewer than 80 sessions. Sessions are drawn until the next one does not fit.

    Parameters
    ----------
    log
        A log with at least one window.
    most_windows
        Largest number of windows, at least 1.
    rng
        Draws the sessions.

    Returns
    -------
    WindowedLog
        ``log`` itself if it has at most ``most_windows`` windows.
    """
    if len(log) <= most_windows:
        return log
    session = log.window_sessions
    order = np.argsort(session, kind="stable")
    _, starts, sizes = np.unique(session[order], return_index=True, return_counts=True)
    each = max(1, most_windows // min(len(sizes), _SESSIONS_WANTED))
    taken: list[Ints] = []
    free = most_windows
    for one in rng.permutation(len(sizes)):
        n = min(each, int(sizes[one]))
        windows = order[starts[one] + np.arange(n) * sizes[one] // n]
        if len(windows) > free:
            break
        taken.append(windows)
        free -= len(windows)
    return log.subset(np.sort(np.concatenate(taken)))
