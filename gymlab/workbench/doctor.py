"""What is installed and usable here: one line for each thing that a report or a speed depends on.

Nothing is made or changed: no folder, no database. What is absent is said, with what would change it.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import psutil

from gymlab.arguments import shown
from gymlab.budget import available_bytes, left_by_control_groups, memory_budget
from gymlab.errors import GymlabError, InputError
from gymlab.settings import Settings
from gymlab.workbench.files import unwritable
from gymlab.workbench.report.folders import being_written
from gymlab.workbench.schedule.crontab import running_daemon
from gymlab.workbench.schedule.scheduled import NOTHING, overview
from gymlab.workbench.text import counted, one_line

State = Literal["ok", "absent", "problem"]
Lines = Iterator[tuple[str, State, str]]

_MARKS: dict[State, str] = {"ok": "ok", "absent": "–", "problem": "PROBLEM"}
# Versions that the figures depend on; a list of all that gymlab needs would be long and say little.
_SHOWN = [
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
]
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+).*?(?:extra == ['\"]([^'\"]+)['\"])?$")
_KERNEL = "python3"  # that of the notebooks; a report takes none that Jupyter knows
_ANY_PYTHON = {"python", "python3", "python{}.{}".format(*sys.version_info)}
# Folders that JupyterLab serves to the browser, by the package that brings them.
_FRONT_ENDS = {"jupyterlab_widgets": "@jupyter-widgets/jupyterlab-manager", "anywidget": "anywidget"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    topic
        What it is.
    state
        ``ok``; ``absent`` if gymlab works without it; ``problem`` if it stops a report or the notebooks.
    text
        What was found; for what is missing, what to do.
    """

    topic: str
    state: State
    text: str


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
    looks: dict[str, Callable[[], Lines]] = {
        "gymlab": _libraries,
        "extras": _extras,
        "processor": _processor,
        "kernels": _kernels,
        "gpu": _gpu,
        "notebooks": _notebooks,
        "widgets": _widgets,
        "cron": _cron,
        "settings": _places,
    }
    found = []
    for topic, look in looks.items():
        try:
            found += [Finding(*line) for line in look()]
        except GymlabError as error:
            found.append(Finding(topic, "problem", str(error)))
        except (ImportError, OSError, RuntimeError) as error:
            found.append(Finding(topic, "problem", f"{type(error).__name__}: {error}"))
    return found


def listing(findings: list[Finding]) -> str:
    """Return the findings as text for a terminal, problems marked."""
    width = max(len(one.topic) for one in findings)
    lines = [f"{_MARKS[one.state]:>7}  {one.topic:<{width}}  {one_line(one.text)}" for one in findings]
    problems = sum(one.state == "problem" for one in findings)
    stop = f"{problems} problem(s) would stop a report or the notebooks"
    return "\n".join([*lines, "", stop if problems else "a report can be made"])


def as_dict(findings: list[Finding]) -> dict[str, Any]:
    """Return the findings JSON-able, schema 1."""
    usable = all(one.state != "problem" for one in findings)
    return {"schema": 1, "usable": usable, "findings": [asdict(one) for one in findings]}


def version_of(package: str) -> str | None:
    """Return the version of an installed package, None if it is not installed.

    Raises
    ------
    InputError
        If it is no name.

    Examples
    --------
    >>> version_of("no-such-package") is None
    True
    """
    if not isinstance(package, str) or not package:
        raise InputError(f"package is {shown(package)}; give the name of one")
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def required() -> dict[str, dict[str, str | None]]:
    """Return the versions of the packages of each extra, those that gymlab always needs under an empty name.

    Examples
    --------
    >>> list(required()["bench"])
    ['dtaidistance']
    """
    found: dict[str, dict[str, str | None]] = {"": {"llvmlite": version_of("llvmlite")}}
    for line in (requires("gymlab") if version_of("gymlab") else None) or []:
        if match := _REQUIREMENT.match(line.strip()):
            found.setdefault(match[2] or "", {})[match[1]] = version_of(match[1])
    return found


def _libraries() -> Lines:
    held = version_of("gymlab") or "not installed as a package"
    yield "gymlab", "ok", f"{held}, {Path(__file__).parents[1]}"
    yield "python", "ok", f"{platform.python_version()}, {sys.executable}"
    for name, installed in sorted(required()[""].items()):
        if installed is None:
            yield name, "problem", f"not installed, and needed: pip install {name}"
        elif name in _SHOWN:
            yield name, "ok", installed


