"""A run of the report: the notebook executed by papermill, its page, its figures, all or nothing."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from papermill.exceptions import PapermillExecutionError

from gymlab.arguments import boolean
from gymlab.errors import InputError, OutputError, ReportError
from gymlab.runtime import background
from gymlab.settings import Settings, notebook_path
from gymlab.workbench.files import require_apart
from gymlab.workbench.html_page import to_html
from gymlab.workbench.report import folders
from gymlab.workbench.report.history import record
from gymlab.workbench.report.kernel import EXECUTED, KernelFailedError, execute
from gymlab.workbench.report.parameters import all_parameters, checked_parameters, require_usable
from gymlab.workbench.report.sources import absolute_source
from gymlab.workbench.results import to_json

NOTEBOOK = "04_optimization_report"

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
    results: Mapping[str, Any] = field(hash=False)

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
    keep: int | None = None,
    progress: bool = False,
) -> Report:
    """Run the optimization report on a log.

    Parameters
    ----------
    source
        What :func:`gymlab.read_actions` takes; when not given, what the parameters say, else the bundled sample.
    out
        Folder of the runs; ``reports`` in gymlab's home when not given. Its link ``latest`` points to the newest.
    parameters
        Values for the parameters cell of the notebook.
    keep
        How many runs on this log stay, this one included; the oldest beyond are removed. None keeps all.
    progress
        Show a progress bar over the cells.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If a parameter is unknown, or the log cannot be used or would be overwritten; nothing is written.
    BusyError
        If another run is being written to ``out``; nothing is written.
    OutputError
        If ``out`` cannot be written.
    ReportError
        If the notebook fails for another reason; its copy is kept, and the message says where.
    """
    keep, progress = folders.checked_keep(keep), boolean("progress", progress)
    notebook = notebook_path(NOTEBOOK)
    chosen = checked_parameters({} if parameters is None else parameters, notebook)
    everything = all_parameters(chosen, notebook)
    everything["source"] = absolute_source(everything.get("source") if source is None else source)
    home = folders.run_folder(Settings().reports if out is None else out)
    require_apart(folders.own_files(home), everything["source"])
    require_usable(everything)
    with folders.locked(home):
        started = datetime.now(UTC)
        run_id = folders.new_run_id(started)
        with folders.finished(home, run_id) as folder:
            results = _execute(
                notebook, folder, {**chosen, "source": everything["source"]}, progress=progress
            )
            page = to_html(nbformat.read(folder / EXECUTED, as_version=4), f"gymlab report {run_id}")
            # What is no character has no place in a page.
            (folder / "report.html").write_text(page, encoding="utf-8", errors="replace")
            (folder / folders.PARAMETERS).write_text(to_json(everything), encoding="utf-8")
            # Before the folder gets its name: a run that is there is a run that is recorded.
            background.run(record(run_id, started, results))
        folders.point_latest(home, run_id)
        if keep is not None:
            folders.remove_oldest(home, keep, everything)
    return Report(run_id, home / run_id, results)


def _execute(
    notebook: Path, folder: Path, parameters: Mapping[str, Any], *, progress: bool
) -> dict[str, Any]:
    results_path = folder / "results.json"
    try:
        execute(notebook, folder, {**parameters, "results_path": str(results_path)}, progress=progress)
        found: dict[str, Any] = json.loads(results_path.read_text(encoding="utf-8"))
    except PapermillExecutionError as error:
        if error.ename in _INPUT_ERRORS:
            raise InputError(error.evalue) from None
        raise _failed(folder, f"the notebook failed with {error.ename}: {error.evalue}") from error
    except KernelFailedError as error:
        raise _failed(folder, f"the notebook failed: {error}") from error
    except (FileNotFoundError, ValueError) as error:
        raise _failed(
            folder, "the notebook ended without its results, a JSON file at results_path"
        ) from error
    except OSError as error:
        raise OutputError(f"cannot write to {folder.parent}: {error.strerror or error}") from error
    return found


def _failed(folder: Path, what: str) -> ReportError:
    kept = folders.failed_notebook(folder)
    shutil.copyfile(folder / EXECUTED, kept)
    return ReportError(f"{what}; it is kept at {kept}")
