"""The benchmark: what is measured is what is said, and what is absent is said too."""

import dataclasses
import json
import sys
from importlib.metadata import PackageNotFoundError

import naive
import numpy as np
import pytest
from engine import neighbours, programs
from engine.cases import LONGEST, SHORTEST, Case
from engine.elsewhere import program_of
from engine.listing import listing
from engine.measure import Benchmark, run_benchmark
from engine.plan import Plan
from engine.programs import LocalProgram
from engine.speed import Speed, groups, measure_group
from engine.timing import Ratio, ratio_of, take_turns
from made import rules

from gymlab.distance import dtw_neighbors, dtw_pairwise
from gymlab.errors import InputError
from gymlab.workbench.results import to_json

# One benchmark for all of them.
TINY = Plan(
    channels=(1, 2),
    lengths=(12,),
    seconds=0.002,
    rounds=3,
    group_seconds=0.1,
    overlap_channels=(2,),
    overlap_lengths=(12,),
    memory_series=300,
    windows=150,
    query_rounds=1,
    matrix_seconds=5.0,
)


@pytest.fixture(scope="module")
def log_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "rules.csv"
    rules().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def measured(log_file):
    """A real run on a small plan: what is printed, and its JSON."""
    benchmark = run_benchmark(str(log_file), plan=TINY)
    return listing(benchmark), json.loads(to_json(benchmark.as_dict()))


def test_every_program_is_measured_and_what_is_absent_is_said(measured):
    printed, found = measured
    assert found["schema"] == 1
    assert {"gymlab", "tslearn"} <= set(found["programs"])
    assert "aeon" in found["absent"]
    assert "not measured: aeon (not asked for: GYMLAB_AEON_PYTHON" in printed
    assert all(len(line) <= 130 for line in printed.splitlines())
    speeds = found["speeds"]
    assert {speed["program"] for speed in speeds} == set(found["programs"])
    assert all(len(speed["seconds"]) == 3 and min(speed["seconds"]) > 0 for speed in speeds)
    assert {(speed["case"]["channels"], speed["case"]["radius"]) for speed in speeds} >= {
        (1, None),
        (1, 2),
        (2, None),
        (2, 2),
    }


def test_every_program_computed_what_gymlab_computed(measured):
    _, found = measured
    assert max(speed["disagreement"] for speed in found["speeds"]) < 1e-5
    assert max(error["largest"] for error in found["errors"]) < 1e-5
    assert all(0 < error["median"] <= error["largest"] for error in found["errors"])


def test_rates_and_ratios_follow_from_the_seconds(measured):
    _, found = measured
    first, other = found["speeds"][0], next(s for s in found["speeds"] if s["program"] == "tslearn")
    for speed in (first, other):
        rate = speed["cells"] / np.median(speed["seconds"]) / 1e6
        assert speed["million_cells_a_second"] == pytest.approx(rate)
    ratio = other["gymlab_is_as_fast"]
    assert ratio["low"] <= ratio["high"]
    assert ratio["median"] == pytest.approx(first["million_cells_a_second"] / other["million_cells_a_second"])


def test_queries_and_memory_are_held_against_the_matrix(measured):
    printed, found = measured
    nearest, within = found["queries"]["asked"]
    assert (nearest["name"], nearest["edges"]) == ("the nearest 10", 150 * 10)
    for query in (nearest, within):
        assert query["rows_alike"] == query["rows_checked"] == 150
        stats = query["stats"]
        counted = sum(stats[name] for name in ("accepted", "abandoned", "computed"))
        assert counted + sum(stats["pruned"].values()) == stats["pairs"] == 150 * 149
    assert found["memory"]["matrix_bytes"] == 4 * 300 * 299 // 2
    assert found["memory"]["peak_bytes"] > found["memory"]["matrix_bytes"]
    assert "neighbour queries: 150 windows of rules.csv, radius 2" in printed


@pytest.mark.parametrize("radius", [None, 0, 1, 3, 9, 50])
def test_cells_are_those_of_the_band(radius):
    case, n, length = Case(1, 10, radius), 5, 10
    inside = sum(naive.in_band(i, j, length, length, radius) for i in range(length) for j in range(length))
    assert case.cells(n) == n * (n - 1) // 2 * inside


