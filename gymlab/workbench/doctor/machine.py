"""What is installed, and what the machine has for the engine: processor, kernels, GPU, memory."""

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from gymlab.budget import available_bytes, left_by_control_groups, memory_budget
from gymlab.settings import Settings
from gymlab.workbench.doctor.finding import Finding
from gymlab.workbench.files import unwritable
from gymlab.workbench.installed import extras, libraries, version_of

# What the figures depend on; all that gymlab needs would be a long list that says little.
_SHOWN = {
    "numpy",
    "numba",
    "llvmlite",
    "scipy",
    "pandas",
    "tslearn",
    "plotly",
    "papermill",
    "jupyterlab",
    "sqlmodel",
}
_CPUINFO = Path("/proc/cpuinfo")
_FEATURES = ("avx512f", "avx2", "fma", "sve", "neon")


def look_at_libraries() -> Iterator[Finding]:
    """Say which versions there are of what figures depend on, and which library is missing."""
    held = version_of("gymlab") or "not installed as a package"
    yield Finding("gymlab", "ok", f"{held}, {Path(__file__).parents[2]}")
    yield Finding("python", "ok", f"{platform.python_version()}, {sys.executable}")
    for name, found in libraries().items():
        if found is None:
            yield Finding(name, "problem", f"not installed, and needed: pip install {name}")
        elif name in _SHOWN:
            yield Finding(name, "ok", found)


def look_at_extras() -> Iterator[Finding]:
    """Say of each extra what is there and how to install what is not."""
    for extra, packages in extras().items():
        missing = [name for name, held in packages.items() if held is None]
        if missing:
            text = f"without {', '.join(missing)}: pip install 'gymlab[{extra}]'"
            yield Finding(f"extra {extra}", "absent", text)
        else:
            held = ", ".join(f"{name} {found}" for name, found in packages.items())
            yield Finding(f"extra {extra}", "ok", held)


def look_at_processor() -> Iterator[Finding]:
    """Say which processor there is and how many of them may be used."""
    from llvmlite import binding  # noqa: PLC0415 - absent, it is a finding

    from gymlab.distance.blocks import available_threads  # noqa: PLC0415 - as above

    has = binding.get_host_cpu_features()
    features = (
        ", ".join(name for name in _FEATURES if has.get(name)) or "no vector features that gymlab knows"
    )
    yield Finding("processor", "ok", f"{_processor_name()} ({binding.get_host_cpu_name()}): {features}")
    yield Finding("processors", "ok", f"{available_threads()} usable of {os.cpu_count()}")


def _processor_name() -> str:
    """Return the name that the machine gives its processor; no library asks all systems alike."""
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines() if _CPUINFO.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def look_at_memory(settings: Settings) -> Iterator[Finding]:
    """Say how much memory there is and how much of it an extraction may take."""
    total, free = int(psutil.virtual_memory().total), available_bytes()
    left = min(left_by_control_groups(), default=total)  # without a limit, some name a huge number
    limit = f", a control group leaves {_gigabytes(left)}" if left < total else ", no control group limits it"
    yield Finding(
        "memory",
        "ok",
        f"{_gigabytes(total)}, {_gigabytes(free)} can be had{limit}; an extraction takes at most "
        f"{_gigabytes(memory_budget())} (GYMLAB_MEMORY_FRACTION={settings.memory_fraction:g})",
    )


def look_at_kernels() -> Iterator[Finding]:
    """Say which kernel runs and where compiled ones are kept."""
    from gymlab.distance.simd import sweeps  # noqa: PLC0415 - where no folder can hold the cache, the import fails
    from gymlab.distance.simd.paths import kernel_path  # noqa: PLC0415 - as above

    path = kernel_path()
    yield Finding("kernels", "ok", f"{path.name}, {path.lanes} pairs at once: {path.reason}")
    kept = {Path(one.stats.cache_path) for one in vars(sweeps).values() if hasattr(one, "stats")}
    for folder in sorted(kept):
        if problem := unwritable(folder):
            text = (
                f"{folder}: {problem}, so every process compiles anew; NUMBA_CACHE_DIR names another folder"
            )
            yield Finding("kernel cache", "absent", text)
        else:
            yield Finding("kernel cache", "ok", str(folder))


def look_at_gpu() -> Iterator[Finding]:
    """Say whether there is a GPU that can be used."""
    from gymlab.distance import cuda  # noqa: PLC0415 - imports the engine

    there = cuda.available()
    yield Finding("gpu", "ok" if there else "absent", there.reason)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
