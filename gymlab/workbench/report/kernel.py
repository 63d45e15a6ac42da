"""The notebook executed in a kernel of the Python that runs this process, by papermill."""

import logging
import os
import tempfile
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.iorw import LocalHandler, papermill_io
from traitlets import default
from traitlets.config import Config

EXECUTED = "report.ipynb"


class KernelFailedError(Exception):
    """The kernel did not start, or ended before the notebook did."""


class _OwnKernel(AsyncKernelManager):
    """A kernel of this Python: those that Jupyter knows may be of other environments, without gymlab."""

    @default("kernel_spec_manager")
    def _no_other(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kwargs: Any) -> None:  # noqa: ANN401 - as there
        # What Python says of a kernel that does not start or is killed; its output while it runs is in the notebook.
        with _complaints(Path(self.connection_file).parent).open("wb") as complaints:
            await super()._async_launch_kernel(kernel_cmd, **kwargs, stdout=complaints, stderr=complaints)


class _NotebookFile(LocalHandler):  # type: ignore[misc] # papermill carries no types
    """The file of the executed notebook, which can hold any text: what UTF-8 cannot is escaped as JSON does it."""

    def write(self, buf: str, path: str) -> None:
        super().write(buf.encode("utf-8", "backslashreplace").decode(), path)


papermill_io.register(EXECUTED, _NotebookFile())


def execute(notebook: Path, folder: Path, parameters: Mapping[str, Any], *, progress: bool) -> None:
    """Execute a notebook and write it to a folder, in which it works, cell by cell.

    Parameters
    ----------
    notebook
        What is executed.
    folder
        Where the executed notebook and, while it runs, all files of its kernel lie.
    parameters
        Values for its parameters cell.
    progress
        Show a progress bar over the cells.

    Raises
    ------
    papermill.exceptions.PapermillExecutionError
        If a cell raises an error.
    KernelFailedError
        If its kernel does not start, or dies.
    OSError
        If the notebook cannot be written.
    """
    # papermill says in the log what the progress bar shows, and what is raised anyway.
    logging.getLogger("papermill").setLevel(logging.CRITICAL + 1)
    executed = folder / EXECUTED
    executed.write_bytes(notebook.read_bytes())
    with tempfile.TemporaryDirectory(dir=folder, prefix=".kernel-") as name, chdir(folder):
        kernel = Path(name)
        manager = {"connection_file": str(kernel / "connection.json")}
        if os.name == "posix":
            # Sockets of the file system, which only this user can open, rather than ports; a whole path may be too long.
            manager |= {"transport": "ipc", "ip": f"{kernel.name}/ipc"}
        try:
            # Names relative to the folder: papermill takes braces in a path for its own.
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
            said = (
                _complaints(kernel).read_text(errors="replace").split("\n")
                if _complaints(kernel).exists()
                else []
            )
            last = next((line for line in reversed(said) if line.strip()), error)
            raise KernelFailedError(f"its kernel did not start: {last}; see `gymlab doctor`") from error


def _complaints(kernel: Path) -> Path:
    return kernel / "complaints"