def test_cells_of_unequal_lengths_are_counted_pair_by_pair():
    case = Case(2, 100, ragged=True)
    series = case.series(7)
    assert all(SHORTEST <= len(one) <= LONGEST and one.shape[1] == 2 for one in series)
    assert len({len(one) for one in series}) > 1
    assert case.cells(7) == sum(len(a) * len(b) for k, a in enumerate(series) for b in series[k + 1 :])


@pytest.mark.parametrize("case", [Case(2, 9), Case(2, 9, hop=1), Case(1, 100, ragged=True)])
def test_more_series_begin_with_the_same_ones(case):
    few, many = case.series(4), case.series(9)
    assert len(many) == 9
    assert all(np.array_equal(a, b) for a, b in zip(few, many, strict=False)) or case.hop


def test_windows_of_one_series_overlap_by_all_but_the_hop():
    for hop in (1, 4):
        windows = Case(3, 10, hop=hop).series(6)
        assert windows.shape == (6, 10, 3)
        np.testing.assert_array_equal(windows[1:, : 10 - hop], windows[:-1, hop:])


def test_programs_take_turns_and_none_always_comes_first():
    order = []

    def job(name):
        return lambda: order.append(name) or 1.0

    assert take_turns([job("a"), job("b"), job("c")], 3) == [(1.0, 1.0, 1.0)] * 3
    assert "".join(order) == "abc" + "bca" + "cab"


def test_a_ratio_is_that_of_the_medians_and_its_spread_that_of_the_rounds():
    ratio = ratio_of([30.0, 10.0, 20.0], [2.0, 1.0, 4.0])
    assert ratio == Ratio(10.0, 5.0, 15.0)
    assert str(ratio) == "10 × [5, 15]"


def wrong_program():
    return LocalProgram(
        "wrong", "1", 24, lambda series, radius, _: lambda: dtw_pairwise(series, radius=radius) * 1.01
    )


def test_a_program_that_computes_something_else_is_named(measured):
    del measured
    found, _ = programs.local_programs()
    case = Case(1, 12)
    ours, theirs = measure_group([(case, found[0], 1), (case, wrong_program(), 1)], TINY)
    assert ours.disagreement == 0
    assert theirs.disagreement == pytest.approx(0.01, rel=1e-3)
    ragged = [
        dataclasses.replace(speed, case=Case(1, 100, ragged=kind))
        for speed in (ours,)
        for kind in (False, True)
    ]
    benchmark = benchmark_of([(ours, theirs), tuple(ragged)])
    assert benchmark.disagreeing == [theirs]
    assert "does not compare: wrong differs by 1.0e-02 of the distance at 1 channels, length 12" in listing(
        benchmark
    )


def benchmark_of(found) -> Benchmark:
    from engine.quality import Error, MatrixMemory

    from gymlab.workbench.results import environment

    return Benchmark(
        environment=environment(),
        kernel="plain",
        programs={"gymlab": "1", "wrong": "1"},
        absent=(),
        groups=tuple(found),
        queries=(),
        memory=MatrixMemory(Case(1, 12), 10, 180, 1_000, 1_400),
        errors=(Error(Case(1, 12), 45, 1e-8, 1e-7),),
        log="",
    )


def test_memory_added_is_told_as_a_share_of_the_matrix():
    assert benchmark_of([]).memory.share == pytest.approx(400 / 180)


def test_a_log_with_few_windows_is_benchmarked_without_queries():
    assert "neighbour queries: not measured, the log has too few windows" in listing(benchmark_of([]))


def test_every_group_begins_with_gymlab_on_one_thread():
    found, _ = programs.local_programs()
    for entries in groups(found, 2, TINY):
        assert (entries[0][1].name, entries[0][2]) == ("gymlab", 1)
    one = list(groups(found, 1, TINY))
    assert {threads for entries in one for _, _, threads in entries} == {1}


