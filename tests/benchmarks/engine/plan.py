"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What one run measures.

    Attributes
    ----------
    channels, lengths
        The grid.
    seconds
        How long one timing on one thread should last, about; on all threads twice as long.
    rounds
        How often the programs take turns.
    group_seconds
        What takes longer in all its rounds than this has fewer of them, three at least.
    overlap_channels, overlap_lengths
        Where windows of one long series are compared with unrelated ones.
    memory_series
        Series of the matrix whose memory is measured.
    windows
        At most so many windows of the log for the neighbour queries.
    query_rounds
        How often the queries and the full matrix take turns.
    matrix_seconds
        The full matrix is computed whole where it takes no longer than this, about; else a part of it.
    """

    channels: tuple[int, ...] = (1, 2, 6, 12)
    lengths: tuple[int, ...] = (20, 50, 100, 200)
    seconds: float = 0.05
    rounds: int = 5
    group_seconds: float = 4.0
    overlap_channels: tuple[int, ...] = (6, 12)
    overlap_lengths: tuple[int, ...] = (20, 100)
    memory_series: int = 8_000
    windows: int = 20_000
    query_rounds: int = 3
    matrix_seconds: float = 20.0


FULL = Plan()
QUICK = Plan(
    channels=(1, 6),
    lengths=(20, 50),
    seconds=0.02,
    rounds=3,
    group_seconds=1.0,
    overlap_channels=(6,),
    overlap_lengths=(20,),
    memory_series=2_000,
    windows=2_000,
    query_rounds=1,
    matrix_seconds=4.0,
)
