"""A matrix in a file: the one in memory, continued where it was interrupted; and one too large for memory."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gymlab.distance import dtw_cross, dtw_pairwise, row_distances
from gymlab.errors import InputError, MemoryLimitError, OutputError

CELLS = 200_000


@pytest.fixture(autouse=True)
def several_blocks(monkeypatch):
    monkeypatch.setattr(row_distances, "CELLS_A_BLOCK", CELLS)


def walks(n=200, length=10, seed=0):
    return np.random.default_rng(seed).normal(size=(n, length, 2)).cumsum(axis=1)


def of_unequal_length():
    """Series whose rows are computed in another order than they stand in."""
    lengths = np.random.default_rng(1).integers(1, 20, 200)
    return [walks(1, length, seed)[0] for seed, length in enumerate(lengths)]


class StoppedError(Exception):
    pass


def write(path, series, stop_after=None, **parameters):
    """Write the matrix, or some blocks of it; return the cells done and in all as progress told them."""
    seen = []

    def progress(done, total):
        seen.append((done, total))
        if len(seen) == stop_after:
            raise StoppedError

    if stop_after is None:
        found = dtw_pairwise(series, out=path, progress=progress, **parameters)
        assert isinstance(found, np.memmap)
        assert not found.flags.writeable
        np.testing.assert_array_equal(found, dtw_pairwise(series, **parameters))
        np.testing.assert_array_equal(np.load(path), found)
    else:
        with pytest.raises(StoppedError):
            dtw_pairwise(series, out=path, progress=progress, **parameters)
    return seen


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def blocks_of(path):
    """The finished blocks in the journal."""
    lines = (path.parent / f"{path.name}.blocks").read_text().splitlines()
    return [(line["first"], line["stop"]) for line in map(json.loads, lines[1:])]


@pytest.mark.parametrize(
    "series", [walks(), of_unequal_length(), walks(2, 3)], ids=["one length", "unequal", "a pair"]
)
@pytest.mark.parametrize("as_text", [False, True])
def test_the_file_holds_the_matrix(tmp_path, series, as_text):
    path = tmp_path / "matrix.npy"
    seen = write(str(path) if as_text else path, series, radius=4)
    assert seen[-1][0] == seen[-1][1]
    assert sorted(files(tmp_path)) == ["matrix.npy", "matrix.npy.blocks"]


@pytest.mark.parametrize("series", [walks(), of_unequal_length()], ids=["one length", "unequal"])
def test_an_interrupted_run_continues_with_what_is_missing(tmp_path, series):
    path = tmp_path / "matrix.npy"
    done, total = write(path, series, stop_after=4)[-1]
    assert sorted(files(tmp_path)) == ["matrix.npy.blocks", "matrix.npy.part"]
    first = blocks_of(path)
    assert len(first) == 4
    then, rest = write(path, series, stop_after=2)[-1]
    assert rest == total - done
    assert write(path, series)[-1] == (rest - then, rest - then)
    assert len(blocks_of(path)) == len(set(blocks_of(path))) > 8
    assert blocks_of(path)[:4] == first


def test_several_threads_write_the_same_file(tmp_path, monkeypatch):
    monkeypatch.setattr("gymlab.distance.blocks._CELLS_WORTH_THREADS", 0)
    path = tmp_path / "matrix.npy"
    write(path, of_unequal_length(), stop_after=3, n_threads=3)
    before = set(blocks_of(path))
    write(path, of_unequal_length(), n_threads=3)
    # The threads may have finished the rest before they were stopped.
    assert len(blocks_of(path)) == len(set(blocks_of(path))) >= len(before) >= 3


KILLED = f"""
import os, signal, sys
import numpy as np
from gymlab.distance import dtw_pairwise, row_distances

row_distances.CELLS_A_BLOCK = {CELLS}
seen = []

def progress(done, total):
    seen.append(done)
    if len(seen) == 5:
        os.kill(os.getpid(), signal.SIGKILL)

