"""What is tested: the windows of a log as arrays, all of them or those of a seeded sample of sessions."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.windows import Windows, series_bounds
from gymlab.clustering import Labels
from gymlab.patterns.placement import WindowValues, windows_at

Ints = NDArray[np.int64]

# A sample holds about this many sessions where the log has them: sessions are the independent evidence, and windows
# of one session overlap, so many sessions with some windows each say more than a few with all of theirs.
_SESSIONS_WANTED = 80


@dataclass(frozen=True, eq=False)
class WindowedLog:
    """The series of a log as encoded, the windows in them, and their labels.

    Attributes
    ----------
    rows
        float32 ``(n_actions, n_channels)``: the encoded actions, those of a series together and in order.
    n_codes
        How many of the last channels are codes of categories.
    first, length
        int64 ``(n_series,)``: where each series begins in ``rows``, and how many actions it has.
    agents, sessions
        int64 ``(n_series,)``: a number for each agent and session.
    window_row, window_length, window_series
        int64 ``(n_windows,)``: where each window begins in ``rows``, its length, and its series.
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
        """Return the windows of these rows in place of the log's own: an array, or a list if lengths differ."""
        lengths = self.window_length
        alike = len(lengths) > 0 and bool((lengths == lengths[0]).all())
        return windows_at(self.rows if rows is None else rows, self.window_row, lengths, as_array=alike)

    def subset(self, windows: Ints) -> "WindowedLog":
        """Return the log with these windows only, and the series that they lie in, whole."""
        kept, series = np.unique(self.window_series[windows], return_inverse=True)
        length = self.length[kept]
        first = np.cumsum(length) - length
        # Each action's place in the old rows: it moves with its series.
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
    """Return the windows of a log, and the patterns that they are in, as arrays."""
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
    """Return the log, or a random sample of its sessions with at most so many windows.

    Each session gives some of its windows, evenly spread, at most an eightieth of ``most_windows`` where the log has so
    many sessions. Sessions are drawn until no further one fits.

    Parameters
    ----------
    log
        With at least one window.
    most_windows
        At least 1.
    rng
        Draws the sessions.

    Returns
    -------
    WindowedLog
        ``log`` itself if it is small enough.
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
