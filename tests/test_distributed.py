"""The matrix over a Dask cluster of two worker processes: equal to the local one, also when workers are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial

import dask
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster, Status, get_task_stream
from scipy.spatial.distance import squareform

from gymlab.distance import distributed, dtw_cross, dtw_neighbors, dtw_pairwise
from gymlab.distance.dask_neighbors import search_ranges
from gymlab.distance.dask_tasks import BuiltOnce, ClusterTask, run_tasks
from gymlab.distance.neighbors import NeighborQuery, NeighborSearch
from gymlab.distance.series import batches
from gymlab.errors import ClusterError, InputError, MemoryLimitError, OutputError

# Blocks of milliseconds, so that small matrices have enough of them.
SMALL = 1_000_000


class CancelledError(Exception):
    pass


@pytest.fixture(scope="module")
def cluster():
    # A local cluster drops a worker for good that happens to be away 15 s after it was lost once, as it is when
    # one test after the other kills it.
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as started,
    ):
        yield started


@pytest.fixture(scope="module")
def connected(cluster):
    with Client(cluster) as client:
        yield client


@pytest.fixture
def client(cluster, connected):
    """A client with both workers, whatever the test before did to them."""
    connected.wait_for_workers(2, timeout=60)
    # A worker that is killed before its nanny has heard from it is not restarted.
    deadline = time.monotonic() + 60
    while any(nanny.process.status is not Status.running for nanny in cluster.workers.values()):
        assert time.monotonic() < deadline, "the workers did not start again"
        connected.run(int)  # meanwhile the nannies' event loop has its turn
    return connected


def equal_lengths(n=300, channels=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 20, channels))


def unequal_lengths(n=250, channels=2, seed=1):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, channels)) for length in rng.integers(3, 30, size=n)]


def with_codes(n=200, seed=2):
    rng = np.random.default_rng(seed)
    return [
        np.column_stack([rng.normal(size=length), rng.integers(0, 4, size=length)])
        for length in rng.integers(5, 30, size=n)
    ]


def condensed(parts, n):
    """The matrix that a folder of parts holds, each pair found in exactly one of them."""
    table = pd.read_parquet(parts.folder)
    assert list(table.columns) == ["i", "j", "distance"]
    assert [str(dtype) for dtype in table.dtypes] == ["int32", "int32", "float32"]
    assert len(table) == n * (n - 1) // 2
    i, j = table["i"].to_numpy().astype(np.int64), table["j"].to_numpy()
    assert (i < j).all()
    matrix = np.full(len(table), np.nan, dtype=np.float32)
    matrix[n * i - i * (i + 1) // 2 + j - i - 1] = table["distance"]
    assert not np.isnan(matrix).any()
    return matrix


def workers(client):
    """Process ids by address."""
    return client.run(os.getpid)


def undelivered(client):
    """The blocks that the client has asked for and not taken yet."""
    return {key for key in client.futures if key.startswith(("compute", "ensure", "look_at"))}


def held(client):
    """The undelivered blocks that each worker runs or keeps."""
    keys = {address: set(blocks) for address, blocks in client.processing().items()}
    for address, stored in client.has_what().items():
        keys.setdefault(address, set()).update(stored)
    return {address: found & undelivered(client) for address, found in keys.items()}


def settle(client):
    """Wait until every worker has ended what it was at: they have one thread each, and read in order."""
    for address in workers(client):
        client.submit(int, pure=False, workers=[address]).result()


class Killer:
    """A progress that kills workers as soon as a block has arrived and another is theirs: the busiest, or all."""

    def __init__(self, client, *, everyone=False):
        self.client = client
        self.everyone = everyone
        self.pids = workers(client)
        self.victim = None
        self.lost = set()
        self.calls = []

    def __call__(self, done, total):
        self.calls.append((done, total))
        if self.victim is None:
            blocks = held(self.client)
            busiest = max(blocks, key=lambda address: len(blocks[address]))
            copies = [key for keys in self.client.has_what().values() for key in keys if "BuiltOnce" in key]
            # Dask takes copies of the series away from workers that are idle for a moment; if the last one dies,
            # more has to be repeated than what this test is about.
            if not blocks[busiest] or len(copies) < 2:
                return
            self.victim, self.lost = busiest, blocks[busiest]
            for address, pid in self.pids.items():
                if self.everyone or address == self.victim:
                    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("series", "options"),
    [
        (equal_lengths(), {}),
        (equal_lengths(channels=7), {"radius": 3}),
        (equal_lengths().astype(np.float32), {"radius": 0}),
        (unequal_lengths(), {}),
        (unequal_lengths(), {"radius": 2}),
        ([1e8 + one for one in unequal_lengths(n=40)], {}),
        (with_codes(), {"mismatch_weights": (0.7,)}),
        (with_codes(), {"mismatch_weights": (0.7,), "radius": 4}),
        (equal_lengths(n=2), {}),
        (equal_lengths(n=1), {}),
    ],
)
def test_the_matrix_is_that_of_one_machine_bit_for_bit(client, series, options):
    expected = dtw_pairwise(series, **options)
    np.testing.assert_array_equal(distributed.dtw_pairwise(client, series, **options), expected)
    in_blocks = distributed.dtw_pairwise(client, series, **options, cells_a_block=SMALL)
    np.testing.assert_array_equal(in_blocks, expected)


@pytest.mark.parametrize(
    ("a", "b"), [(equal_lengths(50), equal_lengths(70)), (with_codes(60), with_codes(40))]
)
def test_two_collections_are_compared_as_on_one_machine(client, a, b):
    found = distributed.dtw_cross(
        client,
        a,
        b,
        mismatch_weights=(2.0,) if isinstance(a, list) else (),
        cells_a_block=SMALL,
        progress=True,
    )
    expected = dtw_cross(a, b, mismatch_weights=(2.0,) if isinstance(a, list) else ())
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("series", [equal_lengths(120), unequal_lengths(120)])
def test_out_can_be_an_array_with_gaps_or_a_memory_map(client, series, tmp_path):
    expected = dtw_pairwise(series)
    gaps = np.zeros(2 * len(expected), dtype=np.float32)
    mapped = np.memmap(tmp_path / "map", dtype=np.float32, mode="w+", shape=expected.shape)
    for out in (gaps[::2], mapped):
        assert distributed.dtw_pairwise(client, series, out=out, cells_a_block=SMALL) is out
        np.testing.assert_array_equal(out, expected)
    assert (gaps[1::2] == 0).all()


@pytest.mark.parametrize("series", [equal_lengths(), unequal_lengths()])
def test_a_matrix_in_a_file_has_its_name_when_it_is_whole_and_continues_after_an_interruption(
    client, series, tmp_path
):
    path = tmp_path / "matrix.npy"
    calls = []

    def cancel(done, _total):
        calls.append(done)
        if len(calls) == 3:
            raise CancelledError

    with pytest.raises(CancelledError):
        distributed.dtw_pairwise(client, series, out=path, cells_a_block=SMALL // 4, progress=cancel)
    assert not path.exists()
    rest = []
    returned = distributed.dtw_pairwise(
        client, series, out=path, cells_a_block=SMALL // 4, progress=lambda *cells: rest.append(cells)
    )
    assert isinstance(returned, np.memmap)
    np.testing.assert_array_equal(returned, dtw_pairwise(series))
    np.testing.assert_array_equal(np.load(path), returned)
    alone = []
    distributed.dtw_pairwise(
        client, series, cells_a_block=SMALL // 4, progress=lambda *cells: alone.append(cells)
    )
    assert len(rest) == len(alone) - 3
    again = distributed.dtw_pairwise(client, series, out=path, cells_a_block=SMALL // 4, progress=pytest.fail)
    np.testing.assert_array_equal(again, returned)


def test_progress_reaches_the_total_and_an_exception_in_it_cancels_what_is_on_its_way(client):
    seen = []
    distributed.dtw_pairwise(
        client, equal_lengths(), cells_a_block=SMALL, progress=lambda *cells: seen.append(cells)
    )
    assert len(seen) > 10
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})

    calls = []

    def cancel(done, _total):
        calls.append(done)
        raise CancelledError

    with pytest.raises(CancelledError):
        distributed.dtw_pairwise(client, equal_lengths(), cells_a_block=SMALL, progress=cancel)
    assert len(calls) == 1
    settle(client)
    assert not undelivered(client)
    assert not any(client.processing().values())


def test_few_blocks_are_on_their_way_at_a_time(client):
    most = []
    distributed.dtw_pairwise(
        client,
        equal_lengths(),
        cells_a_block=SMALL // 4,
        progress=lambda *_cells: most.append(len(undelivered(client))),
    )
    assert len(most) > 40
    assert max(most) == 2 * 2  # two a thread


def test_a_killed_worker_costs_only_the_blocks_that_it_had_not_delivered(client):
    series = equal_lengths()
    kill = Killer(client)
    with get_task_stream(client) as stream:
        found = distributed.dtw_pairwise(client, series, cells_a_block=SMALL // 4, progress=kill)
    np.testing.assert_array_equal(found, dtw_pairwise(series))
    assert kill.calls[-1][0] == kill.calls[-1][1]
    ends = [record for record in stream.data if "compute" in record["key"]]
    repeated = {key for key, count in Counter(record["key"] for record in ends).items() if count > 1}
    by_others = {record["key"] for record in ends if record["worker"] != kill.victim}
    assert len({record["key"] for record in ends}) == len(kill.calls)
    assert repeated <= kill.lost
    assert kill.lost
    assert kill.lost <= by_others


def test_the_series_are_sent_anew_when_all_workers_that_held_them_are_killed(client):
    series = unequal_lengths()
    kill = Killer(client, everyone=True)
    found = distributed.dtw_pairwise(client, series, cells_a_block=SMALL // 4, progress=kill)
    np.testing.assert_array_equal(found, dtw_pairwise(series))
    assert kill.victim is not None
    living = set(workers(client).values())
    assert living
    assert not living & set(kill.pids.values())


def test_sending_the_series_is_tried_again_when_a_worker_dies_meanwhile_but_not_for_ever(client, monkeypatch):
    scatter, broadcasts = client.scatter, []

    def failing(*data, failures, **options):
        broadcasts.append(options["broadcast"])
        if len(broadcasts) <= failures:
            raise ValueError("Can not use replicate to delete data")  # what Dask says then
        return scatter(*data, **options)

    monkeypatch.setattr(client, "scatter", partial(failing, failures=1))
    found = distributed.dtw_pairwise(client, equal_lengths(50))
    np.testing.assert_array_equal(found, dtw_pairwise(equal_lengths(50)))
    assert broadcasts == [True, False]
    monkeypatch.setattr(client, "scatter", partial(failing, failures=100))
    with pytest.raises(ClusterError, match="lost 4 times"):
        distributed.dtw_pairwise(client, equal_lengths(50))


def test_a_task_that_kills_its_workers_is_given_up_with_an_explanation():
    # A worker that dies again while it is being started stays away, so one death has to be enough here.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        Client(cluster) as client,
        pytest.raises(ClusterError, match=r"1 worker died .*too little memory"),
    ):
        run_tasks(
            client, BuiltOnce.get, BuiltOnce(os._exit, (1,), 0), [ClusterTask((), 1)], print, progress=False
        )


@pytest.mark.parametrize(
    ("series", "options"),
    [
        (equal_lengths(), {}),
        (unequal_lengths(), {"radius": 3}),
        (with_codes(), {"mismatch_weights": (0.5,)}),
        (equal_lengths(n=1), {}),
    ],
)
def test_parts_hold_each_pair_once_with_the_distance_of_one_machine(client, series, options, tmp_path):
    parts = distributed.dtw_pairwise_parts(
        client, series, tmp_path / "a" / "b", **options, cells_a_block=SMALL
    )
    assert parts.n_computed == len(parts.files)
    assert len(parts.files) > 5 or len(series) == 1
    assert all(path.is_file() for path in parts.files)
    np.testing.assert_array_equal(condensed(parts, len(series)), dtw_pairwise(series, **options))


def test_finished_parts_are_not_computed_again_after_an_interruption(client, tmp_path):
    series = unequal_lengths()
    calls = []

    def cancel(done, _total):
        calls.append(done)
        if len(calls) == 4:
            raise CancelledError

    with pytest.raises(CancelledError):
        distributed.dtw_pairwise_parts(client, series, tmp_path, cells_a_block=SMALL, progress=cancel)
    # Blocks that ran when they were cancelled may still end; what is counted must not change meanwhile.
    settle(client)
    finished = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")}
    assert len(finished) >= 4
    # Another size of blocks does not matter: the folder keeps those that it was begun with.
    parts = distributed.dtw_pairwise_parts(client, series, tmp_path, cells_a_block=3 * SMALL)
    assert len(parts.files) > len(finished)
    assert parts.n_computed == len(parts.files) - len(finished)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    np.testing.assert_array_equal(condensed(parts, len(series)), dtw_pairwise(series))


def test_parts_survive_a_killed_worker_and_leave_nothing_half_written(client, tmp_path):
    series = equal_lengths()
    kill = Killer(client, everyone=True)
    parts = distributed.dtw_pairwise_parts(client, series, tmp_path, cells_a_block=SMALL // 4, progress=kill)
    assert kill.victim is not None
    np.testing.assert_array_equal(condensed(parts, len(series)), dtw_pairwise(series))
    assert {path.name for path in tmp_path.iterdir()} == {"_plan.json", *(path.name for path in parts.files)}


def test_damaged_parts_are_known_by_their_checksum_and_computed_again(client, tmp_path):
    series = equal_lengths(120)
    parts = distributed.dtw_pairwise_parts(client, series, tmp_path, cells_a_block=SMALL // 4)
    flipped, cut, swapped, away, *_ = parts.files
    content = bytearray(flipped.read_bytes())
    content[len(content) // 3] ^= 1
    flipped.write_bytes(content)
    cut.write_bytes(cut.read_bytes()[:-100])
    swapped.write_bytes(parts.files[-1].read_bytes())
    away.unlink()
    again = distributed.dtw_pairwise_parts(client, series, tmp_path)
    assert again.n_computed == 4
    np.testing.assert_array_equal(condensed(again, len(series)), dtw_pairwise(series))


def test_a_folder_holds_one_matrix(client, tmp_path):
    series = equal_lengths(30)
    distributed.dtw_pairwise_parts(client, series, tmp_path / "parts")
    for other, options in [
        (equal_lengths(30, seed=9), {}),
        (series, {"radius": 2}),
        (series, {"mismatch_weights": (1,)}),
    ]:
        with pytest.raises(InputError, match=r"another matrix|codes of categories"):
            distributed.dtw_pairwise_parts(client, other, tmp_path / "parts", **options)
    (tmp_path / "parts" / "_plan.json").write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        distributed.dtw_pairwise_parts(client, series, tmp_path / "parts")
    (tmp_path / "mine.parquet").touch()
    with pytest.raises(InputError, match="no parts of a matrix"):
        distributed.dtw_pairwise_parts(client, series, tmp_path)
    with pytest.raises(OutputError, match="cannot be written"):
        distributed.dtw_pairwise_parts(client, series, tmp_path / "mine.parquet")


def test_a_worker_that_does_not_see_the_folder_says_so(client, tmp_path):
    def hide(_done, _total):
        (tmp_path / "_plan.json").unlink(missing_ok=True)

    with pytest.raises(OutputError, match="does not see the run's folder"):
        distributed.dtw_pairwise_parts(
            client, equal_lengths(), tmp_path, cells_a_block=SMALL // 4, progress=hide
        )


def walks(n=2500, channels=2, seed=3):
    return np.random.default_rng(seed).normal(size=(n, 20, channels)).cumsum(axis=1).round(1)


@pytest.mark.parametrize(
    ("series", "options"),
    [
        (walks(), {"k": 5}),
        (walks(), {"eps": 9.0, "radius": 3}),
        (walks(channels=1), {"eps": 4.0, "values": False}),
        (np.repeat(walks(500), 5, axis=0), {"k": 7}),
        (with_codes(500), {"k": 3, "mismatch_weights": (0.7,)}),
        (unequal_lengths(500), {"eps": 2.5, "radius": 2}),
        (equal_lengths(n=2), {"k": 1}),
        (equal_lengths(n=50), {"eps": 0.0}),
    ],
)
def test_the_neighbours_are_those_of_the_full_matrix(client, series, options):
    calls = []
    found = distributed.dtw_neighbors(client, series, **options, progress=lambda *cells: calls.append(cells))
    assert calls[-1][0] == calls[-1][1]
    assert len(calls) >= 3 or len(series) <= 500
    options = dict(options)
    k, eps, values = options.pop("k", None), options.pop("eps", None), options.pop("values", True)
    square = squareform(dtw_pairwise(series, **options))
    np.fill_diagonal(square, np.inf)
    if k is None:
        places, columns = np.nonzero(square <= np.float32(eps))
    else:
        columns = np.sort(np.argsort(square, axis=1, kind="stable")[:, :k], axis=1).ravel()
        places = np.repeat(np.arange(len(series)), k)
    np.testing.assert_array_equal(np.repeat(np.arange(len(series)), np.diff(found.graph.indptr)), places)
    np.testing.assert_array_equal(found.graph.indices, columns)
    np.testing.assert_array_equal(found.graph.data, square[places, columns] if values else True)
    assert found.graph.nnz > 0 or eps == 0
    stats = found.stats
    assert stats.pairs == sum(stats.pruned.values()) + stats.accepted + stats.abandoned + stats.computed


def test_neighbours_survive_killed_workers(client):
    for _ in range(5):  # a search may end before a worker is seen at work
        kill = Killer(client, everyone=True)
        found = distributed.dtw_neighbors(client, walks(), k=4, progress=kill)
        if kill.victim is not None:
            break
    assert kill.victim is not None
    expected = dtw_neighbors(walks(), k=4).graph
    np.testing.assert_array_equal(found.graph.indices, expected.indices)
    np.testing.assert_array_equal(found.graph.data, expected.data)


def test_a_worker_that_divides_the_work_differently_is_refused():
    (batch,), unit = batches(walks(300))
    search = BuiltOnce(
        NeighborSearch, (batch, NeighborQuery(eps=1.0, k=None, values=True), None, (), unit), 0
    )
    with pytest.raises(ClusterError, match="their processors differ"):
        search_ranges(search, 1000, 0, 1)


@pytest.mark.parametrize(
    ("options", "message"), [({}, "one of them"), ({"k": 2}, "k is 2"), ({"eps": -1}, "eps is -1")]
)
def test_an_unusable_neighbour_query_is_named(client, options, message):
    with pytest.raises(InputError, match=message):
        distributed.dtw_neighbors(client, [[1.0], [2.0]], **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"series": [[1.0], [np.nan]]}, "series 1 holds NaN"),
        ({"series": []}, "no series"),
        ({"radius": -1}, "radius is -1"),
        ({"out": np.empty(3, np.float32)}, "shape (1,)"),
        ({"out": "matrix.txt"}, "end in .npy"),
        ({"mismatch_weights": 5}, "mismatch_weights is 5"),
        ({"mismatch_weights": (1, 2)}, "mismatch_weights is (1, 2)"),
        ({"cells_a_block": 0}, "cells_a_block is 0"),
        ({"cells_a_block": True}, "cells_a_block is True"),
    ],
)
def test_unusable_input_is_named(client, options, message):
    with pytest.raises(InputError) as caught:
        distributed.dtw_pairwise(client, **{"series": [[1.0], [2.0]], **options})
    assert message in str(caught.value)


def test_out_that_is_read_meanwhile_is_refused(client):
    buffer = np.random.default_rng(9).normal(size=400).astype(np.float32)
    with pytest.raises(InputError, match="shares memory"):
        distributed.dtw_pairwise(client, buffer[:200].reshape(20, 10), out=buffer[:190])


def test_a_file_that_cannot_be_written_is_named(client, tmp_path):
    with pytest.raises(OutputError, match="nowhere"):
        distributed.dtw_pairwise(client, [[1.0], [2.0]], out=tmp_path / "nowhere" / "matrix.npy")


def test_a_matrix_beyond_memory_is_refused_and_the_alternatives_are_named(client, monkeypatch):
    monkeypatch.setattr("gymlab.distance.pairwise.memory_budget", lambda: 1000)
    with pytest.raises(MemoryLimitError, match="dtw_pairwise_parts"):
        distributed.dtw_pairwise(client, equal_lengths())
    with pytest.raises(MemoryLimitError, match="memory map"):
        distributed.dtw_cross(client, equal_lengths(), equal_lengths())


def test_a_folder_that_another_run_planned_anew_is_not_mixed(client, tmp_path):
    def plan_anew(_done, _total):
        plan = json.loads((tmp_path / "_plan.json").read_text())
        plan["ranges"] = [[0, 300]]
        (tmp_path / "other").write_text(json.dumps(plan))
        (tmp_path / "other").replace(tmp_path / "_plan.json")

    with pytest.raises(OutputError, match=r"planned .* anew"):
        distributed.dtw_pairwise_parts(
            client, equal_lengths(), tmp_path, cells_a_block=SMALL // 4, progress=plan_anew
        )


def test_a_client_that_is_none_is_closed_or_has_no_workers_is_refused(cluster):
    with pytest.raises(InputError, match=r"give a distributed\.Client"):
        distributed.dtw_pairwise("tcp://127.0.0.1:8786", [[1.0], [2.0]])
    with Client(cluster.scheduler_address) as closed:
        pass
    with pytest.raises(ClusterError, match="the client is closed"):
        distributed.dtw_pairwise(closed, [[1.0], [2.0]])
    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        Client(empty) as client,
        pytest.raises(ClusterError, match="no workers"),
    ):
        distributed.dtw_pairwise(client, [[1.0], [2.0]])


def test_a_client_that_is_closed_meanwhile_is_named(cluster, client):  # noqa: ARG001 - both workers are there
    with Client(cluster.scheduler_address) as own, pytest.raises(ClusterError, match="the client is clos"):
        distributed.dtw_pairwise(
            own, equal_lengths(), cells_a_block=SMALL, progress=lambda *_cells: own.close()
        )


def test_without_dask_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install 'gymlab\[distributed\]'"):
        distributed.dtw_pairwise(None, [[1.0], [2.0]])


def test_importing_the_module_does_not_import_dask():
    code = "import sys, gymlab.distance.distributed; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"dask", "distributed"} & set(loaded.split())