dtw_pairwise(np.load(sys.argv[1]), out=sys.argv[2], n_threads=1, progress=progress)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed otherwise there")
def test_a_killed_process_is_continued_by_the_next(tmp_path):
    series, path = walks(), tmp_path / "matrix.npy"
    np.save(tmp_path / "series.npy", series)
    command = [sys.executable, "-c", KILLED, str(tmp_path / "series.npy"), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    killed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == -9, killed.stderr
    assert not path.exists()
    finished = blocks_of(path)
    assert len(finished) == 5
    seen = write(path, series)
    assert len(seen) == len(blocks_of(path)) - 5 > 0
    assert blocks_of(path)[:5] == finished


@pytest.mark.parametrize("whole", [False, True], ids=["in the middle", "when it was finished"])
def test_a_damaged_block_is_computed_again_and_no_other(tmp_path, whole):
    series, path = walks(), tmp_path / "matrix.npy"
    write(path, series, stop_after=None if whole else 6)
    before = blocks_of(path)
    on_disk = np.lib.format.open_memmap(path if whole else f"{path}.part", mode="r+")
    on_disk[3] += 1
    on_disk.flush()
    del on_disk
    write(path, series)
    again = blocks_of(path)[len(before) :]
    assert len(again) == len(set(again))
    # The first block is the damaged one.
    assert set(again) & set(before) == {before[0]}
    assert (len(again) == 1) == whole


def test_a_file_that_lost_its_end_is_completed(tmp_path):
    series, path = walks(), tmp_path / "matrix.npy"
    write(path, series, stop_after=6)
    part = tmp_path / "matrix.npy.part"
    part.write_bytes(part.read_bytes()[:1000])
    write(path, series)


def test_of_a_journal_whose_last_line_was_cut_off_all_other_lines_count(tmp_path):
    series, path = walks(), tmp_path / "matrix.npy"
    write(path, series, stop_after=5)
    journal = tmp_path / "matrix.npy.blocks"
    journal.write_text(journal.read_text()[:-12])
    n_rest = len(write(path, series, stop_after=3)) + len(write(path, series))
    whole = len(write(tmp_path / "other.npy", series))
    assert n_rest == whole - 4
    # The half line is still there, and what follows it counts.
    assert write(path, series) == []


def test_a_finished_file_is_recognised_and_nothing_computed(tmp_path):
    path = tmp_path / "matrix.npy"
    for series in (walks(), of_unequal_length()):
        write(path, series)
        before = files(tmp_path)
        assert write(path, series) == []
        assert files(tmp_path) == before
        for file in tmp_path.iterdir():
            file.unlink()


@pytest.mark.parametrize("stop_after", [None, 3])
def test_the_file_of_another_matrix_is_refused_and_left_as_it_is(tmp_path, stop_after):
    path = tmp_path / "matrix.npy"
    series = np.concatenate([walks(100), np.ones((100, 10, 2))])
    write(path, series, stop_after, radius=3)
    before = files(tmp_path)
    other = series.copy()
    other[7, 3, 1] += 1e-3
    for call in (
        lambda: dtw_pairwise(other, out=path, radius=3),
        lambda: dtw_pairwise(series[:-1], out=path, radius=3),
        lambda: dtw_pairwise(series, out=path, radius=4),
        lambda: dtw_pairwise(series, out=path),
        lambda: dtw_pairwise(np.abs(series), out=path, radius=3, mismatch_weights=(1.0,)),
        lambda: dtw_pairwise(series * 2.0**40, out=path, radius=3),
    ):
        with pytest.raises(InputError, match="begun for other series or parameters; delete it"):
            call()
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", ["matrix.npy", "matrix.npy.part"])
def test_a_file_that_is_no_such_matrix_is_refused_and_left_as_it_is(tmp_path, name):
    (tmp_path / name).write_bytes(b"somebody's work")
    with pytest.raises(InputError, match="is not a matrix with a journal; choose another path"):
        dtw_pairwise(walks(5), out=tmp_path / "matrix.npy")
    assert files(tmp_path) == {name: b"somebody's work"}


@pytest.mark.parametrize("journal", [b"somebody's work", b"\xff\xfe", b"", b'{"schema": 1'])
def test_a_journal_that_is_none_is_refused_and_left_as_it_is(tmp_path, journal):
    (tmp_path / "matrix.npy.blocks").write_bytes(journal)
    with pytest.raises(InputError, match="begun for other series or parameters"):
        dtw_pairwise(walks(5), out=tmp_path / "matrix.npy")
    assert files(tmp_path) == {"matrix.npy.blocks": journal}


@pytest.mark.parametrize("content", [b"", b"no matrix", "another"])
def test_a_damaged_matrix_is_named(tmp_path, content):
    path, part = tmp_path / "matrix.npy", tmp_path / "matrix.npy.part"
    write(path, walks(), stop_after=2)
    if content == "another":
        part.unlink()
        with part.open("wb") as file:
            np.save(file, np.zeros(5))
    else:
        part.write_bytes(content)
    before = files(tmp_path)
    with pytest.raises(InputError, match=r"matrix\.npy\.part .*; delete it"):
        dtw_pairwise(walks(), out=path)
    assert files(tmp_path) == before


def test_a_matrix_whose_journal_alone_was_begun_is_begun_again(tmp_path):
    path = tmp_path / "matrix.npy"
    write(path, walks(), stop_after=2)
    (tmp_path / "matrix.npy.part").unlink()
    seen = write(path, walks())
    assert len(seen) == len(set(blocks_of(path)))


@pytest.mark.parametrize("where", ["missing/matrix.npy", "file/matrix.npy"])
def test_where_nothing_can_be_written_the_error_says_so_and_nothing_is_left(tmp_path, where):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write .*matrix\.npy"):
        dtw_pairwise(walks(5), out=tmp_path / where)
    assert files(tmp_path) == {"file": b""}


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="may write everywhere")
def test_a_folder_that_is_read_only_is_an_output_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot write"):
        dtw_pairwise(walks(5), out=tmp_path / "matrix.npy")


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="space is not set aside there")
def test_a_disk_without_the_space_is_an_output_error_and_the_run_continues_when_there_is(
    tmp_path, monkeypatch
):
    path = tmp_path / "matrix.npy"
    with monkeypatch.context() as patch:
        asked = []

        def full(_file, offset, length):
            asked.append((offset, length))
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(OutputError, match="No space left"):
            dtw_pairwise(walks(), out=path)
        assert asked == [(0, 128 + 4 * 200 * 199 // 2)]
    assert not path.exists()
    write(path, walks())


@pytest.mark.parametrize("name", ["matrix", "matrix.bin", "matrix.NPY.gz"])
def test_another_name_than_of_an_npy_file_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"must end in \.npy"):
        dtw_pairwise(walks(5), out=tmp_path / name)
    assert files(tmp_path) == {}


def test_a_single_series_makes_no_file(tmp_path):
    with pytest.raises(InputError, match="a single series"):
        dtw_pairwise(walks(1), out=tmp_path / "matrix.npy")
    assert files(tmp_path) == {}


def test_a_matrix_larger_than_memory_is_refused_and_the_alternatives_named(monkeypatch, tmp_path):
    series = walks(20)
    monkeypatch.setattr("gymlab.distance.pairwise.memory_budget", lambda: 4 * 190 - 1)
    with pytest.raises(MemoryLimitError) as caught:
        dtw_pairwise(series)
    for alternative in ("20 series make 190 pairs", "out='distances.npy'", "dtw_neighbors", "fewer series"):
        assert alternative in str(caught.value)
    # What is written elsewhere takes no memory.
    expected = dtw_pairwise(series, out=np.empty(190, np.float32))
    np.testing.assert_array_equal(dtw_pairwise(series, out=tmp_path / "matrix.npy"), expected)
    monkeypatch.setattr("gymlab.distance.pairwise.memory_budget", lambda: 4 * 190)
    np.testing.assert_array_equal(dtw_pairwise(series), expected)


def test_a_cross_matrix_larger_than_memory_is_refused_and_its_alternatives_work(monkeypatch, tmp_path):
    a, b = walks(20), walks(30, seed=1)
    monkeypatch.setattr("gymlab.distance.pairwise.memory_budget", lambda: 4 * 600 - 1)
    with pytest.raises(MemoryLimitError) as caught:
        dtw_cross(a, b)
    for alternative in ("20 by 30 series", "open_memmap", "fewer series"):
        assert alternative in str(caught.value)
    out = np.lib.format.open_memmap(tmp_path / "cross.npy", mode="w+", dtype=np.float32, shape=(20, 30))
    assert dtw_cross(a, b, out=out) is out
    monkeypatch.undo()
    np.testing.assert_array_equal(out, dtw_cross(a, b))