def _extras() -> Lines:
    for extra, packages in required().items():
        if extra in {"", "dev"}:
            continue
        if missing := [name for name, held in packages.items() if held is None]:
            yield f"extra {extra}", "absent", f"without {', '.join(missing)}: pip install 'gymlab[{extra}]'"
        else:
            yield f"extra {extra}", "ok", ", ".join(f"{name} {held}" for name, held in packages.items())


def _processor() -> Lines:
    from llvmlite import binding  # noqa: PLC0415 - absent, it is a finding

    from gymlab.distance.blocks import available_threads  # noqa: PLC0415 - as above

    has = binding.get_host_cpu_features()
    features = [name for name in ("avx512f", "avx2", "fma", "sve", "neon") if has.get(name)]
    told = ", ".join(features) or "no vector features that gymlab knows"
    yield "processor", "ok", f"{_processor_name()} ({binding.get_host_cpu_name()}): {told}"
    yield "processors", "ok", f"{available_threads()} usable of {os.cpu_count()}"


def _processor_name() -> str:
    """Return the name that the machine gives its processor; no library asks all systems alike."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _kernels() -> Lines:
    from gymlab.distance.kernels import sweeps  # noqa: PLC0415 - where no folder can hold the cache, the import fails
    from gymlab.distance.kernels.vectors import kernel_path  # noqa: PLC0415 - as above

    path = kernel_path()
    yield "kernels", "ok", f"{path.name}, {path.lanes} pairs at once: {path.reason}"
    for folder in sorted(
        {Path(one.stats.cache_path) for one in vars(sweeps).values() if hasattr(one, "stats")}
    ):
        if problem := unwritable(folder):
            advice = "so every process compiles anew; NUMBA_CACHE_DIR names another folder"
            yield "kernel cache", "absent", f"{folder}: {problem}, {advice}"
        else:
            yield "kernel cache", "ok", str(folder)


def _gpu() -> Lines:
    from gymlab.distance import cuda  # noqa: PLC0415 - imports the engine

    there = cuda.available()
    yield "gpu", "ok" if there else "absent", there.reason


def _notebooks() -> Lines:
    if find_spec("ipykernel") is None:
        text = f"{sys.executable} has no ipykernel, so no report can be made: pip install ipykernel"
        yield "report kernel", "problem", text
    else:
        yield "report kernel", "ok", f"that of {sys.executable}, whichever kernels Jupyter knows"
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel  # noqa: PLC0415 - absent, it is a finding
    from traitlets import TraitError  # noqa: PLC0415 - as above

    argv: list[str] = []
    try:
        argv = KernelSpecManager().get_kernel_spec(_KERNEL).argv
        problem = _kernel_problem(argv)
    except NoSuchKernel:
        problem = f"Jupyter knows no kernel {_KERNEL!r}"
    except (ValueError, TypeError, TraitError) as error:
        problem = f"the file of kernel {_KERNEL!r} cannot be used ({error})"
    if problem:
        advice = f"for the notebooks: {sys.executable} -m ipykernel install --sys-prefix"
        yield "jupyter kernel", "problem", f"{problem}; {advice}"
    else:
        yield "jupyter kernel", "ok", f"{_KERNEL}, {_program(argv)}"


def _program(argv: list[str]) -> str | None:
    # Jupyter runs a kernel that asks for any Python by the one that runs Jupyter.
    return sys.executable if argv[0] in _ANY_PYTHON else shutil.which(argv[0])


def _kernel_problem(argv: list[str]) -> str:
    """Return why notebooks cannot use gymlab in the kernel that this command starts; empty if they can."""
    if not argv:
        return f"kernel {_KERNEL!r} starts nothing"
    program = _program(argv)
    if program is None:
        return f"kernel {_KERNEL!r} starts {argv[0]}, which is not there"
    # Environments share the Python that their programs link to, so the folders are compared and not where they lead.
    if Path(program).parent == Path(sys.executable).parent:
        return ""
    try:
        command = [program, "-c", "import gymlab, ipykernel"]
        done = subprocess.run(command, cwd="/", capture_output=True, timeout=60, check=False)  # noqa: S603 - what JupyterLab would start too
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"kernel {_KERNEL!r} starts {program}, which does not run ({error})"
    return "" if done.returncode == 0 else f"kernel {_KERNEL!r} starts {program}, which does not have gymlab"


def _widgets() -> Lines:
    from jupyter_core.paths import jupyter_path  # noqa: PLC0415 - absent, it is a finding

    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    there = {
        package: [folder for folder in folders if (folder / name / "package.json").is_file()]
        for package, name in _FRONT_ENDS.items()
    }
    if missing := [package for package, found in there.items() if not found]:
        command = f"{sys.executable} -m pip install --force-reinstall {' '.join(missing)}"
        said = f"JupyterLab has no front end of {', '.join(missing)}, so nothing moves in the notebooks"
        yield "widgets", "absent", f"{said}: {command}"
    else:
        yield "widgets", "ok", f"front ends of {', '.join(there)} in {next(iter(there.values()))[0]}"


def _cron() -> Lines:
    program, daemon = shutil.which("crontab"), running_daemon()
    if program is None:
        text = "no program crontab: install cron to use `gymlab schedule`, or a systemd timer"
        yield "cron", "absent", text
    elif daemon is None:
        text = f"{program}, but no cron runs, so nothing starts: systemctl start cron (or `cron`, as root)"
        yield "cron", "absent", text
    else:
        yield "cron", "ok", f"{program}, and cron runs (process {daemon})"


def _places() -> Lines:
    """Say what the settings name: memory, folders, the database, the lock of reports and the jobs."""
    settings = Settings()
    total = int(psutil.virtual_memory().total)
    left = min(left_by_control_groups(), default=total)  # without a limit, some name a huge number
    limit = f"a control group leaves {_gigabytes(left)}" if left < total else "no control group limits it"
    share = f"{_gigabytes(memory_budget())} (GYMLAB_MEMORY_FRACTION={settings.memory_fraction:g})"
    held = f"{_gigabytes(total)}, {_gigabytes(available_bytes())} can be had"
    yield "memory", "ok", f"{held}, {limit}; an extraction takes at most {share}"
    for topic, folder in (("home", settings.home), ("reports", settings.reports)):
        if problem := unwritable(folder):
            yield topic, "problem", f"{folder}: {problem}; GYMLAB_HOME names another home"
        else:
            yield topic, "ok", f"{folder}{'' if folder.exists() else ' (will be made)'}"
    yield _database(settings)
    written = being_written(settings.reports)
    busy = f"one is being written in {settings.reports}; another has to wait"
    yield "report", "ok", busy if written else "none is being written"
    yield _schedules()


def _database(settings: Settings) -> tuple[str, State, str]:
    from sqlalchemy import text  # noqa: PLC0415 - absent, it is a finding
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - as above
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - as above

    from gymlab.runtime import background  # noqa: PLC0415 - as above
    from gymlab.runtime.database import Database  # noqa: PLC0415 - as above

    url = make_url(settings.database_url)
    said = url.render_as_string(hide_password=True)
    file = Path(url.database or "")
    if url.get_backend_name() == "sqlite" and not file.exists():
        problem = unwritable(file.parent)
        made = f"{said}: {problem or 'will be made by the first report or import'}"
        return "database", "problem" if problem else "ok", made

    async def ask() -> None:
        address = url.render_as_string(hide_password=False)
        async with Database(address) as database, database.session() as session:
            await (await session.connection()).execute(text("select 1"))

    try:
        background.run(ask())
    except (GymlabError, SQLAlchemyError, OSError) as error:
        return "database", "problem", f"{said} does not answer: {error}"
    return "database", "ok", f"{said} answers"


def _schedules() -> tuple[str, State, str]:
    try:
        jobs = overview()
    except GymlabError as error:
        return "schedules", "absent", str(error)  # reports by hand go on without
    if not jobs:
        return "schedules", "absent", NOTHING
    if wrong := [f"{job['name']}: {job['cron']}" for job in jobs if job["cron"] != "ok"]:
        count = f"{len(wrong)} of {counted(len(jobs), 'jobs')} will not start"
        return "schedules", "absent", f"{count}; {'; '.join(wrong)}"
    return "schedules", "ok", f"{counted(len(jobs), 'jobs')}: {', '.join(job['name'] for job in jobs)}"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
