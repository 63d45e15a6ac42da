"""A benchmark as text for a terminal, at most 110 columns wide."""

from collections.abc import Iterable, Iterator, Sequence

from engine.measure import GPU, Benchmark
from engine.neighbours import Query
from engine.speed import Speed
from engine.timing import Ratio


def listing(benchmark: Benchmark) -> str:
    """Return the tables of a benchmark.

    Parameters
    ----------
    benchmark
        One run.
    """
    return "\n".join(
        [
            *_heading(benchmark),
            *_grid(benchmark),
            *_gpu(benchmark),
            *_unequal_lengths(benchmark),
            *_overlapping(benchmark),
            *_queries(benchmark),
            *_quality(benchmark),
            *_absent(benchmark),
        ]
    )


def _heading(benchmark: Benchmark) -> Iterator[str]:
    environment = benchmark.environment
    yield f"{environment['measured at']}, {environment['system']}, {environment['processors']} processors"
    yield f"kernel: {benchmark.kernel}"
    yield "programs: " + ", ".join(f"{name} {version}" for name, version in benchmark.programs.items())
    yield ""
    yield "Million DP cells a second, all pairs, median of the rounds; behind it how many times as fast gymlab is,"
    yield "as the ratio of medians [least and largest of a round]."


def _grid(benchmark: Benchmark) -> Iterator[str]:
    grid = [group for group in benchmark.groups if len({speed.case for speed in group}) == 1]
    counts = sorted({speed.threads for group in grid for speed in group})
    others = [name for name in benchmark.programs if name != "gymlab"]
    for threads in counts:
        rows = []
        for group in grid:
            found = {speed.program: speed for speed in group if speed.threads == threads}
            case, ours = group[0].case, found["gymlab"]
            radius = "none" if case.radius is None else str(case.radius)
            rows.append(
                [
                    str(case.channels),
                    str(case.length),
                    radius,
                    _rate(ours),
                    *(cell for name in others for cell in _against(ours, found.get(name))),
                ]
            )
        yield ""
        yield "one thread" if threads == 1 else f"{threads} threads"
        header = ["channels", "length", "radius", "gymlab", *(cell for name in others for cell in (name, ""))]
        yield from _table(header, rows)


def _gpu(benchmark: Benchmark) -> Iterator[str]:
    rows = [
        [str(speed.case.channels), str(speed.case.length), _radius(speed), _rate(speed), str(speed.series)]
        for group in benchmark.groups
        for speed in group
        if speed.program == GPU
    ]
    if rows:
        yield ""
        yield "on the GPU"
        yield from _table(["channels", "length", "radius", "cells/s", "series"], rows)


def _unequal_lengths(benchmark: Benchmark) -> Iterator[str]:
    rows = []
    for group in benchmark.groups:
        for speed in (one for one in group if one.case.ragged):
            equal = next(one for one in group if one.program == speed.program and not one.case.ragged)
            ratio = _ratio(speed.over(equal))
            rows.append([str(speed.case.channels), speed.program, _rate(equal), _rate(speed), ratio])
    yield ""
    yield "unequal lengths, 60 to 140, beside equal length 100; one thread, no band"
    yield from _table(["channels", "program", "equal", "unequal", "unequal : equal"], rows)


def _overlapping(benchmark: Benchmark) -> Iterator[str]:
    rows = []
    for group in benchmark.groups:
        if any(speed.case.hop for speed in group):
            unrelated, *windows = group
            cells = [cell for speed in windows for cell in (_rate(speed), _ratio(speed.over(unrelated)))]
            rows.append([str(unrelated.case.channels), str(unrelated.case.length), _rate(unrelated), *cells])
    yield ""
    yield "windows of one long series, which share local costs, beside unrelated ones; gymlab, one thread, no band"
    yield from _table(
        ["channels", "length", "unrelated", "hop 1", "against these", "hop 10", "against these"], rows
    )


def _queries(benchmark: Benchmark) -> Iterator[str]:
    yield ""
    if not benchmark.queries:
        yield "neighbour queries: not measured, the log has too few windows"
        return
    first = benchmark.queries[0]
    yield f"neighbour queries: {first.series:,} windows of {benchmark.log.rpartition('/')[2]}, radius {first.radius}"
    rows = [
        [
            query.name,
            f"{query.edges:,}",
            f"{_median(query.seconds):.2f} s",
            f"{_median(query.matrix_seconds):.2f} s",
            _ratio(query.ratio),
            f"{query.rows_alike} of {query.rows_checked}",
        ]
        for query in benchmark.queries
    ]
    yield from _table(["asked", "neighbours", "query", "full matrix", "times as fast", "rows alike"], rows)
    if first.extrapolated:
        yield f"full matrix: extrapolated from {first.extrapolated:,} windows by the number of pairs"
    for query in benchmark.queries:
        yield f"{query.name}: {_shares(query)}"


def _shares(query: Query) -> str:
    stats = query.stats
    counts = {
        **{f"ruled out by {name}": count for name, count in stats.pruned.items()},
        "accepted": stats.accepted,
        "abandoned": stats.abandoned,
        "computed": stats.computed,
    }
    return ", ".join(f"{count / stats.pairs:.1%} {name}" for name, count in counts.items() if count)


def _quality(benchmark: Benchmark) -> Iterator[str]:
    memory = benchmark.memory
    yield ""
    yield (
        f"memory: a fresh process peaks at {memory.peak_bytes / 1e6:,.0f} MB for {memory.series:,} series, "
        f"{memory.start_bytes / 1e6:,.0f} MB of it before;"
    )
    yield f"  what is added is {memory.share:.2f} × the condensed matrix of {memory.matrix_bytes / 1e6:,.0f} MB"
    worst = max(benchmark.errors, key=lambda error: error.largest)
    pairs = sum(error.pairs for error in benchmark.errors)
    yield (
        f"digits: of {pairs:,} pairs the largest relative error to float64 is {worst.largest:.1e} "
        f"({worst.case.channels} channels, length {worst.case.length})"
    )


def _absent(benchmark: Benchmark) -> Iterator[str]:
    for one in benchmark.absent:
        yield f"not measured: {one.name} ({one.why})"
    for speed in benchmark.disagreeing:
        yield (
            f"does not compare: {speed.program} differs by {speed.disagreement:.1e} of the distance at "
            f"{speed.case.channels} channels, length {speed.case.length}"
        )


def _against(ours: Speed, other: Speed | None) -> tuple[str, str]:
    return ("–", "") if other is None else (_rate(other), _ratio(ours.over(other)))


def _rate(speed: Speed) -> str:
    return f"{speed.rate:,.0f}"


def _radius(speed: Speed) -> str:
    return "none" if speed.case.radius is None else str(speed.case.radius)


def _ratio(ratio: Ratio) -> str:
    return f"{_short(ratio.median)} [{_short(ratio.low)}–{_short(ratio.high)}]"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}" if value >= 2 else f"{value:.2f}"


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    lines = [header, *rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(header))]
    for line in lines:
        yield "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
