"""Which kernel runs: what the machine allows, and the same distances on machines that allow less."""

import json
import logging
import os
import platform
import subprocess
import sys
from pathlib import Path

import naive
import numpy as np
import pytest
from llvmlite import binding
from made import rules
from scipy.spatial.distance import squareform

from gymlab.distance import dtw_neighbors, dtw_pairwise
from gymlab.distance.kernels import vectors
from gymlab.distance.kernels.vectors import (
    kernel_path,
    target_features,
    vectors_in_flight,
    vectors_looked_up,
)


def walks(n=40, length=9, channels=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, length, channels)).cumsum(axis=1)


@pytest.fixture
def chosen_anew():
    """The kernel is chosen once; here it is chosen again, and once more afterwards."""
    kernel_path.cache_clear()
    yield
    kernel_path.cache_clear()


def test_the_path_has_a_name_and_says_why():
    path = kernel_path()
    assert path.name in {"vector", "plain"}
    assert path.lanes % 16 == 0
    assert path.reason
    assert kernel_path() is path


def refused():
    raise RuntimeError("LLVM knows no such vector " + "!" * 1000)


@pytest.mark.usefixtures("chosen_anew")
def test_where_vectors_do_not_compile_plain_loops_run_and_the_log_says_why(monkeypatch, caplog):
    expected = dtw_pairwise(walks(channels=2))
    kernel_path.cache_clear()
    monkeypatch.setattr(vectors, "_try_vectors", refused)
    with caplog.at_level(logging.WARNING, logger="gymlab"):
        path = kernel_path()
    assert path.name == "plain"
    assert "LLVM knows no such vector" in path.reason
    assert len(path.reason) < 300
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "LLVM knows no such vector" in record.getMessage()
    assert "plain loops run instead" in record.getMessage()
    np.testing.assert_allclose(dtw_pairwise(walks(channels=2)), expected, rtol=1e-6)
    assert dtw_neighbors(walks(channels=2), k=1).stats.pruned == {}


@pytest.mark.usefixtures("chosen_anew")
def test_vectors_that_compile_to_something_wrong_are_not_used(monkeypatch):
    monkeypatch.setattr(vectors, "_add_lanes", lambda costs: costs.fill(7))
    path = kernel_path()
    assert path.name == "plain"
    assert "wrong sums" in path.reason


def few_points():
    rng = np.random.default_rng(1)
    return rng.normal(size=(3, 3))[rng.integers(3, size=(500, 12))]


def distances_and_graphs():
    """By computed costs, by shared ones, and in bands of their own."""
    rng = np.random.default_rng(2)
    ragged = [one[: rng.integers(2, 10)] for one in walks(150)]
    matrices = [dtw_pairwise(walks(150)), dtw_pairwise(few_points()), dtw_pairwise(ragged, radius=2)]
    found = [dtw_neighbors(walks(150), k=3), dtw_neighbors(few_points(), k=3, radius=1)]
    assert "keogh" in found[0].stats.pruned
    assert "segments" in found[1].stats.pruned
    return matrices, [one.graph for one in found]


def test_how_many_vectors_are_in_flight_changes_no_bit(monkeypatch):
    """Processors with half the registers keep one vector in flight, others several.

    Each number is a type of its own, so that this compiles the kernels once more, when they are not in the cache.
    """
    found = []
    for features in ({"avx512f"}, {"avx2"}):
        monkeypatch.setattr(vectors, "target_features", lambda features=features: frozenset(features))
        assert vectors_in_flight(3) == vectors_looked_up(12) == (4 if features == {"avx512f"} else 1)
        found.append(distances_and_graphs())
    (matrices, graphs), (other_matrices, other_graphs) = found
    for one, other in zip(matrices, other_matrices, strict=True):
        np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))
    for one, other in zip(graphs, other_graphs, strict=True):
        np.testing.assert_array_equal(one.indices, other.indices)
        np.testing.assert_array_equal(one.data.view(np.uint32), other.data.view(np.uint32))


@pytest.mark.parametrize("channels", range(1, 20))
def test_there_is_always_a_vector_in_flight_and_never_more_for_more_channels(monkeypatch, channels):
    for features in ({"avx512f"}, {"avx2"}, set()):
        monkeypatch.setattr(vectors, "target_features", lambda features=features: frozenset(features))
        assert 1 <= vectors_in_flight(channels + 1) <= vectors_in_flight(channels) <= 4
        assert 1 <= vectors_looked_up(channels + 20) <= vectors_looked_up(channels) <= 4


CHILD = """
import json, sys
import numpy as np
from gymlab.distance import dtw_neighbors, dtw_pairwise
from gymlab.distance.kernels import sweeps
from gymlab.distance.kernels.vectors import kernel_path, target_features

series = np.load(sys.argv[1])
matrix = dtw_pairwise(series)
graph = dtw_neighbors(series, k=3).graph
(code,) = sweeps.sweep.inspect_asm().values()
print(json.dumps({
    "path": kernel_path().name,
    "reason": kernel_path().reason,
    "features": sorted(target_features()),
    "matrix": matrix.tolist(),
    "indices": graph.indices.tolist(),
    "calls": [name for name in ("fmaf", "fma@") if name in code],
    "widest": "zmm" if "zmm" in code else "ymm" if "ymm" in code else "xmm",
}))
"""

