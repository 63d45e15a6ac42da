"""The GPU functions, in numba's simulator: the same distances and neighbours, one pair a thread."""

import os
import subprocess
import sys

import naive
import numpy as np
import pytest
import simulated_gpu

from gymlab.distance import cuda
from gymlab.distance import dtw_cross as processor_cross
from gymlab.errors import InputError

pytest.importorskip("numba_cuda")

# As in test_distance.py: float32 sums of squares.
RELATIVE, ABSOLUTE = 1e-5, 1e-6

# Query and boundary out of shared memory, and one block that takes all the work; little data in many tiles.
GLOBAL_MEMORY = {"_SHARED": 0, "_BYTES": 1}
SMALL_TILES = {"_PAIRS": 12, "_WARP": 4, "_BYTES": 1, "_FIRST_COLUMNS": 2}

FUNCTIONS = ("dtw_pairwise", "dtw_cross", "dtw_neighbors")


@pytest.fixture(scope="module")
def gpu():
    with simulated_gpu.process() as process:
        yield lambda *arguments, **options: process.submit(simulated_gpu.call, *arguments, **options).result()


@pytest.fixture(scope="module")
def gpu_with_progress():
    with simulated_gpu.process() as process:
        yield lambda *arguments: process.submit(simulated_gpu.seen_progress, *arguments).result()


def made(lengths, channels, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, channels)) for length in lengths]


def naive_square(series, radius=None, weights=()):
    n = len(series)
    square = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            square[i, j] = square[j, i] = naive.dtw(series[i], series[j], radius, weights)
    return square


def naive_nearest(square, k):
    return [
        sorted(sorted((row[j], j) for j in range(len(row)) if j != i)[:k], key=lambda pair: pair[1])
        for i, row in enumerate(square)
    ]


def rows_of(graph):
    return [
        list(zip(graph[[i]].data.tolist(), graph[[i]].indices.tolist(), strict=True))
        for i in range(graph.shape[0])
    ]


# Lengths on both sides of the strips' 8 columns, and of one time point.
@pytest.mark.parametrize("tiles", [{}, GLOBAL_MEMORY, SMALL_TILES], ids=["shared", "global", "tiles"])
@pytest.mark.parametrize("radius", [None, 0, 2])
@pytest.mark.parametrize(
    ("lengths", "channels"), [([5] * 5, 1), ([3, 19, 1, 9, 8, 1], 2)], ids=["equal", "unequal"]
)
def test_the_matrix_agrees_with_plain_loops(gpu, lengths, channels, radius, tiles):
    series = made(lengths, channels)
    expected = naive_square(series, radius)
    first, second = np.triu_indices(len(series), 1)
    condensed = gpu("dtw_pairwise", series, radius=radius, tiles=tiles)
    assert condensed.dtype == np.float32
    np.testing.assert_allclose(condensed, expected[first, second], RELATIVE, ABSOLUTE)


@pytest.mark.parametrize("radius", [None, 1])
def test_the_cross_matrix_is_the_same_bits_transposed_and_zero_for_identical_series(gpu, radius):
    series = made([4, 11, 6, 2], 3, seed=1)
    others = [*made([9, 1], 3, seed=2), series[1], series[3]]
    there = gpu("dtw_cross", series, others, radius=radius)
    np.testing.assert_array_equal(there, gpu("dtw_cross", others, series, radius=radius).T)
    assert there.shape == (4, 4)
    assert there[1, 2] == there[3, 3] == 0
    expected = [[naive.dtw(a, b, radius) for b in others] for a in series]
    np.testing.assert_allclose(there, expected, RELATIVE, ABSOLUTE)


def test_codes_of_categories_cost_their_weight_when_they_differ(gpu):
    rng = np.random.default_rng(3)
    series = [np.column_stack([rng.normal(size=n), rng.integers(0, 3, size=(n, 2))]) for n in (4, 7, 5, 10)]
    weights = (0.5, 2.0)
    expected = naive_square(series, 2, weights)
    first, second = np.triu_indices(4, 1)
    there = gpu("dtw_pairwise", series, radius=2, mismatch_weights=weights)
    np.testing.assert_allclose(there, expected[first, second], RELATIVE, ABSOLUTE)


