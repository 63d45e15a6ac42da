"""Runs of the report: a notebook executed by papermill, its page, its figures, all or nothing."""

import ast
import dataclasses
import json
import logging
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from gymlab.actions import read_actions, select_actions
from gymlab.errors import InputError, OutputError, ReportError
from gymlab.patterns.config import ExtractionConfig
from gymlab.runtime import background
from gymlab.runtime.database import Database
from gymlab.settings import Settings, notebook_path, sample_path
from gymlab.tables import ReportRun
from gymlab.workbench.page import to_html
from gymlab.workbench.results import to_json

NOTEBOOK = "04_optimization_report"

# Parameters that a run sets itself.
_OWN = {"source", "results_path"}
_INPUT_ERRORS = {"InputError", "MemoryLimitError"}


@dataclass(frozen=True)
class Report:
    """A finished run.

    Attributes
    ----------
    run_id
        Name of its folder.
    folder
        Where ``report.html``, ``report.ipynb``, ``results.json`` and ``params.json`` lie.
    results
        The content of ``results.json``.
    """

    run_id: str
    folder: Path
    results: Mapping[str, Any]

    @property
    def failed(self) -> list[str]:
        """Ids of the claims that failed and of the alerts that fire."""
        claims = [claim["id"] for claim in self.results["claims"] if claim["verdict"] == "failed"]
        return claims + [alert["id"] for alert in self.results["alerts"] if alert["state"] == "firing"]


def run(
    source: str | os.PathLike[str] | list[str] | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> Report:
    """Run the optimization report on a log.

    Parameters
    ----------
    source
        What :func:`gymlab.read_actions` takes; the bundled sample when not given.
    out
        Folder of the runs; ``reports`` in gymlab's home when not given.
    parameters
        Values for the parameters cell of the notebook.
    progress
        Show a progress bar over the cells.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If a parameter is unknown or the log cannot be used; nothing is written.
    OutputError
        If ``out`` cannot be written.
    ReportError
        If the notebook fails for another reason; its copy is kept, and the message says where.
    """
    notebook = notebook_path(NOTEBOOK)
    chosen = {**_checked(parameters or {}, notebook), "source": _absolute(source)}
    _require_usable(chosen)
    home = Path(out) if out is not None else Settings().reports
    started = datetime.now(UTC)
    run_id = f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    with _finished_folder(home.absolute(), run_id) as folder:
        results = _execute(notebook, folder, chosen, progress=progress)
        page = to_html(nbformat.read(folder / "report.ipynb", as_version=4), f"gymlab report {run_id}")
        (folder / "report.html").write_text(page, encoding="utf-8")
        (folder / "params.json").write_text(to_json(_defaults(notebook) | chosen), encoding="utf-8")
        # Before the folder gets its name: a run that is there is a run that is recorded.
        report = Report(run_id, home.absolute() / run_id, results)
        background.run(_record(report, started))
    return report


def _checked(parameters: Mapping[str, Any], notebook: Path) -> dict[str, Any]:
    known = set(papermill.inspect_notebook(str(notebook))) - _OWN
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise InputError(f"unknown parameter {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    # YAML takes 2026-01-31 for a date, which no notebook can be given as a literal.
    return {
        name: value.isoformat() if isinstance(value, date) else value for name, value in parameters.items()
    }


def _defaults(notebook: Path) -> dict[str, Any]:
    """Return the values that the parameters cell has, without those that a run sets."""
    found = papermill.inspect_notebook(str(notebook))
    return {name: ast.literal_eval(found[name]["default"]) for name in found if name not in _OWN}


def _require_usable(parameters: Mapping[str, Any]) -> None:
    """Check values and read the log as the notebook will, so that what cannot be used is said before a kernel starts."""
    budget = parameters.get("budget_seconds", 1)
    if isinstance(budget, bool) or not isinstance(budget, (int, float)) or not 0 < budget < math.inf:
        raise InputError(f"budget_seconds is {budget!r}; give a number of seconds above 0")
    for name in ("agent", "session", "where"):
        value = parameters.get(name) or []
        if not isinstance(value, (str, list)) or not all(isinstance(one, str) for one in value):
            raise InputError(f"{name} is {value!r}; give text or a list of texts")
    fields = {field.name for field in dataclasses.fields(ExtractionConfig)}
    ExtractionConfig(**{name: value for name, value in parameters.items() if name in fields})
    log = read_actions(parameters["source"], parameters.get("format"))
    filters = {name: parameters.get(name) or None for name in ("agent", "session", "since")}
    select_actions(log, **filters, where=parameters.get("where") or ())


def _absolute(source: str | os.PathLike[str] | list[str] | None) -> str | list[str]:
    """Return paths that mean the same from the notebook's working directory; URLs and patterns as they are."""
    if source is None:
        return str(sample_path())
    if isinstance(source, list):
        return [str(path) for one in source for path in [_absolute(one)]]
    text = os.fspath(source)
    return text if "://" in text else str(Path(text).expanduser().absolute())


@contextmanager
def _finished_folder(home: Path, run_id: str) -> Iterator[Path]:
    """Give a folder that appears under its name only when everything in it is written."""
    partial = home / f".{run_id}.partial"
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise OutputError(
            f"cannot write to {home}: {error.strerror}; choose another folder with --out"
        ) from error
    try:
        yield partial
        try:
            partial.rename(home / run_id)
        except OSError as error:
            raise OutputError(
                f"cannot write to {home}: {error.strerror}; choose another folder with --out"
            ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _execute(
    notebook: Path, folder: Path, parameters: Mapping[str, Any], *, progress: bool
) -> dict[str, Any]:
    results_path = folder / "results.json"
    # papermill says in the log what the progress bar shows, and warns of parameters that were checked already.
    logging.getLogger("papermill").setLevel(logging.ERROR)
    try:
        papermill.execute_notebook(
            str(notebook),
            str(folder / "report.ipynb"),
            parameters={**parameters, "results_path": str(results_path)},
            kernel_name="python3",
            progress_bar={"desc": "report", "unit": "cell"} if progress else False,
            cwd=str(folder),
            # Sockets of the file system, which only this user can open, rather than ports.
            config=Config(KernelManager={"transport": "ipc"}) if os.name == "posix" else None,
        )
    except PapermillExecutionError as error:
        if error.ename in _INPUT_ERRORS:
            raise InputError(error.evalue) from None
        kept = folder.parent / f"{folder.name.strip('.').removesuffix('.partial')}-failed.ipynb"
        shutil.copyfile(folder / "report.ipynb", kept)
        raise ReportError(
            f"the notebook failed with {error.ename}: {error.evalue}; it is kept at {kept}"
        ) from error
    found: dict[str, Any] = json.loads(results_path.read_text(encoding="utf-8"))
    return found


async def _record(report: Report, started: datetime) -> None:
    """Keep the run in the embedded database, so that runs can be compared over time."""
    verdicts = [claim["verdict"] for claim in report.results["claims"]]
    row = ReportRun(
        run_id=report.run_id,
        created_at=started,
        source=report.results["source"],
        actions=report.results["actions"],
        windows=report.results["windows"],
        gymlab_version=report.results["environment"]["gymlab"],
        claims_held=verdicts.count("held"),
        claims_total=len(verdicts),
        results=to_json(report.results),
    )
    async with Database() as database:
        await database.bulk_insert([row])
