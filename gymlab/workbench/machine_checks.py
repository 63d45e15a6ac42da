"""Checks of this machine and its Jupyter: processor, kernels, memory, notebook kernels, front ends of the widgets.

Each check returns a state and a sentence: ``ok``; ``absent`` if gymlab works without the thing; ``problem`` if
it stops a report or the notebooks. Packages are imported in the checks, so that a missing package becomes a finding of
the doctor.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psutil

from gymlab.budget import available_bytes, left_by_control_groups, memory_budget
from gymlab.settings import Settings
from gymlab.workbench.files import unwritable

State = Literal["ok", "absent", "problem"]
Answer = tuple[State, str]

_KERNEL = "python3"  # the kernel of the notebooks; a report uses no kernel that Jupyter knows
_ANY_PYTHON = {"python", "python3", "python{}.{}".format(*sys.version_info)}
# Folders that JupyterLab serves to the browser, by the package that installs them.
_FRONT_ENDS = {"jupyterlab_widgets": "@jupyter-widgets/jupyterlab-manager", "anywidget": "anywidget"}


def processor() -> Answer:
    """Name the processor and the vector features that gymlab uses."""
    from llvmlite import binding

    file = Path("/proc/cpuinfo")
    line = (
        re.search(r"^model name\s*:(.*)$", file.read_text("utf-8"), re.MULTILINE) if file.exists() else None
    )
    name = line[1].strip() if line else platform.processor() or platform.machine()
    has = binding.get_host_cpu_features()
    features = [feature for feature in ("avx512f", "avx2", "fma", "sve", "neon") if has.get(feature)]
    known = ", ".join(features) or "no vector features that gymlab knows"
    return "ok", f"{name} ({binding.get_host_cpu_name()}): {known}"


def processors() -> Answer:
    """Count the processors."""
    from gymlab.distance.blocks import available_threads

    return "ok", f"{available_threads()} usable of {os.cpu_count()}"


def kernels() -> Answer:
    """Name the kernels that the distance engine uses."""
    from gymlab.distance.kernels.vectors import kernel_path

    path = kernel_path()
    return "ok", f"{path.name}, {path.lanes} pairs at once: {path.reason}"


def kernel_cache() -> Answer:
    """Check that compiled kernels can be kept on disk."""
    from gymlab.distance.kernels.sweeps import sweep
    from gymlab.distance.kernels.vectors import kernel_path

    kernel_path()  # raises an error if numba compiles nothing
    folder = Path(str(sweep.stats.cache_path))
    if problem := unwritable(folder):
        advice = "so every process compiles anew; NUMBA_CACHE_DIR names another folder"
        return "absent", f"{folder}: {problem}, {advice}"
    return "ok", str(folder)


def gpu() -> Answer:
    """Check for a GPU that the distance engine can use."""
    from gymlab.distance import cuda

    there = cuda.available()
    return "ok" if there else "absent", there.reason


def report_kernel() -> Answer:
    """Check that this Python can be the kernel of a report."""
    if find_spec("ipykernel") is None:
        return (
            "problem",
            f"{sys.executable} has no ipykernel, so no report can be made: pip install ipykernel",
        )
    return "ok", f"that of {sys.executable}, whichever kernels Jupyter knows"


def jupyter_kernel() -> Answer:
    """Check that the notebooks find a kernel with gymlab."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    from traitlets import TraitError

    try:
        argv = KernelSpecManager().get_kernel_spec(_KERNEL).argv
        problem = kernel_problem(argv)
    except NoSuchKernel:
        problem = f"Jupyter knows no kernel {_KERNEL!r}"
    except (ValueError, TypeError, TraitError) as error:
        problem = f"the file of kernel {_KERNEL!r} cannot be used ({error})"
    if problem:
        return "problem", f"{problem}; for the notebooks: {sys.executable} -m ipykernel install --sys-prefix"
    return "ok", f"{_KERNEL}, {_program(argv)}"


def kernel_problem(argv: list[str]) -> str:
    """Return why notebooks cannot use gymlab in the kernel that a command starts; empty if they can.

    Parameters
    ----------
    argv
        The command and its arguments.
    """
    if not argv:
        return f"kernel {_KERNEL!r} starts nothing"
    program = _program(argv)
    if program is None:
        return f"kernel {_KERNEL!r} starts {argv[0]}, which is not there"
    # Several environments may link to one Python, so the folders are compared, not the targets of the links.
    if Path(program).parent == Path(sys.executable).parent:
        return ""
    try:
        command = [program, "-c", "import gymlab, ipykernel"]
        done = subprocess.run(command, cwd="/", capture_output=True, timeout=60, check=False)  # noqa: S603 - JupyterLab starts it too
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"kernel {_KERNEL!r} starts {program}, which does not run ({error})"
    return "" if done.returncode == 0 else f"kernel {_KERNEL!r} starts {program}, which does not have gymlab"


def _program(argv: list[str]) -> str | None:
    # Jupyter replaces the name of any Python with the Python that runs Jupyter.
    return sys.executable if argv[0] in _ANY_PYTHON else shutil.which(argv[0])


def widgets() -> Answer:
    """Check that JupyterLab has the front ends of the widgets."""
    from jupyter_core.paths import jupyter_path

    folders = {}
    for package, name in _FRONT_ENDS.items():
        places = (Path(folder) for folder in jupyter_path("labextensions"))
        folders[package] = next(
            (place for place in places if (place / name / "package.json").is_file()), None
        )
    if missing := [package for package, folder in folders.items() if folder is None]:
        command = f"{sys.executable} -m pip install --force-reinstall {' '.join(missing)}"
        said = f"JupyterLab has no front end of {', '.join(missing)}, so nothing moves in the notebooks"
        return "absent", f"{said}: {command}"
    return "ok", f"front ends of {', '.join(folders)} in {folders['jupyterlab_widgets']}"


def memory() -> Answer:
    """Say how much memory an extraction may take."""
    total = int(psutil.virtual_memory().total)
    left = min(left_by_control_groups(), default=total)  # a group without a limit may name a huge number
    limit = f"a control group leaves {left / 1e9:.1f} GB" if left < total else "no control group limits it"
    share = f"at most {memory_budget() / 1e9:.1f} GB (GYMLAB_MEMORY_FRACTION={Settings().memory_fraction:g})"
    held = f"{total / 1e9:.1f} GB, {available_bytes() / 1e9:.1f} GB can be had"
    return "ok", f"{held}, {limit}; an extraction takes {share}"