def test_windows_of_a_log_are_at_hop_one_and_bounded(log_file):
    windows = neighbours.windows_of(str(log_file), 100)
    assert windows.values.shape[:2] == (100, neighbours.WINDOW)
    np.testing.assert_array_equal(windows.values[0, 1:], windows.values[1, :-1])
    assert len(neighbours.windows_of(str(log_file), 10**6).values) == 9 * (60 - neighbours.WINDOW + 1)


@pytest.mark.parametrize("asked", [{"k": 3}, {"eps": 2.0}])
def test_a_row_that_is_not_what_all_distances_say_is_noticed(asked):
    series = Case(1, 12).series(30)
    graph = dtw_neighbors(series, **asked)
    square = np.array(
        [
            [0.0 if i == j else naive.dtw(a.tolist(), b.tolist()) for j, b in enumerate(series)]
            for i, a in enumerate(series)
        ],
        dtype=np.float32,
    )
    row = int(np.argmax(np.diff(graph.graph.indptr)))
    assert neighbours._alike(graph, row, square[row], **asked)
    farther = square[row].copy()
    farther[graph.graph.indices[graph.graph.indptr[row]]] += 1.0
    assert not neighbours._alike(graph, row, farther, **asked)
    nearer = square[row].copy()
    absent = (
        set(range(30)) - {row} - set(graph.graph.indices[slice(*graph.graph.indptr[row : row + 2])].tolist())
    )
    nearer[absent.pop()] = 0.0
    assert not neighbours._alike(graph, row, nearer, **asked)


FAKE_AEON = """
import sys
sys.path.insert(0, {tests!r})
import naive
import numpy as np

def dtw_pairwise_distance(series, window=None, n_jobs=1):
    n = len(series)
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1, n):
            a, b = series[i].T.tolist(), series[j].T.tolist()
            radius = None if window is None else int(window * min(len(a), len(b)))
            out[i, j] = out[j, i] = naive.dtw(a, b, radius) ** 2
    return out
"""


@pytest.fixture
def aeon_python(tmp_path):
    """An interpreter that has a package of aeon's name, whose distances are those of the oracle."""
    package = tmp_path / "fake" / "aeon"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("__version__ = '1.6.0'\n", encoding="utf-8")
    source = FAKE_AEON.format(tests=str(naive.__file__).rpartition("/")[0])
    (package / "distances.py").write_text(source, encoding="utf-8")
    start = tmp_path / "python"
    code = f"import runpy, sys; sys.path.insert(0, {str(package.parent)!r}); runpy.run_path(sys.argv[2], run_name='__main__')"
    start.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n', encoding="utf-8")
    start.chmod(0o755)
    return str(start)


@pytest.mark.parametrize("case", [Case(1, 12), Case(2, 12, 2), Case(1, 100, ragged=True)])
def test_aeon_runs_in_its_own_interpreter_on_the_same_series(aeon_python, case):
    with program_of(aeon_python) as aeon:
        assert (aeon.name, aeon.version) == ("aeon", "1.6.0")
        series = case.series(4)
        job = aeon.prepare(series, case.radius, 1)
        assert job.seconds() > 0
        np.testing.assert_allclose(job.distances(), dtw_pairwise(series, radius=case.radius), rtol=1e-5)


def test_an_interpreter_without_aeon_is_said_in_one_sentence():
    with pytest.raises(InputError, match="No module named 'aeon'"), program_of(sys.executable):
        pass
    with pytest.raises(InputError, match="cannot start /nowhere/python"), program_of("/nowhere/python"):
        pass


def test_without_dtaidistance_the_rest_is_measured(monkeypatch):
    def version(name):
        if name == "dtaidistance":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(programs, "version", version)
    found, absent = programs.local_programs()
    assert [program.name for program in found] == ["gymlab", "tslearn"]
    assert [(one.name, one.why) for one in absent] == [
        ("dtaidistance", "not installed: pip install 'gymlab[bench]'")
    ]


def test_speeds_of_a_group_compare_round_by_round():
    fast = Speed(Case(1, 12), "gymlab", 1, 10, 10_000_000, (1.0, 2.0, 1.0))
    slow = Speed(Case(1, 12), "other", 1, 5, 5_000_000, (5.0, 5.0, 1.0))
    assert fast.rate == 10.0
    assert fast.over(slow) == Ratio(10.0, 2.0, 10.0)
