"""Everything looked at once, and how it is told."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from gymlab.errors import GymlabError, InputError
from gymlab.settings import Settings
from gymlab.workbench.doctor import machine, notebooks, places, services
from gymlab.workbench.doctor.finding import Finding, Look
from gymlab.workbench.text import one_line


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
        "gymlab": machine.look_at_libraries,
        "extras": machine.look_at_extras,
        "processor": machine.look_at_processor,
        "kernels": machine.look_at_kernels,
        "gpu": machine.look_at_gpu,
        "notebooks": notebooks.look_at_notebooks,
        "widgets": notebooks.look_at_widgets,
        "cron": services.look_at_cron,
    }
    try:
        settings = Settings()
    except InputError as error:
        wrong = Finding("settings", "problem", str(error))
        looks["settings"] = lambda: iter([wrong])
    else:
        looks["memory"] = lambda: machine.look_at_memory(settings)
        looks["home"] = lambda: places.look_at_folders(settings)
        looks["database"] = lambda: places.look_at_database(settings)
        looks["report"] = lambda: places.look_at_lock(settings)
        looks["schedules"] = services.look_at_schedules
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
    closing = (
        "a report can be made"
        if not problems
        else f"{problems} problem(s) would stop a report or the notebooks"
    )
    return "\n".join([*lines, "", closing])


def as_dict(findings: list[Finding]) -> dict[str, Any]:
    """Return the findings JSON-able, schema 1."""
    return {
        "schema": 1,
        "usable": all(finding.state != "problem" for finding in findings),
        "findings": [asdict(finding) for finding in findings],
    }