@pytest.mark.parametrize(("offset", "scale"), [(1e8, 1.0), (0, 1e28), (0, 1e-25)])
def test_far_offsets_and_extreme_scales_keep_their_digits(gpu, offset, scale):
    series = [offset + scale * one for one in made([4, 4, 4], 1, seed=4)]
    expected = naive_square(series)
    there = gpu("dtw_pairwise", series)
    np.testing.assert_allclose(there, expected[np.triu_indices(3, 1)], RELATIVE)
    graph = gpu("dtw_neighbors", series, eps=float(there[0])).graph
    assert graph[0, 1] == there[0]
    assert graph.nnz == 2 * np.count_nonzero(there <= there[0])


def test_a_series_with_many_channels_keeps_one_column_a_strip(gpu):
    series = made([3, 2, 4], 40, seed=5)
    there = gpu("dtw_pairwise", series)
    np.testing.assert_allclose(there, naive_square(series)[np.triu_indices(3, 1)], RELATIVE)


@pytest.mark.parametrize("tiles", [{}, SMALL_TILES], ids=["one tile", "many tiles"])
@pytest.mark.parametrize("quantile", [0.0, 0.3, 1.0])
def test_the_eps_graph_holds_every_pair_within_eps_in_both_directions(gpu, quantile, tiles):
    series = made([6, 18, 1, 9, 8, 6, 12], 1, seed=6)
    series.append(series[1])
    distances = processor_cross(series, series)
    n = len(series)
    eps = float(np.quantile(distances[np.triu_indices(n, 1)], quantile, method="lower"))
    result = gpu("dtw_neighbors", series, eps=eps, tiles=tiles)
    graph = result.graph.tocoo()
    expected = (naive_square(series) <= eps * (1 + RELATIVE)) & ~np.eye(n, dtype=bool)
    assert set(zip(*graph.coords, strict=True)) == set(zip(*np.nonzero(expected), strict=True))
    np.testing.assert_allclose(graph.data, distances[graph.coords], RELATIVE)
    assert (result.graph != result.graph.T).nnz == 0
    # Identical series are neighbours at an explicit 0.
    assert 7 in result.graph[[1]].indices
    stats = result.stats
    assert stats.pairs == n * (n - 1) == stats.computed + stats.abandoned + stats.pruned["kim"]
    if quantile < 1:
        assert stats.pruned["kim"] > 0
    if 0 < quantile < 1:
        assert stats.abandoned > 0


@pytest.mark.parametrize("tiles", [{}, SMALL_TILES], ids=["one tile", "many tiles"])
@pytest.mark.parametrize(("k", "radius"), [(1, None), (3, 1), (7, None)])
def test_the_k_nearest_are_those_of_plain_loops(gpu, k, radius, tiles):
    series = made([6, 18, 1, 9, 8, 6, 12, 2], 2, seed=7)
    expected = naive_nearest(naive_square(series, radius), k)
    result = gpu("dtw_neighbors", series, k=k, radius=radius, tiles=tiles)
    there = rows_of(result.graph)
    assert [[j for _, j in row] for row in there] == [[j for _, j in row] for row in expected]
    np.testing.assert_allclose(
        [[d for d, _ in row] for row in there], [[d for d, _ in row] for row in expected], RELATIVE
    )
    stats = result.stats
    assert stats.pairs == 56 == stats.computed + stats.abandoned + stats.pruned["kim"]
    if tiles and k == 1:
        assert stats.pruned["kim"] + stats.abandoned > 0


def test_of_equally_near_series_the_lower_index_is_the_neighbour_whatever_the_order_of_work(gpu):
    # Constant series of 0 and 1: every distance is 0 or a whole number, and the longest stand first in the input
    # but last in the order of lengths.
    series = [
        np.full((length, 1), float(level)) for length, level in zip(range(9, 1, -1), [0, 1] * 4, strict=True)
    ]
    expected = naive_nearest(naive_square(series), 2)
    assert rows_of(gpu("dtw_neighbors", series, k=2, tiles=SMALL_TILES).graph) == expected


