"""Checks of the installation: one line for each thing that a report or its speed depends on.

The checks make and change nothing, neither a folder nor a database. A line about a missing thing says how to get it.
"""

import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from gymlab.arguments import shown
from gymlab.errors import GymlabError, InputError
from gymlab.settings import Settings
from gymlab.workbench import machine_checks
from gymlab.workbench.files import unwritable
from gymlab.workbench.machine_checks import Answer, State
from gymlab.workbench.report.folders import being_written
from gymlab.workbench.text import counted, one_line

_MARKS = {"ok": "ok", "absent": "–", "problem": "PROBLEM"}
# The required packages with a line that shows the version. The others have a line only if they are missing.
_SHOWN = "jupyterlab llvmlite numba numpy pandas papermill plotly scipy sqlmodel tslearn"
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+).*?(?:extra == ['\"]([^'\"]+)['\"])?$")


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes
    ----------
    topic
        The thing that was checked.
    state
        ``ok``; ``absent`` if gymlab works without it; ``problem`` if it stops a report or the notebooks.
    text
        The result in words; for a missing thing, the solution.
    """

    topic: str
    state: State
    text: str


def examine() -> list[Finding]:
    """Run every check once.

    Returns
    -------
    list of Finding
        In the order in which they are shown.

    Examples
    --------
    >>> {finding.topic for finding in examine()} >= {"gymlab", "python", "processor", "kernels", "home"}
    True
    """
    found = list(_packages())
    for check in _CHECKS:
        topic = check.__name__.strip("_").replace("_", " ")
        try:
            finding = Finding(topic, *check())
        except (GymlabError, ImportError, OSError, RuntimeError) as error:
            text = str(error) if isinstance(error, GymlabError) else f"{type(error).__name__}: {error}"
            # An unusable setting gets a separate line, since it is not a problem of the check that reads it first.
            finding = Finding("settings" if text.startswith("GYMLAB_") else topic, "problem", text)
        # One cause may stop several checks.
        if finding.text not in {one.text for one in found}:
            found.append(finding)
    return found


def listing(findings: list[Finding]) -> str:
    """Return the findings as text for a terminal, with problems marked."""
    width = max(len(one.topic) for one in findings)
    lines = [f"{_MARKS[one.state]:>7}  {one.topic:<{width}}  {one_line(one.text)}" for one in findings]
    problems = sum(one.state == "problem" for one in findings)
    stop = f"{problems} problem(s) would stop a report or the notebooks"
    return "\n".join([*lines, "", stop if problems else "a report can be made"])


def as_dict(findings: list[Finding]) -> dict[str, Any]:
    """Return the findings as values of JSON, schema 1."""
    usable = all(one.state != "problem" for one in findings)
    return {"schema": 1, "usable": usable, "findings": [asdict(one) for one in findings]}


def version_of(package: str) -> str | None:
    """Return the version of an installed package, None if it is not installed.

    Raises
    ------
    InputError
        If `package` is no text, or empty.

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
    """Return package versions by extra; the extra of the packages that gymlab always needs is ``""``.

    Examples
    --------
    >>> list(required()["redis"])
    ['redis']
    """
    found: dict[str, dict[str, str | None]] = {"": {"llvmlite": version_of("llvmlite")}}
    for line in (requires("gymlab") if version_of("gymlab") else None) or []:
        if match := _REQUIREMENT.match(line.strip()):
            found.setdefault(match[2] or "", {})[match[1]] = version_of(match[1])
    return found


def _packages() -> Iterator[Finding]:
    own = version_of("gymlab") or "not installed as a package"
    yield Finding("gymlab", "ok", f"{own}, {Path(__file__).parents[1]}")
    yield Finding("python", "ok", f"{platform.python_version()}, {sys.executable}")
    versions = required()
    for name, held in sorted(versions.pop("").items()):
        if held is None:
            yield Finding(name, "problem", f"not installed, and needed: pip install {name}")
        elif name in _SHOWN.split():
            yield Finding(name, "ok", held)
    versions.pop("dev", None)
    for extra, packages in versions.items():
        missing = [name for name, held in packages.items() if held is None]
        text = f"without {', '.join(missing)}: pip install 'gymlab[{extra}]'"
        all_there = ", ".join(f"{name} {held}" for name, held in packages.items())
        yield Finding(f"extra {extra}", "absent" if missing else "ok", text if missing else all_there)


def _cron() -> Answer:
    from gymlab.workbench.schedule.crontab import running_daemon

    program, daemon = shutil.which("crontab"), running_daemon()
    if program is None:
        return "absent", "no program crontab: install cron to use `gymlab schedule`, or a systemd timer"
    if daemon is None:
        advice = "systemctl start cron (or `cron`, as root)"
        return "absent", f"{program}, but no cron runs, so nothing starts: {advice}"
    return "ok", f"{program}, and cron runs (process {daemon})"


def _home() -> Answer:
    return _folder(Settings().home)


def _reports() -> Answer:
    return _folder(Settings().reports)


def _folder(folder: Path) -> Answer:
    if problem := unwritable(folder):
        return "problem", f"{folder}: {problem}; GYMLAB_HOME names another home"
    return "ok", f"{folder}{'' if folder.exists() else ' (will be made)'}"


def _database() -> Answer:
    from sqlalchemy import make_url, text
    from sqlalchemy.exc import SQLAlchemyError

    from gymlab.runtime import background
    from gymlab.runtime.database import Database

    address = Settings().database_url
    url = make_url(address)
    file = Path(url.database or "")
    # str(url) hides the password.
    if url.get_backend_name() == "sqlite" and not file.exists():
        problem = unwritable(file.parent)
        made = f"{url}: {problem or 'will be made by the first report or import'}"
        return "problem" if problem else "ok", made

    async def ask() -> None:
        async with Database(address) as database, database.session() as session:
            await (await session.connection()).execute(text("select 1"))

    try:
        background.run(ask())
    except (GymlabError, SQLAlchemyError, OSError) as error:
        return "problem", f"{url} does not answer: {error}"
    return "ok", f"{url} answers"


def _report() -> Answer:
    import papermill  # noqa: F401 - it runs the notebook of a report

    reports = Settings().reports
    busy = f"one is being written in {reports}; another has to wait"
    return "ok", busy if being_written(reports) else "none is being written"


def _schedules() -> Answer:
    from gymlab.workbench.schedule.scheduled import NOTHING, overview

    try:
        jobs = overview()
    except GymlabError as error:
        return "absent", str(error)  # reports by hand still work
    if not jobs:
        return "absent", NOTHING
    if wrong := [f"{job['name']}: {job['cron']}" for job in jobs if job["cron"] != "ok"]:
        return "absent", f"{len(wrong)} of {counted(len(jobs), 'jobs')} will not start; {'; '.join(wrong)}"
    return "ok", f"{counted(len(jobs), 'jobs')}: {', '.join(job['name'] for job in jobs)}"


# The checks in the order of their lines. The name of a check is the topic of its line.
_CHECKS = (
    machine_checks.processor,
    machine_checks.processors,
    machine_checks.kernels,
    machine_checks.kernel_cache,
    machine_checks.gpu,
    machine_checks.report_kernel,
    machine_checks.jupyter_kernel,
    machine_checks.widgets,
    _cron,
    machine_checks.memory,
    _home,
    _reports,
    _database,
    _report,
    _schedules,
)
