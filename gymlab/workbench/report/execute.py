"""A run of the report: papermill executes the notebook, and the run is complete or absent."""

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import LocalHandler, papermill_io
from traitlets import default
from traitlets.config import Config

from gymlab.arguments import boolean
from gymlab.errors import InputError, OutputError, ReportError
from gymlab.runtime import background
from gymlab.settings import Settings, notebook_path
from gymlab.workbench.files import require_apart
from gymlab.workbench.html_page import to_html
from gymlab.workbench.report import folders
from gymlab.workbench.report.folders import NOTEBOOK
from gymlab.workbench.report.history import record
from gymlab.workbench.report.parameters import all_parameters, checked_parameters, require_usable
from gymlab.workbench.report.sources import absolute_source
from gymlab.workbench.results import to_json
from gymlab.workbench.text import with_range

EXECUTED = "report.ipynb"

_log = logging.getLogger(__name__)

_INPUT_ERRORS = {"InputError", "MemoryLimitError"}


@dataclass(frozen=True)
class Report:
    """A finished run.

    Attributes
    ----------
    run_id
        Name of its folder.
    folder
        The folder with ``report.html``, ``report.ipynb``, ``results.json`` and ``params.json``.
    results
        The content of ``results.json``.
    """

    run_id: str
    folder: Path
    results: Mapping[str, Any] = field(hash=False)

    @property
    def failed(self) -> list[str]:
        """The ids of the claims that failed and of the alerts that fire."""
        claims = [claim["id"] for claim in self.results["claims"] if claim["verdict"] == "failed"]
        return claims + [alert["id"] for alert in self.results["alerts"] if alert["state"] == "firing"]

    def listing(self) -> str:
        """Return a line for each claim and each alert that fires, and the path of the page, for a terminal.

        The line of a claim has the median of the repeats, then the smallest and the largest repeat.
        """
        lines = [
            f"{claim['verdict']:>12}  {claim['id']:<15} "
            f"{with_range(claim['measured'], claim['low'], claim['high'])} {claim['unit']} (expected {claim['expected']})"
            for claim in self.results["claims"]
        ]
        lines += [
            f"{alert['state']:>12}  {alert['id']:<15} {alert['value']:.4g} {alert['unit']} ({alert['statement']})"
            for alert in self.results["alerts"]
            if alert["state"] == "firing"
        ]
        return "\n".join([*lines, f"report: {self.folder / 'report.html'}"])


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
        As for :func:`gymlab.read_actions`. None: the source in the parameters, or else the bundled sample.
    out
        Folder of the runs. None: ``reports`` in gymlab's home. Its link ``latest`` points to the newest run.
    parameters
        Values for the parameters cell of the notebook.
    keep
        The number of runs on this log to keep, including this run; the oldest runs are removed. None keeps all.
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
        If the notebook fails for another reason; a copy of it is kept, and the message says where.
    """
    keep, progress = folders.checked_keep(keep), boolean("progress", progress)
    notebook = notebook_path(NOTEBOOK)
    chosen = checked_parameters({} if parameters is None else parameters, notebook)
    everything = all_parameters(chosen, notebook)
    everything["source"] = absolute_source(everything.get("source") if source is None else source)
    home = folders.run_folder(Settings().reports if out is None else out)
    require_apart(folders.own_files(home), everything["source"])
    require_usable(everything)
    _metrics_port()  # one that cannot be used is refused before there is a folder
    with folders.locked(home):
        started = datetime.now(UTC)
        run_id = folders.new_run_id(started)
        with folders.finished(home, run_id) as folder:
            results = _results_of(
                notebook, folder, {**chosen, "source": everything["source"]}, progress=progress
            )
            page = to_html(nbformat.read(folder / EXECUTED, as_version=4), f"gymlab report {run_id}")
            # The name of a file may have bytes that are no UTF-8, and a page cannot hold them.
            (folder / "report.html").write_text(page, encoding="utf-8", errors="replace")
            (folder / folders.PARAMETERS).write_text(to_json(everything), encoding="utf-8")
            # The folder gets its final name after this, so that every run with a folder is recorded.
            background.run(record(run_id, started, results))
        folders.point_latest(home, run_id)
        if keep is not None:
            folders.remove_oldest(home, keep, everything)
    return Report(run_id, home / run_id, results)


def _results_of(
    notebook: Path, folder: Path, parameters: Mapping[str, Any], *, progress: bool
) -> dict[str, Any]:
    """Execute the notebook and return the results that it wrote."""
    results_path = folder / "results.json"
    try:
        execute_notebook(
            notebook, folder, {**parameters, "results_path": str(results_path)}, progress=progress
        )
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


def _metrics_port() -> int | None:
    """Return the free port at which the kernel is to serve its metrics, if it is to serve them."""
    if (asked := Settings().metrics_port) is None:
        return None
    # The import is slow, and few ask for metrics.
    from gymlab.runtime.metrics import serve  # noqa: PLC0415

    with serve(asked) as server:
        return server.port


class KernelFailedError(Exception):
    """The kernel did not start, or ended before the notebook did."""


class _OwnKernel(AsyncKernelManager):
    """A kernel of this Python, since the kernels that Jupyter knows may be of environments without gymlab."""

    @default("kernel_spec_manager")
    def _no_other(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kwargs: Any) -> None:  # noqa: ANN401 - as in the base
        if (port := _metrics_port()) is not None:
            serving = f"__import__('gymlab.runtime.metrics', fromlist=['serve']).serve({port})"
            kernel_cmd = [*kernel_cmd, f"--IPKernelApp.exec_lines={serving}"]
            _log.info("metrics are at http://127.0.0.1:%s/metrics", port)
        # Python writes the reason here if a kernel does not start; the output of cells goes to the notebook.
        with _complaints(Path(self.connection_file).parent).open("wb") as complaints:
            await super()._async_launch_kernel(kernel_cmd, **kwargs, stdout=complaints, stderr=complaints)


class _NotebookFile(LocalHandler):  # type: ignore[misc] # papermill has no types
    """The file of the executed notebook; characters that UTF-8 cannot encode are escaped as in JSON."""

    def write(self, buf: str, path: str) -> None:
        super().write(buf.encode("utf-8", "backslashreplace").decode(), path)


papermill_io.register(EXECUTED, _NotebookFile())


def execute_notebook(notebook: Path, folder: Path, parameters: Mapping[str, Any], *, progress: bool) -> None:
    """Execute a notebook in a kernel of this Python, and write it to a folder cell by cell.

    Parameters
    ----------
    notebook
        The notebook to execute.
    folder
        Folder of the executed notebook, and of all files of its kernel while it runs. It is the working directory.
    parameters
        Values for its parameters cell.
    progress
        Show a progress bar over the cells.

    Raises
    ------
    papermill.exceptions.PapermillExecutionError
        If a cell raises an error.
    KernelFailedError
        If the kernel does not start, or dies.
    OSError
        If the notebook cannot be written.
    """
    # papermill logs the progress, which the bar shows too, and errors, which it also raises.
    logging.getLogger("papermill").setLevel(logging.CRITICAL + 1)
    (folder / EXECUTED).write_bytes(notebook.read_bytes())
    with tempfile.TemporaryDirectory(dir=folder, prefix=".kernel-") as name, chdir(folder):
        kernel = Path(name)
        manager = {"connection_file": str(kernel / "connection.json")}
        if os.name == "posix":
            # Sockets are used instead of ports, since only this user can open them. The path of a socket must be short.
            manager |= {"transport": "ipc", "ip": f"{kernel.name}/ipc"}
        try:
            # The names are relative to the folder, since papermill replaces braces in a path.
            papermill.execute_notebook(
                EXECUTED,
                EXECUTED,
                parameters=dict(parameters),
                kernel_name="python3",
                language="python",
                progress_bar={"desc": "report", "unit": "cell"} if progress else False,
                kernel_manager_class=_OwnKernel,
                config=Config(KernelManager=manager),
            )
        except DeadKernelError as error:
            raise KernelFailedError("its kernel died, as it does where memory runs out") from error
        except CellTimeoutError as error:
            raise KernelFailedError(f"its kernel does not answer: {error}") from error
        except RuntimeError as error:
            complaints = _complaints(kernel)
            lines = complaints.read_text(errors="replace").split("\n") if complaints.exists() else []
            last = next((line for line in reversed(lines) if line.strip()), error)
            raise KernelFailedError(f"its kernel did not start: {last}; see `gymlab doctor`") from error


def _complaints(kernel: Path) -> Path:
    """Return the file for the standard output and standard error of a kernel."""
    return kernel / "complaints"