HASWELL = {"avx", "avx2", "bmi", "bmi2", "fma", "sse4.2"}


def compiled_for(tmp_path, **environment):
    """What a process computes whose kernels are compiled anew for another processor."""
    np.save(tmp_path / "series.npy", walks())
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "series.npy")],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "NUMBA_CACHE_DIR": str(tmp_path),
            **environment,
        },
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_right(found):
    series = walks().tolist()
    expected = np.array([[naive.dtw(x, y) for y in series] for x in series])
    # As float32 of short series has it.
    np.testing.assert_allclose(squareform(found["matrix"]), expected, rtol=1e-6)
    np.fill_diagonal(expected, np.inf)
    nearest = np.sort(np.argsort(expected, axis=1, kind="stable")[:, :3], axis=1)
    assert found["indices"] == nearest.ravel().tolist()


@pytest.mark.slow
def test_vectors_compile_and_are_right_for_any_processor(tmp_path):
    """No vector instructions but the least; nothing is fused, which would be a call for each number."""
    found = compiled_for(tmp_path, NUMBA_CPU_NAME="generic")
    assert found["path"] == "vector"
    assert "none known" in found["reason"]
    assert found["features"] == []
    assert found["calls"] == []
    assert found["widest"] == "xmm"
    assert_right(found)


def has_all_of_haswell():
    return platform.machine() in {"x86_64", "AMD64"} and all(
        binding.get_host_cpu_features().get(feature, False) for feature in HASWELL
    )


@pytest.mark.slow
@pytest.mark.skipif(not has_all_of_haswell(), reason="code for AVX2 does not run here")
def test_vectors_compile_and_are_right_with_half_the_width(tmp_path):
    features = ",".join(f"+{feature}" for feature in sorted(HASWELL))
    found = compiled_for(tmp_path, NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES=features)
    assert found["path"] == "vector"
    assert "avx2" in found["reason"]
    assert set(found["features"]) == HASWELL
    assert found["calls"] == []
    assert found["widest"] == "ymm"
    assert_right(found)


UNCOMPILED = """
import numpy as np
from gymlab.distance import dtw, dtw_neighbors, dtw_pairs, dtw_pairwise, dtw_cross, dtw_subsequence, envelope, lb_webb
from gymlab.errors import InputError

series = [[0, 1, 2], [0, 1, 1], [3, 3, 3]]
for call in (
    lambda: dtw_pairwise(series),
    lambda: dtw_pairwise(series, out="distances.npy"),
    lambda: dtw_cross(series, series),
    lambda: dtw_pairs(series, [0], [1]),
    lambda: dtw_neighbors(series, k=1),
):
    try:
        print(call())
    except InputError as error:
        print(str(error).split(",")[0])
print(dtw([0, 1, 2], [3, 3, 3]), len(dtw_subsequence([1], [0, 1])), lb_webb([0, 0], [3, 4]))
print(envelope([0, 3, 1], radius=1)[1].ravel().tolist())
"""


def test_where_numba_compiles_nothing_matrices_say_so_and_the_rest_is_slow_and_right(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", UNCOMPILED],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:5] == ["NUMBA_DISABLE_JIT is set"] * 5
    expected = naive.dtw([[0], [1], [2]], [[3], [3], [3]])
    assert lines[5] == f"{expected} 1 5.0"
    assert lines[6] == "[3.0, 3.0, 3.0]"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["doctor"], ["extract", "LOG"], ["report", "LOG", "--out", "runs"]])
def test_on_the_command_line_it_is_one_line(tmp_path, command):
    rules(2, 2, 40).to_parquet(tmp_path / "log.parquet")
    done = subprocess.run(
        [sys.executable, "-m", "gymlab", *[word.replace("LOG", "log.parquet") for word in command]],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={
            **os.environ,
            "NUMBA_DISABLE_JIT": "1",
            "GYMLAB_HOME": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).parents[1]),
        },
    )
    assert done.returncode == (1 if command == ["doctor"] else 2)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "NUMBA_DISABLE_JIT" in line]
    assert len(said) == 1
    assert "unset it" in said[0]
    assert "Traceback" not in done.stderr


def test_where_no_folder_can_keep_kernels_the_message_names_the_variable():
    done = subprocess.run(
        [sys.executable, "-m", "gymlab", "extract"],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator",
            "NUMBA_CACHE_DIR": os.devnull + "/kernels",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        },
    )
    assert done.returncode == 2
    assert done.stderr.startswith("gymlab: numba finds no folder to keep compiled kernels in")
    assert done.stderr.count("\n") == 1


def test_without_other_wishes_numba_compiles_for_this_processor():
    if "NUMBA_CPU_FEATURES" in os.environ or "NUMBA_CPU_NAME" in os.environ:
        pytest.skip("numba is told to compile for another processor")
    here = {name for name, present in binding.get_host_cpu_features().items() if present}
    assert target_features() <= here
    assert target_features() & {"sse2", "neon", "vsx"} == here & {"sse2", "neon", "vsx"}
