"""Memory as the operating system counts it, and work measured in a process of its own."""

import importlib
import operator
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest
from nbclient import NotebookClient

from gymlab.budget import available_bytes, left_by_control_groups
from gymlab.errors import InputError
from gymlab.runtime.memory import measure_in_fresh_process, peak_bytes, resident_bytes

MB = 1 << 20


def test_the_peak_keeps_what_was_given_back():
    before = peak_bytes()
    held = resident_bytes()
    block = np.ones(200 * MB // 8)
    assert resident_bytes() >= held + 190 * MB
    del block
    assert peak_bytes() >= max(before, held + 190 * MB)
    assert resident_bytes() < held + 100 * MB


@pytest.mark.skipif(sys.platform != "linux", reason="only there is the maximum inherited")
def test_the_peak_is_that_of_this_process_alone():
    code = (
        "import subprocess, sys\n"
        "block = bytearray(b'x') * (300 << 20)\n"
        "child = 'from gymlab.runtime.memory import peak_bytes; print(peak_bytes())'\n"
        "subprocess.run([sys.executable, '-c', child], check=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200 * MB


def test_what_is_available_is_no_more_than_there_is():
    assert 0 < available_bytes() <= psutil.virtual_memory().total


# Control groups


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.fixture
def groups(tmp_path):
    """The function that finds what is left, over a made-up tree; call it with the lines of membership."""
    mount = tmp_path / "cgroup"
    mount.mkdir()

    def left(membership):
        (tmp_path / "membership").write_text(membership)
        return left_by_control_groups(tmp_path / "membership", mount)

    left.mount = mount
    return left


def test_a_group_leaves_its_limit_less_its_use_and_files_give_way(groups):
    stat = "anon 100\ninactive_file 300\n"
    write(groups.mount / "job", memory__max="1000\n", memory__current="700\n", memory__stat=stat)
    assert groups("0::/job\n") == [600]


def test_the_limit_of_a_group_above_holds_too(groups):
    write(groups.mount / "a" / "b", memory__max="max\n", memory__current="1\n")
    write(groups.mount / "a", memory__max="500", memory__current="100")
    write(groups.mount, memory__max="2000", memory__current="100")
    assert groups("0::/a/b\n") == [400, 1900]


def test_inside_a_container_the_top_is_its_own_group(groups):
    write(groups.mount, memory__max="1000", memory__current="1200")
    assert groups("0::/docker/0123abcd\n") == [0]


def test_the_first_version_of_groups(groups):
    stat = "total_inactive_file 50\ninactive_file 7\n"
    folder = groups.mount / "memory" / "job"
    write(folder, memory__limit_in_bytes="1000", memory__usage_in_bytes="600", memory__stat=stat)
    assert groups("5:cpu,cpuacct:/job\n4:memory:/job\n0::/\n") == [450]


def test_where_there_are_no_groups_nothing_is_left_out(groups):
    assert groups("") == []
    assert left_by_control_groups(groups.mount / "none") == []


# In a process of its own


def allocate(megabytes):
    return int(np.ones(megabytes * MB // 8).size)


def fail(message):
    raise LookupError(message)


def leave():
    os._exit(3)


def process_id():
    return os.getpid()


@pytest.fixture
def importable(monkeypatch):
    """Let the new process find this file's functions, which pytest imports under a name of its own."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return importlib.import_module("test_memory")


def test_a_call_is_measured_in_a_process_of_its_own(importable):
    measured = measure_in_fresh_process(importable.allocate, 150)
    assert measured.value == 150 * MB // 8
    assert measured.seconds > 0
    assert 140 * MB <= measured.peak_bytes - measured.start_bytes <= 250 * MB
    assert measure_in_fresh_process(importable.process_id).value != os.getpid()


def test_what_this_process_holds_does_not_count():
    block = np.ones(300 * MB // 8)
    measured = measure_in_fresh_process(operator.add, 1, 2)
    assert measured.value == 3
    assert measured.peak_bytes < block.nbytes
    assert measured.start_bytes < block.nbytes


def test_keywords_are_passed_on():
    assert measure_in_fresh_process(int, "ff", base=16).value == 255


def test_an_error_of_the_child_is_raised_with_its_traceback_as_cause(importable):
    with pytest.raises(LookupError, match="no such log") as caught:
        measure_in_fresh_process(importable.fail, "no such log")
    assert "in fail" in str(caught.value.__cause__)


def test_a_child_that_dies_is_an_error_too(importable):
    with pytest.raises(Exception, match="terminated abruptly"):
        measure_in_fresh_process(importable.leave)


def test_a_function_that_no_other_process_can_import_is_refused():
    def local():
        pass

    for function in (local, lambda: 1):
        with pytest.raises(InputError, match="module"):
            measure_in_fresh_process(function)


@pytest.mark.parametrize("thing", [None, 5, "abs", [abs], 1.5])
def test_what_is_no_function_is_refused(thing):
    with pytest.raises(InputError, match=r"function is .*; give a function of a module"):
        measure_in_fresh_process(thing)


@pytest.mark.parametrize("options", [{"membership": "none"}, {"membership": None}, {"mount": 5}])
def test_what_is_no_path_of_control_groups_is_refused(options):
    with pytest.raises(InputError, match="give a path"):
        left_by_control_groups(**options)


def test_it_works_in_a_notebook():
    code = (
        "import operator\n"
        "from gymlab.runtime.background import run\n"
        "from gymlab.runtime.memory import measure_in_fresh_process\n"
        "async def five(): return 5\n"
        "print(measure_in_fresh_process(operator.add, 1, run(five())).value)\n"
        "try: measure_in_fresh_process(five)\n"
        "except ValueError as error: print(error)\n"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=60).execute()
    text = "".join(output["text"] for output in notebook.cells[0].outputs)
    assert text.startswith("6\nfive must be a function of a module")