def test_series_of_one_time_point_have_one_cell_and_no_other_bound(gpu):
    result = gpu("dtw_neighbors", [[0.0], [3.0], [10.0]], eps=3)
    assert rows_of(result.graph) == [[(3.0, 1)], [(3.0, 0)], []]
    assert result.stats.pruned["kim"] == 4


def test_edges_alone_are_true(gpu):
    series = made([4, 4, 4, 4], 1, seed=8)
    graph = gpu("dtw_neighbors", series, k=1, values=False).graph
    assert graph.dtype == bool
    assert graph.nnz == 4


def test_a_single_series_has_no_pairs(gpu):
    assert gpu("dtw_pairwise", [[1.0, 2.0]]).shape == (0,)
    with pytest.raises(InputError, match="a single series has no neighbours"):
        gpu("dtw_neighbors", [[1.0, 2.0]], eps=1)


def test_progress_reaches_the_total_tile_by_tile(gpu_with_progress):
    series = made([5] * 6, 1, seed=9)
    result, seen = gpu_with_progress(series)
    np.testing.assert_allclose(result, naive_square(series)[np.triu_indices(6, 1)], RELATIVE)
    assert len(seen) > 2
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]


TWO = [[1.0], [2.0]]


@pytest.mark.parametrize(
    ("name", "arguments", "options", "message"),
    [
        (
            "dtw_pairwise",
            ([[1.0, 2.0], [np.nan, 1.0]],),
            {},
            "series 1 holds NaN or infinity at time point 0",
        ),
        ("dtw_pairwise", ([],), {}, "no series"),
        ("dtw_pairwise", (TWO,), {"radius": -1}, "radius is -1"),
        ("dtw_pairwise", (TWO,), {"out": np.empty(3, np.float32)}, "shape (1,)"),
        ("dtw_pairwise", (TWO,), {"out": np.empty(1)}, "float32"),
        ("dtw_pairwise", (TWO,), {"mismatch_weights": (1, 2)}, "mismatch_weights"),
        ("dtw_pairwise", (TWO,), {"mismatch_weights": (-1,)}, "mismatch_weights"),
        ("dtw_pairwise", (TWO,), {"mismatch_weights": 5}, "mismatch_weights is 5"),
        ("dtw_cross", (TWO, [[[1.0, 2.0]]]), {}, "different numbers of channels"),
        ("dtw_cross", (TWO, TWO), {"out": np.empty((1, 2), np.float32)}, "shape (2, 2)"),
        ("dtw_neighbors", (TWO,), {}, "give exactly one"),
        ("dtw_neighbors", (TWO,), {"eps": 1, "k": 1}, "give exactly one"),
        ("dtw_neighbors", (TWO,), {"eps": -1}, "eps is -1"),
        ("dtw_neighbors", (TWO,), {"eps": np.inf}, "eps is inf"),
        ("dtw_neighbors", (TWO,), {"eps": np.nan}, "eps is nan"),
        ("dtw_neighbors", (TWO,), {"eps": "1"}, "eps is '1'"),
        ("dtw_neighbors", (TWO,), {"k": 0}, "k is 0"),
        ("dtw_neighbors", (TWO,), {"k": 2}, "from 1 to 1"),
        ("dtw_neighbors", (TWO,), {"k": 1.0}, "k is 1.0"),
        ("dtw_neighbors", (TWO,), {"k": True}, "k is True"),
    ],
)
def test_unusable_input_is_named(gpu, name, arguments, options, message):
    with pytest.raises(InputError) as caught:
        gpu(name, *arguments, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize("radius", [None, 3])
@pytest.mark.parametrize("channels", [1, 6, 40])
def test_a_real_device_agrees_with_the_processor(channels, radius):
    if not (there := cuda.available()):
        pytest.skip(there.reason)
    series = made(np.random.default_rng(10).integers(1, 60, size=300), channels, seed=11)
    series += made([2000, 1], channels, seed=12)
    on_processor = processor_cross(series, series, radius=radius)
    on_device = cuda.dtw_cross(series, series, radius=radius)
    np.testing.assert_allclose(on_device, on_processor, RELATIVE, ABSOLUTE)
    np.testing.assert_array_equal(on_device, on_device.T)
    np.testing.assert_array_equal(np.diag(on_device), 0)
    condensed = cuda.dtw_pairwise(series, radius=radius)
    np.testing.assert_array_equal(condensed, on_device[np.triu_indices(len(series), 1)])
    eps = float(np.quantile(condensed, 0.05))
    graph = cuda.dtw_neighbors(series, eps=eps, radius=radius).graph
    first, second = np.nonzero((on_device <= np.float32(eps)) & ~np.eye(len(series), dtype=bool))
    np.testing.assert_array_equal(graph.tocoo().coords, (first, second))
    np.testing.assert_array_equal(graph.data, on_device[first, second])
    graph = cuda.dtw_neighbors(series, k=5, radius=radius).graph
    assert [[j for _, j in row] for row in rows_of(graph)] == [
        [j for _, j in row] for row in naive_nearest(on_device.tolist(), 5)
    ]


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={key: value for key, value in os.environ.items() if key != "NUMBA_ENABLE_CUDASIM"} | environment,
    )


