"""What is installed and usable here: one line for each thing that a report or a speed depends on.

Nothing is made or changed: no folder, no database. What is absent is said, with what would change it.
"""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from gymlab.budget import available_bytes, memory_budget
from gymlab.cgroups import left_by_control_groups
from gymlab.errors import GymlabError, InputError
from gymlab.settings import Settings
from gymlab.workbench.installed import extras, libraries, version_of
from gymlab.workbench.text import one_line

State = Literal["ok", "absent", "problem"]

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
_KERNEL = "python3"  # that of the reports
_ANY_PYTHON = {"python", "python3", "python{}.{}".format(*sys.version_info)}
_CPUINFO = Path("/proc/cpuinfo")
_FEATURES = ("avx512f", "avx2", "fma", "sve", "neon")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    topic
        What it is.
    state
        ``ok``; ``absent`` where gymlab works without it; ``problem`` where a report cannot be made.
    text
        What was found, and for what is not there, what to do.
    """

    topic: str
    state: State
    text: str


Look = Callable[[], Iterator[Finding]]


def examine() -> list[Finding]:
    """Look at everything once.

    Returns
    -------
    list of Finding
        In the order in which they are shown.

    Examples
    --------
    >>> {finding.topic for finding in examine()} >= {"gymlab", "python", "processor", "kernels", "home"}
    True
    """
    looks: dict[str, Look] = {
        "gymlab": _libraries,
        "extras": _extras,
        "processor": _processor,
        "kernels": _kernels,
        "gpu": _gpu,
        "notebooks": _notebooks,
    }
    try:
        settings = Settings()
    except InputError as error:
        wrong = Finding("settings", "problem", str(error))
        looks["settings"] = lambda: iter([wrong])
    else:
        looks["memory"] = lambda: _memory(settings)
        looks["home"] = lambda: _folders(settings)
        looks["database"] = lambda: _database(settings)
    return [finding for topic, look in looks.items() for finding in _found(topic, look)]


def _found(topic: str, look: Look) -> Iterator[Finding]:
    """Yield what one look finds; what it stumbles over is a finding too."""
    try:
        yield from look()
    except (ImportError, GymlabError, OSError, RuntimeError) as error:
        yield Finding(topic, "problem", f"{type(error).__name__}: {error}")


def listing(findings: list[Finding]) -> str:
    """Return the findings as text for a terminal, problems marked."""
    width = max(len(finding.topic) for finding in findings)
    marks = {"ok": "ok", "absent": "–", "problem": "PROBLEM"}
    lines = [f"{marks[one.state]:>7}  {one.topic:<{width}}  {one_line(one.text)}" for one in findings]
    problems = sum(finding.state == "problem" for finding in findings)
    closing = "a report can be made" if not problems else f"{problems} problem(s) would stop a report"
    return "\n".join([*lines, "", closing])


def as_dict(findings: list[Finding]) -> dict[str, Any]:
    """Return the findings JSON-able, schema 1."""
    return {
        "schema": 1,
        "usable": all(finding.state != "problem" for finding in findings),
        "findings": [asdict(finding) for finding in findings],
    }


def _libraries() -> Iterator[Finding]:
    held = version_of("gymlab") or "not installed as a package"
    yield Finding("gymlab", "ok", f"{held}, {Path(__file__).parents[1]}")
    yield Finding("python", "ok", f"{platform.python_version()}, {sys.executable}")
    for name, found in libraries().items():
        if found is None:
            yield Finding(name, "problem", f"not installed, and needed: pip install {name}")
        elif name in _SHOWN:
            yield Finding(name, "ok", found)


def _extras() -> Iterator[Finding]:
    for extra, packages in extras().items():
        missing = [name for name, held in packages.items() if held is None]
        if missing:
            text = f"without {', '.join(missing)}: pip install 'gymlab[{extra}]'"
            yield Finding(f"extra {extra}", "absent", text)
        else:
            held = ", ".join(f"{name} {found}" for name, found in packages.items())
            yield Finding(f"extra {extra}", "ok", held)


def _processor() -> Iterator[Finding]:
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


def _memory(settings: Settings) -> Iterator[Finding]:
    total, free = int(psutil.virtual_memory().total), available_bytes()
    left = min(left_by_control_groups(), default=total)  # without a limit, some name a huge number
    limit = f", a control group leaves {_gigabytes(left)}" if left < total else ", no control group limits it"
    yield Finding(
        "memory",
        "ok",
        f"{_gigabytes(total)}, {_gigabytes(free)} can be had{limit}; an extraction takes at most "
        f"{_gigabytes(memory_budget())} (GYMLAB_MEMORY_FRACTION={settings.memory_fraction:g})",
    )


def _kernels() -> Iterator[Finding]:
    from gymlab.distance.simd import sweeps  # noqa: PLC0415 - where no folder can hold the cache, the import fails
    from gymlab.distance.simd.paths import kernel_path  # noqa: PLC0415 - as above

    path = kernel_path()
    yield Finding("kernels", "ok", f"{path.name}, {path.lanes} pairs at once: {path.reason}")
    kept = {Path(one.stats.cache_path) for one in vars(sweeps).values() if hasattr(one, "stats")}
    for folder in sorted(kept):
        if problem := _unwritable(folder):
            text = (
                f"{folder}: {problem}, so every process compiles anew; NUMBA_CACHE_DIR names another folder"
            )
            yield Finding("kernel cache", "absent", text)
        else:
            yield Finding("kernel cache", "ok", str(folder))


def _gpu() -> Iterator[Finding]:
    from gymlab.distance import cuda  # noqa: PLC0415 - imports the engine

    there = cuda.available()
    yield Finding("gpu", "ok" if there else "absent", there.reason)


def _notebooks() -> Iterator[Finding]:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel  # noqa: PLC0415 - absent, it is a finding

    try:
        spec = KernelSpecManager().get_kernel_spec(_KERNEL)
    except NoSuchKernel:
        text = f"Jupyter knows no kernel {_KERNEL!r}: {sys.executable} -m ipykernel install --sys-prefix"
        yield Finding("jupyter kernel", "problem", text)
        return
    # Jupyter runs a kernel that asks for any Python by the one that runs Jupyter.
    program = sys.executable if spec.argv[0] in _ANY_PYTHON else shutil.which(spec.argv[0])
    if program is None:
        text = f"kernel {_KERNEL!r} starts {spec.argv[0]}, which is not there"
        yield Finding(
            "jupyter kernel", "problem", f"{text}: {sys.executable} -m ipykernel install --sys-prefix"
        )
    else:
        yield Finding("jupyter kernel", "ok", f"{_KERNEL}, {program}")


def _folders(settings: Settings) -> Iterator[Finding]:
    for topic, folder in (("home", settings.home), ("reports", settings.reports)):
        if problem := _unwritable(folder):
            yield Finding(topic, "problem", f"{folder}: {problem}; GYMLAB_HOME names another home")
        else:
            yield Finding(topic, "ok", f"{folder}{'' if folder.exists() else ' (will be made)'}")


def _database(settings: Settings) -> Iterator[Finding]:
    from sqlalchemy import text  # noqa: PLC0415 - absent, it is a finding
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - as above
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - as above

    from gymlab.runtime import background  # noqa: PLC0415 - as above
    from gymlab.runtime.database import Database  # noqa: PLC0415 - as above

    url = make_url(settings.database_url)
    shown = url.render_as_string(hide_password=True)
    file = Path(url.database or "")
    if url.get_backend_name() == "sqlite" and not file.exists():
        problem = _unwritable(file.parent)
        state: State = "problem" if problem else "ok"
        yield Finding(
            "database", state, f"{shown}: {problem or 'will be made by the first report or import'}"
        )
        return

    async def ask() -> None:
        async with (
            Database(url.render_as_string(hide_password=False)) as database,
            database.session() as session,
        ):
            await (await session.connection()).execute(text("select 1"))

    try:
        background.run(ask())
    except (GymlabError, SQLAlchemyError, OSError) as error:
        yield Finding("database", "problem", f"{shown} does not answer: {error}")
    else:
        yield Finding("database", "ok", f"{shown} answers")


def _unwritable(folder: Path) -> str:
    """Return why nothing can be written to a folder, or be made where it will be; empty if it can."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not there.is_dir():
        return f"{there} is no folder"
    try:
        with tempfile.TemporaryFile(dir=there):
            return ""
    except OSError as error:
        return f"cannot write to {there} ({error.strerror})"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