def test_importing_the_module_leaves_the_cuda_part_of_numba_alone():
    done = python("import sys, gymlab.distance, gymlab.distance.cuda; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert not {"numba.cuda", "numba_cuda"} & set(done.stdout.split())


REFUSALS = """
import sys
{before}
from gymlab.distance import cuda
from gymlab.errors import GpuUnavailableError
assert not cuda.available()
for name, arguments in [("dtw_pairwise", 1), ("dtw_cross", 2), ("dtw_neighbors", 1)]:
    try:
        getattr(cuda, name)(*[[[1.0], [2.0]]] * arguments, **({{"k": 1}} if name == "dtw_neighbors" else {{}}))
    except GpuUnavailableError as error:
        print(error)
"""


@pytest.mark.parametrize(
    ("before", "environment", "reason"),
    [
        # A device that may be here is hidden from the driver.
        ("", {"CUDA_VISIBLE_DEVICES": "-1"}, "NVIDIA driver"),
        ("sys.modules['numba_cuda'] = None", {}, "numba-cuda is not installed"),
    ],
    ids=["no device", "extra not installed"],
)
def test_without_a_gpu_each_function_says_so_and_names_the_one_to_use(before, environment, reason):
    done = python(REFUSALS.format(before=before), **environment)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    for name, line in zip(FUNCTIONS, lines, strict=True):
        assert f"gymlab.distance.{name} gives the same on the processor" in line
        assert reason in line


# The compiler needs no device, only libNVVM of the CUDA toolkit; what it asks of a device and of the libraries
# that only a launch needs is answered here.
COMPILED = """
import types
from numba import cuda, float32, int32, int64
from numba.cuda import cuda_paths, dispatcher
from gymlab.distance.kernels.gpu import Shape, distances_kernel, neighbors_kernel
dispatcher.get_current_device = lambda: types.SimpleNamespace(compute_capability=(8, 0))
cuda_paths._get_nvrtc_path = lambda: None
common = (
    float32[:, ::1], int64[::1], float32[:, :, ::1], int64[::1], int64[::1],
    int64, float32[::1], float32, int64, int64, float32[:, ::1],
)
line = float32[::1], int32[::1], int32[::1], float32[::1], int64[::1]
for shape in (Shape(1, 0, 8, False, True), Shape(2, 1, 5, True, False)):
    for kernel, more in ((distances_kernel, (float32[::1],)), (neighbors_kernel, line)):
        text, _ = cuda.compile_ptx(kernel(shape).py_func, (*common, *more), cc=(8, 0))
        print(text.count("fma.rn.f32"), text.count(".local"), text.count(".f64"), text.count("min.f32"))
"""


def test_the_kernels_compile_for_a_real_device_and_keep_a_strip_in_registers():
    found = python("from numba.cuda.cudadrv import nvvm; nvvm.NVVM(); print('here')")
    if "here" not in found.stdout:
        pytest.skip("libNVVM of the CUDA toolkit is not here")
    done = python(COMPILED, NUMBA_FORCE_CUDA_CC="8.0")
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        fused, local, double, minima = map(int, line.split())
        assert fused >= 8
        assert minima >= 2 * 5
        assert local == double == 0
